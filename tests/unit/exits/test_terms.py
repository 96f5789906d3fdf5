"""Terms of a position tighten its exits and never loosen them."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from tests.unit.exits.test_exits import causes, exits, holding
from tests.unit.plan.build import d

from prudent.domain.cycles import Observation
from prudent.domain.exits import ExitRules, SymbolExits, forced_exits
from prudent.domain.mandate import Mandate
from prudent.domain.proposals import ExitCause
from prudent.domain.reasoning import Terms

NONE = exits()


def on_terms(world: Observation, **told: object) -> Observation:
    terms = Terms(symbol="AAA", **told)  # type: ignore[arg-type]
    return replace(world, history=replace(world.history, terms=(Terms(symbol="BBB", stop_loss=d("0.001")), terms)))


def fired(world: Observation, mandate: Mandate = NONE, rules: ExitRules | None = None) -> list[ExitCause]:
    return causes(forced_exits(world, mandate, rules or ExitRules()))


# The cost is 50: a stop of 6 % stands at 47, a target of 20 % at 60.
@pytest.mark.parametrize(("price", "fires"), [("47.01", False), ("47.00", True), ("46.99", True)])
def test_the_stop_of_an_idea_fires_at_its_line(price: str, fires: bool) -> None:  # noqa: FBT001 - a table column
    assert fired(on_terms(holding(price), stop_loss=d("0.06"))) == ([ExitCause.STOP_LOSS] if fires else [])


@pytest.mark.parametrize(("price", "fires"), [("59.99", False), ("60.00", True)])
def test_the_target_of_an_idea_fires_at_its_line(price: str, fires: bool) -> None:  # noqa: FBT001 - a table column
    assert fired(on_terms(holding(price), take_profit=d("0.20"))) == ([ExitCause.TAKE_PROFIT] if fires else [])


def test_a_short_is_mirrored() -> None:
    assert fired(on_terms(holding("53", quantity="-100"), stop_loss=d("0.06"))) == [ExitCause.STOP_LOSS]
    assert fired(on_terms(holding("47", quantity="-100"), stop_loss=d("0.06"))) == []


@pytest.mark.parametrize("looser", ["0.20", "0.0801", "0", "-1", "NaN"])
def test_a_looser_or_senseless_stop_leaves_the_mandates_where_it_is(looser: str) -> None:
    mandate = exits(stop_loss=d("0.08"), take_profit=d("0.25"))
    for price in ("46.01", "46.00", "62.49", "62.50"):
        plain = holding(price)
        assert fired(on_terms(plain, stop_loss=Decimal(looser), take_profit=Decimal("9")), mandate) == fired(
            plain, mandate
        )


def test_the_tightest_of_mandate_rule_and_terms_decides() -> None:
    mandate = exits(stop_loss=d("0.10"))
    rules = ExitRules(symbols={"AAA": SymbolExits(stop_loss=d("0.06"))})
    # At 47.5 only the idea's 5 % has come, at 47 the rule's 6 % as well.
    assert fired(on_terms(holding("47.5"), stop_loss=d("0.05")), mandate, rules) == [ExitCause.STOP_LOSS]
    assert fired(holding("47.5"), mandate, rules) == []
    assert fired(on_terms(holding("47"), stop_loss=d("0.20")), mandate, rules) == [ExitCause.STOP_LOSS]


def test_the_time_stop_counts_from_when_the_terms_began() -> None:
    world = holding("50", opened=datetime(2020, 1, 1, tzinfo=UTC))
    day = datetime(world.session.year, world.session.month, world.session.day, tzinfo=UTC)
    due = on_terms(world, time_stop_days=10, since=day - timedelta(days=10))
    early = on_terms(world, time_stop_days=10, since=day - timedelta(days=9))
    assert (fired(due), fired(early)) == ([ExitCause.TIME_STOP], [])
    assert fired(early, exits(time_stop_days=5)) == [ExitCause.TIME_STOP]


def test_terms_of_another_symbol_and_a_missing_price_fire_nothing() -> None:
    assert fired(on_terms(holding("49.99"))) == []
    assert fired(on_terms(holding(None), stop_loss=d("0.001"), time_stop_days=0)) == []
