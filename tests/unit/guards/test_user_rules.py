"""User rules: what is refused, what each parameter means, and the exits that they set."""

from datetime import UTC, datetime, time
from decimal import Decimal
from typing import Any

import pytest
from tests.unit.guards.build import D, at_time, holding, observed, rule_of, scene, verdict

from prudent.domain.errors import InputError
from prudent.domain.exits import ExitRules, SymbolExits
from prudent.domain.rules import RuleCategory, UserRule
from prudent.domain.verdicts import Outcome
from prudent.guards.user_rules import NUMBERS, exit_rules, in_scope, is_between, rule_limits, validate_rule


@pytest.mark.parametrize(
    "params",
    [
        {"max_position_pct": "10"}, {"max_position_pct": "10%"}, {"max_position_pct": 10}, {"max_positions": 0},
        {"blackout_start": "22:00", "blackout_end": "06:00", "blackout_timezone": "Europe/Berlin"},
        {"close_all_by": "15:45"}, {"approved_symbols": ["AAPL", "brk-b"]}, {"approved_symbols": "AAPL,MSFT"},
        {"take_profit_pct": "150"}, {"stop_loss_pct": "8", "take_profit_pct": "20"},
    ],
)  # fmt: skip
def test_a_rule_that_code_enforces_is_accepted(params: dict[str, Any]) -> None:
    rule = rule_of(enforcement_params=params)
    validate_rule(rule)
    assert "unreadable" not in [limit.parameter for limit in rule_limits(rule, None)]


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({}, "must have a parameter that code enforces, had none"),
        ({"blackout_timezone": "Europe/Berlin"}, "must have a parameter that code enforces, had none"),
        ({"max_positon_pct": "10"}, "did you mean max_position_pct?"),
        ({"moon_phase": "full"}, "no code enforces the parameter 'moon_phase'; known parameters are max_position_pct"),
        ({"max_position_pct": "0"}, "max_position_pct must be a percentage from 0.01 to 100, was 0"),
        ({"max_position_pct": "101"}, "was 101"),
        ({"max_position_pct": "NaN"}, "max_position_pct must be a finite number"),
        ({"max_position_pct": "ten"}, "max_position_pct must be a number, was 'ten'"),
        ({"max_position_pct": None}, "max_position_pct must be a percentage"),
        ({"max_position_pct": True}, "was True"),
        ({"max_positions": "2.5"}, "max_positions must be a whole number from 0 to 100000, was 2.5"),
        ({"max_position_dollars": "-1"}, "max_position_dollars must be a number from 0.01"),
        ({"max_position_dollars": "10%"}, "max_position_dollars must be a number"),
        ({"rsi_max_entry": 101}, "rsi_max_entry must be a number from 0 to 100"),
        ({"blackout_start": "09:30"}, "blackout_end must be a time"),
        ({"blackout_start": "9.30", "blackout_end": "10:00"}, "blackout_start must be a time from 00:00 to 23:59"),
        ({"blackout_start": "09:30", "blackout_end": "09:30"}, "blackout_end must differ"),
        (
            {"blackout_start": "09:30", "blackout_end": "10:00", "blackout_timezone": "Mars/Olympus"},
            "blackout_timezone must be a zone like America/New_York, was 'Mars/Olympus'",
        ),
        ({"close_all_by": "24:00"}, "close_all_by must be a time"),
        ({"approved_symbols": []}, "approved_symbols must be a list of symbols"),
        ({"approved_symbols": [1]}, "approved_symbols must be a list of symbols"),
        ({"approved_symbols": "AAPL,?"}, "symbol must be a ticker"),
        ({"excluded_symbols": []}, "excluded_symbols must be a list of symbols"),
        ({"excluded_sectors": "Tobacco"}, "excluded_sectors must be among Communication Services"),
        ({"excluded_kinds": ["bond"]}, "excluded_kinds must be among stock, etf"),
    ],
)  # fmt: skip
def test_a_rule_that_code_could_not_enforce_is_refused(params: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError) as refused:
        validate_rule(rule_of(enforcement_params=params))
    assert message in str(refused.value)


def test_the_scope_of_a_rule_is_checked_too() -> None:
    with pytest.raises(InputError, match="applies_to_assets must name kinds among stock, etf"):
        validate_rule(rule_of(enforcement_params={"max_positions": 1}, applies_to_assets=("stocks",)))
    with pytest.raises(InputError, match="symbol must be a ticker"):
        validate_rule(rule_of(enforcement_params={"max_positions": 1}, applies_to_symbols=("A A A A",)))


