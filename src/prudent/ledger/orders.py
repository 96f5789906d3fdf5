"""Orders: approved with a seal, claimed before the first byte leaves, reported with their fills, each in one commit."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from sqlalchemy import bindparam, insert, select, update

from prudent.domain.accounts import TradingState
from prudent.domain.errors import BlockedError
from prudent.domain.money import ZERO, plain
from prudent.domain.orders import DONE, Effect, Fill, OrderIntent, OrderReport, OrderStatus, Side
from prudent.domain.records import Json, digest, encode, utc_text
from prudent.ledger import accounts, audit, states
from prudent.ledger.booking import Line, fill_lines, realised_of
from prudent.ledger.database import Row, Transaction, Value
from prudent.ledger.journal import Books, Entry, append_entry, moment
from prudent.ledger.schema import CYCLES, FILLS, ORDER_EVENTS, ORDERS, RUNS, among, mine
from prudent.ledger.transitions import PENDING, path
from prudent.ports import RunRef

_ORDER = select(ORDERS).where(mine(ORDERS, "account", "order_ref"))
# Sorted by the caller: asked to sort, SQLite walks every order of the account instead of the few that are pending.
_PENDING = select(ORDERS).where(mine(ORDERS, "account"), among(ORDERS.c.state, tuple(PENDING)))
_ADD = insert(ORDERS)
_CLAIM = (
    update(ORDERS)
    .where(mine(ORDERS, "account", "order_ref", "state", "seal"))
    .values(state=bindparam("b_state"), sent=bindparam("b_at"), updated=bindparam("b_at"))
)
_MOVE = (
    update(ORDERS)
    .where(mine(ORDERS, "account", "order_ref"))
    .values(
        state=bindparam("b_state"), filled=bindparam("b_filled"), message=bindparam("b_message"),
        updated=bindparam("b_at"),
    )
)  # fmt: skip
_LAST_EVENT = (
    select(ORDER_EVENTS.c.number, ORDER_EVENTS.c.message)
    .where(mine(ORDER_EVENTS, "account", "order_ref"))
    .order_by(ORDER_EVENTS.c.number.desc())
    .limit(1)
)
_ADD_EVENT = insert(ORDER_EVENTS)
_FILL = select(FILLS).where(mine(FILLS, "account", "exec_id"))
_ADD_FILL = insert(FILLS)
_MODE = (
    select(RUNS.c.mode)
    .join(
        CYCLES,
        (RUNS.c.owner_id == CYCLES.c.owner_id) & (RUNS.c.account == CYCLES.c.account) & (RUNS.c.run == CYCLES.c.run),
    )
    .where(mine(CYCLES, "account", "run", "cycle"))
)
_TRADED = update(RUNS).where(mine(RUNS, "account", "run")).values(trades=RUNS.c.trades + 1)
_ANY_FILL = select(FILLS.c.exec_id).where(mine(FILLS, "account")).limit(1)


@dataclass(frozen=True, slots=True, kw_only=True)
class PendingOrder:
    """An order whose end is not known yet; `filled` is what has been booked of it."""

    order_ref: str
    run: int | None
    cycle: int | None
    symbol: str
    side: Side
    effect: Effect
    quantity: Decimal
    state: OrderStatus
    filled: Decimal
    approved: datetime
    sent: datetime | None


def pending(tx: Transaction, account: str) -> tuple[PendingOrder, ...]:
    """The account's orders that are not terminal, oldest first."""
    return tuple(
        PendingOrder(
            order_ref=row["order_ref"], run=row["run"], cycle=row["cycle"], symbol=row["symbol"],
            side=Side(row["side"]), effect=Effect(row["effect"]), quantity=Decimal(row["quantity"]),
            state=OrderStatus(row["state"]), filled=Decimal(row["filled"]), approved=moment(row["approved"]),
            sent=moment(row["sent"]) if row["sent"] else None,
        )
        for row in sorted(tx.all(_PENDING, account=account), key=lambda row: (row["approved"], row["order_ref"]))
    )  # fmt: skip


