"""How much of an account was at work, and how much of it was turned over."""

from dataclasses import dataclass

import numpy as np

from prudent.analytics.ratios import MIN_RETURNS, SESSIONS_A_YEAR
from prudent.analytics.returns import DailyReturns
from prudent.domain.performance import FillTable, Floats, NavSeries


@dataclass(frozen=True, slots=True, kw_only=True)
class Exposure:
    """Means over sessions, as fractions of the value at the close; `invested` is the share of sessions that hold."""

    gross: float | None
    net: float | None
    invested: float | None


def exposure(nav: NavSeries, returns: DailyReturns) -> Exposure:
    """Time-weighted exposure: every session whose value is above 0 and whose holdings are known counts the same."""
    usable = (returns.worth > 0.0) & np.isfinite(nav.gross) & np.isfinite(nav.net)
    if not usable.any():
        return Exposure(gross=None, net=None, invested=None)
    worth = returns.worth[usable]
    return Exposure(
        gross=float(np.mean(nav.gross[usable] / worth)),
        net=float(np.mean(nav.net[usable] / worth)),
        invested=float(np.mean(nav.gross[usable] > 0.0)),
    )


def one_way(returns: DailyReturns, fills: FillTable) -> Floats:
    """One-way turnover of each session: the larger of its purchases and its sales, over the value before its open.

    Where a symbol trades one way a day that is half the sum of absolute changes of weight, cash as one of them; what
    was bought and sold again within a session was turned over all the same. The value includes the flow. A fill on a
    day without a row counts in the next row, or in the last.
    """
    turned = np.zeros(len(returns.days))
    if not len(fills) or not len(turned):
        return turned
    row = np.minimum(np.searchsorted(returns.days, fills.day.astype("datetime64[D]")), len(turned) - 1)
    traded = fills.quantity * fills.price
    bought = np.bincount(row, weights=np.maximum(traded, 0.0), minlength=len(turned))
    sold = np.bincount(row, weights=np.maximum(-traded, 0.0), minlength=len(turned))
    np.divide(np.maximum(bought, sold), returns.base, out=turned, where=returns.base > 0.0)
    return turned


def turnover(
    returns: DailyReturns, fills: FillTable, *, periods: int = SESSIONS_A_YEAR, least: int = MIN_RETURNS
) -> float | None:
    """One-way turnover a year: 1 is the whole account once; None of fewer than `least` sessions."""
    sessions = int(np.count_nonzero(returns.known))
    if sessions < max(least, 1):
        return None
    return float(one_way(returns, fills).sum()) * periods / sessions
