"""Every symbol of the sample as daily columns and half-hour paths, made from the record when first asked."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from functools import cache, lru_cache

import numpy as np

from prudent.domain.quotes import Quality
from prudent.marketdata import synthesis
from prudent.marketdata.calendars import day_number
from prudent.marketdata.columns import DAILY_FIELDS, DailyColumns, Days, LateFields, fixed
from prudent.marketdata.noise import bells, counters, seed, uniform
from prudent.marketdata.sample_record import MemberBars, SampleRecord, ShippedRecord
from prudent.marketdata.synthesis import BARS_MAX, Actions, Character, Paths, Rows
from prudent.ports import Floats

STOCKS = (
    "AAPL", "AMD", "BAC", "BBY", "CVX", "GE", "HD", "JNJ", "JPM", "KO",
    "LLY", "MRK", "MSFT", "PEP", "PFE", "PG", "RRC", "UNH", "WMT", "XOM",
)  # fmt: skip
FACTOR_FUNDS = ("MTUM", "QUAL", "SIZE", "USMV", "VLUE")
# Index funds: the part of an index point that one share is, and the first day of trading.
INDEX_FUNDS = {"SPY": (0.1, date(1993, 1, 29)), "VTI": (0.05, date(2001, 5, 31)), "VOO": (0.0917, date(2010, 9, 9))}
INDEXES = ("SPX", "VIX", "TNX")
NO_DIVIDEND = ("AMD",)
# Splits that show as jumps of the raw record of members: first row after, and shares for one.
MEMBER_SPLITS = {
    "DHR": (date(2010, 6, 14), 2.0),
    "ESRX": (date(2010, 6, 8), 2.0),
    "ETFC": (date(2010, 6, 30), 0.1),
    "GIS": (date(2010, 6, 9), 2.0),
}
# Rough levels of the ten-year yield by year, in percent, between which the synthetic series wanders.
YIELD_LEVELS = (
    (1990, 8.1), (1991, 8.1), (1992, 7.0), (1993, 6.6), (1994, 5.8), (1995, 7.8), (1996, 5.6), (1997, 6.5), (1998, 5.6),
    (1999, 4.7), (2000, 6.6), (2001, 5.2), (2002, 5.1), (2003, 4.0), (2005, 4.2), (2006, 4.4), (2007, 4.7), (2008, 3.9),
    (2009, 2.5), (2010, 3.7), (2011, 3.4), (2012, 1.9), (2013, 1.9), (2014, 2.9), (2015, 2.0), (2016, 2.2), (2017, 2.4),
    (2018, 2.6), (2019, 2.7), (2020, 1.8), (2021, 1.1), (2022, 1.8), (2023, 3.8),
)  # fmt: skip
_SYNTHETIC = dict.fromkeys(DAILY_FIELDS, Quality.SYNTHETIC)


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class SampleSeries:
    """Daily columns of one symbol, how many half hours each row has, and what makes those of a span of rows."""

    columns: DailyColumns
    counts: Rows
    path_ends: Callable[[int, int], Floats]
    paths: Callable[[int, int], Paths]
    volumes: Callable[[int, int], Floats]


@dataclass(frozen=True, slots=True, eq=False)
class _Walk:
    """A series whose sessions are walked: columns in step, and the bars of rows [low, high)."""

    symbol: str
    days: Days
    counts: Rows
    close: Floats
    opened: Floats
    deviation: Floats

    def paths(self, low: int, high: int) -> Paths:
        span = slice(low, high)
        return synthesis.paths(
            self.symbol, self.days[span], self.opened[span], self.path_ends(low, high), self.deviation[span],
            self.counts[span],
        )  # fmt: skip

    def path_ends(self, low: int, high: int) -> Floats:
        """The closes of the bars alone."""
        span = slice(low, high)
        return synthesis.path_ends(
            self.symbol, self.days[span], self.opened[span], self.close[span], self.deviation[span], self.counts[span]
        )


class SampleSource:
    """All series of one record; they do not depend on a clock, so many markets may share them."""

    # Its closes are adjusted: what stocks paid is in them.
    total_return = True

    def __init__(self, record: SampleRecord) -> None:
        self._record = record
        self._made: dict[str, SampleSeries | None] = {}

    @property
    def symbols(self) -> tuple[str, ...]:
        return (*STOCKS, *FACTOR_FUNDS, *INDEX_FUNDS, *INDEXES, *self._record.members)

    def series(self, symbol: str) -> SampleSeries | None:
        """The symbol's series, or `None` if the sample has no such symbol."""
        made = self._made
        if symbol not in made:
            made[symbol] = self._make(symbol)
        return made[symbol]

    def forget(self) -> None:
        """Drop every series that was made; the same is made again when it is next asked for."""
        self._made = {}

    def columns(self, symbol: str) -> DailyColumns | None:
        series = self.series(symbol)
        return None if series is None else series.columns

    def _make(self, symbol: str) -> SampleSeries | None:
        if symbol in INDEXES:
            return self._index(symbol)
        if symbol in STOCKS or symbol in FACTOR_FUNDS:
            closes = self._record.closes(symbol)
            return self._traded(symbol, closes.first, closes.values, Quality.REAL)
        if symbol in INDEX_FUNDS:
            part, listed = INDEX_FUNDS[symbol]
            index = self._record.closes("SPX")
            first = int(np.searchsorted(self._record.days, day_number(listed)))
            return self._traded(symbol, first, np.round(index.values[first - index.first :] * part, 4), Quality.DERIVED)
        if symbol in self._record.members:
            return self._member(symbol)
        return None

    def _traded(self, symbol: str, first: int, close: Floats, quality: Quality) -> SampleSeries:
        walk = self._walk(symbol, first, close)
        character = _character(symbol, float(close[0]))
        acts = synthesis.actions(character, walk.days, close)
        total, expected = synthesis.volumes(character, walk.days, close, acts.factor, walk.deviation)

        def volumes(low: int, high: int) -> Floats:
            return synthesis.bar_volumes(total[low:high], expected[low:high], walk.counts[low:high])

        kinds = {**_SYNTHETIC, "close": quality}
        columns = DailyColumns(symbol=symbol, days=walk.days, fields=_fields(walk, acts, total), quality=kinds)
        return _walked(columns, walk, volumes)

    def _index(self, symbol: str) -> SampleSeries:
        kind, real = Quality.SYNTHETIC, (0, 0)
        index = self._record.closes("SPX").values
        if symbol == "SPX":
            close, kind = index, Quality.REAL
        elif symbol == "VIX":
            close, known = _fear(self._record.days, index), self._record.closes("VIX")
            real = (known.first, known.first + len(known.values))
            close[real[0] : real[1]] = known.values
        else:
            close = _ten_year_yield(self._record.days)
        walk, count = self._walk(symbol, 0, close), len(close)
        acts = Actions(np.zeros(count), np.ones(count), np.ones(count))
        columns = DailyColumns(
            symbol=symbol, days=walk.days, fields=_fields(walk, acts, np.full(count, np.nan)),
            quality={**_SYNTHETIC, "close": kind, "raw_close": kind}, real=real,
        )  # fmt: skip
        return _walked(columns, walk, _no_volumes)

    def _walk(self, symbol: str, first: int, close: Floats) -> _Walk:
        rows = slice(first, first + len(close))
        days, deviation = self._record.days[rows], synthesis.volatility(close)
        opened = synthesis.opens(symbol, days, close, deviation)
        return _Walk(symbol, days, self._record.bar_counts[rows], close, opened, deviation)

    def _member(self, symbol: str) -> SampleSeries:
        bars = self._record.member(symbol)
        counts = self._record.bar_counts[np.searchsorted(self._record.days, bars.days)]
        columns = _member_columns(symbol, bars)

        def path_ends(low: int, high: int) -> Floats:
            opened, close = (columns.fields[name][low:high, None] for name in ("open", "close"))
            return np.where(np.arange(BARS_MAX) < (counts[low:high] - 1)[:, None], opened, close)

        def paths(low: int, high: int) -> Paths:
            return _flat_paths(columns, counts, path_ends(low, high), slice(low, high))

        def volumes(low: int, high: int) -> Floats:
            last = np.arange(BARS_MAX) == (counts[low:high] - 1)[:, None]
            return np.where(last, bars.volume[low:high, None], 0.0)

        return SampleSeries(columns=columns, counts=counts, path_ends=path_ends, paths=paths, volumes=volumes)


