"""Take in everything that a broker shows of an account: states and executions of our orders, and orders of others."""

from dataclasses import dataclass, field, replace
from datetime import datetime

from prudent.bootstrap import Desk
from prudent.domain.accounts import TradingState
from prudent.domain.errors import BlockedError
from prudent.domain.money import ZERO
from prudent.domain.notices import Event
from prudent.domain.orders import Fill, OrderReport, OrderStatus, is_ours
from prudent.ledger.orders import PendingOrder
from prudent.pipeline.absence import ReconcileMemory
from prudent.ports import Listing
from prudent.workflows.notices import happened, tell

S = OrderStatus
UNSENT = (S.PROPOSED, S.APPROVED)
# Ends after which nothing of an order may be at the venue.
_OVER = (S.CANCELLED, S.EXPIRED, S.REJECTED, S.NOT_SENT)
BY_EXECUTIONS = "known by its executions"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing that was found, in words, and how it was resolved."""

    account: str
    subject: str
    found: str
    resolved: str


@dataclass(slots=True, kw_only=True)
class Look:
    """What one look gathers on its way."""

    desk: Desk
    account: str
    memory: ReconcileMemory
    findings: list[Finding] = field(default_factory=list)
    untold: set[str] = field(default_factory=set)

    def note(self, subject: str, found: str, resolved: str) -> None:
        self.findings.append(Finding(account=self.account, subject=subject, found=found, resolved=resolved))

    @property
    def now(self) -> datetime:
        return self.desk.clock.now()

    def pending(self) -> tuple[PendingOrder, ...]:
        return tuple(each for each in self.desk.ledger.pending_orders(self.account) if not each.dry)


def subject_of(order: PendingOrder) -> str:
    return f"order {order.order_ref} {order.side} {order.quantity} {order.symbol}"


def adopt(look: Look, listing: Listing) -> None:
    """Take in everything that the broker shows: states and executions of ours, and orders of others."""
    ledger = look.desk.ledger
    shown = _shown(listing)
    refs = tuple(shown)
    known = ledger.found(look.account, refs)
    unseen = tuple(
        each.order_ref for each in look.pending() if each.order_ref not in shown and each.state not in UNSENT
    )
    if unseen:
        answers = look.desk.broker_of(look.account).reports(look.account, unseen)
        shown |= {each.order_ref: each for each in answers if each.status is not S.NOT_SENT}
        known = {**known, **ledger.found(look.account, unseen)}
    for ref, report in shown.items():
        before = known.get(ref)
        if before is None:
            _adopt_orphan(look, report)
        elif _is_news(before, report):
            _take_in(look, before, report, listing)
        if before is not None and before.status in _OVER and not report.status.is_done:
            _lives_on(look, before)
        if before is not None and report.filled > sum((fill.quantity for fill in report.fills), ZERO):
            look.untold.add(report.symbol)


def _shown(listing: Listing) -> dict[str, OrderReport]:
    """What a listing says of each order: its report with every execution that either list has."""
    fills: dict[str, dict[tuple[str, int], Fill]] = {}
    for fill in listing.fills:
        fills.setdefault(fill.order_ref, {})[fill.exec_id, fill.version] = fill
    shown: dict[str, OrderReport] = {}
    for order in listing.orders:
        own = {(fill.exec_id, fill.version): fill for fill in order.fills}
        every = {**own, **fills.pop(order.order_ref, {})}
        shown[order.order_ref] = replace(order, fills=tuple(every.values()))
    for ref, told in fills.items():
        shown[ref] = _of_fills(ref, tuple(told.values()))
    return shown


def _of_fills(ref: str, fills: tuple[Fill, ...]) -> OrderReport:
    """An order that only its executions tell of: of how much it was, the ledger knows or nobody."""
    latest: dict[str, Fill] = {}
    for fill in sorted(fills, key=lambda each: each.version):
        latest[fill.exec_id] = fill
    done = sum((fill.quantity for fill in latest.values() if not fill.busted), ZERO)
    first = fills[0]
    return OrderReport(
        order_ref=ref, symbol=first.symbol, side=first.side, quantity=max(done, first.quantity), status=S.FILLED,
        filled=done, fills=fills, message=BY_EXECUTIONS,
    )  # fmt: skip


def _is_news(before: OrderReport, report: OrderReport) -> bool:
    told = {(fill.exec_id, fill.version): fill for fill in report.fills}
    known = {(fill.exec_id, fill.version): fill for fill in before.fills}
    return (before.status, before.filled) != (report.status, report.filled) or told != known


def _take_in(look: Look, before: OrderReport, report: OrderReport, listing: Listing) -> None:
    ledger = look.desk.ledger
    if report.message == BY_EXECUTIONS:
        whole = report.filled >= before.quantity
        report = replace(report, quantity=before.quantity, status=S.FILLED if whole else S.PARTIAL)
    try:
        ledger.reported(look.account, report, at=look.now, asked=listing.asked)
    except BlockedError as error:
        ledger.lock(look.account, reason=str(error), at=look.now)
        look.note(f"order {report.order_ref}", f"left in state {before.status}", f"the account is HALTED: {error}")
        return
    after = ledger.found(look.account, (report.order_ref,))[report.order_ref]
    if (after.status, after.filled, after.fills) != (before.status, before.filled, before.fills):
        look.note(
            f"order {before.order_ref} {before.side} {before.quantity} {before.symbol}",
            f"left in state {before.status}",
            f"the broker's answer settles it: {after.status}, filled {after.filled}",
        )


def _lives_on(look: Look, ended: OrderReport) -> None:
    """An order of ours that is over in the ledger and that the venue, asked once more, still works on."""
    ref, symbol = ended.order_ref, ended.symbol
    (told,) = look.desk.broker_of(look.account).reports(look.account, (ref,))
    if told.status.is_done:
        return
    reason = f"order {ref} ended as {ended.status} and is live at the broker"
    subject = f"order {ref} {ended.side} {ended.quantity} {symbol}"
    if look.desk.ledger.lock_of(look.account, symbol)[0] is not TradingState.HALTED:
        look.desk.ledger.lock(look.account, symbol=symbol, reason=reason, at=look.now)
        look.note(
            subject, f"left in state {ended.status}", f"{symbol} is locked: {reason}; cancel it with `cancel-all`"
        )
    # Also where the symbol stood stopped already; who was told is not told anew for a while.
    tell(look.desk, happened(
        look.desk, Event.ORDER_UNKNOWN, f"an order that had ended is live at the broker: {subject}", reason,
        account=look.account, reason="lives on", subject=f"{ref} lives on",
    ))  # fmt: skip


def _adopt_orphan(look: Look, report: OrderReport) -> None:
    """An order that we do not know: booked if it traded, and its symbol is locked while it lives."""
    if report.status.is_done and not report.fills:
        return
    look.desk.ledger.reported(look.account, report, at=look.now)
    whose = "has a ref of ours that the ledger does not know" if is_ours(report.order_ref) else "was placed by others"
    locked = "" if report.status.is_done else f"; {report.symbol} is locked until it ends or you unlock it"
    subject = f"order {report.order_ref} {report.side} {report.quantity} {report.symbol}"
    look.note(subject, f"it {whose}", f"adopted as {report.status}{locked}")
    tell(look.desk, happened(
        look.desk, Event.ORDER_UNKNOWN, f"an order at the broker {whose}: {subject}", account=look.account,
        reason="orphan", subject=report.order_ref,
    ))  # fmt: skip
