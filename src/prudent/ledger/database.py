"""What every database of a ledger gives: short durable transactions of one owner, safe to share between threads.

Statements are written in SQLAlchemy Core, compiled to the dialect's SQL text on first use and run on the driver's own
cursor: a durable order row then costs what the driver costs. SQLite is `ledger/sqlite.py`, PostgreSQL is
`ledger/postgres.py`; only these two know their drivers.
"""

import os
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from sqlalchemy import Dialect
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError
from sqlalchemy.sql.elements import ClauseElement

from prudent.domain.errors import StoreError

if TYPE_CHECKING:
    import sqlite3

Value = str | int | bytes | None
Row = Mapping[str, Any]
AfterStatement = Callable[[str], None]
STATEMENTS_MAX = 4096


class Cursor(Protocol):
    """The part of a driver's cursor that a transaction uses; rows read by name."""

    @property
    def rowcount(self) -> int: ...

    def execute(self, sql: Any, values: Any, /) -> Any: ...

    def executemany(self, sql: Any, values: Any, /) -> Any: ...

    def fetchall(self) -> list[Any]: ...


class Statements:
    """Compiled statements of one dialect: text and constants, kept with the statement itself."""

    def __init__(self, dialect: Dialect) -> None:
        self._dialect = dialect
        self._compiled: dict[int, tuple[ClauseElement, str, dict[str, Value]]] = {}

    def sql(self, statement: ClauseElement) -> tuple[str, dict[str, Value]]:
        known = self._compiled.get(id(statement))
        if known is None:
            compiled = statement.compile(dialect=self._dialect)
            fixed = {name: value for name, value in compiled.params.items() if value is not None}
            known = (statement, str(compiled), fixed)
            if len(self._compiled) >= STATEMENTS_MAX:
                self._compiled.clear()
            self._compiled[id(statement)] = known
        return known[1], known[2]

    def forget(self) -> None:
        """Drop every compiled text; each is compiled again when it is next used."""
        self._compiled.clear()


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """As whom a transaction acts: a database role, the owner it acts for, or the one thing it asks about.

    SQLite has neither roles nor policies; there every statement names its owner, and the file has one.
    """

    role: str
    owner: str = ""
    asked: str = ""


class Transaction:
    """Statements of one owner; it may change rows only inside `write`."""

    def __init__(
        self, cursor: Cursor, statements: Statements, identity: Identity, *, writes: bool, single_user: bool,
        after_statement: AfterStatement,
    ) -> None:  # fmt: skip
        self._cursor = cursor
        self._statements = statements
        self._after_statement = after_statement
        self._once_done: list[Callable[[], None]] = []
        self.owner = identity.owner
        self.writes = writes
        # One person's database: its first user is its administrator.
        self.single_user = single_user
        # What was worked out from rows that only this transaction may see yet.
        self.kept: dict[str, Any] = {}

    def all(self, statement: ClauseElement, **values: Value) -> list[Row]:
        sql, fixed = self._statements.sql(statement)
        self._cursor.execute(sql, {**fixed, "owner_id": self.owner, **values})
        return self._cursor.fetchall()

    def one(self, statement: ClauseElement, **values: Value) -> Row | None:
        # Fetching all resets the statement, which would else hold its snapshot open.
        rows = self.all(statement, **values)
        return rows[0] if rows else None

    def run(self, statement: ClauseElement, **values: Value) -> int:
        """Execute one change; gives the number of rows it touched."""
        sql, fixed = self._statements.sql(statement)
        self._cursor.execute(sql, {**fixed, "owner_id": self.owner, **values})
        self._after_statement(sql)
        return self._cursor.rowcount

    def many(self, statement: ClauseElement, rows: Sequence[Mapping[str, Value]]) -> None:
        """Execute one change for each row of values."""
        if rows:
            sql, fixed = self._statements.sql(statement)
            self._cursor.executemany(sql, [{**fixed, "owner_id": self.owner, **row} for row in rows])
            self._after_statement(sql)

    def once_done(self, act: Callable[[], None]) -> None:
        """Do this when the transaction has succeeded, and never if it is undone."""
        self._once_done.append(act)

    def succeeded(self) -> None:
        """Called by the source after the commit."""
        for act in self._once_done:
            act()


