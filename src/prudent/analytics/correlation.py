"""Which price series move alike, by the correlation of their daily log returns."""

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray


def alike(close: NDArray[np.float64], names: Sequence[str], *, threshold: float) -> Iterator[tuple[str, str, float]]:
    """Pairs of columns of `close[t, i]` whose returns correlate at `threshold` or more, strongest first, then by name.

    A column with a price that is missing or not above 0, or that never moves, has no correlation and is left out.
    """
    usable = np.all(np.isfinite(close) & (close > 0.0), axis=0)
    moving = [int(i) for i in np.flatnonzero(usable & np.any(close[1:] != close[:-1], axis=0))]
    if len(moving) < 2 or close.shape[0] < 3:
        return
    matrix = np.corrcoef(np.diff(np.log(close[:, moving]), axis=0), rowvar=False).tolist()
    pairs: list[tuple[float, str, str]] = []
    for a, left in enumerate(moving):
        for b, right in enumerate(moving[a + 1 :], a + 1):
            if matrix[a][b] >= threshold:
                one, other = sorted((names[left], names[right]))
                pairs.append((matrix[a][b], one, other))
    for value, one, other in sorted(pairs, key=lambda pair: (-pair[0], pair[1:])):
        yield one, other, value
