"""What options imply: the volatility at the money, that of a fixed horizon, and how high it stands among its past."""

import math
from collections.abc import Sequence

from prudent.analytics.options import DAYS_A_YEAR, Option, implied_volatility

HORIZON_DAYS = 30.0
# One expiry alone speaks for the horizon only if it lies near it.
ALONE_DAYS = (20.0, 45.0)
# Fewer sessions than these say nothing about how high a volatility stands.
SESSIONS_LEAST = 60


def at_the_money(strike: float, call: float, put: float, years: float) -> float | None:
    """The volatility that a call and a put of one strike imply together, a year's as a fraction; None where none.

    Their difference tells the forward price (put-call parity), so neither rate nor dividends need be known; what they
    are discounted by until expiry is left out, which over some weeks moves a volatility by less than its spread does.
    """
    forward = strike + call - put
    if not (all(math.isfinite(each) and each > 0.0 for each in (strike, call, put, years)) and forward > 0.0):
        return None
    return implied_volatility(Option(is_call=True, spot=forward, strike=strike, years=years), call)


def at_horizon(points: Sequence[tuple[float, float]], days: float = HORIZON_DAYS) -> float | None:
    """The volatility of a horizon from those of expiries, `(days, volatility)`: total variance grows in a line between.

    That is how the VIX is interpolated. None where the expiries do not lie around the horizon, or near it.
    """
    known = sorted(point for point in points if point[0] > 0.0 and point[1] > 0.0)
    before = [point for point in known if point[0] <= days][-1:]
    after = [point for point in known if point[0] > days][:1]
    if before and after:
        (near, low), (far, high) = before[0], after[0]
        part = (days - near) / (far - near)
        variance = low * low * near * (1.0 - part) + high * high * far * part
        return math.sqrt(variance / days)
    least, most = ALONE_DAYS
    return next((volatility for at, volatility in (*before, *after) if least <= at <= most), None)


def percentile(past: Sequence[float], now: float) -> float | None:
    """The share of past sessions in which it stood below `now`; None, unknown, for fewer than 60 of them."""
    if len(past) < SESSIONS_LEAST:
        return None
    return sum(each < now for each in past) / len(past)


def years_of(days: float) -> float:
    """Calendar days as a part of a year."""
    return days / DAYS_A_YEAR
