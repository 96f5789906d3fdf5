"""What must hold, asked of the venue's own truth and of what the ledger has durably on its disk."""

import sqlite3
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path

from prudent.domain.orders import OrderIntent, Side
from prudent.ports import Claim
from prudent.simulation.sides import VenueSide
from prudent.simulation.venue import VenueOrder

ZERO = Decimal(0)
# Thirty seconds, and what the venue took to answer meanwhile.
APPROVAL_MAX = timedelta(seconds=31)
ENDED = frozenset({
    "DENIED", "FILLED", "CANCELLED", "REJECTED", "EXPIRED", "NOT_SENT", "WOULD_SEND", "FILLED_LATE", "PARTIAL_LATE",
})  # fmt: skip
IN_DOUBT = ("SENDING", "UNKNOWN", "HELD", "PEND_CANCEL")
# Which state may follow which: written down here anew, for the ledger's own table is what is on trial.
_LIVE = "PARTIAL FILLED PEND_CANCEL PEND_REPLACE CANCELLED EXPIRED REJECTED UNKNOWN"
FOLLOWS = {
    "PROPOSED": "DENIED APPROVED",
    "APPROVED": "SENDING DENIED NOT_SENT",
    "SENDING": "ACKED HELD REJECTED UNKNOWN NOT_SENT",
    "UNKNOWN": "ACKED HELD PARTIAL FILLED CANCELLED REJECTED EXPIRED NOT_SENT",
    "HELD": "ACKED UNKNOWN CANCELLED REJECTED PARTIAL FILLED EXPIRED",
    "ACKED": _LIVE,
    "PARTIAL": _LIVE,
    "PEND_CANCEL": "ACKED PARTIAL FILLED CANCELLED REJECTED EXPIRED UNKNOWN",
    "PEND_REPLACE": "ACKED PARTIAL FILLED CANCELLED REJECTED EXPIRED UNKNOWN",
    "CANCELLED": "FILLED_LATE PARTIAL_LATE", "REJECTED": "FILLED_LATE PARTIAL_LATE",
    "EXPIRED": "FILLED_LATE PARTIAL_LATE", "NOT_SENT": "FILLED_LATE PARTIAL_LATE",
    "PARTIAL_LATE": "FILLED_LATE PARTIAL_LATE",
    "ORPHAN": "PARTIAL FILLED CANCELLED EXPIRED REJECTED ORPHAN",
}  # fmt: skip
_STEPS = {before: frozenset(after.split()) for before, after in FOLLOWS.items()}


_NO_EVENT = (
    "SELECT order_ref FROM orders AS o WHERE o.run IS NOT NULL AND NOT EXISTS (SELECT 1 FROM order_events AS e "
    "WHERE e.account = o.account AND e.order_ref = o.order_ref)"
)
_NO_RECORD = (
    "SELECT cycle_key FROM cycles WHERE record_digest IS NOT NULL "
    "AND record_digest NOT IN (SELECT digest FROM records)"
)
_NO_ENTRY = (
    "SELECT exec_id FROM fills AS f WHERE f.busted = 0 "
    "AND NOT EXISTS (SELECT 1 FROM journal_entries AS j WHERE j.entry = f.entry)"
)
_WRITTEN = (
    (_NO_EVENT, "has no event"),
    (_NO_RECORD, "has no record"),
    (_NO_ENTRY, "is a fill without its entry in the journal"),
)


class Violation(Exception):
    """Something that must never be has been."""

    def __init__(self, invariant: str, text: str) -> None:
        super().__init__(f"{invariant}: {text}")
        self.invariant = invariant
        self.text = text


@dataclass(slots=True)
class Stop:
    """A stop that a person set: since which point, and whether it still holds."""

    account: str
    symbol: str
    state: str
    point: int
    at: datetime
    file_only: bool = False


@dataclass(slots=True)
class Sent:
    """An order that left a process."""

    intent: OrderIntent
    at: datetime
    order_id: int


