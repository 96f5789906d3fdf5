"""Replays a whole run: every cycle from its record, and for a backtest the window itself, compared byte for byte."""

import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from hashlib import sha256
from pathlib import Path

import numpy as np

from prudent.backtest.book import fills_of, late_fills, load, records_of
from prudent.backtest.books import parse
from prudent.backtest.columnar_rows import rows_of
from prudent.backtest.kept import kept_request
from prudent.backtest.masked import trail_of
from prudent.backtest.places import folder_of
from prudent.backtest.recorded import WHATIF, recording_of, request_of
from prudent.backtest.remembered import Recorded
from prudent.backtest.run import Playing, Prepared, prepare, staged
from prudent.backtest.walk import Progress, Walk
from prudent.bootstrap import Desk
from prudent.domain.cycles import CycleRecord
from prudent.domain.errors import InputError
from prudent.domain.performance import FillTable, NavSeries
from prudent.domain.reasoning import Call
from prudent.domain.records import Json, canonical, digest, encode
from prudent.ledger import open_ledger
from prudent.ledger.backtests import BacktestRow
from prudent.pipeline.replay import first_difference, replay
from prudent.registry import strategy_of

_NAV = ("days", "nav", "flow", "cash", "gross", "net", "low", "stale")
_FILLS = ("day", "symbol", "quantity", "price", "fees", "arrival", "cause")


@dataclass(frozen=True, slots=True, kw_only=True)
class RunDifference:
    """The first place of a cycle, or of the run's values, that is not as it was."""

    where: str
    stage: str
    path: str
    recorded: str
    rebuilt: str

    def __str__(self) -> str:
        return f"{self.where}: {self.stage} differs at {self.path}: recorded {self.recorded}, rebuilt {self.rebuilt}"


@dataclass(frozen=True, slots=True, kw_only=True)
class RunReplayed:
    """`recorded` and `rebuilt` name all records, values and fills of a backtest; empty where no window was run.

    `notes` say what was left out of the comparison, and why.
    """

    run: str
    cycles: int
    stages: int
    sessions: int
    recorded: str
    rebuilt: str
    differences: tuple[RunDifference, ...]
    notes: tuple[str, ...] = ()

    @property
    def identical(self) -> bool:
        return not self.differences


def replay_run(desk: Desk, name: str, progress: Progress | None = None) -> RunReplayed:
    """Replay every cycle of `account/number` or `account/bnumber`, and run a backtest's window again.

    Raises:
        InputError: there is no such run, it recorded nothing, or it is a what-if.
        StoreError: a backtest's files are gone.
    """
    wanted = parse(name)
    if wanted.number is None:
        raise InputError(f"a run must be ACCOUNT/NUMBER or ACCOUNT/bNUMBER, was {name!r}; see `invest runs list`")
    if wanted.is_backtest:
        return _backtest(desk, desk.ledger.backtests.find(wanted.account, wanted.number), progress)
    records = records_of(desk.ledger, wanted.account, run=wanted.number)
    if not records:
        raise InputError(f"{name} must have recorded a cycle to be replayed, has none; see `invest runs list`")
    stages, differences = _cycles(records)
    return RunReplayed(
        run=name, cycles=len(records), stages=stages, sessions=0, recorded="", rebuilt="", differences=differences
    )


def _backtest(desk: Desk, row: BacktestRow, progress: Progress | None) -> RunReplayed:
    if row.sweep == WHATIF:
        raise InputError(f"{row.id} is a what-if; replay the run that it was made of")
    folder = folder_of(desk, row.account, row.number)
    records = _kept_records(desk, row)
    stages, differences = _cycles(records)
    prepared, notes = _prepared(desk, row, folder)
    if prepared.data_hash != row.data_hash:
        changed = RunDifference(
            where=row.id, stage="data", path="data_hash", recorded=row.data_hash, rebuilt=prepared.data_hash
        )
        return RunReplayed(
            run=row.id, cycles=len(records), stages=stages, sessions=0, recorded="", rebuilt="",
            differences=(*differences, changed), notes=(*notes, "the window was not run again: its data are others"),
        )  # fmt: skip
    book = load(folder)
    was = _Outcome(records=records, nav=book.nav, fills=book.fills)
    now = _again(desk, prepared, folder, records, progress)
    code = records[0].code_version if records else desk.code_version
    if code != desk.code_version:
        notes = (*notes, f"made by code {code}, replayed by {desk.code_version}: the two names are not compared")
        now = replace(now, records=[replace(each, code_version=code) for each in now.records])
    return RunReplayed(
        run=row.id, cycles=len(records), stages=stages, sessions=len(prepared.sessions), recorded=was.digest(),
        rebuilt=now.digest(), differences=(*differences, *_first(row.id, was, now)), notes=notes,
    )  # fmt: skip


