"""A PostgreSQL ledger that cannot be used says why and what to do; a lost connection is never hidden."""

from collections.abc import Callable, Iterator
from contextlib import nullcontext
from pathlib import Path
from uuid import uuid4

import psycopg
import pytest
from psycopg.pq import TransactionStatus
from sqlalchemy import text
from tests.contract.ledger_build import ACCOUNT, MONDAY, d, mandate
from tests.postgres import LOGIN, PASSWORD, Server

from prudent.domain.errors import DeskError, InputError, StoreError, Temporary
from prudent.ledger import LedgerStore, migrations, open_ledger
from prudent.ledger.database import Transaction
from prudent.ledger.postgres import SESSION_SETTINGS, PostgresDatabase, connect, plain_url
from prudent.ledger.prepare import prepare
from prudent.ledger.schema import REVISION
from prudent.ledger.tenancy import OWNER, SCHEMA


@pytest.fixture(scope="module")
def database(postgres: Server) -> Iterator[str]:
    name = postgres.create()
    yield name
    postgres.drop(name)


@pytest.fixture
def role(postgres: Server) -> Iterator[str]:
    """A login of this test that may do nothing yet."""
    name = f"odd_{uuid4().hex}"
    with postgres.admin() as admin:
        admin.execute(f"CREATE ROLE {name} LOGIN NOINHERIT PASSWORD '{PASSWORD}'".encode())
    yield name
    with postgres.admin() as admin:
        admin.execute(f"DROP ROLE {name}".encode())


def refused(url: str, kind: type[DeskError]) -> str:
    with pytest.raises(kind) as caught:
        open_ledger(url, owner="ann")
    assert PASSWORD not in str(caught.value)
    return str(caught.value)


# What cannot be opened


def test_a_server_that_is_down_is_a_matter_of_waiting(tmp_path: Path) -> None:
    told = refused(f"postgresql://{LOGIN}:{PASSWORD}@/ledger?host={tmp_path}", Temporary)
    assert "cannot be reached" in told
    assert "start the server or correct database.url" in told
    assert "cannot be reached" in refused(f"postgresql://{LOGIN}:{PASSWORD}@127.0.0.1:1/ledger", Temporary)


def test_wrong_login_password_host_and_database_are_named_apart(postgres: Server, database: str) -> None:
    assert "refused the login or its password" in refused(postgres.url_of(database, password="wrong"), StoreError)
    assert "refused the login or its password" in refused(postgres.url_of(database, login="nobody"), StoreError)
    assert "does not exist" in refused(postgres.url_of("no_such_database"), StoreError)
    assert "host of postgresql://a@nowhere.invalid/b is not known" in refused(
        "postgresql://a:b@nowhere.invalid/b", StoreError
    )


@pytest.mark.parametrize("url", ["postgresql://a:very secret@host:port/b", "postgresql://a:very secret@/b?odd=1"])
def test_a_url_that_cannot_be_read_is_not_repeated(url: str) -> None:
    with pytest.raises(StoreError, match="must be") as caught:
        open_ledger(url)
    assert "very secret" not in str(caught.value) + str(caught.value.__cause__)


def test_a_database_that_was_not_prepared_is_no_ledger(postgres: Server) -> None:
    name = postgres.create(template=None)
    assert "must be a ledger, was another database" in refused(postgres.url_of(name), StoreError)
    postgres.drop(name)


@pytest.mark.parametrize(
    ("revision", "advice"), [("0001", "run `invest db upgrade`"), ("9999", "install the newer version")]
)
def test_another_schema_says_which_way_to_go(postgres: Server, revision: str, advice: str) -> None:
    name = postgres.create()
    with postgres.admin(name) as admin:
        admin.execute(f"UPDATE {SCHEMA}.alembic_version SET version_num = '{revision}'".encode())
    assert advice in refused(postgres.url_of(name), StoreError)
    postgres.drop(name)


def test_a_login_for_whom_row_level_security_does_not_hold_is_refused(
    postgres: Server, database: str, role: str
) -> None:
    url = postgres.url_of(database, login=role)
    assert "was a superuser" in refused(postgres.admin_url_of(database), StoreError)
    assert "must be a member of prudent_app" in refused(url, StoreError)
    for grant, back, told in (
        (f"GRANT {OWNER} TO {role}", f"REVOKE {OWNER} FROM {role}", f"was a member of {OWNER}"),
        (f"ALTER ROLE {role} BYPASSRLS", f"ALTER ROLE {role} NOBYPASSRLS", "was a role with BYPASSRLS"),
        (
            f"ALTER TABLE {SCHEMA}.latches OWNER TO {role}", f"ALTER TABLE {SCHEMA}.latches OWNER TO {OWNER}",
            "was the owner of the ledger's tables",
        ),
    ):  # fmt: skip
        with postgres.admin(database) as admin:
            admin.execute(grant.encode())
            assert told in refused(url, StoreError)
            admin.execute(back.encode())


