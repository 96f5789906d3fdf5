"""The ledger in one SQLite file of one person: one connection for all threads, durable commits, failures in words."""

import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import RLock

from sqlalchemy import Dialect, Engine, FromClause, StaticPool, create_engine, event, inspect, select, text
from sqlalchemy.dialects.sqlite import dialect as sqlite_dialect
from sqlalchemy.dialects.sqlite.base import SQLiteCompiler
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, DBAPIError

from prudent.domain.errors import StoreError
from prudent.ledger.database import AfterStatement, Database, Identity, Source, Statements, Transaction
from prudent.ledger.schema import METADATA, REVISION, USERS

MEMORY = ":memory:"
BUSY_MILLISECONDS = 5000
_USERS = select(USERS.c.owner_id)


class _Compiler(SQLiteCompiler):
    """Says which index a table is read by, where a statement names one.

    Without statistics SQLite would rather read all that an account ever had, by the beginning of the primary key.
    """

    def get_from_hint_text(self, table: FromClause, text: str | None) -> str | None:
        del table
        return text


def _dialect() -> Dialect:
    found = sqlite_dialect(paramstyle="named")
    found.statement_compiler = _Compiler
    return found


_STATEMENTS = Statements(_dialect())


def sqlite_path(path_or_url: str | os.PathLike[str]) -> str:
    """The file of a path or `sqlite:///` URL, or `:memory:`.

    Raises:
        StoreError: the URL names another database than SQLite.
    """
    given = os.fspath(path_or_url)
    if "://" not in given:
        return given
    try:
        url = make_url(given)
    except ArgumentError as error:
        raise StoreError("ledger must be a file or a sqlite:/// URL, was not readable as one; correct it") from error
    if url.get_backend_name() != "sqlite":
        raise StoreError(
            f"ledger must be a file or a sqlite:/// URL, was one of {url.get_backend_name()}; give a file path"
        )
    return url.database or MEMORY


def connect(path: str) -> Engine:
    """An engine over one connection in driver autocommit, with the pragmas of a durable ledger."""
    engine = create_engine(
        f"sqlite:///{path}", poolclass=StaticPool, paramstyle="named",
        connect_args={"isolation_level": None, "timeout": BUSY_MILLISECONDS / 1000, "check_same_thread": False},
    )  # fmt: skip
    event.listen(engine, "connect", _prepare)
    return engine


def _prepare(connection: sqlite3.Connection, _record: object) -> None:
    cursor = connection.cursor()
    for pragma in (
        f"busy_timeout={BUSY_MILLISECONDS}", "journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON",
        "trusted_schema=OFF",
    ):  # fmt: skip
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


@contextmanager
def plain_failures(path: str) -> Iterator[None]:
    """Turn a driver's error into a `StoreError` that says what to do."""
    try:
        yield
    except (sqlite3.Error, DBAPIError) as error:
        cause = error.orig if isinstance(error, DBAPIError) and error.orig is not None else error
        raise StoreError(_explain(path, str(cause))) from error
    except OSError as error:
        raise StoreError(f"ledger {path} must be a readable file, was not: {error}; check path and rights") from error


_EXPLAINED = (
    ("one person", "ledger {path} is SQLite, which is for one person; for more set database.url to PostgreSQL"),
    ("full", "the disk under ledger {path} is full; nothing half-done was kept: free space, then try again"),
    ("locked", "ledger {path} is locked by another process; wait for it to finish or stop it, then try again"),
    ("not a database", "ledger {path} must be a SQLite database, was something else; restore it from a backup"),
    ("malformed", "ledger {path} is damaged; stop trading, keep the file and restore the latest backup"),
    ("unable to open", "ledger {path} cannot be opened; check that its folder exists and may be written"),
    ("readonly", "ledger {path} must be writable, was read-only; check the rights of file and folder"),
    ("disk i/o", "ledger {path} cannot be read or written (disk error); check the disk, then restore a backup"),
)  # fmt: skip


def _explain(path: str, message: str) -> str:
    for needle, advice in _EXPLAINED:
        if needle in message.lower():
            return advice.format(path=path)
    return f"ledger {path} refused a statement ({message}); nothing was changed: run `invest doctor`"


