"""Counts and ages of a ledger for monitoring: read by whoever serves them, without the engine."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import and_, bindparam, func, select

from prudent.domain.orders import OrderStatus
from prudent.domain.records import utc_text
from prudent.ledger import audit, queries, reconciliations
from prudent.ledger.database import Database
from prudent.ledger.journal import moment
from prudent.ledger.reconciliations import Reconciled
from prudent.ledger.schema import CYCLES, ORDERS, RECONCILIATIONS, VERDICT_COUNTS, mine

_CYCLES = (
    select(CYCLES.c.account, CYCLES.c.status, func.count().label("n"))
    .where(mine(CYCLES))
    .group_by(CYCLES.c.account, CYCLES.c.status)
    .order_by(CYCLES.c.account, CYCLES.c.status)
)
_FINISHED = (
    select(CYCLES.c.run, CYCLES.c.cycle, CYCLES.c.started, CYCLES.c.finished)
    .where(mine(CYCLES, "account"), CYCLES.c.started.is_not(None), CYCLES.c.finished >= bindparam("since"))
    .order_by(CYCLES.c.finished, CYCLES.c.run, CYCLES.c.cycle)
)
_LAST_RUN = select(func.max(CYCLES.c.run).label("run")).where(mine(CYCLES, "account"), CYCLES.c.started.is_not(None))
_LAST_CYCLE = (
    select(CYCLES)
    .where(mine(CYCLES, "account", "run"), CYCLES.c.started.is_not(None))
    .order_by(CYCLES.c.cycle.desc())
    .limit(1)
)
_ORDERS = (
    select(ORDERS.c.account, ORDERS.c.state, func.count().label("n"))
    .where(mine(ORDERS))
    .group_by(ORDERS.c.account, ORDERS.c.state)
    .order_by(ORDERS.c.account, ORDERS.c.state)
)
_UNKNOWN = (
    select(
        ORDERS.c.account, func.count().label("n"),
        func.min(func.coalesce(ORDERS.c.sent, ORDERS.c.updated)).label("at"),
    )
    .where(and_(mine(ORDERS), ORDERS.c.state == str(OrderStatus.UNKNOWN)))
    .group_by(ORDERS.c.account)
)  # fmt: skip
_REFUSALS = (
    select(VERDICT_COUNTS.c.account, VERDICT_COUNTS.c.guard, func.sum(VERDICT_COUNTS.c.refusals).label("n"))
    .where(mine(VERDICT_COUNTS))
    .group_by(VERDICT_COUNTS.c.account, VERDICT_COUNTS.c.guard)
    .order_by(VERDICT_COUNTS.c.account, VERDICT_COUNTS.c.guard)
)
_RECONCILED = select(RECONCILIATIONS).where(mine(RECONCILIATIONS)).order_by(RECONCILIATIONS.c.account)


@dataclass(frozen=True, slots=True, kw_only=True)
class Tally:
    """How many of a kind an account has."""

    account: str
    kind: str
    count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class FinishedCycle:
    """When a cycle was worked on; `place` is its run and number."""

    place: tuple[int, int]
    started: datetime
    finished: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class LastCycle:
    """An account's newest cycle that has begun to work; `recorded` when its record can be read."""

    id: str
    scheduled: datetime
    started: datetime
    finished: datetime | None
    recorded: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Unsettled:
    """Orders of an account whose fate is not known, and since when the oldest of them."""

    account: str
    count: int
    since: datetime


class Measures:
    """What monitoring reads of one owner."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def cycles(self) -> tuple[Tally, ...]:
        """Cycles by account and status."""
        with self._database.read() as tx:
            return tuple(Tally(account=r["account"], kind=r["status"], count=int(r["n"])) for r in tx.all(_CYCLES))

    def orders(self) -> tuple[Tally, ...]:
        """Orders by account and state."""
        with self._database.read() as tx:
            return tuple(Tally(account=r["account"], kind=r["state"], count=int(r["n"])) for r in tx.all(_ORDERS))

    def refusals(self) -> tuple[Tally, ...]:
        """Orders refused, by account and guard."""
        with self._database.read() as tx:
            return tuple(Tally(account=r["account"], kind=r["guard"], count=int(r["n"])) for r in tx.all(_REFUSALS))

    def finished(self, account: str, *, since: datetime | None = None) -> tuple[FinishedCycle, ...]:
        """An account's cycles that ended at `since` or later, in the order of their end."""
        with self._database.read() as tx:
            return tuple(
                FinishedCycle(
                    place=(row["run"], row["cycle"]), started=moment(row["started"]), finished=moment(row["finished"])
                )
                for row in tx.all(_FINISHED, account=account, since="" if since is None else utc_text(since))
            )

    def last_cycle(self, account: str) -> LastCycle | None:
        with self._database.read() as tx:
            newest = tx.one(_LAST_RUN, account=account)
            row = None if newest is None else tx.one(_LAST_CYCLE, account=account, run=newest["run"])
        if row is None:
            return None
        return LastCycle(
            id=f"{account}/{row['run']}/{row['cycle']}", scheduled=moment(row["scheduled"]),
            started=moment(row["started"]), finished=queries.maybe_moment(row["finished"]),
            recorded=row["record_digest"] is not None,
        )  # fmt: skip

    def unsettled(self) -> tuple[Unsettled, ...]:
        with self._database.read() as tx:
            return tuple(
                Unsettled(account=row["account"], count=int(row["n"]), since=moment(row["at"]))
                for row in tx.all(_UNKNOWN)
            )

    def reconciled(self) -> tuple[Reconciled, ...]:
        """When each account was last held against its broker."""
        with self._database.read() as tx:
            return tuple(reconciliations.row_of(row) for row in tx.all(_RECONCILED))

    def audit_rows(self) -> int:
        """The number of the audit chain's head."""
        with self._database.read() as tx:
            return audit.head(tx).seq
