"""The venue in a SQLite file of its own, so that every process sees the same accounts and a kill loses nothing."""

import json
import sqlite3
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

from prudent.brokers.simulated.schema import TABLES, VERSION
from prudent.brokers.simulated.storage import ACTION, Acted, Transfer, TransferKind
from prudent.domain.accounts import Position
from prudent.domain.errors import StoreError
from prudent.domain.mandate import CostModel
from prudent.domain.money import plain
from prudent.domain.orders import Fill, OrderIntent, OrderStatus, Side
from prudent.domain.quotes import Quality
from prudent.domain.records import decode, utc_text
from prudent.domain.spelling import spelled
from prudent.exchange.book import Book, Change, Terms, VenueOrder

LOCK_SECONDS_MAX = 10.0
_FILL_COLUMNS = "exec_id, order_ref, account, symbol, side, quantity, price, commission, time, quality"
Hook = Callable[[str], None]


def _no_hook(point: str) -> None:
    """Nothing happens between two statements outside of tests."""
    del point


class SqliteVenueStore:
    """Implements `VenueStore`; `hook` is called by name between the statements of a write, for kill tests."""

    def __init__(
        self, path: Path | str, *, hook: Hook = _no_hook, lock_seconds_max: float = LOCK_SECONDS_MAX
    ) -> None:
        self._path = Path(path)
        self._hook = hook
        self._lock = threading.RLock()
        with self._border():
            self._db = sqlite3.connect(
                self._path, isolation_level=None, timeout=lock_seconds_max, check_same_thread=False
            )
            try:
                self._prepare()
            except BaseException:
                self._db.close()
                raise

    def close(self) -> None:
        self._db.close()

    @contextmanager
    def reading(self) -> Iterator["_SqliteTransaction"]:
        with self._transaction("BEGIN") as transaction:
            yield transaction

    @contextmanager
    def writing(self) -> Iterator["_SqliteTransaction"]:
        with self._transaction("BEGIN IMMEDIATE") as transaction:
            yield transaction
            self._hook("before_commit")
        self._hook("committed")

    @contextmanager
    def _transaction(self, begin: str) -> Iterator["_SqliteTransaction"]:
        with self._lock, self._border():
            self._db.execute(begin)
            try:
                yield _SqliteTransaction(self._db, self._hook)
                self._db.execute("COMMIT")
            finally:
                if self._db.in_transaction:
                    self._db.execute("ROLLBACK")

    def _prepare(self) -> None:
        for pragma in ("journal_mode = WAL", "synchronous = FULL", "foreign_keys = ON"):
            self._db.execute(f"PRAGMA {pragma}")
        version = self._version()
        if version > VERSION:
            raise StoreError(
                f"{self._path} has schema version {version}, this program knows up to {VERSION}; "
                "upgrade the program or restore the backup made before the upgrade"
            )
        if version == 0:
            with self._transaction("BEGIN IMMEDIATE"):
                # Another process may have made the tables between the two looks.
                if self._version() == 0:
                    for statement in TABLES.split(";"):
                        self._db.execute(statement)
                    self._db.execute(f"PRAGMA user_version = {VERSION}")

    def _version(self) -> int:
        (version,) = self._db.execute("PRAGMA user_version").fetchone()
        return int(version)

    @contextmanager
    def _border(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as error:
            raise StoreError(f"the venue's file {self._path} cannot be used: {_advice(str(error))}") from error


def open_store(path: Path) -> SqliteVenueStore:
    """The venue's file at `path`, made with its folder when it is not there yet.

    Raises:
        StoreError: it cannot be made, read or written, or a newer program made it.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StoreError(f"the folder of {path} cannot be made: {error}; check its permissions") from error
    return SqliteVenueStore(path)


def _advice(text: str) -> str:
    lowered = text.lower()
    known = (
        ("locked", "another process holds it; wait for that command to end and try again"),
        ("full", "the disk is full; free some space and try again, nothing was half done"),
        ("not a database", "it is no SQLite database or is encrypted; restore it from a backup"),
        ("malformed", "it is damaged; restore it from a backup"),
        ("readonly", "it cannot be written; check the file's permissions"),
        ("unable to open", "it cannot be opened; check that its folder exists and may be written"),
    )
    return next((f"{text}: {advice}" for sign, advice in known if sign in lowered), text)


class _SqliteTransaction:
    """One open transaction; it lives no longer than the `with` that gave it."""

    def __init__(self, db: sqlite3.Connection, hook: Hook) -> None:
        self._db = db
        self._hook = hook

    def book(self, account: str) -> Book | None:
        row = self._db.execute("SELECT cash FROM accounts WHERE account = ?", (account,)).fetchone()
        if row is None:
            return None
        holdings = self._db.execute(
            "SELECT symbol, quantity, average_cost, opened FROM holdings WHERE account = ? ORDER BY symbol", (account,)
        )
        orders = self._db.execute(
            "SELECT order_ref FROM orders WHERE account = ? AND live = 1 ORDER BY seq", (account,)
        ).fetchall()
        found = (self.order(account, ref) for (ref,) in orders)
        return Book(
            account=account, terms=self._terms(account), cash=Decimal(row[0]), holdings=_holdings(holdings),
            orders=tuple(order for order in found if order is not None),
        )  # fmt: skip

    def opening(self, account: str) -> Book | None:
        row = self._db.execute("SELECT opening_cash, opened FROM accounts WHERE account = ?", (account,)).fetchone()
        if row is None:
            return None
        cash, opened = row
        holdings = self._db.execute(
            "SELECT symbol, quantity, average_cost, ? FROM opening_holdings WHERE account = ? ORDER BY symbol",
            (opened, account),
        )
        return Book(account=account, terms=self._terms(account), cash=Decimal(cash), holdings=_holdings(holdings))

    def order(self, account: str, order_ref: str) -> VenueOrder | None:
        row = self._db.execute(
            "SELECT intent, status, accepted, good_till, message FROM orders WHERE account = ? AND order_ref = ?",
            (account, order_ref),
        ).fetchone()
        if row is None:
            return None
        intent, status, accepted, good_till, message = row
        fills = self._db.execute(
            f"SELECT {_FILL_COLUMNS} FROM fills WHERE account = ? AND order_ref = ? ORDER BY seq", (account, order_ref)
        )
        return VenueOrder(
            intent=decode(OrderIntent, json.loads(intent)), status=OrderStatus(status), accepted=_time(accepted),
            good_till=None if good_till is None else _time(good_till), fills=_fills(fills), message=message,
        )  # fmt: skip

    def orders(self, account: str, since: datetime) -> tuple[VenueOrder, ...]:
        refs = self._db.execute(
            "SELECT order_ref FROM orders WHERE account = ? AND (live = 1 OR accepted >= ?) ORDER BY seq",
            (account, utc_text(since)),
        ).fetchall()
        found = (self.order(account, ref) for (ref,) in refs)
        return tuple(order for order in found if order is not None)

    def fills(self, account: str) -> tuple[Fill, ...]:
        return _fills(self._db.execute(f"SELECT {_FILL_COLUMNS} FROM fills WHERE account = ? ORDER BY seq", (account,)))

    def transfer(self, account: str, ref: str) -> Transfer | None:
        row = self._db.execute(
            "SELECT kind, amount, at FROM transfers WHERE account = ? AND ref = ?", (account, ref)
        ).fetchone()
        if row is None:
            return None
        kind, amount, at = row
        return Transfer(account=account, ref=ref, kind=TransferKind(kind), amount=Decimal(amount), at=_time(at))

    def open_book(self, book: Book, at: datetime) -> None:
        terms, cash = book.terms, plain(book.cash)
        self._db.execute(
            "INSERT INTO accounts VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            (book.account, terms.currency, int(terms.allow_short), terms.costs, plain(terms.slippage_bps), cash, cash,
             utc_text(at)),
        )  # fmt: skip
        self._hook("account_written")
        for position in book.holdings.values():
            self._save_holding(book.account, position)
            cost = None if position.average_cost is None else plain(position.average_cost)
            self._db.execute(
                "INSERT INTO opening_holdings VALUES (?, ?, ?, ?)",
                (book.account, position.symbol, plain(position.quantity), cost),
            )

    def save(self, before: Book, change: Change) -> None:
        for order in change.orders:
            self._save_order(before.account, order)
            self._hook("order_written")
        for fill in change.fills:
            self._save_fill(fill)
            self._hook("fill_written")
        self._save_book(before, change.book)

    def save_terms(self, before: Book, after: Book) -> None:
        self._save_book(before, after)

    def save_transfer(self, before: Book, after: Book, transfer: Transfer) -> None:
        self._db.execute(
            "INSERT INTO transfers VALUES (?, ?, ?, ?, ?)",
            (transfer.account, transfer.ref, transfer.kind, plain(transfer.amount), utc_text(transfer.at)),
        )
        self._hook("transfer_written")
        self._save_book(before, after)

    def acted(self, account: str, ref: str) -> Acted | None:
        row = self._db.execute(
            "SELECT amount, at FROM transfers WHERE account = ? AND ref = ? AND kind = ?",
            (account, ACTION + ref, ACTION),
        ).fetchone()
        return None if row is None else Acted(account=account, ref=ref, cash=Decimal(row[0]), at=_time(row[1]))

    def save_action(self, before: Book, change: Change, acted: Acted) -> None:
        self._db.execute(
            "INSERT INTO transfers VALUES (?, ?, ?, ?, ?)",
            (acted.account, ACTION + acted.ref, ACTION, plain(acted.cash), utc_text(acted.at)),
        )
        self._hook("action_written")
        self.save(before, change)

    def _terms(self, account: str) -> Terms:
        currency, allow_short, costs, slippage = self._db.execute(
            "SELECT currency, allow_short, costs, slippage_bps FROM accounts WHERE account = ?", (account,)
        ).fetchone()
        return Terms(
            currency=currency, allow_short=bool(allow_short), costs=CostModel(costs), slippage_bps=Decimal(slippage)
        )

    def _save_order(self, account: str, order: VenueOrder) -> None:
        good_till = None if order.good_till is None else utc_text(order.good_till)
        self._db.execute(
            "INSERT INTO orders (account, order_ref, intent, status, live, accepted, good_till, message) "
            "VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (account, order_ref) DO UPDATE "
            "SET status = excluded.status, live = excluded.live, message = excluded.message",
            (account, order.ref, spelled(order.intent), order.status,
             int(not order.status.is_done), utc_text(order.accepted), good_till, order.message),
        )  # fmt: skip

    def _save_fill(self, fill: Fill) -> None:
        self._db.execute(
            f"INSERT INTO fills ({_FILL_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (fill.exec_id, fill.order_ref, fill.account, fill.symbol, fill.side, plain(fill.quantity),
             plain(fill.price), plain(fill.commission), utc_text(fill.time), fill.quality),
        )  # fmt: skip

    def _save_book(self, before: Book, after: Book) -> None:
        terms = after.terms
        self._db.execute(
            "UPDATE accounts SET cash = ?, allow_short = ?, costs = ?, slippage_bps = ? WHERE account = ?",
            (plain(after.cash), int(terms.allow_short), terms.costs, plain(terms.slippage_bps), after.account),
        )
        self._hook("cash_written")
        for symbol in before.holdings.keys() - after.holdings.keys():
            self._db.execute("DELETE FROM holdings WHERE account = ? AND symbol = ?", (after.account, symbol))
        for symbol, position in after.holdings.items():
            if before.holdings.get(symbol) != position:
                self._save_holding(after.account, position)
        self._hook("holdings_written")

    def _save_holding(self, account: str, position: Position) -> None:
        cost = None if position.average_cost is None else plain(position.average_cost)
        opened = None if position.opened is None else utc_text(position.opened)
        self._db.execute(
            "INSERT OR REPLACE INTO holdings VALUES (?, ?, ?, ?, ?)",
            (account, position.symbol, plain(position.quantity), cost, opened),
        )


def _time(text: str) -> datetime:
    return datetime.strptime(text, "%Y-%m-%dT%H:%M:%S.%fZ").replace(tzinfo=UTC)


def _holdings(rows: Iterable[tuple[str, str, str | None, str | None]]) -> dict[str, Position]:
    return {
        symbol: Position(
            symbol=symbol, quantity=Decimal(quantity), average_cost=None if cost is None else Decimal(cost),
            opened=None if opened is None else _time(opened),
        )
        for symbol, quantity, cost, opened in rows
    }  # fmt: skip


def _fills(rows: Iterable[tuple[str, str, str, str, str, str, str, str, str, str]]) -> tuple[Fill, ...]:
    return tuple(
        Fill(
            exec_id=exec_id, order_ref=ref, account=account, symbol=symbol, side=Side(side), quantity=Decimal(quantity),
            price=Decimal(price), commission=Decimal(commission), time=_time(time), quality=Quality(quality),
        )
        for exec_id, ref, account, symbol, side, quantity, price, commission, time, quality in rows
    )  # fmt: skip
