"""What cannot be priced or traded: a held one stops the plan, a targeted one is an error, a listed one is left."""

from dataclasses import replace

import pytest
from tests.unit.plan.build import code, d, mandate, order, plan_of, planning, seen, stock, told, wants

from prudent.domain.accounts import Position
from prudent.domain.cycles import Observation
from prudent.domain.errors import BlockedError, InputError
from prudent.domain.instruments import Instrument, InstrumentKind
from prudent.domain.mandate import Mandate
from prudent.domain.proposals import ExitCause, ForcedExit

PARTIAL = mandate(planning(allow_partial=True))


@pytest.mark.parametrize("price", [None, "0", "-1", "NaN"])
def test_a_held_symbol_without_a_price_stops_the_whole_plan(price: str | None) -> None:
    world = seen({"AAA": "10", "OLD": price}, cash="1000", held={"OLD": "5"})
    with pytest.raises(BlockedError, match="OLD"):
        plan_of(world, wants({"AAA": "0.5"}))


def test_a_held_symbol_without_a_rate_stops_the_whole_plan() -> None:
    lots = (stock("AAA"), stock("SAP", currency="EUR"))
    world = seen({"AAA": "10", "SAP": "100"}, cash="1000", held={"SAP": "5"}, instruments=lots)
    with pytest.raises(BlockedError, match=r"FX rate.*SAP"):
        plan_of(world, wants({"AAA": "0.5"}))


@pytest.mark.parametrize(("price", "was"), [(None, "missing"), ("0", "0"), ("-1", "-1"), ("NaN", "NaN")])
def test_a_targeted_symbol_without_a_price_is_wrong_input(price: str | None, was: str) -> None:
    with pytest.raises(InputError, match=f"AAA must be above 0, was {was}"):
        plan_of(seen({"AAA": price}, cash="1000"), wants({"AAA": "0.5"}))


def test_a_targeted_symbol_without_a_rate_is_wrong_input() -> None:
    world = seen({"SAP": "100"}, cash="1000", instruments=(stock("SAP", currency="EUR"),))
    with pytest.raises(InputError, match="FX rate of targeted SAP"):
        plan_of(world, wants({"SAP": "0.5"}))


def with_cost(observation: Observation, symbol: str, cost: str) -> Observation:
    positions = tuple(
        replace(p, average_cost=d(cost)) if p.symbol == symbol else p for p in observation.snapshot.positions
    )
    return replace(observation, snapshot=replace(observation.snapshot, positions=positions))


def test_a_partial_plan_freezes_what_has_no_price_at_its_last_known_value() -> None:
    world = with_cost(seen({"AAA": "10", "OLD": None}, cash="900", held={"OLD": "5"}), "OLD", "20")
    plan = plan_of(world, wants({"AAA": "0.5"}), PARTIAL)
    assert plan.nav == d(1000)
    assert told(plan) == ["2 OPEN 50 AAA"]
    assert [(each.symbol, each.code) for each in plan.blocked] == [("OLD", "no_price")]
    assert "100.00" in plan.warnings[0]


def test_a_partial_plan_without_any_known_value_says_that_nav_leaves_it_out() -> None:
    plan = plan_of(seen({"AAA": "10", "OLD": None}, cash="900", held={"OLD": "5"}), wants({"AAA": "0.5"}), PARTIAL)
    assert plan.nav == d(900)
    assert "leaves it out" in plan.warnings[0]


def test_the_weight_of_a_frozen_symbol_is_not_spread_over_the_others() -> None:
    world = with_cost(seen({"AAA": "10", "OLD": None}, cash="900", held={"OLD": "5"}), "OLD", "20")
    plan = plan_of(world, wants({"AAA": "0.5", "OLD": "0.5"}), PARTIAL)
    assert told(plan) == ["2 OPEN 50 AAA"]


