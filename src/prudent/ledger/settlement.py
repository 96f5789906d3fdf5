"""How an order's fate is settled without its broker saying so: by certainty, by proof of absence, or by a person."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum

from sqlalchemy import bindparam, select, update

from prudent.domain.accounts import TradingState
from prudent.domain.errors import BlockedError, InputError
from prudent.domain.money import ZERO, is_finite, plain
from prudent.domain.orders import Fill, OrderReport, OrderStatus, Side
from prudent.domain.quotes import Quality
from prudent.domain.records import Json, utc_text
from prudent.ledger import accounts, audit, locks, orders, states
from prudent.ledger.booking import adjustment_lines
from prudent.ledger.claims import require_lease
from prudent.ledger.database import Row, Transaction
from prudent.ledger.executions import BY_HAND, take
from prudent.ledger.journal import Books, Entry, append_entry
from prudent.ledger.schema import ORDERS, PLATFORM, among, mine
from prudent.ledger.transitions import AT_VENUE, UNSETTLED, path
from prudent.ports import NO_CLAIM, NO_PERMIT, Claim, Permit

S = OrderStatus
TICKET = "ticket: "
_CLAIMED = (S.SENDING, S.UNKNOWN)
_CANCELLABLE = (S.ACKED, S.PARTIAL)
_OPEN_FATE = frozenset(AT_VENUE) | {S.ORPHAN}
_ON_SYMBOL = select(ORDERS).where(
    mine(ORDERS, "account", "symbol"), ORDERS.c.dry == 0, among(ORDERS.c.state, (*UNSETTLED, S.ORPHAN))
)
_UNLOCK = update(ORDERS).where(mine(ORDERS, "account", "order_ref")).values(unlocked=bindparam("b_at"))


class Fate(StrEnum):
    """What a person says became of an order."""

    FILLED = "filled"
    NOT_SENT = "not-sent"


@dataclass(frozen=True, slots=True, kw_only=True)
class Word:
    """A person's word on an order: what became of it and why they know; a filled one needs its price."""

    fate: Fate
    reason: str
    quantity: Decimal | None = None
    price: Decimal | None = None
    commission: Decimal = ZERO


@dataclass(frozen=True, slots=True, kw_only=True)
class Adjustment:
    """A difference to the broker that is taken over: what the ledger's quantity, cost and cash move by."""

    symbol: str
    quantity: Decimal
    cost: Decimal
    cash: Decimal
    kind: str


def never_left(
    tx: Transaction, account: str, order_ref: str, *, reason: str, at: datetime, claim: Claim = NO_CLAIM
) -> None:  # fmt: skip
    """No byte of the order left, with certainty: it was never claimed, or its own claimant says so.

    Raises:
        BlockedError: it was claimed by another, or is past the wire.
    """
    row = orders.require(tx, account, order_ref)
    state = S(row["state"])
    claimed = bool(claim.order_id) and row["order_id"] == claim.order_id
    # Another process may have come to doubt it meanwhile; its own claimant knows better.
    own = (state in _CLAIMED and claimed) or (state is S.SENDING and bool(row["dry"]))
    if state is not S.APPROVED and not own:
        raise BlockedError(
            f"order {order_ref} must be APPROVED or claimed here to say that it never left, was {state}; reconcile it"
        )
    orders.move(tx, row, (S.NOT_SENT,), message=reason, at=at)
    audit.note(tx, "order_never_left", account, at, {"order_ref": order_ref, "before": str(state), "reason": reason})


def in_doubt(tx: Transaction, account: str, order_ref: str, *, reason: str, at: datetime) -> bool:
    """Nobody can say what the broker has of the order: its symbol is locked until somebody can. True when it moved."""
    row = orders.require(tx, account, order_ref)
    steps = path(S(row["state"]), S.UNKNOWN)
    if not steps:
        return False
    orders.move(tx, row, steps, message=reason, at=at)
    audit.note(tx, "order_in_doubt", account, at, {"order_ref": order_ref, "before": row["state"], "reason": reason})
    return True


