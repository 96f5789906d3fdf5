"""Accounts as stored rows: opening them, moving money in and out."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

from sqlalchemy import bindparam, insert, select, update

from prudent.domain.accounts import AccountClass, AccountSnapshot, Position
from prudent.domain.errors import InputError
from prudent.domain.mandate import Mandate
from prudent.domain.money import plain
from prudent.domain.records import encode, utc_text
from prudent.ledger import audit, mandates, valuations
from prudent.ledger.booking import FlowKind, adopted_lines, flow_lines, opening_lines
from prudent.ledger.database import Row, Transaction
from prudent.ledger.journal import Books, Entry, append_entry, booked, moment
from prudent.ledger.schema import ACCOUNTS, USERS, mine

EXCHANGE_ZONE = ZoneInfo("America/New_York")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}")

_ACCOUNT = select(ACCOUNTS).where(mine(ACCOUNTS, "account"))
_ACCOUNTS = select(ACCOUNTS).where(mine(ACCOUNTS)).order_by(ACCOUNTS.c.account)
_ADD_ACCOUNT = insert(ACCOUNTS)
_SET_STATUS = update(ACCOUNTS).where(mine(ACCOUNTS, "account")).values(status=bindparam("new_status"))
_USER = select(USERS.c.owner_id).where(mine(USERS))
_ADD_USER = insert(USERS)


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """An account of the ledger; class, currency and broker are fixed when it is opened."""

    id: str
    name: str
    account_class: AccountClass
    currency: str
    broker: str
    status: str
    created: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Flow:
    """Money in or out of an account; `ref` names it, so that it is booked once."""

    kind: FlowKind
    amount: Decimal
    at: datetime
    ref: str


def account_row(row: Row) -> Account:
    return Account(
        id=row["account"], name=row["name"], account_class=AccountClass(row["class"]), currency=row["currency"],
        broker=row["broker"], status=row["status"], created=moment(row["created"]),
    )  # fmt: skip


def find(tx: Transaction, account: str) -> Account:
    """The account of that id.

    Raises:
        InputError: the ledger has none of that id.
    """
    row = tx.one(_ACCOUNT, account=account)
    if row is None:
        known = ", ".join(each["account"] for each in tx.all(_ACCOUNTS)) or "none"
        raise InputError(f"account must be one of the ledger's ({known}), was {account!r}; add it or correct the name")
    return account_row(row)


def listed(tx: Transaction) -> tuple[Account, ...]:
    return tuple(account_row(row) for row in tx.all(_ACCOUNTS))


def exchange_date(at: datetime) -> date:
    """The exchange's calendar date of a moment."""
    return at.astimezone(EXCHANGE_ZONE).date()


def be_known(tx: Transaction, at: datetime) -> None:
    """The owner's own row, made with the first thing that is theirs."""
    if tx.one(_USER) is None:
        tx.run(
            _ADD_USER, name=tx.owner, created=utc_text(at), role="admin" if tx.single_user else "user",
            status="active", password=None, password_changed=None,
        )  # fmt: skip


def add(
    tx: Transaction, books: Books, mandate: Mandate, *, cash: Decimal, positions: Iterable[Position], at: datetime
) -> Account:
    """Open an account with its first mandate; cash and positions are booked as contributions of its owner."""
    account = mandate.account
    held = tuple(positions)
    lines = opening_lines(cash, held)
    _open(tx, mandate, at)
    audit.note(tx, "account_added", account, at, {
        "class": encode(mandate.account_class), "currency": mandate.currency, "broker": mandate.broker,
        "mandate": mandate.hash, "cash": encode(cash), "positions": encode(held),
    })  # fmt: skip
    if lines:
        opening = Entry(account=account, kind="opening", ref=account, at=at, text="opening balance")
        append_entry(tx, books.of(tx, account), opening, lines, currency=mandate.currency)
    if cash and not held:
        # Cash alone has a known value: it is the first valuation, so that costs of the first trades count as a loss.
        valuations.store(tx, books, account, nlv=cash, at=at, session=exchange_date(at))
    return find(tx, account)


