"""Decisions within the session: at which moments, and how long an order waits for the next bar."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta

import numpy as np
from numpy.typing import NDArray

from prudent.backtest.history import Source
from prudent.backtest.request import Cadence, Request
from prudent.clock import SimulatedClock
from prudent.domain.errors import InputError
from prudent.domain.mandate import Mandate
from prudent.domain.orders import OrderType
from prudent.marketdata.hours import Hours
from prudent.ports import Calendar, Session
from prudent.registry import IN_SESSION
from prudent.settings.timetable import timetables

# The bars of a strategy that decides by its own schedule.
BAR_MINUTES = 30


@dataclass(frozen=True, slots=True, kw_only=True)
class WithinDay:
    """When an account decides inside its sessions, or in the `hours` around them.

    `bar` is how long an order waits for a price that it did not see.
    """

    bar: timedelta
    due: dict[date, tuple[datetime, ...]]
    hours: Hours = Hours.REGULAR

    def looks(self, session: Session) -> tuple[datetime, ...]:
        """Every end of a bar and every due time inside the session, ascending; at each, stops are looked at."""
        return tuple(sorted({*self.due.get(session.date, ()), *_ends(session, self.bar, self.hours)}))

    def is_due(self, session: Session, moment: datetime) -> bool:
        return moment in self.due.get(session.date, ())


def within_day(request: Request, sessions: Sequence[Session], calendar: Calendar) -> WithinDay | None:
    """When the request decides within sessions; None where it decides at closes."""
    minutes, hours = request.cadence.minutes, request.session
    if minutes is not None:
        _check_hours(request)
        bar = timedelta(minutes=minutes)
        due = {session.date: tuple(_ends(session, bar, hours)) for session in sessions}
        return WithinDay(bar=bar, due=due, hours=hours)
    if hours is not Hours.REGULAR:
        raise InputError(
            f"--session {hours} must come with a --cadence of 30min, 5min or 1min, had {request.cadence}; add one"
        )
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


def check_bars(source: Source, symbols: Sequence[str], within: WithinDay, sessions: Sequence[Session]) -> None:
    """Refuse a source that has no such bars: in the first session, or anywhere in the window in the hours around."""
    minutes = int(within.bar / timedelta(minutes=1))
    # The hours around a session are thin: a symbol may not trade in them for days.
    judged = sessions[:1] if within.hours is Hours.REGULAR else sessions
    spans = [within.hours.span(each) for each in judged]
    market = source(SimulatedClock(spans[-1][1]))
    for symbol in symbols[:1] if within.hours is Hours.REGULAR else symbols:
        found = market.bars((symbol,), minutes=minutes, start=spans[0][0], end=spans[-1][1])
        if not _any_within(found.times, spans):
            has = getattr(market, "bars_there", lambda symbol: "")(symbol) or "none"
            raise InputError(
                f"source {market.source} must have bars of {minutes} minutes of {symbol} in the session {within.hours} "
                f"for this cadence, has {has}; use --cadence daily, or another source"
            )


def limited(mandate: Mandate) -> Mandate:
    """The mandate as it trades around a session, where only limit orders do.

    Raises:
        InputError: it allows no limit orders.
    """
    if OrderType.LIMIT not in mandate.planning.order_types:
        raise InputError(
            f"account {mandate.account} must allow limit orders to trade outside the regular session, allows market "
            "orders only; correct planning.order_types"
        )
    return replace(mandate, planning=replace(mandate.planning, order_types=(OrderType.LIMIT,)))


def _check_hours(request: Request) -> None:
    if request.session is not Hours.REGULAR and request.mandate.strategy in IN_SESSION:
        raise InputError(
            f"strategy {request.mandate.strategy} judges by the regular session's bars and is flat at its close, was "
            f"asked for --session {request.session}; leave it out"
        )


def _any_within(times: NDArray[np.datetime64], spans: Sequence[tuple[datetime, datetime]]) -> bool:
    seconds = times.astype("datetime64[s]").astype(np.int64)
    begins = np.array([int(begin.timestamp()) for begin, _ in spans])
    ends = np.array([int(end.timestamp()) for _, end in spans])
    rows = np.searchsorted(begins, seconds, side="right") - 1
    return bool(np.any((rows >= 0) & (seconds < ends[np.maximum(rows, 0)])))


def _ends(session: Session, bar: timedelta, hours: Hours) -> list[datetime]:
    moment, end = hours.span(session)
    moments = []
    while (moment := moment + bar) < end:
        moments.append(moment)
    return moments
