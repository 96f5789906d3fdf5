"""One SQLite connection of one owner: short durable transactions, statements compiled once, failures in plain words.

Statements are written in SQLAlchemy Core, compiled to SQL text on first use and run on the driver's own cursor: a
durable order row then costs what the driver costs, and another dialect needs another compiler only.
"""

import os
import sqlite3
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, StaticPool, create_engine, event, inspect, text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, DBAPIError
from sqlalchemy.sql.elements import ClauseElement

from prudent.domain.errors import StoreError
from prudent.ledger.schema import METADATA, REVISION

MEMORY = ":memory:"
BUSY_MILLISECONDS = 5000
Value = str | int | bytes | None
Row = Mapping[str, Any]
AfterStatement = Callable[[str], None]


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
        raise StoreError(f"ledger must be a file or a sqlite:/// URL, was {given!r}; correct it") from error
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


class Transaction:
    """Statements of one owner; outside `Database.write` it may only read."""

    def __init__(self, database: "Database") -> None:
        self._database = database
        self._cursor = database.driver.cursor()
        self._cursor.row_factory = sqlite3.Row
        self.owner = database.owner

    def all(self, statement: ClauseElement, **values: Value) -> list[Row]:
        sql, fixed = self._database.sql(statement)
        self._cursor.execute(sql, {**fixed, "owner_id": self.owner, **values})
        return self._cursor.fetchall()

    def one(self, statement: ClauseElement, **values: Value) -> Row | None:
        # Fetching all resets the statement, which would else hold its snapshot open.
        rows = self.all(statement, **values)
        return rows[0] if rows else None

    def run(self, statement: ClauseElement, **values: Value) -> int:
        """Execute one change; gives the number of rows it touched."""
        sql, fixed = self._database.sql(statement)
        self._cursor.execute(sql, {**fixed, "owner_id": self.owner, **values})
        self._database.after_statement(sql)
        return self._cursor.rowcount

    def many(self, statement: ClauseElement, rows: Sequence[Mapping[str, Value]]) -> None:
        """Execute one change for each row of values."""
        if rows:
            sql, fixed = self._database.sql(statement)
            self._cursor.executemany(sql, [{**fixed, "owner_id": self.owner, **row} for row in rows])
            self._database.after_statement(sql)


class Database:
    """The opened file. `after_statement` is told the SQL of each change; a test kills its process there."""

    def __init__(self, path: str, owner: str, *, after_statement: AfterStatement | None = None) -> None:
        self.path = path
        self.owner = owner
        self.after_statement: AfterStatement = after_statement or (lambda sql: None)
        self.on_rollback: Callable[[], None] = lambda: None
        self._compiled: dict[int, tuple[ClauseElement, str, dict[str, Value]]] = {}
        with plain_failures(path):
            self.engine = connect(path)
            proxied = self.engine.raw_connection()
        assert isinstance(proxied.driver_connection, sqlite3.Connection)
        self.driver: sqlite3.Connection = proxied.driver_connection
        self._reader = Transaction(self)

    def sql(self, statement: ClauseElement) -> tuple[str, Mapping[str, Value]]:
        """The statement's text and its constants for this dialect; compiled once, kept with the statement itself."""
        known = self._compiled.get(id(statement))
        if known is None:
            compiled = statement.compile(self.engine)
            fixed = {name: value for name, value in compiled.params.items() if value is not None}
            known = (statement, str(compiled), fixed)
            self._compiled[id(statement)] = known
        return known[1], known[2]

    @contextmanager
    def read(self) -> Iterator[Transaction]:
        """Statements that only read."""
        with plain_failures(self.path):
            yield self._reader

    @contextmanager
    def write(self) -> Iterator[Transaction]:
        """One transaction: durable when the block ends, and nothing at all if it raises."""
        with plain_failures(self.path):
            self.driver.execute("BEGIN IMMEDIATE")
            done = False
            try:
                yield self._reader
                self.driver.execute("COMMIT")
                done = True
            finally:
                if not done:
                    self.on_rollback()
                    # A full disk has already rolled back by itself.
                    if self.driver.in_transaction:
                        self.driver.execute("ROLLBACK")

    def faults(self) -> tuple[str, ...]:
        """What SQLite's own quick check and foreign-key check find; empty when the file is sound."""
        with plain_failures(self.path):
            found = [str(row[0]) for row in self.driver.execute("PRAGMA quick_check").fetchall() if row[0] != "ok"]
            found += [f"{row[0]}: a row without its parent" for row in self.driver.execute("PRAGMA foreign_key_check")]
        return tuple(found)

    def close(self) -> None:
        self.driver.close()
        self.engine.dispose()


def open_database(path: str, owner: str, *, after_statement: AfterStatement | None = None) -> Database:
    """Open the file at the schema of this version; an absent or empty one gets it.

    Raises:
        StoreError: the file is no ledger, is damaged, or has an older or newer schema.
    """
    if path != MEMORY and not Path(path).parent.is_dir():
        raise StoreError(f"ledger {path} must lie in a folder that exists; create it with `invest init`")
    database = Database(path, owner, after_statement=after_statement)
    try:
        with plain_failures(path):
            _require_schema(database)
    except StoreError:
        database.close()
        raise
    return database


def _require_schema(database: Database) -> None:
    found = schema_revision(database.engine)
    if found == REVISION:
        return
    if found is None:
        create_schema(database.engine)
        return
    if found < REVISION:
        raise StoreError(
            f"ledger {database.path} must have schema {REVISION}, has the older {found}; run `invest db upgrade`"
        )
    raise StoreError(
        f"ledger {database.path} must have schema {REVISION}, has the newer {found}; install the newer version"
    )


def schema_revision(engine: Engine) -> str | None:
    """The schema's revision, None for an empty file.

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
