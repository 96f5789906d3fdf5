"""The acts of the order path, each one durable transaction: what an opened ledger does with orders."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime

from prudent.domain.accounts import TradingState
from prudent.domain.errors import BlockedError
from prudent.domain.orders import OpenOrder, OrderIntent, OrderReport, OrderStatus
from prudent.domain.records import Json
from prudent.ledger import audit, claims, locks, orders, reconciliations, reports, settlement, valuations
from prudent.ledger.database import Database
from prudent.ledger.journal import Books
from prudent.ledger.orders import PendingOrder
from prudent.ledger.reconciliations import Reconciled
from prudent.ledger.schema import PLATFORM
from prudent.ledger.settlement import Adjustment, Word
from prudent.ports import NO_CLAIM, NO_PERMIT, Claim, Permit, RunRef


class OrderActs:
    """The half of the ledger that orders pass through; the store is built on it."""

    _database: Database
    _books: Books

    def approve(self, run: RunRef, cycle: int, intents: Sequence[OrderIntent], *, at: datetime) -> None:
        with self._database.write() as tx:
            orders.approve(tx, run, cycle, intents, at=at)

    def sending(
        self, account: str, order_ref: str, *, seal: str, at: datetime, permit: Permit = NO_PERMIT
    ) -> Claim:  # fmt: skip
        try:
            with self._database.write() as tx:
                return claims.sending(tx, account, order_ref, seal=seal, at=at, permit=permit)
        except claims.SealBroken as broken:
            with self._database.write() as tx:
                claims.halt_platform(tx, account, reason=str(broken), at=at)
            raise

    def known(self, account: str, order_refs: Sequence[str]) -> tuple[OrderReport, ...]:
        with self._database.read() as tx:
            return orders.known(tx, account, order_refs)

    def found(self, account: str, order_refs: Sequence[str]) -> Mapping[str, OrderReport]:
        """What the ledger holds of those orders that it has."""
        with self._database.read() as tx:
            return orders.found(tx, account, order_refs)

    def reported(
        self, account: str, report: OrderReport, *, at: datetime, asked: datetime | None = None
    ) -> None:  # fmt: skip
        try:
            with self._database.write() as tx:
                reports.reported(tx, self._books, account, report, at=at, asked=asked)
        except BlockedError:
            with self._database.write() as tx:
                reports.refused(tx, account, report, at=at)
            raise

    def pending_orders(self, account: str) -> tuple[PendingOrder, ...]:
        """Orders that are not terminal, oldest first: what a start must ask the broker about."""
        with self._database.read() as tx:
            return orders.pending(tx, account)

    def at_venue(self, account: str) -> tuple[OpenOrder, ...]:
        """Our orders that may be live at the venue; a part of the account's history, without the rest of it."""
        with self._database.read() as tx:
            return orders.at_venue(tx, account)

    def daily_loss_latched(self, account: str, session: date) -> bool:
        """True while the loss of that session stops new risk; a part of the account's history, likewise."""
        with self._database.read() as tx:
            return valuations.latches(tx, account).get(valuations.DAILY_LOSS) == session

    def account_of_order(self, order_ref: str) -> str:
        """Whose order it is; `InputError` when it is nobody's."""
        with self._database.read() as tx:
            return orders.account_of(tx, order_ref)

    def never_left(
        self, account: str, order_ref: str, *, reason: str, at: datetime, claim: Claim = NO_CLAIM
    ) -> None:  # fmt: skip
        with self._database.write() as tx:
            settlement.never_left(tx, account, order_ref, reason=reason, at=at, claim=claim)

    def in_doubt(self, account: str, order_ref: str, *, reason: str, at: datetime) -> bool:
        """Mark an order as UNKNOWN, which locks its symbol; False when it has an end or was UNKNOWN already."""
        with self._database.write() as tx:
            return settlement.in_doubt(tx, account, order_ref, reason=reason, at=at)

    def absent(
        self, account: str, order_ref: str, *, evidence: Mapping[str, Json], at: datetime, permit: Permit = NO_PERMIT
    ) -> OrderStatus:
        """End an UNKNOWN order that was proved absent; only under the account's lease."""
        with self._database.write() as tx:
            return settlement.absent(tx, account, order_ref, evidence=evidence, at=at, permit=permit)

    def orphan_gone(self, account: str, order_ref: str, *, at: datetime) -> None:
        with self._database.write() as tx:
            settlement.orphan_gone(tx, account, order_ref, at=at)

    def cancelling(self, account: str, order_ref: str, *, at: datetime) -> OrderStatus:
        """Write that a cancel is asked for, before it is; gives the state after it."""
        with self._database.write() as tx:
            return settlement.cancelling(tx, account, order_ref, at=at)

    def open_ticket(self, account: str, order_ref: str, *, reason: str, at: datetime) -> bool:
        """Call a person to an order whose fate stays unknown; True when this call opened the ticket."""
        with self._database.write() as tx:
            return settlement.open_ticket(tx, account, order_ref, reason=reason, at=at)

    def resolve(self, account: str, order_ref: str, word: Word, *, at: datetime) -> OrderReport:
        """Settle an order by a person's word; see `settlement.resolve` for what is refused."""
        with self._database.write() as tx:
            return settlement.resolve(tx, self._books, account, order_ref, word, at=at)

    def adjust(self, account: str, change: Adjustment, *, reason: str, at: datetime) -> None:
        """Take over a difference to the broker that no execution explains."""
        with self._database.write() as tx:
            settlement.adjust(tx, self._books, account, change, reason=reason, at=at)

    def unlock(self, account: str, symbol: str, *, reason: str, at: datetime) -> tuple[str, ...]:
        """Lift what locks a symbol of an account; gives what was lifted, in words."""
        with self._database.write() as tx:
            return settlement.unlock(tx, account, symbol, reason=reason, at=at)

    def lock(
        self, account: str, *, reason: str, at: datetime, symbol: str = "", state: TradingState = TradingState.HALTED
    ) -> None:
        """Stop an account or a symbol by rule; what stands stopped already keeps its own reason."""
        with self._database.write() as tx:
            locks.lock(tx, account, symbol=symbol, reason=reason, at=at, state=state)

    def lock_of(self, account: str, symbol: str) -> tuple[TradingState, str]:
        """State and reason set for exactly this symbol of the account."""
        with self._database.read() as tx:
            return locks.standing(tx, account, symbol)

    def everything_cancelled(self, place: str, orders: Sequence[str], *, at: datetime) -> None:
        """Keep that a person had every order behind a gateway cancelled; `orders` are those that were shown then."""
        with self._database.write() as tx:
            audit.note(tx, "everything_cancelled", PLATFORM, at, {"place": place, "orders": list(orders)})

    def reconciled(self, last: Reconciled) -> None:
        """Keep the last look at an account's broker."""
        with self._database.write() as tx:
            reconciliations.store(tx, last)

    def last_reconciled(self, account: str) -> Reconciled | None:
        with self._database.read() as tx:
            return reconciliations.of(tx, account)
