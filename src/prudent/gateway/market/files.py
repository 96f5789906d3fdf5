"""History from a folder of CSV or Parquet files: daily bars, or bars inside sessions of one to thirty minutes."""

from collections.abc import Mapping
from datetime import date, datetime, timedelta
from functools import cached_property
from itertools import pairwise
from pathlib import Path

import numpy as np

from prudent.domain.errors import InputError
from prudent.domain.instruments import normalise_symbol
from prudent.gateway.market.series import Blocks
from prudent.marketdata.calendars import NEW_YORK, day_number, day_of
from prudent.marketdata.columns import DailyColumns
from prudent.marketdata.files import FileSource, parsed, raw_columns
from prudent.marketdata.rows import SUFFIXES, Line, lines_of
from prudent.ports import Calendar, Floats, Session

HALF_HOUR = 1800
FIELDS = ("open", "high", "low", "close", "volume")


class FileHistory:
    """A folder as the gateway's source: a file whose first dates have a time of day holds bars inside sessions.

    Such times are the starts of bars; without a zone they are New York's. Rows outside regular hours are left out, a
    missing bar stands at the price before it. A file of such bars holds one symbol, its name.
    """

    name = "file"

    def __init__(self, folder: Path, calendar: Calendar) -> None:
        self._calendar = calendar
        self._folder = folder
        self._daily = FileSource(calendar, folder)
        self._read: dict[str, _Inside] = {}

    @cached_property
    def last(self) -> date:
        """The last session of any of the files."""
        found = [each for symbol in self.symbols if (each := self.columns(symbol)) is not None and len(each.days)]
        if not found:
            raise InputError(f"price folder {self._folder} must hold at least one bar, holds none; add some")
        return day_of(max(int(each.days[-1]) for each in found))

    @property
    def symbols(self) -> tuple[str, ...]:
        return self._daily.symbols

    def columns(self, symbol: str) -> DailyColumns | None:
        """Daily columns; of bars inside sessions, what they come to a day."""
        inside = self._inside_of(symbol)
        return self._daily.columns(symbol) if inside is None else inside.columns

    def blocks(self, symbol: str, row: int) -> Blocks | None:
        inside = self._inside_of(symbol)
        return None if inside is None else inside.blocks[row]

    @cached_property
    def _paths(self) -> Mapping[str, Path]:
        paths = (path for path in sorted(self._folder.glob("*")) if path.suffix.lower() in SUFFIXES)
        return {normalise_symbol(path.stem): path for path in paths if _has_times(path)}

    def _inside_of(self, symbol: str) -> "_Inside | None":
        if symbol in self._paths and symbol not in self._read:
            self._read[symbol] = _Inside(symbol, self._calendar, list(lines_of(self._paths[symbol])))
        return self._read.get(symbol)


class _Inside:
    """The bars of one symbol by session, and the days they come to."""

    def __init__(self, symbol: str, calendar: Calendar, lines: list[Line]) -> None:
        rows = sorted(((_start(line), parsed(line)) for line in lines), key=lambda pair: pair[0])
        self._seconds = _step(symbol, [start for start, _ in rows])
        by_day: dict[date, list[tuple[datetime, dict[str, float]]]] = {}
        for start, row in rows:
            by_day.setdefault(start.astimezone(NEW_YORK).date(), []).append((start, row))
        sessions = {s.date: s for s in calendar.sessions(min(by_day), max(by_day))}
        odd = [day for day in by_day if day not in sessions]
        if odd:
            raise InputError(f"{symbol}: dates must be sessions of the exchange, {odd[0]} is none; remove its rows")
        made = {day: self._session(sessions[day], found) for day, found in by_day.items()}
        full = {day: blocks for day, blocks in made.items() if blocks is not None}
        self.blocks = tuple(full[day] for day in sorted(full))
        self.columns = self._columns(symbol, sorted(full))

    def _session(self, session: Session, rows: list[tuple[datetime, dict[str, float]]]) -> Blocks | None:
        count = int((session.close - session.open) / timedelta(seconds=self._seconds))
        found = np.full((count, len(FIELDS)), np.nan)
        for start, row in rows:
            place = int((start - session.open) / timedelta(seconds=self._seconds))
            if session.open <= start < session.close:
                found[place] = [row[name] for name in FIELDS]
        there = np.flatnonzero(np.isfinite(found[:, 0]))
        if not len(there):
            return None
        # A hole stands at the close before it, or at the first open.
        before = np.searchsorted(there, np.arange(count), side="right") - 1
        standing = np.where(before >= 0, found[there[np.maximum(before, 0)], 3], found[there[0], 0])
        holes = ~np.isfinite(found[:, 0])
        found[holes, :4], found[holes, 4] = standing[holes, None], 0.0
        found[:, 4] = np.nan_to_num(found[:, 4])
        opened, high, low, close, volume = found.T
        return Blocks(seconds=self._seconds, open=opened, high=high, low=low, close=close, volume=volume)

    def _columns(self, symbol: str, days: list[date]) -> DailyColumns:
        def column(values: list[float]) -> Floats:
            return np.array(values, dtype=np.float64)

        values = {
            "open": column([float(b.open[0]) for b in self.blocks]),
            "high": column([float(b.high.max()) for b in self.blocks]),
            "low": column([float(b.low.min()) for b in self.blocks]),
            "close": column([float(b.close[-1]) for b in self.blocks]),
            "volume": column([float(b.volume.sum()) for b in self.blocks]),
            "dividend": np.zeros(len(days)),
            "split": np.ones(len(days)),
        }
        return raw_columns(symbol, (day_number(day) for day in days), values)


def _has_times(path: Path) -> bool:
    first = next(iter(lines_of(path)), None)
    if first is None or "symbol" in first.cells:
        return False
    return len(first.cells["date"].strip()) > 10 and _start(first).astimezone(NEW_YORK).strftime("%H%M") != "0000"


def _start(line: Line) -> datetime:
    text = line.cells["date"].strip()
    try:
        found = datetime.fromisoformat(text)
    except ValueError as error:
        raise InputError(f"{line.where}: date must be like 2024-12-31T09:30, was {text!r}; correct the row") from error
    return found if found.tzinfo is not None else found.replace(tzinfo=NEW_YORK)


def _step(symbol: str, starts: list[datetime]) -> int:
    gaps = [int((after - before).total_seconds()) for before, after in pairwise(starts)]
    if any(gap == 0 for gap in gaps):
        raise InputError(f"{symbol}: each bar must stand once, {starts[gaps.index(0)]} stands twice; remove one")
    step = min(gaps, default=60)
    if step < 60 or HALF_HOUR % step:
        raise InputError(f"{symbol}: bars must be 1 to 30 minutes long and fill half an hour, were {step} s; resample")
    return step
