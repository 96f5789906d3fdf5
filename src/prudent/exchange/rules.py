"""What the simulated venue refuses, and why: one message that says what was, what must be and what to do."""

from decimal import Decimal

from prudent.domain.accounts import Position
from prudent.domain.instruments import Instrument
from prudent.domain.money import ZERO, plain
from prudent.domain.orders import Effect, OrderIntent, Side, TimeInForce
from prudent.domain.quotes import Quote
from prudent.domain.valuation import usable
from prudent.exchange.book import Book
from prudent.ports import BrokerTraits

_SIDES = {Effect.OPEN: Side.BUY, Effect.COVER: Side.BUY, Effect.CLOSE: Side.SELL, Effect.SHORT: Side.SELL}


def lot_of(traits: BrokerTraits, instrument: Instrument | None) -> Decimal:
    """The venue's lot where it has one, else the instrument's own, else whole units."""
    if traits.lot is not None:
        return traits.lot
    if traits.fractional:
        return Decimal("0.000001")
    return instrument.lot if instrument is not None else Decimal(1)


def instrument_refusal(intent: OrderIntent, book: Book, instrument: Instrument | None) -> str:
    """Empty when the venue trades that instrument in that account, else why not."""
    if instrument is None:
        return ""
    if not instrument.tradable:
        return f"{intent.symbol} is not tradable (kind {instrument.kind}); trade a stock or fund instead"
    if instrument.multiplier != 1:
        return f"the venue trades units only, {intent.symbol} has multiplier {plain(instrument.multiplier)}"
    if instrument.currency != book.terms.currency:
        return (
            f"{intent.symbol} trades in {instrument.currency}, the account holds {book.terms.currency}; "
            "the venue converts no currency, use an account in that currency"
        )
    return ""


def order_refusal(intent: OrderIntent, book: Book, quote: Quote, lot: Decimal) -> str:
    """Empty when size, price and limit make sense, else why not; a whole holding may be closed in any size."""
    if quote.price is None or not usable(quote.price):
        return f"no price for {intent.symbol}, was {quote.price}; wait for one or check the data source"
    if intent.limit_price is not None and not usable(intent.limit_price):
        return f"limit_price must be above 0, was {intent.limit_price}"
    whole = intent.effect.reduces and intent.quantity == abs(book.held(intent.symbol))
    if intent.quantity % lot != 0 and not whole:
        return f"quantity must be a multiple of the lot {plain(lot)}, was {plain(intent.quantity)}"
    if _SIDES[intent.effect] is not intent.side:
        return f"{intent.effect} must be a {_SIDES[intent.effect]}, was a {intent.side}"
    return ""


def position_refusal(intent: OrderIntent, book: Book, traits: BrokerTraits) -> str:
    """Empty when the effect fits what is held and what live orders will make of it, else why not."""
    held = book.held(intent.symbol)
    match intent.effect:
        case Effect.CLOSE:
            free = held - book.pending(intent.symbol, Effect.CLOSE)
            if intent.quantity > free:
                return f"cannot sell {plain(intent.quantity)} {intent.symbol}: {plain(max(free, ZERO))} held and free"
        case Effect.COVER:
            free = -held - book.pending(intent.symbol, Effect.COVER)
            if intent.quantity > free:
                return f"cannot cover {plain(intent.quantity)} {intent.symbol}: {plain(max(free, ZERO))} short"
        case Effect.OPEN:
            if held + book.pending(intent.symbol, Effect.COVER) < 0:
                return f"{plain(-held)} {intent.symbol} are held short; cover them before buying"
        case Effect.SHORT:
            if not (traits.shorting and book.terms.allow_short):
                return f"short of {intent.symbol} without permission; allow shorts in the account's mandate"
            if held - book.pending(intent.symbol, Effect.CLOSE) > 0:
                return f"{plain(held)} {intent.symbol} are held; sell them before shorting"
    return ""


def may_trade_now(intent: OrderIntent, held: Decimal, remaining: Decimal) -> bool:
    """False while an earlier order on the other side of zero has not traded yet."""
    match intent.effect:
        case Effect.CLOSE:
            return remaining <= held
        case Effect.COVER:
            return remaining <= -held
        case Effect.OPEN:
            return held >= 0
        case Effect.SHORT:
            return held <= 0


def immediate_refusal(intent: OrderIntent, *, market_open: bool) -> str:
    """An order that may not rest needs an open market."""
    if intent.time_in_force is TimeInForce.IOC and not market_open:
        return "the market is closed and an IOC order cannot rest; send a DAY order"
    return ""


def opening_refusal(position: Position, *, allow_short: bool) -> str:
    """Empty when an account may start with `position`, else why not."""
    if not position.quantity.is_finite() or position.quantity == 0:
        return f"quantity of {position.symbol} must be a number other than 0, was {position.quantity}"
    if position.quantity < 0 and not allow_short:
        return f"{position.symbol} is held short ({plain(position.quantity)}); allow shorts or correct the row"
    if position.average_cost is not None and not usable(position.average_cost):
        return f"average cost of {position.symbol} must be above 0, was {position.average_cost}"
    return ""
