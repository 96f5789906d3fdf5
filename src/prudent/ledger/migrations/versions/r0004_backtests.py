"""Backtests: every one that was begun, so that a window of history knows how often it was looked at.

This is a frozen copy: the tables of 0003 as they are there, and a new one. A downgrade keeps its rows in a `kept4_`
table, and the next upgrade takes them back.
"""

from alembic import op
from sqlalchemy import Column, ForeignKeyConstraint, Index, Integer, MetaData, Table, Text, inspect
from sqlalchemy.dialects import postgresql

from prudent.ledger.migrations.versions.r0003_models_and_mirrors import TABLES as BEFORE

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

TABLES = MetaData()
TEXT = Text().with_variant(postgresql.TEXT(collation="C"), "postgresql")
KEPT = "kept4_"

for _before in BEFORE.sorted_tables:
    _before.to_metadata(TABLES)

BACKTESTS = Table(
    "backtests", TABLES,
    Column("owner_id", TEXT, primary_key=True, nullable=False),
    Column("account", TEXT, primary_key=True, nullable=False, autoincrement=False),
    Column("number", Integer, primary_key=True, nullable=False, autoincrement=False),
    *(
        Column(name.rstrip("?"), TEXT, nullable=name.endswith("?"))
        for name in (
            "status", "created", "finished?", "source", "first", "last", "cadence", "fill", "model",
            "strategy_version", "identity", "code_version", "data_hash", "sweep", "evidence?", "summary?", "note",
        )
    ),
    Column("opened_seal", Integer, nullable=False),
    ForeignKeyConstraint(("owner_id",), ["users.owner_id"]),
    sqlite_with_rowid=False,
)  # fmt: skip
for _column in ("identity", "sweep"):
    Index(f"ix_backtests_{_column}", BACKTESTS.c.owner_id, BACKTESTS.c[_column])


def upgrade() -> None:
    connection = op.get_bind()
    schema = None if connection.dialect.name == "sqlite" else "prudent"
    present = set(inspect(connection).get_table_names(schema=schema))
    BACKTESTS.create(connection, checkfirst=False)
    kept = KEPT + BACKTESTS.name
    if kept in present:
        columns = ", ".join(f'"{each.name}"' for each in BACKTESTS.columns)
        connection.exec_driver_sql(
            f"INSERT INTO {BACKTESTS.name} ({columns}) SELECT {columns} FROM {kept} AS kept "
            "WHERE EXISTS (SELECT 1 FROM users WHERE users.owner_id = kept.owner_id)"
        )
        connection.exec_driver_sql(f"DROP TABLE {kept}")


def downgrade() -> None:
    connection = op.get_bind()
    if connection.exec_driver_sql(f"SELECT 1 FROM {BACKTESTS.name} LIMIT 1").first() is not None:
        connection.exec_driver_sql(f"CREATE TABLE {KEPT}{BACKTESTS.name} AS SELECT * FROM {BACKTESTS.name}")
    BACKTESTS.drop(connection, checkfirst=False)
