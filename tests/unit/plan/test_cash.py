"""Buys never cost more than there is: fees, reserves of open buys, scaling by one factor, the second phase."""

from dataclasses import replace
from decimal import Decimal

from tests.unit.plan.build import CYCLE, code, d, mandate, order, plan_of, planning, seen, stock, told, wants

from prudent.domain.mandate import Allocator, CostModel
from prudent.domain.plans import OrderPlan
from prudent.pipeline.plan import make_plan, phase_two


def test_fees_are_estimated_and_leave_the_cash() -> None:
    plan = plan_of(seen({"AAA": "10"}, cash="10000"), wants({"AAA": "0.5"}), mandate(costs=CostModel.IBKR_FIXED))
    assert plan.orders[0].estimated_fee == d("2.50")
    assert plan.cash_after == d("4997.50")


def test_fees_count_in_what_is_payable() -> None:
    plan = plan_of(seen({"AAA": "100"}, cash="500"), wants({"AAA": "1"}), mandate(costs=CostModel.IBKR_TIERED))
    # Five cost 500.35, four 400.35.
    assert told(plan) == ["2 OPEN 4 AAA"]
    assert plan.cash_after == d("99.65")
    assert code(plan, "AAA") == "unaffordable"


def test_what_scaling_leaves_buys_single_lots() -> None:
    world, targets = seen({"AAA": "50", "BBB": "10"}, cash="500"), wants({"AAA": "0.5", "BBB": "0.5"})
    plan = plan_of(world, targets, mandate(costs=CostModel.IBKR_TIERED))
    # 5 x 50 and 25 x 10 cost 500.70 with fees; the factor leaves 4.99 and 24.97, and AAA's lot still fits.
    assert told(plan) == ["2 OPEN 5 AAA", "2 OPEN 24 BBB"]


def test_the_floor_allocator_leaves_the_rest_of_scaling() -> None:
    world, targets = seen({"AAA": "50", "BBB": "10"}, cash="500"), wants({"AAA": "0.5", "BBB": "0.5"})
    plan = plan_of(world, targets, mandate(planning(allocator=Allocator.FLOOR), costs=CostModel.IBKR_TIERED))
    assert told(plan) == ["2 OPEN 4 AAA", "2 OPEN 24 BBB"]


def test_open_buys_reserve_what_they_may_cost() -> None:
    waiting = (order("CCC", "BUY", "10", limit="60"),)
    world = seen({"AAA": "10", "CCC": "50"}, cash="1000", open_orders=waiting)
    plan = plan_of(world, wants({"AAA": "0.5", "CCC": "0.5"}))
    # 600 of the 1000 are reserved at the limit; AAA would cost 500.
    assert told(plan) == ["2 OPEN 40 AAA"]
    assert plan.cash_before == d(1000)
    assert plan.cash_after == d(600)


def test_open_sells_add_nothing() -> None:
    waiting = (order("OLD", "SELL", "50"),)
    world = seen({"AAA": "10", "OLD": "10"}, cash="100", held={"OLD": "50"}, open_orders=waiting)
    plan = plan_of(world, wants({"AAA": "1"}))
    assert told(plan) == ["2 OPEN 10 AAA"]


def test_the_plans_own_sells_pay_for_its_buys() -> None:
    world = seen({"AAA": "10", "OLD": "10"}, cash="0", held={"OLD": "50"})
    plan = plan_of(world, wants({"AAA": "1"}), mandate(costs=CostModel.IBKR_FIXED))
    # The sale brings 499.00 and a buy of 49 costs 491.00.
    assert told(plan) == ["1 CLOSE 50 OLD", "2 OPEN 49 AAA"]
    assert plan.cash_after == d("8.00")


THREE = {"AAA": "100", "BBB": "100", "CCC": "100"}


def quarter_plan() -> tuple[OrderPlan, dict[str, Decimal]]:
    world = seen({**THREE, "OLD": "100"}, cash="0", held={"OLD": "160"})
    plan = plan_of(world, wants(dict.fromkeys(THREE, "0.25")))
    assert told(plan)[1:] == ["2 OPEN 40 AAA", "2 OPEN 40 BBB", "2 OPEN 40 CCC"]
    return plan, {each.order_ref: each.quantity for each in plan.orders}


