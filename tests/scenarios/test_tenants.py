"""Ann and Bob each hold a row in every table of one database: nothing of Bob is seen, touched or guessed by Ann."""

from collections.abc import Iterator

import psycopg
import pytest
from psycopg.errors import (
    ForeignKeyViolation,
    InsufficientPrivilege,
    RaiseException,
    UniqueViolation,
)
from tests.postgres import Server
from tests.scenarios.tenant_rows import ANN, BOB, NOBODY, Tenants, acting, as_owner, insert, row_of, settle

from prudent.ledger.database import DIRECTORY, ENGINE, TENANT, Identity
from prudent.ledger.postgres import connect
from prudent.ledger.schema import METADATA, PLATFORM_TABLES
from prudent.ledger.tenancy import OWNER, READINGS, SCHEMA, VERSION_TABLE, commands

TABLES = sorted(set(METADATA.tables) - set(PLATFORM_TABLES))


@pytest.fixture(scope="module")
def tenants(postgres: Server) -> Iterator[Tenants]:
    settled = settle(postgres)
    yield settled
    postgres.drop(settled.database)


@pytest.fixture
def ann(tenants: Tenants) -> Iterator["psycopg.Cursor[dict[str, object]]"]:
    """A transaction of Ann's that is undone."""
    with as_owner(tenants.url, ANN) as cursor:
        yield cursor


Cursor = psycopg.Cursor[dict[str, object]]


def count(cursor: Cursor, table: str, where: str = "true") -> int:
    row = cursor.execute(f"SELECT count(*) AS n FROM {table} WHERE {where}".encode()).fetchone()
    assert row is not None
    assert isinstance(row["n"], int)
    return row["n"]


def test_the_tables_are_those_of_the_catalogue_and_both_hold_a_row_in_each(tenants: Tenants) -> None:
    assert list(tenants.tables) == TABLES
    with tenants.admin() as admin:
        for table in tenants.tables:
            owners = {row[0] for row in admin.execute(f"SELECT owner_id FROM {table}".encode())}
            assert owners == {ANN, BOB}, table


@pytest.mark.parametrize("table", TABLES)
def test_ann_sees_her_row_and_no_other(ann: Cursor, table: str) -> None:
    rows = ann.execute(f"SELECT * FROM {table}".encode()).fetchall()
    assert [row["owner_id"] for row in rows] == [ANN]
    assert BOB not in str(rows)
    assert count(ann, table, f"owner_id = '{BOB}'") == 0


@pytest.mark.parametrize("table", TABLES)
def test_ann_can_neither_change_nor_remove_nor_add_a_row_of_bob(tenants: Tenants, ann: Cursor, table: str) -> None:
    with pytest.raises(InsufficientPrivilege), ann.connection.transaction():
        insert(ann, table, row_of(METADATA.tables[table], BOB) | {"owner_id": BOB})
    allowed = commands(table)
    for statement, command in (
        (f"UPDATE {table} SET owner_id = owner_id WHERE owner_id = '{BOB}'", "UPDATE"),
        (f"UPDATE {table} SET owner_id = '{BOB}'", "CHECK"),
        (f"DELETE FROM {table} WHERE owner_id = '{BOB}'", "DELETE"),
        (f"TRUNCATE {table} CASCADE", "TRUNCATE"),
    ):
        try:
            with ann.connection.transaction():
                assert ann.execute(statement.encode()).rowcount == 0
                assert command in allowed
        except InsufficientPrivilege:
            # By grant, or because the row would become another's.
            assert command not in allowed or table == "users"
    with tenants.admin() as admin:
        assert admin.execute(f"SELECT count(*) FROM {table} WHERE owner_id = '{BOB}'".encode()).fetchone() == (1,)


def crossing(table: str) -> bool:
    """Its rows hang on more than the person: on an account, a run, an order, an entry."""
    return any(len(key.elements) > 1 for key in METADATA.tables[table].foreign_key_constraints)