def approve(tx: Transaction, run: RunRef, cycle: int, intents: Sequence[OrderIntent], *, at: datetime) -> None:
    """Store intents as APPROVED with their seals; one that stands approved under the same seal stays as it is."""
    mode = tx.one(_MODE, account=run.account, run=run.number, cycle=cycle)
    if mode is None:
        raise BlockedError(f"orders must belong to a cycle of the ledger, were given {run.id}/{cycle}; begin it first")
    fresh = [intent for intent in intents if not _stands(tx, run.account, intent)]
    if not fresh:
        return
    when = utc_text(at)
    dry = int(mode["mode"] == "dry_run")
    spelled = [intent.as_json() for intent in fresh]
    seals = [digest(spelling) for spelling in spelled]
    tx.many(_ADD, [
        first_row(intent, OrderStatus.APPROVED, at) | {"run": run.number, "cycle": cycle, "dry": dry, "seal": seal}
        for intent, seal in zip(fresh, seals)
    ])  # fmt: skip
    tx.many(_ADD_EVENT, [
        _event(run.account, intent.order_ref, 1, OrderStatus.PROPOSED, OrderStatus.APPROVED) | {"at": when}
        for intent in fresh
    ])  # fmt: skip
    approved: list[Json] = [{"intent": spelling, "seal": seal} for spelling, seal in zip(spelled, seals)]
    audit.note(tx, "orders_approved", run.account, at, {"cycle": f"{run.id}/{cycle}", "orders": approved})


def _stands(tx: Transaction, account: str, intent: OrderIntent) -> bool:
    if intent.account != account:
        raise BlockedError(
            f"order {intent.order_ref} must be of account {account}, was of {intent.account}; plan it anew"
        )
    row = tx.one(_ORDER, account=account, order_ref=intent.order_ref)
    if row is None:
        return False
    if (row["state"], row["seal"]) != (str(OrderStatus.APPROVED), intent.seal):
        raise BlockedError(
            f"order {intent.order_ref} must be new, was {row['state']} already; the next cycle plans under new ids"
        )
    return True


def first_row(intent: OrderIntent, state: OrderStatus, at: datetime) -> dict[str, Value]:
    """The first row of an order, without run, cycle and seal."""
    when = utc_text(at)
    return {
        "account": intent.account, "order_ref": intent.order_ref, "symbol": intent.symbol, "side": str(intent.side),
        "effect": str(intent.effect), "quantity": plain(intent.quantity), "type": str(intent.type),
        "limit_price": None if intent.limit_price is None else plain(intent.limit_price),
        "time_in_force": str(intent.time_in_force), "state": str(state), "filled": "0", "why": "", "reasoning": None,
        "message": "", "approved": when, "exchange_date": accounts.exchange_date(at).isoformat(), "sent": None,
        "updated": when, "run": None, "cycle": None, "dry": 0, "seal": "",
    }  # fmt: skip


def _event(
    account: str, order_ref: str, number: int, before: OrderStatus, after: OrderStatus, message: str = ""
) -> dict[str, Value]:
    return {
        "account": account, "order_ref": order_ref, "number": number, "from_state": str(before),
        "to_state": str(after), "message": message,
    }  # fmt: skip


def insert_denied(tx: Transaction, rows: Sequence[dict[str, Value]]) -> None:
    """Store planned orders that guards refused, so that a list of orders shows them."""
    tx.many(_ADD, rows)
    tx.many(_ADD_EVENT, [
        _event(str(row["account"]), str(row["order_ref"]), 1, OrderStatus.PROPOSED, OrderStatus.DENIED,
               str(row["message"])) | {"at": row["updated"]}
        for row in rows
    ])  # fmt: skip