def later(plan: OrderPlan, approved: dict[str, Decimal], *, cash: str, costs: CostModel = CostModel.NONE) -> list[str]:
    lowered = phase_two(plan, seen(THREE, cash=cash), approved, mandate(costs=costs))
    return [f"{each.quantity} {each.symbol}" for each in lowered]


def test_enough_cash_buys_all_that_was_approved() -> None:
    plan, approved = quarter_plan()
    assert later(plan, approved, cash="12000") == ["40 AAA", "40 BBB", "40 CCC"]


def test_buys_shrink_by_one_common_factor() -> None:
    plan, approved = quarter_plan()
    assert later(plan, approved, cash="9000") == ["30 AAA", "30 BBB", "30 CCC"]
    assert later(plan, approved, cash="8999.99") == ["29 AAA", "29 BBB", "29 CCC"]


def test_shrunk_buys_pay_their_fees_too() -> None:
    plan, approved = quarter_plan()
    assert later(plan, approved, cash="9000", costs=CostModel.IBKR_FIXED) == ["29 AAA", "29 BBB", "29 CCC"]
    assert later(plan, approved, cash="9003", costs=CostModel.IBKR_FIXED) == ["30 AAA", "30 BBB", "30 CCC"]


def test_nothing_grows_above_what_was_approved() -> None:
    plan, approved = quarter_plan()
    first = plan.orders[1].order_ref
    assert later(plan, {**approved, first: d(10)}, cash="50000") == ["10 AAA", "40 BBB", "40 CCC"]
    assert later(plan, {first: d(10)}, cash="50000") == ["10 AAA"]


def test_without_cash_nothing_is_bought() -> None:
    plan, approved = quarter_plan()
    assert later(plan, approved, cash="0") == []
    assert later(plan, approved, cash="-5") == []


def test_the_second_phase_reserves_what_still_works() -> None:
    plan, approved = quarter_plan()
    world = seen(THREE, cash="12000", open_orders=(order("CCC", "BUY", "30"),))
    lowered = phase_two(plan, world, approved, mandate())
    assert [each.quantity for each in lowered] == [30, 30, 30]
    assert lowered[0].notional == d(3000)


def test_an_odd_approved_quantity_passes_whole_where_cash_allows() -> None:
    lots = tuple(stock(symbol, lot="10") for symbol in THREE)
    world = seen(THREE, cash="16000", instruments=lots)
    plan = plan_of(world, wants(dict.fromkeys(THREE, "0.25")))
    approved = {each.order_ref: each.quantity for each in plan.orders}
    assert [each.quantity for each in phase_two(plan, world, approved, mandate())] == [40, 40, 40]


def test_a_price_that_went_missing_falls_back_to_the_plans() -> None:
    plan, approved = quarter_plan()
    blind = seen(dict.fromkeys(THREE, None), cash="9000", held={"AAA": "1"})
    assert [each.quantity for each in phase_two(plan, blind, approved, mandate())] == [30, 30, 30]


def test_slices_share_the_quantity_of_their_parent() -> None:
    how = mandate(planning(slices=3))
    world = seen({"AAA": "100"}, cash="1000")
    plan = make_plan(world, wants({"AAA": "1"}), how, cycle=CYCLE)
    assert told(plan) == ["2 OPEN 4 AAA", "2 OPEN 3 AAA", "2 OPEN 3 AAA"]
    assert len({each.order_ref for each in plan.orders}) == 3
    approved = {each.order_ref: each.quantity for each in plan.orders}
    poorer = replace(world, snapshot=replace(world.snapshot, cash=d(650)))
    assert [each.quantity for each in phase_two(plan, poorer, approved, how)] == [4, 2]


def test_each_slice_pays_its_own_minimum_fee() -> None:
    world, targets = seen({"AAA": "100"}, cash="1001.50"), wants({"AAA": "0.999"})
    # Ten at once cost 1001.00, in two slices 1002.00.
    assert told(plan_of(world, targets, mandate(costs=CostModel.IBKR_FIXED))) == ["2 OPEN 10 AAA"]
    sliced = plan_of(world, targets, mandate(planning(slices=2), costs=CostModel.IBKR_FIXED))
    assert told(sliced) == ["2 OPEN 5 AAA", "2 OPEN 4 AAA"]
    assert sliced.cash_after == d("99.50")
