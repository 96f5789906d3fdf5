"""The shipped market: real daily closes of 1990-2022, and around them a seeded synthetic world down to half hours."""

from collections.abc import Sequence
from datetime import date, datetime, timedelta

import numpy as np
from numpy.typing import NDArray

from prudent.domain.errors import InputError
from prudent.domain.quotes import Quality
from prudent.marketdata import sample_events
from prudent.marketdata.calendars import day_number, day_of
from prudent.marketdata.columns import DailyColumns, Days
from prudent.marketdata.daily import INTRADAY_FIELDS, SERIES, DailyMarket, Moment, Seen
from prudent.marketdata.sample_series import (
    FACTOR_FUNDS,
    INDEX_FUNDS,
    INDEXES,
    SampleSeries,
    SampleSource,
    shipped_source,
)
from prudent.marketdata.synthesis import BARS_MAX, Paths
from prudent.ports import Bars, Calendar, Clock, Event, Floats, Session

BAR_MINUTES = 30
BAR_SECONDS = BAR_MINUTES * 60
NO_EVENTS = (*FACTOR_FUNDS, *INDEX_FUNDS, *INDEXES)


class SampleMarket(DailyMarket):
    """`MarketData` of the sample; inside a session the price is the close of the last completed half hour."""

    def __init__(self, clock: Clock, calendar: Calendar, *, source: SampleSource | None = None) -> None:
        self._series = source or shipped_source()
        self._path_closes: dict[str, tuple[int, Floats]] = {}
        super().__init__(clock, calendar, source="sample", columns_of=self._series.columns)

    def forget(self) -> None:
        super().forget()
        self._path_closes = {}
        self._series.forget()

    @property
    def symbols(self) -> tuple[str, ...]:
        """Every symbol of the sample, the best known first."""
        return self._series.symbols

    def series(self, name: str, *, sessions: int) -> Bars:
        if name not in SERIES:
            raise InputError(f"series must be one of {', '.join(SERIES)}, was {name!r}; correct the name")
        return super().series(name, sessions=sessions)

    def price_inside(self, columns: DailyColumns, row: int | None, moment: Moment) -> Seen | None:
        session = moment.session
        if session is None or row is None:
            return None
        done = (moment.now - session.open) // timedelta(minutes=BAR_MINUTES)
        if done == 0:
            return super().price_inside(columns, row, moment)
        price = float(self._closes_of(columns.symbol, row)[done - 1])
        if not price > 0.0:
            return None
        return Seen(price, session.open + done * timedelta(minutes=BAR_MINUTES), Quality.SYNTHETIC)

    def bars_there(self, symbol: str) -> str:
        """What bars within the day there are of a symbol, in words."""
        return "" if self._series.series(symbol) is None else f"bars of {BAR_MINUTES} minutes of the regular session"

    def before_close(self, symbol: str, low: int, high: int) -> Floats | None:
        series = self._series.series(symbol)
        if series is None:
            return None
        ends = series.path_ends(low, high)
        # One half hour is still under way in that moment.
        return ends[np.arange(high - low), series.counts[low:high] - 2]

    def bars(self, symbols: Sequence[str], *, minutes: int, start: datetime, end: datetime) -> Bars:
        self.check_intraday(symbols, minutes=minutes, end=end)
        if minutes % BAR_MINUTES:
            raise InputError(f"minutes must be a multiple of {BAR_MINUTES} in the sample, was {minutes}; ask for those")
        asked = tuple(self._series_of(symbol) for symbol in symbols)
        frame = _Frame(self._sessions_between(asked, start, end), minutes // BAR_MINUTES, start, end, self._now().now)
        columns = [frame.column(series) for series in asked]
        fields = {
            name: np.stack([each[name] for each in columns], axis=1) if columns else np.empty((len(frame.times), 0))
            for name in INTRADAY_FIELDS
        }
        quality = dict.fromkeys(INTRADAY_FIELDS, (Quality.SYNTHETIC,) * len(asked))
        return Bars(tuple(symbols), frame.times, fields, quality, self.source)

    def events(self, symbols: Sequence[str], *, kind: str, start: date, end: date) -> tuple[Event, ...]:
        super().events(symbols, kind=kind, start=start, end=end)
        made = sample_events.earnings if kind == "earnings" else sample_events.headlines
        found: list[Event] = []
        for symbol in symbols:
            columns = self._series.columns(symbol)
            if columns is not None and symbol not in NO_EVENTS:
                first = max(start, day_of(int(columns.days[0])))
                last = min(end, day_of(int(columns.days[-1]) + sample_events.ANNOUNCED_DAYS))
                if first <= last:
                    found += made(symbol, self._calendar, start=first, end=last)
        now = self._now().now
        known = (event for event in found if event.known_at <= now and start <= event.date <= end)
        return tuple(sorted(known, key=lambda event: event.date))

    def _series_of(self, symbol: str) -> SampleSeries:
        found = self._series.series(symbol)
        if found is None:
            raise InputError(f"source {self.source} must have {symbol}, but has no bars of it; correct the symbol")
        return found

    def _closes_of(self, symbol: str, row: int) -> Floats:
        kept = self._path_closes.get(symbol)
        if kept is None or kept[0] != row:
            kept = self._path_closes[symbol] = (row, self._series_of(symbol).path_ends(row, row + 1)[0])
        return kept[1]

    def _sessions_between(self, asked: Sequence[SampleSeries], start: datetime, end: datetime) -> tuple[Session, ...]:
        if start >= end or not asked:
            return ()
        low, high = start.date() - timedelta(days=1), end.date()
        present = {day for series in asked for day in _days_in(series.columns.days, low, high)}
        within = self._calendar.sessions(low, high)
        return tuple(s for s in within if s.open < end and s.close > start and day_number(s.date) in present)


class _Frame:
    """The bars of some sessions, `step` half hours each, anchored at the opens: which there are, and their values."""

    def __init__(self, sessions: Sequence[Session], step: int, start: datetime, end: datetime, now: datetime) -> None:
        self._step = step
        self._days = np.array([day_number(s.date) for s in sessions], dtype=np.int64)
        opens = np.array([int(s.open.timestamp()) for s in sessions], dtype=np.int64)[:, None]
        closes = np.array([int(s.close.timestamp()) for s in sessions], dtype=np.int64)[:, None]
        starts = opens + np.arange(0, BARS_MAX, step) * BAR_SECONDS
        ends = np.minimum(starts + step * BAR_SECONDS, closes)
        self._there: NDArray[np.bool_] = (
            (starts < closes) & (starts >= start.timestamp()) & (starts < end.timestamp()) & (ends <= now.timestamp())
        )
        self.times: NDArray[np.datetime64] = starts[self._there].astype("datetime64[s]")

    def column(self, series: SampleSeries) -> dict[str, Floats]:
        """The fields of one symbol on the frame's bars; NaN on sessions that it has no bars of."""
        own = series.columns.days
        out = {name: np.full(self._there.shape, np.nan) for name in INTRADAY_FIELDS}
        if len(self._days):
            low = int(np.searchsorted(own, self._days[0]))
            high = int(np.searchsorted(own, self._days[-1], side="right"))
            at = np.searchsorted(self._days, own[low:high])
            shared = self._days[np.minimum(at, len(self._days) - 1)] == own[low:high]
            for name, values in _grouped(series.paths(low, high), series.volumes(low, high), self._step).items():
                out[name][at[shared]] = values[shared]
        return {name: values[self._there] for name, values in out.items()}


def _grouped(paths: Paths, volume: Floats, step: int) -> dict[str, Floats]:
    firsts = np.arange(0, BARS_MAX, step)
    lasts = np.minimum(firsts + step, BARS_MAX) - 1
    return {
        "open": paths.open[:, firsts],
        "high": np.maximum.reduceat(paths.high, firsts, axis=1),
        "low": np.minimum.reduceat(paths.low, firsts, axis=1),
        "close": paths.close[:, lasts],
        "volume": np.add.reduceat(volume, firsts, axis=1),
    }


def _days_in(days: Days, low: date, high: date) -> list[int]:
    first, last = np.searchsorted(days, (day_number(low), day_number(high) + 1))
    found: list[int] = days[first:last].tolist()
    return found
