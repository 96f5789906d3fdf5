"""The ledger of a backtest in columns: Arrow files, some whole day-batches each, every one chained to the one before.

`polars` (extra `parquet`) writes and reads them. What is in the chain is durable once the ledger is closed; a block
that was changed, cut short, taken away or never finished is named by `verify`.
"""

import hashlib
import importlib.util
import io
import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any

import numpy as np

from prudent.domain.errors import ConfigError, StoreError
from prudent.domain.performance import Days, Ints
from prudent.domain.records import Json, canonical

if TYPE_CHECKING:
    from prudent.backtest.day_batch import OrderLog

FOLDER, CHAIN_FILE = "columns", "chain.jsonl"
ORDERS, DECISIONS, NAV, VERDICTS = "orders", "decisions", "nav", "verdicts"
TABLES = (ORDERS, DECISIONS, NAV, VERDICTS)
GENESIS = "0" * 64
# Whole shares are kept in 32 bits.
SHARES_MAX = 2**31 - 1
NOBODY = ""


def polars() -> Any:
    """The package, which is imported when columns are written or read and not before.

    Raises:
        ConfigError: it is not installed.
    """
    try:
        import polars
    except ImportError as error:
        raise ConfigError(
            "a backtest in columns needs the package polars, which is not installed; install the extra `parquet`: "
            "pip install 'prudent[parquet]', or take --path rows"
        ) from error
    return polars


def can_keep() -> bool:
    """True where the package is installed."""
    return importlib.util.find_spec("polars") is not None


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """A line of the chain: one file of a table, and the link that stands for it and all before it."""

    table: str
    file: str
    rows: int
    bytes: int
    digest: str
    link: str


class ColumnLedger:
    """Writes the tables of one backtest into an empty folder; `symbols` and `guards` are what its columns number.

    A context manager: what was written is closed, and so complete, where it ends without an error.
    """

    def __init__(self, folder: Path, *, symbols: Sequence[str], guards: Sequence[str]) -> None:
        self._polars = polars()
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder
        self._chain = (folder / CHAIN_FILE).open("wb")
        self._symbols, self._guards = tuple(symbols), (NOBODY, *guards)
        self._counts = dict.fromkeys(TABLES, 0)
        # One block's worth of memory, used again for each.
        self._buffer = io.BytesIO()
        self.link = GENESIS

    def __enter__(self) -> "ColumnLedger":
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if kind is None:
            self._add({"closed": True, "blocks": sum(self._counts.values())})
        _flush(self._chain)
        self._chain.close()

    def orders(self, log: "OrderLog", batch: Ints, decided: Days, traded: Days) -> str:
        """Write rows of a log, each with its batch and the days on which that decided and traded; gives the link.

        Raises:
            StoreError: a quantity is too large for the table.
        """
        pl = self._polars
        whole = {name: getattr(log, name) for name in ("planned", "approved", "filled")}
        # What is approved and filled is never more than what was planned.
        if len(log.planned) and np.abs(log.planned).max() > SHARES_MAX:
            raise StoreError(f"quantities must be at most {SHARES_MAX} to be kept in columns; take --path rows")
        return self.table(ORDERS, {
            "batch": batch.astype(np.int32), "decided": decided, "traded": traded,
            "symbol": self._named(pl, log.instrument, self._symbols),
            **{name: each.astype(np.int32) for name, each in whole.items()},
            "price": log.price, "fee": log.commission, "cash": log.cash,
            "guard": self._named(pl, log.guard + 1, self._guards),
        })  # fmt: skip

    def table(self, name: str, columns: Mapping[str, Any]) -> str:
        """Write one more block of a table; gives the link."""
        frame = self._polars.DataFrame(columns)
        self._buffer.seek(0)
        frame.write_ipc(self._buffer, compression="uncompressed")
        self._counts[name] += 1
        file = f"{name}-{self._counts[name]:05}.arrow"
        with self._buffer.getbuffer()[: self._buffer.tell()] as content, (self._folder / file).open("wb") as handle:
            handle.write(content)
            _flush(handle)
            size, digest = len(content), hashlib.sha256(content).hexdigest()
        return self._add({"table": name, "file": file, "rows": frame.height, "bytes": size, "digest": digest})

    def _named(self, pl: Any, numbers: Ints, names: tuple[str, ...]) -> Any:
        width = np.uint8 if len(names) < 2**8 else np.uint16 if len(names) < 2**16 else np.uint32
        return pl.Series(numbers.astype(width)).cat.to(pl.Enum(list(names)))

    def _add(self, line: dict[str, Json]) -> str:
        self.link = _linked(self.link, line)
        self._chain.write(canonical({**line, "link": self.link}) + b"\n")
        return self.link


