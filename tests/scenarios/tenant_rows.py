"""Two people on one PostgreSQL with a row in every table, and raw transactions as each role."""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from typing import Any

import psycopg
from sqlalchemy import Integer, LargeBinary, Table
from tests.postgres import Server

from prudent.ledger.database import TENANT, Identity
from prudent.ledger.postgres import begin, connect
from prudent.ledger.schema import METADATA
from prudent.ledger.tenancy import SCHEMA

ANN, BOB, NOBODY = "ann", "bob", "nobody"
# The numbers in their rows are their own too.
NUMBER = {ANN: 1, BOB: 2, NOBODY: 3}
Cursor = psycopg.Cursor[dict[str, Any]]

_CATALOGUE = """
SELECT c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = 'owner_id'
WHERE n.nspname = %s AND c.relkind IN ('r', 'p') ORDER BY c.relname
"""


@contextmanager
def acting(url: str, identity: Identity, *, writes: bool = True) -> Iterator[Cursor]:
    """A transaction under an identity, begun as the product begins it, and undone."""
    with connect(url) as connection, connection.cursor() as cursor:
        begin(cursor, identity, writes=writes)
        yield cursor
        if not connection.closed:
            connection.rollback()


def as_owner(url: str, owner: str) -> AbstractContextManager[Cursor]:
    return acting(url, Identity(role=TENANT, owner=owner))


@dataclass(frozen=True, slots=True, kw_only=True)
class Tenants:
    """A database in which Ann and Bob each hold one row in every table of the catalogue."""

    server: Server
    database: str
    tables: tuple[str, ...]

    @property
    def url(self) -> str:
        return self.server.url_of(self.database)

    def admin(self) -> "psycopg.Connection[tuple[object, ...]]":
        connection = self.server.admin(self.database)
        connection.execute(f"SET search_path = {SCHEMA}")
        return connection


def settle(server: Server) -> Tenants:
    """A new database with both people in it."""
    database = server.create()
    with server.admin(database) as admin:
        tables = tuple(str(name) for (name,) in admin.execute(_CATALOGUE, (SCHEMA,)))
    for owner in (ANN, BOB):
        with connect(server.url_of(database)) as connection, connection.cursor() as cursor:
            begin(cursor, Identity(role=TENANT, owner=owner), writes=True)
            for table in METADATA.sorted_tables:
                if table.name in tables:
                    insert(cursor, table.name, row_of(table, owner))
            cursor.execute("COMMIT")
    return Tenants(server=server, database=database, tables=tables)


def row_of(table: Table, owner: str) -> dict[str, Any]:
    """One row; every text names its owner, so that a leaked value is recognised wherever it turns up."""
    row: dict[str, Any] = {}
    for column in table.columns:
        if isinstance(column.type, Integer):
            row[column.name] = NUMBER[owner]
        elif isinstance(column.type, LargeBinary):
            row[column.name] = f"{owner}'s bytes".encode()
        else:
            row[column.name] = f"{owner}'s {column.name}"
    row["owner_id"] = owner
    if table.name == "orders":
        row["state"] = "APPROVED"
    if table.name == "users":
        row["name"] = owner
    return row


def insert(cursor: Cursor, table: str, row: dict[str, Any]) -> None:
    columns = ", ".join(f'"{name}"' for name in row)
    marks = ", ".join("%s" for _ in row)
    cursor.execute(f"INSERT INTO {table} ({columns}) VALUES ({marks})", list(row.values()))
