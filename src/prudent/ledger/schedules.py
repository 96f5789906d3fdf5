"""Schedules as stored rows: paused or active, how far they have been looked at, and what became of each due time."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import bindparam, insert, select, update

from prudent.domain.records import utc_text
from prudent.ledger import accounts, audit
from prudent.ledger.database import Row, Transaction
from prudent.ledger.journal import moment
from prudent.ledger.schema import SCHEDULE_RUNS, SCHEDULES, mine

ACTIVE, PAUSED = "active", "paused"
STARTED, SKIPPED = "started", "skipped"

_ONE = select(SCHEDULES).where(mine(SCHEDULES, "account"))
_ADD = insert(SCHEDULES)
_SET = (
    update(SCHEDULES)
    .where(mine(SCHEDULES, "account"))
    .values(state=bindparam("b_state"), reason=bindparam("b_reason"), at=bindparam("b_at"))
)
_LOOKED = update(SCHEDULES).where(mine(SCHEDULES, "account")).values(last_due=bindparam("b_last_due"))
_RUN = select(SCHEDULE_RUNS.c.outcome).where(mine(SCHEDULE_RUNS, "account", "due"))
_ADD_RUN = insert(SCHEDULE_RUNS)
_RUNS = (
    select(SCHEDULE_RUNS)
    .where(mine(SCHEDULE_RUNS, "account"))
    .order_by(SCHEDULE_RUNS.c.due.desc())
    .limit(bindparam("most"))
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class ScheduleStanding:
    """Where an account's schedule stands; `looked_until` None before anybody has looked at it."""

    state: str = ACTIVE
    reason: str = ""
    looked_until: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ScheduleRun:
    """What became of one due time: `started`, or `skipped` with the reason."""

    account: str
    due: datetime
    outcome: str
    reason: str
    cycle: str | None


def standing(tx: Transaction, account: str) -> ScheduleStanding:
    row = tx.one(_ONE, account=account)
    if row is None:
        return ScheduleStanding()
    looked = None if row["last_due"] is None else moment(row["last_due"])
    return ScheduleStanding(state=row["state"], reason=row["reason"], looked_until=looked)


def set_state(tx: Transaction, account: str, state: str, *, reason: str, at: datetime) -> None:
    """Pause or resume an account's schedule."""
    _ensure(tx, account, at)
    tx.run(_SET, account=account, b_state=state, b_reason=reason, b_at=utc_text(at))
    audit.note(tx, f"schedule_{state}", account, at, {"reason": reason})


def looked(tx: Transaction, account: str, *, until: datetime) -> None:
    """Everything that was due up to `until` has been started or skipped."""
    _ensure(tx, account, until)
    tx.run(_LOOKED, account=account, b_last_due=utc_text(until))


def note_run(tx: Transaction, run: ScheduleRun, *, at: datetime) -> bool:
    """Store what became of a due time, once; True when it was new."""
    if tx.one(_RUN, account=run.account, due=utc_text(run.due)) is not None:
        return False
    tx.run(
        _ADD_RUN, account=run.account, due=utc_text(run.due), outcome=run.outcome, reason=run.reason, at=utc_text(at),
        cycle_id=run.cycle,
    )  # fmt: skip
    facts = {"due": utc_text(run.due), "outcome": run.outcome, "reason": run.reason, "cycle": run.cycle}
    audit.note(tx, "schedule_run", run.account, at, dict(facts))
    return True


def recent(tx: Transaction, account: str, most: int) -> tuple[ScheduleRun, ...]:
    """The latest due times and what became of them, newest first."""
    return tuple(_run(row) for row in tx.all(_RUNS, account=account, most=most))


def _run(row: Row) -> ScheduleRun:
    return ScheduleRun(
        account=row["account"], due=moment(row["due"]), outcome=row["outcome"], reason=row["reason"],
        cycle=row["cycle_id"],
    )  # fmt: skip


def _ensure(tx: Transaction, account: str, at: datetime) -> None:
    if tx.one(_ONE, account=account) is None:
        accounts.find(tx, account)
        tx.run(_ADD, account=account, state=ACTIVE, reason="", at=utc_text(at), last_due=None)
