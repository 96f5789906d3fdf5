"""The standard normal distribution, and the best of several draws from it."""

import math
from statistics import NormalDist

EULER = 0.577_215_664_901_532_9
_STANDARD = NormalDist()


def cdf(x: float) -> float:
    """The share of a standard normal variable at or below `x`."""
    return 0.5 * math.erfc(-x / math.sqrt(2.0))


def quantile(share: float) -> float:
    """The value below which `share` of a standard normal variable lies, 0 < share < 1."""
    return _STANDARD.inv_cdf(share)


def two_sided(z: float) -> float:
    """How often a standard normal variable is at least as far from 0 as `z`."""
    return math.erfc(abs(z) / math.sqrt(2.0))


def expected_maximum(trials: float) -> float:
    """About the largest of so many independent standard normal draws; 0 for one draw.

    Bailey and Lopez de Prado (2014): (1-g) q(1-1/N) + g q(1-1/(N e)), g Euler's constant. `trials` may be a fraction,
    as an effective number is; below two draws the formula falls under 0, where it stops.
    """
    if trials <= 1.0:
        return 0.0
    first, second = quantile(1.0 - 1.0 / trials), quantile(1.0 - 1.0 / (trials * math.e))
    return max(0.0, (1.0 - EULER) * first + EULER * second)
