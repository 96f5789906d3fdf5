"""The migrations make the schema that the code expects, keep every row up and down, and are all or nothing."""

import os
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import MetaData, Table, event
from sqlalchemy.dialects import postgresql
from sqlalchemy.engine import Engine
from sqlalchemy.schema import CreateIndex, CreateTable
from tests.contract.ledger_build import ACCOUNT, MONDAY, d, mandate
from tests.postgres import Server
from tests.scenarios.tenant_rows import ANN, BOB, row_of, settle

from prudent.domain.errors import StoreError
from prudent.ledger import migrations, open_ledger
from prudent.ledger.lint import lint
from prudent.ledger.migrations.versions import r0001_ledger as r0001
from prudent.ledger.migrations.versions import r0002_people_and_engines as r0002
from prudent.ledger.migrations.versions import r0003_models_and_mirrors as r0003
from prudent.ledger.migrations.versions import r0004_backtests as r0004
from prudent.ledger.migrations.versions import r0005_volatilities as r0005
from prudent.ledger.schema import METADATA, PLATFORM_TABLES, REVISION
from prudent.ledger.tenancy import SCHEMA

Schema = list[tuple[str, str, str]]
Rows = dict[str, list[tuple[Any, ...]]]


def schema_of(path: Path) -> Schema:
    raw = sqlite3.connect(path)
    found = raw.execute(
        "SELECT type, name, sql FROM sqlite_master WHERE name NOT LIKE 'sqlite_%' AND name <> 'alembic_version'"
    ).fetchall()
    raw.close()
    return sorted(found)


