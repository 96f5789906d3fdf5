"""The order record of a backtest: one blob of raw columns per day-batch, each chained to the one before by SHA-256."""

import hashlib
import os
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

import numpy as np

from prudent.backtest.day_batch import OrderLog

MAGIC = b"PRUDENT1"
HEAD = struct.Struct("<qq")
GENESIS = b"\0" * 32
# Whole shares and symbol rows fit 32 bits; prices and cash keep every bit they have.
KINDS = ("<i4", "<i4", "<i4", "<i4", "<f8", "<f4", "<f8", "<i2")
ROW = sum(np.dtype(kind).itemsize for kind in KINDS)


class BlobWriter:
    """Appends batches to a file; what is in the file is durable when the writer is closed."""

    def __init__(self, path: Path) -> None:
        self._file = path.open("wb")
        self._file.write(MAGIC)
        self._chain = GENESIS
        self._blob = bytearray()

    def __enter__(self) -> "BlobWriter":
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._file.flush()
        os.fsync(self._file.fileno())
        self._file.close()

    def append(self, day: int, log: OrderLog, first: int, last: int) -> bytes:
        """Write rows `first` up to `last` of a log as one batch; gives its link of the chain."""
        count = last - first
        size = HEAD.size + count * ROW
        if len(self._blob) < size:
            self._blob = bytearray(size)
        HEAD.pack_into(self._blob, 0, day, count)
        at = HEAD.size
        for column, kind in zip(log, KINDS):
            written = np.frombuffer(self._blob, kind, count, at)
            written[:] = column[first:last]
            at += written.nbytes
        blob = memoryview(self._blob)[:size]
        seal = hashlib.sha256(self._chain)
        seal.update(blob)
        self._chain = seal.digest()
        self._file.write(blob)
        self._file.write(self._chain)
        return self._chain


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Batch:
    """A day's orders as read back; `columns` in the order of `OrderLog`."""

    day: int
    columns: OrderLog


def read_blobs(path: Path) -> Iterator[Batch]:
    """The batches of a file; one whose chain does not fit raises ValueError that names the day."""
    content = path.read_bytes()
    if content[: len(MAGIC)] != MAGIC:
        raise ValueError(f"{path.name} must begin with {MAGIC!r}; it is no order record")
    at, chain = len(MAGIC), GENESIS
    while at < len(content):
        day, count = HEAD.unpack_from(content, at)
        end = at + HEAD.size + count * ROW
        chain = hashlib.sha256(chain + content[at:end]).digest()
        if content[end : end + 32] != chain:
            raise ValueError(f"the record of day {day} does not fit its chain; the file was changed or is cut short")
        columns, start = [], at + HEAD.size
        for kind in KINDS:
            columns.append(np.frombuffer(content, kind, count, start))
            start += columns[-1].nbytes
        yield Batch(day=day, columns=OrderLog(*columns))
        at = end + 32
