"""Orders as stored rows: approved with a seal, moved along legal steps with an event each, and read back."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from sqlalchemy import bindparam, insert, select, update

from prudent.domain.errors import BlockedError, InputError
from prudent.domain.money import ZERO, plain
from prudent.domain.orders import Effect, OpenOrder, OrderIntent, OrderReport, OrderStatus, Side
from prudent.domain.records import Json, digest, utc_text
from prudent.ledger import accounts, audit
from prudent.ledger.database import Row, Transaction, Value
from prudent.ledger.executions import any_fill, fills_of
from prudent.ledger.journal import moment
from prudent.ledger.schema import CYCLES, ORDER_EVENTS, ORDERS, RUNS, among, by_index, mine
from prudent.ledger.transitions import AT_VENUE, PENDING
from prudent.ports import RunRef

_ORDER = select(ORDERS).where(mine(ORDERS, "account", "order_ref"))
# Sorted by the caller: asked to sort, SQLite walks every order of the account instead of the few that are pending.
_PENDING = (
    select(ORDERS)
    .with_hint(ORDERS, by_index(ORDERS, "account", "state"), "sqlite")
    .where(mine(ORDERS, "account"), among(ORDERS.c.state, tuple(PENDING)))
)
_OF_REF = select(ORDERS).where(mine(ORDERS, "order_ref"))
_ADD = insert(ORDERS)
_MOVE = (
    update(ORDERS)
    .where(mine(ORDERS, "account", "order_ref"))
    .values(
        state=bindparam("b_state"), filled=bindparam("b_filled"), message=bindparam("b_message"),
        updated=bindparam("b_at"),
    )
)  # fmt: skip
_NAME = update(ORDERS).where(mine(ORDERS, "account", "order_ref")).values(venue_id=bindparam("b_venue_id"))
_LAST_EVENT = (
    select(ORDER_EVENTS.c.number, ORDER_EVENTS.c.message)
    .where(mine(ORDER_EVENTS, "account", "order_ref"))
    .order_by(ORDER_EVENTS.c.number.desc())
    .limit(1)
)
_SHOWN = (
    select(ORDER_EVENTS.c.number)
    .where(
        mine(ORDER_EVENTS, "account", "order_ref"),
        among(ORDER_EVENTS.c.to_state, (OrderStatus.ACKED, OrderStatus.HELD, OrderStatus.PARTIAL)),
    )
    .limit(1)
)
_ADD_EVENT = insert(ORDER_EVENTS)
_MODE = (
    select(RUNS.c.mode)
    .join(
        CYCLES,
        (RUNS.c.owner_id == CYCLES.c.owner_id) & (RUNS.c.account == CYCLES.c.account) & (RUNS.c.run == CYCLES.c.run),
    )
    .where(mine(CYCLES, "account", "run", "cycle"))
)


@dataclass(frozen=True, slots=True, kw_only=True)
class PendingOrder:
    """An order whose end is not known yet; `filled` is what has been booked of it."""

    account: str
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
    limit_price: Decimal | None = None
    session: str = ""
    message: str = ""
    dry: bool = False
    unlocked: bool = False

    @property
    def remaining(self) -> Decimal:
        return max(self.quantity - self.filled, ZERO)


def find(tx: Transaction, account: str, order_ref: str) -> Row | None:
    return tx.one(_ORDER, account=account, order_ref=order_ref)


def require(tx: Transaction, account: str, order_ref: str) -> Row:
    """The stored row of an order.

    Raises:
        InputError: the ledger has none of that ref.
    """
    row = find(tx, account, order_ref)
    if row is None:
        raise InputError(f"order must be one of the ledger's, was {order_ref!r}; see `invest orders`")
    return row


def account_of(tx: Transaction, order_ref: str) -> str:
    """The account whose order it is.

    Raises:
        InputError: no account has an order of that ref, or more than one has.
    """
    found = tx.all(_OF_REF, order_ref=order_ref)
    if len(found) != 1:
        many = "an order of one account" if found else "one of the ledger's"
        raise InputError(f"order must be {many}, was {order_ref!r}; see `invest orders`")
    return str(found[0]["account"])


def pending(tx: Transaction, account: str) -> tuple[PendingOrder, ...]:
    """The account's orders that are not terminal, oldest first."""
    rows = sorted(tx.all(_PENDING, account=account), key=lambda row: (row["approved"], row["order_ref"]))
    return tuple(_pending(row) for row in rows)


def _pending(row: Row) -> PendingOrder:
    return PendingOrder(
        account=row["account"], order_ref=row["order_ref"], run=row["run"], cycle=row["cycle"], symbol=row["symbol"],
        side=Side(row["side"]), effect=Effect(row["effect"]), quantity=Decimal(row["quantity"]),
        state=OrderStatus(row["state"]), filled=Decimal(row["filled"]), approved=moment(row["approved"]),
        sent=moment(row["sent"]) if row["sent"] else None,
        limit_price=Decimal(row["limit_price"]) if row["limit_price"] else None, session=row["session"] or "",
        message=row["message"], dry=bool(row["dry"]), unlocked=row["unlocked"] is not None,
    )  # fmt: skip


def at_venue(tx: Transaction, account: str) -> tuple[OpenOrder, ...]:
    """Our orders that may be live at the venue, whatever it shows of them: their rest counts as exposure."""
    return tuple(
        OpenOrder(
            order_ref=each.order_ref, symbol=each.symbol, side=each.side, remaining=each.remaining,
            limit_price=each.limit_price, status=each.state,
        )
        for each in pending(tx, account)
        if each.state in AT_VENUE and not each.dry and each.remaining > 0
    )  # fmt: skip