def rows_of(path: Path) -> Rows:
    """Every row of every table, and a check that the file is sound."""
    raw = sqlite3.connect(path)
    assert raw.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    assert raw.execute("PRAGMA foreign_key_check").fetchall() == []
    tables = [row[0] for row in raw.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
    found = {table: sorted(raw.execute(f"SELECT * FROM {table}").fetchall(), key=repr) for table in tables}
    raw.close()
    return {table: rows for table, rows in found.items() if table != "alembic_version"}


def fill(path: Path, shape: MetaData, **changes: dict[str, Any]) -> None:
    """One row of one person in every table."""
    raw = sqlite3.connect(path)
    for table in shape.sorted_tables:
        row = row_of(table, ANN) if "owner_id" in table.columns else numbered(table)
        put(raw, table, row | changes.get(table.name, {}))
    raw.commit()
    raw.close()


def numbered(table: Table) -> dict[str, Any]:
    return {column.name: 1 if "INT" in str(column.type) else f"an {column.name}" for column in table.columns}


def put(raw: sqlite3.Connection, table: Table, row: dict[str, Any]) -> None:
    columns = ", ".join(f'"{name}"' for name in row)
    raw.execute(f"INSERT INTO {table.name} ({columns}) VALUES ({', '.join('?' * len(row))})", list(row.values()))


# The schema


def test_migrating_and_creating_give_the_same_schema(tmp_path: Path) -> None:
    open_ledger(tmp_path / "created.sqlite").close()
    migrations.upgrade(tmp_path / "migrated.sqlite")
    assert schema_of(tmp_path / "migrated.sqlite") == schema_of(tmp_path / "created.sqlite")
    assert migrations.current(tmp_path / "migrated.sqlite") == REVISION


def test_the_frozen_copy_is_the_schema_on_postgresql_too() -> None:
    newer = (*r0003.NEW, r0004.BACKTESTS, r0005.VOLATILITIES)
    frozen = {each.name: statements(each) for each in (*r0002.TABLES.sorted_tables, *newer)}
    assert frozen == {each.name: statements(each) for each in METADATA.sorted_tables}


def statements(table: Table) -> list[str]:
    dialect = postgresql.dialect()  # type: ignore[no-untyped-call]
    indexes = sorted(str(CreateIndex(index).compile(dialect=dialect)) for index in table.indexes)
    return [str(CreateTable(table).compile(dialect=dialect)), *indexes]


def test_the_revision_in_code_is_the_newest() -> None:
    config = Config()
    config.set_main_option("script_location", str(Path(migrations.__file__).parent))
    assert ScriptDirectory.from_config(config).get_current_head() == REVISION


def test_every_table_begins_with_its_owner_and_no_amount_is_a_float() -> None:
    for table in METADATA.sorted_tables:
        columns = list(table.columns)
        assert {str(column.type) for column in columns} <= {"TEXT", "INTEGER", "BLOB"}
        if table.name in PLATFORM_TABLES:
            continue
        assert columns[0].name == "owner_id"
        assert next(iter(table.primary_key.columns)).name == "owner_id"
        for key in table.foreign_key_constraints:
            assert key.column_keys[0] == "owner_id"


# Rows on the way up and down, SQLite


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "ledger.sqlite"


def test_rows_of_the_first_schema_survive_the_way_up_and_back(path: Path) -> None:
    migrations.upgrade(path, "0001")
    fill(path, r0001.TABLES)
    before, shape = rows_of(path), schema_of(path)
    assert all(before.values())
    migrations.upgrade(path, "0002")
    raw = sqlite3.connect(path)
    for table in r0001.TABLES.sorted_tables:
        columns = ", ".join(f'"{column.name}"' for column in table.columns)
        assert raw.execute(f"SELECT {columns} FROM {table.name}").fetchall() == before[table.name], table.name
    assert raw.execute("SELECT role, status FROM users").fetchall() == [("admin", "active")]
    raw.close()
    migrations.upgrade(path)
    open_ledger(path, owner=ANN).close()
    migrations.downgrade(path, "0001")
    # Whether a person is an administrator is what the first schema cannot hold.
    assert [each for each in schema_of(path) if each[1] != "kept2_users"] == shape
    kept = rows_of(path)
    assert kept.pop("kept2_users")
    assert kept == before


def test_rows_of_the_newest_schema_come_back_from_the_first(path: Path) -> None:
    """Late fills, corrected fills and every new table are kept aside while the file is of the first schema."""
    open_ledger(path).close()
    fill(path, METADATA, cycles={"status": "running"})
    raw = sqlite3.connect(path)
    orders, events, fills = (METADATA.tables[name] for name in ("orders", "order_events", "fills"))
    for state, end in (("FILLED_LATE", "EXPIRED"), ("PARTIAL_LATE", "CANCELLED")):
        ref = {"order_ref": state}
        put(raw, orders, row_of(orders, ANN) | ref)
        raw.execute("DROP TRIGGER orders_legal_transition")
        raw.execute("UPDATE orders SET state = ? WHERE order_ref = ?", (state, state))
        raw.execute(next(sql for sql in r0002.triggers() if "orders_legal_transition" in sql))
        put(raw, events, row_of(events, ANN) | ref | {"number": 1, "from_state": "ACKED", "to_state": end})
        put(raw, events, row_of(events, ANN) | ref | {"number": 2, "from_state": end, "to_state": state})
    put(raw, fills, row_of(fills, ANN) | {"version": 2, "price": "2", "busted": 0})
    raw.commit()
    raw.close()
    before, shape = rows_of(path), schema_of(path)
    assert all(before.values())
    migrations.downgrade(path, "0001")
    raw = sqlite3.connect(path)
    states = dict(raw.execute("SELECT order_ref, state FROM orders WHERE order_ref LIKE '%LATE'"))
    assert states == {"FILLED_LATE": "EXPIRED", "PARTIAL_LATE": "CANCELLED"}
    assert raw.execute("SELECT price FROM fills").fetchall() == [("2",)]
    assert raw.execute("SELECT count(*) FROM order_events WHERE to_state LIKE '%LATE'").fetchone() == (0,)
    raw.close()
    migrations.upgrade(path)
    assert schema_of(path) == shape
    assert rows_of(path) == before


def test_rows_of_the_newest_schema_come_back_from_the_second(path: Path) -> None:
    open_ledger(path).close()
    fill(path, METADATA, cycles={"status": "running"})
    before, shape = rows_of(path), schema_of(path)
    migrations.downgrade(path, "0002")
    kept = rows_of(path)
    assert all(kept[f"{r0003.KEPT}{table.name}"] == before[table.name] for table in r0003.NEW)
    assert kept[f"{r0004.KEPT}backtests"] == before["backtests"]
    assert kept[f"{r0005.KEPT}volatilities"] == before["volatilities"]
    assert not {*(table.name for table in r0003.NEW), "backtests", "volatilities"} & kept.keys()
    migrations.upgrade(path)
    assert schema_of(path) == shape
    assert rows_of(path) == before


def test_a_fill_booked_under_the_first_schema_is_its_first_version(path: Path) -> None:
    open_ledger(path).close()
    fill(path, METADATA)
    migrations.downgrade(path, "0001")
    raw = sqlite3.connect(path)
    put(raw, r0001.TABLES.tables["fills"], row_of(r0001.TABLES.tables["fills"], ANN) | {"exec_id": "meanwhile"})
    raw.commit()
    raw.close()
    migrations.upgrade(path)
    raw = sqlite3.connect(path)
    assert raw.execute("SELECT version, busted FROM fills WHERE exec_id = 'meanwhile'").fetchall() == [(1, 0)]
    assert raw.execute("SELECT count(*) FROM fills").fetchone() == (2,)
    raw.close()


def test_going_down_to_nothing_and_up_keeps_journal_and_audit(path: Path) -> None:
    store = open_ledger(path)
    store.add_account(mandate(), cash=d("100"), at=MONDAY)
    store.flow(ACCOUNT, "deposit", d("23.45"), at=MONDAY, ref="wire")
    head, before = store.audit_head(), schema_of(path)
    store.close()
    migrations.downgrade(path, "base")
    assert migrations.current(path) is None
    raw = sqlite3.connect(path)
    assert raw.execute("SELECT count(*) FROM kept_journal_lines").fetchone() == (4,)
    raw.close()
    with pytest.raises(StoreError, match="run `invest db upgrade`"):
        open_ledger(path)
    migrations.upgrade(path)
    assert schema_of(path) == before
    again = open_ledger(path)
    assert again.views.money(ACCOUNT).cash == d("123.45")
    assert again.verify_audit(anchor=head).holds
    assert again.faults() == ()


def test_what_hung_on_lost_rows_does_not_come_back_from_nothing(path: Path) -> None:
    """The base keeps accounts and journal, no cycles: what waited in a cycle is gone with it, and no key dangles."""
    open_ledger(path).close()
    fill(path, METADATA)
    migrations.downgrade(path, "base")
    migrations.upgrade(path)
    rows = rows_of(path)
    assert (len(rows["waits"]), len(rows["leases"]), len(rows["secrets"])) == (0, 1, 1)
    assert not [name for name in rows if name.startswith("kept")]


def test_upgrading_twice_changes_nothing(path: Path) -> None:
    migrations.upgrade(path)
    before = schema_of(path)
    migrations.upgrade(path)
    assert schema_of(path) == before


# PostgreSQL


def server_rows(server: Server, database: str) -> Rows:
    with server.admin(database) as admin:
        names = admin.execute("SELECT tablename FROM pg_tables WHERE schemaname = %s", (SCHEMA,)).fetchall()
        return {
            str(name): sorted(admin.execute(f"SELECT * FROM {SCHEMA}.{name}".encode()).fetchall(), key=repr)
            for (name,) in names
            if name != "alembic_version"
        }


@pytest.fixture
def people(postgres: Server) -> Iterator[str]:
    """A database in which two people hold a row in every table."""
    tenants = settle(postgres)
    yield tenants.database
    postgres.drop(tenants.database)


@pytest.mark.parametrize("down", ["0002", "0001", "base"])
def test_everybodys_rows_come_back_on_postgresql(postgres: Server, people: str, down: str) -> None:
    admin_url, before = postgres.admin_url_of(people), server_rows(postgres, people)
    assert {row[0] for row in before["orders"]} == {ANN, BOB}
    migrations.downgrade(admin_url, down)
    assert migrations.current(admin_url) == (None if down == "base" else down)
    with pytest.raises(StoreError, match="run `invest db upgrade`"):
        open_ledger(postgres.url_of(people), owner=ANN)
    # What was kept aside is nobody's to read.
    assert lint(postgres.url_of(people)) == ()
    migrations.upgrade(admin_url)
    assert server_rows(postgres, people) == before
    assert lint(postgres.url_of(people)) == ()
    assert server_rows(postgres, people).keys() == METADATA.tables.keys()


# All or nothing


def die_in_migration(move: str, url: str, statement: int) -> None:
    """Run by a child: migrate until the given statement, then end without any clean-up."""
    left = statement

    def before(*_told: object) -> None:
        nonlocal left
        left -= 1
        if left == 0:
            os._exit(9)

    event.listen(Engine, "before_cursor_execute", before)
    if move == "up":
        migrations.upgrade(url)
    else:
        migrations.downgrade(url, "0001")
    os._exit(0)


def die_at_each(move: str, url: str, numbers: list[int]) -> list[int]:
    """The exit code of a child for each number: 9 = it died there, 0 = the migration had fewer statements."""
    code = (
        "import sys, os; from tests.unit.ledger.test_migrations import die_in_migration\n"
        "for number in map(int, sys.argv[3:]):\n"
        "    child = os.fork()\n"
        "    if child == 0: die_in_migration(sys.argv[1], sys.argv[2], number)\n"
        "    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, move, url, *map(str, numbers)], check=True, timeout=300, capture_output=True,
        text=True,
    )  # fmt: skip
    return [int(line) for line in done.stdout.split()]


@pytest.mark.parametrize("move", ["up", "down"])
def test_a_kill_in_the_middle_of_a_migration_changes_nothing(
    path: Path, move: str, scale: Callable[[int, int], int]
) -> None:
    migrations.upgrade(path, "0001" if move == "up" else "head")
    fill(path, r0001.TABLES if move == "up" else METADATA)
    before, shape = rows_of(path), schema_of(path)
    step = scale(12, 1)
    codes: list[int] = []
    while 0 not in codes and set(codes) <= {9}:
        start = len(codes) * step + 1
        told = die_at_each(move, str(path), list(range(start, start + 8 * step, step)))
        if 0 not in told:
            assert (rows_of(path), schema_of(path)) == (before, shape)
        codes += told
    assert codes.count(9) >= 8
    assert set(codes[: codes.index(0)]) == {9}
    assert rows_of(path) != before


@pytest.mark.parametrize("move", ["up", "down"])
def test_a_kill_in_the_middle_changes_nothing_on_postgresql(
    postgres: Server, people: str, move: str, scale: Callable[[int, int], int]
) -> None:
    url = postgres.admin_url_of(people)
    if move == "up":
        migrations.downgrade(url, "0001")
    before = server_rows(postgres, people)
    numbers = list(range(2, 182, scale(36, 3)))
    assert die_at_each(move, url, numbers) == [9] * len(numbers)
    assert server_rows(postgres, people) == before
    assert migrations.current(url) == ("0001" if move == "up" else REVISION)
    assert lint(postgres.url_of(people)) == ()
