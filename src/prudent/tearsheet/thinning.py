"""Long series as few points that look the same: the least and the greatest of each stretch stay."""

import numpy as np

from prudent.domain.performance import Floats, Ints

POINTS_MAX = 1_500


def kept_rows(values: Floats, most: int = POINTS_MAX) -> Ints:
    """Which rows to draw, ascending, at most `most` of them, `most` at least 4.

    Both ends stay, and of each stretch in between the least and the greatest, so that no extreme is lost. Rows of NaN
    are left out, but for one where a stretch holds nothing else: a line breaks there.
    """
    count = len(values)
    if count <= most:
        return np.arange(count, dtype=np.int64)
    stretches = (most - 2) // 2
    edges = np.linspace(1, count - 1, stretches + 1).astype(np.int64)
    starts = edges[:-1]
    hole = np.isnan(values)
    low = _first_extreme(np.where(hole, np.inf, values), starts, np.minimum)
    high = _first_extreme(np.where(hole, -np.inf, values), starts, np.maximum)
    return np.unique(np.concatenate((np.array([0, count - 1], dtype=np.int64), low, high)))


def _first_extreme(values: Floats, starts: Ints, extreme: np.ufunc) -> Ints:
    """The first row of each stretch that holds its extreme; the last row of `values` is of no stretch."""
    inner = values[:-1]
    best = extreme.reduceat(inner, starts)
    lengths = np.diff(np.append(starts, len(inner)))
    first_row = int(starts[0])
    hits = np.flatnonzero(inner[first_row:] == np.repeat(best, lengths)) + first_row
    owner = np.searchsorted(starts, hits, side="right") - 1
    _, where = np.unique(owner, return_index=True)
    return hits[where].astype(np.int64)
