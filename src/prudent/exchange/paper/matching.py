"""Whether an order may trade now, at what price and how much: top of the book only, as paper accounts fill."""

from dataclasses import dataclass, replace
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal

from prudent.domain.money import ZERO
from prudent.domain.orders import Side
from prudent.exchange.paper.act import Act, Quote
from prudent.exchange.paper.books import Order, Taken
from prudent.exchange.paper.checks import AT_CLOSE, AT_MARKET, TRAILING, increment_at
from prudent.exchange.paper.words import Contract, Kind, SecType, Ticket, Tif

_BY_LAST = (SecType.STOCK, SecType.FUTURE)
_STOPS = (Kind.STOP, Kind.STOP_LIMIT, *TRAILING)


@dataclass(frozen=True, slots=True, kw_only=True)
class Match:
    """What trades: `quantity` at `price`; `auction` prints are not limited by the sizes shown."""

    price: Decimal
    quantity: Decimal
    auction: bool = False


def is_for_auction(ticket: Ticket) -> bool:
    return ticket.kind in AT_CLOSE or ticket.tif is Tif.OPG


def waits_for_trigger(order: Order) -> bool:
    return order.view.ticket.kind in _STOPS and not order.triggered


def auction_price(order: Order, quote: Quote | None) -> Decimal | None:
    """The print of the auction the order was for; None where there was none, or its limit is not reached."""
    ticket = order.view.ticket
    if quote is None:
        return None
    prints = (quote.last, quote.close) if ticket.kind in AT_CLOSE else (quote.open, quote.opposite(ticket.action))
    price = next((each for each in prints if each is not None), None)
    return price if price is not None and _within(ticket, ticket.limit, price) else None


def looked_at(act: Act, order: Order, quote: Quote | None) -> Order:
    """The order after the market moved: a trailing stop follows, a reached stop is triggered."""
    if not waits_for_trigger(order) or quote is None:
        return order
    ticket = order.view.ticket
    price = _signal(ticket, quote)
    if price is None:
        return order
    if ticket.kind in TRAILING:
        order = _trailed(act, order, price)
    stop = order.stop
    reached = stop is not None and (price >= stop if ticket.action is Side.BUY else price <= stop)
    return replace(order, triggered=True) if reached else order


def match(act: Act, order: Order, quote: Quote | None) -> Match | None:
    """What of a working order trades at the quote."""
    ticket = order.view.ticket
    if quote is None or waits_for_trigger(order):
        return None
    price = quote.middle if ticket.kind is Kind.MIDPRICE else quote.opposite(ticket.action)
    limit = limit_now(act, order)
    if price is None or not _within(ticket, limit, price):
        return None
    if order.rested and limit is not None and ticket.kind is not Kind.MIDPRICE:
        # It stood in the book when the market came to it: that trades at its own price.
        price = limit
    quantity = min(order.view.remaining, _free(act, ticket, quote))
    if quantity <= 0 or (ticket.tif is Tif.FOK and quantity < order.view.remaining):
        return None
    return Match(price=price, quantity=quantity)


def is_away(act: Act, order: Order, quote: Quote) -> bool:
    """The market is known and does not reach the limit: the order stands in the book."""
    limit, price = limit_now(act, order), quote.opposite(order.view.ticket.action)
    return limit is not None and price is not None and not _within(order.view.ticket, limit, price)


def limit_now(act: Act, order: Order) -> Decimal | None:
    """The limit that counts now; that of a trailing stop limit lies its offset behind the stop."""
    ticket = order.view.ticket
    if ticket.kind in AT_MARKET:
        return None
    if ticket.kind is not Kind.TRAIL_LIMIT:
        return ticket.limit
    offset = ticket.limit_offset
    if offset is None:
        offset = abs((ticket.trail_stop or ZERO) - (ticket.limit or ZERO))
    return _to_tick(act, ticket.contract, (order.stop or ZERO) + ticket.action.sign * offset, ticket.action)


def take(act: Act, ticket: Ticket, quote: Quote, quantity: Decimal) -> None:
    """Remembers what was taken from the quote, so that nobody trades it a second time."""
    for part in act.parts(ticket.contract):
        con_id, side = part.contract.con_id, _taker(part.sign * ticket.action.sign)
        used = _taken(act, con_id, side, quote) + part.ratio * quantity
        act.books.taken.put(Taken(con_id=con_id, side=side, time=quote.time, quantity=used))


def _within(ticket: Ticket, limit: Decimal | None, price: Decimal) -> bool:
    if limit is None:
        return True
    return price <= limit if ticket.action is Side.BUY else price >= limit


def _signal(ticket: Ticket, quote: Quote) -> Decimal | None:
    """What triggers stops: the last trade of stocks and futures, else the quote the order would meet."""
    if ticket.contract.sec_type in _BY_LAST and quote.last is not None:
        return quote.last
    return quote.opposite(ticket.action)


def _trailed(act: Act, order: Order, price: Decimal) -> Order:
    ticket = order.view.ticket
    amount = price * ticket.trail_percent / 100 if ticket.trail_percent is not None else ticket.stop or ZERO
    sells = ticket.action is Side.SELL
    wanted = _to_tick(act, ticket.contract, price - amount if sells else price + amount, ticket.action)
    if order.stop is None:
        return replace(order, stop=wanted)
    return replace(order, stop=max(order.stop, wanted) if sells else min(order.stop, wanted))


def _to_tick(act: Act, contract: Contract, price: Decimal, side: Side) -> Decimal:
    """The next price on the grid, in the market's favour for nobody: down for a sale, up for a purchase."""
    facts = act.facts(contract.con_id)
    step = increment_at(() if facts is None else facts.ticks, price)
    rounding = ROUND_FLOOR if side is Side.SELL else ROUND_CEILING
    return (price / step).to_integral_value(rounding=rounding) * step


def _free(act: Act, ticket: Ticket, quote: Quote) -> Decimal:
    """What of the quote nobody took yet; all of the order where the quote has no size."""
    size = quote.size(ticket.action)
    if size <= 0:
        return ticket.quantity
    used = ZERO
    for part in act.parts(ticket.contract):
        taken = _taken(act, part.contract.con_id, _taker(part.sign * ticket.action.sign), quote)
        used = max(used, -(-taken // part.ratio))
    return size - used


def _taken(act: Act, con_id: int, side: Side, quote: Quote) -> Decimal:
    found = act.books.taken.get(f"{con_id}/{side}")
    return found.quantity if found is not None and found.time == quote.time else ZERO


def _taker(sign: int) -> Side:
    return Side.BUY if sign > 0 else Side.SELL
