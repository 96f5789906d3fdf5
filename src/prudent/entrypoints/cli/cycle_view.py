"""A finished cycle as a command shows it: what was sent, what came back, and whether the book agrees."""

from collections.abc import Iterator

from prudent.domain.accounts import Mode
from prudent.domain.cycles import CycleRecord, Reconciliation, ResidualCause
from prudent.domain.errors import BlockedError, ConfirmationMissing, Temporary, VerificationMismatch
from prudent.domain.margin import Margins
from prudent.domain.orders import OrderReport, OrderStatus
from prudent.domain.proposals import Answer as Answered
from prudent.domain.verdicts import Outcome
from prudent.entrypoints.cli.answer import DONE, UNKNOWN, Answer, Problem, Table, money, percent, quantity
from prudent.entrypoints.cli.plan_view import plan_blocks, plan_data

_NEVER_LEFT = (OrderStatus.NOT_SENT, OrderStatus.WOULD_SEND, OrderStatus.DENIED)
UNARMED = "blocked:M06"
_FAILED = (OrderStatus.REJECTED, OrderStatus.NOT_SENT, OrderStatus.UNKNOWN, OrderStatus.EXPIRED)
_STOPS = (Outcome.REJECT, Outcome.DEFER, Outcome.CLIP)


def reports_of(record: CycleRecord) -> tuple[OrderReport, ...]:
    """The last report of each order that reached execution, in the order of sending."""
    return tuple(report for phase in record.phases for report in phase.reports)


def margins_of(record: CycleRecord) -> Margins | None:
    """What the venue said of margin when the plan was judged; None where it tells nothing of it."""
    return (record.guarded or record.observation).margins


def cycle_data(record: CycleRecord) -> dict[str, object]:
    """The `data` of `rebalance --json` and `run --json`."""
    reports = reports_of(record)
    return {
        "cycle": record.id,
        "account": record.account,
        "mode": record.mode,
        "status": record.status,
        "as_of": record.observation.as_of,
        "submitted": sum(report.status not in _NEVER_LEFT for report in reports),
        "submitted_orders": [_report(report) for report in reports],
        "errors": errors_of(record),
        "notes": notes_of(record),
        "verification": record.reconciliation,
        "nlv_after": record.nlv_after,
        "no_trade_codes": list(record.no_trade_codes),
        "plan": plan_data(record.plan, record.report, margins_of(record)),
    }


def errors_of(record: CycleRecord) -> list[str]:
    """Orders that were to be sent and did not become what was asked."""
    return [
        f"{r.side} {quantity(r.quantity)} {r.symbol}: {r.status} {r.message}".rstrip()
        for r in reports_of(record)
        if r.status in _FAILED
    ]


def notes_of(record: CycleRecord) -> list[str]:
    """What a reader should know besides: refusals and shrinks, warnings, and why nothing traded."""
    plan = record.plan
    stopped = [v for v in record.report.verdicts() if v.outcome in _STOPS]
    notes = [f"{v.guard} {v.outcome} {plan.order(v.order_ref).symbol}: {v.reason}" for v in stopped]
    notes += [f"{each.symbol}: {each.code}, {each.reason}" for each in plan.blocked]
    notes += [*plan.warnings, *record.observation.warnings]
    if record.no_trade_codes:
        notes.append(f"nothing was traded: {', '.join(record.no_trade_codes)}")
    return list(dict.fromkeys(notes))


def mismatches(found: Reconciliation) -> list[str]:
    """Where the broker's book contradicts what was sent; drift of prices and named leftovers are none."""
    lines = [
        f"{each.symbol}: {quantity(each.planned)} sent, {quantity(each.seen)} filled"
        for each in found.missing_orders
        if not each.partial
    ]
    lines += [f"order {ref} is at the broker and not in the plan" for ref in found.extra_orders]
    lines += [f"order {ref} was placed by somebody else" for ref in found.foreign_orders]
    lines += [f"order {ref} is there more than once" for ref in found.duplicate_orders]
    unknown = [r for r in found.residuals if r.cause is ResidualCause.UNKNOWN]
    return lines + [f"{r.symbol}: the fate of an order is unknown {r.detail}".rstrip() for r in unknown]


