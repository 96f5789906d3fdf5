"""All pairs of order states against the database's own wall, and the path that a report takes."""

import itertools
import sqlite3
from collections.abc import Iterator
from contextlib import nullcontext
from typing import Protocol

import psycopg
import pytest
from sqlalchemy import Text, delete
from tests.contract.ledger_build import MONDAY
from tests.postgres import Server

from prudent.domain.accounts import TradingState
from prudent.domain.errors import StoreError
from prudent.domain.orders import DONE, OrderStatus
from prudent.ledger import open_ledger
from prudent.ledger.database import open_database
from prudent.ledger.schema import AUDIT, ORDERS
from prudent.ledger.tenancy import SCHEMA
from prudent.ledger.transitions import FIRST, LATE, LEGAL, path

S = OrderStatus
PAIRS = list(itertools.product(S, S))
# Written out a second time, so that a slip in the table is seen.
ALLOWED = {
    S.PROPOSED: "DENIED APPROVED",
    S.APPROVED: "SENDING DENIED NOT_SENT",
    S.SENDING: "ACKED HELD REJECTED UNKNOWN NOT_SENT WOULD_SEND",
    S.UNKNOWN: "ACKED HELD PARTIAL FILLED CANCELLED REJECTED NOT_SENT",
    S.HELD: "ACKED UNKNOWN CANCELLED REJECTED",
    S.ACKED: "PARTIAL FILLED PEND_CANCEL PEND_REPLACE CANCELLED EXPIRED REJECTED UNKNOWN",
    S.PARTIAL: "FILLED PEND_CANCEL PEND_REPLACE CANCELLED EXPIRED REJECTED UNKNOWN",
    S.PEND_CANCEL: "ACKED PARTIAL FILLED CANCELLED UNKNOWN",
    S.PEND_REPLACE: "ACKED PARTIAL FILLED CANCELLED UNKNOWN",
    S.ORPHAN: "PARTIAL FILLED CANCELLED EXPIRED REJECTED",
    S.CANCELLED: "FILLED_LATE PARTIAL_LATE",
    S.REJECTED: "FILLED_LATE PARTIAL_LATE",
    S.EXPIRED: "FILLED_LATE PARTIAL_LATE",
    S.NOT_SENT: "FILLED_LATE PARTIAL_LATE",
    S.PARTIAL_LATE: "FILLED_LATE",
}


class Wall(Protocol):
    """One order in no account: the walls under test are triggers, so foreign keys are off."""

    def put(self, state: OrderStatus) -> None:
        """An order in `state`, set past the triggers of a fresh row."""

    def move(self, state: OrderStatus) -> None: ...

    def begin(self, state: OrderStatus) -> None:
        """A fresh order, and no other."""

    def state(self) -> str: ...


def fresh(state: OrderStatus) -> dict[str, str | None]:
    row: dict[str, str | None] = {c.name: "" if isinstance(c.type, Text) else None for c in ORDERS.columns}
    return row | {"owner_id": "local", "order_ref": "ref", "dry": "0", "state": str(state)}


class FileWall:
    def __init__(self, driver: sqlite3.Connection) -> None:
        self._driver = driver
        driver.execute("PRAGMA foreign_keys=OFF")
        query = "SELECT sql FROM sqlite_master WHERE name = 'orders_legal_first'"
        (self._first,) = driver.execute(query).fetchone()

    def put(self, state: OrderStatus) -> None:
        self._driver.execute("DROP TRIGGER orders_legal_first")
        try:
            self.begin(state)
        finally:
            self._driver.execute(self._first)

    def move(self, state: OrderStatus) -> None:
        self._driver.execute("UPDATE orders SET state = ?", (str(state),))

    def begin(self, state: OrderStatus) -> None:
        row = fresh(state)
        self._driver.execute("DELETE FROM orders")
        marks = ", ".join("?" * len(row))
        self._driver.execute(f"INSERT INTO orders ({', '.join(row)}) VALUES ({marks})", list(row.values()))

    def state(self) -> str:
        (state,) = self._driver.execute("SELECT state FROM orders").fetchone()
        return str(state)


