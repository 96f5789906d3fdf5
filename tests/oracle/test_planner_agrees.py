"""The planner and the oracle agree on random portfolios: every order to the lot, every amount to the cent."""

from collections.abc import Callable
from decimal import Decimal
from math import ceil

import pytest
from tests.oracle.planner import Expected, expected
from tests.oracle.planner_cases import PlannerCase, mip_case, planner_case

from prudent.domain.mandate import CostModel
from prudent.domain.orders import Effect
from prudent.domain.plans import OrderPlan
from prudent.pipeline.plan import make_plan

SHARDS = 8
TINY = Decimal("1e-9")


def differences(case: PlannerCase, plan: OrderPlan, rules: Expected) -> list[str]:
    """Where the plan is not what the rules ask for; one line each."""
    found = []
    ours = {(order.symbol, order.effect): order.quantity for order in plan.orders}
    if not rules.enough_cash:
        return shrunk(case, plan, rules)
    if ours != rules.quantities():
        return [f"orders {ours} must be {rules.quantities()}"]
    by_key = {(order.symbol, order.effect): order for order in plan.orders}
    for want in rules.orders:
        order = by_key[want.symbol, want.effect]
        for name, got, must in (
            ("side", order.side, want.side),
            ("notional", order.notional, want.notional),
            ("fee", order.estimated_fee, want.fee),
            ("phase", order.phase, want.phase),
            ("forced", order.forced, want.forced),
        ):
            if got != must:
                found.append(f"{name} of {want.symbol} {got} must be {must}")
    if plan.nav != rules.nav or plan.cash_after != rules.cash_after:
        found.append(f"nav, cash after {plan.nav}, {plan.cash_after} must be {rules.nav}, {rules.cash_after}")
    for name, got, must in (
        ("one_way", plan.turnover.one_way, rules.one_way),
        ("gross", plan.turnover.gross, rules.gross),
        ("fund", plan.turnover.fund, rules.fund),
    ):
        if abs(got - must) > TINY:
            found.append(f"turnover {name} {got} must be {must}")
    return found + weight_differences(case, plan, rules)


def weight_differences(case: PlannerCase, plan: OrderPlan, rules: Expected) -> list[str]:
    if case.seen.snapshot.open_orders:
        return []
    return [
        f"reachable weight of {row.symbol} {row.reachable} must be {rules.reachable.get(row.symbol)}"
        for row in plan.weights
        if abs(row.reachable - rules.reachable.get(row.symbol, Decimal(0))) > TINY
    ]


def shrunk(case: PlannerCase, plan: OrderPlan, rules: Expected) -> list[str]:
    """Where cash falls short, buys shrink by one common factor to whole lots, and all else stays as it is.

    Single lots may be handed out of the rest of the cash, so a buy may lie one lot beside the factor's.
    """
    found = []
    want = rules.quantities()
    own = case.mandate.planning.lot_size
    lots = {thing.symbol: own or thing.lot for thing in case.seen.instruments}
    least = max(case.mandate.planning.min_trade_notional, case.mandate.planning.min_trade_fraction * rules.nav)
    ours = {(order.symbol, order.effect): order.quantity for order in plan.orders}
    prices = {order.symbol: order.notional / order.quantity for order in rules.orders}
    low, high = Decimal(0), Decimal(1)
    for (symbol, effect), quantity in want.items():
        got = ours.get((symbol, effect), Decimal(0))
        if effect is not Effect.OPEN and got != quantity:
            found.append(f"{effect} of {symbol} {got} must be {quantity}")
        if effect is Effect.OPEN and got > quantity:
            found.append(f"{symbol} grew from {quantity} to {got}")
        if effect is Effect.OPEN:
            # A buy whose whole lots became smaller than the minimum may have been dropped.
            lot = lots[symbol]
            top = max(got + lot, ceil(least / (prices[symbol] * lot)) * lot if got == 0 else got)
            low, high = max(low, (got - lots[symbol]) / quantity), min(high, top / quantity)
    if low > high:
        found.append(f"no common factor: it must be above {low} and below {high}")
    spent = sum((o.notional + o.estimated_fee for o in plan.orders if o.effect is Effect.OPEN), Decimal(0))
    if spent > max(rules.spendable, Decimal(0)):
        found.append(f"buys cost {spent}, cash that may be spent is {rules.spendable}")
    return found


@pytest.mark.parametrize("shard", range(SHARDS))
def test_planner_and_oracle_agree_on_random_portfolios(shard: int, scale: Callable[[int, int], int]) -> None:
    for seed in range(shard, scale(1_000, 100_000), SHARDS):
        case = planner_case(seed)
        plan = make_plan(case.seen, case.decision, case.mandate, cycle="hand/1/1")
        found = differences(case, plan, expected(case.seen, case.decision, case.mandate))
        assert not found, f"seed {seed}: {found}"


@pytest.mark.parametrize("shard", range(SHARDS))
def test_the_search_for_lots_and_the_oracle_agree(shard: int, scale: Callable[[int, int], int]) -> None:
    for seed in range(shard, scale(80, 4_000), SHARDS):
        case = mip_case(seed)
        plan = make_plan(case.seen, case.decision, case.mandate, cycle="hand/1/1")
        found = differences(case, plan, expected(case.seen, case.decision, case.mandate))
        assert not found, f"seed {seed}: {found}"


def test_the_cases_reach_every_kind_of_order() -> None:
    """A generator that never shorts or never runs out of cash would prove less than it says."""
    plans = [(case, expected(case.seen, case.decision, case.mandate)) for case in map(planner_case, range(320))]
    effects = {order.effect for _case, rules in plans for order in rules.orders}
    assert effects == set(Effect)
    assert {case.mandate.costs for case, _rules in plans} == set(CostModel)
    assert any(not rules.enough_cash for _case, rules in plans)
    assert any(order.forced for _case, rules in plans for order in rules.orders)
    assert any(case.seen.snapshot.open_orders for case, _rules in plans)
