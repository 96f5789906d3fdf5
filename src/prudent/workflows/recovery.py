"""What a start finds after a killed process: interrupted cycles and orders whose fate must be asked, never guessed."""

from dataclasses import dataclass, replace

from prudent.bootstrap import Desk
from prudent.domain.orders import OrderReport, OrderStatus

_NEVER_LEFT = (OrderStatus.PROPOSED, OrderStatus.APPROVED)


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing the start found, in words, and how it was resolved."""

    account: str
    subject: str
    found: str
    resolved: str


def recover(desk: Desk) -> tuple[Finding, ...]:
    """Settle every order that was under way and mark every cycle that has no record; idempotent.

    An order that was approved but never reached SENDING did not leave. One that may have left is looked up at the
    broker by its ref: found means adopted with its fills; absent is proof only at a venue without quiet time.
    """
    findings = [finding for account in desk.account_ids() for finding in settle_orders(desk, account)]
    for cycle_id in desk.ledger.interrupted_cycles():
        account = cycle_id.rsplit("/", 2)[0]
        desk.ledger.resolve_interrupted(cycle_id, at=desk.clock.now())
        findings.append(
            Finding(
                account=account,
                subject=f"cycle {cycle_id}",
                found="it began and has no record: the process ended between two stages",
                resolved="marked interrupted; the next cycle decides again from the reconciled book",
            )
        )
    return tuple(findings)


def settle_orders(desk: Desk, account: str) -> list[Finding]:
    """Bring every order of the account that is not terminal up to what the broker says of it now."""
    pending = desk.ledger.pending_orders(account)
    known = {each.order_ref: each for each in desk.broker.reports(account, tuple(p.order_ref for p in pending))}
    found: list[Finding] = []
    for order in pending:
        report = known[order.order_ref]
        if order.state in _NEVER_LEFT:
            report = _as_not_sent(report, order.quantity, "approved but never sent before the process ended")
        elif report.status is OrderStatus.NOT_SENT and desk.broker.traits.quiet_seconds > 0:
            report = replace(report, status=OrderStatus.UNKNOWN, quantity=order.quantity)
        elif report.status is order.state and report.filled == order.filled:
            continue
        report = replace(report, symbol=order.symbol, side=order.side, quantity=order.quantity)
        desk.ledger.reported(account, report, at=desk.clock.now())
        found.append(
            Finding(
                account=account,
                subject=f"order {order.order_ref} {order.side} {order.quantity} {order.symbol}",
                found=f"left in state {order.state}",
                resolved=f"the broker's answer settles it: {report.status}, filled {report.filled}",
            )
        )
    return found


def _as_not_sent(report: OrderReport, quantity: object, message: str) -> OrderReport:
    assert report.filled == 0, f"order {report.order_ref} of quantity {quantity} was filled without having been sent"
    return replace(report, status=OrderStatus.NOT_SENT, message=message)
