"""Order types that a mandate allows: no other ever leaves the planner, but for a forced exit."""

from dataclasses import replace

import pytest
from tests.unit.plan.build import d, mandate, plan_of, planning, quote, seen, wants

from prudent.domain.orders import OrderType
from prudent.domain.proposals import ExitCause, ForcedExit

NARROW, WIDE = ("99.90", "100.10"), ("95", "105")


@pytest.mark.parametrize(
    ("allowed", "spread", "kind"),
    [
        ((OrderType.LIMIT,), NARROW, OrderType.LIMIT),
        ((OrderType.LIMIT,), WIDE, OrderType.LIMIT),
        ((OrderType.MARKET,), WIDE, OrderType.MARKET),
        ((OrderType.MARKET, OrderType.LIMIT), NARROW, OrderType.MARKET),
        ((OrderType.MARKET, OrderType.LIMIT), WIDE, OrderType.LIMIT),
    ],
)
def test_only_an_allowed_type_is_planned(
    allowed: tuple[OrderType, ...], spread: tuple[str, str], kind: OrderType
) -> None:
    quotes = (quote("AAA", "100", bid=spread[0], ask=spread[1]),)
    world = replace(seen({"AAA": "100"}, cash="1000"), quotes=quotes)
    bought = plan_of(world, wants({"AAA": "0.5"}), mandate(planning(order_types=allowed))).orders[0]
    # 1 % above the price of 100.
    assert (bought.type, bought.limit_price) == (kind, d("101") if kind is OrderType.LIMIT else None)


def test_a_forced_exit_goes_at_the_market_whatever_is_allowed() -> None:
    quotes = (quote("AAA", "100", bid="99.90", ask="100.10"),)
    world = replace(seen({"AAA": "100"}, held={"AAA": "5"}), quotes=quotes)
    gone = ForcedExit(symbol="AAA", quantity=d(5), cause=ExitCause.STOP_LOSS, reason="fell")
    sold = plan_of(world, wants({}, gone), mandate(planning(order_types=(OrderType.LIMIT,)))).orders[0]
    assert (sold.forced, sold.type) == (True, OrderType.MARKET)