def test_a_password_may_hold_any_character(postgres: Server, database: str, role: str) -> None:
    odd = "a b@c:d/e?f#g%h'i\"j"
    with postgres.admin(database) as admin:
        admin.execute(psycopg.sql.SQL("ALTER ROLE {} PASSWORD {}").format(psycopg.sql.Identifier(role), odd))
        admin.execute(f"GRANT prudent_app TO {role}".encode())
    open_ledger(postgres.url_of(database, login=role, password=odd)).close()
    with postgres.admin(database) as admin:
        admin.execute(f"REVOKE prudent_app FROM {role}".encode())
    assert odd not in plain_url(postgres.url_of(database, login=role, password=odd))


# What happens while it works


@pytest.fixture
def store(postgres: Server, database: str, new_owner: Callable[[], str]) -> Iterator[LedgerStore]:
    opened = open_ledger(postgres.url_of(database), owner=new_owner())
    opened.add_account(mandate(), cash=d("100"), at=MONDAY)
    yield opened
    opened.close()


def end_connections(postgres: Server, database: str) -> None:
    with postgres.admin() as admin:
        ended = admin.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s AND usename = %s",
            (database, LOGIN),
        ).fetchall()
    assert ended


def test_a_connection_that_died_while_idle_is_replaced(postgres: Server, database: str, store: LedgerStore) -> None:
    end_connections(postgres, database)
    assert store.flow(ACCOUNT, "deposit", d("1"), at=MONDAY, ref="after")
    assert store.views.money(ACCOUNT).cash == d("101")


def test_a_connection_that_dies_inside_an_act_undoes_it_and_says_so(
    postgres: Server, database: str, store: LedgerStore
) -> None:
    armed = True

    def after(sql: str) -> None:
        if armed and "journal_lines" in sql:
            end_connections(postgres, database)

    store._database.after_statement = after
    with pytest.raises(Temporary, match="nothing was changed: try again"):
        store.flow(ACCOUNT, "deposit", d("1"), at=MONDAY, ref="cut")
    armed = False
    assert store.views.money(ACCOUNT).cash == d("100")
    assert store.flow(ACCOUNT, "deposit", d("1"), at=MONDAY, ref="cut")
    assert store.verify_audit().rows == 2


def test_an_answer_lost_at_the_commit_is_not_called_undone(
    postgres: Server, database: str, store: LedgerStore
) -> None:
    def after(sql: str) -> None:
        if "INTO audit" in sql:
            end_connections(postgres, database)

    store._database.after_statement = after
    with pytest.raises(Temporary, match="whether it did is not known: look before doing it again"):
        store.flow(ACCOUNT, "deposit", d("1"), at=MONDAY, ref="cut")


def test_an_act_that_swallows_a_failure_is_not_committed(store: LedgerStore) -> None:
    def careless(tx: Transaction) -> None:
        tx.run(text("UPDATE accounts SET name = 'changed'"))
        with pytest.raises(psycopg.Error):
            tx.all(text("SELECT 1 / 0"))

    with pytest.raises(StoreError, match="nothing was kept"), store._database.write() as tx:
        careless(tx)
    assert store.account(ACCOUNT).name == "Weekly balanced"


@pytest.mark.parametrize("end", ["done", "undone"])
def test_a_connection_goes_back_to_the_pool_as_nobody(store: LedgerStore, end: str) -> None:
    with pytest.raises(ZeroDivisionError) if end == "undone" else nullcontext(), store._database.write() as tx:
        used = tx._cursor.connection  # type: ignore[attr-defined]
        raise_if(end)
    row = used.execute("SELECT current_user AS me, current_setting('app.user_id') AS owner").fetchone()
    assert row == {"me": LOGIN, "owner": ""}
    assert used.info.transaction_status is TransactionStatus.IDLE


def raise_if(end: str) -> None:
    if end == "undone":
        raise ZeroDivisionError