@dataclass
class Truth:
    """The checks of one owner's desk. `reader` sees only what is committed."""

    owner: str
    venue: VenueSide
    ledger_file: Path
    price: Callable[[str], Decimal]
    stops: list[Stop] = field(default_factory=list)
    sent: dict[tuple[str, str], Sent] = field(default_factory=dict)
    claims: dict[str, int] = field(default_factory=dict)
    fenced: set[str] = field(default_factory=set)
    # Processes with a home of their own: a kill file in another folder is none of theirs.
    elsewhere: set[str] = field(default_factory=set)
    approvals: dict[tuple[str, str], datetime] = field(default_factory=dict)
    highest_id: int = 0
    _events: dict[tuple[str, str], int] = field(default_factory=dict)
    _reader: sqlite3.Connection | None = None
    _checked: int = -1

    def rows(self, sql: str, *values: object) -> list[sqlite3.Row]:
        if self._reader is None:
            self._reader = sqlite3.connect(f"file:{self.ledger_file}?mode=ro", uri=True, isolation_level=None)
            self._reader.row_factory = sqlite3.Row
        return self._reader.execute(sql, values).fetchall()

    def close(self) -> None:
        if self._reader is not None:
            self._reader.close()

    def approved(self, account: str, order_refs: Sequence[str], now: datetime) -> None:
        """From here on their approval ages, by a clock that nobody turns."""
        for ref in order_refs:
            self.approvals.setdefault((account, ref), now)

    def claiming(self, process: str, holder: str, account: str, point: int) -> None:
        """Who claims must hold the account's lease."""
        self.claims[process] = point
        found = self.rows("SELECT holder FROM leases WHERE account = ?", account)
        if found and found[0]["holder"] != holder:
            self.fenced.add(process)
        else:
            self.fenced.discard(process)

    # At the wire

    def leaves(self, process: str, intent: OrderIntent, claim: Claim, now: datetime, *, stood: bool) -> None:
        """The last moment before the first byte: everything that must be durable is durable.

        While it `stood` still at the wire another process may have come to doubt the order, and nothing worse.
        """
        key = (intent.account, intent.order_ref)
        if key in self.sent:
            raise Violation("I1", f"order {intent.order_ref} was sent twice")
        found = self.rows("SELECT * FROM orders WHERE account = ? AND order_ref = ?", *key)
        if not found:
            raise Violation("I2", f"order {intent.order_ref} was sent without a durable intent")
        row = found[0]
        if row["state"] in ENDED:
            raise Violation("I7", f"order {intent.order_ref} was sent although its intent ended as {row['state']}")
        if row["state"] != "SENDING" and not (stood and row["state"] == "UNKNOWN"):
            raise Violation("I2", f"order {intent.order_ref} was sent while it was {row['state']}, not SENDING")
        stored = (row["seal"], row["symbol"], row["side"], Decimal(row["quantity"]))
        if stored != (intent.seal, intent.symbol, str(intent.side), intent.quantity):
            raise Violation("I2", f"order {intent.order_ref} left otherwise than it was approved and sealed")
        if row["dry"]:
            raise Violation("I10", f"order {intent.order_ref} of a rehearsal was sent")
        self._may_leave(process, intent, claim, now)
        self.sent[key] = Sent(intent, now, claim.order_id)
        self.highest_id = max(self.highest_id, claim.order_id)

    def _may_leave(self, process: str, intent: OrderIntent, claim: Claim, now: datetime) -> None:
        if process in self.fenced:
            raise Violation("I10", f"order {intent.order_ref} was sent by {process}, which does not hold the lease")
        age = now - self.approvals.get((intent.account, intent.order_ref), now)
        if age > APPROVAL_MAX:
            raise Violation("I10", f"order {intent.order_ref} was sent {age.total_seconds():.0f} s after its approval")
        claimed = self.claims.get(process, 0)
        for stop in self.stops:
            covers = stop.account in ("", intent.account) and stop.symbol in ("", intent.symbol)
            lets = stop.state == "REDUCING" and intent.effect.reduces
            fresh = stop.file_only and (process in self.elsewhere or now - stop.at <= timedelta(seconds=1))
            if covers and not lets and not fresh and stop.point < claimed:
                raise Violation("I10", f"order {intent.order_ref} was sent although {stop} stood")
        if claim.order_id and claim.order_id <= self.highest_id:
            raise Violation("I1", f"order id {claim.order_id} was used again, {self.highest_id} was the highest")
        self._within_means(intent)

    def _within_means(self, intent: OrderIntent) -> None:
        """Whatever of our open orders fills, nothing is sold that is not held, nothing bought that cannot be paid."""
        book = self.venue.accounts[intent.account]
        live = [o for o in book.orders if o.is_live and not o.by_hand and o.account == intent.account]
        twin = next((o for o in live if o.symbol == intent.symbol), None)
        if twin is not None:
            raise Violation("I5", f"order {intent.order_ref} was sent while {twin.order_ref} lives on {intent.symbol}")
        if book.touched is not None or book.touched_symbols:
            return
        if intent.side is Side.SELL:
            held = book.positions.get(intent.symbol, ZERO)
            if intent.quantity > held:
                raise Violation("I4", f"sold {intent.quantity} {intent.symbol}, held {held}")
            return
        costs = sum((self._cost(o) for o in live if o.side is Side.BUY), ZERO)
        costs += intent.quantity * self._price(intent)
        if costs > book.cash:
            raise Violation("I4", f"open purchases of {costs} against cash of {book.cash}")

    def _cost(self, order: VenueOrder) -> Decimal:
        known = self.sent.get((order.account, order.order_ref))
        return order.rest * self._price(known.intent) if known is not None else ZERO

    def _price(self, intent: OrderIntent) -> Decimal:
        """What a unit was planned at, or the price of now where that is lower: a plan may be hours old."""
        return min(intent.reference_price or ZERO, self.price(intent.symbol))

    def accepted(self, order: VenueOrder) -> None:
        """An order has reached the venue: its intent must not have been given up."""
        found = self.rows(
            "SELECT state FROM orders WHERE account = ? AND order_ref = ?", order.account, order.order_ref
        )  # fmt: skip
        state = found[0]["state"] if found else "nothing"
        if state in ENDED or not found:
            raise Violation("I7", f"order {order.order_ref} reached the venue although the ledger has it as {state}")
        if len(self.venue.find(order.account, order.order_ref)) > 1:
            raise Violation("I1", f"order {order.order_ref} is at the venue twice")

    # After each piece of work

    def check(self) -> None:
        """What holds at every moment."""
        written = self.rows("PRAGMA data_version")[0][0]
        if written == self._checked:
            return
        self._checked = written
        self._states_legal()
        self._stops_stand()
        again = self.rows(
            "SELECT account, cycle_key FROM cycles WHERE cycle_key IS NOT NULL GROUP BY account, cycle_key "
            "HAVING count(*) > 1"
        )
        if again:
            raise Violation("I15", f"{again[0]['cycle_key']} ran twice")

    def _states_legal(self) -> None:
        counts: dict[tuple[str, str], int] = {}
        last: dict[tuple[str, str], str] = {}
        for row in self.rows("SELECT * FROM order_events ORDER BY account, order_ref, number"):
            key = (row["account"], row["order_ref"])
            counts[key] = counts.get(key, 0) + 1
            before, after = row["from_state"], row["to_state"]
            if last.get(key, before) != before:
                raise Violation("I9", f"order {key[1]} went from {last[key]}, its next event says from {before}")
            if before != after and after not in _STEPS.get(before, frozenset()):
                raise Violation("I9", f"order {key[1]} went from {before} to {after}")
            last[key] = after
        for key, count in self._events.items():
            if counts.get(key, 0) < count:
                raise Violation("I14", f"order {key[1]} had {count} events, has {counts.get(key, 0)}")
        self._events = counts

    def _stops_stand(self) -> None:
        for stop in self.stops:
            if stop.file_only:
                continue
            found = self.rows(
                "SELECT state FROM trading_states WHERE account = ? AND symbol = ?", stop.account, stop.symbol
            )
            if not found or found[0]["state"] == "ACTIVE":
                raise Violation("I16", f"{stop} is gone, and nobody lifted it")

    # When all is quiet

    def books_agree(
        self, account: str, positions: dict[str, Decimal], cash: Decimal, *, locked: set[tuple[str, str]]
    ) -> None:  # fmt: skip
        """Cash to the cent and positions exactly, unless people traded at the venue; then it agrees or is locked."""
        book = self.venue.accounts[account]
        if cash != book.cash and not (self._had_reason(account) and any(each == account for each, _symbol in locked)):
            raise Violation("I3", f"cash of {account} is {cash} in the ledger and {book.cash} at the venue")
        for symbol in sorted({*positions, *book.positions}):
            ours, theirs = positions.get(symbol, ZERO), book.positions.get(symbol, ZERO)
            if ours != theirs and not (self._had_reason(account, symbol) and (account, symbol) in locked):
                raise Violation("I3", f"{symbol} of {account} is {ours} in the ledger and {theirs} at the venue")

    def _had_reason(self, account: str, symbol: str = "") -> bool:
        """People traded there themselves, or the venue changed something on a day that its lists tell of no more."""
        book = self.venue.accounts[account]
        if symbol in book.touched_symbols or (not symbol and book.touched is not None):
            return True
        today = self.venue.calendar.session_of(self.venue.timeline.now).date
        done = (e for o in book.orders for e in o.executions if symbol in ("", e.symbol))
        return any(self.venue.calendar.session_of(e.changed).date < today for e in done)

    def books_equal(self, account: str, positions: dict[str, Decimal], cash: Decimal) -> None:
        """Everything agrees, whoever traded."""
        book = self.venue.accounts[account]
        if cash != book.cash or positions != book.positions:
            ours, theirs = (cash, sorted(positions.items())), (book.cash, sorted(book.positions.items()))
            raise Violation("I3", f"{account} is {ours} in the ledger and {theirs} at the venue")

    def called(self, account: str, order_ref: str) -> bool:
        """Whether a person was called to an order."""
        return bool(self.rows(
            "SELECT 1 FROM audit WHERE event = 'ticket_opened' AND account = ? AND body LIKE ?", account,
            f"%{order_ref}%",
        ))  # fmt: skip

    def ended_is_ended(self, account: str) -> None:
        """No order that the ledger has as ended can still trade."""
        for row in self.rows("SELECT order_ref, state FROM orders WHERE account = ?", account):
            ref, state = row["order_ref"], row["state"]
            if state in ENDED and any(order.is_live for order in self.venue.find(account, ref)):
                raise Violation("I7", f"order {ref} lives at the venue and is {state} in the ledger")

    def everything_written(self) -> None:
        """Every order of a cycle has its events and its approval in the chain; every recorded cycle has its record."""
        for sql, text in _WRITTEN:
            for row in self.rows(sql):
                raise Violation("I11", f"{row[0]} {text}")

    def executions_booked(self, account: str, *, locked: set[tuple[str, str]]) -> None:
        """Every execution once, in its latest version; nothing more than was ordered.

        What the venue did on a day of which its lists tell no more may be missing, where that is known and locked.
        """
        today = self.venue.calendar.session_of(self.venue.timeline.now).date
        booked = {
            (row["order_ref"], row["exec_id"]): row
            for row in self.rows("SELECT * FROM fills WHERE account = ? ORDER BY exec_id, version", account)
        }
        for order in self.venue.accounts[account].orders:
            for done in order.executions if not order.by_hand else ():
                row = booked.pop((order.order_ref, done.exec_id), None)
                earlier = self.venue.calendar.session_of(done.changed).date < today
                if earlier and {(account, ""), (account, done.symbol)} & locked:
                    continue
                if row is None:
                    raise Violation("I6", f"execution {done.exec_id} of {order.order_ref} is not in the ledger")
                ours = (bool(row["busted"]), *(Decimal(row[name]) for name in ("quantity", "price", "commission")))
                theirs = (done.busted, done.quantity, done.price, done.commission)
                if ours != theirs:
                    raise Violation("I6", f"execution {done.exec_id} is {ours} in the ledger, {theirs} at the venue")
        ghosts = [key for key in booked if not key[0].startswith("TWS:")]
        if ghosts:
            raise Violation("I6", f"execution {ghosts[0][1]} is in the ledger and not at the venue")
        self._quantities(account)

    def _quantities(self, account: str) -> None:
        for row in self.rows("SELECT order_ref, quantity, filled FROM orders WHERE account = ?", account):
            if Decimal(row["filled"]) > Decimal(row["quantity"]):
                raise Violation("I8", f"order {row['order_ref']} of {row['quantity']} has {row['filled']} filled")
