"""Figures of a moving window of returns, for curves: row = return, NaN until the window is full."""

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from prudent.analytics.ratios import SESSIONS_A_YEAR, SPREAD_MIN, per_period
from prudent.domain.performance import Floats

HALF_YEAR = 126


def rolling_volatility(returns: Floats, window: int = HALF_YEAR, *, periods: int = SESSIONS_A_YEAR) -> Floats:
    """Sample standard deviation x sqrt(periods) of the last `window` returns, 2 or more."""
    out = np.full(len(returns), np.nan)
    if len(returns) >= window:
        out[window - 1 :] = sliding_window_view(returns, window).std(axis=1, ddof=1) * periods**0.5
    return out


def rolling_sharpe(
    returns: Floats, window: int = HALF_YEAR, *, risk_free: float = 0.0, periods: int = SESSIONS_A_YEAR
) -> Floats:
    """Sharpe ratio of the last `window` returns, NaN where they do not vary."""
    out = np.full(len(returns), np.nan)
    if len(returns) < window:
        return out
    windows = sliding_window_view(returns, window)
    spread = windows.std(axis=1, ddof=1)
    mean = windows.mean(axis=1) - per_period(risk_free, periods)
    np.divide(mean * periods**0.5, spread, out=out[window - 1 :], where=varies(windows, spread))
    return out


def rolling_beta(returns: Floats, benchmark: Floats, window: int = HALF_YEAR) -> Floats:
    """Slope of the last `window` returns on the benchmark's of the same rows, NaN where that one does not vary."""
    out = np.full(len(returns), np.nan)
    if len(returns) < window:
        return out
    mine, theirs = sliding_window_view(returns, window), sliding_window_view(benchmark, window)
    around = theirs - theirs.mean(axis=1, keepdims=True)
    square = np.einsum("ij,ij->i", around, around)
    together = np.einsum("ij,ij->i", mine, around)
    spread = np.sqrt(square / (window - 1))
    np.divide(together, square, out=out[window - 1 :], where=varies(theirs, spread))
    return out


def varies(windows: Floats, spread: Floats) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    """True for windows whose spread is more than rounding."""
    found: np.ndarray[tuple[int], np.dtype[np.bool_]] = spread > SPREAD_MIN * np.abs(windows).max(axis=1)
    return found