@lru_cache(maxsize=1)
def shipped_source() -> SampleSource:
    """The series of the shipped record, shared by every market of the process."""
    return SampleSource(ShippedRecord())


def _character(symbol: str, first_close: float) -> Character:
    start = seed("character", symbol)
    is_stock = symbol in STOCKS
    # Stocks start at 25 to 90 dollars; funds near their own scale, so that their raw price stays close to it.
    factor = (25.0 + 65.0 * uniform(start, 0)) / first_close if is_stock else 1.1 if symbol in FACTOR_FUNDS else 1.0
    most = 1_200e6 if is_stock else 60e6 if symbol in FACTOR_FUNDS else 20_000e6
    paid = 0.008 + 0.027 * uniform(start, 1) if is_stock else 0.017
    return Character(
        symbol=symbol, first_factor=factor, dividend_yield=0.0 if symbol in NO_DIVIDEND else paid,
        dollars_a_day=most * (0.25 + 0.75 * uniform(start, 2)),
        split_above=160.0 + 140.0 * uniform(start, 3) if is_stock else float("inf"),
    )  # fmt: skip


def _fields(walk: _Walk, acts: Actions, volume: Floats) -> LateFields:
    @cache
    def ends() -> tuple[Floats, Floats]:
        bars = walk.paths(0, len(walk.close))
        return bars.high.max(axis=1), bars.low.min(axis=1)

    return LateFields({
        "open": fixed(walk.opened), "high": lambda: ends()[0], "low": lambda: ends()[1],
        "close": fixed(walk.close), "volume": fixed(volume), "raw_close": lambda: np.round(walk.close * acts.factor, 2),
        "dividend": fixed(acts.dividend), "split": fixed(acts.split), "factor": fixed(acts.factor),
    })  # fmt: skip


