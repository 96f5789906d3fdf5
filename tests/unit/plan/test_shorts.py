"""Shorts: floored in size, never a remainder lot, proceeds never spent, zero never crossed by one order."""

import pytest
from tests.unit.plan.build import d, mandate, order, plan_of, planning, seen, stock, told, wants

from prudent.domain.errors import InputError
from prudent.domain.mandate import CostModel

SHORTING = mandate(planning(allow_short=True))


def test_a_short_is_a_negative_weight() -> None:
    plan = plan_of(seen({"AAA": "250"}, cash="100000"), wants({"AAA": "-0.30"}), SHORTING)
    assert told(plan) == ["2 SHORT 120 AAA"]
    assert plan.cash_after == d(130000)


def test_a_short_without_permission_is_refused_not_dropped() -> None:
    with pytest.raises(InputError, match="long-only"):
        plan_of(seen({"AAA": "250"}, cash="100000"), wants({"AAA": "-0.30"}))


def test_the_size_of_a_short_is_floored() -> None:
    # 112.9 shares: 112, and no spare lot however large its remainder.
    plan = plan_of(seen({"AAA": "265.72"}, cash="100000"), wants({"AAA": "-0.30"}), SHORTING)
    assert told(plan) == ["2 SHORT 112 AAA"]


def test_proceeds_of_a_new_short_buy_nothing() -> None:
    waiting = (order("CCC", "BUY", "40", limit="10"),)
    world = seen({"AAA": "10", "BBB": "10", "CCC": "10"}, cash="1000", open_orders=waiting)
    plan = plan_of(world, wants({"AAA": "0.7", "BBB": "-0.3", "CCC": "0"}), SHORTING)
    assert told(plan) == ["2 SHORT 30 BBB", "2 OPEN 60 AAA"]


def test_money_that_old_shorts_brought_is_set_aside() -> None:
    world = seen({"AAA": "10", "BBB": "10"}, cash="1400", held={"BBB": "-40"})
    plan = plan_of(world, wants({"AAA": "1", "BBB": "0"}), SHORTING)
    assert told(plan) == ["1 COVER 40 BBB", "2 OPEN 100 AAA"]
    assert plan.cash_after == 0


def test_crossing_zero_downwards_closes_then_shorts() -> None:
    world = seen({"AAA": "10"}, cash="900", held={"AAA": "10"})
    plan = plan_of(world, wants({"AAA": "-0.05"}), SHORTING)
    assert told(plan) == ["1 CLOSE 10 AAA", "2 SHORT 5 AAA"]
    assert plan.orders[0].order_ref != plan.orders[1].order_ref


def test_crossing_zero_upwards_covers_then_buys() -> None:
    world = seen({"AAA": "10"}, cash="1100", held={"AAA": "-10"})
    plan = plan_of(world, wants({"AAA": "0.2"}), SHORTING)
    assert told(plan) == ["1 COVER 10 AAA", "2 OPEN 20 AAA"]


def test_crossing_zero_closes_an_odd_lot_whole() -> None:
    world = seen({"AAA": "10"}, cash="850", held={"AAA": "15"}, instruments=(stock("AAA", lot="10"),))
    plan = plan_of(world, wants({"AAA": "-0.25"}), SHORTING)
    assert told(plan) == ["1 CLOSE 15 AAA", "2 SHORT 20 AAA"]


def test_a_cover_is_net_of_open_buys() -> None:
    world = seen({"AAA": "10"}, cash="1100", held={"AAA": "-10"}, open_orders=(order("AAA", "BUY", "4"),))
    assert told(plan_of(world, wants({"AAA": "0"}), SHORTING)) == ["1 COVER 6 AAA"]


def test_gross_exposure_above_the_mandate_is_refused() -> None:
    world = seen({"AAA": "10", "BBB": "10"}, cash="1000")
    targets = wants({"AAA": "0.9", "BBB": "-0.3"})
    with pytest.raises(InputError, match="120"):
        plan_of(world, targets, SHORTING)
    assert told(plan_of(world, targets, mandate(planning(allow_short=True), gross="1.2"))) == [
        "2 SHORT 30 BBB",
        "2 OPEN 90 AAA",
    ]


def test_the_fee_of_a_short_comes_from_the_cash() -> None:
    how = mandate(planning(allow_short=True), costs=CostModel.IBKR_FIXED)
    plan = plan_of(seen({"AAA": "10", "BBB": "10"}, cash="1000"), wants({"AAA": "0.7", "BBB": "-0.3"}), how)
    assert plan.cash_after == d("598.00")
