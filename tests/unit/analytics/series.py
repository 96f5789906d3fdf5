"""Return series with known properties, for the tests of statistics."""

import numpy as np

from prudent.domain.performance import Floats


def generator(seed: int) -> np.random.Generator:
    return np.random.Generator(np.random.PCG64(seed))


def autoregressive(dependence: float, n: int, seed: int) -> Floats:
    """x[t] = dependence x[t-1] + e[t] with standard normal e, begun at e[0]."""
    out = generator(seed).standard_normal(n)
    for t in range(1, n):
        out[t] += dependence * out[t - 1]
    return out


def alike(rng: np.random.Generator, n: int, *, dependence: float = 0.0, shared: float = 0.7) -> tuple[Floats, Floats]:
    """Two daily series of one distribution: heavy tails (t, 5), correlated by `shared` squared, autoregressive."""
    drawn = rng.standard_t(5, size=(n + 50, 3))
    rest = float(np.sqrt(1.0 - shared**2))
    both = shared * drawn[:, :1] + rest * drawn[:, 1:]
    for t in range(1, len(both)):
        both[t] += dependence * both[t - 1]
    return 0.01 * both[50:, 0] + 0.0004, 0.01 * both[50:, 1] + 0.0004
