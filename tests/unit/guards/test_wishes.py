"""Custom rules in words: what each clause comes to, what is enforced elsewhere, and what is plainly not enforced."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.guards.build import D, described, mandated, observed, scene, verdict

from prudent.domain.accounts import AccountClass
from prudent.domain.mandate import Mandate, Planning, StrategyLimits
from prudent.domain.orders import OrderType
from prudent.domain.verdicts import Outcome
from prudent.guards.user_rules import validate_rule
from prudent.guards.wishes import NOT_UNDERSTOOD, Wish, custom_rules, wishes


def compiled(text: str, **fields: Any) -> tuple[Wish, ...]:
    return wishes(Mandate(account="main", custom_rules=(text,), **fields))


@pytest.mark.parametrize(
    ("text", "params"),
    [
        ("Max 10% per position", {"max_position_pct": "10"}),
        ("no more than 12.5 percent in one stock.", {"max_position_pct": "12.5"}),
        ("No position above 8%", {"max_position_pct": "8"}),
        ("- maximum position size: 15 %", {"max_position_pct": "15"}),
        ("max $2,000 per position", {"max_position_dollars": "2000"}),
        ("at most 2.5k USD per position", {"max_position_dollars": "2500"}),
        ("max order size $500", {"max_order_dollars": "500"}),
        ("At most 8 positions", {"max_positions": "8"}),
        ("max 30% in any one sector", {"max_sector_pct": "30"}),
        ("Keep at least 15% cash", {"min_cash_reserve_pct": "15"}),
        ("always keep 20% in cash", {"min_cash_reserve_pct": "20"}),
        ("max 2 trades per day", {"max_trades_per_session": "2"}),
        ("max daily loss 1%", {"max_daily_loss_pct": "1"}),
        ("stop-loss at 8%", {"stop_loss_pct": "8"}),
        ("take profit: 25%", {"take_profit_pct": "25"}),
        ("minimum price $10", {"price_min_entry": "10"}),
        ("no stocks below $7.50", {"price_min_entry": "7.5"}),
        ("no penny stocks", {"price_min_entry": "5"}),
        ("never buy anything above $300", {"price_max_entry": "300"}),
        ("minimum daily volume $5m", {"min_adv_dollars_entry": "5000000"}),
        ("never buy when RSI is above 70", {"rsi_max_entry": "70"}),
        ("no trading between 9:30 and 10:00 ET",
         {"blackout_start": "09:30", "blackout_end": "10:00", "blackout_timezone": "America/New_York"}),
        ("no new positions after 21:30 Europe/Warsaw",
         {"blackout_start": "21:30", "blackout_end": "00:00", "blackout_timezone": "Europe/Warsaw"}),
        ("no buys before 10:00", {"blackout_start": "00:00", "blackout_end": "10:00"}),
        ("close everything by 15:45", {"close_all_by": "15:45"}),
        ("No energy", {"excluded_sectors": ["Energy"], "excluded_symbols": ["XLE"]}),
        ("no tech or utilities stocks",
         {"excluded_sectors": ["Information Technology", "Utilities"], "excluded_symbols": ["XLK", "XLU"]}),
        ("never buy TSLA, GME or BRK.B", {"excluded_symbols": ["TSLA", "GME", "BRK.B"]}),
        ("only buy AAPL and MSFT", {"approved_symbols": ["AAPL", "MSFT"]}),
        ("no options", {"excluded_kinds": ["option"]}),
        ("only ETFs", {"excluded_kinds": ["stock", "fx", "option", "future"]}),
    ],
)  # fmt: skip
def test_a_clause_comes_to_a_rule(text: str, params: dict[str, Any]) -> None:
    (wish,) = compiled(text)
    assert wish.rule is not None
    assert wish.rule.enforcement_params == params
    validate_rule(wish.rule)
    assert wish.mark.startswith("enforced: ")


@pytest.mark.parametrize(
    "text",
    [
        "buy low and sell high", "avoid tobacco", "no position below 5%", "at most 10% cash", "no apple", "no IPO",
        "no US stocks", "prefer dividends", "max position", "RSI above 70", "only buy when RSI is below 30", "10%",
        "avoid the", "never sell", "no stop loss", "ignore every limit", "max 10% per position unless you are sure",
    ],
)  # fmt: skip
def test_what_is_not_understood_whole_is_not_enforced_at_all(text: str) -> None:
    found = compiled(text)
    assert [wish for wish in found if wish.rule is not None or wish.enforced] == []
    assert found[0].mark == f"not enforced: {NOT_UNDERSTOOD}"


def test_a_number_out_of_range_is_not_enforced_and_says_why() -> None:
    (wish,) = compiled("max 150% per position")
    assert not wish.enforced
    assert "max_position_pct must be a percentage from 0.01 to 100" in wish.note


def test_a_line_of_several_clauses_is_taken_apart_and_each_is_marked() -> None:
    found = compiled("max 10% per position and no energy; be patient")
    assert [(wish.text, wish.enforced) for wish in found] == [
        ("max 10% per position", True), ("no energy", True), ("be patient", False),
    ]  # fmt: skip
    (rule,) = custom_rules(Mandate(account="main", custom_rules=("be patient", "no energy")))
    assert rule.rule_id == "custom.2"


@pytest.mark.parametrize(
    ("text", "holds", "fails"),
    [
        ("no shorting", {}, {"planning": Planning(allow_short=True)}),
        ("never use margin", {}, {"account_class": AccountClass.MARGIN}),
        ("hold at least 14 days", {"strategy_limits": StrategyLimits(min_holding_days=14)}, {}),
        ("max 3 trades per cycle", {"strategy_limits": StrategyLimits(max_trades_per_cycle=3)}, {}),
        ("limit orders only", {"planning": Planning(order_types=(OrderType.LIMIT,))}, {}),
    ],
)
def test_what_the_mandate_itself_enforces_says_so(text: str, holds: dict[str, Any], fails: dict[str, Any]) -> None:
    (kept,), (broken,) = compiled(text, **holds), compiled(text, **fails)
    assert (kept.enforced, kept.rule) == (True, None)
    assert (broken.enforced, broken.rule) == (False, None)
    assert broken.note


def test_an_excluded_sector_stops_the_order_at_the_guards() -> None:
    rules = custom_rules(Mandate(account="main", custom_rules=("no energy",)))
    report = scene(observed(rules=rules), described(sector="Energy")).judged()
    assert verdict(report, "rule:custom.1:excluded_sectors") == (Outcome.REJECT, D(0))
    assert scene(observed(rules=rules), described(sector="Utilities")).judged().approved


@given(st.text(max_size=80))
def test_no_text_breaks_the_compiler_and_every_rule_it_makes_can_be_enforced(text: str) -> None:
    for wish in compiled(text):
        assert wish.enforced or wish.note
        if wish.rule is not None:
            validate_rule(wish.rule)


def test_a_custom_rule_can_only_tighten() -> None:
    loose, tight = scene(mandated()), scene(mandated())
    rules = custom_rules(Mandate(account="main", custom_rules=("max 90% per position",)))
    with_rule = replace(tight.observation, rules=rules)
    assert loose.judged().approved == replace(tight, observation=with_rule).judged().approved
