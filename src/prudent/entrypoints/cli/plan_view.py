"""A plan and its guard report as a command shows them: the same keys and tables for accounts and the calculator."""

from collections.abc import Iterator

from prudent.domain.mandate import Limits
from prudent.domain.margin import MarginAnswer, Margins
from prudent.domain.money import to_cents
from prudent.domain.plans import OrderPlan, PlannedOrder
from prudent.domain.verdicts import Approved, GuardReport, Outcome, Verdict
from prudent.entrypoints.cli.answer import CHANGES_PROPOSED, DONE, UNKNOWN, Answer, Table, money, percent, quantity

_SILENT = (Outcome.PASS, Outcome.NOT_EVALUATED)


def plan_data(plan: OrderPlan, report: GuardReport, margins: Margins | None = None) -> dict[str, object]:
    """The `data` of `plan --json`; `margin` is null where the venue tells nothing of it."""
    return {
        "plan_hash": plan.plan_hash,
        "account": plan.account,
        "currency": plan.currency,
        "nav": plan.nav,
        "orders": [_order(order) for order in plan.orders],
        "approved": [_approved(plan.order(each.order_ref), each) for each in report.approved if each.quantity > 0],
        "margin": None if margins is None else [_margin(plan, each) for each in margins.answers],
        "cash_before": plan.cash_before,
        "cash_after": plan.cash_after,
        "weights": [
            {"symbol": row.symbol, "current": row.current, "target": row.target, "reachable": row.reachable}
            for row in plan.weights
        ],
        "turnover": {"one_way": plan.turnover.one_way, "gross": plan.turnover.gross, "fund": plan.turnover.fund},
        "verdicts": [_verdict(each) for each in report.verdicts()],
        "blocked": list(blocked(plan, report)),
        "attainable_accuracy": plan.attainable_accuracy,
        "no_trade_codes": list(plan.no_trade_codes),
    }


def blocked(plan: OrderPlan, report: GuardReport) -> Iterator[dict[str, object]]:
    """What cannot trade: symbols the planner had to leave, then orders of which no guard let anything through."""
    for each in plan.blocked:
        yield {"symbol": each.symbol, "code": each.code, "reason": each.reason}
    for verdict in report.verdicts():
        if verdict.outcome is Outcome.REJECT and report.approved_quantity(verdict.order_ref) == 0:
            symbol = plan.order(verdict.order_ref).symbol
            yield {"symbol": symbol, "code": f"blocked:{verdict.guard}", "reason": verdict.reason}


def plan_answer(
    plan: OrderPlan, report: GuardReport, *, detailed: bool, limits: Limits, margins: Margins | None = None
) -> Answer:
    """The answer of `plan`: 0 whenever a plan exists, 10 when asked to tell that there is something to do."""
    return Answer(
        data=plan_data(plan, report, margins),
        blocks=tuple(plan_blocks(plan, report, limits, margins)),
        warnings=plan.warnings,
        exit_code=CHANGES_PROPOSED if detailed and plan.orders else DONE,
    )


def plan_blocks(
    plan: OrderPlan, report: GuardReport, limits: Limits, margins: Margins | None = None
) -> Iterator[str | Table]:
    """Plan, guards and outcome for a person."""
    yield f"account {plan.account}   NAV {money(plan.nav)} {plan.currency}   plan {plan.plan_hash[:12]}"
    yield f"limits in force: {_limits(limits, margins)}"
    yield Table(
        title="Weights",
        columns=("symbol", ">current", ">target", ">reachable"),
        rows=[(w.symbol, percent(w.current), percent(w.target), percent(w.reachable)) for w in plan.weights],
    )
    yield Table(
        title="Plan",
        columns=("phase", "side", ">quantity", "symbol", ">price", ">notional", ">approved", "reason"),
        rows=[_order_row(order, report) for order in plan.orders],
        empty=f"nothing to do ({', '.join(plan.no_trade_codes) or 'no drift'})",
    )
    if margins is not None:
        yield from _margin_blocks(plan, margins)
    spoken = [v for v in report.verdicts() if v.outcome not in _SILENT]
    yield Table(
        title="Guards",
        columns=("guard", "layer", "symbol", "outcome", "reason"),
        rows=[(f"{v.guard} {v.name}", v.layer, plan.order(v.order_ref).symbol, v.outcome, v.reason) for v in spoken],
        empty=f"all {len(report.guards)} let every order through",
    )
    silent = sorted({v.guard for v in report.verdicts() if v.outcome is Outcome.NOT_EVALUATED})
    if silent:
        yield f"not evaluated, for want of input: {', '.join(silent)}"
    for each in plan.blocked:
        yield f"blocked {each.symbol}: {each.code}, {each.reason}"
    turn = plan.turnover
    yield f"cash {money(plan.cash_before)} -> {money(plan.cash_after)} {plan.currency} after these orders"
    yield f"turnover one-way {percent(turn.one_way)}, gross {percent(turn.gross)}, fund {percent(turn.fund)}"
    yield f"attainable accuracy {percent(plan.attainable_accuracy)}"


