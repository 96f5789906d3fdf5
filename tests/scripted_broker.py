"""A broker that does what a test tells it: it keeps silent, drops, holds back, repeats, corrects, and lists in part."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from decimal import Decimal
from functools import partial

from prudent.domain.accounts import AccountSnapshot, Position
from prudent.domain.errors import InputError, Temporary
from prudent.domain.money import ZERO, to_cents
from prudent.domain.orders import Fill, OpenOrder, OrderIntent, OrderReport, OrderStatus, OrderType, Side, is_ours
from prudent.ports import NO_CLAIM, BrokerReads, BrokerTraits, Claim, Clock, Link, Listing

S = OrderStatus
PRICE = Decimal(100)
COMMISSION = Decimal(1)


@dataclass(slots=True)
class ScriptedOrder:
    """One order at the venue, ours or not."""

    intent: OrderIntent
    status: OrderStatus = S.ACKED
    fills: list[Fill] = field(default_factory=list)
    venue_id: str = ""
    message: str = ""
    ended: bool = False

    @property
    def filled(self) -> Decimal:
        latest = {fill.exec_id: fill for fill in sorted(self.fills, key=lambda each: each.version)}
        return sum((fill.quantity for fill in latest.values() if not fill.busted), ZERO)

    def report(self) -> OrderReport:
        intent = self.intent
        return OrderReport(
            order_ref=intent.order_ref, symbol=intent.symbol, side=intent.side, quantity=intent.quantity,
            status=self.status, filled=self.filled, fills=tuple(self.fills), message=self.message,
            venue_id=self.venue_id,
        )  # fmt: skip


@dataclass(slots=True)
class ScriptedBook:
    """Cash and positions of one account, moved by its fills and by what a test does to it."""

    cash: Decimal = Decimal(10_000)
    positions: dict[str, Decimal] = field(default_factory=dict)
    orders: dict[str, ScriptedOrder] = field(default_factory=dict)

    def add_cash(self, amount: int) -> None:
        self.cash += amount

    def move(self, fill: Fill, sign: int = 1) -> None:
        self.cash += sign * to_cents(fill.cash_effect)
        held = self.positions.get(fill.symbol, ZERO) + sign * fill.side.sign * fill.quantity
        self.positions[fill.symbol] = held
        if held == 0:
            del self.positions[fill.symbol]


# What becomes of a submit: it is given the order and its usual way, and answers or raises.
Act = Callable[[OrderIntent, Callable[[], OrderReport]], OrderReport]


def silent(intent: OrderIntent, usual: Callable[[], OrderReport]) -> OrderReport:
    """The order arrives and no answer comes back."""
    usual()
    return _unknown(intent, "no answer in 8 s")


def lost(intent: OrderIntent, usual: Callable[[], OrderReport]) -> OrderReport:
    """Bytes left and the order never arrives."""
    return _unknown(intent, "the line broke while it was written")


def dead_line(intent: OrderIntent, usual: Callable[[], OrderReport]) -> OrderReport:
    """No byte left, with certainty."""
    raise Temporary("the line is dead; nothing was sent")


def _unknown(intent: OrderIntent, message: str) -> OrderReport:
    return OrderReport(
        order_ref=intent.order_ref, symbol=intent.symbol, side=intent.side, quantity=intent.quantity,
        status=S.UNKNOWN, message=message,
    )  # fmt: skip


class ScriptedBroker:
    """Implements `Broker`. Market orders fill at once at `price_of` with 1 of commission, limit orders rest.

    `script` holds acts for the next submits, one each. What a test sets on it holds until it is set back.
    """

    name = "scripted"

    def __init__(self, clock: Clock, *accounts: str, quiet_seconds: int = 0) -> None:
        self.clock = clock
        self.traits = BrokerTraits(shorting=True, quiet_seconds=quiet_seconds)
        self.books = {account: ScriptedBook() for account in accounts}
        self.session = "s1"
        self.up = True
        self.quiet_since: datetime | None = None
        self.next_order_id = 1
        self.script: list[Act] = []
        self.sent: list[tuple[str, Claim]] = []
        self.cancels: list[str] = []
        self.lists_end = True
        self.hidden: set[str] = set()
        self.unreachable = False
        self.fills_hidden = False
        self.on_cancel: Callable[[ScriptedOrder], None] = lambda order: None
        self.asked = 0
        self.price_of: Callable[[str], Decimal] = lambda symbol: PRICE

    # The port

    def reads(self) -> BrokerReads:
        return ScriptedReads(self)

    def link(self, account: str) -> Link:
        self._book(account)
        return Link(
            session=self.session, up=self.up, quiet_since=self.quiet_since, next_order_id=self.next_order_id
        )  # fmt: skip

    def snapshot(self, account: str) -> AccountSnapshot:
        book = self._reached(account)
        return AccountSnapshot(
            account=account, currency="USD", cash=book.cash,
            positions=tuple(
                Position(symbol=symbol, quantity=held, average_cost=PRICE)
                for symbol, held in sorted(book.positions.items())
            ),
            open_orders=tuple(
                OpenOrder(
                    order_ref=ref, symbol=order.intent.symbol, side=order.intent.side,
                    remaining=order.intent.quantity - order.filled, limit_price=order.intent.limit_price,
                    status=order.status, ours=is_ours(ref),
                )
                for ref, order in book.orders.items()
                if not order.status.is_done and ref not in self.hidden
            ),
            as_of=self.clock.now(), source=self.name,
        )  # fmt: skip

    def submit(self, intent: OrderIntent, claim: Claim = NO_CLAIM) -> OrderReport:
        book = self._reached(intent.account)
        if claim != NO_CLAIM and claim.session != self.session:
            raise Temporary(f"the session must be {claim.session} to send, is {self.session}; nothing was sent")
        self.sent.append((intent.order_ref, claim))
        known = book.orders.get(intent.order_ref)
        if known is not None:
            return known.report()
        act = self.script.pop(0) if self.script else None
        usual = partial(self._usual, book, intent)
        return usual() if act is None else act(intent, usual)

    def cancel(self, account: str, order_ref: str) -> OrderReport:
        book = self._reached(account)
        self.cancels.append(order_ref)
        order = book.orders.get(order_ref)
        if order is None:
            return not_found(order_ref)
        self.on_cancel(order)
        if not order.status.is_done:
            order.status = S.CANCELLED
        return order.report()

    def reports(self, account: str, order_refs: Sequence[str]) -> tuple[OrderReport, ...]:
        book = self._reached(account)
        shown = {ref: order for ref, order in book.orders.items() if ref not in self.hidden}
        return tuple(shown[ref].report() if ref in shown else not_found(ref) for ref in order_refs)

    def wait(self, account: str, order_refs: Sequence[str], *, seconds: float) -> tuple[OrderReport, ...]:
        del seconds
        return self.reports(account, order_refs)

    def fills(self, account: str, *, since: datetime | None = None) -> tuple[Fill, ...]:
        book = self._reached(account)
        every = (fill for order in book.orders.values() for fill in order.fills)
        return tuple(fill for fill in every if since is None or fill.time >= since)

    def listing(self, account: str) -> Listing:
        self.asked += 1
        snapshot = self.snapshot(account)
        book = self.books[account]
        shown = [order.report() for ref, order in book.orders.items() if ref not in self.hidden]
        now = self.clock.now()
        return Listing(
            account=account, session=self.session, asked=now, ended=now, complete=self.lists_end and self.up,
            orders=tuple(replace(each, fills=()) if self.fills_hidden else each for each in shown),
            fills=() if self.fills_hidden else tuple(
                fill for ref, order in book.orders.items() if ref not in self.hidden for fill in order.fills
            ),
            snapshot=snapshot,
        )  # fmt: skip

    # What a test does to the venue

    def order(self, account: str, ref: str) -> ScriptedOrder:
        return self.books[account].orders[ref]

    def place(self, intent: OrderIntent, status: OrderStatus = S.ACKED) -> ScriptedOrder:
        """An order that nobody here sent."""
        order = ScriptedOrder(intent, status)
        self.books[intent.account].orders[intent.order_ref] = order
        return order

    def fill(self, account: str, ref: str, quantity: str, price: str = "100", *, commission: str = "1") -> Fill:
        """Trade a part of an order; it ends once nothing is left, unless it had ended before."""
        book, order = self.books[account], self.order(account, ref)
        done = Fill(
            exec_id=f"{ref}.{len(order.fills) + 1}", order_ref=ref, account=account, symbol=order.intent.symbol,
            side=order.intent.side, quantity=Decimal(quantity), price=Decimal(price), commission=Decimal(commission),
            time=self.clock.now(),
        )  # fmt: skip
        order.fills.append(done)
        book.move(done)
        if not order.status.is_done:
            order.status = S.FILLED if order.filled >= order.intent.quantity else S.PARTIAL
        return done

    def correct(self, account: str, ref: str, fill: Fill, **change: object) -> Fill:
        """A newer version of an execution; with `busted=True` it is taken back."""
        order, book = self.order(account, ref), self.books[account]
        after = replace(fill, version=fill.version + 1, **change)  # type: ignore[arg-type]
        order.fills.append(after)
        book.move(fill, -1)
        if not after.busted:
            book.move(after)
        return after

    def reconnect(self, session: str) -> None:
        """A new session, quiet from now on."""
        self.session, self.up, self.quiet_since = session, True, self.clock.now()

    def _usual(self, book: ScriptedBook, intent: OrderIntent) -> OrderReport:
        order = ScriptedOrder(intent, venue_id=f"perm-{len(book.orders) + 1}")
        book.orders[intent.order_ref] = order
        if intent.type is OrderType.MARKET:
            price = self.price_of(intent.symbol)
            self.fill(intent.account, intent.order_ref, str(intent.quantity), str(price))
        return order.report()

    def _book(self, account: str) -> ScriptedBook:
        if account not in self.books:
            raise InputError(f"account must be one of the venue's, was {account!r}")
        return self.books[account]

    def _reached(self, account: str) -> ScriptedBook:
        book = self._book(account)
        if self.unreachable:
            raise Temporary("the venue must be reachable, was not; try again")
        return book


class ScriptedReads:
    """The reading half of a scripted broker."""

    def __init__(self, broker: ScriptedBroker) -> None:
        self.name = broker.name
        self.traits = broker.traits
        self.link = broker.link
        self.snapshot = broker.snapshot
        self.reports = broker.reports
        self.fills = broker.fills
        self.listing = broker.listing


def not_found(order_ref: str) -> OrderReport:
    """The answer about an order that the venue does not find."""
    return OrderReport(order_ref=order_ref, symbol="", side=Side.BUY, quantity=ZERO, status=S.NOT_SENT)
