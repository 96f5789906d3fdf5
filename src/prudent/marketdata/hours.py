"""The hours around a session in which US exchanges trade too: from 04:00 on, and four hours after the close."""

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta
from enum import StrEnum

from prudent.ports import Calendar, Session

# From 04:00 to 09:30 New York time; to 20:00, or 17:00 after a half day.
BEFORE_OPEN = timedelta(hours=5, minutes=30)
AFTER_CLOSE = timedelta(hours=4)


class Hours(StrEnum):
    """A part of a trading day."""

    PRE = "pre"
    REGULAR = "regular"
    AFTER = "after"

    def span(self, session: Session) -> tuple[datetime, datetime]:
        """Begin (inclusive) and end (exclusive) of this part of a session's day."""
        if self is Hours.PRE:
            return session.open - BEFORE_OPEN, session.open
        if self is Hours.AFTER:
            return session.close, session.close + AFTER_CLOSE
        return session.open, session.close

    def holds(self, session: Session, moment: datetime) -> bool:
        begin, end = self.span(session)
        return begin <= moment < end


class LongDays:
    """Implements `Calendar` over another one, its sessions longer by the hours before the open or after the close."""

    def __init__(self, inner: Calendar, hours: Hours) -> None:
        self._inner = inner
        self._hours = hours

    def session_of(self, moment: datetime) -> Session:
        return self._long(self._inner.session_of(moment))

    def is_open(self, moment: datetime) -> bool:
        session = self.session_of(moment)
        return session.open <= moment < session.close

    def next_open(self, moment: datetime) -> datetime:
        session = self.session_of(moment)
        if session.open >= moment:
            return session.open
        # No session is as long as a day, so that the next one is another day's.
        return self.session_of(moment + timedelta(days=1)).open

    def sessions(self, first: date, last: date) -> Sequence[Session]:
        return tuple(self._long(each) for each in self._inner.sessions(first, last))

    def completed(self, moment: datetime, count: int) -> Sequence[Session]:
        found = [self._long(each) for each in self._inner.completed(moment, count + 1)]
        return tuple(found[: bisect_right([each.close for each in found], moment)][-count:])

    def _long(self, session: Session) -> Session:
        begin, end = self._hours.span(session)
        return replace(session, open=min(begin, session.open), close=max(end, session.close))
