"""Matching kernels: what an order trades at a quote, what it costs, and what that does to cash and cost basis."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from prudent.domain.money import floor_lots, round_cents
from prudent.exchange.fees import commission

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

RESTING = 0
FILLED = 1
PARTIAL = 2
NO_CASH = 3
NO_PRICE = 4

_NAN = float("nan")


class TakerQuote(NamedTuple):
    """One instrument as a taker meets it: NaN = unknown; `cap` the most that may trade now, in units."""

    price: float
    bid: float
    ask: float
    cap: float
    lot: float


class OrderColumns(NamedTuple):
    """A batch in the order of matching: row = order; `limit` NaN = market order."""

    instrument: Ints
    side: Ints
    quantity: Floats
    limit: Floats


class QuoteColumns(NamedTuple):
    """Quotes over the instrument index; NaN = unknown."""

    price: Floats
    bid: Floats
    ask: Floats
    cap: Floats
    lot: Floats
    multiplier: Floats


class BookColumns(NamedTuple):
    """An account over the instrument index, changed in place: `cash[0]`, signed quantities, average costs."""

    cash: Floats
    quantity: Floats
    cost: Floats


class FillColumns(NamedTuple):
    """The log of a batch, row = order: what filled, at which price and commission, and cash after it."""

    status: Ints
    quantity: Floats
    price: Floats
    commission: Floats
    cash: Floats


class Costs(NamedTuple):
    """The account's cost model code (`fees.MODEL_CODES`) and slippage against the taker."""

    model: int
    slippage_bps: float


def round_price(x: float) -> float:
    """An execution price: four decimals from 1 upwards, six below, halves up."""
    scale = 1e4 if x >= 1.0 else 1e6
    return float(int(x * scale + 0.5 + 1e-7)) / scale


def reference_price(side: int, quote: TakerQuote) -> float:
    """What a taker pays or gets before slippage: the ask when buying, the bid when selling, else the price."""
    if side > 0 and quote.ask > 0.0:
        return quote.ask
    if side < 0 and quote.bid > 0.0:
        return quote.bid
    if quote.price > 0.0:
        return quote.price
    return _NAN


def match_one(
    side: int, quantity: float, limit: float, quote: TakerQuote, slippage_bps: float
) -> tuple[float, float]:
    """Quantity and price that trade now, (0, NaN) if nothing does.

    A limit order trades only if the reference is at its limit or better, and never at a price beyond its limit.
    """
    reference = reference_price(side, quote)
    if not reference > 0.0:
        return 0.0, _NAN
    price = round_price(reference * (1.0 + side * slippage_bps / 1e4))
    if limit > 0.0:
        if side * (reference - limit) > 0.0:
            return 0.0, _NAN
        if side * (price - limit) > 0.0:
            price = limit
    filled = quantity
    if quote.cap < quantity:
        filled = floor_lots(quote.cap, quote.lot)
    if not (filled > 0.0 and price > 0.0):
        return 0.0, _NAN
    return filled, price


def cash_effect(side: int, quantity: float, price: float, multiplier: float, fee: float) -> float:
    """Change of cash to the cent: a buy pays notional and commission, a sell receives notional less commission."""
    return round_cents(-side * quantity * price * multiplier - fee)


def cost_after(held: float, cost: float, change: float, price: float) -> float:
    """Average cost per unit after a signed change: averaged when it grows, kept when it shrinks, 0 when flat."""
    after = held + change
    if after == 0.0:
        return 0.0
    if held * change >= 0.0:
        return (abs(held) * cost + abs(change) * price) / abs(after)
    return cost


def match_batch(
    orders: OrderColumns, quotes: QuoteColumns, book: BookColumns, fills: FillColumns, costs: Costs
) -> int:
    """Match every order of the batch in its order against one quote per instrument; returns how many traded.

    A buy that opens and would leave cash below zero does not trade (`NO_CASH`); a buy that covers a short may.
    """
    traded = 0
    cash = book.cash[0]
    for i in range(len(orders.instrument)):
        k = orders.instrument[i]
        side = orders.side[i]
        quote = TakerQuote(quotes.price[k], quotes.bid[k], quotes.ask[k], quotes.cap[k], quotes.lot[k])
        filled, price = match_one(side, orders.quantity[i], orders.limit[i], quote, costs.slippage_bps)
        fee = 0.0
        status = FILLED
        if filled > 0.0:
            fee = commission(costs.model, filled, price, quotes.multiplier[k])
            after = round_cents(cash + cash_effect(side, filled, price, quotes.multiplier[k], fee))
            if side > 0 and after < 0.0 and book.quantity[k] >= 0.0:
                status = NO_CASH
                filled = 0.0
                fee = 0.0
            else:
                cash = after
                book.cost[k] = cost_after(book.quantity[k], book.cost[k], side * filled, price)
                book.quantity[k] += side * filled
                traded += 1
                if filled < orders.quantity[i]:
                    status = PARTIAL
        elif reference_price(side, quote) > 0.0:
            status = RESTING
        else:
            status = NO_PRICE
        fills.status[i] = status
        fills.quantity[i] = filled
        fills.price[i] = price
        fills.commission[i] = fee
        fills.cash[i] = cash
    book.cash[0] = cash
    return traded


KERNELS = (
    round_cents, floor_lots, commission, round_price, reference_price, match_one, cash_effect, cost_after, match_batch,
)  # fmt: skip
