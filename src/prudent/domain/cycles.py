"""One pass of one account from observation to record: everything `replay` needs, in one value."""

from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum

from prudent.domain.accounts import AccountClass, AccountHistory, AccountSnapshot, Mode
from prudent.domain.futures import FutureTerms
from prudent.domain.instruments import Instrument
from prudent.domain.mandate import Mandate
from prudent.domain.margin import Margins
from prudent.domain.orders import Fill, OrderIntent, OrderReport
from prudent.domain.plans import OrderPlan
from prudent.domain.proposals import Decision
from prudent.domain.quotes import Quote
from prudent.domain.records import LATER, Json
from prudent.domain.rules import UserRule
from prudent.domain.verdicts import GuardReport

RECORD_SCHEMA = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class FxRate:
    """Units of the base currency for one unit of `currency`, as of a time; `previous` is the last close's rate."""

    currency: str
    rate: Decimal
    as_of: datetime | None = None
    previous: Decimal | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Alike:
    """Two symbols whose daily returns of the last 60 sessions correlate at `correlation`, to four decimals."""

    one: str
    other: str
    correlation: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class Interlock:
    """One mode interlock (M01..M10) as found when observing; `satisfied` False blocks every send."""

    id: str
    name: str
    satisfied: bool
    detail: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Observation:
    """All that a cycle may know: account, history, prices, rules and interlocks at one moment.

    `futures` are the terms of every contract month in it, with the alias that each front one answers to. `margins` is
    what the venue said beforehand of the orders that were judged on it; None where the venue tells nothing of margin.
    """

    account: str
    account_class: AccountClass
    mode: Mode
    as_of: datetime
    session: date
    market_open: bool
    snapshot: AccountSnapshot
    history: AccountHistory
    quotes: tuple[Quote, ...]
    instruments: tuple[Instrument, ...]
    fx: tuple[FxRate, ...] = ()
    rules: tuple[UserRule, ...] = ()
    interlocks: tuple[Interlock, ...] = ()
    alike: tuple[Alike, ...] = ()
    data_source: str = ""
    warnings: tuple[str, ...] = ()
    futures: tuple[FutureTerms, ...] = ()
    margins: Margins | None = field(default=None, metadata=LATER)

    @property
    def fronts(self) -> dict[str, str]:
        """The contract that each alias stood for."""
        return {each.alias: each.symbol for each in self.futures if each.alias}


@dataclass(frozen=True, slots=True, kw_only=True)
class PhaseRecord:
    """One phase of execution: what was seen just before sending, what was judged, sent and reported."""

    phase: int
    observation: Observation
    report: GuardReport
    intents: tuple[OrderIntent, ...]
    reports: tuple[OrderReport, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """Everything of a cycle up to the guards' word, before anything is sent.

    `round` counts how often it was observed; `guarded` is the later observation at which a plan that had to wait was
    judged again, None while the plan was judged where it was made.
    """

    round: int
    observation: Observation
    inputs: dict[str, Json]
    decision: Decision
    plan: OrderPlan
    report: GuardReport
    guarded: Observation | None = None

    @property
    def as_of(self) -> datetime:
        """When the plan was last found to hold; guards measure its age from here."""
        return self.observation.as_of if self.guarded is None else self.guarded.as_of


class Next(StrEnum):
    """What becomes of a draft: it is executed, judged again as it is, made anew, or ended without orders."""

    GO = "go"
    REGUARD = "reguard"
    AGAIN = "again"
    END = "end"


@dataclass(frozen=True, slots=True, kw_only=True)
class Consent:
    """The answer to a draft; `by` names the person, or what stands for one; `code` says why it ends or begins again."""

    next: Next
    code: str = ""
    by: str = ""
    at: datetime | None = None


class WaitWhy(StrEnum):
    APPROVAL = "approval"
    MARKET_OPEN = "market_open"


@dataclass(frozen=True, slots=True, kw_only=True)
class Wait:
    """A cycle that waits: for a person's yes to `plan_hash`, or for the market; `until` is when it goes on or ends."""

    cycle: str
    why: WaitWhy
    until: datetime
    plan_hash: str
    round: int


class CycleWaits(Exception):
    """Leaves a cycle whose draft must wait; its finished steps are kept, and running it again goes on from there."""

    def __init__(self, wait: Wait) -> None:
        super().__init__(f"cycle {wait.cycle} waits for {wait.why} until {wait.until.isoformat()}")
        self.wait = wait


class ResidualCause(StrEnum):
    """Why the book differs from the target after a cycle."""

    ROUNDING = "rounding"
    MIN_ORDER = "min_order"
    BAND = "band"
    BLOCKED = "blocked"
    REJECTED = "rejected"
    PARTIAL = "partial"
    UNFILLED = "unfilled"
    PRICE_MOVE = "price_move"
    FOREIGN_TRADE = "foreign_trade"
    SESSION_CLOSED = "session_closed"
    FEES = "fees"
    CASH_SHORT = "cash_short"
    DRY_RUN = "dry_run"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class Residual:
    """A named gap between target and book of one symbol, in quantity and as a fraction of NAV."""

    symbol: str
    cause: ResidualCause
    quantity: Decimal
    weight: Decimal
    detail: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class SymbolCheck:
    """Verification of one symbol; `accuracy` in [0, 1], from positions and fills only."""

    symbol: str
    target_quantity: Decimal
    actual_quantity: Decimal
    projected_quantity: Decimal
    target_weight: Decimal
    actual_weight: Decimal
    accuracy: Decimal
    slippage_bps: Decimal | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class MissingOrder:
    order_ref: str
    symbol: str
    planned: Decimal
    seen: Decimal
    partial: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Reconciliation:
    """Does the broker agree? On positions and fills; open orders count in the projected figures only."""

    as_of: datetime
    total_open_orders: int
    total_accuracy: Decimal
    projected_accuracy: Decimal
    attainable_accuracy: Decimal
    efficiency: Decimal
    projected_invested: Decimal
    projected_cash: Decimal
    missing_orders: tuple[MissingOrder, ...]
    extra_orders: tuple[str, ...]
    foreign_orders: tuple[str, ...]
    duplicate_orders: tuple[str, ...]
    symbols_verified: tuple[SymbolCheck, ...]
    residuals: tuple[Residual, ...]


class CycleStatus(StrEnum):
    COMPLETED = "completed"
    FAILED = "failed"
    INTERRUPTED = "interrupted"


@dataclass(frozen=True, slots=True, kw_only=True)
class CycleRecord:
    """Every stage's input and output of one cycle, `account/run/cycle`."""

    account: str
    run: int
    cycle: int
    mode: Mode
    mandate: Mandate
    code_version: str
    started: datetime
    finished: datetime
    status: CycleStatus
    observation: Observation
    decision_inputs: dict[str, Json]
    decision: Decision
    plan: OrderPlan
    report: GuardReport
    phases: tuple[PhaseRecord, ...]
    reconciliation: Reconciliation | None
    nlv_after: Decimal | None = None
    no_trade_codes: tuple[str, ...] = ()
    guarded: Observation | None = None
    consent: Consent | None = None
    rounds: int = 1
    schema_version: int = RECORD_SCHEMA

    @property
    def id(self) -> str:
        return f"{self.account}/{self.run}/{self.cycle}"

    @property
    def fills(self) -> tuple[Fill, ...]:
        return tuple(fill for phase in self.phases for report in phase.reports for fill in report.fills)
