"""Once sales are terminal, buys meet the cash that is really there: all of it affordable, or one common factor."""

import random
from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from math import ceil

import pytest
from tests.oracle.planner import cents, fee_of, lines_of, reserved, whole_lots
from tests.oracle.planner_cases import PlannerCase, planner_case

from prudent.domain.orders import Effect
from prudent.domain.plans import OrderPlan, PlannedOrder
from prudent.pipeline.plan import make_plan, phase_two

SHARDS = 4


def later(case: PlannerCase, luck: random.Random) -> PlannerCase:
    """The same account when its sales are done or not: other cash, nothing else."""
    snapshot = case.seen.snapshot
    cash = cents(snapshot.cash * Decimal(luck.choice(["0.05", "0.3", "0.9", "1", "3"])))
    return replace(case, seen=replace(case.seen, snapshot=replace(snapshot, cash=cash)))


def approvals(case: PlannerCase, plan: OrderPlan, luck: random.Random) -> dict[str, Decimal]:
    """Whole, lowered or no quantity for each order of the plan."""
    lots = {thing.symbol: case.mandate.planning.lot_size or thing.lot for thing in case.seen.instruments}
    found = {}
    for order in plan.orders:
        part = Decimal(luck.choice(["1", "1", "0.5", "0"]))
        quantity = order.quantity if part == 1 else whole_lots(order.quantity * part, lots[order.symbol])
        if quantity > 0:
            found[order.order_ref] = quantity
    return found


def spendable(case: PlannerCase) -> Decimal:
    """Cash less what open buys may cost and less what is set aside for short positions."""
    symbols = sorted({quote.symbol for quote in case.seen.quotes})
    lines = lines_of(case.seen, case.mandate.planning, symbols)
    aside = sum((cents(-line.held * line.unit) for line in lines.values() if line.held < 0), Decimal(0))
    return case.seen.snapshot.cash - reserved(case.seen, lines) - aside


def differences(case: PlannerCase, plan: OrderPlan, approved: dict[str, Decimal]) -> list[str]:
    lines = lines_of(case.seen, case.mandate.planning, sorted({quote.symbol for quote in case.seen.quotes}))
    sent = {order.order_ref: order for order in phase_two(plan, case.seen, approved, case.mandate)}
    wanted = [order for order in plan.orders if order.phase == 2 and order.order_ref in approved]
    buys = [order for order in wanted if order.effect is Effect.OPEN]

    def cost(order: PlannedOrder, quantity: Decimal) -> Decimal:
        value = cents(quantity * lines[order.symbol].unit)
        return value + fee_of(case.mandate.costs, quantity, value)

    cash = max(spendable(case), Decimal(0))
    found = [f"{ref} was not approved" for ref in sent if ref not in {order.order_ref for order in wanted}]
    ours = {order.symbol: sent[order.order_ref].quantity if order.order_ref in sent else Decimal(0) for order in buys}
    needed = sum((cost(order, approved[order.order_ref]) for order in buys), Decimal(0))
    spent = sum((cost(order, ours[order.symbol]) for order in buys if ours[order.symbol] > 0), Decimal(0))
    if needed <= cash and any(ours[order.symbol] != approved[order.order_ref] for order in buys):
        found.append(f"cash {cash} pays all of {needed}, but {ours} is sent")
    if spent > cash:
        found.append(f"{spent} is spent of {cash}")
    low, high = Decimal(0), Decimal(1)
    for order in buys:
        most, lot = approved[order.order_ref], lines[order.symbol].lot
        if ours[order.symbol] > most:
            found.append(f"{order.symbol} grew from {most} to {ours[order.symbol]}")
        low, high = max(low, (ours[order.symbol] - lot) / most), min(high, (ours[order.symbol] + lot) / most)
        least = max(case.mandate.planning.min_trade_notional, case.mandate.planning.min_trade_fraction * plan.nav)
        if ours[order.symbol] == 0:
            high = max(high, Decimal(ceil(least / (lines[order.symbol].unit * lot))) * lot / most)
    if low > high:
        found.append(f"no common factor: above {low} and below {high}")
    return found


@pytest.mark.parametrize("shard", range(SHARDS))
def test_the_second_phase_spends_only_cash_that_is_there(shard: int, scale: Callable[[int, int], int]) -> None:
    for seed in range(shard, scale(160, 20_000), SHARDS):
        luck = random.Random(seed)
        case = planner_case(seed)
        plan = make_plan(case.seen, case.decision, case.mandate, cycle="hand/1/1")
        approved = approvals(case, plan, luck)
        found = differences(later(case, luck), plan, approved)
        assert not found, f"seed {seed}: {found}"
