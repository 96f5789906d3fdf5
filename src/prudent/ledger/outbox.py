"""What a mirror of the books has yet to be told: kept before it is sent, and the movements that it should show."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum

from sqlalchemy import Integer, bindparam, func, insert, select, update

from prudent.domain.futures import point_value
from prudent.domain.money import ZERO
from prudent.domain.orders import Side
from prudent.domain.records import Json, utc_text
from prudent.ledger import journal
from prudent.ledger.database import Database, Row, Transaction
from prudent.ledger.queries import joined
from prudent.ledger.schema import FILLS, JOURNAL_ENTRIES, JOURNAL_LINES, OUTBOX, mine

WORDS_MAX = 500
# What these entries move stands in the fills, each in its latest version.
_OF_FILLS = frozenset({"fill", "reversal", "correction", "commission"})

_LAST = select(func.max(OUTBOX.c.number).label("number")).where(mine(OUTBOX, "account"))
_ONE = select(OUTBOX).where(mine(OUTBOX, "account", "kind", "ref"))
_ALL = select(OUTBOX).where(mine(OUTBOX, "account")).order_by(OUTBOX.c.number)
_ADD = insert(OUTBOX)
_RENEW = (
    update(OUTBOX)
    .where(mine(OUTBOX, "account", "kind", "ref"))
    .values(
        body=bindparam("b_body"), state=bindparam("b_state"), at=bindparam("b_at"), message=bindparam("b_message"),
        attempts=bindparam("b_attempts", type_=Integer),
    )
)  # fmt: skip
_FILLS = select(FILLS).where(mine(FILLS, "account")).order_by(FILLS.c.exec_id, FILLS.c.version)
_MOVED = (
    select(JOURNAL_LINES, JOURNAL_ENTRIES.c.at, JOURNAL_ENTRIES.c.kind)
    .join(JOURNAL_ENTRIES, joined(JOURNAL_LINES, JOURNAL_ENTRIES, "entry"))
    .where(mine(JOURNAL_LINES, "account"), JOURNAL_LINES.c.symbol != "")
    .order_by(JOURNAL_LINES.c.entry, JOURNAL_LINES.c.line)
)


class OutboxKind(StrEnum):
    """What is to be told: an activity, that one is no more, the cash."""

    ACTIVITY = "activity"
    REMOVAL = "removal"
    CASH = "cash"


class OutboxState(StrEnum):
    """REFUSED waits for a person; DUE is tried until it is DONE."""

    DUE = "due"
    DONE = "done"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True, kw_only=True)
class OutboxRow:
    """One thing to tell. `attempts` failed ones since it became due, `at` the last change of the row."""

    account: str
    number: int
    kind: OutboxKind
    ref: str
    body: Mapping[str, Json]
    state: OutboxState
    at: datetime
    attempts: int
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Movement:
    """A change of a quantity held, as a trade: an execution that stands, or what was put in or taken over.

    `price` is what one unit cost; one of a future is a contract, with its multiplier.
    """

    order_ref: str
    exec_id: str
    version: int
    symbol: str
    side: Side
    quantity: Decimal
    price: Decimal
    fee: Decimal
    time: datetime
    currency: str


class Outbox:
    """The outbox of one owner, each act one durable transaction."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def put(self, account: str, kind: OutboxKind, entries: Mapping[str, Mapping[str, Json]], *, at: datetime) -> int:
        """Make each entry (by ref) due unless it stands with the same body; gives how many became due."""
        with self._database.write() as tx:
            return sum(_put(tx, account, kind, ref, _text(body), at) for ref, body in entries.items())

    def again(self, account: str, rows: Sequence[OutboxRow], *, at: datetime) -> None:
        """Make rows due that were done or refused."""
        with self._database.write() as tx:
            for row in rows:
                _renew(tx, row, OutboxState.DUE, at=at, message="", attempts=0)

    def done(self, row: OutboxRow, *, at: datetime, message: str = "") -> None:
        """It was told; one whose body changed meanwhile stays due."""
        with self._database.write() as tx:
            now = tx.one(_ONE, account=row.account, kind=str(row.kind), ref=row.ref)
            if now is not None and now["body"] == _text(row.body):
                _renew(tx, row, OutboxState.DONE, at=at, message=message, attempts=row.attempts)

    def failed(self, row: OutboxRow, *, at: datetime, message: str, refused: bool = False) -> None:
        """It was not told, or may not have been; `refused` waits for a person."""
        state = OutboxState.REFUSED if refused else OutboxState.DUE
        with self._database.write() as tx:
            _renew(tx, row, state, at=at, message=message[:WORDS_MAX], attempts=row.attempts + 1)

    def rows(self, account: str) -> tuple[OutboxRow, ...]:
        """Everything that was ever to be told of an account, oldest first."""
        with self._database.read() as tx:
            return tuple(_row(row) for row in tx.all(_ALL, account=account))

    def due(self, account: str) -> tuple[OutboxRow, ...]:
        """What is still to be told, oldest first."""
        return tuple(row for row in self.rows(account) if row.state is OutboxState.DUE)

    def movements(self, account: str) -> tuple[Movement, ...]:
        """Every movement that stands, oldest first: what a mirror should show, no more and no less."""
        with self._database.read() as tx:
            currency = journal.currency(tx, account)
            latest = {row["exec_id"]: row for row in tx.all(_FILLS, account=account)}
            found = [_of_fill(row, currency) for row in latest.values() if not row["busted"]]
            moved = (row for row in tx.all(_MOVED, account=account) if row["kind"] not in _OF_FILLS)
            found += [_of_entry(row, currency) for row in moved if Decimal(row["quantity"])]
        return tuple(sorted(found, key=lambda each: (each.time, each.order_ref, each.exec_id)))


