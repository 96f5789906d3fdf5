"""What going into a position and out of it again costs, as a fraction of its amount."""

from decimal import Decimal

from prudent.domain.mandate import Mandate
from prudent.domain.quotes import Quote
from prudent.domain.valuation import usable
from prudent.exchange.fees import commission_row

BASIS_POINT = Decimal("0.0001")


def round_trip_cost(amount: Decimal, quote: Quote, mandate: Mandate) -> Decimal | None:
    """Two commissions, the spread once and slippage twice; None where the price is unknown or nothing is traded."""
    price = quote.price
    if price is None or not usable(price) or not amount > 0:
        return None
    fees = 2 * commission_row(mandate.costs, amount / price, price) / amount
    return fees + (spread_of(quote) or Decimal(0)) + 2 * mandate.slippage_bps * BASIS_POINT


def spread_of(quote: Quote) -> Decimal | None:
    """Ask less bid as a fraction of the price; None where either is unknown, or they are crossed."""
    bid, ask, price = quote.bid, quote.ask, quote.price
    if bid is None or ask is None or price is None or not usable(price) or bid > ask:
        return None
    return (ask - bid) / price
