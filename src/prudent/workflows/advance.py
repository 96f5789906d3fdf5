"""Let simulated time pass: session by session, valuing every account at each open and close on the way."""

from datetime import datetime, timedelta

from prudent.bootstrap import Desk
from prudent.clock import SimulatedClock
from prudent.domain.errors import InputError
from prudent.ports import Session
from prudent.workflows.recovery import settle_orders
from prudent.workflows.valuation import value_account

AFTER_OPEN = timedelta(minutes=30)


def advance(desk: Desk, to: datetime) -> None:
    """Move the simulated clock to `to`, stopping at every open and close between to settle orders and value accounts.

    Raises:
        InputError: the desk runs on wall time, or `to` lies before the clock.
    """
    clock = desk.clock
    if not isinstance(clock, SimulatedClock):
        raise InputError("only a simulated clock can be advanced; this desk runs on wall time with live data")
    if to < clock.now():
        raise InputError(f"the clock stands at {clock.now():%Y-%m-%d %H:%M} UTC and cannot go back to {to:%Y-%m-%d}")
    for session in desk.calendar.sessions(clock.now().date(), to.date()):
        for moment in (session.open, session.close):
            if clock.now() < moment <= to:
                clock.move_to(moment)
                mark(desk)
    clock.move_to(to)


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
