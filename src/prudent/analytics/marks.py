"""Prices of a panel as growth of money: dividends reinvested, splits undone, and whether one could trade."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from prudent.domain.errors import InputError
from prudent.domain.performance import Floats, Ints, Panel

FILLS = ("next_open", "next_close")
# A symbol without a close for so many sessions is taken as gone: it can be turned into cash at its last value.
GONE_AFTER = 5


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Marks:
    """What 1 put into a column before the first session is worth, `[t, i]`, dividends reinvested at the ex-date's open.

    `open` and `close` hold the last known value where the session has no price. `at_open` and `at_close` say that it
    has one; `gone` that there was no close for five sessions up to `t`. Row `t` depends on nothing after session `t`.
    """

    open: Floats
    close: Floats
    at_open: NDArray[np.bool_]
    at_close: NDArray[np.bool_]
    gone: NDArray[np.bool_]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Terms:
    """On what terms a baseline trades beside a run, so that the two differ in their choices only.

    `columns` of `panel` may be held. The account opens at session `first` of the panel, what lies before is history.
    `decided` are the sessions at whose close the run decided, ascending; orders trade in the next session at its open
    or close (`fill`: `next_open` or `next_close`). Each trade costs `cost_bps` of its value.
    """

    panel: Panel
    columns: Ints
    first: int
    decided: Ints
    fill: str
    cost_bps: float = 0.0

    def __post_init__(self) -> None:
        sessions = len(self.panel.days)
        if self.fill not in FILLS:
            raise InputError(f"fill was {self.fill}, must be {' or '.join(FILLS)}")
        if not 0 <= self.first < sessions:
            raise InputError(
                f"the run must begin inside the {sessions} sessions of its prices, was session {self.first}"
            )
        if not len(self.columns) or self.columns.min() < 0 or self.columns.max() >= len(self.panel.symbols):
            raise InputError("a baseline needs one symbol of the panel or more to hold; name them")
        ascending = bool(np.all(self.decided[1:] > self.decided[:-1]))
        earliest = max(self.first - 1, 0)
        if not ascending or (len(self.decided) and not earliest <= self.decided[0] <= self.decided[-1] < sessions):
            raise InputError("the sessions of decisions must ascend from the close before the run, each once")
        if not 0.0 <= self.cost_bps < 10_000.0:
            raise InputError(f"cost_bps must be 0 to 9,999, was {self.cost_bps:g}")

    @property
    def cost(self) -> float:
        return self.cost_bps / 10_000.0


def marks_of(panel: Panel, columns: Ints, *, dividends: bool = True) -> Marks:
    """Marks of the columns; without `dividends` they grow by price and splits alone.

    A dividend is for a share as it trades that day, after a split of the same day.
    """
    split = np.cumprod(_or(panel.split[:, columns], 1.0), axis=0)
    opens, closes = (_positive(each[:, columns]) * split for each in (panel.open, panel.close))
    paid = _or(panel.dividend[:, columns], 0.0) * split if dividends else np.zeros_like(split)
    at_open, at_close = np.isfinite(opens), np.isfinite(closes)
    last = filled(np.where(at_close, closes, opens))
    before = np.concatenate((np.full((1, last.shape[1]), np.nan), last[:-1]))
    begun = np.where(at_open, opens, np.where(at_close, closes, before))
    overnight = np.where(np.isfinite(before), (begun + paid) / before, 1.0)
    within = np.where(np.isfinite(begun), last / begun, 1.0)
    close = np.cumprod(overnight * within, axis=0)
    held = np.concatenate((np.ones((1, close.shape[1])), close[:-1]))
    return Marks(open=held * overnight, close=close, at_open=at_open, at_close=at_close, gone=_gone(at_close))


def filled(values: Floats) -> Floats:
    """Each NaN replaced by the last value above it in its column, where there is one."""
    rows = np.where(np.isfinite(values), np.arange(len(values))[:, None], 0)
    np.maximum.accumulate(rows, axis=0, out=rows)
    out: Floats = np.take_along_axis(values, rows, axis=0)
    return out


def _gone(at_close: NDArray[np.bool_]) -> NDArray[np.bool_]:
    row = np.arange(len(at_close))[:, None]
    last = np.maximum.accumulate(np.where(at_close, row, -GONE_AFTER), axis=0)
    out: NDArray[np.bool_] = row - last >= GONE_AFTER
    return out


def _or(values: Floats, instead: float) -> Floats:
    return np.where(np.isfinite(values), values, instead)


def _positive(values: Floats) -> Floats:
    """Prices of 0 or less are none."""
    return np.where(values > 0.0, values, np.nan)
