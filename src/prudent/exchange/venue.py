"""The simulated venue on rows: every method takes a book and gives the next one; it keeps nothing itself."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from decimal import Decimal

from prudent.domain.money import ZERO, from_float, plain
from prudent.domain.orders import Effect, Fill, OrderIntent, OrderStatus, OrderType, TimeInForce
from prudent.domain.quotes import Quality, Quote
from prudent.exchange import rules
from prudent.exchange.book import Book, Change, VenueOrder, cash_change
from prudent.exchange.fees import commission_row
from prudent.exchange.matching import TakerQuote, match_one
from prudent.ports import BrokerTraits, Instruments, Session

# The share of a symbol's average daily dollar volume that one order may trade in one session.
PARTICIPATION_MAX = Decimal("0.10")
_NAN = float("nan")


@dataclass(frozen=True, slots=True, kw_only=True)
class Moment:
    """A time at the venue; `session` is the one in progress when `open`, else the next to open."""

    now: datetime
    open: bool
    session: Session


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionBar:
    """What a completed session traded at, for orders that rested through it."""

    open: Decimal
    high: Decimal
    low: Decimal
    quality: Quality


@dataclass(frozen=True, slots=True, kw_only=True)
class VenueFaults:
    """Misbehaviour on order, for tests: refused symbols, the share of an order that ever fills, a delay."""

    rejects: frozenset[str] = frozenset()
    partial: Mapping[str, Decimal] = field(default_factory=dict)
    delay: timedelta = timedelta(0)


NO_FAULTS = VenueFaults()
# The most of an order that may trade at a moment; None is no such limit.
CapOf = Callable[[OrderIntent, Moment], Decimal | None]


def uncapped(intent: OrderIntent, moment: Moment) -> None:
    del intent, moment


class Venue:
    """Accepts, matches, cancels and expires orders; it never holds an account, a clock or a price."""

    def __init__(
        self, traits: BrokerTraits, *, instruments: Instruments | None = None,
        participation: Decimal = PARTICIPATION_MAX, faults: VenueFaults = NO_FAULTS, cap_of: CapOf = uncapped,
    ) -> None:  # fmt: skip
        self.traits = traits
        self._instruments = instruments
        self._participation = participation
        self._faults = faults
        self._cap_of = cap_of

    def place(self, book: Book, intent: OrderIntent, quote: Quote, moment: Moment) -> Change:
        """Refuse the order, rest it, or trade it at once; the caller has made sure that its ref is new."""
        message = self._refusal(book, intent, quote, moment)
        if message:
            refused = VenueOrder(intent=intent, status=OrderStatus.REJECTED, accepted=moment.now, message=message)
            return Change(book=book, orders=(refused,))
        day = intent.time_in_force is TimeInForce.DAY
        order = VenueOrder(
            intent=intent, status=OrderStatus.ACKED, accepted=moment.now,
            good_till=moment.session.close if day else None,
        )  # fmt: skip
        change = Change(book=book.with_order(order), orders=(order,))
        if moment.open:
            change = change.then(self._match_order(change.book, order, quote, moment))
        if intent.time_in_force is TimeInForce.IOC:
            change = change.then(_end(change.book, order.ref, OrderStatus.CANCELLED, "IOC: the rest found no trade"))
        return change

    def cancel(self, book: Book, order_ref: str) -> Change:
        """Take a live order off the book; one that is not live changes nothing."""
        return _end(book, order_ref, OrderStatus.CANCELLED, "cancelled on request")

    def expire_day_orders(self, book: Book, now: datetime) -> Change:
        """End the DAY orders whose session has closed."""
        change = Change(book=book)
        for order in book.orders:
            if order.good_till is not None and order.good_till <= now:
                change = change.then(_end(change.book, order.ref, OrderStatus.EXPIRED, "the session closed"))
        return change

    def match(self, book: Book, quotes: Mapping[str, Quote], moment: Moment) -> Change:
        """Trade what can trade of the live orders, first accepted first; a closed market trades nothing."""
        change = Change(book=book)
        if not moment.open:
            return change
        for order in book.orders:
            quote = quotes.get(order.intent.symbol)
            if quote is not None:
                change = change.then(self._match_order(change.book, order, quote, moment))
        return change

    def match_session(self, book: Book, bars: Mapping[str, SessionBar], session: Session) -> Change:
        """A whole past session for the orders that waited for it: its open for all, then its range for limits."""
        waiting = tuple(o for o in book.orders if o.accepted <= session.open and o.intent.symbol in bars)
        opening = Moment(now=session.open, open=True, session=session)
        change = Change(book=book)
        for order in waiting:
            bar = bars[order.intent.symbol]
            quote = Quote(symbol=order.intent.symbol, price=bar.open, quality=bar.quality, as_of=session.open)
            change = change.then(self._match_order(change.book, order, quote, opening))
        closing = replace(opening, now=session.close)
        for order in change.book.orders:
            bar_of = bars.get(order.intent.symbol)
            if bar_of is not None and order.accepted <= session.open and _touched(order.intent, bar_of):
                quote = Quote(
                    symbol=order.intent.symbol, price=order.intent.limit_price, quality=bar_of.quality,
                    as_of=session.close,
                )  # fmt: skip
                change = change.then(self._match_order(change.book, order, quote, closing))
        return change.then(self.expire_day_orders(change.book, session.close))

    def _refusal(self, book: Book, intent: OrderIntent, quote: Quote, moment: Moment) -> str:
        instrument = self._instruments.find(intent.symbol) if self._instruments is not None else None
        if intent.symbol in self._faults.rejects:
            return f"the venue was told to refuse {intent.symbol}"
        return (
            rules.instrument_refusal(intent, book, instrument)
            or rules.order_refusal(intent, book, quote, self._lot(intent.symbol))
            or rules.position_refusal(intent, book, self.traits)
            or rules.immediate_refusal(intent, market_open=moment.open)
        )

    def _lot(self, symbol: str) -> Decimal:
        found = self._instruments.find(symbol) if self._instruments is not None else None
        return rules.lot_of(self.traits, found)

    def _match_order(self, book: Book, order: VenueOrder, quote: Quote, moment: Moment) -> Change:
        intent = order.intent
        if moment.now < order.accepted + self._faults.delay:
            return Change(book=book)
        if not rules.may_trade_now(intent, book.held(intent.symbol), order.remaining):
            return Change(book=book)
        quantity, price = self._execution(book, order, quote, moment)
        if quantity <= 0:
            return Change(book=book)
        fill = Fill(
            exec_id=f"{order.ref}:{len(order.fills) + 1}", order_ref=order.ref, account=book.account,
            symbol=intent.symbol, side=intent.side, quantity=quantity, price=price,
            commission=commission_row(book.terms.costs, quantity, price), time=moment.now, quality=quote.quality,
        )  # fmt: skip
        if intent.effect is Effect.OPEN and book.spendable() + cash_change(fill) < 0:
            status = OrderStatus.CANCELLED if order.fills else OrderStatus.REJECTED
            return _end(book, order.ref, status, _short_of_cash(book, fill))
        filled = replace(order, fills=(*order.fills, fill))
        filled = replace(filled, status=OrderStatus.PARTIAL if filled.remaining else OrderStatus.FILLED)
        return Change(book=book.with_fill(fill).with_order(filled), orders=(filled,), fills=(fill,))

    def _execution(self, book: Book, order: VenueOrder, quote: Quote, moment: Moment) -> tuple[Decimal, Decimal]:
        intent, lot = order.intent, self._lot(order.intent.symbol)
        cap = self._cap(order, quote, moment)
        taker = TakerQuote(
            _number(quote.price), _number(quote.bid), _number(quote.ask),
            float("inf") if cap is None else float(cap), float(lot),
        )  # fmt: skip
        quantity, price = match_one(
            intent.side.sign, float(order.remaining), _limit(intent), taker, float(book.terms.slippage_bps)
        )
        if not quantity > 0:
            return ZERO, ZERO
        if quantity == float(order.remaining):
            return order.remaining, from_float(price)
        return (from_float(quantity) / lot).to_integral_value() * lot, from_float(price)

    def _cap(self, order: VenueOrder, quote: Quote, moment: Moment) -> Decimal | None:
        caps: list[Decimal] = []
        if quote.adv_dollars is not None and quote.price is not None and quote.price > 0:
            done = sum((f.quantity for f in order.fills if f.time >= moment.session.open), ZERO)
            caps.append(self._participation * quote.adv_dollars / quote.price - done)
        most = self._cap_of(order.intent, moment)
        if most is not None:
            caps.append(most)
        share = self._faults.partial.get(order.intent.symbol)
        if share is not None:
            caps.append(share * order.intent.quantity - order.filled)
        return max(min(caps), ZERO) if caps else None


def _number(value: Decimal | None) -> float:
    return _NAN if value is None else float(value)


def _limit(intent: OrderIntent) -> float:
    return _number(intent.limit_price) if intent.type is OrderType.LIMIT else _NAN


def _touched(intent: OrderIntent, bar: SessionBar) -> bool:
    limit = _limit(intent)
    return float(bar.low) <= limit if intent.side.sign > 0 else float(bar.high) >= limit


def _end(book: Book, order_ref: str, status: OrderStatus, message: str) -> Change:
    order = next((o for o in book.orders if o.ref == order_ref), None)
    if order is None:
        return Change(book=book)
    ended = replace(order, status=status, message=message)
    return Change(book=book.with_order(ended), orders=(ended,))


def _short_of_cash(book: Book, fill: Fill) -> str:
    return (
        f"insufficient cash: {plain(fill.quantity)} {fill.symbol} cost {plain(-cash_change(fill))} "
        f"{book.terms.currency}, {plain(max(book.spendable(), ZERO))} can be spent; lower the quantity or deposit"
    )
