"""Let simulated time pass: from open to close to scheduled time, valuing every account on the way."""

from collections.abc import Callable
from datetime import datetime, timedelta

from prudent.bootstrap import Desk
from prudent.clock import SimulatedClock
from prudent.domain.errors import InputError
from prudent.ports import Session
from prudent.workflows.recovery import settle_orders
from prudent.workflows.schedule import due_times
from prudent.workflows.valuation import value_account

AFTER_OPEN = timedelta(minutes=30)


def advance(desk: Desk, to: datetime, *, work: Callable[[Desk], None] | None = None) -> None:
    """Move the simulated clock to `to`, stopping on the way at every open, close and scheduled time.

    At each stop orders are settled and accounts valued; `work` is what an engine does there (`passing.attend`).

    Raises:
        InputError: the desk runs on wall time, or `to` lies before the clock.
    """
    clock = desk.clock
    if not isinstance(clock, SimulatedClock):
        raise InputError("only a simulated clock can be advanced; this desk runs on wall time with live data")
    if to < clock.now():
        raise InputError(f"the clock stands at {clock.now():%Y-%m-%d %H:%M} UTC and cannot go back to {to:%Y-%m-%d}")
    for moment in _stops(desk, to, scheduled=work is not None):
        clock.move_to(moment)
        mark(desk)
        if work is not None:
            work(desk)
    clock.move_to(to)


def _stops(desk: Desk, to: datetime, *, scheduled: bool) -> list[datetime]:
    now = desk.clock.now()
    sessions = desk.calendar.sessions(now.date(), to.date())
    stops = {moment for session in sessions for moment in (session.open, session.close) if now < moment <= to}
    return sorted(stops | set(due_times(desk, now, to) if scheduled else ()))


def after_open(session: Session) -> datetime:
    """The moment of a session at which cycles run by default: half an hour after its open."""
    return session.open + AFTER_OPEN


def next_sessions(desk: Desk, count: int) -> tuple[datetime, ...]:
    """The default cycle times of the next `count` sessions after the clock's own."""
    now = desk.clock.now()
    current = desk.calendar.session_of(now)
    first = current.date + timedelta(days=1 if after_open(current) <= now else 0)
    found = desk.calendar.sessions(first, first + timedelta(days=count * 2 + 10))
    return tuple(after_open(session) for session in found[:count])


def mark(desk: Desk) -> None:
    """Settle resting orders at the venue and value each open account at the clock's time."""
    for account in desk.account_ids():
        if desk.is_open_account(account):
            settle_orders(desk, account)
            value_account(desk, account)
