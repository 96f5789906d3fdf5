"""What a configuration may say: strict models, each a door to one domain type."""

import re
from collections.abc import Mapping
from datetime import UTC, date, datetime, time
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Literal
from zoneinfo import ZoneInfo

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    WithJsonSchema,
    model_validator,
)

from prudent.domain.accounts import AccountClass, Mode
from prudent.domain.mandate import (
    Allocator,
    CostModel,
    Exits,
    Limits,
    Mandate,
    Planning,
    RebalanceTo,
    StrategyLimits,
    Unlisted,
)
from prudent.domain.money import from_float
from prudent.domain.records import Json

SCHEMA_VERSION = 1
ACCOUNT_ID = r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,31}$"
SECRET_NAME = re.compile(r"pass|secret|token|credential|api_?key", re.IGNORECASE)


def parse_fraction(value: object) -> Decimal:
    """A fraction written `5%` or `0.05`; a bare number above 1 is refused, for nobody can tell which was meant."""
    if isinstance(value, bool) or not isinstance(value, (str, int, float, Decimal)):
        raise ValueError(f"must be a fraction like 0.05 or a percentage like 5%, was {value!r}")
    text = str(from_float(value)) if isinstance(value, float) else str(value).strip()
    try:
        number = Decimal(text.removesuffix("%").strip())
    except ArithmeticError:
        number = Decimal("NaN")
    if not number.is_finite():
        raise ValueError(f"must be a fraction like 0.05 or a percentage like 5%, was {value!r}")
    if text.endswith("%"):
        return number / 100
    if abs(number) > 1:
        raise ValueError(f"must be a fraction, was {text}; write {text}% or {number / 100}")
    return number


def _start(value: object) -> object:
    """A date alone means half an hour after the New York open, when cycles run by default."""
    if isinstance(value, str) and re.fullmatch(r"\d{4}-\d{2}-\d{2}", value):
        value = date.fromisoformat(value)
    if isinstance(value, date) and not isinstance(value, datetime):
        return datetime.combine(value, time(10), ZoneInfo("America/New_York")).astimezone(UTC)
    if isinstance(value, str):
        value = datetime.fromisoformat(value)
    if isinstance(value, datetime) and value.tzinfo is None:
        raise ValueError(f"must name its time zone, was {value.isoformat()}; write {value.isoformat()}Z for UTC")
    return value.astimezone(UTC) if isinstance(value, datetime) else value


def _unless_off(value: object) -> object:
    return "off" if value is False else value  # YAML 1.1 reads a bare `off` as false


def _no_secrets(parameters: dict[str, object]) -> dict[str, object]:
    for key in parameters:
        if SECRET_NAME.search(key):
            raise ValueError(f"must not hold a secret like {key}: every cycle records its mandate; remove it")
    return parameters


Fraction = Annotated[
    Decimal, BeforeValidator(parse_fraction), WithJsonSchema({"type": ["string", "number"], "examples": ["5%", 0.05]})
]
Share = Annotated[Fraction, Field(ge=0, le=1)]
PositiveShare = Annotated[Fraction, Field(gt=0, le=1)]
SignedShare = Annotated[Fraction, Field(ge=-1, le=1)]
PositiveMoney = Annotated[Decimal, Field(gt=0)]
AccountId = Annotated[str, Field(pattern=ACCOUNT_ID)]