def cycle_answer(record: CycleRecord, *, warnings: tuple[str, ...] = ()) -> Answer:
    """7 when the book contradicts what was sent, 4 when nobody decided, 5 when guards refused everything, else 0.

    8 is told apart from 5 where nothing is missing but the arming.
    """
    problems: list[Problem] = []
    rehearsed = record.mode is Mode.DRY_RUN
    if not rehearsed and record.reconciliation is not None:
        problems = [Problem(code=VerificationMismatch.code, message=m) for m in mismatches(record.reconciliation)]
    exit_code = VerificationMismatch.exit_code if problems else DONE
    if record.decision.answer is Answered.FAILED:
        why = record.decision.reason or record.decision.code
        problems.append(Problem(code=Temporary.code, message=f"{record.id} was not decided: {why}"))
        exit_code = exit_code or Temporary.exit_code
    if record.plan.orders and not any(phase.intents for phase in record.phases):
        refused = f"no order of {record.id} went out: {', '.join(record.no_trade_codes)}; see the guards' reasons"
        kind = ConfirmationMissing if record.no_trade_codes == (UNARMED,) else BlockedError
        problems.append(Problem(code=kind.code, message=refused))
        exit_code = exit_code or kind.exit_code
    return Answer(
        data=cycle_data(record), blocks=tuple(cycle_blocks(record)), warnings=warnings, errors=problems,
        exit_code=exit_code, dry_run=rehearsed,
    )  # fmt: skip


def cycle_blocks(record: CycleRecord) -> Iterator[str | Table]:
    """Plan, guards, execution and verification of one cycle."""
    yield f"cycle {record.id}   mode {record.mode}   {record.observation.as_of:%Y-%m-%d %H:%M} UTC"
    yield from plan_blocks(record.plan, record.report, record.mandate.limits, margins_of(record))
    yield Table(
        title="Execution",
        columns=("side", ">quantity", "symbol", "status", ">filled", ">price", ">commission", "message"),
        rows=[_report_row(report) for report in reports_of(record)],
        empty=f"nothing was sent ({', '.join(record.no_trade_codes) or 'nothing to send'})",
    )
    if record.reconciliation is not None:
        yield from verification_blocks(record.reconciliation)
    yield f"net liquidation after: {money(record.nlv_after)} {record.plan.currency}"


def verification_blocks(found: Reconciliation) -> Iterator[str | Table]:
    """Does the book agree, symbol by symbol, and which gaps have which cause."""
    yield Table(
        title="Verification",
        columns=("symbol", ">target", ">actual", ">target weight", ">actual weight", ">accuracy"),
        rows=[
            (s.symbol, quantity(s.target_quantity), quantity(s.actual_quantity), percent(s.target_weight),
             percent(s.actual_weight), percent(s.accuracy))
            for s in found.symbols_verified
        ],
    )  # fmt: skip
    yield Table(
        title="Residuals",
        columns=("symbol", "cause", ">quantity", ">weight", "detail"),
        rows=[(r.symbol, r.cause, quantity(r.quantity), percent(r.weight), r.detail) for r in found.residuals],
        empty="none, the book is as planned",
    )
    yield (
        f"accuracy {percent(found.total_accuracy)} of {percent(found.attainable_accuracy)} attainable, "
        f"{found.total_open_orders} open orders, invested {money(found.projected_invested)}, "
        f"cash {money(found.projected_cash)}"
    )


def _report(report: OrderReport) -> dict[str, object]:
    return {
        "id": report.order_ref, "symbol": report.symbol, "side": report.side, "quantity": report.quantity,
        "status": report.status, "filled": report.filled, "average_price": _average_price(report),
        "commission": sum((fill.commission for fill in report.fills), start=report.filled * 0),
        "message": report.message,
    }  # fmt: skip


def _average_price(report: OrderReport) -> object:
    if not report.fills:
        return None
    traded = sum((fill.quantity * fill.price for fill in report.fills), start=report.filled * 0)
    return round(traded / sum((fill.quantity for fill in report.fills), start=report.filled * 0), 6)


def _report_row(report: OrderReport) -> tuple[str, ...]:
    cells = _report(report)
    price = cells["average_price"]
    return (
        report.side, quantity(report.quantity), report.symbol, report.status, quantity(report.filled),
        money(price) if price is not None else UNKNOWN, money(cells["commission"]), report.message,
    )  # fmt: skip