@dataclass(frozen=True, slots=True, kw_only=True)
class Verified:
    """What a whole ledger holds; `head` is the last link, which names all of it."""

    blocks: int
    rows: Mapping[str, int]
    bytes: int
    head: str


def is_columnar(folder: Path) -> bool:
    """True where the backtest of this folder was run in columns."""
    return (folder / FOLDER / CHAIN_FILE).is_file()


def blocks_of(folder: Path) -> tuple[Block, ...]:
    """The blocks that the chain of a ledger names, each fitting the one before; their files are not read.

    Raises:
        StoreError: there is no chain, it was changed, or it ends before the ledger was closed.
    """
    return _read(folder)[0]


def verify(folder: Path, head: str = "") -> Verified:
    """Read every byte of the ledger in this folder and hold it against its chain, and that against `head` if given.

    Raises:
        StoreError: something was changed, cut short, taken away, added or never finished; the message names it.
    """
    blocks, last = _read(folder)
    rows = dict.fromkeys(TABLES, 0)
    for block in blocks:
        path = folder / block.file
        try:
            content = path.read_bytes()
        except OSError as error:
            raise _broken(folder, f"{block.file} cannot be read: {error}") from error
        if len(content) != block.bytes:
            raise _broken(folder, f"{block.file} has {len(content)} bytes, its chain says {block.bytes}")
        if hashlib.sha256(content).hexdigest() != block.digest:
            raise _broken(folder, f"{block.file} is not as it was written")
        rows[block.table] += block.rows
    odd = sorted({each.name for each in folder.glob("*.arrow")} - {block.file for block in blocks})
    if odd:
        raise _broken(folder, f"{', '.join(odd[:3])} is in no chain")
    if head and head != last:
        raise _broken(folder, f"its chain ends with {last[:12]}, the list of backtests has {head[:12]}")
    return Verified(blocks=len(blocks), rows=rows, bytes=sum(block.bytes for block in blocks), head=last)


def _read(folder: Path) -> tuple[tuple[Block, ...], str]:
    path = folder / CHAIN_FILE
    try:
        content = path.read_bytes()
    except OSError as error:
        raise StoreError(f"a ledger in columns must have its chain at {path}, has not: {error}") from error
    blocks: list[Block] = []
    link, closed = GENESIS, False
    for number, text in enumerate(content.split(b"\n")[:-1], 1):
        line = _line(folder, number, text)
        told = str(line.pop("link", ""))
        link = _linked(link, line)
        if closed or link != told:
            raise _broken(folder, f"line {number} of {CHAIN_FILE} does not follow the one before")
        closed = line.get("closed") is True
        if not closed:
            blocks.append(Block(**line, link=link))  # type: ignore[arg-type]
    if not closed or not content.endswith(b"\n"):
        raise _broken(folder, f"{CHAIN_FILE} ends before the ledger was closed")
    return tuple(blocks), link


def _line(folder: Path, number: int, text: bytes) -> dict[str, Json]:
    try:
        line = json.loads(text)
    except ValueError as error:
        raise _broken(folder, f"line {number} of {CHAIN_FILE} is no JSON") from error
    known = {"closed", "blocks", "link"}, {"table", "file", "rows", "bytes", "digest", "link"}
    if not isinstance(line, dict) or set(line) not in known:
        raise _broken(folder, f"line {number} of {CHAIN_FILE} is no line of a chain")
    return line


def _linked(before: str, line: Mapping[str, Json]) -> str:
    return hashlib.sha256(before.encode() + canonical(dict(line))).hexdigest()


def _broken(folder: Path, what: str) -> StoreError:
    return StoreError(f"the ledger in {folder} must be whole and unchanged, is not: {what}; run the backtest again")


def _flush(handle: Any) -> None:
    handle.flush()
    os.fsync(handle.fileno())
