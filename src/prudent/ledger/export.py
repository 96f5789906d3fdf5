"""Rows to CSV, JSON, JSON lines or Parquet: numbers stay numbers, and no text cell can become a formula."""

import csv
import dataclasses
import io
import json
import typing
from collections.abc import Sequence
from datetime import date, datetime
from decimal import Decimal
from enum import Enum, StrEnum
from pathlib import Path
from typing import Any

from prudent.domain.errors import ConfigError, InputError
from prudent.domain.money import plain
from prudent.domain.records import encode
from prudent.ledger.files import write_whole

_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")


class ExportFormat(StrEnum):
    CSV = "csv"
    JSON = "json"
    JSONL = "jsonl"
    PARQUET = "parquet"


def export(rows: Sequence[object], kind: type, path: Path, form: ExportFormat) -> int:
    """Write rows of one dataclass `kind` to a file, whole or not at all; gives their number.

    Raises:
        ConfigError: Parquet is asked for and the extra is not installed.
        StoreError: the file cannot be written.
    """
    write_whole(path, _parquet(rows, kind) if form is ExportFormat.PARQUET else text(rows, kind, form).encode())
    return len(rows)


def text(rows: Sequence[object], kind: type, form: ExportFormat) -> str:
    """Rows of one dataclass `kind` as text; the header of a CSV stands even when there are none.

    Raises:
        InputError: Parquet, which is no text.
    """
    if form is ExportFormat.CSV:
        return _csv(rows, kind)
    if form is ExportFormat.JSON:
        return json.dumps([encode(row) for row in rows], ensure_ascii=False, indent=2) + "\n"
    if form is ExportFormat.JSONL:
        return "".join(json.dumps(encode(row), ensure_ascii=False) + "\n" for row in rows)
    raise InputError("parquet must go to a file, was asked for as text; give an output path")


def _names(kind: type) -> list[str]:
    return [field.name for field in dataclasses.fields(kind)]


def _csv(rows: Sequence[object], kind: type) -> str:
    """RFC 4180: CRLF line ends, cells quoted where needed."""
    names = _names(kind)
    out = io.StringIO(newline="")
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow(names)
    for row in rows:
        writer.writerow([_cell(getattr(row, name)) for name in names])
    return out.getvalue()


def _cell(value: object) -> str:
    """A number, time or fixed word as it is; free text that a spreadsheet would compute gets an apostrophe."""
    if value is None:
        return ""
    if isinstance(value, bool | int):
        return str(value).lower()
    if isinstance(value, Decimal):
        return plain(value) if value.is_finite() else ""
    if isinstance(value, Enum | datetime | date):
        return str(encode(value))
    written = value if isinstance(value, str) else " ".join(map(str, _items(value)))
    return "'" + written if written.startswith(_FORMULA) else written


def _items(value: object) -> Sequence[object]:
    return value if isinstance(value, tuple) else (json.dumps(encode(value), ensure_ascii=False),)


def _parquet(rows: Sequence[object], kind: type) -> bytes:
    try:
        import polars
    except ImportError as error:
        raise ConfigError(
            "parquet needs the extra `parquet`, which is not installed; pip install 'prudent[parquet]'"
        ) from error
    dtypes: dict[object, Any] = {
        Decimal: polars.Decimal(38, 12), datetime: polars.Datetime("us", "UTC"), date: polars.Date(),
        int: polars.Int64(), bool: polars.Boolean(),
    }  # fmt: skip
    columns: dict[str, list[Any]] = {}
    schema: dict[str, Any] = {}
    for name, hint in typing.get_type_hints(kind).items():
        (plainest, *_none) = [part for part in (typing.get_args(hint) or (hint,)) if part is not type(None)]
        schema[name] = dtypes.get(plainest, polars.String())
        typed = plainest in dtypes
        columns[name] = [_stored(getattr(row, name), typed=typed) for row in rows]
    handle = io.BytesIO()
    polars.DataFrame(columns, schema=schema).write_parquet(handle)
    return handle.getvalue()


def _stored(value: object, *, typed: bool) -> object:
    """A typed value as it is; anything else as the text that a CSV would show, without its apostrophe."""
    if value is None or typed:
        return value
    return str(encode(value)) if isinstance(value, str) else " ".join(map(str, _items(value)))