def _kept_records(desk: Desk, row: BacktestRow) -> list[CycleRecord]:
    ledger = open_ledger(rows_of(desk, row), owner=desk.ledger.owner, durable=False)
    try:
        return records_of(ledger, row.account)
    finally:
        ledger.close()


def _prepared(desk: Desk, row: BacktestRow, folder: Path) -> tuple[Prepared, tuple[str, ...]]:
    request = kept_request(folder)
    notes: tuple[str, ...] = ()
    if request is None:
        request = request_of(desk, recording_of(desk, row.id))
        notes = ("its request was not kept: it is taken from its book, and its schedule from the account's of today",)
    return prepare(desk, request), notes


def _cycles(records: list[CycleRecord]) -> tuple[int, tuple[RunDifference, ...]]:
    """How many stages were rebuilt, and the first difference of each cycle that has one."""
    stages = 0
    found = []
    for record in records:
        result = replay(record, strategy_of(record))
        stages += len(result.stages)
        found += [
            RunDifference(
                where=record.id, stage=each.stage, path=each.path, recorded=each.recorded, rebuilt=each.rebuilt
            )
            for each in result.differences[:1]
        ]
    return stages, tuple(found)


# The window again


@dataclass(frozen=True, slots=True, kw_only=True)
class _Outcome:
    """All that a backtest came to: what its cycles recorded, what the account was worth, and what traded."""

    records: list[CycleRecord]
    nav: NavSeries
    fills: FillTable

    def digest(self) -> str:
        seal = sha256(digest([digest(encode(record)) for record in self.records]).encode())
        for name, column in self.columns().items():
            seal.update(name.encode() + b"\0" + np.ascontiguousarray(column).tobytes())
        seal.update(canonical([*self.fills.symbols, *self.fills.causes]))
        return seal.hexdigest()

    def columns(self) -> Mapping[str, np.ndarray]:
        return {
            **{f"nav.{name}": getattr(self.nav, name) for name in _NAV},
            **{f"fills.{name}": getattr(self.fills, name) for name in _FILLS},
        }


def _again(
    desk: Desk, prepared: Prepared, folder: Path, records: list[CycleRecord], progress: Progress | None
) -> _Outcome:  # fmt: skip
    """Run the window from its request, in a folder that goes away; a model is not asked, its recorded replies are."""
    masked = (Call(question=each.question, reply=each.reply) for each in trail_of(folder))
    model = Recorded(records, desk.language, others=masked)
    with (
        tempfile.TemporaryDirectory(prefix="prudent-replay-") as place,
        staged(desk, prepared, Path(place) / "again", Playing(model=model)) as stage,
    ):
        told = Walk(stage, prepared.due, within=prepared.within, progress=progress).run()
        made = records_of(stage.desk.ledger, prepared.request.account)
        late = late_fills(stage.desk.ledger, prepared.request.account, made)
    return _Outcome(records=made, nav=told.values.series(prepared.request.cash), fills=fills_of(made, late))


def _first(run: str, was: _Outcome, now: _Outcome) -> Iterator[RunDifference]:
    """The first difference of the window run again, if there is one."""
    for one, other in zip(was.records, now.records):
        recorded, rebuilt = encode(one), encode(other)
        if canonical(recorded) != canonical(rebuilt):
            path, before, after = first_difference(recorded, rebuilt)
            yield RunDifference(where=one.id, stage="run again", path=path, recorded=before, rebuilt=after)
            return
    if len(was.records) != len(now.records):
        yield _count(run, "cycles", len(was.records), len(now.records))
        return
    for name, column in was.columns().items():
        other_column = now.columns()[name]
        if len(column) != len(other_column):
            yield _count(run, name, len(column), len(other_column))
            return
        different = np.flatnonzero([a.tobytes() != b.tobytes() for a, b in zip(column, other_column)])
        if len(different):
            at = int(different[0])
            yield RunDifference(
                where=run, stage="run again", path=f"{name}[{at}]", recorded=str(column[at]),
                rebuilt=str(other_column[at]),
            )  # fmt: skip
            return


def _count(run: str, path: str, was: int, now: int) -> RunDifference:
    return RunDifference(where=run, stage="run again", path=path, recorded=str(was), rebuilt=str(now))


def data_of(result: RunReplayed) -> dict[str, Json]:
    """The result for machines."""
    found = encode(result)
    assert isinstance(found, dict)
    return {**found, "identical": result.identical}