def absent(
    tx: Transaction, account: str, order_ref: str, *, evidence: Mapping[str, Json], at: datetime,
    permit: Permit = NO_PERMIT,
) -> OrderStatus:  # fmt: skip
    """The proved verdict on an UNKNOWN order: it is not at the venue. One that the venue had shown has ended there.

    Raises:
        BlockedError: the lease is not the permit's any more, or the order is not UNKNOWN any more.
    """
    require_lease(tx, account, permit, at)
    row = orders.require(tx, account, order_ref)
    if row["state"] != S.UNKNOWN:
        raise BlockedError(f"order {order_ref} must be UNKNOWN to be proved absent, was {row['state']}; ask again")
    end = _end_of(tx, row)
    message = f"proved absent at the venue: {evidence.get('proof', 'two complete rounds without it')}"
    orders.move(tx, row, (end,), message=message, at=at)
    audit.note(tx, "order_absent", account, at, {"order_ref": order_ref, "end": str(end), **evidence})
    return end


def _end_of(tx: Transaction, row: Row) -> OrderStatus:
    shown = orders.was_shown(tx, row["account"], row["order_ref"]) or Decimal(row["filled"]) > 0
    return S.CANCELLED if shown else S.NOT_SENT


def orphan_gone(tx: Transaction, account: str, order_ref: str, *, at: datetime) -> None:
    """An order of somebody else is no longer at the venue."""
    row = orders.require(tx, account, order_ref)
    steps = path(S(row["state"]), S.EXPIRED)
    if row["run"] is None and steps:
        orders.move(tx, row, steps, message="no longer at the venue", at=at)
        audit.note(tx, "orphan_gone", account, at, {"order_ref": order_ref})


def cancelling(tx: Transaction, account: str, order_ref: str, *, at: datetime) -> OrderStatus:
    """Write that a cancel is asked for, before it is; gives the state after it."""
    row = orders.require(tx, account, order_ref)
    state = S(row["state"])
    if state in _CANCELLABLE:
        orders.move(tx, row, (S.PEND_CANCEL,), message="cancel asked for", at=at)
        state = S.PEND_CANCEL
    audit.note(tx, "cancel_asked", account, at, {"order_ref": order_ref, "before": row["state"]})
    return state


def open_ticket(tx: Transaction, account: str, order_ref: str, *, reason: str, at: datetime) -> bool:
    """Call a person to an order whose fate stays unknown; True when this call opened the ticket."""
    row = orders.require(tx, account, order_ref)
    if row["state"] != S.UNKNOWN or str(row["message"]).startswith(TICKET):
        return False
    orders.move(tx, row, (), message=TICKET + reason, at=at)
    audit.note(tx, "ticket_opened", account, at, {"order_ref": order_ref, "reason": reason})
    return True


def resolve(tx: Transaction, books: Books, account: str, order_ref: str, word: Word, *, at: datetime) -> OrderReport:
    """A person settles an order that nobody else can: by a fill that is booked, or by its absence.

    Should the broker tell its own executions later, they replace what was booked by hand.

    Raises:
        BlockedError: the order has an end, or never left.
        InputError: quantity or price cannot be.
    """
    row = orders.require(tx, account, order_ref)
    state = S(row["state"])
    if state not in _OPEN_FATE:
        raise BlockedError(
            f"order {order_ref} must be under way to be resolved, was {state}; nothing is left to say about it"
        )
    if word.fate is Fate.FILLED:
        fill = _by_hand(row, word, at)
        taken = take(tx, books, row, (fill,), heard_before=False)
        whole = taken.filled >= Decimal(row["quantity"])
        steps, filled = _walk(state, S.FILLED if whole else S.CANCELLED), taken.filled
    else:
        end = S.CANCELLED if state is S.ORPHAN else _end_of(tx, row)
        steps, filled = _walk(state, end), None
    message = f"resolved by hand as {word.fate}: {word.reason}"
    orders.move(tx, row, steps, filled=filled, message=message, at=at)
    audit.note(tx, "order_resolved", account, at, {
        "order_ref": order_ref, "before": str(state), "fate": str(word.fate), "reason": word.reason,
        "quantity": _text(word.quantity), "price": _text(word.price), "commission": plain(word.commission),
    })  # fmt: skip
    return orders.known(tx, account, (order_ref,))[0]