def _put(tx: Transaction, account: str, kind: OutboxKind, ref: str, body: str, at: datetime) -> bool:
    known = tx.one(_ONE, account=account, kind=str(kind), ref=ref)
    if known is None:
        last = tx.one(_LAST, account=account)
        tx.run(
            _ADD, account=account, number=int((last["number"] if last else 0) or 0) + 1, kind=str(kind), ref=ref,
            body=body, state=str(OutboxState.DUE), at=utc_text(at), message="", attempts=0,
        )  # fmt: skip
        return True
    if known["body"] == body:
        return False
    tx.run(
        _RENEW, account=account, kind=str(kind), ref=ref, b_body=body, b_state=str(OutboxState.DUE), b_at=utc_text(at),
        b_message="", b_attempts=0,
    )  # fmt: skip
    return True


def _renew(tx: Transaction, row: OutboxRow, state: OutboxState, *, at: datetime, message: str, attempts: int) -> None:
    tx.run(
        _RENEW, account=row.account, kind=str(row.kind), ref=row.ref, b_body=_text(row.body), b_state=str(state),
        b_at=utc_text(at), b_message=message, b_attempts=attempts,
    )  # fmt: skip


def _text(body: Mapping[str, Json]) -> str:
    return json.dumps(body, ensure_ascii=False, separators=(",", ":"), sort_keys=True)


def _row(row: Row) -> OutboxRow:
    return OutboxRow(
        account=row["account"], number=row["number"], kind=OutboxKind(row["kind"]), ref=row["ref"],
        body=json.loads(row["body"]), state=OutboxState(row["state"]), at=journal.moment(row["at"]),
        attempts=row["attempts"], message=row["message"],
    )  # fmt: skip


def _of_fill(row: Row, currency: str) -> Movement:
    return Movement(
        order_ref=row["order_ref"], exec_id=row["exec_id"], version=row["version"], symbol=row["symbol"],
        side=Side(row["side"]), quantity=Decimal(row["quantity"]),
        price=Decimal(row["price"]) * point_value(row["symbol"]), fee=Decimal(row["commission"]),
        time=journal.moment(row["time"]), currency=currency,
    )  # fmt: skip


def _of_entry(row: Row, currency: str) -> Movement:
    """A position that was put in or taken over has the price of its cost; one that only split has none."""
    quantity, amount = Decimal(row["quantity"]), Decimal(row["amount"])
    return Movement(
        order_ref=row["kind"], exec_id=f"entry-{row['entry']}-{row['line']}", version=1, symbol=row["symbol"],
        side=Side.BUY if quantity > 0 else Side.SELL, quantity=abs(quantity), price=max(ZERO, amount / quantity),
        fee=ZERO, time=journal.moment(row["at"]), currency=currency,
    )  # fmt: skip