def adopt(
    tx: Transaction, books: Books, mandate: Mandate, found: AccountSnapshot, *, at: datetime, there: str = ""
) -> Account:  # fmt: skip
    """Open an account with what it was found to hold at its broker, as one entry; its owner contributed it.

    Raises:
        InputError: the account is not new, or what was found cannot be booked.
    """
    account = mandate.account
    lines = adopted_lines(found.cash, found.positions)
    _open(tx, mandate, at)
    audit.note(tx, "account_adopted", account, at, {
        "class": encode(mandate.account_class), "currency": mandate.currency, "broker": mandate.broker,
        "mandate": mandate.hash, "cash": encode(found.cash), "positions": encode(found.positions),
        "found_at": found.source, "there": there, "as_of": utc_text(found.as_of),
    })  # fmt: skip
    if lines:
        text = f"taken over as {found.source} showed it at {utc_text(found.as_of)}"
        opening = Entry(account=account, kind="opening", ref=account, at=at, text=text)
        append_entry(tx, books.of(tx, account), opening, lines, currency=mandate.currency)
    return find(tx, account)


def _open(tx: Transaction, mandate: Mandate, at: datetime) -> None:
    account = mandate.account
    if not _NAME.fullmatch(account):
        raise InputError(
            f"account must be 1 to 64 letters, digits, '.', '_' or '-', was {account!r}; choose such a name"
        )
    if tx.one(_ACCOUNT, account=account) is not None:
        raise InputError(f"account must be new, was {account!r}, which exists; choose another name")
    be_known(tx, at)
    tx.run(
        _ADD_ACCOUNT, account=account, name=mandate.name, currency=mandate.currency, broker=mandate.broker,
        status="open", created=utc_text(at), **{"class": str(mandate.account_class)},
    )  # fmt: skip
    mandates.version_of(tx, mandate, at)


def set_status(tx: Transaction, account: str, status: str, at: datetime) -> None:
    """Close or reopen an account for new runs; its history stays."""
    if status not in ("open", "closed"):
        raise InputError(f"account status must be open or closed, was {status!r}; correct it")
    find(tx, account)
    tx.run(_SET_STATUS, account=account, new_status=status)
    audit.note(tx, "account_status_set", account, at, {"status": status})


def flow(tx: Transaction, books: Books, account: str, moved: Flow) -> bool:
    """Book money in or out, once per `ref`; True when it was booked now, False when it stood already.

    Raises:
        InputError: a bad amount, more than the cash, or another flow under the same ref.
    """
    currency = find(tx, account).currency
    text = f"{moved.kind} {plain(moved.amount)} {currency}"
    if not moved.ref:
        raise InputError(f"a {moved.kind} must have a ref that names it, was empty; give one")
    known = booked(tx, account, "flow", moved.ref)
    if known is not None:
        if known != text:
            raise InputError(f"ref {moved.ref!r} already stands for {known}, was given {text}; choose another ref")
        return False
    book = books.of(tx, account)
    lines = flow_lines(book, moved.kind, moved.amount)
    entry = Entry(account=account, kind="flow", ref=moved.ref, at=moved.at, text=text)
    append_entry(tx, book, entry, lines, currency=currency)
    audit.note(tx, "flow_booked", account, moved.at, {
        "kind": str(moved.kind), "amount": encode(moved.amount), "currency": currency, "ref": moved.ref,
    })  # fmt: skip
    return True


def flow_kind(kind: FlowKind | str) -> FlowKind:
    """The kind of that name.

    Raises:
        InputError: there is none of that name.
    """
    try:
        return FlowKind(kind)
    except ValueError as error:
        raise InputError(f"a flow must be deposit, withdraw or dividend, was {kind!r}; correct it") from error
