"""Every guard of the assembled list fires once on the assembled product, and the account obeys it."""

from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest
from scripts.delete_guards import ORDER_LEFT, VERDICT_GONE, delete_all, main
from tests.scenarios.guard_scenarios import SCENARIOS
from tests.scenarios.guard_stage import play, prepared_home

from prudent.guards.catalogue import BUILT_IN
from prudent.guards.user_rules import LIMIT_NAMES


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return prepared_home(tmp_path_factory.mktemp("guards"))


def test_every_guard_has_a_scenario_and_every_scenario_a_guard() -> None:
    assert set(SCENARIOS) == {*BUILT_IN, *(f"rule:{name}" for name in LIMIT_NAMES)}


def test_a_scenario_whose_guard_is_not_alone_says_why() -> None:
    shared = {guard for guard, scenario in SCENARIOS.items() if scenario.beside}
    assert shared == {"M04", "D09", "D14", "P01", "P19", "P21"}


@pytest.mark.parametrize("guard", SCENARIOS)
def test_the_guard_fires_and_the_account_obeys(guard: str, prepared: Path, tmp_path: Path) -> None:
    shown = play(guard, SCENARIOS[guard], prepared, tmp_path)
    assert shown.told, shown.detail
    assert shown.held, shown.detail


def test_a_deleted_guard_is_missed_by_what_the_account_then_does() -> None:
    deletions = delete_all(("M00", "P08", "P19"), processes=1)
    assert [each.noticed for each in deletions] == [ORDER_LEFT, ORDER_LEFT, VERDICT_GONE]
    assert all(each.caught for each in deletions)


def test_a_deletion_that_changes_nothing_is_reported(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    idle = replace(SCENARIOS["P08"], most=lambda record: Decimal(1_000_000))
    monkeypatch.setitem(SCENARIOS, "P08", idle)
    assert main(["P08", "--processes", "1"]) == 1
    assert "0 of 1 deletions were noticed" in capsys.readouterr().out
