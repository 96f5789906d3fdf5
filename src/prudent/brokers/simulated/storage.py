"""What the simulated broker asks of a store: books, orders, fills and transfers under one transaction."""

from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Protocol

from prudent.domain.orders import Fill
from prudent.exchange.book import Book, Change, VenueOrder

# Where actions are kept beside transfers; no transfer may have a ref that begins so.
ACTION = "action:"


class TransferKind(StrEnum):
    DEPOSIT = "deposit"
    WITHDRAW = "withdraw"
    DIVIDEND = "dividend"

    @property
    def sign(self) -> int:
        return -1 if self is TransferKind.WITHDRAW else 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Transfer:
    """Money in or out of an account that is no trade; `amount` above 0, booked once per `ref`."""

    account: str
    ref: str
    kind: TransferKind
    amount: Decimal
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Acted:
    """A corporate action that was booked for a holder, once per `ref`; `cash` is what it moved, signed."""

    account: str
    ref: str
    cash: Decimal
    at: datetime


class VenueTransaction(Protocol):
    """One consistent view of the venue; what it writes becomes visible and durable together, or not at all."""

    def book(self, account: str) -> Book | None: ...

    def opening(self, account: str) -> Book | None:
        """The book as the account was opened with, before any fill or transfer."""

    def order(self, account: str, order_ref: str) -> VenueOrder | None: ...

    def orders(self, account: str, since: datetime) -> tuple[VenueOrder, ...]:
        """Every live order, and those accepted from `since` on, in the sequence in which they were accepted."""

    def fills(self, account: str) -> tuple[Fill, ...]:
        """Every execution of the account, in the sequence in which they were made."""

    def transfer(self, account: str, ref: str) -> Transfer | None: ...

    def open_book(self, book: Book, at: datetime) -> None: ...

    def save(self, before: Book, change: Change) -> None:
        """Store what a step of the venue changed."""

    def save_terms(self, before: Book, after: Book) -> None: ...

    def save_transfer(self, before: Book, after: Book, transfer: Transfer) -> None: ...

    def acted(self, account: str, ref: str) -> Acted | None: ...

    def save_action(self, before: Book, change: Change, acted: Acted) -> None: ...


class VenueStore(Protocol):
    """Holds the venue. `writing` excludes every other writer; a failure inside leaves the store as it was.

    A store that cannot be read or written raises `StoreError`.
    """

    def reading(self) -> AbstractContextManager[VenueTransaction]: ...

    def writing(self) -> AbstractContextManager[VenueTransaction]: ...
