"""What an account may do: class, strategy, limits, exits, costs, planning rules; frozen into each run."""

from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum

from prudent.domain.accounts import AccountClass
from prudent.domain.orders import OrderType
from prudent.domain.reasoning import RULES_MODEL
from prudent.domain.records import LATER, Json
from prudent.domain.spelling import digest_of


class Unlisted(StrEnum):
    """What becomes of a holding that the targets do not name."""

    SELL = "sell"
    KEEP = "keep"
    ERROR = "error"


class Allocator(StrEnum):
    """How fractional ideal quantities become lots."""

    REMAINDER = "remainder"
    MIP = "mip"
    FLOOR = "floor"


class RebalanceTo(StrEnum):
    TARGET = "target"
    HALF = "half"
    BAND = "band"


class Approval(StrEnum):
    """Which cycles wait for a person's yes to their plan.

    `UNATTENDED`: those that no person started, as a directed account has it by default; `ALWAYS`: every cycle;
    `NONE`: no cycle, as an autonomous account has it by default.
    """

    NONE = "none"
    UNATTENDED = "unattended"
    ALWAYS = "always"


class CostModel(StrEnum):
    NONE = "none"
    IBKR_FIXED = "ibkr_fixed"
    IBKR_TIERED = "ibkr_tiered"
    XTB = "xtb"
    CRYPTO = "crypto"


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Account (L1) limits as fractions of net liquidation; `None` = no limit of its own at this layer.

    `max_initial_margin` and `min_excess_liquidity` hold for what the venue's margin must carry, by the venue's figures.
    """

    max_position_weight: Decimal | None = Decimal("0.20")
    max_sector_weight: Decimal | None = Decimal("1.00")
    cash_min: Decimal = Decimal("-1.00")
    cash_max: Decimal = Decimal("1.00")
    max_turnover_per_cycle: Decimal = Decimal("1.00")
    max_trades_per_cycle: int = 200
    max_trades_per_day: int = 50
    max_order_notional: Decimal | None = None
    max_gross_exposure: Decimal = Decimal("1.00")
    max_daily_loss: Decimal = Decimal("0.02")
    drawdown_cut: Decimal = Decimal("0.20")
    drawdown_rearm: Decimal = Decimal("0.15")
    max_initial_margin: Decimal = field(default=Decimal("0.50"), metadata=LATER)
    min_excess_liquidity: Decimal = field(default=Decimal("0.20"), metadata=LATER)


@dataclass(frozen=True, slots=True, kw_only=True)
class StrategyLimits:
    """Strategy (L3) limits; `None` = the strategy adds none."""

    max_position_weight: Decimal | None = None
    max_trades_per_cycle: int | None = None
    min_holding_days: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Exits:
    """Forced exits of the account: fractions of average cost and days held; `None` = off.

    A symbol that a stop-loss sold is not bought again for `reentry_days` calendar days; 0 = at once.
    """

    stop_loss: Decimal | None = None
    take_profit: Decimal | None = None
    time_stop_days: int | None = None
    reentry_days: int = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Planning:
    """How target weights become orders (fractions of equity, base currency).

    `order_types` are the only ones that orders may be of; a forced exit alone goes as its spread demands. A purchase
    from cash worth more than `ask_margin_above` is asked about at a venue that tells what it would do to the margin.
    """

    buffer: Decimal = Decimal("0.0025")
    unlisted: Unlisted = Unlisted.SELL
    allocator: Allocator = Allocator.REMAINDER
    band_absolute: Decimal | None = None
    band_relative: Decimal | None = None
    rebalance_to: RebalanceTo = RebalanceTo.TARGET
    min_trade_fraction: Decimal = Decimal("0.001")
    min_trade_notional: Decimal = Decimal(0)
    allow_short: bool = False
    allow_partial: bool = False
    rescale: bool = False
    capital_to_deploy: Decimal | None = None
    lot_size: Decimal | None = None
    slices: int = 1
    no_trading: tuple[str, ...] = ()
    order_types: tuple[OrderType, ...] = tuple(OrderType)
    ask_margin_above: Decimal = field(default=Decimal("0.10"), metadata=LATER)


@dataclass(frozen=True, slots=True, kw_only=True)
class Mandate:
    """Everything a run freezes; `hash` names it, a change of it starts the next run.

    `model` is the configured language model that is asked, `model_parameters` what it is asked with; `pair` names the
    accounts that decide on one frozen observation. Each line of `custom_rules` is compiled to an enforced rule or
    marked as not enforced; `custom_instructions` is guidance and binds nobody.
    """

    account: str
    name: str = ""
    account_class: AccountClass = AccountClass.DIRECTED
    currency: str = "USD"
    broker: str = "simulated"
    strategy: str = "target_weights"
    parameters: dict[str, Json] = field(default_factory=dict)
    universe: tuple[str, ...] = ()
    limits: Limits = Limits()
    strategy_limits: StrategyLimits = StrategyLimits()
    exits: Exits = Exits()
    planning: Planning = Planning()
    costs: CostModel = CostModel.IBKR_FIXED
    slippage_bps: Decimal = Decimal(2)
    approval: Approval | None = None
    approval_hours: int = 24
    protective_exits_when_disarmed: bool = False
    model: str = RULES_MODEL
    model_parameters: dict[str, Json] = field(default_factory=dict)
    pair: str = ""
    custom_rules: tuple[str, ...] = ()
    custom_instructions: str = ""

    @property
    def approval_in_force(self) -> Approval:
        """What the mandate asks for, else what its class does: a directed account's unattended cycles wait."""
        if self.approval is not None and not (
            self.approval is Approval.NONE and self.account_class is AccountClass.DIRECTED
        ):
            return self.approval
        return Approval.UNATTENDED if self.account_class is AccountClass.DIRECTED else Approval.NONE

    @property
    def hash(self) -> str:
        return digest_of(self)
