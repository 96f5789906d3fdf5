"""Every guard of the assembled list fires once on the assembled product, and the account obeys it."""

from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest
from scripts.delete_guards import ORDER_LEFT, VERDICT_GONE, delete_all, main
from tests.scenarios.guard_scenarios import SCENARIOS
from tests.scenarios.guard_stage import Scenario, play, prepared_home, set_stage
from tests.scenarios.guard_world import find_orphans
from tests.scenarios.homes import ACCOUNT

from prudent.domain.accounts import TradingState
from prudent.guards.catalogue import BUILT_IN, SETS_STATE
from prudent.guards.user_rules import LIMIT_NAMES


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return prepared_home(tmp_path_factory.mktemp("guards"))


def test_every_guard_has_a_scenario_and_every_scenario_a_guard() -> None:
    assert set(SCENARIOS) == {*BUILT_IN, *(f"rule:{name}" for name in LIMIT_NAMES)}


def test_a_scenario_whose_guard_is_not_alone_says_why() -> None:
    shared = {guard for guard, scenario in SCENARIOS.items() if scenario.beside}
    assert shared == {"M00", "M04", "D09", "D14", "P01", "P19", "P21", "R04", "X06"}


@pytest.mark.parametrize("guard", SCENARIOS)
def test_the_guard_fires_and_the_account_obeys(guard: str, prepared: Path, tmp_path: Path) -> None:
    shown = play(guard, SCENARIOS[guard], prepared, tmp_path)
    assert shown.told, shown.detail
    assert shown.held, shown.detail


@pytest.mark.parametrize("guard", sorted(set(SETS_STATE) - {"R04"}))
def test_the_account_falls_to_the_state_that_the_guard_sets(guard: str, prepared: Path, tmp_path: Path) -> None:
    stage = set_stage(SCENARIOS[guard], prepared, tmp_path)
    stage.cycle()
    state, reason = stage.desk.ledger.state(ACCOUNT)
    assert state is SETS_STATE[guard]
    assert guard in reason


def test_three_orders_of_unknown_fate_take_the_account_to_reducing(prepared: Path, tmp_path: Path) -> None:
    stage = set_stage(Scenario(story="", targets={"AAPL": 10}), prepared, tmp_path)
    find_orphans(stage, ("KO", "JPM", "MSFT"))
    record = stage.cycle()
    assert record.fills == ()
    assert "blocked:R04" in record.no_trade_codes
    assert stage.desk.ledger.state(ACCOUNT)[0] is TradingState.REDUCING


def test_a_deleted_guard_is_missed_by_what_the_account_then_does() -> None:
    deletions = delete_all(("M01", "P08", "P19"), processes=1)
    assert [each.noticed for each in deletions] == [ORDER_LEFT, ORDER_LEFT, VERDICT_GONE]
    assert all(each.caught for each in deletions)


def test_a_deletion_that_changes_nothing_is_reported(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    idle = replace(SCENARIOS["P08"], most=lambda record: Decimal(1_000_000))
    monkeypatch.setitem(SCENARIOS, "P08", idle)
    assert main(["P08", "--processes", "1"]) == 1
    assert "0 of 1 deletions were noticed" in capsys.readouterr().out
