"""The ledger's tables: every row carries its owner, keys and foreign keys begin with it, amounts are decimal text.

Times are RFC 3339 UTC text with microseconds: the spelling that records and hashes use, which sorts as it reads and
passes every driver unchanged. Amounts are plain decimal text, so no driver can make a float of them.
"""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import (
    Column,
    ColumnElement,
    Connection,
    ForeignKeyConstraint,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
    UniqueConstraint,
    and_,
    bindparam,
    event,
    or_,
)

from prudent.ledger.transitions import trigger_sql

REVISION = "0001"
METADATA = MetaData()
PLATFORM = ""
APPEND_ONLY = ("audit", "journal_entries", "journal_lines", "fills", "order_events")


def _table(name: str, key: str, text: str, *more: Column[int] | Column[bytes] | ForeignKeyConstraint) -> Table:
    """A tenant table: owner and `key` columns first, then text columns (`name?` may be NULL), then the rest."""
    numbers = {"run", "cycle", "number", "version", "entry", "line", "seq"}
    columns: list[Column[Any]] = [Column("owner_id", Text, primary_key=True, nullable=False)]
    for part in key.split():
        kind = Integer() if part in numbers else Text()
        columns.append(Column(part, kind, primary_key=True, nullable=False, autoincrement=False))
    columns += [Column(part.rstrip("?"), Text, nullable=part.endswith("?")) for part in text.split()]
    return Table(name, METADATA, *columns, *more, sqlite_with_rowid=False)


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


def guard_triggers() -> tuple[str, ...]:
    """The second wall behind the code, for SQLite: append-only tables and legal order states."""
    refusals = tuple(
        f"CREATE TRIGGER {table}_no_{verb.lower()} BEFORE {verb} ON {table} "
        f"BEGIN SELECT RAISE(ABORT, '{table} is append-only'); END"
        for table in APPEND_ONLY
        for verb in ("UPDATE", "DELETE")
    )
    return refusals + trigger_sql()


@event.listens_for(METADATA, "after_create")
def _build_wall(_metadata: MetaData, connection: Connection, **_options: object) -> None:
    if connection.dialect.name == "sqlite":
        for statement in guard_triggers():
            connection.exec_driver_sql(statement)


def mine(table: Table, *names: str) -> ColumnElement[bool]:
    """`table`'s rows of the owner, narrowed by equality with parameters of the columns' names."""
    return and_(table.c.owner_id == bindparam("owner_id"), *(table.c[name] == bindparam(name) for name in names))


def among(column: ColumnElement[str], values: Sequence[str]) -> ColumnElement[bool]:
    """`column` is one of a list that is fixed when the statement is built."""
    return or_(*(column == value for value in sorted(values)))