def _text(amount: Decimal | None) -> str | None:
    return None if amount is None else plain(amount)


def _walk(state: OrderStatus, end: OrderStatus) -> tuple[OrderStatus, ...]:
    """From any open state to an end: what is not UNKNOWN or somebody else's passes UNKNOWN."""
    if state in (S.UNKNOWN, S.ORPHAN):
        return (end,)
    return (S.UNKNOWN, end)


def _by_hand(row: Row, word: Word, at: datetime) -> Fill:
    rest = Decimal(row["quantity"]) - Decimal(row["filled"])
    quantity = rest if word.quantity is None else word.quantity
    if not (is_finite(quantity) and 0 < quantity <= rest):
        raise InputError(f"--quantity must be above 0 and at most {plain(rest)}, was {quantity}; correct it")
    if word.price is None or not (is_finite(word.price) and word.price > 0):
        raise InputError(f"--price must be what it was filled at, above 0, was {word.price}; add it")
    if not (is_finite(word.commission) and word.commission >= 0):
        raise InputError(f"--commission must be 0 or above, was {word.commission}; correct it")
    return Fill(
        exec_id=f"{BY_HAND}{row['order_ref']}:{utc_text(at)}", order_ref=row["order_ref"], account=row["account"],
        symbol=row["symbol"], side=Side(row["side"]), quantity=quantity, price=word.price,
        commission=word.commission, time=at, quality=Quality.DERIVED,
    )  # fmt: skip


def adjust(tx: Transaction, books: Books, account: str, change: Adjustment, *, reason: str, at: datetime) -> None:
    """Take over a difference to the broker that no execution explains, as one journal entry with its evidence."""
    lines = adjustment_lines(change.symbol, quantity=change.quantity, cost=change.cost, cash=change.cash)
    if not lines:
        return
    ref = f"{change.symbol}:{utc_text(at)}"
    text = f"{change.kind} of {plain(change.quantity)} {change.symbol}, cash {plain(change.cash)}: {reason}"
    entry = Entry(account=account, kind="adjustment", ref=ref, at=at, text=text)
    append_entry(tx, books.of(tx, account), entry, lines, currency=books.currency(tx, account))
    audit.note(tx, "difference_taken_over", account, at, {
        "symbol": change.symbol, "kind": change.kind, "quantity": plain(change.quantity), "cost": plain(change.cost),
        "cash": plain(change.cash), "reason": reason,
    })  # fmt: skip


def unlock(tx: Transaction, account: str, symbol: str, *, reason: str, at: datetime) -> tuple[str, ...]:
    """Lift what locks a symbol: its own state, and orders of somebody else, which a person then knows of.

    Raises:
        BlockedError: an order of ours has no known fate; that is settled first.
    """
    accounts.find(tx, account)
    lifted: list[str] = []
    rows = tx.all(_ON_SYMBOL, account=account, symbol=symbol)
    for row in rows:
        if row["state"] != S.ORPHAN:
            raise BlockedError(
                f"{symbol} must have no order of unknown fate to be unlocked, has {row['order_ref']} in state "
                f"{row['state']}; run `invest reconcile {account}` or `invest orders resolve {row['order_ref']}`"
            )
    for row in rows:
        if row["unlocked"] is None:
            tx.run(_UNLOCK, account=account, order_ref=row["order_ref"], b_at=utc_text(at))
            lifted.append(f"order {row['order_ref']}, which nobody here placed")
    for scope in (account, PLATFORM):
        state, why = locks.standing(tx, scope, symbol)
        if state is not TradingState.ACTIVE and (scope == account or not lifted or why):
            states.set_state(tx, scope, TradingState.ACTIVE, reason=reason, at=at, symbol=symbol)
            lifted.append(f"{state}: {why}")
    if lifted:
        told: list[Json] = list(lifted)
        audit.note(tx, "symbol_unlocked", account, at, {"symbol": symbol, "reason": reason, "lifted": told})
    return tuple(lifted)
