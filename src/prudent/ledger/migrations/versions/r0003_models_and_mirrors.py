"""Terms of positions, calls of models, an outbox of mirrors.

This is a frozen copy: the tables of 0002 as they are there, and three new ones. A downgrade keeps their rows in
`kept3_` tables, and the next upgrade takes them back.
"""

from typing import Any

from alembic import op
from sqlalchemy import (
    Column,
    Connection,
    ForeignKeyConstraint,
    Index,
    Integer,
    MetaData,
    Table,
    Text,
    UniqueConstraint,
    inspect,
)
from sqlalchemy.dialects import postgresql

from prudent.ledger.migrations.versions.r0002_people_and_engines import TABLES as BEFORE

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

TABLES = MetaData()
TEXT = Text().with_variant(postgresql.TEXT(collation="C"), "postgresql")
KEPT = "kept3_"

for _before in BEFORE.sorted_tables:
    _before.to_metadata(TABLES)


def _table(name: str, key: str, text: str, numbers: str, *more: ForeignKeyConstraint) -> Table:
    """A tenant table: owner, account and `key`, then text columns, then numbers (`name?` may be NULL)."""
    kind = Integer() if key == "number" else TEXT
    columns: list[Column[Any]] = [
        Column("owner_id", TEXT, primary_key=True, nullable=False),
        Column("account", TEXT, primary_key=True, nullable=False, autoincrement=False),
        Column(key, kind, primary_key=True, nullable=False, autoincrement=False),
    ]
    columns += [Column(part.rstrip("?"), TEXT, nullable=part.endswith("?")) for part in text.split()]
    columns += [Column(part.rstrip("?"), Integer, nullable=part.endswith("?")) for part in numbers.split()]
    return Table(name, TABLES, *columns, *more, sqlite_with_rowid=False)


def _within(parent: str, *columns: str) -> ForeignKeyConstraint:
    """A foreign key that cannot leave its owner."""
    local = ("owner_id", *columns)
    return ForeignKeyConstraint(local, [f"{parent}.{column}" for column in local])


POSITION_TERMS = _table(
    "position_terms", "symbol", "stop_loss? take_profit? since", "time_stop_days? run? cycle?",
    _within("accounts", "account"), _within("cycles", "account", "run", "cycle"),
)  # fmt: skip
MODEL_CALLS = _table(
    "model_calls", "number", "at purpose model answered_by outcome error cost seconds",
    "run? cycle? tokens_in tokens_out", _within("cycles", "account", "run", "cycle"),
)  # fmt: skip
OUTBOX = _table(
    "outbox", "number", "kind ref body state at message", "attempts", _within("accounts", "account"),
)  # fmt: skip
OUTBOX.append_constraint(UniqueConstraint("owner_id", "account", "kind", "ref"))
NEW = (POSITION_TERMS, MODEL_CALLS, OUTBOX)

for _parent, _columns in (
    (MODEL_CALLS, ("at",)),
    (MODEL_CALLS, ("account", "at")),
    (OUTBOX, ("state",)),
):
    Index(f"ix_{_parent.name}_{'_'.join(_columns)}", _parent.c.owner_id, *(_parent.c[name] for name in _columns))


def upgrade() -> None:
    connection = op.get_bind()
    schema = None if connection.dialect.name == "sqlite" else "prudent"
    present = set(inspect(connection).get_table_names(schema=schema))
    for table in NEW:
        table.create(connection, checkfirst=False)
        if KEPT + table.name in present:
            _take_back(connection, table)


def downgrade() -> None:
    connection = op.get_bind()
    for table in NEW:
        if connection.exec_driver_sql(f"SELECT 1 FROM {table.name} LIMIT 1").first() is not None:
            connection.exec_driver_sql(f"CREATE TABLE {KEPT}{table.name} AS SELECT * FROM {table.name}")
        table.drop(connection, checkfirst=False)


def _take_back(connection: Connection, table: Table) -> None:
    """Rows whose parents are still there; a way down to the base does not keep every parent."""
    there = ["1 = 1"]
    for key in table.foreign_key_constraints:
        parent = key.referred_table.name
        same = " AND ".join(f"{parent}.{each.column.name} = kept.{each.parent.name}" for each in key.elements)
        absent = " OR ".join(f"kept.{each.parent.name} IS NULL" for each in key.elements)
        there.append(f"({absent} OR EXISTS (SELECT 1 FROM {parent} WHERE {same}))")
    columns = ", ".join(f'"{each.name}"' for each in table.columns)
    kept = KEPT + table.name
    connection.exec_driver_sql(
        f"INSERT INTO {table.name} ({columns}) SELECT {columns} FROM {kept} AS kept WHERE {' AND '.join(there)}"
    )
    connection.exec_driver_sql(f"DROP TABLE {kept}")
