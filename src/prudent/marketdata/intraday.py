"""Bars within the day from files beside a folder's daily ones: `1min/AAPL.csv`, with or without the hours around."""

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import cached_property
from hashlib import sha256
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from prudent.domain.errors import InputError
from prudent.domain.quotes import Quality, Quote
from prudent.marketdata.calendars import day_number
from prudent.marketdata.columns import DailyColumns
from prudent.marketdata.daily import INTRADAY_FIELDS, DailyMarket, Moment, Seen, seconds_between
from prudent.marketdata.hours import Hours
from prudent.marketdata.rows import Line, files_in, lines_of, priced, symbol_of
from prudent.marketdata.standing import spread_around, to_decimal
from prudent.ports import Bars, Calendar, Clock, Floats, Session

FOLDER = re.compile(r"([1-9]\d?)min")
COLUMNS = ("time", "open", "high", "low", "close", "volume")
PARTS = tuple(Hours)
Seconds = NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Rows:
    """One symbol's bars, ascending: starts in seconds of UTC, the part of the day of each, where that begins and ends.

    `day` is the session's, since 1970-01-01; `values` are the fields as they were quoted.
    """

    start: Seconds
    part: Seconds
    begin: Seconds
    end: Seconds
    day: Seconds
    values: dict[str, Floats]


class IntradayFiles:
    """The finest folder of bars beside daily files, each symbol read when it is first asked for."""

    def __init__(self, calendar: Calendar, folder: Path) -> None:
        self._calendar = calendar
        self._folder = folder
        self._read: dict[str, Rows | None] = {}

    @cached_property
    def minutes(self) -> int:
        """How long the bars are; 0 where there are none."""
        found = (FOLDER.fullmatch(each.name) for each in self._folder.glob("*min") if each.is_dir())
        return min((int(each[1]) for each in found if each is not None), default=0)

    def rows(self, symbol: str) -> Rows | None:
        """The bars of a symbol; None where there is no file of it."""
        if symbol not in self._read:
            path = self._paths.get(symbol)
            self._read[symbol] = None if path is None else self._rows(symbol, lines_of(path))
        return self._read[symbol]

    def forget(self) -> None:
        self._read = {}

    def digest(self, symbols: Sequence[str]) -> str:
        """Names all bars of these symbols; empty where there are none."""
        seal, some = sha256(f"{self.minutes}min".encode()), False
        for symbol in sorted(symbols):
            rows = self.rows(symbol)
            if rows is not None:
                some = True
                seal.update(symbol.encode() + b"\0" + rows.start.tobytes())
                for name in INTRADAY_FIELDS:
                    seal.update(np.ascontiguousarray(rows.values[name]).tobytes())
        return seal.hexdigest() if some else ""

    def has(self, symbol: str) -> str:
        """What there is of a symbol, in words; empty where there is nothing."""
        rows = self.rows(symbol)
        if rows is None or not len(rows.start):
            return ""
        parts = ", ".join(str(PARTS[part]) for part in np.unique(rows.part))
        first, last = (datetime.fromtimestamp(int(rows.start[at]), UTC).date() for at in (0, -1))
        return f"bars of {self.minutes} minutes of {symbol} ({parts}) from {first} to {last}"

    @cached_property
    def _paths(self) -> dict[str, Path]:
        if not self.minutes:
            return {}
        return {
            symbol_of(path.stem, path.name): path for path in files_in(self._folder / f"{self.minutes}min", COLUMNS)
        }  # fmt: skip

    def _rows(self, symbol: str, lines: Iterator[Line]) -> Rows:
        found = sorted(((_start(line), line.where, priced(line)) for line in lines), key=lambda row: row[0])
        if not found:
            raise InputError(f"{symbol}: a file of bars must have rows, has none; remove it")
        places = [self._place(symbol, row[0], row[1]) for row in found]
        start = np.array([row[0] for row in found], dtype=np.int64)
        twice = np.flatnonzero(np.diff(start) == 0)
        if len(twice):
            raise InputError(f"{found[twice[0] + 1][1]}: {symbol} must have one row a time, has two; remove one")
        part, begin, end, day = (np.array(column, dtype=np.int64) for column in zip(*places))
        values = {name: np.array([row[2][name] for row in found]) for name in INTRADAY_FIELDS}
        return Rows(start=start, part=part, begin=begin, end=end, day=day, values=values)

    def _place(self, symbol: str, second: int, where: str) -> tuple[int, int, int, int]:
        moment = datetime.fromtimestamp(second, UTC)
        session = self._calendar.session_of(moment)
        for number, part in enumerate(PARTS):
            if part.holds(session, moment):
                begin, end = (int(each.timestamp()) for each in part.span(session))
                if (second - begin) % (self.minutes * 60):
                    break
                return number, begin, end, day_number(session.date)
        raise InputError(
            f"{where}: a bar of {symbol} must begin within a session or the hours around it (04:00 to 20:00 New York, "
            f"17:00 on half days), every {self.minutes} minutes, was {moment:%Y-%m-%d %H:%M} UTC; remove the row"
        )


