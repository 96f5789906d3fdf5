"""Forced exits: each trigger below, at and above its line, long and short, and none without a price."""

from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal

import pytest
from tests.unit.plan.build import d, mandate, planning, quote, seen, stock

from prudent.domain.accounts import Position
from prudent.domain.cycles import Observation
from prudent.domain.exits import ExitRules, SymbolExits, forced_exits
from prudent.domain.mandate import Exits, Mandate
from prudent.domain.proposals import ExitCause, ForcedExit

NO_RULES = ExitRules()


def holding(
    price: str | None, *, quantity: str = "100", cost: str | None = "50", opened: datetime | None = None
) -> Observation:
    world = seen({"AAA": price}, cash="1000")
    position = Position(
        symbol="AAA", quantity=d(quantity), average_cost=None if cost is None else d(cost), opened=opened
    )
    return replace(world, snapshot=replace(world.snapshot, positions=(position,)))


def exits(**rules: object) -> Mandate:
    values: dict[str, object] = dict(rules)
    return replace(mandate(), exits=replace(Exits(), **values))  # type: ignore[arg-type]


STOP = exits(stop_loss=d("0.08"))
TAKE = exits(take_profit=d("0.25"))


def causes(found: tuple[ForcedExit, ...]) -> list[ExitCause]:
    return [each.cause for each in found]


@pytest.mark.parametrize(
    ("price", "quantity", "fires"),
    [
        ("46.01", "100", False),
        ("46.00", "100", True),
        ("45.99", "100", True),
        ("53.99", "-100", False),
        ("54.00", "-100", True),
        ("54.01", "-100", True),
        ("46.00", "-100", False),
        ("54.00", "100", False),
    ],
)
def test_a_stop_fires_at_its_line(price: str, quantity: str, fires: bool) -> None:  # noqa: FBT001 - a table column
    found = forced_exits(holding(price, quantity=quantity), STOP, NO_RULES)
    assert causes(found) == ([ExitCause.STOP_LOSS] if fires else [])
    assert [each.quantity for each in found] == ([100] if fires else [])


@pytest.mark.parametrize(
    ("price", "quantity", "fires"),
    [("62.49", "100", False), ("62.50", "100", True), ("37.51", "-100", False), ("37.50", "-100", True)],
)
def test_a_take_profit_fires_at_its_line(price: str, quantity: str, fires: bool) -> None:  # noqa: FBT001 - a table column
    found = forced_exits(holding(price, quantity=quantity), TAKE, NO_RULES)
    assert causes(found) == ([ExitCause.TAKE_PROFIT] if fires else [])


@pytest.mark.parametrize("price", [None, "0", "-1", "NaN"])
def test_without_a_price_nothing_fires(price: str | None) -> None:
    everything = exits(stop_loss=d("0.01"), take_profit=d("0.01"), time_stop_days=0)
    rules = ExitRules(symbols={"AAA": SymbolExits(close_all=True)})
    fallen = with_history(holding(price, opened=datetime(2020, 1, 1, tzinfo=UTC)), unit="0.5")
    assert forced_exits(fallen, everything, rules) == ()


@pytest.mark.parametrize("cost", [None, "0"])
def test_without_a_cost_no_stop_fires(cost: str | None) -> None:
    assert forced_exits(holding("1", cost=cost), STOP, NO_RULES) == ()


def test_a_disputed_price_fires_no_stop() -> None:
    world = holding("40")
    disputed = replace(world, quotes=(replace(world.quotes[0], second_price=d("50")),))
    agreed = replace(world, quotes=(replace(world.quotes[0], second_price=d("40.50")),))
    assert forced_exits(disputed, STOP, NO_RULES) == ()
    assert causes(forced_exits(agreed, STOP, NO_RULES)) == [ExitCause.STOP_LOSS]


@pytest.mark.parametrize(
    ("opened", "fires"),
    [(datetime(2022, 11, 23, 20, tzinfo=UTC), True), (datetime(2022, 11, 24, 9, tzinfo=UTC), False)],
)
def test_a_time_stop_fires_on_its_day(opened: datetime, fires: bool) -> None:  # noqa: FBT001 - a table column
    found = forced_exits(holding("50", opened=opened), exits(time_stop_days=5), NO_RULES)
    assert causes(found) == ([ExitCause.TIME_STOP] if fires else [])


def test_a_position_without_an_opening_time_has_no_time_stop() -> None:
    assert forced_exits(holding("50"), exits(time_stop_days=0), NO_RULES) == ()