def sending(tx: Transaction, account: str, order_ref: str, *, seal: str, at: datetime) -> None:
    """Claim an order for the wire: it must be APPROVED under exactly this seal, and is so for one claimant only."""
    when = utc_text(at)
    claimed = tx.run(
        _CLAIM, account=account, order_ref=order_ref, state=str(OrderStatus.APPROVED), seal=seal,
        b_state=str(OrderStatus.SENDING), b_at=when,
    )  # fmt: skip
    if claimed != 1:
        row = tx.one(_ORDER, account=account, order_ref=order_ref)
        if row is None:
            raise BlockedError(f"order {order_ref} must be approved before it is sent, was not known; approve it first")
        was = row["state"] if row["seal"] == seal else f"{row['state']} under another seal"
        raise BlockedError(f"order {order_ref} must be APPROVED as sealed, was {was}; it is not sent, plan anew")
    number = _next_event(tx, account, order_ref)
    tx.many(_ADD_EVENT, [
        _event(account, order_ref, number, OrderStatus.APPROVED, OrderStatus.SENDING) | {"at": when}
    ])  # fmt: skip
    audit.note(tx, "order_sending", account, at, {"order_ref": order_ref, "seal": seal})


def _next_event(tx: Transaction, account: str, order_ref: str) -> int:
    row = tx.one(_LAST_EVENT, account=account, order_ref=order_ref)
    return 1 if row is None else int(row["number"]) + 1


def reported(tx: Transaction, books: Books, account: str, report: OrderReport, *, at: datetime) -> None:
    """Take a broker's word on an order: new fills are booked once each, and the state moves along legal steps only.

    What is late, doubled or out of order changes nothing. A fill is a fact and is booked whatever the state; one that
    comes after the end of its order, or beyond its quantity, or different under a known id, halts its symbol.

    Raises:
        BlockedError: the broker reports an order that was approved but never claimed for sending.
    """
    row = tx.one(_ORDER, account=account, order_ref=report.order_ref)
    if row is None:
        row = _adopt(tx, account, report, at)
    state = OrderStatus(row["state"])
    fresh, conflicts = _fresh_fills(tx, account, report)
    steps = path(state, report.status)
    if state in (OrderStatus.APPROVED, OrderStatus.PROPOSED) and (fresh or (not steps and report.status is not state)):
        raise BlockedError(
            f"order {report.order_ref} must be SENDING before a broker reports it, was {state}; "
            "halt the account and ask the broker who sent it"
        )
    alarm = _alarm(row, state, fresh, conflicts)
    if not steps and not fresh and not alarm:
        return
    booked: list[Json] = [_book(tx, books, row, fill) for fill in fresh]
    filled = Decimal(row["filled"]) + sum((fill.quantity for fill in fresh), ZERO)
    if fresh and Decimal(row["filled"]) == 0 and row["run"] is not None:
        tx.run(_TRADED, account=account, run=row["run"])
    message = alarm or report.message
    after = _move(tx, row, steps, filled=filled, message=message, at=at)
    audit.note(tx, "order_reported", account, at, {
        "order_ref": report.order_ref, "before": str(state), "steps": [str(step) for step in steps],
        "after": str(after), "filled": encode(filled), "fills": booked, "message": message,
    })  # fmt: skip
    if alarm:
        states.set_state(tx, account, TradingState.HALTED, reason=alarm, at=at, symbol=str(row["symbol"]))


def _adopt(tx: Transaction, account: str, report: OrderReport, at: datetime) -> Row:
    """An order at the broker that we do not know is kept as an ORPHAN; its symbol is unsettled until it ends."""
    accounts.find(tx, account)
    intent = OrderIntent(
        order_ref=report.order_ref, account=account, symbol=report.symbol, side=report.side, quantity=report.quantity,
        effect=Effect.OPEN if report.side is Side.BUY else Effect.CLOSE,
    )  # fmt: skip
    tx.many(_ADD, [first_row(intent, OrderStatus.ORPHAN, at)])
    audit.note(tx, "orphan_found", account, at, {"report": encode(report)})
    row = tx.one(_ORDER, account=account, order_ref=report.order_ref)
    assert row is not None
    return row


