"""An account at the simulated venue as one explicit value, and what a step of the venue changed in it."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from decimal import Decimal

from prudent.domain.accounts import Position
from prudent.domain.mandate import CostModel
from prudent.domain.money import ZERO, to_cents
from prudent.domain.orders import Effect, Fill, OpenOrder, OrderIntent, OrderReport, OrderStatus, is_ours

# Average costs carry as many decimals as any gate accepts to read; a finer one would count as missing.
COST_STEP = Decimal("0.000001")


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """What the venue agreed with an account; `allow_short` also needs the venue's own permission."""

    currency: str = "USD"
    allow_short: bool = False
    costs: CostModel = CostModel.IBKR_FIXED
    slippage_bps: Decimal = Decimal(2)

    def __post_init__(self) -> None:
        if not (self.slippage_bps.is_finite() and 0 <= self.slippage_bps < 10_000):
            raise ValueError(f"slippage_bps must be from 0 to below 10000, was {self.slippage_bps}")


@dataclass(frozen=True, slots=True, kw_only=True)
class VenueOrder:
    """An order the venue has seen; `good_till` None means until cancelled."""

    intent: OrderIntent
    status: OrderStatus
    accepted: datetime
    good_till: datetime | None = None
    fills: tuple[Fill, ...] = ()
    message: str = ""

    @property
    def ref(self) -> str:
        return self.intent.order_ref

    @property
    def filled(self) -> Decimal:
        return sum((fill.quantity for fill in self.fills), ZERO)

    @property
    def remaining(self) -> Decimal:
        return self.intent.quantity - self.filled

    def report(self) -> OrderReport:
        intent = self.intent
        return OrderReport(
            order_ref=intent.order_ref, symbol=intent.symbol, side=intent.side, quantity=intent.quantity,
            status=self.status, filled=self.filled, fills=self.fills, message=self.message,
        )  # fmt: skip

    def open_order(self) -> OpenOrder:
        intent = self.intent
        return OpenOrder(
            order_ref=intent.order_ref, symbol=intent.symbol, side=intent.side, remaining=self.remaining,
            limit_price=intent.limit_price, status=self.status, ours=is_ours(intent.order_ref),
        )  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Book:
    """Cash, holdings and live orders of one account; orders stand in the sequence in which they were accepted."""

    account: str
    terms: Terms
    cash: Decimal
    holdings: Mapping[str, Position] = field(default_factory=dict)
    orders: tuple[VenueOrder, ...] = ()

    def held(self, symbol: str) -> Decimal:
        position = self.holdings.get(symbol)
        return position.quantity if position is not None else ZERO

    def pending(self, symbol: str, *effects: Effect, but: str = "") -> Decimal:
        """What live orders of those effects still want to trade in `symbol`, order `but` left out."""
        return sum(
            (o.remaining for o in self.orders
             if o.intent.symbol == symbol and o.intent.effect in effects and o.ref != but),
            ZERO,
        )  # fmt: skip

    def spendable(self) -> Decimal:
        """Cash less the proceeds of open shorts, which stay at the venue as collateral."""
        shorts = (p for p in self.holdings.values() if p.quantity < 0)
        return self.cash + sum((to_cents(p.quantity * (p.average_cost or ZERO)) for p in shorts), ZERO)

    def with_fill(self, fill: Fill) -> "Book":
        """The book after one execution: cash to the cent, average cost kept when a position shrinks."""
        before = self.holdings.get(fill.symbol)
        held = before.quantity if before is not None else ZERO
        cost = before.average_cost if before is not None and before.average_cost is not None else ZERO
        change = fill.side.sign * fill.quantity
        grows = held * change >= 0
        holdings = dict(self.holdings)
        if held + change == 0:
            holdings.pop(fill.symbol, None)
        else:
            holdings[fill.symbol] = Position(
                symbol=fill.symbol,
                quantity=held + change,
                average_cost=_average(held, cost, change, fill.price),
                opened=fill.time if grows or before is None else before.opened,
            )
        return replace(self, cash=self.cash + cash_change(fill), holdings=holdings)

    def with_order(self, order: VenueOrder) -> "Book":
        """The book with `order` added, replaced, or gone from the live ones when it is done."""
        others = tuple(order if o.ref == order.ref else o for o in self.orders)
        if all(o.ref != order.ref for o in self.orders):
            others = (*others, order)
        return replace(self, orders=tuple(o for o in others if not o.status.is_done))


def cash_change(fill: Fill) -> Decimal:
    """What a fill does to cash, rounded to the cent once."""
    return to_cents(fill.cash_effect)


def _average(held: Decimal, cost: Decimal, change: Decimal, price: Decimal) -> Decimal:
    after = held + change
    if held * change < 0:
        return cost
    return ((abs(held) * cost + abs(change) * price) / abs(after)).quantize(COST_STEP)


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """A step of the venue: the book after it, the orders it touched and the executions it made."""

    book: Book
    orders: tuple[VenueOrder, ...] = ()
    fills: tuple[Fill, ...] = ()

    def then(self, later: "Change") -> "Change":
        """Both steps as one; of an order touched twice only the later state remains."""
        latest = {order.ref: order for order in (*self.orders, *later.orders)}
        return Change(book=later.book, orders=tuple(latest.values()), fills=(*self.fills, *later.fills))


