"""What lists and pages read: plain frozen rows of accounts, runs, cycles, orders, trades, positions and decisions."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Generic, TypeVar

from prudent.domain.accounts import AccountClass, TradingState
from prudent.domain.orders import Effect, OrderStatus, OrderType, Side
from prudent.domain.quotes import Quality
from prudent.domain.rules import UserRule

R = TypeVar("R")


@dataclass(frozen=True, slots=True, kw_only=True)
class Page(Generic[R]):
    """A slice of a long list with the list's whole length."""

    rows: Sequence[R]
    total: int
    limit: int
    offset: int


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountRow:
    """One account at a glance; `total_return` and `drawdown` are fractions, flow-adjusted."""

    account: str
    name: str
    account_class: AccountClass
    currency: str
    broker: str
    status: str
    created: datetime
    cash: Decimal
    positions: int
    state: TradingState
    state_reason: str
    nlv: Decimal | None
    valued: datetime | None
    unit_value: Decimal | None
    total_return: Decimal | None
    drawdown: Decimal | None
    run: int | None
    mode: str | None
    latches: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class RunRow:
    """One run; `total_return` and `max_drawdown` are fractions over the run, flow-adjusted."""

    account: str
    run: int
    mode: str
    status: str
    strategy: str
    mandate_version: int
    mandate_hash: str
    rules_hash: str
    code_version: str
    started: datetime
    ended: datetime | None
    cycles: int
    trades: int
    start_value: Decimal | None
    final_value: Decimal | None
    total_return: Decimal | None
    max_drawdown: Decimal | None
    note: str

    @property
    def id(self) -> str:
        return f"{self.account}/{self.run}"


@dataclass(frozen=True, slots=True, kw_only=True)
class DecisionRow:
    """One cycle with what was decided; answer and counts are empty until it is recorded."""

    account: str
    run: int
    cycle: int
    mode: str
    status: str
    scheduled: datetime
    started: datetime | None
    finished: datetime | None
    answer: str
    code: str
    decided_by: str
    reason: str
    no_trade_codes: tuple[str, ...]
    orders_planned: int
    orders_refused: int
    record_digest: str

    @property
    def id(self) -> str:
        return f"{self.account}/{self.run}/{self.cycle}"


@dataclass(frozen=True, slots=True, kw_only=True)
class ReasoningRow:
    """One text of a cycle: plan, analysis, decision or reflection."""

    cycle: str
    kind: str
    text: str
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderRow:
    """One order with its one line of why; `dry` orders never left."""

    account: str
    run: int | None
    cycle: int | None
    order_ref: str
    symbol: str
    side: Side
    effect: Effect
    quantity: Decimal
    filled: Decimal
    type: OrderType
    limit_price: Decimal | None
    state: OrderStatus
    why: str
    reasoning: str
    message: str
    approved: datetime
    sent: datetime | None
    updated: datetime
    dry: bool
    seal: str


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderEventRow:
    """One step of an order."""

    number: int
    before: OrderStatus
    after: OrderStatus
    at: datetime
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TradeRow:
    """One fill with the why of its order; `realised` is the result of what it closed, before commission."""

    account: str
    run: int | None
    cycle: int | None
    order_ref: str
    exec_id: str
    time: datetime
    symbol: str
    side: Side
    effect: Effect
    quantity: Decimal
    price: Decimal
    commission: Decimal
    realised: Decimal
    quality: Quality
    why: str
    reasoning: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PositionRow:
    """One holding at cost, and the result that its symbol has realised so far (before commission)."""

    account: str
    symbol: str
    quantity: Decimal
    cost: Decimal
    average_cost: Decimal
    opened: datetime | None
    realised: Decimal
    currency: str


@dataclass(frozen=True, slots=True, kw_only=True)
class MoneyRow:
    """What an account's books hold, in its currency; `realised` before commission."""

    account: str
    currency: str
    cash: Decimal
    contributions: Decimal
    dividends: Decimal
    realised: Decimal
    commission: Decimal
    positions_at_cost: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class EntryRow:
    """One side of a journal entry."""

    entry: int
    at: datetime
    kind: str
    ref: str
    text: str
    ledger_account: str
    symbol: str
    quantity: Decimal
    amount: Decimal
    currency: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ValuationRow:
    """One point of an account's curve."""

    at: datetime
    session: date
    nlv: Decimal
    unit_value: Decimal | None
    peak: Decimal | None
    flows_total: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleRow:
    """A rule with what it did: in the latest run that traded, and over all runs."""

    rule: UserRule
    refusals: int
    shrinks: int
    refusals_total: int
    shrinks_total: int


@dataclass(frozen=True, slots=True, kw_only=True)
class GuardCount:
    """What one guard did in one run: orders it refused and orders it shrank."""

    run: int
    guard: str
    name: str
    layer: str
    refusals: int
    shrinks: int


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditRow:
    """One row of the audit chain; `body` is its canonical JSON."""

    seq: int
    at: datetime
    event: str
    account: str
    body: str
    hash: str
