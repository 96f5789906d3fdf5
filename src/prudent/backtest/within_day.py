"""Decisions within the session: at which moments, and how long an order waits for the next bar."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from prudent.backtest.request import Cadence, Request
from prudent.domain.errors import InputError
from prudent.ports import Calendar, MarketData, Session
from prudent.registry import IN_SESSION
from prudent.settings.timetable import timetables

# The bars of a strategy that decides by its own schedule.
BAR_MINUTES = 30


@dataclass(frozen=True, slots=True, kw_only=True)
class WithinDay:
    """When an account decides inside its sessions; `bar` is how long an order waits for a price that it did not see."""

    bar: timedelta
    due: dict[date, tuple[datetime, ...]]

    def looks(self, session: Session) -> tuple[datetime, ...]:
        """Every end of a bar and every due time inside the session, ascending; at each, stops are looked at."""
        moments = set(self.due.get(session.date, ()))
        moment = session.open + self.bar
        while moment < session.close:
            moments.add(moment)
            moment += self.bar
        return tuple(sorted(moments))

    def is_due(self, session: Session, moment: datetime) -> bool:
        return moment in self.due.get(session.date, ())


def within_day(request: Request, sessions: Sequence[Session], calendar: Calendar) -> WithinDay | None:
    """When the request decides within sessions; None where it decides at closes."""
    minutes = request.cadence.minutes
    if minutes is not None:
        bar = timedelta(minutes=minutes)
        due = {session.date: tuple(_ends(session, bar)) for session in sessions}
        return WithinDay(bar=bar, due=due)
    if request.mandate.strategy not in IN_SESSION or request.cadence is not Cadence.ACCOUNT:
        return None
    found: dict[date, list[datetime]] = {}
    for line in timetables(request.schedule):
        for moment in line.between(sessions[0].open, sessions[-1].close, calendar):
            session = calendar.session_of(moment)
            if session.open <= moment < session.close:
                found.setdefault(session.date, []).append(moment)
    if not found:
        raise InputError(
            f"account {request.account} decides within the session and needs a schedule or a --cadence in minutes "
            "for that, has none; add --cadence 30min"
        )
    return WithinDay(
        bar=timedelta(minutes=BAR_MINUTES), due={day: tuple(sorted(set(each))) for day, each in found.items()}
    )


def check_bars(market: MarketData, symbols: Sequence[str], within: WithinDay, session: Session) -> None:
    """Refuse a source that has no bars within its sessions; `market` stands at the session's close."""
    minutes = int(within.bar / timedelta(minutes=1))
    if not symbols:
        return
    found = market.bars(symbols[:1], minutes=minutes, start=session.open, end=session.close)
    if not len(found.times):
        raise InputError(
            f"source {market.source} must have bars of {minutes} minutes for this cadence, has none; use --cadence "
            "daily, or another source"
        )


def _ends(session: Session, bar: timedelta) -> list[datetime]:
    moments, moment = [], session.open + bar
    while moment < session.close:
        moments.append(moment)
        moment += bar
    return moments
