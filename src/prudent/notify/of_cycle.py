"""What a finished cycle has to tell: pure, from its record alone, one notice per kind of thing that happened."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from decimal import Decimal

from prudent.domain.cycles import CycleRecord, CycleStatus, Reconciliation, ResidualCause
from prudent.domain.money import ZERO, plain, to_cents
from prudent.domain.notices import Event, Notice, fitted, one_line
from prudent.domain.orders import OrderReport, OrderStatus
from prudent.domain.proposals import Answer, ExitCause, ForcedExit
from prudent.domain.verdicts import GuardLabel, Outcome

STALE_GUARDS = frozenset({"D05", "D07", "D08", "D15"})
DRAWDOWN_GUARDS = frozenset({"X02", "X03"})
APPROVAL_EXPIRED = "approval_expired"
_NEVER_LEFT = frozenset({
    OrderStatus.PROPOSED, OrderStatus.APPROVED, OrderStatus.DENIED, OrderStatus.NOT_SENT, OrderStatus.WOULD_SEND,
})  # fmt: skip


@dataclass(slots=True, kw_only=True)
class _Blocked:
    """The orders that one guard refused, each once, in words."""

    guard: GuardLabel
    lines: dict[str, str] = field(default_factory=dict)
    amount: Decimal = ZERO


def notices_of(record: CycleRecord) -> tuple[Notice, ...]:
    """The notices of a cycle, gravest things included whether or not anything was sent."""
    found = [
        *_outcome(record), *_decided(record), *_exits(record), *_refused(record), *_stale(record), *_sent(record),
        *_states(record), *_verified(record),
    ]  # fmt: skip
    return tuple(found)


def contradictions(found: Reconciliation) -> tuple[str, ...]:
    """Where the broker's book contradicts what was sent; drift of prices and named leftovers are none."""
    lines = [
        f"{each.symbol}: {plain(each.planned)} sent, {plain(each.seen)} filled"
        for each in found.missing_orders
        if not each.partial
    ]
    lines += [f"order {ref} is at the broker and not in the plan" for ref in found.extra_orders]
    lines += [f"order {ref} was placed by somebody else" for ref in found.foreign_orders]
    lines += [f"order {ref} is there more than once" for ref in found.duplicate_orders]
    unknown = [r for r in found.residuals if r.cause is ResidualCause.UNKNOWN]
    return (*lines, *(f"{r.symbol}: the fate of an order is unknown {r.detail}".rstrip() for r in unknown))


def _notice(
    record: CycleRecord, event: Event, title: str, lines: Iterable[str] = (), *, reason: str = "", subject: str = ""
) -> Notice:
    return Notice(
        event=event, at=record.finished, title=one_line(title), lines=fitted(list(lines)), account=record.account,
        mode=record.mode, reason=one_line(reason), subject="/".join(part for part in (record.id, subject) if part),
        cycle=record.id,
    )  # fmt: skip


def _worth(record: CycleRecord, amount: Decimal | None, notice: Notice) -> Notice:
    if amount is None:
        return notice
    return replace(notice, amount=to_cents(amount), currency=record.mandate.currency)


def _outcome(record: CycleRecord) -> Iterator[Notice]:
    reports = _reports(record)
    filled = [report for report in reports if report.filled > 0]
    failed = record.status is not CycleStatus.COMPLETED or record.decision.answer is Answer.FAILED
    if failed:
        yield _notice(
            record, Event.CYCLE_FAILED, f"cycle {record.id} failed: {record.decision.reason or record.status}",
            reason=record.decision.code or str(record.status),
        )  # fmt: skip
        return
    lines = [f"{len(record.plan.orders)} orders planned, {len(_left(reports))} sent, {len(filled)} filled"]
    if record.nlv_after is not None:
        lines.append(f"value after the cycle {plain(to_cents(record.nlv_after))} {record.mandate.currency}")
    if record.no_trade_codes:
        lines.append(f"nothing was traded: {', '.join(record.no_trade_codes)}")
    if APPROVAL_EXPIRED in record.no_trade_codes:
        yield _notice(record, Event.APPROVAL_EXPIRED, f"nobody answered cycle {record.id} in time; nothing was sent")
    yield _worth(
        record, record.nlv_after, _notice(record, Event.CYCLE_SUCCEEDED, f"cycle {record.id} is done", lines)
    )


def _decided(record: CycleRecord) -> Iterator[Notice]:
    decision = record.decision
    said = f"{len(decision.targets)} targets, {len(decision.exits)} forced exits"
    yield _notice(
        record, Event.DECISION_MADE, f"the decision is {decision.answer}: {said}",
        [decision.reason] if decision.reason else [], reason=decision.code,
    )  # fmt: skip


def _exits(record: CycleRecord) -> Iterator[Notice]:
    cuts = [each for each in record.decision.exits if each.cause is ExitCause.DRAWDOWN_CUT]
    stops = [each for each in record.decision.exits if each.cause is not ExitCause.DRAWDOWN_CUT]
    if stops:
        yield _notice(
            record, Event.STOP_TRIGGERED, f"{_count(len(stops), 'exit')} without asking any model: {_symbols(stops)}",
            [f"{each.symbol}: {each.cause}, {plain(each.quantity)}: {each.reason}" for each in stops],
            reason=", ".join(dict.fromkeys(str(each.cause) for each in stops)),
        )  # fmt: skip
    if cuts:
        yield _notice(
            record, Event.DRAWDOWN_BREACH, f"the drawdown cut halves {_count(len(cuts), 'position')}: {_symbols(cuts)}",
            [cuts[0].reason], reason=str(ExitCause.DRAWDOWN_CUT), subject="cut",
        )  # fmt: skip


