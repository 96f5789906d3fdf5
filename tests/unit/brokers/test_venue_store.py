"""The venue's file: kills, damage, locks, a full disk, and the administration of accounts on it."""

import sqlite3
import subprocess
import sys
from decimal import Decimal
from pathlib import Path

import pytest
from tests.contract.broker import hand_market, simulated
from tests.contract.broker_fakes import NOON, HandClock, intent

from prudent.brokers.simulated import MemoryVenueStore, SimulatedBroker, SqliteVenueStore, VenueStore, open_store
from prudent.domain.accounts import Position
from prudent.domain.errors import InputError, StoreError
from prudent.domain.mandate import CostModel
from prudent.domain.orders import OrderStatus

D = Decimal

ROOT = Path(__file__).parents[3]
KILLED = """
import os, sys
from pathlib import Path
from tests.contract.broker import hand_market, simulated
from tests.contract.broker_fakes import HandClock, intent
from prudent.brokers.simulated import SqliteVenueStore

path, point, nth = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])
seen = []

def die(name):
    seen.append(name)
    if seen.count(point) == nth:
        os._exit(9)

market, clock = hand_market(), HandClock()
broker = simulated(SqliteVenueStore(path), market, clock)
broker = simulated(SqliteVenueStore(path, hook=die), market, clock)
broker.submit(intent("r1"))
broker.submit(intent("r2", quantity="7", symbol="MSFT"))
"""

POINTS = [
    (point, nth)
    for nth in (1, 2)
    for point in ("order_written", "fill_written", "cash_written", "holdings_written", "before_commit", "committed")
]


def broker_on(store: VenueStore) -> SimulatedBroker:
    return simulated(store, hand_market(), HandClock())


@pytest.fixture(params=["memory", "file"])
def broker(request: pytest.FixtureRequest, tmp_path: Path) -> SimulatedBroker:
    return broker_on(MemoryVenueStore() if request.param == "memory" else open_store(tmp_path / "home" / "venue.db"))


@pytest.mark.parametrize(("point", "nth"), POINTS)
def test_a_kill_at_any_point_leaves_each_order_whole_or_absent(tmp_path: Path, point: str, nth: int) -> None:
    path = tmp_path / "venue.db"
    killed = subprocess.run([sys.executable, "-c", KILLED, str(path), point, str(nth)], check=False, cwd=ROOT)
    assert killed.returncode == 9
    after = broker_on(SqliteVenueStore(path))
    # the first order costs 10 x 100.12 + 1.00, the second 7 x 50.01 + 1.00
    cash = {0: D("10000.00"), 1: D("8997.80"), 2: D("8646.73")}
    stored = nth if point == "committed" else nth - 1
    assert after.snapshot("acc").cash == cash[stored]
    assert [f.order_ref for f in after.fills("acc")] == ["r1", "r2"][:stored]
    assert sum(p.quantity for p in after.snapshot("acc").positions) == 20 + [0, 10, 17][stored]
    for ref, quantity, symbol in (("r1", "10", "AAPL"), ("r2", "7", "MSFT")):
        assert after.submit(intent(ref, quantity=quantity, symbol=symbol)).status is OrderStatus.FILLED
    assert after.snapshot("acc").cash == cash[2]
    assert len(after.fills("acc")) == 2


def test_everything_survives_a_reopening(tmp_path: Path) -> None:
    path = tmp_path / "venue.db"
    before = broker_on(SqliteVenueStore(path))
    before.submit(intent("r1"))
    before.submit(intent("r2", limit="90"))
    after = SimulatedBroker(SqliteVenueStore(path), hand_market(), before._reads._calendar, HandClock())
    assert after.snapshot("acc") == before.snapshot("acc")
    assert after.reports("acc", ("r1", "r2")) == before.reports("acc", ("r1", "r2"))


def test_a_file_that_is_no_database_is_refused_and_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "venue.db"
    path.write_bytes(b"this is not a database, it is a text of more than a few bytes" * 20)
    before = path.read_bytes()
    with pytest.raises(StoreError, match="restore it from a backup"):
        open_store(path)
    assert path.read_bytes() == before


def test_a_file_of_a_newer_program_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "venue.db"
    open_store(path).close()
    with sqlite3.connect(path) as db:
        db.execute("PRAGMA user_version = 99")
    with pytest.raises(StoreError, match="schema version 99"):
        open_store(path)


def test_a_folder_that_cannot_be_made_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(StoreError, match="cannot be made"):
        open_store(tmp_path / "file" / "venue.db")


def test_a_store_locked_by_another_process_is_refused_and_nothing_changes(tmp_path: Path) -> None:
    path = tmp_path / "venue.db"
    broker = broker_on(SqliteVenueStore(path, lock_seconds_max=0.0))
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(StoreError, match="another process"):
        broker.submit(intent("r1"))
    other.execute("ROLLBACK")
    assert broker.reports("acc", ("r1",))[0].status is OrderStatus.NOT_SENT
    assert broker.submit(intent("r1")).status is OrderStatus.FILLED


