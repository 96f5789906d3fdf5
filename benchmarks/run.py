"""`make bench`: check that everything agrees, run us and the other programs in turn, write benchmarks/RESULTS.md.

A program that cannot be installed here, fails or differs has its reason in the tables. Where ours cannot be measured or
differs from its reference, the section has no figures and says why, the others go on, and the exit code is 1.
"""

import argparse
import functools
import sys
import time
from collections.abc import Callable

from bars import indicators, intraday
from page import Page, machine
from programs import HERE, Failed, Others
from rebalances import CASES, CYCLES, rebalance, through_cycles
from waits import again, latencies, overhead, slots, wire

RESULTS = HERE / "RESULTS.md"
REPEATS = 5
Section = Callable[[], list[str]]


def measurements(repeats: int, others: Others) -> dict[str, Section]:
    """What can be measured, by the name that `--only` takes; `latency` is the section of starting and sending."""
    return {
        **{case: functools.partial(rebalance, case, repeats, others) for case in CASES},
        CYCLES: functools.partial(through_cycles, repeats),
        "W2": functools.partial(intraday, repeats, others),
        "W3": functools.partial(indicators, others),
        "latency": latencies, "W7": wire, "W10": slots, "W10c": overhead, "W10d": again,
    }  # fmt: skip


HEADINGS = {"latency": "Start and send latency"}


def measured(name: str, section: Section) -> tuple[list[str], bool]:
    """The section, or one that says why it is not there."""
    began = time.monotonic()
    try:
        lines, good = section(), True
    except Failed as error:
        lines, good = [f"## {HEADINGS.get(name, name)}", "", f"Not measured: {error}."], False
    print(f"{name}: {'' if good else 'not measured, '}{(time.monotonic() - began) / 60:.1f} minutes", file=sys.stderr)
    return lines, good


def main() -> int:
    names = tuple(measurements(REPEATS, Others()))
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", nargs="+", choices=names, metavar="NAME", help=f"these alone: {', '.join(names)}")
    parser.add_argument("--repeats", type=int, default=REPEATS)
    parser.add_argument("--only-ours", action="store_true", help="leave the other programs out")
    options = parser.parse_args()
    others = Others(wanted=not options.only_ours)
    page, began, all_good = Page(RESULTS, keep=bool(options.only)), time.monotonic(), True
    page.facts = page.facts if options.only else machine()
    wanted = {n: s for n, s in measurements(options.repeats, others).items() if n in (options.only or names)}
    for name, section in wanted.items():
        lines, good = measured(name, section)
        all_good = all_good and good
        page.put(lines)
    if not options.only:
        page.facts += f" All of it took {(time.monotonic() - began) / 60:.0f} minutes."
        page.write()
    print(f"wrote {RESULTS.name}")
    return 0 if all_good else 1


if __name__ == "__main__":
    sys.exit(main())