class ServerWall:
    def __init__(self, driver: "psycopg.Connection[tuple[object, ...]]") -> None:
        self._driver = driver
        driver.execute(f"SET search_path = {SCHEMA}")
        for key in ORDERS.foreign_key_constraints:
            suffix = "account_run_cycle" if len(key.elements) == 4 else "account"
            driver.execute(f"ALTER TABLE orders DROP CONSTRAINT orders_owner_id_{suffix}_fkey".encode())

    def put(self, state: OrderStatus) -> None:
        self._driver.execute("SET session_replication_role = replica")
        try:
            self.begin(state)
        finally:
            self._driver.execute("SET session_replication_role = origin")

    def move(self, state: OrderStatus) -> None:
        self._driver.execute("UPDATE orders SET state = %s", (str(state),))

    def begin(self, state: OrderStatus) -> None:
        row = fresh(state)
        self._driver.execute("DELETE FROM orders")
        marks = ", ".join(["%s"] * len(row))
        self._driver.execute(f"INSERT INTO orders ({', '.join(row)}) VALUES ({marks})".encode(), list(row.values()))

    def state(self) -> str:
        (row,) = self._driver.execute("SELECT state FROM orders").fetchall()
        return str(row[0])


REFUSED = (sqlite3.IntegrityError, psycopg.errors.RaiseException)


@pytest.fixture(scope="module", params=["sqlite", "postgres"])
def wall(request: pytest.FixtureRequest) -> Iterator[Wall]:
    if request.param == "sqlite":
        opened = open_database(":memory:", "local")
        yield FileWall(opened.driver)
        opened.close()
        return
    server: Server = request.getfixturevalue("postgres")
    name = server.create()
    with server.admin(name) as driver:
        yield ServerWall(driver)
    server.drop(name)


@pytest.mark.parametrize(("before", "after"), PAIRS, ids=lambda state: str(state))
def test_the_database_allows_exactly_the_legal_pairs(wall: Wall, before: OrderStatus, after: OrderStatus) -> None:
    wall.put(before)
    legal = after is before or after in ALLOWED.get(before, "").split()
    with nullcontext() if legal else pytest.raises(REFUSED, match="illegal order transition"):
        wall.move(after)
    assert wall.state() == (after if legal else before)
    assert legal is (after is before or after in LEGAL[before])


@pytest.mark.parametrize("state", S)
def test_an_order_begins_in_few_states(wall: Wall, state: OrderStatus) -> None:
    with nullcontext() if state in FIRST else pytest.raises(REFUSED, match="illegal first order state"):
        wall.begin(state)


@pytest.mark.parametrize(("before", "told"), PAIRS, ids=lambda state: str(state))
def test_a_path_takes_legal_steps_only_and_none_from_an_end(before: OrderStatus, told: OrderStatus) -> None:
    steps = path(before, told)
    for current, after in itertools.pairwise((before, *steps)):
        assert after in LEGAL[current]
    if before in DONE:
        # What comes after an end is late, and nothing else.
        assert set(steps) <= LATE
    if told in LEGAL[before] and told is not S.NOT_SENT:
        assert steps == (told,)


@pytest.mark.parametrize(
    ("before", "told", "steps"),
    [
        (S.SENDING, S.FILLED, (S.ACKED, S.FILLED)),
        (S.SENDING, S.PARTIAL, (S.ACKED, S.PARTIAL)),
        (S.SENDING, S.NOT_SENT, (S.UNKNOWN,)),
        (S.APPROVED, S.NOT_SENT, (S.NOT_SENT,)),
        (S.HELD, S.EXPIRED, (S.ACKED, S.EXPIRED)),
        (S.ACKED, S.NOT_SENT, (S.UNKNOWN,)),
        (S.UNKNOWN, S.NOT_SENT, ()),
        (S.HELD, S.NOT_SENT, (S.UNKNOWN,)),
        (S.CANCELLED, S.FILLED_LATE, (S.FILLED_LATE,)),
        (S.FILLED, S.FILLED_LATE, ()),
        (S.PARTIAL, S.ACKED, ()),
        (S.APPROVED, S.FILLED, ()),
        (S.PEND_CANCEL, S.REJECTED, (S.ACKED, S.REJECTED)),
    ],
)
def test_a_report_implies_the_acknowledgement_before_it(
    before: OrderStatus, told: OrderStatus, steps: tuple[OrderStatus, ...]
) -> None:
    assert path(before, told) == steps


def test_the_wall_reaches_the_caller_as_a_store_error() -> None:
    ledger = open_ledger(":memory:")
    ledger.set_state("", TradingState.HALTED, reason="first row", at=MONDAY)
    with pytest.raises(StoreError, match="audit is append-only"), ledger._database.write() as tx:
        tx.run(delete(AUDIT))
    assert ledger.audit_head().seq == 1
