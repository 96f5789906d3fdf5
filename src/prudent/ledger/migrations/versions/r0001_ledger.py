"""The first schema: owners, accounts, runs, orders, fills, journal, audit, and the triggers behind them.

This is a frozen copy; later changes are revisions of their own. A downgrade keeps owners, accounts, journal and audit
in tables of their own, and the next upgrade takes them back.
"""

from typing import Any

from alembic import op
from sqlalchemy import (
    Column,
    ForeignKeyConstraint,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
    UniqueConstraint,
    inspect,
)

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

TABLES = MetaData()
# Parents before children: the order in which kept rows are put back.
KEPT = ("users", "accounts", "journal_entries", "journal_lines", "audit")
APPEND_ONLY = ("audit", "journal_entries", "journal_lines", "fills", "order_events")
LEGAL = {
    "PROPOSED": "APPROVED DENIED",
    "APPROVED": "DENIED NOT_SENT SENDING",
    "SENDING": "ACKED HELD NOT_SENT REJECTED UNKNOWN WOULD_SEND",
    "UNKNOWN": "ACKED CANCELLED FILLED HELD NOT_SENT PARTIAL REJECTED",
    "ACKED": "CANCELLED EXPIRED FILLED PARTIAL PEND_CANCEL PEND_REPLACE REJECTED UNKNOWN",
    "HELD": "ACKED CANCELLED REJECTED UNKNOWN",
    "PARTIAL": "CANCELLED EXPIRED FILLED PEND_CANCEL PEND_REPLACE REJECTED UNKNOWN",
    "PEND_CANCEL": "ACKED CANCELLED FILLED PARTIAL UNKNOWN",
    "PEND_REPLACE": "ACKED CANCELLED FILLED PARTIAL UNKNOWN",
    "ORPHAN": "CANCELLED EXPIRED FILLED PARTIAL REJECTED",
}
FIRST = "APPROVED DENIED ORPHAN PROPOSED"


def _table(name: str, key: str, text: str, *more: Column[int] | Column[bytes] | ForeignKeyConstraint) -> Table:
    """A tenant table: owner and `key` columns first, then text columns (`name?` may be NULL), then the rest."""
    numbers = {"run", "cycle", "number", "version", "entry", "line", "seq"}
    columns: list[Column[Any]] = [Column("owner_id", Text, primary_key=True, nullable=False)]
    for part in key.split():
        kind = Integer() if part in numbers else Text()
        columns.append(Column(part, kind, primary_key=True, nullable=False, autoincrement=False))
    columns += [Column(part.rstrip("?"), Text, nullable=part.endswith("?")) for part in text.split()]
    return Table(name, TABLES, *columns, *more, sqlite_with_rowid=False)


def _integer(name: str, *, nullable: bool = False) -> Column[int]:
    return Column(name, Integer, nullable=nullable)


def _within(parent: str, *columns: str) -> ForeignKeyConstraint:
    """A foreign key that cannot leave its owner."""
    local = ("owner_id", *columns)
    return ForeignKeyConstraint(local, [f"{parent}.{column}" for column in local])