class Strict(BaseModel):
    """Refuses unknown keys, and cannot be changed after it was read."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)


class DataSettings(Strict):
    """Where prices come from; `path` is the folder of the source `files`."""

    source: Literal["sample", "files", "yahoo"] = "sample"
    path: Path | None = None

    @model_validator(mode="after")
    def _folder(self) -> "DataSettings":
        if self.source == "files" and self.path is None:
            raise ValueError("needs `path`, the folder of the price files, when source is files; add data.path")
        return self


class ClockSettings(Strict):
    """Where the simulated clock of a desk on sample or file data begins."""

    start: Annotated[datetime | None, BeforeValidator(_start)] = None


class SwitchSettings(Strict):
    """Switches that can only ever stop orders from leaving; live trading needs the last two on."""

    dry_run: bool = False
    allow_orders: bool = False
    enable_order_exec: bool = False


class IbkrSettings(Strict):
    """The endpoint of Interactive Brokers: 4002 and 7497 are paper, 4001 and 7496 live."""

    host: str = "127.0.0.1"
    port: Annotated[int, Field(ge=1, le=65535)] = 4002
    client_id: Annotated[int, Field(ge=0)] = 11


class LimitSettings(Strict):
    """Account limits as fractions of net liquidation; `null` = none at this layer."""

    max_position_weight: PositiveShare | None = Limits().max_position_weight
    max_sector_weight: PositiveShare | None = Limits().max_sector_weight
    cash_min: SignedShare = Limits().cash_min
    cash_max: SignedShare = Limits().cash_max
    max_turnover_per_cycle: Annotated[Fraction, Field(gt=0)] = Limits().max_turnover_per_cycle
    max_trades_per_cycle: Annotated[int, Field(ge=0)] = Limits().max_trades_per_cycle
    max_trades_per_day: Annotated[int, Field(ge=0)] = Limits().max_trades_per_day
    max_order_notional: PositiveMoney | None = None
    max_gross_exposure: Annotated[Fraction, Field(gt=0)] = Limits().max_gross_exposure
    max_daily_loss: PositiveShare = Limits().max_daily_loss
    drawdown_cut: PositiveShare = Limits().drawdown_cut
    drawdown_rearm: Share = Limits().drawdown_rearm

    @model_validator(mode="after")
    def _ordered(self) -> "LimitSettings":
        if self.cash_min > self.cash_max:
            raise ValueError(f"cash_min must be at most cash_max {self.cash_max}, was {self.cash_min}; lower it")
        if self.drawdown_rearm >= self.drawdown_cut:
            raise ValueError(f"drawdown_rearm must be below drawdown_cut {self.drawdown_cut}; lower it")
        return self


class StrategyLimitSettings(Strict):
    """Limits of the strategy; `null` = it adds none."""

    max_position_weight: PositiveShare | None = None
    max_trades_per_cycle: Annotated[int, Field(ge=0)] | None = None
    min_holding_days: Annotated[int, Field(ge=0)] = 0


class ExitSettings(Strict):
    """Forced exits: fractions of average cost, and days held; `null` = off."""

    stop_loss: PositiveShare | None = None
    take_profit: Annotated[Fraction, Field(gt=0)] | None = None
    time_stop_days: Annotated[int, Field(ge=1)] | None = None
    reentry_days: Annotated[int, Field(ge=0)] = Exits().reentry_days


class PlanningSettings(Strict):
    """How target weights become orders."""

    buffer: Share = Planning().buffer
    unlisted: Unlisted = Unlisted.SELL
    allocator: Allocator = Allocator.REMAINDER
    band_absolute: PositiveShare | None = None
    band_relative: PositiveShare | None = None
    rebalance_to: RebalanceTo = RebalanceTo.TARGET
    min_trade_fraction: Share = Planning().min_trade_fraction
    min_trade_notional: Annotated[Decimal, Field(ge=0)] = Decimal(0)
    allow_short: bool = False
    allow_partial: bool = False
    rescale: bool = False
    capital_to_deploy: PositiveMoney | None = None
    lot_size: PositiveMoney | None = None
    slices: Annotated[int, Field(ge=1, le=100)] = 1
    no_trading: tuple[str, ...] = ()


class AccountSettings(Strict):
    """One account's mandate as a person writes it."""

    name: str = ""
    account_class: AccountClass = Field(default=AccountClass.DIRECTED, alias="class")
    currency: Annotated[str, Field(pattern="^[A-Z]{3}$")] = "USD"
    broker: str = "simulated"
    strategy: str = "target_weights"
    targets: str | None = None
    parameters: Annotated[dict[str, object], AfterValidator(_no_secrets)] = Field(default_factory=dict)
    universe: tuple[str, ...] = ()
    limits: LimitSettings = LimitSettings()
    strategy_limits: StrategyLimitSettings = StrategyLimitSettings()
    exits: ExitSettings = ExitSettings()
    planning: PlanningSettings = PlanningSettings()
    costs: CostModel = CostModel.IBKR_FIXED
    slippage_bps: Annotated[Decimal, Field(ge=0, le=1000)] = Decimal(2)

    def mandate(self, account: str) -> Mandate:
        """What a run of this account freezes."""
        own = {"targets": self.targets} if self.targets is not None else {}
        return Mandate(
            account=account, name=self.name or account, account_class=self.account_class, currency=self.currency,
            broker=self.broker, strategy=self.strategy, parameters={**json_object(self.parameters), **own},
            universe=self.universe, limits=Limits(**dict(self.limits)),
            strategy_limits=StrategyLimits(**dict(self.strategy_limits)), exits=Exits(**dict(self.exits)),
            planning=Planning(**dict(self.planning)), costs=self.costs, slippage_bps=self.slippage_bps,
        )  # fmt: skip


class Settings(Strict):
    """`invest.yaml` with `config/accounts/*.yaml`, the environment and the command line on top."""

    schema_version: Annotated[int, Field(ge=SCHEMA_VERSION, le=SCHEMA_VERSION)] = SCHEMA_VERSION
    mode: Annotated[Mode, BeforeValidator(_unless_off)] = Mode.DRY_RUN
    data: DataSettings = DataSettings()
    clock: ClockSettings = ClockSettings()
    switches: SwitchSettings = SwitchSettings()
    ibkr: IbkrSettings = IbkrSettings()
    accounts: dict[AccountId, AccountSettings] = Field(default_factory=dict)

    @property
    def effective_mode(self) -> Mode:
        """The mode after `DRY_RUN`: it turns every trading mode into dry-run and never the other way."""
        return Mode.DRY_RUN if self.switches.dry_run and self.mode is not Mode.OFF else self.mode


def json_object(values: Mapping[str, object]) -> dict[str, Json]:
    return {key: plain_json(value) for key, value in values.items()}


def plain_json(value: object) -> Json:
    if value is None or isinstance(value, (bool, int, str)):
        return value
    if isinstance(value, list):
        return [plain_json(item) for item in value]
    if isinstance(value, dict):
        return {str(key): plain_json(item) for key, item in value.items()}
    return str(from_float(value)) if isinstance(value, float) else str(value)
