"""Names each gap between target and book: what became of every order, and where the rest comes from."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from prudent.domain.cycles import Observation, PhaseRecord, Residual, ResidualCause
from prudent.domain.instruments import CASH
from prudent.domain.money import ZERO, plain, to_cents
from prudent.domain.orders import Fill, OrderReport, OrderStatus
from prudent.domain.plans import BookLine, OrderPlan, PlannedOrder
from prudent.domain.verdicts import GuardReport, Outcome
from prudent.pipeline.plan.summary import weight

QUANTITY_STEP = Decimal("0.000001")

_PLAN_CAUSES = {
    "within_band": ResidualCause.BAND,
    "below_min_trade": ResidualCause.MIN_ORDER,
    "unaffordable": ResidualCause.CASH_SHORT,
    "no_price": ResidualCause.BLOCKED,
    "no_trading": ResidualCause.BLOCKED,
    "not_tradable": ResidualCause.BLOCKED,
    "unknown_instrument": ResidualCause.BLOCKED,
}
_PLAN_DETAILS = {
    ResidualCause.BAND: "inside its band",
    ResidualCause.MIN_ORDER: "the trade was below the minimum",
    ResidualCause.CASH_SHORT: "the cash did not pay for more lots",
}
_STATUS_CAUSES = {
    OrderStatus.WOULD_SEND: ResidualCause.DRY_RUN,
    OrderStatus.REJECTED: ResidualCause.REJECTED,
    OrderStatus.UNKNOWN: ResidualCause.UNKNOWN,
    OrderStatus.ORPHAN: ResidualCause.UNKNOWN,
    OrderStatus.SENDING: ResidualCause.UNKNOWN,
    OrderStatus.NOT_SENT: ResidualCause.BLOCKED,
    OrderStatus.DENIED: ResidualCause.BLOCKED,
}
_REFUSES = (Outcome.REJECT, Outcome.DEFER, Outcome.CLIP)


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """One planned order and what became of it; `allowed` is what guards let through, `intended` what was sent."""

    order: PlannedOrder
    allowed: Decimal
    intended: Decimal
    report: OrderReport | None
    refusals: str

    @property
    def fills(self) -> tuple[Fill, ...]:
        return self.report.fills if self.report else ()

    @property
    def filled(self) -> Decimal:
        """Filled quantity, each execution once, or what the report says where it lists none."""
        by_id = {fill.exec_id: fill.quantity for fill in self.fills}
        return sum(by_id.values(), ZERO) if by_id else (self.report.filled if self.report else ZERO)

    @property
    def expected(self) -> Decimal:
        """What should be live or filled at the broker; nothing where nothing leaves."""
        return ZERO if self.report and self.report.status is OrderStatus.WOULD_SEND else self.intended


def sent_orders(plan: OrderPlan, phases: Sequence[PhaseRecord], report: GuardReport) -> tuple[Sent, ...]:
    """Each order of the plan with its verdicts, its intent and its last report."""
    intents = {intent.order_ref: intent.quantity for phase in phases for intent in phase.intents}
    reports = {each.order_ref: each for phase in phases for each in phase.reports}
    allowed = {each.order_ref: each.quantity for each in report.approved}
    judged = {ref for phase in phases for ref in phase.report.order_refs}
    later = {each.order_ref: each.quantity for phase in phases for each in phase.report.approved}
    found = []
    for order in plan.orders:
        ref = order.order_ref
        most = allowed.get(ref, ZERO)
        # An approved order whose phase never came is still owed.
        owed = ZERO if phases else most
        found.append(
            Sent(
                order=order,
                allowed=min(most, later.get(ref, ZERO)) if ref in judged else most,
                intended=intents.get(ref, owed),
                report=reports.get(ref),
                refusals=_refusals(ref, (report, *(phase.report for phase in phases))),
            )
        )
    return tuple(found)


def _refusals(ref: str, reports: Sequence[GuardReport]) -> str:
    names: dict[str, None] = {}
    for report in reports:
        if ref in report.order_refs:
            row = report.outcomes[report.order_refs.index(ref)]
            names.update({guard.id: None for guard, out in zip(report.guards, row) if out in _REFUSES})
    return ", ".join(names)


def explain(
    plan: OrderPlan,
    sent: Sequence[Sent],
    actual: Mapping[str, Decimal],
    units: Mapping[str, Decimal],
    *,
    after: Observation,
) -> tuple[Residual, ...]:
    """Residuals by symbol and cause; those of one symbol sum to its actual less its target quantity."""
    lines = {line.symbol: line for line in plan.book}
    targets = {row.symbol: row.target for row in plan.weights}
    found: list[Residual] = []
    for symbol in sorted({*lines, *actual}):
        unit = units.get(symbol, ZERO)
        ideal = targets.get(symbol, ZERO) * plan.nav / unit if unit > 0 else ZERO
        own = [each for each in sent if each.order.symbol == symbol]
        gaps = _gaps(lines.get(symbol), own, actual.get(symbol, ZERO), ideal, after)
        for (cause, detail), quantity in gaps.items():
            rounded = quantity.quantize(QUANTITY_STEP)
            if rounded != 0:
                share = weight(quantity * unit / plan.nav) if plan.nav else ZERO
                found.append(Residual(symbol=symbol, cause=cause, quantity=rounded, weight=share, detail=detail))
    return (*found, *_cash_residuals(plan, sent))


Gaps = dict[tuple[ResidualCause, str], Decimal]


def _gaps(
    line: BookLine | None, sent: Sequence[Sent], actual: Decimal, ideal: Decimal, after: Observation
) -> Gaps:  # fmt: skip
    """Signed quantities from the target to what is there, by cause: plan, guards, broker, others."""
    gaps: Gaps = {}
    start = line.quantity if line else ZERO
    planned = start + (line.open_quantity if line else ZERO) + sum((_signed(s, s.order.quantity) for s in sent), ZERO)
    cause = _PLAN_CAUSES.get(line.code if line else "", ResidualCause.ROUNDING)
    _add(gaps, cause, _PLAN_DETAILS.get(cause, _plan_detail(line)), planned - ideal)
    for each in sent:
        refused = _signed(each, each.allowed - each.order.quantity)
        _add(gaps, ResidualCause.BLOCKED, f"refused or shrunk by {each.refusals or 'a guard'}", refused)
        short = _signed(each, each.intended - each.allowed)
        _add(gaps, ResidualCause.CASH_SHORT, "the cash at hand paid for less", short)
        _add(gaps, *_broker_cause(each, after), _signed(each, each.filled - each.intended))
    waiting = _still_open(line, sent, after)
    _add(gaps, ResidualCause.UNFILLED, "an order from before the plan is still open", -waiting)
    fills = sum((_signed(each, each.filled) for each in sent), ZERO)
    before = start + (line.open_quantity if line else ZERO) - waiting
    _add(gaps, ResidualCause.FOREIGN_TRADE, "a change that no order of the plan explains", actual - before - fills)
    return gaps


def _plan_detail(line: BookLine | None) -> str:
    return f"left as it is: {line.code}" if line and line.code in _PLAN_CAUSES else "whole lots and the cash buffer"


def _add(gaps: Gaps, cause: ResidualCause, detail: str, quantity: Decimal) -> None:
    if quantity != 0:
        gaps[cause, detail] = gaps.get((cause, detail), ZERO) + quantity


def _signed(each: Sent, quantity: Decimal) -> Decimal:
    return each.order.side.sign * quantity


def _broker_cause(each: Sent, after: Observation) -> tuple[ResidualCause, str]:
    """Why less was filled than sent."""
    if each.report is None:
        return ResidualCause.UNKNOWN, "no report of this order"
    message = each.report.message
    if each.report.status in _STATUS_CAUSES:
        return _STATUS_CAUSES[each.report.status], message or f"status {each.report.status}"
    if each.filled > 0:
        return ResidualCause.PARTIAL, f"{plain(each.filled)} of {plain(each.intended)} filled"
    if not after.market_open and not each.report.status.is_done:
        return ResidualCause.SESSION_CLOSED, "the market is closed; the order waits"
    return ResidualCause.UNFILLED, message or f"status {each.report.status}"


def _still_open(line: BookLine | None, sent: Sequence[Sent], after: Observation) -> Decimal:
    """Signed rest of live orders on this symbol that are not the plan's, as far as the plan counted on them."""
    if line is None or line.open_quantity == 0:
        return ZERO
    ours = {each.order.order_ref for each in sent}
    rests = (
        o.side.sign * o.remaining
        for o in after.snapshot.open_orders
        if o.symbol == line.symbol and o.order_ref not in ours
    )
    return sum(rests, ZERO)


def _cash_residuals(plan: OrderPlan, sent: Sequence[Sent]) -> tuple[Residual, ...]:
    """What fees and prices away from the plan's took from the cash."""
    fees, moved = ZERO, ZERO
    for each in sent:
        unit = each.order.notional / (each.order.quantity * each.order.reference_price)
        for fill in each.fills:
            fees -= fill.commission
            moved -= fill.side.sign * to_cents((fill.price - each.order.reference_price) * fill.quantity * unit)
    rows = (
        (ResidualCause.FEES, fees, "commissions"),
        (ResidualCause.PRICE_MOVE, moved, "fills away from the plan's prices"),
    )
    return tuple(
        Residual(
            symbol=CASH,
            cause=cause,
            quantity=amount,
            weight=weight(amount / plan.nav) if plan.nav else ZERO,
            detail=detail,
        )
        for cause, amount, detail in rows
        if amount != 0
    )