USERS = _table("users", "", "name created")
ACCOUNTS = _table(
    "accounts", "account", "name class currency broker status created",
    _within("users"),
)  # fmt: skip
MANDATES = _table("mandates", "account version", "hash body created", _within("accounts", "account"))
RULES = _table(
    "rules", "account rule_id",
    "rule_name rule_category enforcement_params applies_to_assets applies_to_symbols exclude_symbols created_by "
    "description created_at? updated",
    _integer("priority"), _integer("is_active"), _within("accounts", "account"),
)  # fmt: skip
RUNS = _table(
    "runs", "account run",
    "mode status mandate_hash rules_hash rules strategy code_version started ended? start_value? final_value? "
    "unit_start? unit_peak? unit_last? max_drawdown? note",
    _integer("mandate_version"), _integer("trades"), _within("accounts", "account"),
)  # fmt: skip
CYCLES = _table(
    "cycles", "account run cycle",
    "status scheduled started? finished? answer? code? decided_by? no_trade_codes? record_digest? note?",
    _integer("orders_planned"), _integer("orders_refused"), _within("runs", "account", "run"),
)  # fmt: skip
RECORDS = _table("records", "digest", "created", _integer("size"), Column("body", LargeBinary, nullable=False))
# Blobs are wider than a page likes inside a clustered key.
RECORDS.dialect_options["sqlite"]["with_rowid"] = True
REASONING = _table(
    "reasoning", "account run cycle kind", "text at",
    _within("cycles", "account", "run", "cycle"),
)  # fmt: skip
ORDERS = _table(
    "orders", "account order_ref",
    "symbol side effect quantity type limit_price? time_in_force state seal filled why reasoning? message "
    "approved exchange_date sent? updated",
    _integer("run", nullable=True), _integer("cycle", nullable=True), _integer("dry"),
    _within("accounts", "account"), _within("cycles", "account", "run", "cycle"),
)  # fmt: skip
ORDER_EVENTS = _table(
    "order_events", "account order_ref number", "from_state to_state at message",
    _within("orders", "account", "order_ref"),
)  # fmt: skip
FILLS = _table(
    "fills", "account exec_id", "order_ref symbol side quantity price commission quality time realised",
    _integer("run", nullable=True), _integer("cycle", nullable=True), _integer("entry"),
    _within("orders", "account", "order_ref"),
)  # fmt: skip
JOURNAL_ENTRIES = _table(
    "journal_entries", "entry", "account kind ref at text",
    _within("accounts", "account"),
)  # fmt: skip
JOURNAL_LINES = _table(
    "journal_lines", "entry line", "account ledger_account currency amount symbol quantity",
    _within("journal_entries", "entry"),
)  # fmt: skip
AUDIT = _table("audit", "seq", "at event account body prev hash")
VALUATIONS = _table(
    "valuations", "account number", "at session nlv unit_value? peak? flows_total",
    _integer("is_open"), _within("accounts", "account"),
)  # fmt: skip
# The account column may be PLATFORM (every account of the owner), so there is no foreign key to accounts.
TRADING_STATES = _table("trading_states", "account symbol", "state reason at")
LATCHES = _table("latches", "account kind", "session reason at", _within("accounts", "account"))
SETTINGS = _table("settings", "key", "value at")
VERDICT_COUNTS = _table(
    "verdict_counts", "account run guard", "name layer",
    _integer("refusals"), _integer("shrinks"), _within("runs", "account", "run"),
)  # fmt: skip

MANDATES.append_constraint(UniqueConstraint("owner_id", "account", "hash"))
JOURNAL_ENTRIES.append_constraint(UniqueConstraint("owner_id", "account", "kind", "ref"))

for _parent, _columns in (
    (ORDERS, ("account", "state")),
    (ORDERS, ("account", "exchange_date")),
    (ORDERS, ("account", "approved")),
    (ORDERS, ("account", "run", "cycle")),
    (CYCLES, ("status",)),
    (FILLS, ("account", "time")),
    (FILLS, ("account", "order_ref")),
    (JOURNAL_LINES, ("account", "entry")),
    (VALUATIONS, ("account", "session")),
):
    Index(f"ix_{_parent.name}_{'_'.join(_columns)}", _parent.c.owner_id, *(_parent.c[name] for name in _columns))


def upgrade() -> None:
    connection = op.get_bind()
    if connection.dialect.name != "sqlite":
        # On PostgreSQL the ledger begins at the next revision.
        return
    TABLES.create_all(connection, checkfirst=False)
    present = set(inspect(connection).get_table_names())
    for name in KEPT:
        if f"kept_{name}" in present:
            columns = ", ".join(column.name for column in TABLES.tables[name].columns)
            op.execute(f"INSERT INTO {name} ({columns}) SELECT {columns} FROM kept_{name}")
            op.execute(f"DROP TABLE kept_{name}")
    for statement in triggers():
        connection.exec_driver_sql(statement)


def downgrade() -> None:
    if op.get_bind().dialect.name != "sqlite":
        return
    for name in KEPT:
        op.execute(f"CREATE TABLE kept_{name} AS SELECT * FROM {name}")
    TABLES.drop_all(op.get_bind(), checkfirst=False)


def triggers() -> list[str]:
    """The walls behind the code: append-only tables and legal order states."""
    found = [
        f"CREATE TRIGGER {table}_no_{verb.lower()} BEFORE {verb} ON {table} "
        f"BEGIN SELECT RAISE(ABORT, '{table} is append-only'); END"
        for table in APPEND_ONLY
        for verb in ("UPDATE", "DELETE")
    ]
    allowed = " OR ".join(f"(OLD.state = '{old}' AND NEW.state IN ({_listed(new)}))" for old, new in LEGAL.items())
    found.append(
        "CREATE TRIGGER orders_legal_transition BEFORE UPDATE OF state ON orders "
        f"WHEN NEW.state <> OLD.state AND NOT ({allowed}) "
        "BEGIN SELECT RAISE(ABORT, 'illegal order transition'); END"
    )
    found.append(
        "CREATE TRIGGER orders_legal_first BEFORE INSERT ON orders "
        f"WHEN NEW.state NOT IN ({_listed(FIRST)}) "
        "BEGIN SELECT RAISE(ABORT, 'illegal first order state'); END"
    )
    return found


def _listed(states: str) -> str:
    return ", ".join(f"'{state}'" for state in states.split())