def mode_of(tx: Transaction, account: str, run: int | None, cycle: int | None) -> str | None:
    """The mode of the run that an order's cycle belongs to; None where there is no such cycle."""
    row = tx.one(_MODE, account=account, run=run, cycle=cycle)
    return None if row is None else str(row["mode"])


def approve(tx: Transaction, run: RunRef, cycle: int, intents: Sequence[OrderIntent], *, at: datetime) -> None:
    """Store intents as APPROVED with their seals; one that stands under the same seal stays as it is."""
    mode = mode_of(tx, run.account, run.number, cycle)
    if mode is None:
        raise BlockedError(f"orders must belong to a cycle of the ledger, were given {run.id}/{cycle}; begin it first")
    fresh = [intent for intent in intents if not _stands(tx, run.account, intent)]
    if not fresh:
        return
    when = utc_text(at)
    dry = int(mode == "dry_run")
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
    row = find(tx, account, intent.order_ref)
    if row is None:
        return False
    if row["seal"] != intent.seal:
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
        "updated": when, "run": None, "cycle": None, "dry": 0, "seal": "", "session": None, "venue_id": None,
        "order_id": None, "epoch": None, "unlocked": None,
    }  # fmt: skip


def insert_orphan(tx: Transaction, account: str, report: OrderReport, at: datetime) -> Row:
    """An order at the venue that nobody here knows; it never becomes ours."""
    intent = OrderIntent(
        order_ref=report.order_ref, account=account, symbol=report.symbol, side=report.side, quantity=report.quantity,
        effect=Effect.OPEN if report.side is Side.BUY else Effect.CLOSE,
    )  # fmt: skip
    tx.many(_ADD, [first_row(intent, OrderStatus.ORPHAN, at)])
    return require(tx, account, report.order_ref)


def insert_denied(tx: Transaction, rows: Sequence[dict[str, Value]]) -> None:
    """Store planned orders that guards refused, so that a list of orders shows them."""
    tx.many(_ADD, rows)
    tx.many(_ADD_EVENT, [
        _event(str(row["account"]), str(row["order_ref"]), 1, OrderStatus.PROPOSED, OrderStatus.DENIED,
               str(row["message"])) | {"at": row["updated"]}
        for row in rows
    ])  # fmt: skip


def _event(
    account: str, order_ref: str, number: int, before: OrderStatus, after: OrderStatus, message: str = ""
) -> dict[str, Value]:
    return {
        "account": account, "order_ref": order_ref, "number": number, "from_state": str(before),
        "to_state": str(after), "message": message,
    }  # fmt: skip


def note_step(
    tx: Transaction, row: Row, before: OrderStatus, after: OrderStatus, *, message: str, at: datetime
) -> None:
    """Append one event to the order's history."""
    event = _event(row["account"], row["order_ref"], _next_event(tx, row), before, after, message)
    tx.run(_ADD_EVENT, at=utc_text(at), **event)


def _next_event(tx: Transaction, row: Row) -> int:
    last = tx.one(_LAST_EVENT, account=row["account"], order_ref=row["order_ref"])
    return 1 if last is None else int(last["number"]) + 1


def move(
    tx: Transaction, row: Row, steps: Sequence[OrderStatus], *, at: datetime, message: str,
    filled: Decimal | None = None,
) -> OrderStatus:  # fmt: skip
    """Walk the order through `steps`, an event each; without steps only what is known of it moves."""
    state, when = OrderStatus(row["state"]), utc_text(at)
    events = []
    for number, after in enumerate(steps or (state,), start=_next_event(tx, row)):
        tx.run(
            _MOVE, account=row["account"], order_ref=row["order_ref"], b_state=str(after),
            b_filled=row["filled"] if filled is None else plain(filled), b_message=message, b_at=when,
        )  # fmt: skip
        events.append(_event(row["account"], row["order_ref"], number, state, after, message) | {"at": when})
        state = after
    tx.many(_ADD_EVENT, events)
    return state


def name_at_venue(tx: Transaction, row: Row, venue_id: str) -> None:
    """Keep the venue's own lasting id of an order, once it is told."""
    if venue_id and row["venue_id"] is None:
        tx.run(_NAME, account=row["account"], order_ref=row["order_ref"], b_venue_id=venue_id)


def was_shown(tx: Transaction, account: str, order_ref: str) -> bool:
    """True once the venue has shown the order, accepted or not."""
    return tx.one(_SHOWN, account=account, order_ref=order_ref) is not None


def known(tx: Transaction, account: str, order_refs: Sequence[str]) -> tuple[OrderReport, ...]:
    """What the ledger holds of each order, with its booked fills.

    Raises:
        InputError: a ref is not in the ledger.
    """
    return tuple(_report(tx, require(tx, account, ref)) for ref in order_refs)


def found(tx: Transaction, account: str, order_refs: Sequence[str]) -> Mapping[str, OrderReport]:
    """What the ledger holds of those orders that it has."""
    rows = (find(tx, account, ref) for ref in order_refs)
    return {row["order_ref"]: _report(tx, row) for row in rows if row is not None}


def _report(tx: Transaction, row: Row) -> OrderReport:
    return OrderReport(
        order_ref=row["order_ref"], symbol=row["symbol"], side=Side(row["side"]), quantity=Decimal(row["quantity"]),
        status=OrderStatus(row["state"]), filled=Decimal(row["filled"]),
        fills=fills_of(tx, row["account"], row["order_ref"]), message=row["message"], venue_id=row["venue_id"] or "",
    )  # fmt: skip


def has_traded(tx: Transaction, account: str) -> bool:
    """True once anything was ever filled for the account."""
    return any_fill(tx, account)