class Source(ABC):
    """One database as transactions under an identity; shared by every owner of it in this process.

    `place` names it in messages, without a password.
    """

    place: str
    single_user: bool
    statements: Statements

    @abstractmethod
    def transaction(
        self, identity: Identity, *, writes: bool, after_statement: AfterStatement
    ) -> AbstractContextManager[Transaction]:
        """Statements that are durable together when the block ends, and nothing at all if it raises."""

    @abstractmethod
    def faults(self) -> tuple[str, ...]:
        """What the database's own checks find; empty when it is sound."""

    @abstractmethod
    def close(self) -> None: ...


class Database:
    """An opened database of one owner. `after_statement` is told the SQL of each change; a test may end there."""

    def __init__(self, source: Source, owner: str, *, after_statement: AfterStatement | None = None) -> None:
        self.source = source
        self.owner = owner
        self.after_statement: AfterStatement = after_statement or (lambda sql: None)
        self._identity = Identity(role=TENANT, owner=owner)

    @property
    def driver(self) -> "sqlite3.Connection":
        """SQLite's connection, for what looks under the ledger: integrity checks, online backup, tests."""
        connection: sqlite3.Connection = self.source.driver  # type: ignore[attr-defined]
        return connection

    @property
    def place(self) -> str:
        return self.source.place

    def read(self) -> AbstractContextManager[Transaction]:
        """Statements that only read; on PostgreSQL they all see one moment."""
        return self.source.transaction(self._identity, writes=False, after_statement=self.after_statement)

    def write(self) -> AbstractContextManager[Transaction]:
        """One transaction: durable when the block ends, and nothing at all if it raises.

        Writers of one owner go one after another, across threads, processes and machines.
        """
        return self.source.transaction(self._identity, writes=True, after_statement=self.after_statement)

    def faults(self) -> tuple[str, ...]:
        return self.source.faults()

    def close(self) -> None:
        self.source.close()


# The roles under which the product works; on PostgreSQL they are the database's own (see tenancy.py).
TENANT = "prudent_app"
DIRECTORY = "prudent_auth"
ENGINE = "prudent_engine"


def is_postgres(path_or_url: str | os.PathLike[str]) -> bool:
    """True for a PostgreSQL URL, False for a file, `sqlite:///` URL or `:memory:`.

    Raises:
        StoreError: the URL names neither.
    """
    given = os.fspath(path_or_url)
    if "://" not in given:
        return False
    try:
        backend = make_url(given).get_backend_name()
    except (ArgumentError, ValueError):
        # The cause may quote the password.
        raise StoreError(f"{_MUST_BE}, was not readable as one; correct it") from None
    if backend in ("postgresql", "postgres"):
        return True
    if backend != "sqlite":
        raise StoreError(f"{_MUST_BE}, was one of {backend}; correct database.url")
    return False


_MUST_BE = "ledger must be a file, a sqlite:/// URL or a postgresql:// URL"


def open_source(path_or_url: str | os.PathLike[str]) -> Source:
    """The database behind a path or URL, at the schema of this version; an absent or empty SQLite file gets it.

    Raises:
        StoreError: it is no ledger, is damaged, has an older or newer schema, or the login may do too much.
        Temporary: the server cannot be reached.
    """
    if is_postgres(path_or_url):
        from prudent.ledger.postgres import open_postgres

        return open_postgres(os.fspath(path_or_url))
    from prudent.ledger.sqlite import open_sqlite, sqlite_path

    return open_sqlite(sqlite_path(path_or_url))


def open_database(
    path_or_url: str | os.PathLike[str], owner: str, *, after_statement: AfterStatement | None = None
) -> Database:
    """Open the ledger of one owner; see `open_source` for what is refused. SQLite is for one person."""
    source = open_source(path_or_url)
    database = Database(source, owner, after_statement=after_statement)
    try:
        if source.single_user:
            from prudent.ledger.sqlite import require_one_person

            require_one_person(database)
    except BaseException:
        source.close()
        raise
    return database
