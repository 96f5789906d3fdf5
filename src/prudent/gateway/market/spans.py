"""When contracts trade: stocks, the nearly round clock of futures, and FX, as spans of UTC and as the wire's text."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from prudent.exchange.paper.words import Hours, Phase
from prudent.ports import Calendar, Session

NEW_YORK = ZoneInfo("America/New_York")
CHICAGO = ZoneInfo("America/Chicago")
# As contract details name them: clients know these, and they are in every time zone table.
ZONE_TEXT = {NEW_YORK: "US/Eastern", CHICAGO: "US/Central"}
ONE_DAY = timedelta(days=1)
PRE_OPEN = time(4)
AFTER_CLOSE = timedelta(hours=4)
TEXT_DAYS = 6
# Nothing is shut longer.
LOOK_AHEAD_DAYS = 14


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """One trading day: regular hours `open` to `close`, and the widest hours `first` to `last`; all UTC."""

    day: date
    first: datetime
    open: datetime
    close: datetime
    last: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Hourly:
    """A round-the-clock market: each session's date opens the evening before at `opens` and ends at `closes`."""

    zone: ZoneInfo
    opens: time
    closes: time


GLOBEX = Hourly(zone=CHICAGO, opens=time(17), closes=time(16))
FX_HOURS = Hourly(zone=NEW_YORK, opens=time(17, 15), closes=time(17))


class Spans:
    """The trading days of one kind of contract, on the sessions of a calendar; `hourly` of None is a stock exchange.

    `extended` says whether it trades before the open and after the close. Round-the-clock markets rest where the
    stock exchange has no session, and keep no shortened days.
    """

    def __init__(self, calendar: Calendar, *, hourly: Hourly | None = None, extended: bool = False) -> None:
        self._calendar = calendar
        self._hourly = hourly
        self._extended = extended
        self._known: dict[date, Span | None] = {}
        # The last answer, and from when until when it is the same.
        self._told: tuple[datetime, datetime, Hours] | None = None

    @property
    def zone(self) -> ZoneInfo:
        return self._hourly.zone if self._hourly else NEW_YORK

    def on(self, day: date) -> Span | None:
        """The span of that trading day; None where nothing trades."""
        if day not in self._known:
            found = self._calendar.sessions(day, day)
            self._known[day] = self._span(found[0]) if found else None
        return self._known[day]

    def ahead(self, at: datetime) -> Iterator[Span]:
        """The spans that have not ended at that moment, ascending; the first may be in progress."""
        day = at.astimezone(self.zone).date()
        for number in range(LOOK_AHEAD_DAYS):
            span = self.on(day + number * ONE_DAY)
            if span is not None and span.last > at:
                yield span

    def hours(self, at: datetime) -> Hours:
        """The phase at a moment.

        Once the regular session is over, `open` and `close` are the next one's, while `day_end` stays the end of
        the day in progress.
        """
        told = self._told
        if told is None or not told[0] <= at < told[1]:
            told = self._told = (at, *self._hours(at))
        return told[2]

    def _hours(self, at: datetime) -> tuple[datetime, Hours]:
        """The hours at a moment, and until when they are these."""
        spans = self.ahead(at)
        now = next(spans)
        if at >= now.close:
            coming = next(spans)
            return now.last, Hours(phase=Phase.AFTER, open=coming.open, close=coming.close, day_end=now.last)
        ends = ((now.first, Phase.CLOSED), (now.open, Phase.PRE), (now.close, Phase.REGULAR))
        until, phase = next((end, phase) for end, phase in ends if at < end)
        return until, Hours(phase=phase, open=now.open, close=now.close, day_end=now.last)

    def day_begun(self, at: datetime) -> datetime:
        """When the trading day in progress, or the last one before `at`, began."""
        day = at.astimezone(self.zone).date() + ONE_DAY
        for number in range(LOOK_AHEAD_DAYS):
            span = self.on(day - number * ONE_DAY)
            if span is not None and span.first <= at:
                return span.first
        return at

    def text(self, at: datetime, *, liquid: bool) -> str:
        """The coming days as contract details say them: `20221228:0930-20221228:1600;20221231:CLOSED`."""
        first = at.astimezone(self.zone).date()
        parts = []
        for number in range(TEXT_DAYS):
            day = first + number * ONE_DAY
            span = self.on(day)
            if span is None:
                parts.append(f"{day:%Y%m%d}:CLOSED")
            else:
                start, end = (span.open, span.close) if liquid else (span.first, span.last)
                ends = (moment.astimezone(self.zone) for moment in (start, end))
                parts.append("-".join(f"{moment:%Y%m%d:%H%M}" for moment in ends))
        return ";".join(parts)

    def _span(self, session: Session) -> Span:
        if self._hourly is None:
            first, last = session.open, session.close
            if self._extended:
                first = datetime.combine(session.date, PRE_OPEN, NEW_YORK).astimezone(UTC)
                last = session.close + AFTER_CLOSE
            return Span(day=session.date, first=first, open=session.open, close=session.close, last=last)
        start = datetime.combine(session.date - ONE_DAY, self._hourly.opens, self._hourly.zone).astimezone(UTC)
        end = datetime.combine(session.date, self._hourly.closes, self._hourly.zone).astimezone(UTC)
        # A Monday's trading day opens on Sunday evening: the day before is then always the evening before.
        return Span(day=session.date, first=start, open=start, close=end, last=end)
