"""How far a sweep is while it is worked on: what has ended, what of that failed, and what is still to come."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

from prudent.backtest.run import DONE
from prudent.ledger.backtests import BacktestStatus
from prudent.workflows.sweep_journal import Batch
from prudent.workflows.sweeps import Plan

Ended = Callable[[], Mapping[str, BacktestStatus]]


class Batches(Protocol):
    """What is asked of the journal."""

    def batches(self, name: str, *, load: bool = True) -> tuple[Batch, ...]: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Far:
    """Combinations: with an end, those of them that failed, and those still to come."""

    done: int
    failed: int
    left: int


class Headway:
    """Looks at one sweep from when its batches are in the queue.

    What failed before and is tried again is not done. What nobody has put into the queue is not left either.
    """

    def __init__(self, plan: Plan, journal: Batches, ended: Ended) -> None:
        self._plan = plan
        self._journal = journal
        self._ended = ended
        self._places: dict[str, tuple[int, ...]] = {}
        self._load()
        known = ended()
        self._before = {
            plan.points[place].identity
            for places in self._places.values()
            for place in places
            if known.get(plan.points[place].identity) is BacktestStatus.FAILED
        }

    def look(self) -> Far:
        """How far it is now."""
        batches = self._journal.batches(self._plan.name, load=False)
        if any(batch.under_way and batch.id not in self._places for batch in batches):
            self._load()
        waiting = {place for batch in batches if batch.under_way for place in self._places.get(batch.id, ())}
        # What a batch that is over gave no result for has failed, also before it had a row in the ledger.
        over = {place for batch in batches if batch.over for place in self._places.get(batch.id, ())} - waiting
        known = self._ended()
        done = failed = left = 0
        for place, point in enumerate(self._plan.points):
            status = known.get(point.identity)
            if status in DONE:
                done += 1
            elif place in over or (status is BacktestStatus.FAILED and point.identity not in self._before):
                done, failed = done + 1, failed + 1
            elif place in waiting:
                left += 1
        return Far(done=done, failed=failed, left=left)

    def _load(self) -> None:
        for batch in self._journal.batches(self._plan.name):
            if batch.under_way:
                self._places[batch.id] = batch.places