@pytest.mark.parametrize("table", [table for table in TABLES if crossing(table)])
def test_a_row_of_ann_cannot_hang_on_a_row_of_bob(ann: Cursor, table: str) -> None:
    """Bob's parent and one that exists nowhere are refused alike."""
    shape = METADATA.tables[table]
    parents = {e.parent.name for key in shape.foreign_key_constraints for e in key.elements} - {"owner_id"}
    told = []
    for parent in (BOB, NOBODY):
        theirs = row_of(shape, parent)
        row = row_of(shape, ANN) | {name: theirs[name] for name in parents}
        row |= {key.name: row_of(shape, NOBODY)[key.name] for key in shape.primary_key if key.name not in parents}
        if table in ("orders", "fills"):
            row |= {"order_ref": theirs["order_ref"]}
        with pytest.raises(ForeignKeyViolation) as caught, ann.connection.transaction():
            insert(ann, table, row | {"owner_id": ANN})
        told.append((caught.value.diag.message_primary, caught.value.diag.constraint_name))
    assert told[0] == told[1]


def test_views_and_functions_that_could_show_more_do_not_exist(tenants: Tenants) -> None:
    with tenants.admin() as admin:
        views = admin.execute("SELECT viewname FROM pg_views WHERE schemaname = %s", (SCHEMA,)).fetchall()
        functions = admin.execute(
            "SELECT proname, prorettype::regtype::text FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace "
            "WHERE n.nspname = %s", (SCHEMA,),
        ).fetchall()  # fmt: skip
    assert (views, functions) == ([], [("refuse", "trigger")])


def test_statistics_show_ann_no_value_of_bob(tenants: Tenants, ann: Cursor) -> None:
    with tenants.admin() as admin:
        admin.execute("ANALYZE")
    assert count(ann, "pg_catalog.pg_stats", f"schemaname = '{SCHEMA}' AND tablename <> '{VERSION_TABLE}'") == 0


@pytest.mark.parametrize("table", [*TABLES, *PLATFORM_TABLES])
def test_a_session_without_identity_sees_nothing(tenants: Tenants, table: str) -> None:
    with connect(tenants.url) as connection, connection.cursor() as cursor:
        with pytest.raises(InsufficientPrivilege):
            cursor.execute(f"SELECT * FROM {SCHEMA}.{table}".encode())
        cursor.execute(f"SET ROLE {TENANT}")
        if table in PLATFORM_TABLES:
            return
        assert count(cursor, table) == 0
        # After a transaction that had an owner the setting is empty and not NULL.
        cursor.execute("BEGIN")
        cursor.execute("SELECT set_config('app.user_id', %s, true)", (ANN,))
        assert count(cursor, table) == 1
        cursor.execute("COMMIT")
        assert cursor.execute("SELECT current_setting('app.user_id') AS told").fetchone() == {"told": ""}
        assert count(cursor, table) == 0
        with pytest.raises(InsufficientPrivilege):
            insert(cursor, table, row_of(METADATA.tables[table], ANN) | {"owner_id": "carl"})


def test_a_taken_name_cannot_be_told_from_a_free_one(ann: Cursor) -> None:
    told = []
    for name in (BOB, "free"):
        with pytest.raises(InsufficientPrivilege) as caught, ann.connection.transaction():
            ann.execute("UPDATE users SET name = %s", (name,))
        told.append(str(caught.value))
        with pytest.raises(UniqueViolation) as taken, ann.connection.transaction():
            insert(ann, "users", row_of(METADATA.tables["users"], ANN) | {"name": name})
        told.append(str(taken.value))
    assert told[:2] == told[2:]
    assert BOB not in "".join(told)


@pytest.mark.parametrize(
    "statement",
    [
        f"SET ROLE {OWNER}", "ALTER TABLE audit DISABLE TRIGGER ALL", "DROP POLICY tenant_select ON orders",
        "ALTER TABLE orders DISABLE ROW LEVEL SECURITY", "CREATE TABLE mine (a int)", "UPDATE audit SET body = ''",
        "DELETE FROM journal_lines", "UPDATE users SET role = 'admin'", "SET SESSION AUTHORIZATION postgres",
        "ALTER ROLE prudent_app BYPASSRLS", "COPY orders TO '/tmp/orders'",
        "CREATE TRIGGER t BEFORE INSERT ON orders EXECUTE FUNCTION prudent.refuse()", "SELECT * FROM engines",
        "SELECT prudent.refuse()", "SET row_security = off; SELECT * FROM orders",
    ],
)  # fmt: skip
def test_what_a_tenant_may_not_do_at_all(ann: Cursor, statement: str) -> None:
    with pytest.raises(psycopg.Error) as caught:
        ann.execute(statement.encode())
    assert caught.value.sqlstate in ("42501", "0A000")


