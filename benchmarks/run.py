"""`make bench`: check that everything agrees, run us and the other programs in turn, write benchmarks/RESULTS.md."""

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from bars import indicators, intraday
from wire import wire

HERE = Path(__file__).parent
ENVIRONMENTS = HERE.parent / ".venv" / "peers"
RESULTS = HERE / "RESULTS.md"
AGREES = 1e-9
PATIENCE_SECONDS = 1800
Row = dict[str, object]
Runs = dict[tuple[str, str], list[Row]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Program:
    """One implementation: its script, the Python that runs it, the cases it is run on, and those run only once."""

    name: str
    script: str
    python: str
    cases: tuple[str, ...]
    once: tuple[str, ...] = ()


ALL = ("W1a", "W1b", "W1c", "W1d", "W1e")
OURS = Program(name="prudent", script="portfolio/ours.py", python=sys.executable, cases=ALL)
BOUND = Program(name="plain loop", script="portfolio/bound_run.py", python=sys.executable, cases=ALL)


def peers() -> list[Program]:
    """The other programs, in environments of their own; those that cannot be installed here are left out.

    A case that would take one of them many minutes is not in its list.
    """
    common, nautilus = environment("peers"), environment("peers-nautilus")
    wanted = [
        Program(name="vectorbt", script="portfolio/peers/with_vectorbt.py", python=common, cases=ALL),
        Program(
            name="bt", script="portfolio/peers/with_bt.py", python=common, cases=("W1a", "W1c", "W1d", "W1e"),
            once=("W1a", "W1c"),
        ),
        Program(name="backtrader", script="portfolio/peers/with_backtrader.py", python=common, cases=("W1d", "W1e")),
        Program(
            name="nautilus_trader", script="portfolio/peers/with_nautilus.py", python=nautilus,
            cases=("W1a", "W1d", "W1e"), once=("W1a",),
        ),
    ]  # fmt: skip
    return [program for program in wanted if program.python]


def environment(name: str) -> str:
    """The Python of an environment with the programs of `NAME.txt`, made when needed; empty if it cannot be."""
    folder = ENVIRONMENTS / name
    python = folder / "bin" / "python"
    ready = folder / "ready"
    wanted = (HERE / f"{name}.txt").read_text(encoding="utf-8")
    if not ready.exists() or ready.read_text(encoding="utf-8") != wanted:
        make = [
            [sys.executable, "-m", "venv", str(folder)],
            [str(python), "-m", "pip", "install", "-q", "-r", f"{name}.txt"],
        ]
        for command in make:
            if subprocess.run(command, cwd=HERE, check=False, capture_output=True).returncode != 0:
                print(f"{name}.txt cannot be installed here; its programs are left out", file=sys.stderr)
                return ""
        ready.write_text(wanted, encoding="utf-8")
    return str(python)


def run(script: str, case: str, python: str) -> Row:
    """The JSON line that a script prints for a case; a script that fails ends the benchmark."""
    variables = {**os.environ, "PYTHONPATH": str(HERE)}
    done = subprocess.run(
        [python, script, case], cwd=HERE, env=variables, capture_output=True, text=True, timeout=PATIENCE_SECONDS,
        check=False,
    )  # fmt: skip
    if done.returncode != 0:
        sys.exit(f"{script} {case} failed:\n{done.stderr[-2000:]}")
    row: Row = json.loads(done.stdout.strip().splitlines()[-1])
    return row


def number(row: Row, name: str) -> float:
    return float(str(row[name]))


def apart(one: float, other: float) -> float:
    return abs(one / other - 1.0)


def must_agree(case: str, ours: Row, truth: Row) -> None:
    """Equal final equity, orders traded and orders changed by each guard, or no result at all."""
    if apart(number(truth, "plain"), number(truth, "exact")) > AGREES or truth["plain_orders"] != truth["exact_orders"]:
        sys.exit(f"{case}: the two plain loops differ: {truth}")
    if apart(number(ours, "final"), number(truth, "final")) > AGREES or ours["orders"] != truth["orders"]:
        sys.exit(f"{case}: ours and the reference with guards differ: {ours} {truth}")
    if ours["changed"] != truth["changed"]:
        sys.exit(f"{case}: guards changed other orders than in the reference: {ours['changed']} {truth['changed']}")


def measure(cases: list[str], repeats: int, programs: list[Program]) -> tuple[dict[str, Row], Runs]:
    """The truth of each case, and for each (case, program) its runs, taken in turn."""
    truths: dict[str, Row] = {}
    runs: Runs = defaultdict(list)
    for case in cases:
        truths[case] = run("portfolio/check.py", case, sys.executable)
        must_agree(case, run(OURS.script, case, OURS.python), truths[case])
        print(f"{case}: equal to the reference, guards changed {truths[case]['changed']}", file=sys.stderr)
        for turn in range(repeats):
            for program in programs:
                if case in program.cases and (turn == 0 or case not in program.once):
                    runs[case, program.name].append(run(program.script, case, program.python))
    return truths, runs


def median(rows: list[Row], name: str) -> float:
    return statistics.median(number(row, name) for row in rows)


def cpu_model() -> str:
    info = Path("/proc/cpuinfo")
    lines = info.read_text(encoding="utf-8").splitlines() if info.exists() else []
    return next((line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")), platform.machine())


def table(case: str, truth: Row, runs: Runs, programs: list[Program]) -> list[str]:
    ours = median(runs[case, OURS.name], "cpu")
    lines = [
        f"## {case}", "",
        "| program | CPU s | times ours | peak MB | orders | final equity against the plain loop | runs |",
        "| --- | ---: | ---: | ---: | ---: | ---: | ---: |",
    ]  # fmt: skip
    for program in programs:
        rows = runs.get((case, program.name))
        if not rows:
            continue
        cpu, final = median(rows, "cpu"), number(rows[0], "final")
        difference = "with guards" if program is OURS else f"{final / number(truth, 'plain') - 1.0:+.1e}"
        lines.append(
            f"| {program.name} {rows[0]['version']} | {cpu:.4g} | {cpu / ours:.3g} | {median(rows, 'peak_mb'):.0f} "
            f"| {rows[0]['orders']} | {difference} | {len(rows)} |"
        )
    first = runs[case, OURS.name][0]
    changed = ", ".join(f"{guard} {count}" for guard, count in dict(first["changed"]).items()) or "none"  # type: ignore[call-overload]
    sentence = (
        f"Final equity with guards {number(first, 'final'):,.2f}, equal to the reference in exact decimals; "
        f"orders changed by guards: {changed}; order record {number(first, 'size_mb'):.1f} MB."
    )
    return [*lines, "", sentence, ""]


CYCLES = "W1r"
CYCLE_PROGRAMS = (
    Program(name="prudent", script="portfolio/through_cycles.py", python=sys.executable, cases=(CYCLES,)),
    Program(name="plain loop", script="portfolio/cycles_bound.py", python=sys.executable, cases=(CYCLES,)),
)


CYCLES_STORY = (
    "Twenty real stocks of the sample, 1990 to 2022, equal weights, monthly, through `run_cycle` on a home on disk: "
    "every stage, the guards of both phases, the simulated venue with its volume limit, verification, and ledger, "
    "record, audit chain and audit file written durably. Nothing is compiled. A drawdown that halts the account is "
    "acknowledged a month later. The bound is the plain loop on the same closes."
)


def through_cycles(repeats: int) -> list[str]:
    """The section of W1r: every rebalance a whole cycle of the product, uncompiled and durable, beside the bound."""
    runs: Runs = defaultdict(list)
    for _ in range(repeats):
        for program in CYCLE_PROGRAMS:
            runs[CYCLES, program.name].append(run(program.script, CYCLES, program.python))
    ours, bound = runs[CYCLES, "prudent"], runs[CYCLES, "plain loop"]
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


LATENCIES = ("latency/start_latency.py", "latency/send_latency.py")
LATENCY_STORY = {
    "start": "from a request's row to the first act of its workflow, in an engine of its own; must be below 100",
    "send": "from a decision to the broker, every step durable, no model; p99 must be at most 100",
}


def latencies() -> list[str]:
    """How long the engine takes to start work and to send an order, in milliseconds of wall time."""
    rows = [run(script, "latency", sys.executable) for script in LATENCIES]
    return [
        "", "## Start and send latency", "",
        "| case | ms p50 | ms p99 | ms most | times | what |",
        "| --- | ---: | ---: | ---: | ---: | --- |",
        *(
            f"| {row['case']} | {number(row, 'p50'):.1f} | {number(row, 'p99'):.1f} | {number(row, 'most'):.1f} "
            f"| {row['count']} | {LATENCY_STORY[str(row['case'])]} |"
            for row in rows
        ),
    ]  # fmt: skip


def waits() -> list[str]:
    """What is about waiting: for the engine, and for models."""
    return [*latencies(), *wire(run), *slots(), *overhead()]


SLOTS = "models/run_all_slots.py"
SLOTS_STORY = (
    "48 accounts ask twice each over a loopback server of 4 slots whose answers take 1 to 3 seeded seconds. The bound "
    "is its own work over its slots; W10b has two models, and 10 seconds for each swap. Efficiency must be at least "
    "0.9."
)


def slots() -> list[str]:
    """The section of W10a and W10b: how near `run-all` comes to what the model server can do."""
    rows = [run(SLOTS, case, sys.executable) for case in ("W10a", "W10b")]
    return [
        "", "## W10", "", SLOTS_STORY, "",
        "| case | calls | seconds | bound | efficiency | swaps | one after another | CPU ms an account |",
        "| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |",
        *(
            f"| {row['case']} | {row['calls']} | {row['seconds']} | {row['bound']} | {row['efficiency']} "
            f"| {row['swaps']} | {row['sequential']} | {row['cpu_ms_an_account']} |"
            for row in rows
        ),
    ]  # fmt: skip


OVERHEAD = "models/overhead.py"
OVERHEAD_STORY = (
    "Nine accounts of a new home, three cycles into their books, decide with answers that are already there: gather "
    "with every fact and prompt, decide, plan, guard. Milliseconds of CPU; an account must stay at or below {most:.0f}."
)


def overhead() -> list[str]:
    """The section of W10c: what a decision costs beside its model."""
    row = run(OVERHEAD, "W10c", sys.executable)
    return [
        "", "## W10c", "", OVERHEAD_STORY.format(most=number(row, "most")), "",
        "| account | ms p50 | ms p95 | gather | decide | plan | guard | times |",
        "| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |",
        *(
            f"| {each['account']} | {each['median']} | {each['p95']} | {each['gather']} | {each['decide']} "
            f"| {each['plan']} | {each['guard']} | {row['repeats']} |"
            for each in row["accounts"]  # type: ignore[attr-defined]
        ),
    ]  # fmt: skip


def write(truths: dict[str, Row], runs: Runs, programs: list[Program], cycles: list[str]) -> None:
    numpy, numba = (run_version(name) for name in ("numpy", "numba"))
    head = (HERE / "portfolio" / "RESULTS_HEAD.md").read_text(encoding="utf-8")
    facts = (
        f"Machine: {os.cpu_count()} x {cpu_model()}, {platform.system()} {platform.machine()}, "
        f"Python {platform.python_version()}, numpy {numpy}, numba {numba}. Every figure is the median of the runs in "
        "the last column, taken in turn, each in a process of its own."
    )
    lines = [head.rstrip(), "", facts, ""]
    for case, truth in truths.items():
        lines += table(case, truth, runs, programs)
    lines += cycles
    RESULTS.write_text("\n".join(lines).rstrip() + "\n", encoding="utf-8")


def rewrite(lines: list[str]) -> None:
    """Put new sections in the place of old ones of the same name, or at the end; the others stay as they were."""
    fresh = sections("\n".join(lines))
    kept = sections(RESULTS.read_text(encoding="utf-8"))
    RESULTS.write_text("\n\n".join({**kept, **fresh}.values()) + "\n", encoding="utf-8")


def sections(text: str) -> dict[str, str]:
    """The parts of a page by heading; what stands before the first has none."""
    parts = ("\n" + text.strip()).split("\n## ")
    head = {"": parts[0].strip()} if parts[0].strip() else {}
    return head | {part.partition("\n")[0]: ("## " + part).strip() for part in parts[1:]}


def bars(repeats: int, *, peers_too: Sequence[str] = ("", "")) -> list[str]:
    """The sections of W2 and W3."""
    return [*intraday(run, *peers_too, repeats), *indicators(run)]


def run_version(name: str) -> str:
    return str(__import__(name).__version__)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cases", nargs="+", default=list(ALL), choices=ALL)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--only-ours", action="store_true", help="leave the other programs out")
    parser.add_argument("--only", choices=("latency", "bars"), help="measure these alone (latency and W10; W2 and W3)")
    options = parser.parse_args()
    others = ("", "") if options.only_ours else (environment("peers"), environment("peers-nautilus"))
    if options.only:
        rewrite(bars(options.repeats, peers_too=others) if options.only == "bars" else waits())
        return
    programs = [OURS, BOUND, *([] if options.only_ours else peers())]
    truths, runs = measure(options.cases, options.repeats, programs)
    write(truths, runs, programs, [
        *through_cycles(min(options.repeats, 3)), *bars(options.repeats, peers_too=others), *waits(),
    ])  # fmt: skip
    print(f"wrote {RESULTS.name}")


if __name__ == "__main__":
    main()
