"""The section of W7: what the socket between the desk and a gateway costs."""

import sys
from collections.abc import Callable

Row = dict[str, object]
SCRIPT = "latency/wire_latency.py"
STORY = (
    "Ten stocks rebalanced back and forth through the paper gateway, a process of its own on loopback; from the "
    "claimed order at the broker's door until its fill and commission are in the ledger, both sides durable. p50 must "
    "be at most 5, p99 at most 20. Reading and writing are microseconds of CPU for one message at version 178."
)


def wire(run: Callable[[str, str, str], Row]) -> list[str]:
    """Round trip and decoders."""
    row = run(SCRIPT, "W7", sys.executable)
    trip = " | ".join(f"{float(str(row[name])):.1f}" for name in ("p50", "p99", "most"))
    names = ("order_read", "execution_written", "execution_read")
    cost = " | ".join(f"{float(str(row[name])):.0f}" for name in names)
    return [
        "", "## W7", "", STORY, "",
        "| ms p50 | ms p99 | ms most | times | an order read | an execution written | an execution read |",
        "| ---: | ---: | ---: | ---: | ---: | ---: | ---: |",
        f"| {trip} | {row['count']} | {cost} |",
    ]  # fmt: skip
