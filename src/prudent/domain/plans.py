"""The order plan: what the planner wants, before any guard has spoken."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from prudent.domain.orders import Effect, OrderType, Side


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedOrder:
    """One order of a plan; phase 1 raises cash (exits, sells, covers), phase 2 spends it.

    `notional` is in the base currency. `forced` marks exits that no economic filter may drop. `alias` is what the
    target called a future's contract; `roll` names the pair, old month and new, on both legs of one.
    """

    order_ref: str
    symbol: str
    side: Side
    effect: Effect
    quantity: Decimal
    reference_price: Decimal
    notional: Decimal
    phase: int
    reason: str
    forced: bool = False
    type: OrderType = OrderType.MARKET
    limit_price: Decimal | None = None
    estimated_fee: Decimal = Decimal(0)
    alias: str = ""
    roll: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class WeightRow:
    """Current, target and reachable weight of one symbol (CASH included), signed fractions of NAV."""

    symbol: str
    current: Decimal
    target: Decimal
    reachable: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class Turnover:
    """Three measures of the plan's orders: half the sum of weight changes with cash, gross, and the fund measure."""

    one_way: Decimal
    gross: Decimal
    fund: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class Blocked:
    """A symbol (or the whole plan, symbol "*") that cannot trade, with a machine-readable code."""

    symbol: str
    code: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class BookLine:
    """What the plan started from for one symbol, and why it does not go all the way to the target, if it does not.

    `unit_value` is the base-currency value of quantity 1 (`None` = no usable price), `open_quantity` the signed rest
    of live orders, `code` machine-readable (`within_band`, `below_min_trade`, `unaffordable`, `no_price` ...).
    """

    symbol: str
    quantity: Decimal
    open_quantity: Decimal
    price: Decimal | None
    unit_value: Decimal | None
    code: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderPlan:
    """The planner's answer; `plan_hash` covers account, cycle, targets, positions, prices and orders.

    `as_of` is the time of what it was decided on: guards measure a decision's age from it, in every phase.
    """

    plan_hash: str
    account: str
    cycle: str
    currency: str
    nav: Decimal
    orders: tuple[PlannedOrder, ...]
    weights: tuple[WeightRow, ...]
    turnover: Turnover
    cash_before: Decimal
    cash_after: Decimal
    attainable_accuracy: Decimal
    blocked: tuple[Blocked, ...] = ()
    no_trade_codes: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    as_of: datetime | None = None
    book: tuple[BookLine, ...] = ()

    def order(self, ref: str) -> PlannedOrder:
        """The order of that id; KeyError if the plan has none."""
        for order in self.orders:
            if order.order_ref == ref:
                return order
        raise KeyError(ref)
