"""Sessions of an exchange from a shipped table of closures and half days, with local hours turned into UTC."""

import csv
from bisect import bisect_left, bisect_right
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import cached_property
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

from prudent.domain.errors import ConfigError, InputError
from prudent.ports import Session

TABLES = Path(__file__).parent / "tables"
NEW_YORK = ZoneInfo("America/New_York")
OPEN_SECONDS = 9 * 3600 + 30 * 60
CLOSE_SECONDS = 16 * 3600
DAY_SECONDS = 86_400
EPOCH_ORDINAL = date(1970, 1, 1).toordinal()


def day_number(day: date) -> int:
    """Days since 1970-01-01."""
    return day.toordinal() - EPOCH_ORDINAL


def day_of(number: int) -> date:
    """The date that is `number` days after 1970-01-01."""
    return date.fromordinal(number + EPOCH_ORDINAL)


@dataclass(frozen=True, slots=True, eq=False)
class _Table:
    """The sessions as lists in step, for bisection: day numbers, opens and closes in seconds of UTC, half days."""

    first: int
    last: int
    days: list[int]
    opens: list[int]
    closes: list[int]
    early: list[bool]


class ExchangeCalendar:
    """The `Calendar` of a US exchange: 09:30 to 16:00 New York time but for the exceptions of its table."""

    def __init__(self, name: str = "XNYS", *, tables: Path = TABLES) -> None:
        self.name = name
        self._path = tables / f"{name}.csv"
        self._sessions: dict[int, Session] = {}

    def session_of(self, moment: datetime) -> Session:
        return self._at(bisect_left(self._table.days, self._day(moment)))

    def is_open(self, moment: datetime) -> bool:
        self._day(moment)
        seconds = moment.timestamp()
        i = bisect_right(self._table.opens, seconds) - 1
        return i >= 0 and seconds < self._table.closes[i]

    def next_open(self, moment: datetime) -> datetime:
        self._day(moment)
        return self._at(bisect_left(self._table.opens, moment.timestamp())).open

    def sessions(self, first: date, last: date) -> tuple[Session, ...]:
        low, high = self._inside(day_number(first)), self._inside(day_number(last))
        days = self._table.days
        return tuple(self._at(i) for i in range(bisect_left(days, low), bisect_right(days, high)))

    def completed(self, moment: datetime, count: int) -> tuple[Session, ...]:
        self._day(moment)
        end = bisect_right(self._table.closes, moment.timestamp())
        return tuple(self._at(i) for i in range(max(0, end - count), end))

    def _day(self, moment: datetime) -> int:
        if moment.tzinfo is None:
            raise ValueError(f"a calendar needs an aware time, was {moment!r}")
        return self._inside(day_number(moment.astimezone(NEW_YORK).date()))

    def _inside(self, day: int) -> int:
        table = self._table
        if not table.first <= day <= table.last:
            raise InputError(
                f"{self.name} sessions are known from {day_of(table.first)} to {day_of(table.last)}, "
                f"was {day_of(day)}; ask inside that range"
            )
        return day

    def _at(self, i: int) -> Session:
        table = self._table
        if i >= len(table.days):
            raise InputError(f"{self.name} has no session after {day_of(table.days[-1])}; ask before that date")
        found = self._sessions.get(i)
        if found is None:
            found = self._sessions[i] = Session(
                date=day_of(table.days[i]),
                open=datetime.fromtimestamp(table.opens[i], UTC),
                close=datetime.fromtimestamp(table.closes[i], UTC),
                early_close=table.early[i],
            )
        return found

    @cached_property
    def _table(self) -> _Table:
        first, last, exceptions = _read(self._path)
        days = np.arange(first, last + 1, dtype=np.int64)
        # 1970-01-01 was a Thursday, so Saturday and Sunday are 5 and 6 of (day + 3) mod 7.
        days = days[(days + 3) % 7 < 5]
        closed = [day for day, seconds in exceptions.items() if seconds is None]
        days = days[~np.isin(days, closed)]
        closes = np.full(len(days), CLOSE_SECONDS, dtype=np.int64)
        for day, seconds in exceptions.items():
            if seconds is not None:
                closes[np.searchsorted(days, day)] = seconds
        midnight = days * DAY_SECONDS - _utc_offsets(days)
        return _Table(
            first, last, days.tolist(), (midnight + OPEN_SECONDS).tolist(), (midnight + closes).tolist(),
            (closes != CLOSE_SECONDS).tolist(),
        )  # fmt: skip


def _read(path: Path) -> tuple[int, int, dict[int, int | None]]:
    # First and last day of the table, and per exception its local closing second (None = no session).
    try:
        with path.open(encoding="utf-8", newline="") as file:
            rows = [(day_number(date.fromisoformat(row["date"])), row["what"]) for row in csv.DictReader(file)]
    except OSError as error:
        known = ", ".join(sorted(p.stem for p in path.parent.glob("*.csv")))
        raise ConfigError(f"calendar must be one of {known}, was {path.stem!r}; correct the calendar's name") from error
    ends = {what: day for day, what in rows if what in ("first", "last")}
    exceptions = {day: _closing_second(what) for day, what in rows if what not in ends}
    return ends["first"], ends["last"], exceptions


def _closing_second(what: str) -> int | None:
    if what == "closed":
        return None
    local = time.fromisoformat(what)
    return local.hour * 3600 + local.minute * 60


def _utc_offsets(days: NDArray[np.int64]) -> NDArray[np.int64]:
    # New York's offset from UTC at noon of each day: it changes twice a year, so two bisections a year find it all.
    years = range(day_of(int(days[0])).year, day_of(int(days[-1])).year + 1)
    changes = [
        _first_change(start, end)
        for year in years
        for start, end in ((date(year, 1, 1), date(year, 7, 1)), (date(year, 7, 1), date(year, 12, 31)))
    ]
    marks = np.array([days[0], *changes], dtype=np.int64)
    offsets = np.array([_offset(int(day)) for day in marks], dtype=np.int64)
    return offsets[np.searchsorted(marks, days, side="right") - 1]


def _first_change(start: date, end: date) -> int:
    low, high = day_number(start), day_number(end)
    before = _offset(low)
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if _offset(middle) == before else (low, middle)
    return high


def _offset(day: int) -> int:
    noon = datetime.combine(day_of(day), time(12), tzinfo=NEW_YORK)
    return int((noon.utcoffset() or timedelta(0)).total_seconds())
