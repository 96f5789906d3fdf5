"""Falls of a value from its highest before: how deep, from when to when, and within a session."""

import numpy as np

from prudent.analytics.returns import growth, opening_day
from prudent.domain.performance import Days, Drawdown, Floats

LISTED = 10
# A fall this small is rounding.
DEPTH_MIN = 1e-12


def underwater(returns: Floats) -> Floats:
    """How far each close is below the highest close before it, the opening included: 0 or below, row = return."""
    index = growth(returns)
    below: Floats = index / np.maximum(np.maximum.accumulate(index), 1.0) - 1.0
    return below


def max_drawdown(returns: Floats) -> float:
    """The deepest fall from close to close, the opening included; 0 where there is none."""
    return min(0.0, float(underwater(returns).min())) if len(returns) else 0.0


def intraday_drawdown(returns: Floats, low: Floats, high: Floats | None = None) -> float | None:
    """The deepest fall to a least value within a session.

    `low[t]` and `high[t]` are returns from the base of session t to its least and highest value; NaN takes the close
    in its place. A highest value counts as before the least one of its session, which is the worse case; without
    `high` the peak is a close. None where no `low` is known.
    """
    if not np.isfinite(low).any():
        return None
    index = growth(returns)
    before = np.concatenate(([1.0], index[:-1]))
    bottom = np.where(np.isfinite(low), before * np.maximum(1.0 + low, 0.0), index)
    top = before if high is None else np.where(np.isfinite(high), before * (1.0 + high), index)
    peak = np.maximum.accumulate(np.maximum(before, top))
    return min(0.0, max_drawdown(returns), float((bottom / peak - 1.0).min()))


def drawdowns(days: Days, returns: Floats, *, worst: int = LISTED) -> tuple[Drawdown, ...]:
    """The `worst` falls, deepest first, then oldest first; a first session's fall has its peak on the day before."""
    if not len(returns):
        return ()
    dates = np.concatenate(([opening_day(days)], days)).astype("datetime64[D]")
    below = np.concatenate(([0.0], underwater(returns)))
    under = below < -DEPTH_MIN
    edges = np.diff(np.concatenate((under, [False])).astype(np.int8))
    # Slot k is the last at the peak; the fall is k + 1 to its end.
    peaks, ends = np.flatnonzero(edges == 1), np.flatnonzero(edges == -1)
    if not len(peaks):
        return ()
    depth = np.minimum.reduceat(below, peaks)
    found = []
    for k in np.argsort(depth, kind="stable")[:worst]:
        peak, end = int(peaks[k]), int(ends[k])
        trough = peak + int(np.argmin(below[peak : end + 1]))
        recovered = end + 1 if end + 1 < len(below) else None
        found.append(
            Drawdown(
                peak=dates[peak].item(), trough=dates[trough].item(),
                recovered=None if recovered is None else dates[recovered].item(),
                depth=float(depth[k]), sessions=(end if recovered is None else recovered) - peak,
            )
        )  # fmt: skip
    return tuple(found)