def _member_columns(symbol: str, bars: MemberBars) -> DailyColumns:
    count = len(bars.days)
    split, factor = np.ones(count), np.ones(count)
    if symbol in MEMBER_SPLITS:
        day, ratio = MEMBER_SPLITS[symbol]
        row = int(np.searchsorted(bars.days, day_number(day)))
        split[row], factor[:row] = ratio, ratio
    scaled = Quality.DERIVED if symbol in MEMBER_SPLITS else Quality.REAL
    prices = {name: fixed(synthesis.rounded(getattr(bars, name) / factor)) for name in ("open", "high", "low", "close")}
    fields = LateFields({
        **prices, "volume": fixed(bars.volume), "raw_close": fixed(bars.close),
        # The record has no dividends: not known is not zero.
        "dividend": lambda: np.full(count, np.nan), "split": fixed(split), "factor": fixed(factor),
    })  # fmt: skip
    kinds = {**dict.fromkeys(DAILY_FIELDS, Quality.REAL), **dict.fromkeys(prices, scaled), "split": Quality.DERIVED}
    return DailyColumns(symbol=symbol, days=bars.days, fields=fields, quality=kinds)


def _flat_paths(columns: DailyColumns, counts: Rows, ends: Floats, span: slice) -> Paths:
    # Real highs and lows are known at the close alone, so bars stand at the open until the last, which has the range.
    opened, high, low = (columns.fields[name][span, None] for name in ("open", "high", "low"))
    starts = np.concatenate((opened, ends[:, :-1]), axis=1)
    last = np.arange(BARS_MAX) == (counts[span] - 1)[:, None]
    top, bottom = np.maximum(starts, ends), np.minimum(starts, ends)
    return Paths(starts, np.where(last, high, top), np.where(last, low, bottom), ends)


def _walked(columns: DailyColumns, walk: _Walk, volumes: Callable[[int, int], Floats]) -> SampleSeries:
    return SampleSeries(
        columns=columns, counts=walk.counts, path_ends=walk.path_ends, paths=walk.paths, volumes=volumes
    )  # fmt: skip


def _no_volumes(low: int, high: int) -> Floats:
    return np.full((high - low, BARS_MAX), np.nan)


def _fear(days: Days, index: Floats) -> Floats:
    # Annual volatility of the last changes, the present one included, with a floor and noise, in points.
    spread = np.concatenate((synthesis.volatility(index)[1:], [0.0]))
    spread[-1] = spread[-2]
    points = 4.0 + 105.0 * 252.0**0.5 * spread + 1.5 * bells(seed("fear"), counters(days))
    close: Floats = np.round(np.clip(points, 9.0, 90.0), 2)
    return close


def _ten_year_yield(days: Days) -> Floats:
    years, levels = zip(*YIELD_LEVELS)
    marks = np.array([day_number(date(year, 1, 1)) for year in years])
    months = np.arange(int(days[0]) - 60, int(days[-1]) + 60, 30)
    sway = np.interp(days, months, bells(seed("sway"), counters(months)) * 0.2)
    noise = bells(seed("yield"), counters(days)) * 0.03
    close: Floats = np.round(np.maximum(np.interp(days, marks, levels) + sway + noise, 0.4), 3)
    return close
