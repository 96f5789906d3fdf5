"""The placebo of shifted time: a run's own holdings at other times of the same window, valued alike.

Whoever knew when to hold what earns more with the holdings where they stood than with the same ones moved on. Moving
keeps how much was held, of what and for how long together, and takes away only when (a circular shift).
"""

from dataclasses import dataclass

import numpy as np

from prudent.analytics.marks import filled, marks_of
from prudent.domain.errors import InputError
from prudent.domain.performance import FillTable, Floats, Ints, NavSeries, Panel

SHIFTS = 200
# Holdings a few sessions later are nearly the same ones.
LEAST = 5
# What fills do not explain of the value held: dividends as shares, a delisting, positions from before the run.
UNEXPLAINED_MAX = 0.01


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Shifted:
    """Total returns: `own` of the holdings where they stood, `total[k]` of them `sessions[k]` later."""

    own: float
    sessions: Ints
    total: Floats

    @property
    def percentile(self) -> float:
        """The share of shifts that the holdings where they stood beat, ties counted half: 0 to 1."""
        below = np.sum(self.total < self.own) + 0.5 * np.sum(self.total == self.own)
        return float(below / len(self.total))


def weights_of(nav: NavSeries, fills: FillTable, panel: Panel) -> Floats | None:
    """Weights of the panel's symbols at each close of the run, `[t, i]`; None where fills do not explain what it held.

    `panel` has the sessions of the run and every symbol of its fills; the run began without positions.
    """
    bought = np.zeros((len(nav.days), len(panel.symbols)))
    place = np.array([panel.symbols.index(each) if each in panel.symbols else -1 for each in fills.symbols])
    rows = np.searchsorted(nav.days, fills.day)
    if len(fills) and (place[fills.symbol].min() < 0 or rows.max() >= len(nav.days)):
        return None
    if len(fills):
        np.add.at(bought, (rows, place[fills.symbol]), fills.quantity)
    split = np.cumprod(np.where(np.isfinite(panel.split), panel.split, 1.0), axis=0)
    # Held shares in those of the first session, then in those of the day.
    held = np.cumsum(bought / split, axis=0) * split
    value = np.where(held == 0.0, 0.0, held * filled(panel.close))
    with np.errstate(invalid="ignore"):
        apart = np.abs(np.abs(value).sum(axis=1) - nav.gross)
        explained = bool(np.all(apart <= UNEXPLAINED_MAX * nav.nav)) and bool(np.all(nav.nav > 0.0))
    weights: Floats = value / nav.nav[:, None]
    return weights if explained else None


def shifted(weights: Floats, panel: Panel, *, cost: float, shifts: int = SHIFTS) -> Shifted:
    """The holdings moved on by up to `shifts` spans, evenly from 5 sessions to 5 less than all, the end to the front.

    The weights of a close earn the total return to the next one; what must be traded to have them costs the fraction
    `cost`. A symbol without a price at its new time stays as money.

    Raises:
        InputError: the run is too short to be shifted.
    """
    n = len(weights)
    if n <= 2 * LEAST or shifts < 1:
        raise InputError(f"a run must have more than {2 * LEAST} sessions to be shifted, had {n}")
    marks = marks_of(panel, np.arange(weights.shape[1], dtype=np.int64))
    moves: Floats = np.diff(marks.close, axis=0) / marks.close[:-1]
    sessions = np.unique(np.linspace(LEAST, n - LEAST, num=min(shifts, n - 2 * LEAST + 1)).round().astype(np.int64))
    total = np.array([_total(np.roll(weights, int(k), axis=0), moves, cost) for k in sessions])
    return Shifted(own=_total(weights, moves, cost), sessions=sessions, total=total)


def _total(weights: Floats, moves: Floats, cost: float) -> float:
    """The total return of the weights of each close, bought at the first one."""
    earned = (weights[:-1] * moves).sum(axis=1)
    drifted = weights[:-1] * (1.0 + moves) / (1.0 + earned)[:, None]
    traded = np.abs(weights[1:] - drifted).sum(axis=1)
    growth = (1.0 - cost * float(np.abs(weights[0]).sum())) * np.prod((1.0 + earned) * (1.0 - cost * traded))
    return float(growth - 1.0)
