"""A worker of a sweep: takes batches from its queue and runs their backtests, until it is told to stop."""

import logging
import os
import threading
from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Any

from prudent.backtest.grid import preparing
from prudent.backtest.kept import unpacked
from prudent.backtest.places import folder_of
from prudent.backtest.run import DONE, Playing, Prepared, backtest
from prudent.bootstrap import Desk, open_desk
from prudent.clock import SystemClock
from prudent.domain.errors import BlockedError, DeskError
from prudent.domain.records import Json
from prudent.ledger.backtests import BacktestRow, BacktestStatus
from prudent.workflows.durable import Paused
from prudent.workflows.lease import engine_id
from prudent.workflows.sweep_journal import SweepJournal, journal_of, opened
from prudent.workflows.sweeps import Plan, found_of, load

LOG = logging.getLogger("prudent.sweep")
BEAT_SECONDS = 2.0
LAST_SECONDS = 10.0
LOST = "its process was lost; it was run again"


def executor_of(home: Path, process: int) -> str:
    """Names a worker process of a home."""
    return f"{engine_id(home)}:{process}"


def work(home: Path, owner: str, name: str, *, stop: threading.Event) -> None:
    """Be a worker of that sweep until `stop` is set; what is half-way then goes back to the queue.

    Raises:
        BlockedError: this home's program or data are not those that the sweep was begun with.
        DeskError: the home, its ledger or the journal cannot be used.
    """
    desk = open_desk(home, owner=owner)
    worker = Worker(desk, name, stop=stop)
    place = journal_of(home, desk.loaded.settings.database.url)
    executor = executor_of(home, os.getpid())
    with opened(place, owner, executor=executor, works=(name, worker.perform)) as journal:
        try:
            worker.begin(load(journal, name))
            _beat(journal, worker, stop)
        finally:
            worker.leave()
    desk.ledger.close()


def _beat(journal: SweepJournal, worker: "Worker", stop: threading.Event) -> None:
    count = 0
    while not stop.wait(BEAT_SECONDS):
        count += 1
        batch = worker.batch
        if batch:
            try:
                journal.beat(batch, f"{os.getpid()} {count}")
            except DeskError as error:
                LOG.warning("sweep_beat_missed", extra={"why": str(error)})


class Worker:
    """Runs batches of one sweep; `batch` is the one under way, empty between them."""

    def __init__(self, desk: Desk, name: str, *, stop: threading.Event) -> None:
        self._desk = desk
        self._name = name
        self._stop = stop
        self._prepare = preparing(desk)
        self._plan: Plan | None = None
        self._begun = threading.Event()
        self._idle = threading.Event()
        self._idle.set()
        self.batch = ""

    def begin(self, plan: Plan) -> None:
        """Take batches from now on."""
        desk = self._desk
        if plan.code_version != desk.code_version:
            raise BlockedError(
                f"sweep {plan.name} must go on with the program it began with, {plan.code_version}, is "
                f"{desk.code_version} here; install that one, or begin it anew under another name"
            )
        self._check(self._prepared(plan, 0), plan, 0)
        self._plan = plan
        self._begun.set()

    def leave(self) -> None:
        """Take no more, and wait a moment for the one under way to notice."""
        self._stop.set()
        self._begun.set()
        self._idle.wait(LAST_SECONDS)

    def perform(self, batch: str, places: list[int]) -> list[dict[str, Json]]:
        """Run some combinations; one that fails is told and stops nobody else.

        Raises:
            Paused: the worker is to stop.
        """
        self._begun.wait()
        self._idle.clear()
        self.batch = batch
        try:
            return [self._one(place) for place in places]
        finally:
            self.batch = ""
            self._idle.set()

    def _one(self, place: int) -> dict[str, Json]:
        plan = self._plan
        if self._stop.is_set() or plan is None:
            raise Paused
        try:
            prepared = self._prepared(plan, place)
            self._check(prepared, plan, place)
            return self._run(place, prepared)
        except KeyboardInterrupt:
            raise Paused from None
        except DeskError as error:
            LOG.warning("combination_failed", extra={"sweep": plan.name, "place": place, "why": str(error)})
            return self._failed(place, str(error))
        except Exception as error:  # one combination must not end the others, whatever it meets
            LOG.exception("combination_broke", extra={"sweep": plan.name, "place": place})
            why = f"unexpected {type(error).__name__}: {error}"
            self._close_open(plan.points[place].identity, BacktestStatus.FAILED, why)
            return self._failed(place, why)

    def _run(self, place: int, prepared: Prepared) -> dict[str, Json]:
        ledger = self._desk.ledger.backtests
        known = self._elsewhere(prepared)
        if known is not None:
            return {
                "place": place, "id": known.id, "status": str(known.status), "note": known.note,
                "summary": dict(known.summary), "days": "", "returns": "",
            }  # fmt: skip
        self._close_open(prepared.identity, BacktestStatus.CANCELLED, LOST)
        book = backtest(self._desk, prepared, Playing(sweep=self._name, progress=self._goes_on))
        row = ledger.find(book.account, int(book.id.rpartition("/b")[2]))
        return found_of(place, book, row.summary, status=str(row.status))

    def _elsewhere(self, prepared: Prepared) -> BacktestRow | None:
        """A result that another machine has the files of."""
        same = self._desk.ledger.backtests.same(prepared.identity)
        rows = [row for row in same if row.status in DONE and row.summary]
        here = [row for row in rows if folder_of(self._desk, row.account, row.number).is_dir()]
        return rows[0] if rows and not here else None

    def _close_open(self, identity: str, status: BacktestStatus, note: str) -> None:
        """End what a process began for this sweep and cannot end any more."""
        for row in self._desk.ledger.backtests.same(identity):
            if row.status is BacktestStatus.RUNNING and row.sweep == self._name:
                self._desk.ledger.backtests.end(row, status, at=SystemClock().now(), note=note)

    def _goes_on(self, _done: int, _all: int, _day: date) -> None:
        if self._stop.is_set():
            # What ends a backtest that a person stops: its row says so, and nothing of it counts.
            raise KeyboardInterrupt

    def _prepared(self, plan: Plan, place: int) -> Prepared:
        request: Mapping[str, Any] = plan.points[place].request
        return self._prepare(unpacked(dict(request)))

    def _check(self, prepared: Prepared, plan: Plan, place: int) -> None:
        if prepared.identity != plan.points[place].identity:
            raise BlockedError(
                f"combination {', '.join(plan.points[place].values)} must be tried on the data that the sweep began "
                f"with, {prepared.source} has others here; begin it anew under another name"
            )

    @staticmethod
    def _failed(place: int, why: str) -> dict[str, Json]:
        return {
            "place": place, "id": "", "status": str(BacktestStatus.FAILED), "note": why, "summary": {}, "days": "",
            "returns": "",
        }  # fmt: skip