def test_reading_cannot_write(store: LedgerStore) -> None:
    with pytest.raises(StoreError, match="read-only"), store._database.read() as tx:
        tx.run(text("UPDATE accounts SET name = 'changed'"))


def test_a_ledger_that_is_busy_for_long_says_so(
    postgres: Server, database: str, store: LedgerStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(SESSION_SETTINGS, "lock_timeout", "50ms")
    other = PostgresDatabase(postgres.url_of(database))
    with (
        store._database.write(),
        pytest.raises(Temporary, match="is locked by another process"),
        other.transaction(store._database._identity, writes=True, after_statement=lambda sql: None),
    ):
        raise AssertionError("two writers of one owner at once")
    other.close()


def test_a_wall_that_was_switched_off_is_a_fault(postgres: Server, new_owner: Callable[[], str]) -> None:
    name = postgres.create()
    opened = open_ledger(postgres.url_of(name), owner=new_owner())
    assert opened.faults() == ()
    with postgres.admin(name) as admin:
        admin.execute(f"ALTER TABLE {SCHEMA}.orders DISABLE TRIGGER orders_legal_transition".encode())
    assert opened.faults() == ("orders: trigger orders_legal_transition is switched off",)
    opened.close()
    postgres.drop(name)


def test_a_pool_is_shared_and_closes_with_its_last_owner(postgres: Server, database: str) -> None:
    one, two = (open_ledger(postgres.url_of(database), owner=name) for name in ("one", "two"))
    assert one._database.source is two._database.source
    one.close()
    assert two.accounts() == ()
    two.close()
    three = open_ledger(postgres.url_of(database), owner="three")
    assert three._database.source is not two._database.source
    three.close()


# Preparing


def test_preparing_twice_keeps_login_rows_and_password(postgres: Server) -> None:
    name = login = f"fresh_{uuid4().hex}"
    made = prepare(postgres.admin_url_of(name), login=login)
    assert (made.password_is_new, made.revision_before, made.revision) == (True, None, REVISION)
    store = open_ledger(made.url, owner="ann")
    store.add_account(mandate(), cash=d("7"), at=MONDAY)
    store.close()
    again = prepare(postgres.admin_url_of(name), login=login)
    assert (again.password_is_new, again.revision_before, again.revision) == (False, REVISION, REVISION)
    store = open_ledger(made.url, owner="ann")
    assert store.views.money(ACCOUNT).cash == d("7")
    store.close()
    postgres.drop(name)
    with postgres.admin() as admin:
        admin.execute(f"DROP ROLE {login}".encode())


def test_the_login_cannot_be_one_that_may_more(postgres: Server, database: str, role: str) -> None:
    with postgres.admin() as admin:
        admin.execute(f"ALTER ROLE {role} INHERIT CREATEDB".encode())
    with pytest.raises(StoreError, match="must be NOINHERIT and without other rights, has inherit, createdb"):
        prepare(postgres.admin_url_of(database), login=role)
    with pytest.raises(InputError, match="a name of its own"):
        prepare(postgres.admin_url_of(database), login=OWNER)


def test_declaring_security_anew_heals_what_was_loosened(postgres: Server) -> None:
    from prudent.ledger.lint import lint

    name = postgres.create()
    with postgres.admin(name) as admin:
        admin.execute(f"ALTER TABLE {SCHEMA}.orders DISABLE ROW LEVEL SECURITY".encode())
        admin.execute(f"GRANT ALL ON {SCHEMA}.audit TO PUBLIC, prudent_app".encode())
        admin.execute(f"CREATE POLICY open ON {SCHEMA}.fills FOR SELECT TO prudent_app USING (true)".encode())
    assert len(lint(postgres.url_of(name))) >= 4
    migrations.upgrade(postgres.admin_url_of(name))
    assert lint(postgres.url_of(name)) == ()
    postgres.drop(name)


def test_the_product_does_not_migrate_by_itself(postgres: Server, database: str) -> None:
    with pytest.raises(StoreError, match="may not do"):
        migrations.upgrade(postgres.url_of(database))


def test_a_session_sets_its_limits(postgres: Server, database: str) -> None:
    with connect(postgres.url_of(database)) as connection:
        for name, value in (("lock_timeout", "5s"), ("synchronous_commit", "on"), ("search_path", "prudent, pg_temp")):
            row = connection.execute(f"SHOW {name}".encode()).fetchone()
            assert row is not None
            assert str(row[name]).replace(" ", "") == value.replace(" ", "")
