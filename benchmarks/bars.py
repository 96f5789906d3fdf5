"""The sections of W2 and W3 of the results: bar after bar in one instrument, and indicators of many."""

import functools
from collections import defaultdict
from collections.abc import Sequence

from programs import Failed, Others, Program, Row, median, number, run

INTRADAY_STORY = (
    "A million seeded one-minute bars of one instrument; two exponential averages (20 and 60 bars) flip one unit long "
    "or short at their cross, at the end of the bar, for 1 bps. In ours each change is planned as what closes and what "
    "opens, judged by the whole guard list, matched and booked to the cent by the product's kernels, and logged; "
    "final value and fills must equal a loop in exact decimals. *callback* calls a Python object with every price; "
    "*declared* is compiled. Programs that take minutes run on fewer bars, and their time a bar is compared; each must "
    "trade as often as the exact loop says for these bars. vectorbt takes its averages as columns, the others compute "
    "them bar by bar."
)
INDICATOR_STORY = (
    "SMA of 20, 50 and 200, RSI 14, MACD with signal and histogram, and three Bollinger bands of 500 symbols x 2,520 "
    "bars, beside TA-Lib in the same process, taken in turn. Before anything is timed, a bar at a time must give the "
    "bits of the whole history, both the bits of the live path (`analytics/technical.py`, not compiled), and TA-Lib's "
    "values to 1e-10; talipp, in a process of its own, must end at our values to 1e-9. Ours writes into one table that "
    "is there already; TA-Lib makes an array for each symbol and indicator, as its functions do. Stream objects and "
    "talipp are timed on the last 400 bars of 20 symbols."
)


OURS = (
    Program(name="prudent declared", script="intraday/ours.py", cases=("declared",)),
    Program(name="prudent callback", script="intraday/ours.py", cases=("callback",)),
)
PEERS = (
    Program(name="vectorbt", script="intraday/peers/with_vectorbt.py", environment="peers", cases=("1000000",)),
    Program(
        name="backtesting.py", script="intraday/peers/with_backtesting.py", environment="peers", cases=("200000",)
    ),
    Program(name="backtrader", script="intraday/peers/with_backtrader.py", environment="peers", cases=("50000",)),
    Program(
        name="nautilus_trader", script="intraday/peers/with_nautilus.py", environment="peers-nautilus",
        cases=("50000",),
    ),
)  # fmt: skip


def intraday(repeats: int, others: Others) -> list[str]:
    """The section of W2."""
    runs: dict[str, list[Row]] = defaultdict(list)
    for _ in range(repeats):
        for program in OURS:
            row = run(program.script, program.cases[0])
            why = differs(row)
            if why:
                raise Failed(why)
            runs[program.name].append(row)
        for program in PEERS:
            found = others.row(program, program.cases[0], differs)
            if found is not None:
                runs[program.name].append(found)
    callback = each_bar(runs["prudent callback"])
    lines = [
        "## W2", "", INTRADAY_STORY, "",
        "| program | bars | microseconds a bar | times our callback | peak MB | fills | final value | runs |",
        "| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |",
    ]  # fmt: skip
    for program in (*OURS, *PEERS):
        hole, rows = others.hole(program, program.cases[0], 8), runs.get(program.name, [])
        if hole or not rows:
            lines += hole
            continue
        first = rows[0]
        lines.append(
            f"| {first['program']} {first['version']} | {number(first, 'bars'):,.0f} | {each_bar(rows):.3g} "
            f"| {each_bar(rows) / callback:.3g} | {median(rows, 'peak_mb'):.0f} | {first['orders']} "
            f"| {number(first, 'final'):,.2f} | {len(rows)} |"
        )
    return lines


def each_bar(rows: Sequence[Row]) -> float:
    """CPU microseconds of one bar."""
    return median(rows, "cpu") * 1e6 / number(rows[0], "bars")


def differs(row: Row) -> str:
    """What is wrong: ours must be right to the cent; the others in the number of fills, and to a ten-thousandth."""
    truth = exact_loop(str(int(number(row, "bars"))))
    exact = str(row["program"]).startswith("prudent")
    apart = abs(number(row, "final") - number(truth, "final"))
    if row["orders"] == truth["orders"] and apart <= (0.001 if exact else 1e-4 * number(truth, "final")):
        return ""
    return (
        f"{row['program']} differs from the exact loop: {row['orders']} fills and {row['final']}, must be "
        f"{truth['orders']} and {truth['final']}"
    )


@functools.cache
def exact_loop(bars: str) -> Row:
    """W2 in exact decimals, as often as it is needed but once for so many bars."""
    return run("intraday/bars.py", bars)


TALIPP = Program(name="talipp", script="indicators/with_talipp.py", environment="peers", cases=("W3",))
SAME = 1e-9


def indicators(others: Others) -> list[str]:
    """The section of W3."""
    row = run("indicators/ten_indicators.py", "W3")
    batch, other = number(row, "batch_ns"), number(row, "talib_batch_ns")
    tick, stream = number(row, "tick_us") * 1e3 / 5000, number(row, "stream_ns")
    peer = others.row(TALIPP, "W3", functools.partial(differ, row))
    lines = [
        "## W3", "", INDICATOR_STORY, "",
        "| what | ours, ns a value | the other | ns a value | times |",
        "| --- | ---: | --- | ---: | ---: |",
        f"| whole history | {batch:.3g} | TA-Lib {row['talib']} | {other:.3g} | {other / batch:.3g} |",
        (
            f"| one bar of 500 symbols ({number(row, 'tick_us'):.3g} microseconds) | {tick:.3g} "
            f"| TA-Lib {row['talib']}, stream objects | {stream:.3g} | {stream / tick:.3g} |"
        ),
    ]  # fmt: skip
    if peer is not None:
        cost = number(peer, "tick_ns")
        lines.append(
            f"| one bar of 500 symbols | {tick:.3g} | talipp {peer['version']} | {cost:.4g} | {cost / tick:.3g} |"
        )
    return [
        *lines, *others.hole(TALIPP, "W3", 5), "",
        f"Largest difference to TA-Lib {number(row, 'error'):.1e}; median of {row['repeats']} turns.",
    ]  # fmt: skip


def differ(ours: Row, theirs: Row) -> str:
    """What is wrong: the values of the last bar must be the same, relative to them or to 1 where that is larger."""
    pairs = zip(_flat(ours["last"]), _flat(theirs["last"]), strict=True)
    worst = max(abs(one - other) / max(abs(one), 1.0) for one, other in pairs)
    return "" if worst <= SAME else f"{theirs['program']} differs from ours by {worst:.1e} in the last bar"


def _flat(rows: object) -> list[float]:
    return [float(value) for row in rows for value in row]  # type: ignore[attr-defined]
