"""Figures of a column of returns: spread, Sharpe and its correction for autocorrelation, Sortino, tails, shape.

Every function takes finite returns and gives None where its figure is not defined.
"""

from dataclasses import dataclass

import numpy as np

from prudent.domain.performance import Floats

SESSIONS_A_YEAR = 252
# A ratio of fewer returns says nothing.
MIN_RETURNS = 20
TAIL = 0.05
# A spread this small beside the returns is rounding.
SPREAD_MIN = 1e-10


def per_period(risk_free: float, periods: int = SESSIONS_A_YEAR) -> float:
    """A yearly rate as the rate of one period: (1 + r)^(1 / periods) - 1."""
    return float((1.0 + risk_free) ** (1.0 / periods) - 1.0)


def spread_of(returns: Floats, *, beside: Floats | None = None) -> float:
    """Sample standard deviation (ddof 1); 0 where it is rounding only, next to the returns or to those `beside`."""
    if len(returns) < 2:
        return 0.0
    spread = float(returns.std(ddof=1))
    scale = float(np.abs(returns if beside is None else beside).max())
    return spread if spread > SPREAD_MIN * scale else 0.0


def volatility(returns: Floats, *, periods: int = SESSIONS_A_YEAR, least: int = MIN_RETURNS) -> float | None:
    """Sample standard deviation x sqrt(periods); None of fewer than `least` returns."""
    return spread_of(returns) * periods**0.5 if len(returns) >= max(least, 2) else None


def sharpe(
    returns: Floats, *, risk_free: float = 0.0, periods: int = SESSIONS_A_YEAR, least: int = MIN_RETURNS
) -> float | None:
    """mean(r - rf) / std(ddof 1) x sqrt(periods), `risk_free` a year (Sharpe, 1994)."""
    spread = spread_of(returns)
    if len(returns) < least or spread == 0.0:
        return None
    return (float(returns.mean()) - per_period(risk_free, periods)) / spread * float(periods**0.5)


def autocorrelation(returns: Floats) -> float | None:
    """Correlation of each return with the one before; None where they do not vary."""
    if spread_of(returns) == 0.0:
        return None
    deviation = returns - returns.mean()
    return float(np.dot(deviation[1:], deviation[:-1]) / np.dot(deviation, deviation))


def time_aggregation(correlation: float, periods: int = SESSIONS_A_YEAR) -> float:
    """Lo (2002): eta(q) = q / sqrt(q + 2 x sum over k < q of (q - k) rho^k), which is sqrt(q) where rho is 0."""
    lags = np.arange(1, periods)
    return periods / float(np.sqrt(periods + 2.0 * np.sum((periods - lags) * correlation**lags)))


def sharpe_autocorrelation(
    returns: Floats, *, risk_free: float = 0.0, periods: int = SESSIONS_A_YEAR, least: int = MIN_RETURNS
) -> float | None:
    """Sharpe with the factor of Lo (2002) in place of sqrt(periods): less where returns repeat, as smoothed ones do."""
    plain = sharpe(returns, risk_free=risk_free, periods=periods, least=least)
    correlation = autocorrelation(returns)
    if plain is None or correlation is None:
        return None
    return plain / float(periods**0.5) * time_aggregation(correlation, periods)


def sortino(
    returns: Floats, *, risk_free: float = 0.0, periods: int = SESSIONS_A_YEAR, least: int = MIN_RETURNS
) -> float | None:
    """mean(r - rf) / sqrt(mean(min(r - rf, 0)^2)) x sqrt(periods), the mean square over all returns (Sortino, 1994)."""
    if len(returns) < max(least, 1):
        return None
    excess = returns - per_period(risk_free, periods)
    downside = float(np.sqrt(np.mean(np.minimum(excess, 0.0) ** 2)))
    if not downside > SPREAD_MIN * float(np.abs(excess).max()):
        return None
    return float(excess.mean()) / downside * float(periods**0.5)


def value_at_risk(returns: Floats, *, tail: float = TAIL, least: int = MIN_RETURNS) -> float | None:
    """The `tail` quantile of the returns that were (linear between them): below 0 for a loss."""
    return float(np.quantile(returns, tail)) if len(returns) >= max(least, 1) else None


def expected_shortfall(returns: Floats, *, tail: float = TAIL, least: int = MIN_RETURNS) -> float | None:
    """The mean of the returns at or below the value at risk."""
    limit = value_at_risk(returns, tail=tail, least=least)
    return None if limit is None else float(returns[returns <= limit].mean())


def win_days(returns: Floats) -> float | None:
    """Sessions above 0 among those that are not 0; None where none is."""
    moved = int(np.count_nonzero(returns))
    return float(np.count_nonzero(returns > 0.0) / moved) if moved else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """Moment skewness m3 / m2^1.5 and raw kurtosis m4 / m2^2, which is 3 of a normal distribution."""

    skew: float | None
    kurtosis: float | None


def shape(returns: Floats, *, least: int = MIN_RETURNS) -> Shape:
    """Skewness and raw kurtosis from population moments."""
    if len(returns) < least or spread_of(returns) == 0.0:
        return Shape(skew=None, kurtosis=None)
    deviation = returns - returns.mean()
    square = deviation * deviation
    second = float(square.mean())
    third, fourth = float((square * deviation).mean()), float((square * square).mean())
    return Shape(skew=third / second**1.5, kurtosis=fourth / second**2)