def test_a_percentage_is_written_as_people_say_it() -> None:
    assert NUMBERS["max_position_pct"].read("max_position_pct", "12.5%") == D("0.125")
    assert NUMBERS["stop_loss_pct"].read("stop_loss_pct", 8) == D("0.08")


def test_kinds_and_symbols_narrow_a_rule_and_exclusions_always_win() -> None:
    rule = rule_of(applies_to_assets=("etf",), applies_to_symbols=("SPY", "brk-b"), exclude_symbols=("QQQ",))
    assert in_scope(rule, "SPY", "etf")
    assert not in_scope(rule, "SPY", "stock")
    assert not in_scope(rule, "VTI", "etf")
    assert not in_scope(rule_of(exclude_symbols=("QQQ",)), "QQQ", "etf")
    assert in_scope(rule_of(applies_to_symbols=("brk-b",)), "BRK.B", "stock")


@pytest.mark.parametrize(
    ("now", "inside"),
    [("21:59", False), ("22:00", True), ("23:59", True), ("00:00", True), ("05:59", True), ("06:00", False)],
)
def test_a_window_may_cross_midnight(now: str, inside: bool) -> None:  # noqa: FBT001
    assert is_between(time.fromisoformat(now), time(22), time(6)) is inside


def test_a_window_holds_without_a_moment_to_look_at() -> None:
    (limit,) = rule_limits(rule_of(enforcement_params={"close_all_by": "15:45"}), None)
    assert limit.limit == D(1)


def test_a_rule_that_is_switched_off_does_nothing() -> None:
    off = rule_of(enforcement_params={"max_positions": 0}, is_active=False)
    report = scene(observed(rules=(off,))).judged()
    assert report.approved
    assert not [label for label in report.guards if label.id.startswith("rule:")]


def test_rules_stand_in_the_order_of_their_priority_and_all_of_them_hold() -> None:
    def rule(name: str, priority: int, percent: str) -> UserRule:
        return UserRule(
            rule_id=name, rule_name=name, rule_category=RuleCategory.RISK, priority=priority,
            enforcement_params={"max_position_pct": percent},
        )  # fmt: skip

    report = scene(observed(rules=(rule("late", 9, "0.5"), rule("early", 1, "0.7")))).judged()
    assert [g.id for g in report.guards if g.id.startswith("rule:")] == [
        "rule:early:max_position_pct", "rule:late:max_position_pct",
    ]  # fmt: skip
    assert verdict(report, "rule:early:max_position_pct") == (Outcome.CLIP, D(6))
    assert report.approved_quantity("AAA-OPEN") == D(4)


def exits(*rules: UserRule, at: datetime | None = None) -> ExitRules:
    changes = (holding(AAA=10, BBB=-5), observed(rules=rules))
    return exit_rules(scene(*changes, *((at_time(at),) if at else ())).observation)


def test_the_tightest_stop_and_target_of_each_symbol_are_found() -> None:
    wide = rule_of(enforcement_params={"stop_loss_pct": "10", "take_profit_pct": "30"})
    tight = rule_of(enforcement_params={"stop_loss_pct": "8"}, applies_to_symbols=("AAA",))
    off = rule_of(enforcement_params={"stop_loss_pct": "1"}, is_active=False)
    assert exits(wide, tight, off) == ExitRules(
        symbols={
            "AAA": SymbolExits(stop_loss=D("0.08"), take_profit=D("0.30")),
            "BBB": SymbolExits(stop_loss=D("0.10"), take_profit=D("0.30")),
        }
    )


def test_everything_is_closed_from_the_time_on() -> None:
    rule = rule_of(enforcement_params={"close_all_by": "15:45"}, exclude_symbols=("BBB",))
    assert exits(rule, at=datetime(2022, 11, 28, 20, 44, tzinfo=UTC)) == ExitRules()
    closing = ExitRules(symbols={"AAA": SymbolExits(close_all=True)})
    assert exits(rule, at=datetime(2022, 11, 28, 20, 45, tzinfo=UTC)) == closing
    # In July New York is an hour nearer to UTC.
    assert exits(rule, at=datetime(2022, 7, 1, 19, 45, tzinfo=UTC)) == closing


def test_a_rule_that_cannot_be_read_sets_no_exit() -> None:
    assert exits(rule_of(enforcement_params={"stop_loss_pct": "much"})) == ExitRules()


def test_a_stop_alone_adds_no_guard() -> None:
    assert rule_limits(rule_of(enforcement_params={"stop_loss_pct": "8"}), None) == ()
    assert Decimal("0.08") == NUMBERS["stop_loss_pct"].read("stop_loss_pct", "8")
