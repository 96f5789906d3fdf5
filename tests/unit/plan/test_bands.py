"""Bands: strictly wider drifts trade, to the target, the middle of the band or its edge."""

import pytest
from tests.unit.plan.build import code, d, mandate, plan_of, planning, seen, told, wants

from prudent.domain.mandate import Planning, RebalanceTo

FIVE_25 = planning(band_absolute=d("0.05"), band_relative=d("0.25"), min_trade_fraction=d(0))
WORLD = seen({"A": "1", "B": "1", "C": "1"}, held={"A": "6600", "B": "2600", "C": "800"})
TARGETS = wants({"A": "0.6", "B": "0.3", "C": "0.1"})


def test_five_points_or_a_quarter_of_the_target_whichever_is_smaller() -> None:
    plan = plan_of(WORLD, TARGETS, mandate(FIVE_25))
    # A is 6 points off, B 4 of its 5, C 2 of its 2.5.
    assert told(plan) == ["1 CLOSE 600 A"]
    assert [code(plan, symbol) for symbol in "ABC"] == ["", "within_band", "within_band"]


def test_a_drift_of_exactly_the_band_stays() -> None:
    relative = planning(band_absolute=d("0.05"), band_relative=d("0.2"))
    # 0.10 - 0.08 is above 0.02 in floating point, and not in money.
    assert "C" not in [order.symbol for order in plan_of(WORLD, TARGETS, mandate(relative)).orders]


def test_one_unit_beyond_the_band_trades() -> None:
    relative = planning(band_absolute=d("0.05"), band_relative=d("0.2"), min_trade_fraction=d(0))
    world = seen({"A": "1", "B": "1", "C": "1"}, held={"A": "6600", "B": "2601", "C": "799"})
    assert "2 OPEN 201 C" in told(plan_of(world, TARGETS, mandate(relative)))


@pytest.mark.parametrize(
    ("stop", "order"),
    [(RebalanceTo.TARGET, "1 CLOSE 600 A"), (RebalanceTo.HALF, "1 CLOSE 350 A"), (RebalanceTo.BAND, "1 CLOSE 100 A")],
)
def test_a_trade_stops_where_the_mandate_says(stop: RebalanceTo, order: str) -> None:
    how = planning(band_absolute=d("0.05"), rebalance_to=stop)
    assert told(plan_of(WORLD, TARGETS, mandate(how))) == [order]


def test_a_buy_stops_below_its_target_too() -> None:
    world = seen({"A": "1"}, cash="6000", held={"A": "4000"})
    how = planning(band_absolute=d("0.05"), rebalance_to=RebalanceTo.BAND)
    assert told(plan_of(world, wants({"A": "0.5"}), mandate(how))) == ["2 OPEN 500 A"]


@pytest.mark.parametrize("how", [FIVE_25, planning(band_absolute=d("0.5"))])
def test_a_target_of_zero_has_no_band(how: Planning) -> None:
    world = seen({"A": "1", "OLD": "1"}, cash="9900", held={"OLD": "100"})
    plan = plan_of(world, wants({"A": "0.6"}), mandate(how))
    assert "1 CLOSE 100 OLD" in told(plan)


def test_all_within_bands_says_so() -> None:
    world = seen({"A": "1", "B": "1"}, held={"A": "5200", "B": "4800"})
    plan = plan_of(world, wants({"A": "0.5", "B": "0.5"}), mandate(FIVE_25))
    assert plan.no_trade_codes == ("within_band",)