def _fresh_fills(tx: Transaction, account: str, report: OrderReport) -> tuple[list[Fill], list[str]]:
    """The fills that are not booked yet, and the ids of booked ones that differ from what is now reported."""
    fresh: dict[str, Fill] = {}
    conflicts: list[str] = []
    for fill in report.fills:
        known = tx.one(_FILL, account=account, exec_id=fill.exec_id)
        if known is None:
            fresh.setdefault(fill.exec_id, fill)
        elif (known["quantity"], known["price"], known["order_ref"]) != (
            plain(fill.quantity), plain(fill.price), fill.order_ref,
        ):  # fmt: skip
            conflicts.append(fill.exec_id)
    return list(fresh.values()), conflicts


def _alarm(row: Row, state: OrderStatus, fresh: Sequence[Fill], conflicts: Sequence[str]) -> str:
    """What is wrong with a report's fills, in words; empty when nothing is."""
    ref = row["order_ref"]
    filled = Decimal(row["filled"]) + sum((fill.quantity for fill in fresh), ZERO)
    if any((fill.symbol, str(fill.side)) != (row["symbol"], row["side"]) for fill in fresh):
        return f"order {ref} was filled in another symbol or side than it was sent for"
    if fresh and filled > Decimal(row["quantity"]):
        return f"order {ref} of {row['quantity']} was filled {plain(filled)}, more than was sent"
    if fresh and state in DONE and state is not OrderStatus.FILLED:
        return f"order {ref} was filled after it had ended as {state}"
    known = row["message"]
    text = f"the broker changed fill {', '.join(conflicts)} of order {ref} after it was booked"
    return text if conflicts and text != known else ""


def _book(tx: Transaction, books: Books, row: Row, fill: Fill) -> Json:
    account = str(row["account"])
    book = books.of(tx, account)
    lines: tuple[Line, ...] = fill_lines(book, fill)
    text = f"{fill.side} {plain(fill.quantity)} {fill.symbol} at {plain(fill.price)}"
    number = append_entry(
        tx, book, Entry(account=account, kind="fill", ref=fill.exec_id, at=fill.time, text=text), lines,
        currency=accounts.currency(tx, account),
    )  # fmt: skip
    tx.run(
        _ADD_FILL, account=account, exec_id=fill.exec_id, order_ref=row["order_ref"], run=row["run"],
        cycle=row["cycle"], symbol=fill.symbol, side=str(fill.side), quantity=plain(fill.quantity),
        price=plain(fill.price),
        commission=plain(fill.commission), quality=str(fill.quality), time=utc_text(fill.time),
        realised=plain(realised_of(lines)), entry=number,
    )  # fmt: skip
    return encode(fill)


def _move(
    tx: Transaction, row: Row, steps: Sequence[OrderStatus], *, filled: Decimal, message: str, at: datetime
) -> OrderStatus:
    """Walk the order through `steps`, an event each; without steps only quantity and message move."""
    account, order_ref, state = str(row["account"]), str(row["order_ref"]), OrderStatus(row["state"])
    number = _next_event(tx, account, order_ref)
    for after in steps or (state,):
        tx.run(
            _MOVE, account=account, order_ref=order_ref, b_state=str(after), b_filled=plain(filled),
            b_message=message, b_at=utc_text(at),
        )  # fmt: skip
        event = _event(account, order_ref, number, state, after, message)
        tx.run(_ADD_EVENT, at=utc_text(at), **event)
        number, state = number + 1, after
    return state


def has_traded(tx: Transaction, account: str) -> bool:
    """True once anything was ever filled for the account."""
    return tx.one(_ANY_FILL, account=account) is not None
