"""Mirrored facts turn what prices did, leave what is held, and turned twice are what they were."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.backtest.masks import STYLES, Told, home, play, request

from prudent.backtest.mirrored import mirrored_facts
from prudent.bootstrap import Desk
from prudent.domain.records import Json

KEPT = ("positions", "room", "mandate", "account", "cooldowns", "past", "rules", "custom_rules", "as_of")


@pytest.fixture(scope="session")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Desk:
    return home(tmp_path_factory.mktemp("mirrored") / "home")


@pytest.mark.parametrize("account", [each for each in STYLES if each != "monthly_value"])
def test_every_style_s_facts_come_back_and_keep_the_account(desk: Desk, account: str) -> None:
    model = Told()
    play(desk, request(desk, account), model)
    for question in model.asked[-2:]:
        once = mirrored_facts(question.facts)
        assert mirrored_facts(once) == question.facts
        assert once != question.facts
        assert {name: once.get(name) for name in KEPT} == {name: question.facts.get(name) for name in KEPT}


decimals = st.decimals(min_value=-1, max_value=1, places=4, allow_nan=False)


@given(decimals.filter(lambda each: each != 0), st.decimals(min_value=50, max_value=150, places=4))
def test_a_rise_is_a_fall_and_above_is_below(change: object, average: object) -> None:
    facts: dict[str, Json] = {"symbols": [
        {"symbol": "X", "price": "100", "change": str(change), "indicators": {"sma_50": str(average), "rsi_14": "70"}}
    ]}  # fmt: skip
    row = mirrored_facts(facts)["symbols"]
    assert isinstance(row, list)
    assert isinstance(row[0], dict)
    shown = row[0]["indicators"]
    assert isinstance(shown, dict)
    assert float(str(row[0]["change"])) == -float(str(change))
    assert float(str(shown["sma_50"])) == pytest.approx(200 - float(str(average)))
    assert shown["rsi_14"] == "30"
    assert row[0]["price"] == "100"