def test_a_partial_plan_leaves_a_targeted_symbol_that_has_no_price() -> None:
    plan = plan_of(seen({"AAA": "10", "NEW": None}, cash="1000"), wants({"AAA": "0.5", "NEW": "0.5"}), PARTIAL)
    assert told(plan) == ["2 OPEN 50 AAA"]
    assert code(plan, "NEW") == "no_price"


def test_a_price_that_is_no_price_is_wrong_even_for_a_partial_plan() -> None:
    with pytest.raises(InputError, match="NEW"):
        plan_of(seen({"NEW": "0"}, cash="1000"), wants({"NEW": "0.5"}), PARTIAL)


def test_an_open_buy_without_a_price_stops_the_plan() -> None:
    world = seen({"AAA": "10"}, cash="1000", open_orders=(order("NEW", "BUY", "5"),))
    with pytest.raises(BlockedError, match="open buy of NEW"):
        plan_of(world, wants({"AAA": "0.5"}))
    assert told(plan_of(world, wants({"AAA": "0.5"}), PARTIAL)) == []


def test_an_open_buy_with_a_limit_needs_no_price() -> None:
    world = seen({"AAA": "10"}, cash="1000", open_orders=(order("NEW", "BUY", "5", limit="120"),))
    assert told(plan_of(world, wants({"AAA": "0.5"}))) == ["2 OPEN 40 AAA"]


def exit_of(symbol: str) -> ForcedExit:
    return ForcedExit(symbol=symbol, quantity=d(50), cause=ExitCause.STOP_LOSS, reason="fell")


NEVER = mandate(planning(no_trading=("OLD",)))


@pytest.mark.parametrize("exits", [(), (exit_of("OLD"),)])
def test_a_symbol_listed_under_no_trading_is_never_touched(exits: tuple[ForcedExit, ...]) -> None:
    world = seen({"AAA": "10", "OLD": "10"}, cash="500", held={"OLD": "50"})
    plan = plan_of(world, wants({"AAA": "0.5"}, *exits), NEVER)
    assert told(plan) == ["2 OPEN 50 AAA"]
    assert [(each.symbol, each.code) for each in plan.blocked] == [("OLD", "no_trading")]


def option(symbol: str) -> Instrument:
    return Instrument(symbol=symbol, venue="SMART", kind=InstrumentKind.OPTION)


def test_options_are_left_to_their_own_strategy() -> None:
    lots = (stock("AAA"), option("OPT"))
    world = seen({"AAA": "10", "OPT": "10"}, cash="500", held={"OPT": "50"}, instruments=lots)
    plan = plan_of(world, wants({"AAA": "0.5"}))
    assert told(plan) == ["2 OPEN 50 AAA"]
    assert code(plan, "OPT") == "not_tradable"
    with pytest.raises(InputError, match="OPT"):
        plan_of(world, wants({"OPT": "0.5"}))


def test_a_holding_that_nobody_knows_is_left() -> None:
    world = seen({"AAA": "10", "ODD": "10"}, cash="500", held={"ODD": "50"}, instruments=(stock("AAA"),))
    plan = plan_of(world, wants({"AAA": "0.5"}))
    assert told(plan) == ["2 OPEN 50 AAA"]
    assert code(plan, "ODD") == "unknown_instrument"


@pytest.mark.parametrize("account", [mandate(), PARTIAL])
def test_a_quantity_that_is_no_number_is_wrong_input(account: Mandate) -> None:
    world = seen({"AAA": "10"}, cash="500")
    snapshot = replace(world.snapshot, positions=(Position(symbol="AAA", quantity=d("NaN")),))
    with pytest.raises(InputError, match="quantity of AAA"):
        plan_of(replace(world, snapshot=snapshot), wants({"AAA": "0.5"}), account)


def test_an_account_below_zero_is_stopped() -> None:
    with pytest.raises(BlockedError, match="below 0"):
        plan_of(seen({"AAA": "10"}, cash="-500"), wants({"AAA": "0.5"}))