def _refused(record: CycleRecord) -> Iterator[Notice]:
    for blocked in _blocked(record).values():
        rule = blocked.guard
        said = _notice(
            record, Event.ORDER_BLOCKED,
            f"{_count(len(blocked.lines), 'order')} blocked by {rule.name} ({rule.id})", blocked.lines.values(),
            reason=f"{rule.id} {rule.name}", subject=rule.id,
        )  # fmt: skip
        yield _worth(record, blocked.amount, said)


def _blocked(record: CycleRecord) -> dict[str, _Blocked]:
    orders = {order.order_ref: order for order in record.plan.orders}
    found: dict[str, _Blocked] = {}
    for report in (record.report, *(phase.report for phase in record.phases)):
        for verdict in report.verdicts():
            order = orders.get(verdict.order_ref)
            if verdict.outcome is not Outcome.REJECT or order is None:
                continue
            label = GuardLabel(id=verdict.guard, name=verdict.name, layer=verdict.layer)
            blocked = found.setdefault(verdict.guard, _Blocked(guard=label))
            if order.order_ref not in blocked.lines:
                what = f"{order.side} {plain(order.quantity)} {order.symbol}"
                blocked.lines[order.order_ref] = f"{what}: {verdict.reason}"
                blocked.amount += order.notional
    return found


def _stale(record: CycleRecord) -> Iterator[Notice]:
    lines = [line for guard, each in _blocked(record).items() if guard in STALE_GUARDS for line in each.lines.values()]
    lines += [f"{each.symbol}: {each.reason}" for each in record.plan.blocked if each.code == "no_price"]
    if lines:
        yield _notice(
            record, Event.DATA_STALE, f"prices are missing, old or in doubt for {_count(len(lines), 'order')}",
            dict.fromkeys(lines),
        )  # fmt: skip


def _sent(record: CycleRecord) -> Iterator[Notice]:
    reports = _reports(record)
    left = _left(reports)
    if left:
        said = _notice(record, Event.ORDER_SUBMITTED, f"{_count(len(left), 'order')} sent", map(_said, left))
        yield _worth(record, _notional(record, left), said)
    fills = record.fills
    if fills:
        said = _notice(
            record, Event.ORDER_FILLED, f"{_count(len({fill.order_ref for fill in fills}), 'order')} filled",
            [f"{f.side} {plain(f.quantity)} {f.symbol} at {plain(f.price)}" for f in fills],
        )  # fmt: skip
        yield _worth(record, sum((fill.notional for fill in fills), ZERO), said)
    for event, state, word in (
        (Event.ORDER_REJECTED, OrderStatus.REJECTED, "refused by the broker"),
        (Event.ORDER_UNKNOWN, OrderStatus.UNKNOWN, "sent without an answer; the broker is asked, nothing is resent"),
    ):
        found = [report for report in reports if report.status is state]
        if found:
            title = f"{_count(len(found), 'order')} {word}"
            said = _notice(record, event, title, map(_said, found), reason=found[0].message)
            yield _worth(record, _notional(record, found), said)


def _states(record: CycleRecord) -> Iterator[Notice]:
    for report in (record.report, *(phase.report for phase in record.phases)):
        if report.sets_state is None:
            continue
        fired = {verdict.guard for verdict in report.verdicts() if verdict.outcome is Outcome.REJECT}
        event = Event.DRAWDOWN_BREACH if fired & DRAWDOWN_GUARDS else Event.STATE_CHANGED
        yield _notice(
            record, event, f"the account is {report.sets_state}: {report.sets_state_reason}",
            [f"let it go with `invest resume --account {record.account}`"], reason=report.sets_state_reason,
            subject=str(report.sets_state),
        )  # fmt: skip
        return


def _verified(record: CycleRecord) -> Iterator[Notice]:
    checked = record.reconciliation
    lines = () if checked is None else contradictions(checked)
    if lines:
        yield _notice(
            record, Event.VERIFICATION_MISMATCH, f"the broker's book contradicts cycle {record.id}", lines,
            reason=lines[0],
        )  # fmt: skip


def _reports(record: CycleRecord) -> tuple[OrderReport, ...]:
    return tuple(report for phase in record.phases for report in phase.reports)


def _left(reports: Iterable[OrderReport]) -> list[OrderReport]:
    return [report for report in reports if report.status not in _NEVER_LEFT]


def _said(report: OrderReport) -> str:
    what = f"{report.side} {plain(report.quantity)} {report.symbol}: {report.status}"
    return f"{what} {report.message}".rstrip()


def _notional(record: CycleRecord, reports: Iterable[OrderReport]) -> Decimal:
    prices = {order.order_ref: (order.notional, order.quantity) for order in record.plan.orders}
    total = ZERO
    for report in reports:
        notional, quantity = prices.get(report.order_ref, (ZERO, ZERO))
        total += notional * report.quantity / quantity if quantity else ZERO
    return total


def _symbols(exits: Iterable[ForcedExit]) -> str:
    return ", ".join(dict.fromkeys(each.symbol for each in exits))


def _count(number: int, word: str) -> str:
    return f"{number} {word}" if number == 1 else f"{number} {word}s"