def test_rules_tighten_the_mandate_and_never_loosen_it() -> None:
    tight = ExitRules(symbols={"AAA": SymbolExits(stop_loss=d("0.05"), take_profit=d("0.10"))})
    loose = ExitRules(symbols={"AAA": SymbolExits(stop_loss=d("0.50"), take_profit=d("0.90"))})
    both = exits(stop_loss=d("0.08"), take_profit=d("0.25"))
    assert causes(forced_exits(holding("47.50"), both, tight)) == [ExitCause.STOP_LOSS]
    assert causes(forced_exits(holding("55.00"), both, tight)) == [ExitCause.TAKE_PROFIT]
    assert causes(forced_exits(holding("46.00"), both, loose)) == [ExitCause.STOP_LOSS]
    assert forced_exits(holding("47.50"), both, loose) == ()


def test_close_all_closes_what_its_rule_names() -> None:
    rules = ExitRules(symbols={"AAA": SymbolExits(close_all=True)})
    assert causes(forced_exits(holding("50", cost=None), mandate(), rules)) == [ExitCause.CLOSE_ALL_BY]
    other = ExitRules(symbols={"BBB": SymbolExits(close_all=True)})
    assert forced_exits(holding("50"), mandate(), other) == ()


def with_history(world: Observation, *, unit: str) -> Observation:
    return replace(world, history=replace(world.history, unit_value=d(unit), peak_unit_value=d(1)))


@pytest.mark.parametrize(("unit", "fires"), [("0.8001", False), ("0.80", True), ("0.75", True)])
def test_a_drawdown_cut_fires_at_its_line(unit: str, fires: bool) -> None:  # noqa: FBT001 - a table column
    found = forced_exits(with_history(holding("50"), unit=unit), mandate(), NO_RULES)
    assert causes(found) == ([ExitCause.DRAWDOWN_CUT] if fires else [])


def test_a_drawdown_cut_fires_once_per_episode() -> None:
    world = with_history(holding("50"), unit="0.7")
    latched = replace(world.history, drawdown_latched=True)
    assert forced_exits(replace(world, history=latched), mandate(), NO_RULES) == ()


def test_an_unknown_peak_cuts_nothing() -> None:
    world = holding("50")
    history = replace(world.history, unit_value=d("0.1"))
    assert forced_exits(replace(world, history=history), mandate(), NO_RULES) == ()


@pytest.mark.parametrize(
    ("quantity", "lot", "cut"),
    [("100", "1", "50"), ("101", "1", "51"), ("1", "1", "1"), ("-7", "1", "4"), ("30", "20", "20"), ("5", "10", "5")],
)
def test_a_drawdown_cut_halves_up_to_the_lot_and_never_more_than_all(quantity: str, lot: str, cut: str) -> None:
    world = replace(with_history(holding("50", quantity=quantity), unit="0.8"), instruments=(stock("AAA", lot=lot),))
    assert [each.quantity for each in forced_exits(world, mandate(), NO_RULES)] == [d(cut)]


def test_a_drawdown_cut_uses_the_mandates_lot() -> None:
    world = with_history(holding("50", quantity="0.7"), unit="0.8")
    found = forced_exits(world, mandate(planning(lot_size=d("0.1"))), NO_RULES)
    assert [each.quantity for each in found] == [Decimal("0.4")]


def test_the_first_of_several_causes_names_the_exit() -> None:
    old = datetime(2020, 1, 1, tzinfo=UTC)
    world = with_history(holding("40", opened=old), unit="0.7")
    everything = exits(stop_loss=d("0.08"), take_profit=d("0.25"), time_stop_days=1)
    closing = ExitRules(symbols={"AAA": SymbolExits(close_all=True)})
    assert causes(forced_exits(world, everything, closing)) == [ExitCause.STOP_LOSS]
    flat = with_history(holding("63", opened=old), unit="0.7")
    assert causes(forced_exits(flat, everything, closing)) == [ExitCause.CLOSE_ALL_BY]
    assert causes(forced_exits(flat, everything, NO_RULES)) == [ExitCause.TAKE_PROFIT]
    even = with_history(holding("50", opened=old), unit="0.7")
    assert causes(forced_exits(even, everything, NO_RULES)) == [ExitCause.TIME_STOP]
    assert causes(forced_exits(even, mandate(), NO_RULES)) == [ExitCause.DRAWDOWN_CUT]


def test_exits_come_by_symbol() -> None:
    world = seen({"BBB": "1", "AAA": "1"})
    positions = tuple(Position(symbol=symbol, quantity=d(5), average_cost=d(9)) for symbol in ("BBB", "AAA"))
    world = replace(world, snapshot=replace(world.snapshot, positions=positions))
    assert [each.symbol for each in forced_exits(world, STOP, NO_RULES)] == ["AAA", "BBB"]


def test_an_exit_tells_price_cost_and_limit() -> None:
    (found,) = forced_exits(replace(holding("46"), quotes=(quote("AAA", "46"),)), STOP, NO_RULES)
    assert found.reason == "long at cost 50, price 46 (-8.00 %); the limit is 8 %"
