"""Every guard of the assembled list fires once on the assembled product, and the account does not do what it forbids."""

from pathlib import Path

import pytest
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
