"""Accounts as a broker or our own venue shows them, and the class that fixes their platform floor."""

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum

from prudent.domain.futures import point_value
from prudent.domain.money import ZERO
from prudent.domain.orders import OpenOrder, OrderStatus, Side
from prudent.domain.reasoning import Terms


class AccountClass(StrEnum):
    """Fixed when the account is created: who decides, and so which platform reserve holds."""

    AUTONOMOUS = "autonomous"
    DIRECTED = "directed"
    MARGIN = "margin"


class Mode(StrEnum):
    """What the desk is wired to; anything odd falls to `DRY_RUN`."""

    OFF = "off"
    DRY_RUN = "dry_run"
    PAPER = "paper"
    LIVE = "live"
    BACKTEST = "backtest"


class TradingState(StrEnum):
    """Checked by the first guard and again before every submit."""

    ACTIVE = "ACTIVE"
    REDUCING = "REDUCING"
    HALTED = "HALTED"


@dataclass(frozen=True, slots=True, kw_only=True)
class Position:
    """A signed holding; `average_cost` per unit in the instrument's currency, `opened` its last opening fill."""

    symbol: str
    quantity: Decimal
    average_cost: Decimal | None = None
    opened: datetime | None = None

    @property
    def cost(self) -> Decimal:
        """What all of it cost; 0 where that is not known."""
        return self.quantity * (self.average_cost or ZERO) * point_value(self.symbol)


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountSnapshot:
    """Cash, positions and live orders of one account at one moment, from one source."""

    account: str
    currency: str
    cash: Decimal
    positions: tuple[Position, ...]
    open_orders: tuple[OpenOrder, ...]
    as_of: datetime
    source: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RecentOrder:
    """An order of the last ten minutes, for the gates on rate, duplicates and round trips."""

    order_ref: str
    symbol: str
    side: Side
    quantity: Decimal
    at: datetime
    status: OrderStatus


@dataclass(frozen=True, slots=True, kw_only=True)
class StoppedOut:
    """The last session in which a stop-loss sold `symbol`."""

    symbol: str
    session: date


@dataclass(frozen=True, slots=True, kw_only=True)
class Breach:
    """A position that was read beyond an exit's trigger, since `first_at` without a break."""

    symbol: str
    cause: str
    first_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountHistory:
    """What the ledger remembers of an account that gates need; `None` means not known, and blocks new risk.

    `unit_value` is the flow-adjusted value of one unit (1 at the first funding), `peak_unit_value` its highest;
    `nlv_open` is net liquidation at the open of `session`, `flows_today` the money in minus out since. `breaches` None:
    one reading of a price is confirmed by itself, as on simulated time.
    """

    session: date
    nlv_open: Decimal | None = None
    flows_today: Decimal = ZERO
    unit_value: Decimal | None = None
    peak_unit_value: Decimal | None = None
    trades_today: int = 0
    has_traded: bool = False
    drawdown_latched: bool = False
    drawdown_halt_latched: bool = False
    daily_loss_latched: bool = False
    state: TradingState = TradingState.ACTIVE
    state_reason: str = ""
    symbol_states: tuple[tuple[str, TradingState], ...] = ()
    recent_orders: tuple[RecentOrder, ...] = ()
    unknown_symbols: tuple[str, ...] = ()
    decider_failures_in_row: int = 0
    refused_share_5_cycles: Decimal = ZERO
    stopped_out: tuple[StoppedOut, ...] = ()
    at_venue: tuple[OpenOrder, ...] = ()
    breaches: tuple[Breach, ...] | None = None
    terms: tuple[Terms, ...] = ()
