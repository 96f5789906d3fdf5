"""Daily prices from a folder of CSV or Parquet files: one file a symbol, or long files with a symbol column."""

import csv
import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from functools import cached_property
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

from prudent.domain.errors import ConfigError, InputError
from prudent.domain.instruments import normalise_symbol
from prudent.domain.quotes import Quality
from prudent.marketdata.calendars import day_number, day_of
from prudent.marketdata.columns import DAILY_FIELDS, DailyColumns, LateFields, fixed
from prudent.marketdata.daily import DailyMarket
from prudent.ports import Calendar, Clock, Floats

PRICES = ("open", "high", "low", "close")
REQUIRED = ("date", *PRICES, "volume")
OPTIONAL = {"volume": math.nan, "dividend": 0.0, "split": 1.0}
ALIASES = {"adj close": "adj_close", "adjclose": "adj_close", "adjusted_close": "adj_close", "dividends": "dividend",
           "stock splits": "split", "splits": "split", "ticker": "symbol"}  # fmt: skip
SUFFIXES = (".csv", ".parquet")
Row = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Line:
    """One row of a file as text, by column, and where it stands."""

    where: str
    cells: Row


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
        paths = sorted(p for p in self._folder.glob("*") if p.suffix.lower() in SUFFIXES)
        if not paths:
            raise InputError(
                f"price folder must hold .csv or .parquet files, {self._folder} holds none; "
                "add files with the columns date,symbol,open,high,low,close,volume"
            )
        return {path: _header(path) for path in paths}

    @cached_property
    def _single(self) -> dict[str, Path]:
        return {_symbol(path.stem, path.name): path for path, names in self._headers.items() if "symbol" not in names}

    @cached_property
    def _long(self) -> dict[str, list[Line]]:
        found: dict[str, list[Line]] = {}
        for path, names in self._headers.items():
            if "symbol" in names:
                for line in lines_of(path):
                    found.setdefault(_symbol(line.cells["symbol"], line.where), []).append(line)
        return found


class FilesMarket(DailyMarket):
    """`MarketData` of a folder's daily bars; inside a session the price is that day's open, where the file has it."""

    def __init__(self, clock: Clock, calendar: Calendar, folder: Path) -> None:
        self._files = FileSource(calendar, folder)
        super().__init__(clock, calendar, source="files", columns_of=self._files.columns)

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


def _header(path: Path) -> tuple[str, ...]:
    if path.suffix.lower() == ".parquet":
        names = list(_parquet(path, "read_parquet_schema"))
    else:
        names = next(_csv_rows(path), (0, []))[1]
    known = tuple(_column(str(name)) for name in names)
    missing = [name for name in REQUIRED if name not in known]
    if missing:
        must = ", ".join(REQUIRED)
        raise InputError(f"{path.name}: columns must include {must}, missing: {', '.join(missing)}; add them")
    return known


def lines_of(path: Path) -> Iterator[Line]:
    """The rows of a file, in its order.

    Raises:
        InputError: the file, or a row of it, cannot be read.
    """
    if path.suffix.lower() == ".parquet":
        for number, named in enumerate(_parquet(path, "read_parquet").iter_rows(named=True), 1):
            cells = {_column(str(k)): "" if v is None else str(v) for k, v in named.items()}
            yield Line(f"{path.name} row {number}", cells)
        return
    rows = _csv_rows(path)
    names = [_column(name) for name in next(rows, (0, []))[1]]
    for number, row in rows:
        where = f"{path.name} line {number}"
        if len(row) != len(names) and row:
            raise InputError(f"{where}: row must have {len(names)} cells, has {len(row)}; correct the row")
        if row:
            yield Line(where, dict(zip(names, row)))


def _csv_rows(path: Path) -> Iterator[tuple[int, list[str]]]:
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            rows = csv.reader(file)
            for row in rows:
                yield rows.line_num, row
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise InputError(f"{path.name} must be a readable CSV file in UTF-8, but: {error}; replace it") from error


def _parquet(path: Path, reader: str) -> Any:
    polars = _polars()
    try:
        return getattr(polars, reader)(path)
    except (OSError, polars.exceptions.PolarsError) as error:
        raise InputError(f"{path.name} must be a readable Parquet file, but: {error}; replace it") from error


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
    row = {"day": float(day_number(day))}
    row |= {name: _number(line, name, cells[name]) for name in PRICES}
    row |= {name: _number(line, name, cells.get(name, ""), empty=empty) for name, empty in OPTIONAL.items()}
    if "adj_close" in cells:
        row["adj_close"] = _number(line, "adj_close", cells["adj_close"])
    if not row["low"] <= min(row["open"], row["close"]) <= max(row["open"], row["close"]) <= row["high"]:
        raise InputError(f"{line.where}: open and close must lie between low and high; correct the row")
    return row


def _number(line: Line, name: str, text: str, *, empty: float | None = None) -> float:
    if not text.strip() and empty is not None:
        return empty
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    least_allowed = name in ("volume", "dividend")
    if not math.isfinite(value) or value < 0.0 or (value == 0.0 and not least_allowed):
        bound = "0 or more" if least_allowed else "above 0"
        raise InputError(f"{line.where}: {name} must be a number {bound}, was {text!r}; correct the row")
    return value


def _symbol(text: str, where: str) -> str:
    try:
        return normalise_symbol(text)
    except InputError as error:
        raise InputError(f"{where}: {error}") from error


def _column(name: str) -> str:
    plain = name.strip().lower()
    return ALIASES.get(plain, plain)


def _polars() -> ModuleType:
    # Imported on use: it is large, and CSV folders do without it.
    try:
        import polars
    except ImportError as error:
        raise ConfigError("Parquet files need the extra `parquet`; install prudent[parquet] or give CSV") from error
    return polars