class SqliteFile(Source):
    """One file and one connection; threads take turns."""

    single_user = True
    statements = _STATEMENTS

    def __init__(self, path: str) -> None:
        self.place = path
        self._turn = RLock()
        with plain_failures(path):
            self.engine = connect(path)
            proxied = self.engine.raw_connection()
        assert isinstance(proxied.driver_connection, sqlite3.Connection)
        self.driver: sqlite3.Connection = proxied.driver_connection

    @contextmanager
    def transaction(
        self, identity: Identity, *, writes: bool, after_statement: AfterStatement
    ) -> Iterator[Transaction]:
        with self._turn, plain_failures(self.place):
            cursor = self.driver.cursor()
            cursor.row_factory = sqlite3.Row
            tx = Transaction(
                cursor, _STATEMENTS, identity, writes=writes, single_user=True, after_statement=after_statement
            )
            if not writes:
                yield tx
                # Inside a write of this thread it may have read what is undone yet.
                if not self.driver.in_transaction:
                    tx.succeeded()
                return
            self.driver.execute("BEGIN IMMEDIATE")
            done = False
            try:
                yield tx
                self.driver.execute("COMMIT")
                done = True
            finally:
                # A full disk has already rolled back by itself.
                if not done and self.driver.in_transaction:
                    self.driver.execute("ROLLBACK")
            tx.succeeded()

    def faults(self) -> tuple[str, ...]:
        """What SQLite's own quick check and foreign-key check find; empty when the file is sound."""
        with self._turn, plain_failures(self.place):
            found = [str(row[0]) for row in self.driver.execute("PRAGMA quick_check").fetchall() if row[0] != "ok"]
            found += [f"{row[0]}: a row without its parent" for row in self.driver.execute("PRAGMA foreign_key_check")]
        return tuple(found)

    def close(self) -> None:
        with self._turn:
            self.driver.close()
            self.engine.dispose()


def open_sqlite(path: str) -> SqliteFile:
    """Open the file at the schema of this version; an absent or empty one gets it.

    Raises:
        StoreError: the file is no ledger, is damaged, or has an older or newer schema.
    """
    if path != MEMORY and not Path(path).parent.is_dir():
        raise StoreError(f"ledger {path} must lie in a folder that exists; create it with `invest init`")
    source = SqliteFile(path)
    try:
        with plain_failures(path):
            _require_schema(source)
    except StoreError:
        source.close()
        raise
    return source


def require_one_person(database: Database) -> None:
    """Refuse a second owner: without row-level security nothing but the code would keep two people apart."""
    with database.read() as tx:
        known = [str(row["owner_id"]) for row in tx.all(_USERS)]
    if known and database.owner not in known:
        raise StoreError(
            f"ledger {database.place} is SQLite, which is for one person, and belongs to {known[0]!r}, was opened for "
            f"{database.owner!r}; for more people set database.url to PostgreSQL"
        )


def _require_schema(source: SqliteFile) -> None:
    found = schema_revision(source.engine)
    if found is None:
        create_schema(source.engine)
    elif found != REVISION:
        raise StoreError(wrong_revision(source.place, found))


def wrong_revision(place: str, found: str) -> str:
    """What to do about a schema that is not this version's."""
    if found < REVISION:
        return f"ledger {place} must have schema {REVISION}, has the older {found or 'none'}; run `invest db upgrade`"
    return f"ledger {place} must have schema {REVISION}, has the newer {found}; install the newer version"


def schema_revision(engine: Engine) -> str | None:
    """The schema's revision, None for an empty file, empty for one that was taken down to its base.

    Raises:
        StoreError: the database holds tables that are not the ledger's.
    """
    with engine.connect() as connection:
        tables = inspect(connection).get_table_names()
        if not tables:
            return None
        revision: str | None = None
        if "alembic_version" in tables:
            revision = connection.execute(text("SELECT version_num FROM alembic_version")).scalar()
            if revision is None:
                return ""
    if revision is None:
        raise StoreError(f"{engine.url.database} must be a ledger, was another database; give the ledger's path")
    return revision


def create_schema(engine: Engine) -> None:
    """All tables and triggers at the current revision in one transaction; a test holds it equal to the migrations."""
    with engine.connect() as connection:
        connection.exec_driver_sql("BEGIN IMMEDIATE")
        if inspect(connection).get_table_names():
            # Another process was first.
            connection.exec_driver_sql("ROLLBACK")
            return
        METADATA.create_all(connection, checkfirst=False)
        connection.exec_driver_sql("CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL PRIMARY KEY)")
        connection.exec_driver_sql(f"INSERT INTO alembic_version VALUES ('{REVISION}')")
        connection.exec_driver_sql("COMMIT")
