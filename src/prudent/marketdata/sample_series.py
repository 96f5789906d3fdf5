"""Every symbol of the sample as daily columns and half-hour paths, made from the record when first asked."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from functools import lru_cache

import numpy as np

from prudent.domain.quotes import Quality
from prudent.marketdata import synthesis
from prudent.marketdata.calendars import day_number, day_of
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


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class SampleSeries:
    """Daily columns of one symbol, its half hours a session (`counts`), and what makes them for a span of rows."""

    columns: DailyColumns
    counts: Rows
    paths: Callable[[int, int], Paths]
    volumes: Callable[[int, int], Floats]


class SampleSource:
    """All series of one record; they do not depend on a clock, so many markets may share them."""

    def __init__(self, record: SampleRecord) -> None:
        self._record = record
        self._made: dict[str, SampleSeries | None] = {}

    @property
    def symbols(self) -> tuple[str, ...]:
        return (*STOCKS, *FACTOR_FUNDS, *INDEX_FUNDS, *INDEXES, *self._record.members)

    def series(self, symbol: str) -> SampleSeries | None:
        """The symbol's series, or `None` if the sample has no such symbol."""
        if symbol not in self._made:
            self._made[symbol] = self._make(symbol)
        return self._made[symbol]

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

    def _span(self, first: int, count: int) -> tuple[Days, Rows]:
        return self._record.days[first : first + count], self._record.bar_counts[first : first + count]

    def _traded(self, symbol: str, first: int, close: Floats, quality: Quality) -> SampleSeries:
        days, counts = self._span(first, len(close))
        character = _character(symbol, float(close[0]))
        acts = synthesis.actions(character, days, close)
        deviation = synthesis.volatility(close)
        total, expected = synthesis.volumes(character, days, close, acts.factor, deviation)

        def volumes(low: int, high: int) -> Floats:
            return synthesis.bar_volumes(total[low:high], expected[low:high], counts[low:high])

        kinds = {**dict.fromkeys(DAILY_FIELDS, Quality.SYNTHETIC), "close": quality}
        return _series(symbol, days, counts, close, deviation, (kinds, acts, total, volumes, (0, 0)))

    def _index(self, symbol: str) -> SampleSeries:
        days, counts = self._span(0, len(self._record.days))
        kind, real = Quality.SYNTHETIC, (0, 0)
        if symbol == "SPX":
            close, kind = self._record.closes("SPX").values, Quality.REAL
        elif symbol == "VIX":
            close = _fear(days, self._record.closes("SPX").values)
            known = self._record.closes("VIX")
            real = (known.first, known.first + len(known.values))
            close[real[0] : real[1]] = known.values
        else:
            close = _ten_year_yield(days)
        count = len(days)
        acts = Actions(np.zeros(count), np.ones(count), np.ones(count))
        kinds = {**dict.fromkeys(DAILY_FIELDS, Quality.SYNTHETIC), "close": kind, "raw_close": kind}
        nothing = np.full(count, np.nan)

        def volumes(low: int, high: int) -> Floats:
            return np.full((high - low, BARS_MAX), np.nan)

        return _series(symbol, days, counts, close, synthesis.volatility(close), (kinds, acts, nothing, volumes, real))

    def _member(self, symbol: str) -> SampleSeries:
        bars = self._record.member(symbol)
        rows = np.searchsorted(self._record.days, bars.days)
        counts = self._record.bar_counts[rows]
        split, factor = np.ones(len(bars.days)), np.ones(len(bars.days))
        if symbol in MEMBER_SPLITS:
            day, ratio = MEMBER_SPLITS[symbol]
            row = int(np.searchsorted(bars.days, day_number(day)))
            split[row], factor[:row] = ratio, ratio
        columns = _member_columns(symbol, bars, split, factor)
        fields = columns.fields

        def paths(low: int, high: int) -> Paths:
            span = slice(low, high)
            return _flat_paths(
                fields["open"][span], fields["high"][span], fields["low"][span], fields["close"][span], counts[span]
            )

        def volumes(low: int, high: int) -> Floats:
            # Paced by the volume of the day before, of which at most half is taken before the last bar.
            total = bars.volume[low:high]
            before = np.array([bars.volume[max(0, row - 1)] for row in range(low, high)])
            early = synthesis.bar_volumes(before * 0.5, before * 0.5, counts[low:high])
            return _settled(early, total, counts[low:high])

        return SampleSeries(columns=columns, counts=counts, paths=paths, volumes=volumes)


@lru_cache(maxsize=1)
def shipped_source() -> SampleSource:
    """The series of the shipped record, shared by every market of the process."""
    return SampleSource(ShippedRecord())
