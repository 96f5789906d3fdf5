"""A broker's word on an order: kept first, then taken in; what is late, doubled or out of order changes nothing."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from sqlalchemy import update

from prudent.domain.errors import BlockedError
from prudent.domain.money import plain
from prudent.domain.orders import DONE, Fill, OrderReport, OrderStatus
from prudent.domain.records import encode
from prudent.ledger import accounts, audit, messages, orders
from prudent.ledger.database import Row, Transaction
from prudent.ledger.executions import Taken, take
from prudent.ledger.journal import Books, moment
from prudent.ledger.locks import lock
from prudent.ledger.schema import RUNS, mine
from prudent.ledger.transitions import path

S = OrderStatus
_TRADED = update(RUNS).where(mine(RUNS, "account", "run")).values(trades=RUNS.c.trades + 1)
_NOT_CLAIMED = (S.APPROVED, S.PROPOSED)
_ENDS_IN_FULL = frozenset({S.FILLED, S.CANCELLED, S.EXPIRED, S.REJECTED})
# After these an execution is late; a filled order has only had more of its own told.
_LATE_AFTER = frozenset(DONE) - {S.FILLED}
_ASKED = (S.PEND_CANCEL, S.PEND_REPLACE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Alarm:
    """What a report says that must not be; it stops the symbol, or the whole account."""

    text: str = ""
    whole_account: bool = False


QUIET = Alarm()


def reported(
    tx: Transaction, books: Books, account: str, report: OrderReport, *, at: datetime, asked: datetime | None = None
) -> None:
    """Take a broker's word on an order: new executions are booked once each, and the state moves legal steps only.

    An execution is a fact and is booked whatever the state; one that comes after the end of its order flips it to
    FILLED_LATE or PARTIAL_LATE and halts its symbol. An end is believed when all that was filled is booked. `asked` is
    when the broker was asked for it; None for what it told by itself.

    Raises:
        BlockedError: the broker reports an order that was approved but never claimed for sending.
    """
    # A rehearsal's answer is nobody's message.
    heard_before = report.status is not S.WOULD_SEND and messages.take_in(tx, account, report, at)
    row = orders.find(tx, account, report.order_ref)
    if row is None:
        row = _adopt(tx, account, report, at)
    state = S(row["state"])
    if state in _NOT_CLAIMED and (report.fills or report.status not in (state, S.NOT_SENT)):
        raise BlockedError(
            f"order {report.order_ref} must be SENDING before a broker reports it, was {state}; "
            "halt the account and ask the broker who sent it"
        )
    orders.name_at_venue(tx, row, report.venue_id)
    taken = take(tx, books, row, report.fills, heard_before=heard_before)
    alarm = _alarm(row, state, report, taken)
    told = _told(row, state, report, taken, stale=heard_before and (asked is None or asked < moment(row["updated"])))
    if alarm.whole_account and not _is_about(row, report):
        told = state
    steps = path(state, told)
    if not steps and not taken.moved and (not alarm.text or row["message"] == alarm.text):
        return
    if taken.fresh and Decimal(row["filled"]) == 0 and row["run"] is not None:
        tx.run(_TRADED, account=account, run=row["run"])
    message = alarm.text or _message(report, taken, told)
    after = orders.move(tx, row, steps, filled=taken.filled, message=message, at=at)
    audit.note(tx, "order_reported", account, at, {
        "order_ref": report.order_ref, "before": str(state), "steps": [str(step) for step in steps],
        "after": str(after), "filled": encode(taken.filled), "fills": taken.booked, "message": message,
    })  # fmt: skip
    if alarm.text:
        lock(tx, account, symbol="" if alarm.whole_account else str(row["symbol"]), reason=alarm.text, at=at)


def refused(tx: Transaction, account: str, report: OrderReport, *, at: datetime) -> None:
    """Keep a report that could not be taken in: it stays in the inbox without a mark."""
    messages.keep(tx, account, report, at)
    audit.note(tx, "report_refused", account, at, {"report": encode(report)})


def _adopt(tx: Transaction, account: str, report: OrderReport, at: datetime) -> Row:
    """An order at the broker that we do not know is kept as an ORPHAN; it locks its symbol until it ends."""
    accounts.find(tx, account)
    audit.note(tx, "orphan_found", account, at, {"report": encode(report)})
    return orders.insert_orphan(tx, account, report, at)


def _told(
    row: Row, state: OrderStatus, report: OrderReport, taken: Taken, *, stale: bool
) -> OrderStatus:  # fmt: skip
    """The state that a report amounts to, once it is held against what is booked."""
    quantity = report.quantity if _is_orphan(row) else Decimal(row["quantity"])
    if state in _LATE_AFTER:
        if not taken.fresh:
            return state
        return S.FILLED_LATE if taken.filled >= quantity else S.PARTIAL_LATE
    if state in _ASKED and stale and report.status in (S.ACKED, S.HELD, S.PARTIAL):
        # It was said before we asked for the cancel.
        return state
    if report.status in _ENDS_IN_FULL and report.filled > taken.filled:
        return S.PARTIAL if taken.filled > 0 else S.ACKED
    if report.status is S.ACKED and taken.filled > 0:
        return S.PARTIAL
    return report.status


def _is_orphan(row: Row) -> bool:
    return row["run"] is None


def _is_about(row: Row, report: OrderReport) -> bool:
    """The report speaks of the order that its ref names; an answer of "not found" names nothing."""
    if report.status is S.NOT_SENT or not report.symbol:
        return True
    return (report.symbol, str(report.side)) == (row["symbol"], row["side"])


def _alarm(row: Row, state: OrderStatus, report: OrderReport, taken: Taken) -> Alarm:
    """What is wrong with a report, in words; `QUIET` when nothing is."""
    beyond = _beyond_intent(row, report, taken)
    if beyond:
        return Alarm(text=beyond, whole_account=True)
    ref = row["order_ref"]
    if taken.fresh and state in _LATE_AFTER:
        return Alarm(text=f"order {ref} was filled after it had ended as {state}")
    if taken.conflicts:
        changed = ", ".join(sorted(set(taken.conflicts)))
        return Alarm(text=f"the broker changed fill {changed} of order {ref} after it was booked")
    return QUIET


def _beyond_intent(row: Row, report: OrderReport, taken: Taken) -> str:
    """What the broker did that nobody here asked for: another thing, twice, or too much; empty when it did not."""
    ref = row["order_ref"]
    if not _is_about(row, report):
        return f"order {ref} is {row['side']} {row['symbol']}, the broker shows it as {report.side} {report.symbol}"
    if _in_another(row, taken.fresh):
        return f"order {ref} was filled in another symbol or side than it was sent for"
    if row["venue_id"] and report.venue_id and row["venue_id"] != report.venue_id:
        return f"order {ref} stands twice at the broker, as {row['venue_id']} and {report.venue_id}"
    if taken.moved and not _is_orphan(row) and taken.filled > Decimal(row["quantity"]):
        return f"order {ref} of {row['quantity']} was filled {plain(taken.filled)}, more than was sent"
    return ""


def _in_another(row: Row, fills: Sequence[Fill]) -> bool:
    return any((fill.symbol, str(fill.side)) != (row["symbol"], row["side"]) for fill in fills)


def _message(report: OrderReport, taken: Taken, told: OrderStatus) -> str:
    if told is not report.status and report.filled > taken.filled:
        missing = plain(report.filled - taken.filled)
        return f"the broker calls it {report.status}, executions of {missing} are not told yet"
    return report.message


