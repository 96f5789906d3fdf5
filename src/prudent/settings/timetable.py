"""When an account's cycles are due: cron in an explicit time zone, or minutes from the exchange's open or close."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import islice
from zoneinfo import ZoneInfo

from prudent.domain.errors import InputError
from prudent.ports import Calendar
from prudent.settings.accounts import ScheduleSettings

# A wall time inside a spring gap lies up to two hours after its own spelling.
_GAP = timedelta(hours=3)
LOOK_BACK = timedelta(days=35)
LOOK_AHEAD = timedelta(days=400)
MOST = 5000
_RELATIVE = re.compile(r"(open|close)(?:([+-])(?:(\d+)h)?(?:(\d+)m)?)?")


@dataclass(frozen=True, slots=True, kw_only=True)
class Timetable:
    """One line of a schedule: `cron` with its `zone`, or `anchor` (open, close) with an `offset`.

    A local time that the clocks skip is due when they have gone on by the same gap; one that comes twice is due once,
    the first time. `open+4h` is not due on a half day that has closed by then.
    """

    spelled: str
    missed: str
    cron: str = ""
    zone: ZoneInfo | None = None
    anchor: str = ""
    offset: timedelta = timedelta(0)

    def between(self, after: datetime, upto: datetime, calendar: Calendar) -> list[datetime]:
        """The due times in (after, upto], ascending, in UTC."""
        if self.cron:
            return sorted({each for each in self._cron_times(after, upto) if after < each <= upto})
        return [each for each in self._session_times(after, upto, calendar) if after < each <= upto]

    def next_after(self, moment: datetime, calendar: Calendar) -> datetime | None:
        """The first due time after `moment`; None when there is none within the calendar."""
        for days in (7, 40, LOOK_AHEAD.days):
            try:
                found = self.between(moment, moment + timedelta(days=days), calendar)
            except InputError:  # past the end of the calendar
                return None
            if found:
                return found[0]
        return None

    def _cron_times(self, after: datetime, upto: datetime) -> Iterator[datetime]:
        from croniter import croniter

        assert self.zone is not None, "a cron line has its time zone"
        local = (after - _GAP).astimezone(self.zone).replace(tzinfo=None)
        end = upto.astimezone(self.zone).replace(tzinfo=None) + _GAP
        for moment in islice(croniter(self.cron, local).all_next(datetime), MOST):
            if moment > end:
                return
            yield moment.replace(tzinfo=self.zone).astimezone(UTC)

    def _session_times(self, after: datetime, upto: datetime, calendar: Calendar) -> list[datetime]:
        first, last = (after - timedelta(days=1)).date(), (upto + timedelta(days=1)).date()
        found = []
        for session in calendar.sessions(first, last):
            if self.anchor == "close":
                found.append(session.close + self.offset)
            elif session.open + self.offset < session.close:
                found.append(session.open + self.offset)
        return found


def timetables(schedule: Sequence[ScheduleSettings]) -> tuple[Timetable, ...]:
    """The lines of a schedule, which its settings have checked."""
    return tuple(_timetable(line) for line in schedule)


def _timetable(line: ScheduleSettings) -> Timetable:
    if line.cron is not None:
        zone = str(line.timezone)
        return Timetable(
            spelled=f"{line.cron} {zone}", missed=line.missed, cron=line.cron, zone=ZoneInfo(zone)
        )  # fmt: skip
    text = str(line.at)
    found = _RELATIVE.fullmatch(text)
    assert found is not None, f"{text} was checked as a time relative to a session"
    anchor, sign, hours, minutes = found.groups()
    offset = timedelta(hours=int(hours or 0), minutes=int(minutes or 0))
    return Timetable(spelled=text, missed=line.missed, anchor=anchor, offset=-offset if sign == "-" else offset)
