"""The truth at the broker: accounts, orders, executions; matching of its own, and no faults but its customers'."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from random import Random

from prudent.domain.orders import OrderIntent, OrderType, Side
from prudent.ports import Calendar
from prudent.simulation.faults import Weather
from prudent.simulation.prices import TruePrices
from prudent.simulation.timeline import Timeline

CENT = Decimal("0.01")
ZERO = Decimal(0)
HALF_SPREAD = Decimal("0.0004")
LIVE = ("accepted", "working")


@dataclass(slots=True)
class Execution:
    """One trade; `shown` is from when on lists have it, `charged` from when on with its commission."""

    exec_id: str
    order_ref: str
    symbol: str
    side: Side
    quantity: Decimal
    price: Decimal
    commission: Decimal
    time: datetime
    shown: datetime
    charged: datetime
    changed: datetime
    version: int = 1
    busted: bool = False

    def cash(self) -> Decimal:
        """What it did to the cash; a busted one did nothing."""
        if self.busted:
            return ZERO
        return -self.side.sign * self.quantity * self.price - self.commission


@dataclass(slots=True, eq=False)
class VenueOrder:
    """One order as the venue has it; `state` is accepted, working, filled, cancelled, rejected or expired."""

    order_ref: str
    account: str
    symbol: str
    side: Side
    quantity: Decimal
    limit: Decimal | None
    order_id: int
    perm_id: int
    at: datetime
    by_hand: bool = False
    state: str = "accepted"
    filled: Decimal = ZERO
    message: str = ""
    ended: datetime | None = None
    executions: list[Execution] = field(default_factory=list)

    @property
    def rest(self) -> Decimal:
        return self.quantity - self.filled

    @property
    def is_live(self) -> bool:
        return self.state in LIVE


@dataclass(slots=True)
class VenueAccount:
    """Cash and positions of one customer, with what they were before; `touched` is when a person last traded."""

    cash: Decimal
    positions: dict[str, Decimal]
    costs: dict[str, Decimal]
    orders: list[VenueOrder] = field(default_factory=list)
    past: list[tuple[datetime, Decimal, dict[str, Decimal]]] = field(default_factory=list)
    flows: Decimal = ZERO
    touched: datetime | None = None
    touched_symbols: set[str] = field(default_factory=set)
    moved: int = 0


class Venue:
    """Everything that really happened. `on_accept` is told of each order that reaches it, `on_change` of each trade."""

    def __init__(
        self, timeline: Timeline, prices: TruePrices, calendar: Calendar, weather: Weather, chance: Random, *,
        lag: float,
    ) -> None:  # fmt: skip
        self.timeline = timeline
        self.prices = prices
        self.calendar = calendar
        self.weather = weather
        self.lag = lag
        self.accounts: dict[str, VenueAccount] = {}
        self.halted: dict[str, datetime] = {}
        self.on_accept: Callable[[VenueOrder], None] = lambda order: None
        self.on_change: Callable[[str], None] = lambda account: None
        self._chance = chance
        self._perm = 1000
        self._exec = 0

    def open_account(self, account: str, cash: Decimal, positions: dict[str, Decimal]) -> None:
        costs = {symbol: self.prices.of(symbol) for symbol in positions}
        self.accounts[account] = VenueAccount(cash, dict(positions), costs)

    def accept(self, intent: OrderIntent, order_id: int) -> VenueOrder:
        """An order has reached the venue: it works from now on."""
        limit = intent.limit_price if intent.type is OrderType.LIMIT else None
        order = self._place(
            VenueOrder(
                intent.order_ref, intent.account, intent.symbol, intent.side, intent.quantity, limit, order_id, 0,
                self.timeline.now,
            )
        )  # fmt: skip
        self.on_accept(order)
        return order

    def refuse(self, intent: OrderIntent, order_id: int, message: str) -> VenueOrder:
        """An order has reached the venue, which refuses it."""
        order = VenueOrder(
            intent.order_ref, intent.account, intent.symbol, intent.side, intent.quantity, None, order_id, 0,
            self.timeline.now, state="rejected", message=message, ended=self.timeline.now,
        )  # fmt: skip
        self._perm += 1
        order.perm_id = self._perm
        self.accounts[intent.account].orders.append(order)
        return order

    def by_hand(self, account: str, symbol: str, side: Side, quantity: Decimal, limit: Decimal | None) -> VenueOrder:
        """A person trades at the venue itself."""
        number = self._perm + 1
        return self._place(
            VenueOrder(
                f"TWS:{number}", account, symbol, side, quantity, limit, 0, 0, self.timeline.now, by_hand=True
            )
        )  # fmt: skip

    def _place(self, order: VenueOrder) -> VenueOrder:
        self._perm += 1
        order.perm_id = self._perm
        book = self.accounts[order.account]
        book.orders.append(order)
        if order.by_hand:
            book.touched = self.timeline.now
            book.touched_symbols.add(order.symbol)
        order.state = "working"
        session = self.calendar.session_of(self.timeline.now)
        if session.close > self.timeline.now:
            self.timeline.at(session.close, f"close {order.order_ref}", lambda: self._expire(order))
        if not order.by_hand and self.weather.strikes("expires_early"):
            self.timeline.after(
                self.weather.seconds(0.5, 30.0), f"ends early {order.order_ref}", lambda: self._expire(order)
            )
        if order.limit is None:
            self._plan_fills(order)
        else:
            self.timeline.after(30.0, f"look {order.order_ref}", lambda: self._look(order))
        return order

    def _plan_fills(self, order: VenueOrder) -> None:
        parts = 1
        if order.quantity > 1 and self.weather.strikes("fill_in_parts"):
            parts = min(int(order.quantity), 2 + self.weather.pick(3))
        delay = self._chance.choice((0.0, 0.0, 0.3, 2.0))
        if self.weather.strikes("fill_slow"):
            delay = self.weather.seconds(1.0, 150.0)
        start = max(self.calendar.next_open(self.timeline.now), self.timeline.now)
        if not self.calendar.is_open(self.timeline.now):
            delay += (start - self.timeline.now).total_seconds()
        share = (order.quantity / parts).to_integral_value()
        for part in range(parts):
            quantity = share if part + 1 < parts else order.quantity - share * (parts - 1)
            act = self._filler(order, quantity)
            if delay <= 0.0 and part == 0:
                act()
            else:
                self.timeline.after(delay, f"match {order.order_ref}", act)
            delay += round(self._chance.uniform(0.1, 6.0), 3)

    def _filler(self, order: VenueOrder, quantity: Decimal) -> Callable[[], None]:
        return lambda: self._fill(order, quantity)

    def _look(self, order: VenueOrder) -> None:
        if not order.is_live or order.limit is None:
            return
        price = self.prices.of(order.symbol)
        if order.side.sign * (order.limit - price) >= 0 and self.calendar.is_open(self.timeline.now):
            self._fill(order, order.rest)
        else:
            self.timeline.after(60.0, f"look {order.order_ref}", lambda: self._look(order))

    def _fill(self, order: VenueOrder, quantity: Decimal) -> None:
        quantity = min(quantity, order.rest)
        if quantity <= 0 or order.state in ("cancelled", "rejected", "expired"):
            return
        until = self.halted.get(order.symbol)
        if until is not None and until > self.timeline.now:
            self.timeline.at(until, f"match {order.order_ref}", self._filler(order, quantity))
            return
        self.execute(order, quantity)

    def execute(self, order: VenueOrder, quantity: Decimal) -> Execution:
        """A trade at the true price."""
        now = self.timeline.now
        self._exec += 1
        price = self.prices.of(order.symbol)
        price = cents(price * (1 + order.side.sign * HALF_SPREAD))
        if order.limit is not None:
            price = min(price, order.limit) if order.side is Side.BUY else max(price, order.limit)
        done = Execution(
            f"{self._exec:06d}.{order.perm_id}", order.order_ref, order.symbol, order.side, quantity, price,
            fee(quantity, price), now, now, now, now,
        )  # fmt: skip
        if self.lag and self.weather.strikes("fill_seen_late"):
            done.shown = done.charged = now + timedelta(seconds=self.weather.seconds(0.5, 15.0) * self.lag)
        if self.weather.strikes("commission_late"):
            done.charged = done.shown + timedelta(seconds=self.weather.seconds(0.5, 15.0))
        self._keep(order.account)
        order.executions.append(done)
        order.filled += quantity
        book = self.accounts[order.account]
        book.cash += done.cash()
        self._move(book, done.symbol, done.side.sign * quantity)
        if done.charged > now:
            # What is told late is a change of its own, for a look that comes in between does not see it.
            self.timeline.at(done.charged, f"charged {done.exec_id}", lambda: self.on_change(order.account))
        if order.by_hand:
            book.touched = now
            book.touched_symbols.add(order.symbol)
        if order.rest == 0 and order.is_live:
            order.state, order.ended = "filled", now
        self.timeline.trace.add(f"  filled {order.order_ref} {order.side} {quantity} {order.symbol} at {price}")
        self._later(order, done)
        return done

    def _later(self, order: VenueOrder, done: Execution) -> None:
        if order.by_hand:
            return
        kind = self.weather.one_of("bust", "correction")
        if kind is not None:
            self.timeline.after(
                self.weather.seconds(1.0, 900.0), f"{kind} {done.exec_id}", lambda: self._correct(order, done, kind)
            )

    def _correct(self, order: VenueOrder, done: Execution, kind: str) -> None:
        book = self.accounts[order.account]
        held = book.positions.get(done.symbol, ZERO)
        self._keep(order.account)
        book.cash -= done.cash()
        done.version += 1
        done.changed = self.timeline.now
        if kind == "bust" and held - done.side.sign * done.quantity >= 0:
            done.busted = True
            self._move(book, done.symbol, -done.side.sign * done.quantity)
            order.filled -= done.quantity
        else:
            done.price = cents(done.price * Decimal("1.001")) + CENT
        book.cash += done.cash()

    def _expire(self, order: VenueOrder) -> None:
        if order.is_live:
            order.state, order.ended = "expired", self.timeline.now

    def end(self, order: VenueOrder, state: str, message: str = "") -> None:
        """Cancel or expire what is left of an order."""
        if order.is_live:
            order.state, order.ended, order.message = state, self.timeline.now, message

    def late_fill(self, order: VenueOrder) -> None:
        """A cancelled order trades after all: the fill and the cancel had crossed."""
        if order.state == "cancelled" and order.rest > 0:
            self.execute(order, order.rest if order.rest < 2 else (order.rest / 2).to_integral_value())

    def split(self, account: str, symbol: str, ratio: int) -> None:
        book = self.accounts[account]
        if symbol in book.positions:
            self._keep(account)
            book.positions[symbol] *= ratio
            book.touched_symbols.add(symbol)

    def move_money(self, account: str, amount: Decimal) -> None:
        book = self.accounts[account]
        self._keep(account)
        book.cash += amount
        book.flows += amount
        book.touched = self.timeline.now

    def find(self, account: str, order_ref: str) -> list[VenueOrder]:
        """Every order under that ref: more than one is what must never be."""
        return [order for order in self.accounts[account].orders if order.order_ref == order_ref]

    def _keep(self, account: str) -> None:
        book = self.accounts[account]
        book.moved += 1
        book.past.append((self.timeline.now, book.cash, dict(book.positions)))
        self.on_change(account)

    def as_of(self, account: str, moment: datetime) -> tuple[Decimal, dict[str, Decimal]]:
        """Cash and positions as they stood at `moment`."""
        book = self.accounts[account]
        for changed, cash, positions in book.past:
            if changed > moment:
                return cash, positions
        return book.cash, book.positions

    def _move(self, book: VenueAccount, symbol: str, signed: Decimal) -> None:
        held = book.positions.get(symbol, ZERO) + signed
        book.costs.setdefault(symbol, self.prices.of(symbol))
        if held == 0:
            book.positions.pop(symbol, None)
            book.costs.pop(symbol, None)
        else:
            book.positions[symbol] = held


def cents(value: Decimal) -> Decimal:
    return value.quantize(CENT, rounding=ROUND_HALF_UP)


def fee(quantity: Decimal, price: Decimal) -> Decimal:
    """Half a cent a share, at least a dollar, at most one per cent of the value."""
    return cents(min(max(Decimal(1), quantity * Decimal("0.005")), quantity * price / 100))
