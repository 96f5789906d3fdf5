"""EXECUTE: the one place that submits orders; each phase is seen anew, judged anew, sealed, sent once and awaited."""

from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal

from prudent.domain.cycles import Observation, PhaseRecord
from prudent.domain.errors import Temporary
from prudent.domain.mandate import Mandate
from prudent.domain.orders import OrderIntent, OrderReport, OrderStatus
from prudent.domain.plans import OrderPlan, PlannedOrder
from prudent.domain.verdicts import GuardReport
from prudent.guards.report import judge
from prudent.pipeline.observe import observe
from prudent.pipeline.plan import phase_two
from prudent.pipeline.world import World
from prudent.ports import BrokerTraits, RunRef

ALL_AT_ONCE = 0
RAISES_CASH = 1
SPENDS_CASH = 2
WAIT_SECONDS = 60.0


def phases_of(traits: BrokerTraits) -> tuple[int, ...]:
    """Sells, then buys; a venue that transmits nothing sees the whole plan at once."""
    return (RAISES_CASH, SPENDS_CASH) if traits.transmits else (ALL_AT_ONCE,)


def phase_orders(
    plan: OrderPlan, report: GuardReport, phase: int, *, observation: Observation, mandate: Mandate
) -> tuple[PlannedOrder, ...]:
    """The plan's orders of that phase, lowered to what was approved and, when spending, to the cash really there."""
    approved = {each.order_ref: each.quantity for each in report.approved}
    if phase == SPENDS_CASH:
        return phase_two(plan, observation, approved, mandate)
    return tuple(
        replace(order, quantity=approved[order.order_ref])
        for order in plan.orders
        if order.order_ref in approved and phase in (ALL_AT_ONCE, order.phase)
    )


def intents_of(account: str, orders: Sequence[PlannedOrder], report: GuardReport) -> tuple[OrderIntent, ...]:
    """The orders that survived the phase's guards, as intents; nothing but a verdict's quantity can get here."""
    quantities = {each.order_ref: each.quantity for each in report.approved}
    return tuple(
        OrderIntent(
            order_ref=order.order_ref,
            account=account,
            symbol=order.symbol,
            side=order.side,
            quantity=quantities[order.order_ref],
            effect=order.effect,
            type=order.type,
            limit_price=order.limit_price,
            reference_price=order.reference_price,
        )
        for order in orders
        if quantities.get(order.order_ref, Decimal(0)) > 0
    )


def execute(
    world: World, mandate: Mandate, run: RunRef, cycle: int, *, plan: OrderPlan, report: GuardReport
) -> tuple[PhaseRecord, ...]:
    """Send the approved plan, phase by phase; a phase without orders leaves no trace."""
    symbols = tuple(order.symbol for order in plan.orders)
    done: list[PhaseRecord] = []
    for phase in phases_of(world.broker.traits):
        if not any(phase in (ALL_AT_ONCE, order.phase) for order in plan.orders):
            continue
        seen = observe(world, mandate, symbols=symbols)
        orders = phase_orders(plan, report, phase, observation=seen, mandate=mandate)
        judged = judge(seen, orders, mandate, plan_as_of=plan.as_of)
        intents = intents_of(mandate.account, orders, judged)
        world.ledger.approve(run, cycle, intents, at=world.clock.now())
        reports = tuple(_send(world, intent) for intent in intents)
        done.append(
            PhaseRecord(
                phase=phase, observation=seen, report=judged, intents=intents, reports=_await(world, mandate, reports)
            )
        )
    return tuple(done)


def _send(world: World, intent: OrderIntent) -> OrderReport:
    """Write the intent, then the wire, once; there is no second try below this line."""
    stop = world.stop_reason(intent.account)
    if stop is not None:
        return _settled(world, intent, f"stopped before sending: {stop}")
    world.ledger.sending(intent.account, intent.order_ref, seal=intent.seal, at=world.clock.now())
    try:
        report = world.broker.submit(intent)
    except Temporary as error:
        return _settled(world, intent, str(error))
    world.ledger.reported(intent.account, report, at=world.clock.now())
    return report


def _settled(world: World, intent: OrderIntent, message: str) -> OrderReport:
    report = OrderReport(
        order_ref=intent.order_ref,
        symbol=intent.symbol,
        side=intent.side,
        quantity=intent.quantity,
        status=OrderStatus.NOT_SENT,
        message=message,
    )
    world.ledger.reported(intent.account, report, at=world.clock.now())
    return report


def _await(world: World, mandate: Mandate, reports: Sequence[OrderReport]) -> tuple[OrderReport, ...]:
    """The latest report of each order, after all are terminal or the wait is over."""
    waiting = tuple(each.order_ref for each in reports if not each.status.is_done)
    if not waiting:
        return tuple(reports)
    latest = {each.order_ref: each for each in world.broker.wait(mandate.account, waiting, seconds=WAIT_SECONDS)}
    for report in latest.values():
        world.ledger.reported(mandate.account, report, at=world.clock.now())
    return tuple(latest.get(each.order_ref, each) for each in reports)