def test_what_is_append_only_is_so_for_the_superuser_too(tenants: Tenants) -> None:
    with tenants.admin() as admin:
        for table in ("audit", "journal_entries", "journal_lines", "fills", "order_events", "admin_reads"):
            changes = (f"UPDATE {table} SET owner_id = 'x'", f"DELETE FROM {table}", f"TRUNCATE {table} CASCADE")
            for statement in changes:
                with pytest.raises(RaiseException, match="is append-only"):
                    admin.execute(statement.encode())


# What other roles see


def test_the_directory_sees_the_one_row_that_it_asks_about(tenants: Tenants) -> None:
    for table, asked, key in (
        ("users", BOB, "name"), ("api_tokens", f"{BOB}'s digest", "digest"),
        ("sessions", f"{BOB}'s session_id", "session_id"),
    ):  # fmt: skip
        with acting(tenants.url, Identity(role=DIRECTORY, asked=asked)) as cursor:
            rows = cursor.execute(f"SELECT * FROM {table}".encode()).fetchall()
            assert [(row["owner_id"], row[key]) for row in rows] == [(BOB, asked)]
        for nobody in ("", "nobody", "%", f"{BOB}' OR '1'='1"):
            with acting(tenants.url, Identity(role=DIRECTORY, asked=nobody)) as cursor:
                assert count(cursor, table) == 0
    with acting(tenants.url, Identity(role=DIRECTORY, owner=ANN)) as cursor:
        assert count(cursor, "users") == 0


@pytest.mark.parametrize("role", [DIRECTORY, ENGINE])
@pytest.mark.parametrize("table", TABLES)
def test_another_role_reads_what_is_declared_and_nothing_else(tenants: Tenants, role: str, table: str) -> None:
    declared = [each for each in READINGS if (each.role, each.table) == (role, table)]
    with acting(tenants.url, Identity(role=role, owner=ANN)) as cursor:
        for column in METADATA.tables[table].columns:
            seen = [each for each in declared if not each.columns or column.name in each.columns]
            query = f'SELECT "{column.name}" FROM {table}'.encode()
            if seen:
                assert len(cursor.execute(query).fetchall()) == (2 if role == ENGINE else 0)
            else:
                with pytest.raises(InsufficientPrivilege), cursor.connection.transaction():
                    cursor.execute(query)
        for change in (
            f"INSERT INTO {table} DEFAULT VALUES", f"UPDATE {table} SET owner_id = ''", f"DELETE FROM {table}"
        ):
            with pytest.raises(InsufficientPrivilege), cursor.connection.transaction():
                cursor.execute(change.encode())


def test_what_engines_and_the_directory_may_read_is_little() -> None:
    """Written out a second time: no password, no request's body, no plan, no money."""
    seen = {(each.role, each.table): each.columns for each in READINGS}
    assert seen == {
        (DIRECTORY, "users"): (), (DIRECTORY, "api_tokens"): (), (DIRECTORY, "sessions"): (),
        (ENGINE, "leases"): (), (ENGINE, "schedules"): (),
        (ENGINE, "users"): ("owner_id", "name", "created", "role", "status"),
        (ENGINE, "requests"): (
            "owner_id", "request_id", "kind", "account", "status", "created", "claimed_by", "claimed", "finished",
        ),
        (ENGINE, "waits"): ("owner_id", "account", "run", "cycle", "why", "until", "since"),
    }  # fmt: skip


def test_engines_are_seen_by_engines_only(tenants: Tenants) -> None:
    for role in (TENANT, DIRECTORY):
        with acting(tenants.url, Identity(role=role, owner=ANN)) as cursor, pytest.raises(InsufficientPrivilege):
            cursor.execute("SELECT * FROM engines")
    with acting(tenants.url, Identity(role=ENGINE)) as cursor:
        cursor.execute("INSERT INTO engines VALUES ('e', 'host', 'now', 'now', 'running', '1', 7)")
        assert count(cursor, "engines") == 1


def test_an_illegal_state_is_refused_in_ones_own_rows(ann: Cursor) -> None:
    with pytest.raises(RaiseException, match="illegal order transition"), ann.connection.transaction():
        ann.execute("UPDATE orders SET state = 'FILLED'")
    with pytest.raises(RaiseException, match="illegal first order state"), ann.connection.transaction():
        insert(ann, "orders", row_of(METADATA.tables["orders"], ANN) | {"order_ref": "new", "state": "FILLED"})
