"""All pairs of order states against the database's own wall, and the path that a report takes."""

import itertools
import sqlite3
from collections.abc import Iterator
from contextlib import nullcontext

import pytest
from sqlalchemy import delete
from tests.contract.ledger_build import MONDAY

from prudent.domain.accounts import TradingState
from prudent.domain.errors import StoreError
from prudent.domain.orders import DONE, OrderStatus
from prudent.ledger import open_ledger
from prudent.ledger.database import Database, open_database
from prudent.ledger.schema import AUDIT, ORDERS
from prudent.ledger.transitions import FIRST, LEGAL, path

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
}


@pytest.fixture(scope="module")
def database() -> Iterator[Database]:
    """One order in no account: the walls under test are triggers, so foreign keys are off here."""
    opened = open_database(":memory:", "local")
    opened.driver.execute("PRAGMA foreign_keys=OFF")
    yield opened
    opened.close()


def put(database: Database, state: OrderStatus) -> None:
    """An order in `state`, set past the triggers of a fresh row."""
    row = dict.fromkeys((column.name for column in ORDERS.columns), "")
    row |= {"owner_id": "local", "order_ref": "ref", "state": str(state)}
    database.driver.execute("DELETE FROM orders")
    (first,) = database.driver.execute("SELECT sql FROM sqlite_master WHERE name = 'orders_legal_first'").fetchone()
    database.driver.execute("DROP TRIGGER orders_legal_first")
    marks = ", ".join("?" * len(row))
    database.driver.execute(f"INSERT INTO orders ({', '.join(row)}) VALUES ({marks})", list(row.values()))
    database.driver.execute(first)


@pytest.mark.parametrize(("before", "after"), PAIRS, ids=lambda state: str(state))
def test_the_database_allows_exactly_the_legal_pairs(
    database: Database, before: OrderStatus, after: OrderStatus
) -> None:
    put(database, before)
    legal = after is before or after in ALLOWED.get(before, "").split()
    refused = nullcontext() if legal else pytest.raises(sqlite3.IntegrityError, match="illegal order transition")
    with refused:
        database.driver.execute("UPDATE orders SET state = ?", (str(after),))
    (stored,) = database.driver.execute("SELECT state FROM orders").fetchone()
    assert stored == (after if legal else before)
    assert legal is (after is before or after in LEGAL[before])


@pytest.mark.parametrize("state", S)
def test_an_order_begins_in_few_states(database: Database, state: OrderStatus) -> None:
    row = dict.fromkeys((column.name for column in ORDERS.columns), "")
    row |= {"owner_id": "local", "order_ref": "first", "state": str(state)}
    database.driver.execute("DELETE FROM orders")
    sql = f"INSERT INTO orders ({', '.join(row)}) VALUES ({', '.join('?' * len(row))})"
    if state in FIRST:
        database.driver.execute(sql, list(row.values()))
        assert database.driver.execute("SELECT count(*) FROM orders").fetchone() == (1,)
    else:
        with pytest.raises(sqlite3.IntegrityError, match="illegal first order state"):
            database.driver.execute(sql, list(row.values()))


@pytest.mark.parametrize(("before", "told"), PAIRS, ids=lambda state: str(state))
def test_a_path_takes_legal_steps_only_and_none_from_an_end(before: OrderStatus, told: OrderStatus) -> None:
    steps = path(before, told)
    for current, after in itertools.pairwise((before, *steps)):
        assert after in LEGAL[current]
    if before in DONE:
        assert steps == ()
    if told in LEGAL[before] and told is not S.NOT_SENT:
        assert steps == (told,)


@pytest.mark.parametrize(
    ("before", "told", "steps"),
    [
        (S.SENDING, S.FILLED, (S.ACKED, S.FILLED)),
        (S.SENDING, S.PARTIAL, (S.ACKED, S.PARTIAL)),
        (S.SENDING, S.NOT_SENT, (S.NOT_SENT,)),
        (S.HELD, S.EXPIRED, (S.ACKED, S.EXPIRED)),
        (S.ACKED, S.NOT_SENT, (S.UNKNOWN,)),
        (S.UNKNOWN, S.NOT_SENT, (S.NOT_SENT,)),
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
