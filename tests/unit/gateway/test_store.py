"""The gateway's file: what was told is kept, what was not kept was not told."""

import os
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest
from tests.paper_floor import ACCOUNT, CASH, MORNING, D, Desk, HandMarket, ticket

from prudent.domain.errors import StoreError
from prudent.domain.orders import Side
from prudent.exchange.paper.books import Row
from prudent.exchange.paper.floor import Floor
from prudent.exchange.paper.words import Kind, Tif
from prudent.gateway.store import VERSION, FloorStore, open_floor_store


def _desk(store: FloorStore) -> Desk:
    desk = Desk()
    desk.floor = Floor(desk.market, {ACCOUNT: CASH}, MORNING, rows=store.rows(), keep=store.write)
    return desk


def test_a_restart_keeps_orders_trades_positions_cash_and_ids(tmp_path: Path) -> None:
    store = open_floor_store(tmp_path / "new" / "paper.db")
    desk = _desk(store)
    desk.place(ticket(1, Side.BUY, 100, order_ref="ref"))
    desk.place(ticket(2, Side.BUY, 10, kind=Kind.LIMIT, limit="90", tif=Tif.GTC))
    old = desk.floor
    store.close()
    store = open_floor_store(tmp_path / "new" / "paper.db")
    desk = _desk(store)
    new = desk.floor
    assert (new.open_orders(), new.completed(), new.executions()) == (
        old.open_orders(), old.completed(), old.executions(),
    )  # fmt: skip
    assert (new.positions(), new.next_order_id(1)) == (old.positions(), 3)
    assert new.account_values(ACCOUNT, MORNING) == old.account_values(ACCOUNT, MORNING)
    desk.place(ticket(3, Side.SELL, 100))
    perm_ids = {view.perm_id for view in (*new.open_orders(), *new.completed())}
    assert (len(perm_ids), len({each.exec_id for each in new.executions()})) == (3, 2)
    store.close()


def test_rows_come_back_in_the_order_they_first_came_and_can_be_taken_away(tmp_path: Path) -> None:
    store = open_floor_store(tmp_path / "paper.db")
    store.write([Row(kind="order", key=key, body=f'{{"n":"{key}"}}') for key in ("b", "a", "c")])
    store.write([Row(kind="order", key="b", body='{"n":"again"}'), Row(kind="order", key="a", body=None)])
    assert [(row.key, row.body) for row in store.rows()] == [("b", '{"n":"again"}'), ("c", '{"n":"c"}')]
    store.close()


def test_settings_are_kept(tmp_path: Path) -> None:
    store = open_floor_store(tmp_path / "paper.db")
    assert store.setting("clock") is None
    store.set("clock", "1")
    store.set("clock", "2")
    store.close()
    store = open_floor_store(tmp_path / "paper.db")
    assert store.setting("clock") == "2"
    store.close()


def test_the_rows_of_one_act_are_written_together_or_not_at_all(tmp_path: Path) -> None:
    store = open_floor_store(tmp_path / "paper.db")
    with pytest.raises(StoreError):
        store.write([Row(kind="order", key="a", body="{}"), Row(kind="order", key="b", body=object())])  # type: ignore[arg-type] # SQLite cannot keep it
    assert store.rows() == ()
    store.write([Row(kind="order", key="a", body="{}")])
    assert len(store.rows()) == 1
    store.close()


def test_one_gateway_at_a_time_holds_the_file(tmp_path: Path) -> None:
    store = open_floor_store(tmp_path / "paper.db")
    with pytest.raises(StoreError, match="another gateway holds it"):
        FloorStore(tmp_path / "paper.db", lock_seconds_max=0.05)
    store.close()
    open_floor_store(tmp_path / "paper.db").close()


def test_a_file_that_cannot_be_used_is_refused(tmp_path: Path) -> None:
    (tmp_path / "text.db").write_text("this is no database, and long enough to be read as one" * 20)
    with pytest.raises(StoreError, match="no SQLite database"):
        open_floor_store(tmp_path / "text.db")
    newer = tmp_path / "newer.db"
    db = sqlite3.connect(newer)
    db.execute(f"PRAGMA user_version = {VERSION + 1}")
    db.close()
    with pytest.raises(StoreError, match="upgrade the program"):
        open_floor_store(newer)
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match="check its permissions"):
        open_floor_store(tmp_path / "file" / "paper.db")


def test_commits_wait_for_the_disk(tmp_path: Path) -> None:
    store = open_floor_store(tmp_path / "paper.db")
    (mode,) = store._db.execute("PRAGMA journal_mode").fetchone()
    (synchronous,) = store._db.execute("PRAGMA synchronous").fetchone()
    assert (mode, synchronous) == ("wal", 2)
    store.close()


KILLED = """
import os, sys
from pathlib import Path
from tests.paper_floor import ACCOUNT, CASH, Desk, MORNING, ticket
from prudent.domain.orders import Side
from prudent.exchange.paper.floor import Floor
from prudent.gateway.store import open_floor_store
store = open_floor_store(Path(sys.argv[1]))
desk = Desk()
desk.floor = Floor(desk.market, {ACCOUNT: CASH}, MORNING, rows=store.rows(), keep=store.write)
for number in range(1, 6):
    for event in desk.place(ticket(number, Side.BUY, 10)):
        if event.execution is not None:
            os.write(1, (event.execution.exec_id + "\\n").encode())
os.kill(os.getpid(), 9)
"""


def test_what_a_killed_gateway_told_is_in_the_file(tmp_path: Path) -> None:
    path = tmp_path / "paper.db"
    found = subprocess.run(
        [sys.executable, "-c", KILLED, str(path)], capture_output=True, text=True, check=False, timeout=60,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )  # fmt: skip
    told = found.stdout.split()
    assert (found.returncode, len(told)) == (-9, 5)
    store = open_floor_store(path)
    floor = Floor(HandMarket(), {ACCOUNT: CASH}, MORNING, rows=store.rows(), keep=store.write)
    assert [each.exec_id for each in floor.executions()] == told
    assert [(p.quantity, floor.next_order_id(1)) for p in floor.positions()] == [(D(50), 6)]
    store.close()


def test_rows_that_no_floor_wrote_are_refused() -> None:
    with pytest.raises(ValueError, match="row kind must be one of"):
        Floor(HandMarket(), {ACCOUNT: CASH}, MORNING, rows=[Row(kind="poem", key="1", body="{}")])
