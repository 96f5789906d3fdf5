"""What a configuration may say: strict models, each a door to one domain type."""

import difflib
import re
from collections.abc import Mapping
from datetime import UTC, date, datetime, time
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Literal
from zoneinfo import ZoneInfo, available_timezones

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    WithJsonSchema,
    field_validator,
    model_validator,
)

from prudent.domain.accounts import AccountClass, Mode
from prudent.domain.interlocks import effective_mode
from prudent.domain.mandate import (
    Allocator,
    Approval,
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
from prudent.settings.channels import NotifySettings
from prudent.settings.strict import Strict

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


def _none_is_a_word(value: object) -> object:
    return None if value is None else str(value)


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


class DataSettings(Strict):
    """Where prices come from; `path` is the folder of the source `files`.

    `venue` is the simulated venue's file, else one in the home; engines that share a ledger share it too.
    """

    source: Literal["sample", "files", "yahoo"] = "sample"
    path: Path | None = None
    venue: Path | None = None

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


class ScheduleSettings(Strict):
    """When an account's cycles run: five cron fields, or `open+30m` / `close-30m` of its exchange.

    `timezone` is needed with cron; `missed` says what becomes of a time at which no engine ran.
    """

    cron: str | None = None
    at: str | None = None
    timezone: str | None = None
    missed: Literal["skip", "run_once"] = "skip"

    @model_validator(mode="after")
    def _one_kind(self) -> "ScheduleSettings":
        if (self.cron is None) == (self.at is None):
            raise ValueError("needs either `cron` or `at`; write e.g. `at: open+30m`")
        if self.cron is not None and self.timezone is None:
            raise ValueError("needs `timezone` beside `cron`; write e.g. `timezone: America/New_York`")
        if self.at is not None and not re.fullmatch(r"(open|close)([+-](?=\d)(\d+h)?(\d+m)?)?", self.at):
            raise ValueError(f"`at` must be like open+30m, close-30m or open+1h30m, was {self.at!r}; correct it")
        if self.at is not None and self.timezone is not None:
            raise ValueError("`at` is relative to the exchange's session and takes no `timezone`; remove it")
        return self

    @field_validator("timezone")
    @classmethod
    def _known_zone(cls, zone: str | None) -> str | None:
        if zone is not None and zone not in available_timezones():
            near = difflib.get_close_matches(zone, available_timezones(), n=1)
            hint = f"; did you mean {near[0]}?" if near else "; write e.g. America/New_York"
            raise ValueError(f"must be a time zone of the IANA database, was {zone!r}{hint}")
        return zone

    @field_validator("cron")
    @classmethod
    def _five_fields(cls, cron: str | None) -> str | None:
        if cron is not None:
            from croniter import croniter

            if len(cron.split()) != 5 or not croniter.is_valid(cron):
                raise ValueError(f"must be five cron fields like `30 10 * * mon-fri`, was {cron!r}; correct it")
        return cron


class AccountSettings(Strict):
    """One account's mandate as a person writes it; `owner` is the user whose account it is."""

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
    approval: Annotated[Approval | None, BeforeValidator(_none_is_a_word)] = None
    approval_hours: Annotated[int, Field(ge=1, le=24 * 14)] = 24
    protective_exits_when_disarmed: bool = False
    auto_trade: bool = False
    schedule: tuple[ScheduleSettings, ...] = ()
    owner: str | None = None

    def mandate(self, account: str) -> Mandate:
        """What a run of this account freezes."""
        own = {"targets": self.targets} if self.targets is not None else {}
        return Mandate(
            account=account, name=self.name or account, account_class=self.account_class, currency=self.currency,
            broker=self.broker, strategy=self.strategy, parameters={**json_object(self.parameters), **own},
            universe=self.universe, limits=Limits(**dict(self.limits)),
            strategy_limits=StrategyLimits(**dict(self.strategy_limits)), exits=Exits(**dict(self.exits)),
            planning=Planning(**dict(self.planning)), costs=self.costs, slippage_bps=self.slippage_bps,
            approval=self.approval, approval_hours=self.approval_hours,
            protective_exits_when_disarmed=self.protective_exits_when_disarmed,
        )  # fmt: skip


class DatabaseSettings(Strict):
    """Where the ledger lies: nothing for SQLite in the home, or a `postgresql://` URL for many users and machines."""

    url: str | None = None


class SecretsSettings(Strict):
    """Where the master key of stored secrets lies; nothing for `secrets.key` in the home."""

    key_path: Path | None = None


class EngineSettings(Strict):
    """How the engine works: seconds between looks at the market for protection, and its limits of memory."""

    protection_seconds: Annotated[float | None, Field(gt=0)] = None
    memory_soft_mb: Annotated[int, Field(ge=64)] = 4096
    memory_hard_mb: Annotated[int, Field(ge=128)] = 6144
    workers: Annotated[int, Field(ge=1, le=64)] = 4

    @model_validator(mode="after")
    def _hard_above_soft(self) -> "EngineSettings":
        if self.memory_hard_mb <= self.memory_soft_mb:
            raise ValueError(f"needs memory_hard_mb above memory_soft_mb {self.memory_soft_mb}; raise it")
        return self


class WebSettings(Strict):
    """Where the web process listens."""

    host: str = "127.0.0.1"
    port: Annotated[int, Field(ge=1, le=65535)] = 8501


class BackupSettings(Strict):
    """Where `invest backup` puts its files: a folder or an `s3://bucket/prefix` URL; and how many are kept.

    `database_url` is an administrator's, for a ledger on PostgreSQL: the product's own login cannot see every row.
    """

    to: str | None = None
    endpoint: str | None = None
    database_url: str | None = None
    keep: Annotated[int, Field(ge=1)] = 35


class Settings(Strict):
    """`invest.yaml` with `config/accounts/*.yaml`, the environment and the command line on top."""

    schema_version: Annotated[int, Field(ge=SCHEMA_VERSION, le=SCHEMA_VERSION)] = SCHEMA_VERSION
    mode: Annotated[Mode, BeforeValidator(_unless_off)] = Mode.DRY_RUN
    data: DataSettings = DataSettings()
    clock: ClockSettings = ClockSettings()
    switches: SwitchSettings = SwitchSettings()
    ibkr: IbkrSettings = IbkrSettings()
    database: DatabaseSettings = DatabaseSettings()
    secrets: SecretsSettings = SecretsSettings()
    engine: EngineSettings = EngineSettings()
    web: WebSettings = WebSettings()
    notify: NotifySettings = NotifySettings()
    backup: BackupSettings = BackupSettings()
    accounts: dict[AccountId, AccountSettings] = Field(default_factory=dict)

    @property
    def effective_mode(self) -> Mode:
        """The mode after `DRY_RUN`: it turns every trading mode into dry-run and never the other way."""
        return effective_mode(self.mode, self.switches.dry_run)


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
