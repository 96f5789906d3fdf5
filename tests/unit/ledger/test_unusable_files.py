"""A ledger that cannot be used says why and what to do, and keeps nothing half-done."""

import sqlite3
from pathlib import Path

import pytest
from tests.contract.ledger_build import ACCOUNT, MONDAY, d, mandate

from prudent.domain.errors import StoreError
from prudent.ledger import LedgerStore, open_ledger, sqlite


def test_a_text_file_is_no_ledger(tmp_path: Path) -> None:
    path = tmp_path / "ledger.sqlite"
    path.write_text("this is a diary, not a database; it is long enough to be read as a header " * 20)
    with pytest.raises(StoreError, match="must be a SQLite database"):
        open_ledger(path)
    assert path.read_text().startswith("this is a diary")


def test_another_database_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "other.sqlite"
    with sqlite3.connect(path) as other:
        other.execute("CREATE TABLE recipes (name TEXT)")
    other.close()
    with pytest.raises(StoreError, match="must be a ledger, was another database"):
        open_ledger(path)


@pytest.mark.parametrize(
    ("revision", "advice"), [("0000", "run `invest db upgrade`"), ("9999", "install the newer version")]
)
def test_another_schema_says_which_way_to_go(tmp_path: Path, revision: str, advice: str) -> None:
    path = tmp_path / "ledger.sqlite"
    open_ledger(path).close()
    with sqlite3.connect(path) as raw:
        raw.execute("UPDATE alembic_version SET version_num = ?", (revision,))
    raw.close()
    with pytest.raises(StoreError, match=advice):
        open_ledger(path)


def test_a_missing_folder_and_another_kind_of_database_are_named(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="folder that exists"):
        open_ledger(tmp_path / "none" / "ledger.sqlite")
    with pytest.raises(StoreError, match="was one of mysql"):
        open_ledger("mysql://localhost/ledger")
    with pytest.raises(StoreError, match="cannot be opened"):
        open_ledger(tmp_path)


def test_damage_is_an_error_and_not_an_empty_ledger(tmp_path: Path) -> None:
    path = tmp_path / "ledger.sqlite"
    store = open_ledger(path)
    store.add_account(mandate(), cash=d("100"), at=MONDAY)
    store.close()
    data = bytearray(path.read_bytes())
    data[4096:] = b"\xff" * (len(data) - 4096)
    path.write_bytes(bytes(data))
    with pytest.raises(StoreError, match="damaged"):
        open_ledger(path).accounts()


def deposit_for_ever(store: LedgerStore) -> None:
    for number in range(1000):
        assert store.flow(ACCOUNT, "deposit", d("1"), at=MONDAY, ref=f"wire-{number}" + "x" * 500)


def test_a_full_disk_keeps_what_was_acknowledged_and_nothing_of_the_rest(tmp_path: Path) -> None:
    path = tmp_path / "ledger.sqlite"
    store = open_ledger(path)
    store.add_account(mandate(), cash=d("100"), at=MONDAY)
    (pages,) = store._database.driver.execute("PRAGMA page_count").fetchone()
    store._database.driver.execute(f"PRAGMA max_page_count = {pages + 3}")
    with pytest.raises(StoreError, match="is full; nothing half-done was kept"):
        deposit_for_ever(store)
    done = store.views.journal().total // 2 - 1
    assert 0 < done < 1000
    assert store.views.money(ACCOUNT).cash == 100 + done
    store.close()
    again = open_ledger(path)
    assert again.views.money(ACCOUNT).cash == 100 + done
    assert again.verify_audit().rows == 1 + done
    assert again.faults() == ()
    assert again.flow(ACCOUNT, "deposit", d("1"), at=MONDAY, ref="after")


def test_a_ledger_that_is_busy_for_long_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "ledger.sqlite"
    open_ledger(path).close()
    monkeypatch.setattr(sqlite, "BUSY_MILLISECONDS", 10)
    store = open_ledger(path)
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(StoreError, match="is locked by another process"):
        store.set_setting("clock", "x", at=MONDAY)
    other.execute("ROLLBACK")
    other.close()
    store.set_setting("clock", "x", at=MONDAY)
    assert store.setting("clock") == "x"


def test_a_ledger_is_durable_before_it_answers(tmp_path: Path) -> None:
    store = open_ledger(tmp_path / "ledger.sqlite")
    pragmas = {name: store._database.driver.execute(f"PRAGMA {name}").fetchone()[0] for name in (
        "journal_mode", "synchronous", "foreign_keys", "busy_timeout", "trusted_schema",
    )}  # fmt: skip
    assert pragmas == {
        "journal_mode": "wal", "synchronous": 2, "foreign_keys": 1, "busy_timeout": 5000, "trusted_schema": 0,
    }  # fmt: skip


def test_a_file_is_for_one_person(tmp_path: Path) -> None:
    alice = open_ledger(tmp_path / "ledger.sqlite", owner="alice")
    bob = open_ledger(tmp_path / "ledger.sqlite", owner="bob")
    alice.add_account(mandate(), cash=d("100"), at=MONDAY)
    with pytest.raises(StoreError, match="belongs to 'alice', was opened for 'bob'"):
        open_ledger(tmp_path / "ledger.sqlite", owner="bob")
    # One that was opened before there was any owner meets the wall in the file itself.
    with pytest.raises(StoreError, match=r"is for one person; for more set database\.url to PostgreSQL"):
        bob.add_account(mandate(), cash=d("7"), at=MONDAY)
    assert (bob.accounts(), bob.views.audit().total) == ((), 0)
    assert alice.verify_audit().rows == 1