def _margin_blocks(plan: OrderPlan, margins: Margins) -> Iterator[str | Table]:
    """The venue's word on margin: each answer, and how many orders nobody asked about."""
    if margins.answers:
        yield Table(
            title="Margin, by the venue's word",
            columns=("symbol", ">initial", ">after", ">maintenance after", ">excess after", ">commission", "said"),
            rows=[_margin_row(plan, each) for each in margins.answers],
        )
    left = len(plan.orders) - len(margins.answers)
    if left > 0:
        yield f"margin not asked about: {left} of {len(plan.orders)} orders"


def _margin_row(plan: OrderPlan, answer: MarginAnswer) -> tuple[str, ...]:
    figures = (
        answer.initial_change, answer.initial_after, answer.maintenance_after, answer.excess_after, answer.commission
    )
    said = f"refused: {answer.refused}" if answer.refused else answer.message
    return (
        plan.order(answer.order_ref).symbol, *(UNKNOWN if each is None else money(each) for each in figures),
        said if answer.checked else f"unchecked: {said}",
    )  # fmt: skip


def _margin(plan: OrderPlan, answer: MarginAnswer) -> dict[str, object]:
    return {
        "order_id": answer.order_ref, "symbol": plan.order(answer.order_ref).symbol, "checked": answer.checked,
        "initial_change": answer.initial_change, "initial_after": answer.initial_after,
        "maintenance_change": answer.maintenance_change, "maintenance_after": answer.maintenance_after,
        "equity_change": answer.equity_change, "equity_after": answer.equity_after,
        "excess_after": answer.excess_after, "commission": answer.commission, "refused": answer.refused,
        "message": answer.message,
    }  # fmt: skip


def _limits(limits: Limits, margins: Margins | None) -> str:
    named = {
        "max_position_weight": limits.max_position_weight, "max_sector_weight": limits.max_sector_weight,
        "max_turnover_per_cycle": limits.max_turnover_per_cycle, "max_gross_exposure": limits.max_gross_exposure,
    }  # fmt: skip
    if margins is not None:
        named |= {
            "max_initial_margin": limits.max_initial_margin, "min_excess_liquidity": limits.min_excess_liquidity,
        }  # fmt: skip
    given = [f"{name} {percent(value)}" for name, value in named.items() if value is not None]
    return ", ".join([*given, f"max_trades_per_cycle {limits.max_trades_per_cycle}"])


def _order(order: PlannedOrder) -> dict[str, object]:
    return {
        "id": order.order_ref, "side": order.side, "symbol": order.symbol, "quantity": order.quantity,
        "price": order.reference_price, "notional": order.notional, "phase": order.phase, "reason": order.reason,
        "effect": order.effect, "type": order.type, "limit_price": order.limit_price,
        "estimated_fee": order.estimated_fee, "forced": order.forced, "alias": order.alias, "roll": order.roll,
    }  # fmt: skip


def _approved(order: PlannedOrder, approved: Approved) -> dict[str, object]:
    share = approved.quantity / order.quantity
    return {
        **_order(order),
        "quantity": approved.quantity,
        "notional": to_cents(order.notional * share),
        "waits_for_sells": approved.waits_for_sells,
    }


def _verdict(verdict: Verdict) -> dict[str, object]:
    return {
        "guard": verdict.guard, "name": verdict.name, "layer": verdict.layer, "order_id": verdict.order_ref,
        "outcome": verdict.outcome, "reason": verdict.reason, "quantity": verdict.quantity,
        "observed": verdict.observed, "limit": verdict.limit,
    }  # fmt: skip


def _order_row(order: PlannedOrder, report: GuardReport) -> tuple[str, ...]:
    approved = next((a for a in report.approved if a.order_ref == order.order_ref), None)
    shown = quantity(approved.quantity if approved else 0)
    waits = " after sells" if approved and approved.waits_for_sells else ""
    return (
        str(order.phase), order.side, quantity(order.quantity), order.symbol, money(order.reference_price),
        money(order.notional), shown + waits, order.reason,
    )  # fmt: skip
