"""Whether a Sharpe ratio is more than luck: its standard error, its probability, and how long a record it needs.

Everything takes the series of returns, not its moments: an annual Sharpe ratio beside a daily sample size, and an
excess kurtosis where a raw one belongs, are the mistakes that the formulas meet most.
"""

import math
from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from prudent.analytics.normal import cdf, quantile
from prudent.domain.errors import InputError
from prudent.domain.performance import Floats

# With fewer daily returns nothing is called significant, whatever the arithmetic says.
ENOUGH = 60
# A Sharpe ratio of fewer returns is not shown at all.
SHARPE_FROM = 20
# Below this share of its mean size a spread is rounding, not risk.
ROUNDING = 1e-12


class Score(StrEnum):
    """By which figure of a period series of returns are judged."""

    MEAN = "mean"
    SHARPE = "sharpe"


@dataclass(frozen=True, slots=True, kw_only=True)
class SharpeShape:
    """The Sharpe ratio of a period (not annual), of `n` returns, and what its spread depends on.

    `kurtosis` is raw: 3 for a normal distribution.
    """

    n: int
    sharpe: float
    skew: float
    kurtosis: float

    @property
    def spread(self) -> float:
        """The standard deviation of the estimate times the square root of n-1; Mertens (2002)."""
        variance = 1.0 - self.skew * self.sharpe + (self.kurtosis - 1.0) / 4.0 * self.sharpe**2
        return math.sqrt(max(variance, 0.0))


def sharpe_shape(returns: Floats) -> SharpeShape | None:
    """The Sharpe ratio of excess `returns` with what its spread depends on; None below two returns or without risk."""
    values = finite(returns)
    if len(values) < 2 or no_spread(values):
        return None
    off = values - values.mean()
    variance = float(np.mean(off**2))
    return SharpeShape(
        n=len(values),
        sharpe=float(values.mean() / values.std(ddof=1)),
        skew=float(np.mean(off**3) / variance**1.5),
        kurtosis=float(np.mean(off**4) / variance**2),
    )


def sharpe(returns: Floats) -> float | None:
    """Mean over standard deviation (ddof 1) of a period; None below 20 returns or where they never differ."""
    shape = sharpe_shape(returns)
    return None if shape is None or shape.n < SHARPE_FROM else shape.sharpe


def standard_error(returns: Floats, *, periods: float = 252.0) -> float | None:
    """The standard error of the annual Sharpe ratio of `returns`, `periods` of them a year."""
    shape = sharpe_shape(returns)
    return None if shape is None else shape.spread / math.sqrt(shape.n - 1) * math.sqrt(periods)


def probabilistic_sharpe(returns: Floats, *, above: float = 0.0) -> float | None:
    """How probable it is that the true Sharpe ratio of a period is over `above`, of a period too.

    Bailey and Lopez de Prado (2012): q((S-S*) sqrt(n-1) / sqrt(1 - skew S + (kurtosis-1)/4 S^2)).
    """
    shape = sharpe_shape(returns)
    if shape is None or shape.spread == 0.0:
        return None
    return cdf((shape.sharpe - above) * math.sqrt(shape.n - 1) / shape.spread)


def minimum_record(returns: Floats, *, above: float = 0.0, confidence: float = 0.95) -> float | None:
    """How many returns it takes until a Sharpe ratio like this one is over `above` with `confidence`; inf if never.

    Bailey and Lopez de Prado (2012): 1 + (1 - skew S + (kurtosis-1)/4 S^2) (z / (S-S*))^2.
    """
    shape = sharpe_shape(returns)
    if shape is None:
        return None
    if not shape.sharpe > above:
        return math.inf
    return 1.0 + (shape.spread * quantile(confidence) / (shape.sharpe - above)) ** 2


def insufficient(n: int) -> str:
    """What stands in the place of a verdict, above all on fewer than 60 daily returns."""
    return f"insufficient evidence (n={n})"


def finite(returns: Floats) -> Floats:
    """One series without what is not known (NaN); an infinite return is refused."""
    values = np.asarray(returns, dtype=np.float64)
    if values.ndim != 1:
        raise InputError(f"returns must be one series, had {values.ndim} dimensions; give one row a session")
    if np.isinf(values).any():
        raise InputError("a return was infinite, must be a number; look for a session that began with no value")
    return values[~np.isnan(values)]


def no_spread(values: Floats) -> bool:
    """True where the values differ by no more than rounding does."""
    return float(np.ptp(values)) <= ROUNDING * max(float(np.mean(np.abs(values))), ROUNDING)
