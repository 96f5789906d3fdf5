"""The shipped price files, opened when first asked: real closes of 1990-2022 and a year of bars of index members."""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from prudent.domain.errors import StoreError
from prudent.marketdata.columns import Days
from prudent.ports import Floats

SAMPLE_FILES = Path(__file__).parent / "sample_files"
SHARES_PER_UNIT = 100.0


@dataclass(frozen=True, slots=True, eq=False)
class Closes:
    """Closes of one symbol on the rows [first, first + len(values)) of the record's sessions."""

    first: int
    values: Floats


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class MemberBars:
    """Raw daily bars of one index member, on the days it has."""

    days: Days
    open: Floats
    high: Floats
    low: Floats
    close: Floats
    volume: Floats


class SampleRecord(Protocol):
    """The facts that the sample is made from: nothing in it is generated."""

    @property
    def days(self) -> Days: ...

    @property
    def bar_counts(self) -> NDArray[np.int64]:
        """Half hours in each session of `days`."""

    @property
    def members(self) -> tuple[str, ...]: ...

    def closes(self, symbol: str) -> Closes: ...

    def member(self, symbol: str) -> MemberBars: ...


class ShippedRecord:
    """The record in the package's `sample_files`; whole numbers on disk, so prices are exactly the source's."""

    def __init__(self, folder: Path = SAMPLE_FILES) -> None:
        self._folder = folder

    @property
    def days(self) -> Days:
        return self._closes["days"].astype(np.int64)

    @property
    def bar_counts(self) -> NDArray[np.int64]:
        return self._closes["bar_counts"].astype(np.int64)

    @cached_property
    def members(self) -> tuple[str, ...]:
        return tuple(str(symbol) for symbol in self._members["symbols"])

    def closes(self, symbol: str) -> Closes:
        row = self._rows[symbol]
        first, end = (int(each) for each in self._closes["spans"][row])
        whole = np.cumsum(self._closes["differences"][row, first:end], dtype=np.int64)
        return Closes(first, whole / float(self._closes["scale"]))

    def member(self, symbol: str) -> MemberBars:
        files = self._members
        place = self.members.index(symbol)
        part = slice(int(files["starts"][place]), int(files["starts"][place + 1]))
        close = self._member_closes[part]
        opened = close + files["open"][part]
        scale = float(files["scale"])
        return MemberBars(
            days=files["days"][part].astype(np.int64),
            open=opened / scale,
            high=(np.maximum(opened, close) + files["high"][part]) / scale,
            low=(np.minimum(opened, close) - files["low"][part]) / scale,
            close=close / scale,
            volume=files["volume"][part].astype(np.float64) * SHARES_PER_UNIT,
        )

    @cached_property
    def _closes(self) -> dict[str, NDArray[np.int32]]:
        return _arrays(self._folder / "closes.npz")

    @cached_property
    def _members(self) -> dict[str, NDArray[np.int32]]:
        return _arrays(self._folder / "members.npz")

    @cached_property
    def _member_closes(self) -> NDArray[np.int64]:
        return np.cumsum(self._members["close"], dtype=np.int64)

    @cached_property
    def _rows(self) -> dict[str, int]:
        return {str(symbol): row for row, symbol in enumerate(self._closes["symbols"])}


def _arrays(path: Path) -> dict[str, NDArray[np.int32]]:
    try:
        with np.load(path) as file:
            return {name: file[name] for name in file.files}
    except (OSError, ValueError) as error:
        raise StoreError(f"sample file {path} must be readable, but is not ({error}); install prudent again") from error