class IntradayMarket(DailyMarket):
    """A market of daily columns with bars within the day; `hours` says which around its sessions it has beside them.

    Within a session, and within those hours, the price is that of the last complete bar.
    """

    def __init__(
        self, clock: Clock, calendar: Calendar, *, source: str, columns_of: Callable[[str], DailyColumns | None],
        intraday: IntradayFiles, hours: Hours,
    ) -> None:  # fmt: skip
        super().__init__(clock, calendar, source=source, columns_of=columns_of)
        self.intraday = intraday
        self._hours = hours

    def forget(self) -> None:
        super().forget()
        self.intraday.forget()

    def quotes(self, symbols: Sequence[str]) -> tuple[Quote, ...]:
        found = super().quotes(symbols)
        now = self._clock.now()
        session = self._calendar.session_of(now)
        if self._hours is Hours.REGULAR or not self._hours.holds(session, now):
            return found
        return tuple(self._outside(quote, now, session) for quote in found)

    def bars(self, symbols: Sequence[str], *, minutes: int, start: datetime, end: datetime) -> Bars:
        if not self.intraday.minutes:
            return super().bars(symbols, minutes=minutes, start=start, end=end)
        self.check_intraday(symbols, minutes=minutes, end=end)
        if minutes % self.intraday.minutes:
            raise InputError(
                f"minutes must be a multiple of {self.intraday.minutes}, the bars that the files have, was {minutes}; "
                "ask for those"
            )
        grouped = [self._grouped(symbol, minutes * 60, start, end) for symbol in symbols]
        times = np.unique(np.concatenate([each[0] for each in grouped])) if grouped else np.empty(0, dtype=np.int64)
        fields = {name: np.full((len(times), len(grouped)), np.nan) for name in INTRADAY_FIELDS}
        for i, (starts, values) in enumerate(grouped):
            at = np.searchsorted(times, starts)
            for name in INTRADAY_FIELDS:
                fields[name][at, i] = values[name]
        quality = dict.fromkeys(INTRADAY_FIELDS, (Quality.REAL,) * len(grouped))
        return Bars(tuple(symbols), times.astype("datetime64[s]"), fields, quality, self.source)

    def bars_there(self, symbol: str) -> str:
        """What bars within the day there are of a symbol, in words; empty where there are none."""
        return self.intraday.has(symbol)

    def price_inside(self, columns: DailyColumns, row: int | None, moment: Moment) -> Seen | None:
        if moment.session is not None:
            seen = self._last(columns, moment.now, moment.session, Hours.REGULAR)
            if seen is not None:
                return seen
        return super().price_inside(columns, row, moment)

    def before_close(self, symbol: str, low: int, high: int) -> Floats | None:
        return None if self.intraday.rows(symbol) is not None else super().before_close(symbol, low, high)

    def _last(self, columns: DailyColumns, now: datetime, session: Session, hours: Hours) -> Seen | None:
        """The close of the last bar of that part of the session's day that has ended."""
        rows = self.intraday.rows(columns.symbol)
        if rows is None:
            return None
        length = self.intraday.minutes * 60
        at = int(np.searchsorted(rows.start, int(now.timestamp()) - length, side="right")) - 1
        begin = int(hours.span(session)[0].timestamp())
        if at < 0 or rows.begin[at] != begin:
            return None
        price = float(rows.values["close"][at]) / float(_factors(columns, rows.day[at : at + 1])[0])
        return Seen(price, datetime.fromtimestamp(int(rows.start[at]) + length, UTC), Quality.REAL)

    def _outside(self, quote: Quote, now: datetime, session: Session) -> Quote:
        """A quote in the hours around a session: open, at the last bar of those hours where there is one."""
        quote = replace(quote, market_open=True)
        columns = self._columns_of(quote.symbol)
        seen = None if columns is None else self._last(columns, now, session, self._hours)
        if seen is None or columns is None:
            return quote
        price = to_decimal(seen.price)
        standing = self._standing_of(quote.symbol, columns, self._now())
        bid, ask = spread_around(price, None if standing is None else standing.half_spread)
        factor = float(_factors(columns, np.array([day_number(session.date)]))[0])
        return replace(
            quote, price=price, bid=bid, ask=ask, level=to_decimal(seen.price * factor, 4), as_of=seen.as_of,
            age_seconds=seconds_between(seen.as_of, now), quality=seen.quality,
        )  # fmt: skip

    def _grouped(self, symbol: str, step: int, start: datetime, end: datetime) -> tuple[Seconds, dict[str, Floats]]:
        """Complete bars of `step` seconds that begin in [start, end), anchored where their part of the day begins."""
        rows = self.intraday.rows(symbol)
        if rows is None:
            return np.empty(0, dtype=np.int64), dict.fromkeys(INTRADAY_FIELDS, np.empty(0))
        shown = [PARTS.index(each) for each in {Hours.REGULAR, self._hours}]
        first, last = (int(each.timestamp()) for each in (start, end))
        begins = rows.begin + (rows.start - rows.begin) // step * step
        ends = np.minimum(begins + step, rows.end)
        now = int(self._clock.now().timestamp())
        kept = np.flatnonzero((begins >= first) & (begins < last) & (ends <= now) & np.isin(rows.part, shown))
        if not len(kept):
            return np.empty(0, dtype=np.int64), dict.fromkeys(INTRADAY_FIELDS, np.empty(0))
        starts, at = np.unique(begins[kept], return_index=True)
        factor = _factors(self._known(symbol), rows.day[kept])
        own = {name: rows.values[name][kept] for name in INTRADAY_FIELDS}
        last_of = np.concatenate((at[1:], [len(kept)])) - 1
        return starts, {
            "open": (own["open"] / factor)[at], "high": np.maximum.reduceat(own["high"] / factor, at),
            "low": np.minimum.reduceat(own["low"] / factor, at), "close": (own["close"] / factor)[last_of],
            "volume": np.add.reduceat(own["volume"], at),
        }  # fmt: skip


def _factors(columns: DailyColumns, days: Seconds) -> Floats:
    """The raw price of one unit of these columns on those days; of a day that has no row, that of the one before."""
    rows = np.searchsorted(columns.days, days, side="right") - 1
    out: Floats = columns.fields["factor"][np.maximum(rows, 0)]
    return out


def _start(line: Line) -> int:
    text = line.cells["time"].strip()
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None or moment.second or moment.microsecond:
        raise InputError(
            f"{line.where}: time must be the start of a bar with its offset, like 2024-12-31T09:30-05:00, was "
            f"{text!r}; correct the row"
        )
    return int(moment.timestamp())
