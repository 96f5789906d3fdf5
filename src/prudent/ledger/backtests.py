"""Backtests that were begun, numbered by account; none is ever taken away, for each was a look at its history."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum

from sqlalchemy import bindparam, func, insert, select, update

from prudent.domain.errors import BlockedError, InputError
from prudent.domain.records import Json, canonical, utc_text
from prudent.ledger.accounts import be_known
from prudent.ledger.database import Database, Row, Transaction
from prudent.ledger.journal import moment
from prudent.ledger.schema import BACKTESTS, mine


class BacktestStatus(StrEnum):
    """`partial`: it ended early and kept what it had; `failed`: it left no result."""

    RUNNING = "running"
    COMPLETED = "completed"
    PARTIAL = "partial"
    FAILED = "failed"
    CANCELLED = "cancelled"


_ONE = select(BACKTESTS).where(mine(BACKTESTS, "account", "number"))
_ALL = select(BACKTESTS).where(mine(BACKTESTS)).order_by(BACKTESTS.c.created.desc(), BACKTESTS.c.number.desc())
_OF_ACCOUNT = select(BACKTESTS).where(mine(BACKTESTS, "account")).order_by(BACKTESTS.c.number.desc())
_OF_SWEEP = select(BACKTESTS).where(mine(BACKTESTS, "sweep")).order_by(BACKTESTS.c.account, BACKTESTS.c.number)
_SAME = select(BACKTESTS).where(mine(BACKTESTS, "identity")).order_by(BACKTESTS.c.created)
_ENDED = (
    select(BACKTESTS.c.identity, BACKTESTS.c.status, BACKTESTS.c.sweep)
    .where(mine(BACKTESTS, "account"), BACKTESTS.c.status != str(BacktestStatus.RUNNING))
    .order_by(BACKTESTS.c.number)
)
_LAST = select(func.max(BACKTESTS.c.number).label("number")).where(mine(BACKTESTS, "account"))
_ADD = insert(BACKTESTS)
_TRIALS = (
    select(BACKTESTS.c.identity)
    .distinct()
    .where(
        mine(BACKTESTS, "source"), BACKTESTS.c.first <= bindparam("b_last"), BACKTESTS.c.last >= bindparam("b_first")
    )
)
_SEALED = select(BACKTESTS.c.account, BACKTESTS.c.number, BACKTESTS.c.identity).where(
    mine(BACKTESTS, "source", "strategy_version", "opened_seal")
)
_END = (
    update(BACKTESTS)
    .where(mine(BACKTESTS, "account", "number"))
    .values(
        status=bindparam("b_status"), finished=bindparam("b_finished"), summary=bindparam("b_summary"),
        evidence=bindparam("b_evidence"), note=bindparam("b_note"),
    )
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class BacktestRow:
    """One backtest, `account/bNUMBER`; `summary` holds its main figures once it ended with a result."""

    account: str
    number: int
    status: BacktestStatus
    created: datetime
    finished: datetime | None
    source: str
    first: date
    last: date
    cadence: str
    fill: str
    model: str
    strategy_version: str
    identity: str
    code_version: str
    data_hash: str
    sweep: str
    evidence: str
    opened_seal: bool
    note: str
    summary: Mapping[str, Json]

    @property
    def id(self) -> str:
        return f"{self.account}/b{self.number}"


@dataclass(frozen=True, slots=True, kw_only=True)
class NewBacktest:
    """What is known when a backtest begins."""

    account: str
    source: str
    first: date
    last: date
    cadence: str
    fill: str
    model: str
    strategy_version: str
    identity: str
    code_version: str
    data_hash: str
    sweep: str = ""
    opened_seal: bool = False


class Backtests:
    """The list of backtests of one owner."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def begin(self, new: NewBacktest, *, at: datetime) -> BacktestRow:
        """Take the account's next number; from here on it counts as a look at its window.

        Raises:
            BlockedError: it opens the sealed window, and another one of its version has done so meanwhile.
        """
        with self._database.write() as tx:
            be_known(tx, at)
            if new.opened_seal:
                _check_seal(tx, new)
            last = tx.one(_LAST, account=new.account)
            number = int((last["number"] if last else 0) or 0) + 1
            tx.run(
                _ADD, account=new.account, number=number, status=str(BacktestStatus.RUNNING), created=utc_text(at),
                finished=None, source=new.source, first=new.first.isoformat(), last=new.last.isoformat(),
                cadence=new.cadence, fill=new.fill, model=new.model, strategy_version=new.strategy_version,
                identity=new.identity, code_version=new.code_version, data_hash=new.data_hash, sweep=new.sweep,
                evidence=None, summary=None, note="", opened_seal=int(new.opened_seal),
            )  # fmt: skip
            row = tx.one(_ONE, account=new.account, number=number)
        assert row is not None
        return _row(row)

    def end(
        self, row: BacktestRow, status: BacktestStatus, *, at: datetime, summary: Mapping[str, Json] | None = None,
        evidence: str = "", note: str = "",
    ) -> None:  # fmt: skip
        with self._database.write() as tx:
            tx.run(
                _END, account=row.account, number=row.number, b_status=str(status), b_finished=utc_text(at),
                b_summary=None if summary is None else canonical(dict(summary)).decode(), b_evidence=evidence or None,
                b_note=note,
            )  # fmt: skip

    def find(self, account: str, number: int) -> BacktestRow:
        """The backtest `account/bNUMBER`; an unknown one raises `InputError`."""
        with self._database.read() as tx:
            row = tx.one(_ONE, account=account, number=number)
        if row is None:
            raise InputError(f"backtest must be one that was run, was {account}/b{number}; see `invest backtests`")
        return _row(row)

    def listed(self, account: str | None = None, *, sweep: str = "") -> tuple[BacktestRow, ...]:
        """Newest first; those of a sweep in the order in which they were begun."""
        with self._database.read() as tx:
            if sweep:
                return _rows(tx.all(_OF_SWEEP, sweep=sweep))
            return _rows(tx.all(_ALL) if account is None else tx.all(_OF_ACCOUNT, account=account))

    def same(self, identity: str) -> tuple[BacktestRow, ...]:
        """Backtests that would give the same bytes, oldest first."""
        with self._database.read() as tx:
            return _rows(tx.all(_SAME, identity=identity))

    def ended(self, account: str, sweep: str) -> dict[str, BacktestStatus]:
        """How each identity of an account ended, by its latest word: any result, but failures of this sweep only."""
        with self._database.read() as tx:
            rows = tx.all(_ENDED, account=account)
        results = (str(BacktestStatus.COMPLETED), str(BacktestStatus.PARTIAL))
        return {
            row["identity"]: BacktestStatus(row["status"])
            for row in rows
            if row["status"] in results or (row["sweep"] == sweep and row["status"] == BacktestStatus.FAILED)
        }

    def trials(self, source: str, first: date, last: date) -> int:
        """How many different backtests have looked at any part of this window of a source."""
        with self._database.read() as tx:
            rows = tx.all(_TRIALS, source=source, b_first=first.isoformat(), b_last=last.isoformat())
        return len(rows)

    def seal_opened(self, source: str, strategy_version: str) -> tuple[str, str] | None:
        """Id and identity of the backtest with which this version of a strategy opened the sealed window."""
        with self._database.read() as tx:
            row = tx.one(_SEALED, source=source, strategy_version=strategy_version, opened_seal=1)
        return None if row is None else (f"{row['account']}/b{row['number']}", str(row["identity"]))


