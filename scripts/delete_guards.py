"""Deletes each guard in turn from the assembled list and shows that its scenario notices; exits 1 if one does not."""

import argparse
import sys
import tempfile
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from tests.scenarios.guard_scenarios import SCENARIOS
from tests.scenarios.guard_stage import play, prepared_home, without_guard

PROCESSES = 2
ORDER_LEFT = "the order went out"
VERDICT_GONE = "only its verdict is missing"


@dataclass(frozen=True, kw_only=True)
class Deletion:
    """What the scenario noticed once its guard was gone; empty where it noticed nothing."""

    guard: str
    story: str
    noticed: str
    beside: str

    @property
    def caught(self) -> bool:
        """A guard that acts alone must be missed by what the account does, the others by their word."""
        return bool(self.noticed) and (bool(self.beside) or self.noticed == ORDER_LEFT)


def delete_guard(guard: str, prepared: Path) -> Deletion:
    """Play the scenario with the guard in place, which must pass, and without it."""
    scenario = SCENARIOS[guard]
    with tempfile.TemporaryDirectory(prefix="guard-") as folder:
        whole = play(guard, scenario, prepared, Path(folder) / "whole")
        with without_guard(guard):
            shown = play(guard, scenario, prepared, Path(folder) / "without")
    noticed = "" if not (whole.held and whole.told) else ORDER_LEFT if not shown.held else VERDICT_GONE
    if shown.told:
        noticed = ""  # the guard spoke although it was deleted: nothing was deleted
    return Deletion(guard=guard, story=scenario.story, noticed=noticed, beside=scenario.beside)


def delete_all(guards: Sequence[str], *, processes: int = PROCESSES) -> list[Deletion]:
    """One deletion per guard, in the order given."""
    with tempfile.TemporaryDirectory(prefix="guards-") as folder:
        prepared = prepared_home(Path(folder))
        if processes < 2:
            return [delete_guard(guard, prepared) for guard in guards]
        with ProcessPoolExecutor(processes, mp_context=get_context("spawn")) as pool:
            return list(pool.map(delete_guard, guards, [prepared] * len(guards)))


def table(deletions: Sequence[Deletion]) -> str:
    lines = [f"{'guard':<30} {'caught':<7} {'noticed by':<28} scenario"]
    for each in deletions:
        caught = "yes" if each.caught else "NO"
        note = f" ({each.beside})" if each.beside else ""
        lines.append(f"{each.guard:<30} {caught:<7} {each.noticed or '-':<28} {each.story}{note}")
    lines.append(f"{sum(each.caught for each in deletions)} of {len(deletions)} deletions were noticed")
    return "\n".join(lines)


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("guards", nargs="*", help="ids of guards; all of them without")
    parser.add_argument("--processes", type=int, default=PROCESSES)
    asked = parser.parse_args(arguments)
    unknown = sorted(set(asked.guards) - set(SCENARIOS))
    if unknown:
        parser.error(f"guards must be among {', '.join(SCENARIOS)}, were {', '.join(unknown)}")
    deletions = delete_all(asked.guards or list(SCENARIOS), processes=asked.processes)
    print(table(deletions))
    return 0 if all(each.caught for each in deletions) else 1


if __name__ == "__main__":
    sys.exit(main())
