"""The venue in memory, for backtests and tests: the same promises as the file, for one process."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime

from prudent.brokers.simulated.storage import Acted, Transfer
from prudent.domain.orders import Fill
from prudent.exchange.book import Book, Change, VenueOrder


@dataclass(slots=True)
class _Shelf:
    """Everything of a venue, or what one transaction adds to it."""

    books: dict[str, Book] = field(default_factory=dict)
    openings: dict[str, Book] = field(default_factory=dict)
    orders: dict[tuple[str, str], VenueOrder] = field(default_factory=dict)
    fills: dict[str, list[Fill]] = field(default_factory=dict)
    transfers: dict[tuple[str, str], Transfer] = field(default_factory=dict)
    acted: dict[tuple[str, str], Acted] = field(default_factory=dict)


class _MemoryTransaction:
    """Reads through to the shelf; writes wait in `_staged` until the transaction ends well."""

    def __init__(self, shelf: _Shelf) -> None:
        self._shelf = shelf
        self._staged = _Shelf()

    def book(self, account: str) -> Book | None:
        return self._staged.books.get(account) or self._shelf.books.get(account)

    def opening(self, account: str) -> Book | None:
        return self._staged.openings.get(account) or self._shelf.openings.get(account)

    def order(self, account: str, order_ref: str) -> VenueOrder | None:
        key = (account, order_ref)
        return self._staged.orders.get(key) or self._shelf.orders.get(key)

    def orders(self, account: str, since: datetime) -> tuple[VenueOrder, ...]:
        every = {**self._shelf.orders, **self._staged.orders}
        return tuple(
            order
            for (owner, _), order in every.items()
            if owner == account and (not order.status.is_done or order.accepted >= since)
        )

    def fills(self, account: str) -> tuple[Fill, ...]:
        return (*self._shelf.fills.get(account, ()), *self._staged.fills.get(account, ()))

    def transfer(self, account: str, ref: str) -> Transfer | None:
        return self._staged.transfers.get((account, ref)) or self._shelf.transfers.get((account, ref))

    def open_book(self, book: Book, at: datetime) -> None:
        self._staged.books[book.account] = book
        self._staged.openings[book.account] = book

    def save(self, before: Book, change: Change) -> None:
        account = before.account
        self._staged.books[account] = change.book
        for order in change.orders:
            self._staged.orders[account, order.ref] = order
        self._staged.fills.setdefault(account, []).extend(change.fills)

    def save_terms(self, before: Book, after: Book) -> None:
        self._staged.books[before.account] = after

    def save_transfer(self, before: Book, after: Book, transfer: Transfer) -> None:
        self._staged.books[before.account] = after
        self._staged.transfers[transfer.account, transfer.ref] = transfer

    def acted(self, account: str, ref: str) -> Acted | None:
        return self._staged.acted.get((account, ref)) or self._shelf.acted.get((account, ref))

    def save_action(self, before: Book, change: Change, acted: Acted) -> None:
        self._staged.acted[acted.account, acted.ref] = acted
        self.save(before, change)

    def commit(self) -> None:
        staged, shelf = self._staged, self._shelf
        shelf.books.update(staged.books)
        shelf.openings.update(staged.openings)
        shelf.orders.update(staged.orders)
        shelf.transfers.update(staged.transfers)
        shelf.acted.update(staged.acted)
        for account, fills in staged.fills.items():
            shelf.fills.setdefault(account, []).extend(fills)


class MemoryVenueStore:
    """Implements `VenueStore` without a file; nothing survives the process."""

    def __init__(self) -> None:
        self._shelf = _Shelf()
        self._lock = threading.RLock()

    @contextmanager
    def reading(self) -> Iterator[_MemoryTransaction]:
        with self._lock:
            yield _MemoryTransaction(self._shelf)

    @contextmanager
    def writing(self) -> Iterator[_MemoryTransaction]:
        with self._lock:
            transaction = _MemoryTransaction(self._shelf)
            yield transaction
            transaction.commit()
