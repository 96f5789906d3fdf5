"""The sections of W1 of the results: a portfolio rebalanced in day-batches, and through whole cycles of the product."""

import sys
from collections import defaultdict

from programs import Failed, Others, Program, Row, median, number, run

AGREES = 1e-9
CASES = ("W1a", "W1b", "W1c", "W1d", "W1e")
OURS = Program(name="prudent", script="portfolio/ours.py", cases=CASES)
BOUND = Program(name="plain loop", script="portfolio/bound_run.py", cases=CASES)
PEERS = (
    Program(name="vectorbt", script="portfolio/peers/with_vectorbt.py", environment="peers", cases=CASES),
    Program(
        name="bt", script="portfolio/peers/with_bt.py", environment="peers", cases=("W1a", "W1c", "W1d", "W1e"),
        once=("W1a", "W1c"),
    ),
    Program(
        name="backtrader", script="portfolio/peers/with_backtrader.py", environment="peers", cases=("W1d", "W1e")
    ),
    Program(
        name="zipline-reloaded", script="portfolio/peers/with_zipline.py", environment="peers-zipline",
        cases=("W1a", "W1d", "W1e"), once=("W1a",),
    ),
    Program(
        name="nautilus_trader", script="portfolio/peers/with_nautilus.py", environment="peers-nautilus",
        cases=("W1a", "W1d", "W1e"), once=("W1a",),
    ),
)  # fmt: skip
PROGRAMS = (OURS, BOUND, *PEERS)


def apart(one: float, other: float) -> float:
    return abs(one / other - 1.0)


def must_agree(case: str, ours: Row, truth: Row) -> None:
    """Equal final equity, orders traded and orders changed by each guard, or no result at all.

    Raises:
        Failed: they are not equal.
    """
    if apart(number(truth, "plain"), number(truth, "exact")) > AGREES or truth["plain_orders"] != truth["exact_orders"]:
        raise Failed(f"{case}: the two plain loops differ: {truth}")
    if apart(number(ours, "final"), number(truth, "final")) > AGREES or ours["orders"] != truth["orders"]:
        raise Failed(f"{case}: ours and the reference with guards differ: {ours} {truth}")
    if ours["changed"] != truth["changed"]:
        raise Failed(f"{case}: guards changed other orders than in the reference: {ours['changed']} {truth['changed']}")


def rebalance(case: str, repeats: int, others: Others) -> list[str]:
    """The section of one case: the truth first, then every program in turn."""
    truth = run("portfolio/check.py", case)
    must_agree(case, run(OURS.script, case), truth)
    print(f"{case}: equal to the reference, guards changed {truth['changed']}", file=sys.stderr)
    runs: dict[str, list[Row]] = defaultdict(list)
    for turn in range(repeats):
        for program in PROGRAMS:
            if case not in program.cases or (turn and case in program.once):
                continue
            row = others.row(program, case) if program in PEERS else run(program.script, case)
            if row is not None:
                runs[program.name].append(row)
    return table(case, truth, runs, others)


def table(case: str, truth: Row, runs: dict[str, list[Row]], others: Others) -> list[str]:
    ours = median(runs[OURS.name], "cpu")
    lines = [
        f"## {case}", "",
        "| program | CPU s | times ours | peak MB | orders | final equity against the plain loop | runs |",
        "| --- | ---: | ---: | ---: | ---: | ---: | ---: |",
    ]  # fmt: skip
    for program in PROGRAMS:
        rows = runs.get(program.name, [])
        # What failed in a later turn has no row either: half a median is none.
        hole = others.hole(program, case, 7)
        if hole or not rows:
            lines += hole
            continue
        cpu, final = median(rows, "cpu"), number(rows[0], "final")
        difference = "with guards" if program is OURS else f"{final / number(truth, 'plain') - 1.0:+.1e}"
        lines.append(
            f"| {program.name} {rows[0]['version']} | {cpu:.4g} | {cpu / ours:.3g} | {median(rows, 'peak_mb'):.0f} "
            f"| {rows[0]['orders']} | {difference} | {len(rows)} |"
        )
    first = runs[OURS.name][0]
    changed = ", ".join(f"{guard} {count}" for guard, count in dict(first["changed"]).items()) or "none"  # type: ignore[call-overload]
    sentence = (
        f"Final equity with guards {number(first, 'final'):,.2f}, equal to the reference in exact decimals; "
        f"orders changed by guards: {changed}; order record {number(first, 'size_mb'):.1f} MB."
    )
    return [*lines, "", sentence]


CYCLES = "W1r"
CYCLE_SCRIPTS = {"prudent": "portfolio/through_cycles.py", "plain loop": "portfolio/cycles_bound.py"}
CYCLES_MOST = 3
CYCLES_STORY = (
    "Twenty real stocks of the sample, 1990 to 2022, equal weights, monthly, through `run_cycle` on a home on disk: "
    "every stage, the guards of both phases, the simulated venue with its volume limit, verification, and ledger, "
    "record, audit chain and audit file written durably. Nothing is compiled. A drawdown that halts the account is "
    "acknowledged a month later. The bound is the plain loop on the same closes."
)


def through_cycles(repeats: int) -> list[str]:
    """The section of W1r: every rebalance a whole cycle of the product, uncompiled and durable, beside the bound."""
    runs: dict[str, list[Row]] = defaultdict(list)
    for _ in range(min(repeats, CYCLES_MOST)):
        for name, script in CYCLE_SCRIPTS.items():
            runs[name].append(run(script, CYCLES))
    ours, bound = runs["prudent"], runs["plain loop"]
    cycles, cpu = number(ours[0], "cycles"), median(ours, "cpu")
    return [
        f"## {CYCLES}", "", CYCLES_STORY, "",
        "| program | CPU s | CPU ms a rebalance | peak MB | rebalances | fills | runs |",
        "| --- | ---: | ---: | ---: | ---: | ---: | ---: |",
        *(
            f"| {rows[0]['program']} {rows[0]['version']} | {median(rows, 'cpu'):.4g} "
            f"| {median(rows, 'cpu') * 1000 / number(rows[0], 'cycles'):.3g} | {median(rows, 'peak_mb'):.0f} "
            f"| {number(rows[0], 'cycles'):.0f} | {rows[0]['orders']} | {len(rows)} |"
            for rows in (ours, bound)
        ), "",
        (
            f"A durable, judged and replayable rebalance costs {cpu * 1000 / cycles:.0f} ms of CPU; "
            f"the arithmetic alone is {median(bound, 'cpu') * 1e6 / cycles:.1f} microseconds."
        ),
    ]  # fmt: skip