def _check_seal(tx: Transaction, new: NewBacktest) -> None:
    # Asked where the row is written: two that start at once must not both have the one look.
    rows = tx.all(_SEALED, source=new.source, strategy_version=new.strategy_version, opened_seal=1)
    other = next((row for row in rows if row["identity"] != new.identity), None)
    if other is not None:
        raise BlockedError(
            f"the sealed window must be opened once by a version of a strategy, was by {other['account']}/"
            f"b{other['number']}; end the window before it"
        )


def _rows(rows: Sequence[Row]) -> tuple[BacktestRow, ...]:
    return tuple(_row(row) for row in rows)


def _row(row: Row) -> BacktestRow:
    return BacktestRow(
        account=row["account"], number=row["number"], status=BacktestStatus(row["status"]),
        created=moment(row["created"]), finished=moment(row["finished"]) if row["finished"] else None,
        source=row["source"], first=date.fromisoformat(row["first"]), last=date.fromisoformat(row["last"]),
        cadence=row["cadence"], fill=row["fill"], model=row["model"], strategy_version=row["strategy_version"],
        identity=row["identity"], code_version=row["code_version"], data_hash=row["data_hash"], sweep=row["sweep"],
        evidence=row["evidence"] or "", opened_seal=bool(row["opened_seal"]), note=row["note"],
        summary=json.loads(row["summary"]) if row["summary"] else {},
    )  # fmt: skip
