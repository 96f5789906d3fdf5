"""The sections of the results that are about waiting: for the engine, for the wire, and for models."""

from programs import Row, number, run

LATENCIES = ("latency/start_latency.py", "latency/send_latency.py")
LATENCY_STORY = {
    "start": "from a request's row to the first act of its workflow, in an engine of its own; must be below 100",
    "send": "from a decision to the broker, every step durable, no model; p99 must be at most 100",
}


def latencies() -> list[str]:
    """How long the engine takes to start work and to send an order, in milliseconds of wall time."""
    rows = [run(script, "latency") for script in LATENCIES]
    return [
        "## Start and send latency", "",
        "| case | ms p50 | ms p99 | ms most | times | what |",
        "| --- | ---: | ---: | ---: | ---: | --- |",
        *(
            f"| {row['case']} | {number(row, 'p50'):.1f} | {number(row, 'p99'):.1f} | {number(row, 'most'):.1f} "
            f"| {row['count']} | {LATENCY_STORY[str(row['case'])]} |"
            for row in rows
        ),
    ]  # fmt: skip


WIRE_STORY = (
    "Ten stocks rebalanced back and forth through the paper gateway, a process of its own on loopback; from the "
    "claimed order at the broker's door until its fill and commission are in the ledger, both sides durable: two "
    "commits to the disk. p50 must be at most 5, p99 at most 20. The machine's own speed moves the p50 of a run much, "
    "so there are nine runs: p50 is that of the middle one, p99 that of all round trips. Bare is what 300 bytes there "
    "and back took between them, with a commit of 8,000 bytes on each side and nothing else. Reading and writing are "
    "microseconds of CPU for one message at version 178."
)
WIRE_HEAD = (
    "| ms p50 | least of a run | most of a run | ms p99 | ms most | bare | a commit of it | times | order read "
    "| execution written | execution read |"
)


def wire() -> list[str]:
    """The section of W7: what the socket between the desk and a gateway costs; round trip and decoders."""
    row = run("latency/wire_latency.py", "W7")
    trips = ("p50", "p50_least", "p50_most", "p99", "most", "bare", "commit")
    trip = " | ".join(f"{number(row, name):.1f}" for name in trips)
    cost = " | ".join(f"{number(row, name):.0f}" for name in ("order_read", "execution_written", "execution_read"))
    return ["## W7", "", WIRE_STORY, "", WIRE_HEAD, "| " + "---: | " * 10 + "---: |",
            f"| {trip} | {row['count']} | {cost} |"]  # fmt: skip


SLOTS_STORY = (
    "48 accounts ask twice each over a loopback server of 4 slots whose answers take 1 to 3 seeded seconds. The bound "
    "is its own work over its slots; W10b has two models, and 10 seconds for each swap. Efficiency must be at least "
    "0.9."
)


def slots() -> list[str]:
    """The section of W10a and W10b: how near `run-all` comes to what the model server can do."""
    rows = [run("models/run_all_slots.py", case) for case in ("W10a", "W10b")]
    return [
        "## W10", "", SLOTS_STORY, "",
        "| case | calls | seconds | bound | efficiency | swaps | one after another | CPU ms an account |",
        "| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |",
        *(
            f"| {row['case']} | {row['calls']} | {row['seconds']} | {row['bound']} | {row['efficiency']} "
            f"| {row['swaps']} | {row['sequential']} | {row['cpu_ms_an_account']} |"
            for row in rows
        ),
    ]  # fmt: skip


OVERHEAD_STORY = (
    "Nine accounts of a new home, three cycles into their books, decide with answers that are already there: gather "
    "with every fact and prompt, decide, plan, guard. Milliseconds of CPU; an account must stay at or below {most:.0f}."
)


def overhead() -> list[str]:
    """The section of W10c: what a decision costs beside its model."""
    row = run("models/overhead.py", "W10c")
    accounts: list[Row] = row["accounts"]  # type: ignore[assignment]
    return [
        "## W10c", "", OVERHEAD_STORY.format(most=number(row, "most")), "",
        "| account | ms p50 | ms p95 | gather | decide | plan | guard | times |",
        "| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |",
        *(
            f"| {each['account']} | {each['median']} | {each['p95']} | {each['gather']} | {each['decide']} "
            f"| {each['plan']} | {each['guard']} | {row['repeats']} |"
            for each in accounts
        ),
    ]  # fmt: skip


AGAIN_STORY = (
    "{accounts} accounts ask a model for two passes a week over half a year of backtest ({weeks} decisions each), "
    "from a loopback server that answers at once; then each backtest is run again by a desk that is opened anew, every "
    "value equal to the first run's. A run again that is unchanged must ask nobody and take at most {most:g} second; "
    "with its results deleted each cycle is worked out anew, from the answers that are kept."
)
AGAIN = {
    "first": "asked for the first time", "unchanged": "again, unchanged",
    "answered": "again, results deleted, answers kept", "one changed": "again, one account with other cash",
}  # fmt: skip


def again() -> list[str]:
    """The section of W10d: what a backtest costs that was run before."""
    row = run("models/run_again.py", "W10d")
    story = AGAIN_STORY.format(accounts=row["accounts"], weeks=row["weeks"], most=number(row, "most"))
    return [
        "## W10d", "", story, "",
        "| run | calls | seconds | CPU s |",
        "| --- | ---: | ---: | ---: |",
        *(
            f"| {told} | {row[name]['calls']} | {row[name]['seconds']} | {row[name]['cpu']} |"  # type: ignore[index]
            for name, told in AGAIN.items()
        ),
    ]  # fmt: skip
