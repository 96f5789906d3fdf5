"""Rows of CSV and Parquet files as text, with where each stands, and the numbers and names in them."""

import csv
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

from prudent.domain.errors import ConfigError, InputError
from prudent.domain.instruments import normalise_symbol

PRICES = ("open", "high", "low", "close")
ALIASES = {"adj close": "adj_close", "adjclose": "adj_close", "adjusted_close": "adj_close", "dividends": "dividend",
           "stock splits": "split", "splits": "split", "ticker": "symbol"}  # fmt: skip
SUFFIXES = (".csv", ".parquet")
Row = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Line:
    """One row of a file as text, by column, and where it stands."""

    where: str
    cells: Row


def files_in(folder: Path, required: Sequence[str]) -> dict[Path, tuple[str, ...]]:
    """The price files of a folder with the names of their columns.

    Raises:
        InputError: a file lacks a column that is required.
    """
    return {path: _header(path, required) for path in sorted(folder.glob("*")) if path.suffix.lower() in SUFFIXES}


def _header(path: Path, required: Sequence[str]) -> tuple[str, ...]:
    if path.suffix.lower() == ".parquet":
        names = list(_parquet(path, "read_parquet_schema"))
    else:
        names = next(_csv_rows(path), (0, []))[1]
    known = tuple(_column(str(name)) for name in names)
    missing = [name for name in required if name not in known]
    if missing:
        must = ", ".join(required)
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


def priced(line: Line) -> dict[str, float]:
    """Open, high, low, close and volume of a row.

    Raises:
        InputError: a cell is no such number, or open and close do not lie between low and high.
    """
    row = {name: number(line, name, line.cells[name]) for name in PRICES}
    row["volume"] = number(line, "volume", line.cells.get("volume", ""), empty=math.nan)
    if not row["low"] <= min(row["open"], row["close"]) <= max(row["open"], row["close"]) <= row["high"]:
        raise InputError(f"{line.where}: open and close must lie between low and high; correct the row")
    return row


def number(line: Line, name: str, text: str, *, empty: float | None = None) -> float:
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


def symbol_of(text: str, where: str) -> str:
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
