"""Prices as the exchange quotes them: rounded to ticks, a bid below and an ask above."""

from dataclasses import dataclass
from decimal import ROUND_CEILING, ROUND_FLOOR, ROUND_HALF_UP, Decimal

from prudent.domain.money import from_float
from prudent.gateway.market.details import Ticks

__all__ = ["Sides", "Ticks", "rounded", "sides", "tick_at"]

PLACES = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Sides:
    """A bid and an ask; a bid of None is worth nothing."""

    bid: Decimal | None
    ask: Decimal


def tick_at(ticks: Ticks, price: Decimal) -> Decimal:
    """The increment that holds at a price."""
    found = ticks[0][1]
    for low, increment in ticks:
        if abs(price) >= low:
            found = increment
    return found


def rounded(ticks: Ticks, price: float) -> Decimal:
    """The nearest price that the ticks allow."""
    return _to(ticks, from_float(round(price, PLACES)), ROUND_HALF_UP)


def sides(ticks: Ticks, middle: float, half: float) -> Sides:
    """Outwards to the tick from half a spread each way; at least a tick apart."""
    bid = _to(ticks, from_float(round(middle - half, PLACES)), ROUND_FLOOR)
    ask = _to(ticks, from_float(round(middle + half, PLACES)), ROUND_CEILING)
    if ask <= bid:
        ask = bid + tick_at(ticks, bid)
    return Sides(bid=bid if bid > 0 else None, ask=ask)


def _to(ticks: Ticks, price: Decimal, rounding: str) -> Decimal:
    tick = tick_at(ticks, price)
    return (price / tick).to_integral_value(rounding) * tick
