"""Prices as quoted on the day, with dividends and splits apart: for an account that books both."""

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

import numpy as np

from prudent.domain.errors import InputError
from prudent.domain.quotes import Quality
from prudent.marketdata.calendars import day_number
from prudent.marketdata.columns import DAILY_FIELDS, DailyColumns, LateFields, fixed
from prudent.marketdata.daily import changed_columns
from prudent.marketdata.files import FileSource
from prudent.marketdata.hours import Hours
from prudent.marketdata.intraday import IntradayFiles, IntradayMarket
from prudent.marketdata.rows import PRICES
from prudent.ports import Calendar, Clock, Floats


class RawFileSource(FileSource):
    """A folder's daily bars as they were quoted, whatever adjusted close stands beside them.

    `dividend` is cash for a share held before the open of its row, `split` the shares for one from that open on.
    """

    total_return = False

    def made(self, symbol: str, days: Iterable[int], values: Mapping[str, Floats]) -> DailyColumns:
        count = len(values["close"])
        fields = {name: fixed(values[name]) for name in (*PRICES, "volume", "dividend", "split")}
        fields |= {"raw_close": fixed(values["close"]), "factor": fixed(np.ones(count))}
        kinds = dict.fromkeys(DAILY_FIELDS, Quality.REAL)
        return DailyColumns(
            symbol=symbol, days=np.array(list(days), dtype=np.int64), fields=LateFields(fields), quality=kinds
        )


class RawFilesMarket(IntradayMarket):
    """`MarketData` of a folder in prices as quoted: a price and its level are the same.

    History is on the scale of the clock's day: earlier prices are divided by the splits since, never by one to come.
    A split is known from midnight before the open at which it counts. Dividends are in no price, they are cash.
    """

    def __init__(
        self, clock: Clock, calendar: Calendar, source: RawFileSource, *, hours: Hours = Hours.REGULAR,
        intraday: IntradayFiles | None = None,
    ) -> None:  # fmt: skip
        self._raw = source
        self._raw_columns: Callable[[str], DailyColumns | None] = source.columns
        self._scaled: dict[str, tuple[int, DailyColumns]] = {}
        super().__init__(
            clock, calendar, source="files", columns_of=self._as_of_now, hours=hours,
            intraday=intraday or IntradayFiles(calendar, source.folder),
        )  # fmt: skip

    @property
    def symbols(self) -> tuple[str, ...]:
        """Every symbol that the folder has."""
        return self._raw.symbols

    def forget(self) -> None:
        super().forget()
        self._scaled = {}
        self._raw.forget()

    def read_through(self, change: Callable[[DailyColumns], DailyColumns]) -> None:
        # Below the scaling, so that a split to come is changed too.
        self._raw_columns = changed_columns(self._raw_columns, change)
        self._standing, self._scaled = {}, {}

    def traded(self, symbol: str) -> DailyColumns | None:
        """Every bar as it was quoted on its day, whatever split came after; not for who may not see ahead."""
        return self._raw_columns(symbol)

    def _as_of_now(self, symbol: str) -> DailyColumns | None:
        raw = self._raw_columns(symbol)
        if raw is None:
            return None
        rows = np.flatnonzero(raw.fields["split"] != 1.0)
        if not len(rows):
            return raw
        today = day_number(self._calendar.session_of(self._clock.now()).date)
        known = int(np.searchsorted(raw.days[rows], today, side="right"))
        kept = self._scaled.get(symbol)
        if kept is None or kept[0] != known:
            kept = self._scaled[symbol] = (known, scaled(raw, rows[:known].tolist()))
            # What was worked out on the old scale is worth nothing on the new one.
            self._standing.pop(symbol, None)
        return kept[1]


def scaled(raw: DailyColumns, splits: Iterable[int]) -> DailyColumns:
    """`raw` with the prices before each row of `splits` divided by its ratio; volumes stay as they were traded."""
    factor = np.ones(len(raw.days))
    for row in splits:
        factor[:row] *= raw.fields["split"][row]
    is_raw = bool(np.all(factor == 1.0))
    fields = dict(raw.fields)
    fields |= {"factor": factor, **{name: raw.fields[name] / factor for name in PRICES}}
    kinds = dict(raw.quality)
    if not is_raw:
        kinds |= dict.fromkeys(PRICES, Quality.DERIVED)
    return DailyColumns(symbol=raw.symbol, days=raw.days, fields=fields, quality=kinds)


def history_of(calendar: Calendar, folder: Path) -> FileSource:
    """The folder as a backtest reads it: raw with its actions where it has them, else as its adjusted prices say.

    Raises:
        InputError: some of its files have an adjusted close and some have actions only.
    """
    source = RawFileSource(calendar, folder)
    adjusted, acting = source.with_column("adj_close"), source.with_column("split")
    if adjusted and set(acting) - set(adjusted):
        mixed = sorted(set(acting) - set(adjusted))
        raise InputError(
            f"price folder must have adj_close in all files or in none, {', '.join(mixed)} have none; "
            "make them alike, or keep them in two folders"
        )
    return FileSource(calendar, folder) if adjusted or not acting else source
