"""Implied volatilities: one of each symbol and session, kept from the day on which they are first asked for.

This is a frozen copy: the tables of 0004 as they are there, and a new one. A downgrade keeps its rows in a `kept5_`
table, and the next upgrade takes them back.
"""

from alembic import op
from sqlalchemy import Column, ForeignKeyConstraint, MetaData, Table, Text, inspect
from sqlalchemy.dialects import postgresql

from prudent.ledger.migrations.versions.r0004_backtests import TABLES as BEFORE

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

TABLES = MetaData()
TEXT = Text().with_variant(postgresql.TEXT(collation="C"), "postgresql")
KEPT = "kept5_"

for _before in BEFORE.sorted_tables:
    _before.to_metadata(TABLES)

VOLATILITIES = Table(
    "volatilities", TABLES,
    Column("owner_id", TEXT, primary_key=True, nullable=False),
    Column("symbol", TEXT, primary_key=True, nullable=False, autoincrement=False),
    Column("session", TEXT, primary_key=True, nullable=False, autoincrement=False),
    *(Column(name, TEXT, nullable=False) for name in ("implied", "source", "at")),
    ForeignKeyConstraint(("owner_id",), ["users.owner_id"]),
    sqlite_with_rowid=False,
)  # fmt: skip


def upgrade() -> None:
    connection = op.get_bind()
    schema = None if connection.dialect.name == "sqlite" else "prudent"
    present = set(inspect(connection).get_table_names(schema=schema))
    VOLATILITIES.create(connection, checkfirst=False)
    kept = KEPT + VOLATILITIES.name
    if kept in present:
        columns = ", ".join(f'"{each.name}"' for each in VOLATILITIES.columns)
        connection.exec_driver_sql(
            f"INSERT INTO {VOLATILITIES.name} ({columns}) SELECT {columns} FROM {kept} AS kept "
            "WHERE EXISTS (SELECT 1 FROM users WHERE users.owner_id = kept.owner_id)"
        )
        connection.exec_driver_sql(f"DROP TABLE {kept}")


def downgrade() -> None:
    connection = op.get_bind()
    if connection.exec_driver_sql(f"SELECT 1 FROM {VOLATILITIES.name} LIMIT 1").first() is not None:
        connection.exec_driver_sql(f"CREATE TABLE {KEPT}{VOLATILITIES.name} AS SELECT * FROM {VOLATILITIES.name}")
    VOLATILITIES.drop(connection, checkfirst=False)
