"""The stored journal: entries are appended, never changed, and a book is what they add up to."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from functools import partial

from sqlalchemy import bindparam, func, insert, select

from prudent.domain.money import plain
from prudent.domain.records import utc_text
from prudent.ledger.booking import Book, Line
from prudent.ledger.database import Transaction
from prudent.ledger.schema import ACCOUNTS, JOURNAL_ENTRIES, JOURNAL_LINES, mine

_LINES = (
    select(
        JOURNAL_LINES.c.entry, JOURNAL_LINES.c.ledger_account, JOURNAL_LINES.c.amount, JOURNAL_LINES.c.symbol,
        JOURNAL_LINES.c.quantity, JOURNAL_ENTRIES.c.at,
    )
    .join(
        JOURNAL_ENTRIES,
        (JOURNAL_ENTRIES.c.owner_id == JOURNAL_LINES.c.owner_id) & (JOURNAL_ENTRIES.c.entry == JOURNAL_LINES.c.entry),
    )
    .where(mine(JOURNAL_LINES, "account"), JOURNAL_LINES.c.entry > bindparam("after"))
    .order_by(JOURNAL_LINES.c.entry, JOURNAL_LINES.c.line)
)  # fmt: skip
_LAST = select(func.max(JOURNAL_ENTRIES.c.entry).label("entry")).where(mine(JOURNAL_ENTRIES))
_BY_REF = select(JOURNAL_ENTRIES.c.entry, JOURNAL_ENTRIES.c.text).where(mine(JOURNAL_ENTRIES, "account", "kind", "ref"))
_OF_ENTRY = select(JOURNAL_LINES).where(mine(JOURNAL_LINES, "entry")).order_by(JOURNAL_LINES.c.line)
_CURRENCY = select(ACCOUNTS.c.currency).where(mine(ACCOUNTS, "account"))
_ADD_ENTRY = insert(JOURNAL_ENTRIES)
_ADD_LINE = insert(JOURNAL_LINES)


def moment(text: str) -> datetime:
    """A stored time; the inverse of `utc_text`."""
    return datetime.fromisoformat(text).astimezone(UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """What an entry is for: `kind` and `ref` together book at most once per account."""

    account: str
    kind: str
    ref: str
    at: datetime
    text: str = ""


class Books:
    """The books of all accounts, each read from its journal once and then only continued; shared by all threads.

    A book that was read is never changed again. A transaction that books works on a copy of its own, and what became
    of it is kept here only when the transaction has succeeded.
    """

    def __init__(self) -> None:
        self._books: dict[str, Book] = {}
        self._currencies: dict[str, str] = {}

    def forget(self) -> None:
        """Drop what was read; it is read again when it is next asked for."""
        self._books, self._currencies = {}, {}

    def currency(self, tx: Transaction, account: str) -> str:
        """The currency of a known account, which is fixed when it is opened."""
        found = self._currencies.get(account)
        if found is None:
            found = currency(tx, account)
            tx.once_done(partial(self._currencies.__setitem__, account, found))
        return found

    def of(self, tx: Transaction, account: str) -> Book:
        """The book of `account` as of now."""
        mine = f"book:{account}"
        book: Book = tx.kept.get(mine) or self._books.get(account) or Book()
        rows = tx.all(_LINES, account=account, after=book.entry)
        if mine not in tx.kept and (rows or tx.writes):
            book = tx.kept[mine] = book.copy()
            tx.once_done(lambda: self._keep(account, tx.kept[mine]))
        for row in rows:
            line = Line(
                ledger_account=row["ledger_account"],
                amount=Decimal(row["amount"]),
                symbol=row["symbol"],
                quantity=Decimal(row["quantity"]),
            )
            book.add(row["entry"], line, moment(row["at"]))
        return book

    def _keep(self, account: str, book: Book) -> None:
        known = self._books.get(account)
        if known is None or known.entry < book.entry:
            self._books[account] = book


def currency(tx: Transaction, account: str) -> str:
    """The currency of a known account."""
    row = tx.one(_CURRENCY, account=account)
    assert row is not None, f"{account} has rows in the ledger and so must be an account of it"
    return str(row["currency"])


def booked(tx: Transaction, account: str, kind: str, ref: str) -> str | None:
    """The text of the entry that already stands for `kind` and `ref`; None when there is none."""
    row = tx.one(_BY_REF, account=account, kind=kind, ref=ref)
    return None if row is None else str(row["text"])


def lines_of(tx: Transaction, entry: int) -> tuple[Line, ...]:
    """The lines of one entry, in their order."""
    return tuple(
        Line(
            ledger_account=row["ledger_account"], amount=Decimal(row["amount"]), symbol=row["symbol"],
            quantity=Decimal(row["quantity"]),
        )
        for row in tx.all(_OF_ENTRY, entry=entry)
    )  # fmt: skip


def append_entry(tx: Transaction, book: Book, entry: Entry, lines: Sequence[Line], *, currency: str) -> int:
    """Store a balanced entry and take it into its book, which must be up to date; gives its number."""
    last = tx.one(_LAST)
    number = int((last["entry"] if last else 0) or 0) + 1
    tx.run(
        _ADD_ENTRY, entry=number, account=entry.account, kind=entry.kind, ref=entry.ref, at=utc_text(entry.at),
        text=entry.text,
    )  # fmt: skip
    tx.many(
        _ADD_LINE,
        [
            {
                "entry": number, "line": index, "account": entry.account, "ledger_account": line.ledger_account,
                "currency": currency, "amount": plain(line.amount), "symbol": line.symbol,
                "quantity": plain(line.quantity),
            }
            for index, line in enumerate(lines, start=1)
        ],
    )  # fmt: skip
    for line in lines:
        book.add(number, line, entry.at)
    return number
