"""The strategy: a file, signals or another account become one decision, replayable from its inputs."""

from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal
from typing import cast

import pytest
from tests.unit.plan.build import d, mandate, seen

from prudent.domain.errors import ConfigError, InputError
from prudent.domain.mandate import Mandate
from prudent.domain.proposals import Answer
from prudent.domain.records import Json, canonical
from prudent.ports import DecideContext, MarketData, Strategy
from prudent.strategies.target_weights import TargetWeights

FILES = {
    "json/core.json": '[{"symbol": "MSFT", "weight": 40}, {"symbol": "AAPL", "weight": 60}]',
    "json/fractions.json": '[{"symbol": "MSFT", "weight": 0.4}, {"symbol": "AAPL", "weight": 0.6}]',
    "json/scores.json": '{"signals": [{"symbol": "AAPL", "score": 1}]}',
}


def mirrored(account: str) -> Mapping[str, Decimal]:
    return {"weekly": {"MSFT": d("0.4"), "CASH": d("0.6")}}[account]


WORLD = seen({"AAPL": "150", "MSFT": "240"}, cash="10000")


def account(targets: Json, **more: Json) -> Mandate:
    return replace(mandate(), parameters={"targets": targets, **more})


def context(of: Mandate, others: Mapping[str, Mapping[str, Decimal]] | None = None) -> DecideContext:
    known = others or {}
    return DecideContext(WORLD, of, cast("MarketData", None), lambda name: known.get(name, {}), FILES.__getitem__)


def decide(of: Mandate, others: Mapping[str, Mapping[str, Decimal]] | None = None) -> dict[str, str]:
    strategy: Strategy = TargetWeights()
    decision = strategy.decide(WORLD, of, strategy.gather(context(of, others)))
    assert decision.answer is Answer.TRADE
    return {each.symbol: str(each.weight.normalize()) for each in decision.targets}


def test_a_file_becomes_targets() -> None:
    assert decide(account("json/core.json")) == {"AAPL": "0.6", "MSFT": "0.4"}
    assert TargetWeights().symbols(account("json/core.json"), FILES.__getitem__, mirrored) == ("AAPL", "MSFT")


def test_the_mandate_may_say_the_unit() -> None:
    assert decide(account("json/fractions.json", unit="fraction")) == {"AAPL": "0.6", "MSFT": "0.4"}
    with pytest.raises(InputError, match="unit"):
        decide(account("json/fractions.json"))
    with pytest.raises(ConfigError, match="points"):
        decide(account("json/fractions.json", unit="points"))


def test_signals_are_found_with_or_without_their_prefix() -> None:
    assert decide(account("signals:json/scores.json")) == decide(account("json/scores.json")) == {"AAPL": "0.2"}
    with pytest.raises(InputError, match="signals"):
        decide(account("signals:json/core.json"))


def test_the_inputs_alone_give_the_decision_again() -> None:
    of = account("json/core.json")
    strategy = TargetWeights()
    inputs = strategy.gather(context(of))
    assert inputs["text"] == FILES["json/core.json"]
    assert canonical(inputs)
    assert strategy.decide(WORLD, of, inputs) == strategy.decide(WORLD, of, dict(inputs))


def test_another_accounts_targets_are_mirrored() -> None:
    of = account("account:weekly")
    assert decide(of, {"weekly": {"MSFT": d("0.3"), "AAPL": d("0.2"), "CASH": d("0.5")}}) == {
        "AAPL": "0.2",
        "MSFT": "0.3",
    }


def test_a_mirror_observes_its_universe_and_what_it_mirrors() -> None:
    of = replace(account("account:weekly"), universe=("AAPL",))
    assert TargetWeights().symbols(of, FILES.__getitem__, mirrored) == ("AAPL", "MSFT")


def test_a_mirrored_symbol_that_is_not_observed_is_named() -> None:
    with pytest.raises(InputError, match="NVDA"):
        decide(account("account:weekly"), {"weekly": {"NVDA": d("0.3")}})


def test_a_mirrored_short_needs_permission_here_too() -> None:
    with pytest.raises(InputError, match="long-only"):
        decide(account("account:weekly"), {"weekly": {"AAPL": d("-0.3")}})


def test_an_account_without_targets_yet_abstains() -> None:
    of, strategy = account("account:weekly"), TargetWeights()
    decision = strategy.decide(WORLD, of, strategy.gather(context(of)))
    assert (decision.answer, decision.code) == (Answer.ABSTAIN, "no_targets")


@pytest.mark.parametrize("targets", [None, 5, "", "  ", "account:acc"])
def test_a_source_that_is_none_is_a_wrong_mandate(targets: Json) -> None:
    with pytest.raises(ConfigError, match=r"parameters\.targets"):
        TargetWeights().gather(context(account(targets)))
