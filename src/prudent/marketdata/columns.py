"""One symbol's daily history as columns, each made when it is first read."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from prudent.domain.quotes import Quality
from prudent.ports import Floats

Days = NDArray[np.int64]
DAILY_FIELDS = ("open", "high", "low", "close", "volume", "raw_close", "dividend", "split")


class LateFields(Mapping[str, Floats]):
    """Columns by name, each computed once, when first read."""

    def __init__(self, makers: Mapping[str, Callable[[], Floats]]) -> None:
        self._makers = makers
        self._made: dict[str, Floats] = {}

    def __getitem__(self, name: str) -> Floats:
        if name not in self._made:
            self._made[name] = self._makers[name]()
        return self._made[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._makers)

    def __len__(self) -> int:
        return len(self._makers)


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class DailyColumns:
    """Rows are the sessions on which the symbol has a bar: `days` (since 1970-01-01), ascending.

    `fields` has the daily fields of the port and `factor`, the raw price of one unit of `close`, known at the open.
    Prices but `raw_close` are on the scale of `close`. `real` is the row span in which `close` is real although its
    quality is not, for a series that is real in part.
    """

    symbol: str
    days: Days
    fields: Mapping[str, Floats]
    quality: Mapping[str, Quality]
    real: tuple[int, int] = (0, 0)

    def quality_of(self, name: str, low: int, high: int) -> Quality:
        """The quality of rows [low, high) of a field: of the worst row among them."""
        if name in ("close", "raw_close") and low < high and self.real[0] <= low and high <= self.real[1]:
            return Quality.REAL
        return self.quality[name]


def fixed(values: Floats) -> Callable[[], Floats]:
    """A maker of a column that is there already."""
    return lambda: values
