"""Limits that can never fire are found, each with its reason; limits that can are not."""

from decimal import Decimal
from typing import Any

import pytest
from tests.unit.guards.build import D, rule_of

from prudent.domain.accounts import AccountClass
from prudent.domain.errors import InputError
from prudent.domain.mandate import Exits, Limits, Mandate, StrategyLimits
from prudent.guards.feeds import ALL_FEEDS
from prudent.guards.reach import unreachable_limits

DEFAULTS = Limits()
ONE_DAY = StrategyLimits(min_holding_days=1)
STOPS = Exits(stop_loss=D("0.10"))


def found(
    limits: Limits = DEFAULTS, *, strategy: StrategyLimits = ONE_DAY,
    account_class: AccountClass = AccountClass.AUTONOMOUS, feeds: frozenset[str] = ALL_FEEDS,
    rules: tuple[dict[str, Any], ...] = (), exits: Exits = STOPS,
) -> dict[str, str]:  # fmt: skip
    mandate = Mandate(
        account="desk", account_class=account_class, limits=limits, strategy_limits=strategy, exits=exits
    )
    rows = [rule_of(enforcement_params=each) for each in rules]
    return {each.setting: each.hidden_by or each.why for each in unreachable_limits(mandate, rows, feeds)}


REACHED = Limits(
    max_position_weight=D("0.20"), max_sector_weight=D("0.40"), cash_min=D("0.15"), cash_max=D("0.50"),
    max_turnover_per_cycle=D("0.50"), max_trades_per_cycle=20, max_trades_per_day=50, max_gross_exposure=D("0.90"),
    max_daily_loss=D("0.01"),
)  # fmt: skip


def test_limits_that_can_fire_are_not_reported() -> None:
    assert found(REACHED) == {}


def test_the_defaults_that_mean_off_are_reported_with_what_hides_them() -> None:
    assert found(strategy=StrategyLimits()) == {
        "limits.max_sector_weight": "no sector can exceed the account",
        "limits.cash_min": "P01",
        "limits.cash_max": "cash cannot exceed the account",
        "limits.max_turnover_per_cycle": "no cycle can trade more",
        "limits.max_gross_exposure": "P01",
        "limits.max_trades_per_cycle": "P18",
        "limits.max_daily_loss": "X01",
        "strategy_limits.min_holding_days": "0 days hold nothing",
    }


def test_days_of_waiting_without_a_stop_loss_are_reported() -> None:
    assert found(REACHED, exits=Exits()) == {"exits.reentry_days": "nothing is stopped out: no stop-loss is set"}
    assert found(REACHED, exits=Exits(), rules=({"stop_loss_pct": "8"},)) == {}


@pytest.mark.parametrize(
    ("setting", "value", "hidden_by"),
    [
        ("max_position_weight", D("0.50"), "P07"), ("max_daily_loss", D("0.02"), "X01"),
        ("max_trades_per_day", 200, "P18.L0"), ("cash_min", D("0.10"), "P02"), ("cash_min", D(0), "P01"),
    ],
)  # fmt: skip
def test_a_limit_behind_a_tighter_one_of_the_platform_is_reported(setting: str, value: object, hidden_by: str) -> None:
    changed = {name: getattr(REACHED, name) for name in Limits.__dataclass_fields__} | {setting: value}
    assert found(Limits(**changed))[f"limits.{setting}"] == hidden_by


def test_a_directed_account_has_no_platform_cap_that_hides_its_own() -> None:
    assert "limits.max_position_weight" not in found(
        Limits(max_position_weight=D("0.60")), account_class=AccountClass.DIRECTED
    )


def test_a_strategy_limit_behind_the_accounts_is_reported() -> None:
    strategy = StrategyLimits(max_position_weight=D("0.25"), max_trades_per_cycle=20, min_holding_days=1)
    assert found(REACHED, strategy=strategy) == {
        "strategy_limits.max_position_weight": "P08", "strategy_limits.max_trades_per_cycle": "P17",
    }  # fmt: skip


def test_a_rule_behind_the_accounts_limit_is_reported() -> None:
    assert found(REACHED, rules=({"max_position_pct": "20"},)) == {"rule:r1:max_position_pct": "P08"}
    assert found(REACHED, rules=({"max_position_pct": "19"},)) == {}
    assert found(REACHED, rules=({"min_cash_reserve_pct": "10"},)) == {"rule:r1:min_cash_reserve_pct": "P02"}


def test_a_limit_that_no_data_feed_is_reported() -> None:
    feeds = ALL_FEEDS - {"rsi", "sector"}
    assert found(REACHED, feeds=feeds, rules=({"rsi_max_entry": "70"},)) == {
        "limits.max_sector_weight": "no data feeds it: sector", "rule:r1:rsi_max_entry": "no data feeds it: rsi",
    }  # fmt: skip


def test_a_rule_that_cannot_be_read_is_an_error() -> None:
    with pytest.raises(InputError, match="max_position_pct"):
        found(rules=({"max_position_pct": "much"},))


def test_limits_are_told_as_plain_numbers() -> None:
    mandate = Mandate(account="desk", limits=Limits(max_gross_exposure=Decimal("1.500")))
    rows = {row.setting: row.limit for row in unreachable_limits(mandate, (), ALL_FEEDS)}
    assert rows["limits.max_gross_exposure"] == "1.5"
