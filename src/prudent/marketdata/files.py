"""Daily prices from a folder of CSV or Parquet files: one file a symbol, or long files with a symbol column."""

from collections.abc import Iterable, Mapping
from datetime import date, datetime
from functools import cached_property
from pathlib import Path

import numpy as np

from prudent.domain.errors import InputError
from prudent.domain.quotes import Quality
from prudent.marketdata.calendars import day_number, day_of
from prudent.marketdata.columns import DAILY_FIELDS, DailyColumns, LateFields, fixed
from prudent.marketdata.hours import Hours
from prudent.marketdata.intraday import IntradayFiles, IntradayMarket
from prudent.marketdata.rows import PRICES, Line, files_in, lines_of, number, priced, symbol_of
from prudent.ports import Calendar, Clock, Floats

REQUIRED = ("date", *PRICES, "volume")
OPTIONAL = {"dividend": 0.0, "split": 1.0}


class FileSource:
    """A folder's daily bars as unbounded columns, for a market that binds them to a clock and for a simulator's tape.

    Prices are `adj_close` where given. Without it, splits and dividends are carried forward from the first row, so
    that no price depends on an action after it. Either way they contain what was paid.
    """

    total_return = True

    def __init__(self, calendar: Calendar, folder: Path) -> None:
        self._calendar = calendar
        self._folder = folder
        self._loaded: dict[str, DailyColumns | None] = {}

    @property
    def folder(self) -> Path:
        return self._folder

    @property
    def symbols(self) -> tuple[str, ...]:
        """Every symbol that the folder has."""
        return tuple(sorted({*self._single, *self._long}))

    def columns(self, symbol: str) -> DailyColumns | None:
        """All rows of the symbol; None for one that the folder does not have."""
        loaded = self._loaded
        if symbol not in loaded:
            lines = lines_of(self._single[symbol]) if symbol in self._single else self._long.get(symbol)
            loaded[symbol] = None if lines is None else self._read(symbol, lines)
        return loaded[symbol]

    def with_column(self, name: str) -> tuple[str, ...]:
        """The names of the files that have such a column."""
        return tuple(path.name for path, names in self._headers.items() if name in names)

    def forget(self) -> None:
        """Drop the rows that were read; they are read again when they are next asked for."""
        self._loaded = {}

    def made(self, symbol: str, days: Iterable[int], values: Mapping[str, Floats]) -> DailyColumns:
        """Columns from the rows of a file."""
        return raw_columns(symbol, days, values)

    def _read(self, symbol: str, lines: Iterable[Line]) -> DailyColumns | None:
        rows = sorted(((parsed(line), line.where) for line in lines), key=lambda pair: pair[0]["day"])
        if not rows:
            return None
        days = [int(row["day"]) for row, _ in rows]
        sessions = {day_number(s.date) for s in self._calendar.sessions(day_of(days[0]), day_of(days[-1]))}
        before = None
        for day, (_, where) in zip(days, rows):
            if day not in sessions:
                raise InputError(f"{where}: date must be a session of the exchange, was {day_of(day)}; remove the row")
            if day == before:
                raise InputError(f"{where}: {symbol} must have one row a date, has two of {day_of(day)}; remove one")
            before = day
        values = {name: np.array([row[name] for row, _ in rows]) for name in rows[0][0] if name != "day"}
        return self.made(symbol, days, values)

    @cached_property
    def _headers(self) -> dict[Path, tuple[str, ...]]:
        found = files_in(self._folder, REQUIRED)
        if not found:
            raise InputError(
                f"price folder must hold .csv or .parquet files, {self._folder} holds none; "
                "add files with the columns date,symbol,open,high,low,close,volume"
            )
        return found

    @cached_property
    def _single(self) -> dict[str, Path]:
        return {symbol_of(path.stem, path.name): path for path, names in self._headers.items() if "symbol" not in names}

    @cached_property
    def _long(self) -> dict[str, list[Line]]:
        found: dict[str, list[Line]] = {}
        for path, names in self._headers.items():
            if "symbol" in names:
                for line in lines_of(path):
                    found.setdefault(symbol_of(line.cells["symbol"], line.where), []).append(line)
        return found


class FilesMarket(IntradayMarket):
    """`MarketData` of a folder's daily bars, and of those within the day that stand beside them.

    Inside a session the price is that of the last bar; where there are none, that day's open if the file has it.
    """

    def __init__(
        self, clock: Clock, calendar: Calendar, folder: Path, *, hours: Hours = Hours.REGULAR,
        intraday: IntradayFiles | None = None,
    ) -> None:  # fmt: skip
        self._files = FileSource(calendar, folder)
        super().__init__(
            clock, calendar, source="files", columns_of=self._files.columns,
            intraday=intraday or IntradayFiles(calendar, folder), hours=hours,
        )  # fmt: skip

    @property
    def symbols(self) -> tuple[str, ...]:
        """Every symbol that the folder has."""
        return self._files.symbols

    def forget(self) -> None:
        super().forget()
        self._files.forget()


def raw_columns(symbol: str, days: Iterable[int], values: Mapping[str, Floats]) -> DailyColumns:
    """Columns from raw prices, volume, dividend and split, and `adj_close` where there is one."""
    given = "adj_close" in values
    factor: Floats = np.divide(values["close"], values["adj_close"]) if given else _forward_factor(values)
    is_raw = bool(np.all(factor == 1.0))
    prices = {name: fixed(values[name] if is_raw else values[name] / factor) for name in PRICES}
    if given:
        prices["close"] = fixed(values["adj_close"])
    fields = LateFields({
        **prices, "volume": fixed(values["volume"]), "raw_close": fixed(values["close"]),
        "dividend": fixed(values["dividend"]), "split": fixed(values["split"]), "factor": fixed(factor),
    })  # fmt: skip
    kinds = dict.fromkeys(DAILY_FIELDS, Quality.REAL)
    if not is_raw:
        computed = PRICES[:-1] if given else PRICES
        kinds |= dict.fromkeys(computed, Quality.DERIVED)
    return DailyColumns(symbol=symbol, days=np.array(list(days), dtype=np.int64), fields=fields, quality=kinds)


def _forward_factor(values: Mapping[str, Floats]) -> Floats:
    # Raw price of one unit of a holding that was one share on the first row and reinvests what it is paid.
    before = np.concatenate((values["close"][:1], values["close"][:-1]))
    kept = (1.0 - values["dividend"] / before) / values["split"]
    kept[0] = 1.0
    factor: Floats = np.cumprod(kept, dtype=np.float64)
    return factor


def parsed(line: Line) -> dict[str, float]:
    """The numbers of a row and its `day`, since 1970-01-01.

    Raises:
        InputError: a cell is no such number, or open and close do not lie between low and high.
    """
    cells = line.cells
    try:
        day: date = datetime.fromisoformat(cells["date"].strip()).date()
    except ValueError as error:
        raise InputError(
            f"{line.where}: date must be like 2024-12-31, was {cells['date']!r}; correct the row"
        ) from error
    row = {"day": float(day_number(day)), **priced(line)}
    row |= {name: number(line, name, cells.get(name, ""), empty=empty) for name, empty in OPTIONAL.items()}
    if "adj_close" in cells:
        row["adj_close"] = number(line, "adj_close", cells["adj_close"])
    return row