def test_a_full_disk_refuses_the_order_whole(tmp_path: Path) -> None:
    store = SqliteVenueStore(tmp_path / "venue.db")
    broker = broker_on(store)
    (pages,) = store._db.execute("PRAGMA page_count").fetchone()
    store._db.execute(f"PRAGMA max_page_count = {pages}")
    stored = 0

    def send_for_ever() -> None:
        nonlocal stored
        while stored < 1000:
            broker.submit(intent(f"r{stored}", quantity="1", symbol="MSFT", limit="1"))
            stored += 1

    with pytest.raises(StoreError, match="disk is full"):
        send_for_ever()
    assert 0 < stored == len(broker.snapshot("acc").open_orders)
    store._db.execute("PRAGMA max_page_count = 100000")
    assert broker.submit(intent("later", quantity="1")).status is OrderStatus.FILLED


def test_a_failure_inside_a_transaction_leaves_the_store_as_it_was(broker: SimulatedBroker) -> None:
    before = broker.snapshot("acc")

    def fail_after_saving() -> None:
        with broker._store.writing() as venue:
            book = venue.book("acc")
            assert book is not None
            change = broker._venue.place(book, intent("r1"), broker._reads.quote("AAPL"), broker._reads.moment())
            venue.save(book, change)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail_after_saving()
    assert broker.snapshot("acc") == before
    assert broker.fills("acc") == ()


def test_an_account_is_opened_once_and_the_same_opening_again_changes_nothing(broker: SimulatedBroker) -> None:
    held = (Position(symbol="AAPL", quantity=D(20), average_cost=D(90)),)
    broker.submit(intent("r1"))
    before = broker.snapshot("acc")
    broker.open_account("acc", cash=D("10000.00"), positions=held)
    assert broker.snapshot("acc") == before
    with pytest.raises(InputError, match="acc is open at the venue with 10000 USD and 1 positions"):
        broker.open_account("acc", cash=D("10000.01"), positions=held)


@pytest.mark.parametrize(
    ("cash", "positions", "says"),
    [
        ("-1", (), "opening cash"),
        ("1.001", (), "whole cents"),
        ("NaN", (), "opening cash"),
        ("1", (Position(symbol="X", quantity=D(-1)),), "held short"),
        ("1", (Position(symbol="X", quantity=D(0)),), "other than 0"),
        ("1", (Position(symbol="X", quantity=D("NaN")),), "other than 0"),
        ("1", (Position(symbol="X", quantity=D(1), average_cost=D(0)),), "average cost"),
        ("1", (Position(symbol="X", quantity=D(1)), Position(symbol="X", quantity=D(2))), "twice"),
    ],
)
def test_an_opening_that_cannot_be_is_refused(
    broker: SimulatedBroker, cash: str, positions: tuple[Position, ...], says: str
) -> None:
    with pytest.raises(InputError, match=says):
        broker.open_account("other", cash=D(cash), positions=positions)
    assert not broker.has_account("other")


def test_an_account_allowed_to_short_may_open_with_a_short(broker: SimulatedBroker) -> None:
    short = Position(symbol="X", quantity=D(-1), average_cost=D(5), opened=NOON)
    broker.open_account("other", cash=D(100), positions=(short,), allow_short=True)
    assert broker.snapshot("other").positions == (short,)


def test_new_terms_hold_for_the_next_order(broker: SimulatedBroker) -> None:
    broker.set_terms("acc", allow_short=False, costs=CostModel.NONE, slippage_bps=D(0))
    fill = broker.submit(intent("r1", symbol="MSFT")).fills[0]
    assert (fill.price, fill.commission) == (D(50), D(0))


def test_transfers_move_cash_once_per_ref(broker: SimulatedBroker) -> None:
    for _ in range(2):
        broker.transfer("acc", D("100.50"), "deposit", ref="d1", at=NOON)
        broker.transfer("acc", D("40"), "withdraw", ref="w1", at=NOON)
        broker.transfer("acc", D("0.07"), "dividend", ref="v1", at=NOON)
    assert broker.snapshot("acc").cash == D("10060.57")


@pytest.mark.parametrize(
    ("amount", "kind", "ref", "says"),
    [
        ("10000.01", "withdraw", "w", "cannot withdraw 10000.01 from acc: 10000 USD can be spent"),
        ("0", "deposit", "w", "above 0"),
        ("-5", "deposit", "w", "whole cents"),
        ("0.001", "deposit", "w", "whole cents"),
        ("NaN", "deposit", "w", "whole cents"),
        ("5", "gift", "w", "one of deposit, withdraw, dividend"),
        ("6", "deposit", "booked", "booked as deposit of 5"),
        ("5", "dividend", "booked", "booked as deposit of 5"),
    ],
)
def test_a_transfer_that_cannot_be_is_refused(
    broker: SimulatedBroker, amount: str, kind: str, ref: str, says: str
) -> None:
    broker.transfer("acc", D(5), "deposit", ref="booked", at=NOON)
    broker.transfer("acc", D(5), "withdraw", ref="back", at=NOON)
    with pytest.raises(InputError, match=says):
        broker.transfer("acc", D(amount), kind, ref=ref, at=NOON)
    assert broker.snapshot("acc").cash == D(10000)


def test_all_cash_may_be_withdrawn(broker: SimulatedBroker) -> None:
    broker.transfer("acc", D(10000), "withdraw", ref="w", at=NOON)
    assert broker.snapshot("acc").cash == D(0)
