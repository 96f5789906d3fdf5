"""What a configuration may say about an account: its mandate, its model, when it runs, and whether it is on."""

import difflib
import re
from collections.abc import Mapping
from decimal import Decimal
from functools import cache
from typing import Annotated, Literal
from zoneinfo import available_timezones

from pydantic import AfterValidator, BeforeValidator, Field, WithJsonSchema, field_validator, model_validator

from prudent.domain.accounts import AccountClass
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
from prudent.domain.orders import OrderType
from prudent.domain.reasoning import RULES_MODEL
from prudent.domain.records import Json
from prudent.settings.gateways import GATEWAY_ACCOUNT
from prudent.settings.strict import Strict

ACCOUNT_ID = r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,31}$"
MODEL_NAME = r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$"
# Strategies that hold nothing over night.
FLAT_BY_CLOSE = ("intraday",)
# No secrets are counts of tokens (`max_tokens`, `tokens_per_day`) and what belongs to a pass (`pass0_confidence`).
SECRET_NAME = re.compile(r"pass(?!\d_)|secret|(?<!max_)token(?!s_(?:per|in|out))|credential|api_?key", re.IGNORECASE)


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


@cache
def known_zones() -> frozenset[str]:
    """The names of the IANA database; looking for them reads its whole folder."""
    return frozenset(available_timezones())


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
    max_initial_margin: PositiveShare = Limits().max_initial_margin
    min_excess_liquidity: Share = Limits().min_excess_liquidity

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
    order_types: Annotated[tuple[OrderType, ...], Field(min_length=1)] = tuple(OrderType)
    ask_margin_above: Share = Planning().ask_margin_above


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
        if zone is not None and zone not in known_zones():
            near = difflib.get_close_matches(zone, known_zones(), n=1)
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


class IbkrAccountSettings(Strict):
    """Which account of the gateway an account is, and how its orders without a limit leave.

    `capped` is a limit at what the quote allows, `close` an order for the closing auction.
    """

    account: Annotated[str, Field(pattern=GATEWAY_ACCOUNT)]
    style: Literal["capped", "market", "adaptive", "close"] = "capped"


class AccountSettings(Strict):
    """One account's mandate as a person writes it; `owner` is the user whose account it is.

    `model` is a name of `language.models`, or `rules`. Accounts of the same `pair` decide on one frozen observation.
    An account that is not `enabled` neither runs nor is scheduled; `disabled_because` says why. Every line of
    `custom_rules` is enforced or shown as not enforced.
    """

    name: str = ""
    account_class: AccountClass = Field(default=AccountClass.DIRECTED, alias="class")
    currency: Annotated[str, Field(pattern="^[A-Z]{3}$")] = "USD"
    broker: str = "simulated"
    ibkr: IbkrAccountSettings | None = None
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
    initial_budget: Annotated[Decimal, Field(ge=0)] | None = None
    owner: str | None = None
    model: Annotated[str, Field(pattern=MODEL_NAME)] = RULES_MODEL
    pair: Annotated[str, Field(max_length=64)] = ""
    enabled: bool = True
    disabled_because: Annotated[str, Field(max_length=500)] = ""
    custom_rules: Annotated[tuple[Annotated[str, Field(max_length=300)], ...], Field(max_length=50)] = ()
    custom_instructions: Annotated[str, Field(max_length=8000)] = ""

    @model_validator(mode="after")
    def _reasoned(self) -> "AccountSettings":
        if self.enabled and self.disabled_because:
            raise ValueError("has `disabled_because` and is enabled; remove it or write `enabled: false`")
        return self

    @model_validator(mode="after")
    def _named_there(self) -> "AccountSettings":
        if (self.broker == "ibkr") != (self.ibkr is not None):
            raise ValueError(
                "needs both `broker: ibkr` and `ibkr: {account: DU1234567}`, or neither; `invest ibkr accounts` lists "
                "the accounts of the gateway"
            )
        return self

    @model_validator(mode="after")
    def _closes_unasked(self) -> "AccountSettings":
        """A close that waits for a person's yes would leave the account open over night."""
        waits = self.account_class is AccountClass.DIRECTED or self.approval not in (None, Approval.NONE)
        if self.strategy in FLAT_BY_CLOSE and waits:
            raise ValueError(
                f"has strategy {self.strategy}, whose sales before the close must wait for nobody, was class "
                f"{self.account_class} with approval {self.approval or 'by its class'}; write `class: autonomous` "
                "and leave `approval` out"
            )
        return self

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
            protective_exits_when_disarmed=self.protective_exits_when_disarmed, model=self.model, pair=self.pair,
            custom_rules=self.custom_rules, custom_instructions=self.custom_instructions,
        )  # fmt: skip


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
