"""Aliases of futures in a plan, and the roll of a month that is no longer the front one."""

from dataclasses import replace
from datetime import date

import pytest
from tests.unit.plan.build import NOW, d, mandate, plan_of, planning, quote, say, seen, stock, told, wants

from prudent.domain.accounts import Position
from prudent.domain.cycles import Observation
from prudent.domain.errors import InputError
from prudent.domain.futures import terms
from prudent.domain.instruments import Instrument
from prudent.domain.mandate import Unlisted
from prudent.domain.proposals import ExitCause, ForcedExit
from prudent.marketdata.instruments import InstrumentMaster
from prudent.pipeline.plan import phase_two
from prudent.pipeline.plan.summary import plan_hash

# From 2022-12-08 the front ES is ESH3.
BEFORE, AFTER = date(2022, 12, 7), date(2022, 12, 8)
PRICES = {"ESZ2": "4000", "ESH3": "4040", "ESM3": "4080", "KO": "60"}


def known(symbol: str) -> Instrument:
    found = InstrumentMaster().find(symbol)
    assert found is not None
    return found


def book(on: date, *, cash: str = "1000000", held: dict[str, str] | None = None, **changes: object) -> Observation:
    """What an account sees on a day that holds `held`, each contract with its terms on that day."""
    dated = [found for symbol in PRICES if (found := terms(symbol, on)) is not None]
    seen_now = seen(PRICES, cash=cash, held=held, instruments=(*(known(each.symbol) for each in dated), stock("KO")))
    return replace(seen_now, futures=tuple(dated), **changes)  # type: ignore[arg-type]


def test_an_alias_is_sized_and_ordered_as_its_front_contract() -> None:
    plan = plan_of(book(BEFORE), wants({"ES1!": "0.50"}))
    # 500,000 / (4,000 x 50) = 2.5 contracts
    assert told(plan) == ["2 OPEN 2 ESZ2"]
    (order,) = plan.orders
    assert (order.alias, order.notional, order.roll) == ("ES1!", d(400_000), "")
    assert plan.cash_after == d(600_000)
    assert "ES1! means ESZ2" in order.reason


def test_the_month_that_is_no_longer_the_front_one_is_rolled_in_one_plan() -> None:
    plan = plan_of(book(AFTER, cash="600000", held={"ESZ2": "2"}), wants({"ES1!": "0.50"}))
    assert told(plan) == ["1 CLOSE 2 ESZ2", "2 OPEN 2 ESH3"]
    assert {(order.alias, order.roll) for order in plan.orders} == {("ES1!", "ESZ2>ESH3")}
    assert all("roll of ES1!, ESZ2 into ESH3" in order.reason for order in plan.orders)


def test_the_old_month_is_rolled_where_unlisted_holdings_are_kept_or_forbidden() -> None:
    for unlisted in (Unlisted.KEEP, Unlisted.ERROR):
        account = mandate(planning(unlisted=unlisted))
        plan = plan_of(book(AFTER, cash="600000", held={"ESZ2": "2"}), wants({"ES1!": "0.50"}), account)
        assert told(plan) == ["1 CLOSE 2 ESZ2", "2 OPEN 2 ESH3"]


def test_a_roll_is_the_account_fully_invested_with_the_money_of_its_old_month() -> None:
    plan = plan_of(book(AFTER, cash="3000", held={"ESZ2": "2"}), wants({"ES1!": "1"}))
    # 403,000 buys one contract of 202,000, and a second one would need 404,000.
    assert told(plan) == ["1 CLOSE 2 ESZ2", "2 OPEN 1 ESH3"]


def test_a_target_of_nothing_closes_the_old_month_and_is_no_roll() -> None:
    plan = plan_of(book(AFTER, cash="600000", held={"ESZ2": "2"}), wants({"ES1!": "0"}))
    assert told(plan) == ["1 CLOSE 2 ESZ2"]
    assert plan.orders[0].roll == ""


def test_a_month_that_is_targeted_by_its_own_name_is_not_rolled() -> None:
    plan = plan_of(book(AFTER, cash="600000", held={"ESZ2": "2"}), wants({"ESZ2": "0.41", "ES1!": "0.21"}))
    assert told(plan) == ["2 OPEN 1 ESH3"]
    assert plan.orders[0].roll == ""


def test_a_later_month_is_not_rolled_back() -> None:
    account = mandate(planning(unlisted=Unlisted.KEEP))
    plan = plan_of(book(AFTER, cash="600000", held={"ESM3": "1"}), wants({"ES1!": "0.30"}), account)
    assert told(plan) == ["2 OPEN 1 ESH3"]
    assert plan.orders[0].roll == ""


def test_a_stopped_month_is_sold_and_not_bought_again_as_the_next() -> None:
    stop = ForcedExit(symbol="ESZ2", quantity=d(2), cause=ExitCause.STOP_LOSS, reason="fell")
    plan = plan_of(book(AFTER, cash="600000", held={"ESZ2": "2"}), wants({"ES1!": "0.50"}, stop))
    assert told(plan) == ["1 CLOSE 2 ESZ2"]
    assert (plan.orders[0].forced, plan.orders[0].roll) == (True, "")


def test_alias_and_contract_are_one_target() -> None:
    with pytest.raises(InputError, match="each symbol must have one target, ESH3 had more"):
        plan_of(book(AFTER), wants({"ES1!": "0.30", "ESH3": "0.30"}))


def test_alias_and_roll_are_in_the_hash_of_a_plan() -> None:
    decision = wants({"ES1!": "0.50"})
    plan = plan_of(book(AFTER, cash="600000", held={"ESZ2": "2"}), decision)
    unnamed = [replace(each, alias="") for each in plan.orders]
    unmarked = [replace(each, roll="") for each in plan.orders]
    variants = (plan.orders, unnamed, unmarked)
    assert len({plan_hash(decision, plan.book, orders, cycle_of="a") for orders in variants}) == 3


def test_a_no_trading_list_may_name_the_alias() -> None:
    plan = plan_of(
        book(BEFORE, held={"ESZ2": "1"}), wants({"ES1!": "0.50"}), mandate(planning(no_trading=("ES1!",)))
    )  # fmt: skip
    assert (told(plan), [each.code for each in plan.blocked]) == ([], ["no_trading"])


def test_a_contract_without_terms_or_of_another_multiplier_is_no_target() -> None:
    undated = replace(book(AFTER), futures=())
    odd = replace(known("ESH3"), multiplier=d(5))
    for observation in (undated, replace(book(AFTER), instruments=(odd,), quotes=(quote("ESH3", "4040"),))):
        with pytest.raises(InputError, match="must be tradable stocks, funds or futures, ESH3 were not"):
            plan_of(observation, wants({"ESH3": "0.50"}))


def test_what_was_not_closed_of_the_old_month_is_not_opened_in_the_new_one() -> None:
    plan = plan_of(book(AFTER, cash="600000", held={"ESZ2": "2"}), wants({"ES1!": "0.50"}))
    approved = {order.order_ref: order.quantity for order in plan.orders}
    half = book(AFTER, cash="800000", held={"ESZ2": "1"}, as_of=NOW)
    assert [say(each) for each in phase_two(plan, half, approved, mandate())] == ["2 OPEN 1 ESH3"]
    none = book(AFTER, cash="600000", held={"ESZ2": "2"})
    assert phase_two(plan, none, approved, mandate()) == ()
    short = replace(none, snapshot=replace(none.snapshot, positions=(Position(symbol="KO", quantity=d(1)),)))
    assert [say(each) for each in phase_two(plan, short, approved, mandate())] == ["2 OPEN 2 ESH3"]
