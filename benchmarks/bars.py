"""The sections of W2 and W3 of the results: bar after bar in one instrument, and indicators of many."""

import statistics
import sys
from collections import defaultdict
from collections.abc import Callable, Sequence

Row = dict[str, object]
Run = Callable[[str, str, str], Row]

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
    "values to 1e-10. Ours writes into one table that is there already; TA-Lib makes an array for each symbol and "
    "indicator, as its functions do."
)


def number(row: Row, name: str) -> float:
    return float(str(row[name]))


def median(rows: Sequence[Row], name: str) -> float:
    return statistics.median(number(row, name) for row in rows)


def intraday(run: Run, python: str, nautilus: str, repeats: int) -> list[str]:
    """The section of W2; `python` and `nautilus` run the other programs, empty where these are left out."""
    programs = [
        ("intraday/ours.py", "declared", sys.executable), ("intraday/ours.py", "callback", sys.executable),
        ("intraday/peers/with_vectorbt.py", "1000000", python),
        ("intraday/peers/with_backtesting.py", "200000", python),
        ("intraday/peers/with_backtrader.py", "50000", python),
        ("intraday/peers/with_nautilus.py", "50000", nautilus),
    ]  # fmt: skip
    programs = [program for program in programs if program[2]]
    runs: dict[int, list[Row]] = defaultdict(list)
    for _ in range(repeats):
        for place, (script, case, by) in enumerate(programs):
            runs[place].append(run(script, case, by))
            must_be_true(run, runs[place][-1])
    callback = each_bar(runs[1])
    lines = [
        "", "## W2", "", INTRADAY_STORY, "",
        "| program | bars | microseconds a bar | times our callback | peak MB | fills | final value | runs |",
        "| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |",
    ]  # fmt: skip
    for rows in runs.values():
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


def must_be_true(run: Run, row: Row) -> None:
    """Ours to the cent; the others, whose cents differ, in the number of fills and to a millionth."""
    truth = run("intraday/bars.py", str(int(number(row, "bars"))), sys.executable)
    exact = str(row["program"]).startswith("prudent")
    apart = abs(number(row, "final") - number(truth, "final"))
    if row["orders"] != truth["orders"] or apart > (0.001 if exact else 1e-6 * number(truth, "final") * 100):
        sys.exit(f"W2: {row['program']} differs from the exact loop: {row} {truth}")


def indicators(run: Run) -> list[str]:
    """The section of W3."""
    row = run("indicators/ten_indicators.py", "W3", sys.executable)
    batch, other = number(row, "batch_ns"), number(row, "talib_batch_ns")
    tick, stream = number(row, "tick_us") * 1e3 / 5000, number(row, "stream_ns")
    return [
        "", "## W3", "", INDICATOR_STORY, "",
        "| what | ns a value | TA-Lib " + str(row["talib"]) + " | times |",
        "| --- | ---: | ---: | ---: |",
        f"| whole history | {batch:.3g} | {other:.3g} | {other / batch:.3g} |",
        (
            f"| one bar of 500 symbols ({number(row, 'tick_us'):.3g} microseconds) | {tick:.3g} | {stream:.3g} "
            f"| {stream / tick:.3g} |"
        ),
        "", f"Largest difference to TA-Lib {number(row, 'error'):.1e}; median of {row['repeats']} turns.",
    ]  # fmt: skip
