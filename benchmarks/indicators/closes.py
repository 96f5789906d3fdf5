"""The inputs of W3: seeded closes in cents; of some symbols the last bars come one at a time."""

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

BARS, SYMBOLS = 2520, 500
STREAMED, STREAM_TICKS = 20, 400


def closes() -> Floats:
    luck = np.random.default_rng(42)
    start = luck.uniform(20.0, 300.0, SYMBOLS)
    return np.round(start * np.exp(np.cumsum(luck.normal(0.0003, 0.012, (BARS, SYMBOLS)), axis=0)), 2)
