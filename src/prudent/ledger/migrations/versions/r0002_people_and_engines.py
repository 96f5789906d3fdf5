"""Many people, many engines: users, waits, approvals, requests, leases, schedules, notices, secrets; order ids, fills
with versions. On PostgreSQL the ledger begins here.

This is a frozen copy; later changes are revisions of their own. A downgrade keeps what the older schema cannot hold in
`kept2_` tables, and the next upgrade takes it back. On PostgreSQL security, grants and triggers are no part of a
revision: they are declared anew after every migration.
"""

from typing import Any

from alembic import op
from sqlalchemy import (
    Column,
    Connection,
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
from sqlalchemy.dialects import postgresql

from prudent.ledger.migrations.versions.r0001_ledger import TABLES as BEFORE
from prudent.ledger.migrations.versions.r0001_ledger import triggers as triggers_before

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

TABLES = MetaData()
TEXT = Text().with_variant(postgresql.TEXT(collation="C"), "postgresql")
APPEND_ONLY = ("audit", "journal_entries", "journal_lines", "fills", "order_events", "admin_reads")
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
    "CANCELLED": "FILLED_LATE PARTIAL_LATE",
    "REJECTED": "FILLED_LATE PARTIAL_LATE",
    "EXPIRED": "FILLED_LATE PARTIAL_LATE",
    "NOT_SENT": "FILLED_LATE PARTIAL_LATE",
    "PARTIAL_LATE": "FILLED_LATE",
    "ORPHAN": "CANCELLED EXPIRED FILLED PARTIAL REJECTED",
}
FIRST = "APPROVED DENIED ORPHAN PROPOSED"
LATE = "'FILLED_LATE', 'PARTIAL_LATE'"
KEPT = "kept2_"


def _table(name: str, key: str, text: str, *more: Column[int] | Column[bytes] | ForeignKeyConstraint) -> Table:
    """A tenant table: owner and `key` columns first, then text columns (`name?` may be NULL), then the rest."""
    numbers = {"run", "cycle", "number", "version", "entry", "line", "seq"}
    columns: list[Column[Any]] = [Column("owner_id", TEXT, primary_key=True, nullable=False)]
    for part in key.split():
        kind = Integer() if part in numbers else TEXT
        columns.append(Column(part, kind, primary_key=True, nullable=False, autoincrement=False))
    columns += [Column(part.rstrip("?"), TEXT, nullable=part.endswith("?")) for part in text.split()]
    return Table(name, TABLES, *columns, *more, sqlite_with_rowid=False)


def _integer(name: str, *, nullable: bool = False) -> Column[int]:
    return Column(name, Integer, nullable=nullable)


def _within(parent: str, *columns: str) -> ForeignKeyConstraint:
    """A foreign key that cannot leave its owner."""
    local = ("owner_id", *columns)
    return ForeignKeyConstraint(local, [f"{parent}.{column}" for column in local])


USERS = _table("users", "", "name created role status password? password_changed?")
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
    "status scheduled started? finished? answer? code? decided_by? no_trade_codes? record_digest? note? "
    "cycle_key? started_by?",
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
    "approved exchange_date sent? updated session? venue_id? unlocked?",
    _integer("run", nullable=True), _integer("cycle", nullable=True), _integer("dry"),
    _integer("order_id", nullable=True), _integer("epoch", nullable=True),
    _within("accounts", "account"), _within("cycles", "account", "run", "cycle"),
)  # fmt: skip
ORDER_EVENTS = _table(
    "order_events", "account order_ref number", "from_state to_state at message",
    _within("orders", "account", "order_ref"),
)  # fmt: skip
FILLS = _table(
    "fills", "account exec_id version", "order_ref symbol side quantity price commission quality time realised",
    _integer("run", nullable=True), _integer("cycle", nullable=True), _integer("entry"), _integer("busted"),
    _integer("venue_version"),
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

# The outputs of finished stages of a cycle that has no record yet; a restart goes on from them.
STAGES = _table(
    "stages", "account run cycle name", "at",
    Column("body", LargeBinary, nullable=False), _within("cycles", "account", "run", "cycle"),
)  # fmt: skip
# A cycle that waits for a person or for the market; one row while it waits.
WAITS = _table(
    "waits", "account run cycle", "why until plan_hash since",
    _integer("round"), _within("cycles", "account", "run", "cycle"),
)  # fmt: skip
APPROVALS = _table(
    "approvals", "account run cycle plan_hash", "answer decided_by reason at",
    _within("cycles", "account", "run", "cycle"),
)  # fmt: skip
# What the command line and the web ask an engine to do; `account` may be PLATFORM.
REQUESTS = _table(
    "requests", "request_id", "kind account body status asked_by created claimed_by? claimed? finished? result? error?",
)  # fmt: skip
SCHEDULES = _table("schedules", "account", "state reason at last_due?", _within("accounts", "account"))
SCHEDULE_RUNS = _table(
    "schedule_runs", "account due", "outcome reason at cycle_id?", _within("accounts", "account"),
)  # fmt: skip
LEASES = _table("leases", "account", "holder until at", _integer("epoch"), _within("accounts", "account"))
ARMINGS = _table("armings", "account", "until at armed_by build config reason", _within("accounts", "account"))
# The highest order id ever used at an endpoint: it only rises, whatever the venue says.
ORDER_MARKS = _table("order_marks", "endpoint", "at", _integer("high_water"))
# Every message of a broker, once, before it is applied.
BROKER_MESSAGES = _table("broker_messages", "account digest", "body at applied?", _within("accounts", "account"))
RECONCILIATIONS = _table(
    "reconciliations", "account", "session at detail", _integer("clean"), _within("accounts", "account"),
)  # fmt: skip
# The first reading at which a position stood beyond its stop; a second one confirms it.
BREACHES = _table("breaches", "account symbol cause", "first_at price", _within("accounts", "account"))
# What a person is told: shown in the product and sent by the notifiers; `sent` when nothing is left to send.
# `facts` and `deliveries` (by channel) are JSON.
NOTICES = _table(
    "notices", "number", "at event account severity dedup_key title body facts deliveries sent? read_at?",
)  # fmt: skip
API_TOKENS = _table(
    "api_tokens", "token_id", "name digest scopes created expires last_used? revoked? hosts", _within("users"),
)  # fmt: skip
SESSIONS = _table("sessions", "session_id", "created seen expires stepped_up? revoked? client", _within("users"))
SECRETS = _table("secrets", "name version", "key_id nonce body wrapped_key created retired?", _within("users"))
ADMIN_READS = _table("admin_reads", "number", "at admin subject reason", _within("users"))
ENGINES = Table(
    "engines", TABLES, Column("engine_id", TEXT, primary_key=True, nullable=False),
    *(Column(name, TEXT, nullable=False) for name in ("host", "started", "beat", "status", "code_version")),
    Column("pid", Integer, nullable=False), sqlite_with_rowid=False,
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
    (REQUESTS, ("status", "created")),
    (NOTICES, ("sent",)),
    (NOTICES, ("dedup_key",)),
    (API_TOKENS, ("digest",)),
):
    Index(f"ix_{_parent.name}_{'_'.join(_columns)}", _parent.c.owner_id, *(_parent.c[name] for name in _columns))
# One cycle per key (an account's scheduled time), and one id per order at a venue's session.
Index("ux_cycles_cycle_key", CYCLES.c.owner_id, CYCLES.c.account, CYCLES.c.cycle_key, unique=True)
Index("ux_users_name", USERS.c.name, unique=True)


# Tables that 0001 has in another shape, parents first, and what a 0001 row says in the new columns.
CHANGED = {
    "users": "role, status) SELECT {old}, 'admin', 'active'",
    "cycles": ") SELECT {old}",
    "orders": ") SELECT {old}",
    "fills": "version, busted, venue_version) SELECT {old}, 1, 0, 1",
}
# Columns of theirs that 0001 lacks and that come back on the way up; of fills whole rows do.
LATER = {
    name: [column.name for column in TABLES.tables[name].columns if column.name not in BEFORE.tables[name].columns]
    for name in CHANGED
    if name != "fills"
}


def upgrade() -> None:
    connection = op.get_bind()
    if connection.dialect.name != "sqlite":
        TABLES.create_all(connection, checkfirst=False)
        for name in _kept(connection):
            _take_back(connection, name)
        return
    _drop_triggers(connection)
    for name, says in CHANGED.items():
        _reshape(connection, name, TABLES, f"{{columns}}{says}")
    for table in TABLES.sorted_tables:
        if table.name not in BEFORE.tables:
            table.create(connection, checkfirst=False)
    for name in _kept(connection):
        _take_back(connection, name)
    for statement in triggers():
        connection.exec_driver_sql(statement)


def downgrade() -> None:
    connection = op.get_bind()
    if connection.dialect.name != "sqlite":
        for table in TABLES.sorted_tables:
            op.execute(f"CREATE TABLE {KEPT}{table.name} AS SELECT * FROM {table.name}")
        TABLES.drop_all(connection, checkfirst=False)
        return
    _drop_triggers(connection)
    _keep_what_0001_cannot_hold(connection)
    for name in reversed(CHANGED):
        latest = " WHERE version = (SELECT max(version) FROM moved AS other WHERE " + " AND ".join(
            f"other.{key} = moved.{key}" for key in ("owner_id", "account", "exec_id")
        ) + ")" if name == "fills" else ""  # fmt: skip
        _reshape(connection, name, BEFORE, "{columns}) SELECT {old}", rows=latest)
    for table in reversed(TABLES.sorted_tables):
        if table.name not in BEFORE.tables:
            table.drop(connection, checkfirst=False)
    for statement in triggers_before():
        connection.exec_driver_sql(statement)


def _reshape(connection: Connection, name: str, shape: MetaData, says: str, rows: str = "") -> None:
    """Move the rows of a table into another shape of it; its indexes come anew."""
    known = {str(each["name"]) for each in inspect(connection).get_columns(name)}
    old = ", ".join(f'"{each.name}"' for each in shape.tables[name].columns if each.name in known)
    connection.exec_driver_sql(f"CREATE TEMP TABLE moved AS SELECT * FROM {name}")
    connection.exec_driver_sql(f"DROP TABLE {name}")
    shape.tables[name].create(connection, checkfirst=False)
    columns = old if says.startswith("{columns})") else f"{old}, "
    connection.exec_driver_sql(f"INSERT INTO {name} ({says.format(columns=columns, old=old)} FROM moved{rows}")
    connection.exec_driver_sql("DROP TABLE temp.moved")


def _keep_what_0001_cannot_hold(connection: Connection) -> None:
    for table in TABLES.sorted_tables:
        if table.name not in BEFORE.tables:
            _keep(connection, table.name, "1 = 1")
    for name, columns in LATER.items():
        told = " OR ".join(f"{column} IS NOT NULL" for column in columns)
        late = f" OR state IN ({LATE})" if name == "orders" else ""
        _keep(connection, name, told + late)
    key = "owner_id, account, exec_id"
    told = f"SELECT {key} FROM fills WHERE version <> 1 OR busted <> 0 OR venue_version <> 1"
    _keep(connection, "fills", f"({key}) IN ({told})")
    _keep(connection, "order_events", f"to_state IN ({LATE})")
    # 0001 left an order at its end when a fill came late, and wrote no event of it.
    connection.exec_driver_sql(
        "UPDATE orders SET state = COALESCE((SELECT from_state FROM order_events AS e "
        "WHERE e.owner_id = orders.owner_id AND e.account = orders.account AND e.order_ref = orders.order_ref "
        f"AND e.to_state IN ({LATE}) AND e.from_state NOT IN ({LATE})), 'CANCELLED') WHERE state IN ({LATE})"
    )
    connection.exec_driver_sql(f"DELETE FROM order_events WHERE to_state IN ({LATE})")


def _keep(connection: Connection, name: str, rows: str) -> None:
    if connection.exec_driver_sql(f"SELECT 1 FROM {name} WHERE {rows} LIMIT 1").first() is not None:
        connection.exec_driver_sql(f"CREATE TABLE {KEPT}{name} AS SELECT * FROM {name} WHERE {rows}")


def _kept(connection: Connection) -> list[str]:
    """Tables with something kept, parents first."""
    schema = None if connection.dialect.name == "sqlite" else "prudent"
    present = set(inspect(connection).get_table_names(schema=schema))
    return [table.name for table in TABLES.sorted_tables if KEPT + table.name in present]


def _take_back(connection: Connection, name: str) -> None:
    table, kept = TABLES.tables[name], KEPT + name
    same = " AND ".join(f"kept.{key.name} = {name}.{key.name}" for key in table.primary_key.columns)
    if name in LATER and connection.dialect.name == "sqlite":
        values = ", ".join(f'"{column}" = kept."{column}"' for column in LATER[name])
        connection.exec_driver_sql(f"UPDATE {name} SET {values} FROM {kept} AS kept WHERE {same}")
        if name == "orders":
            connection.exec_driver_sql(
                f"UPDATE orders SET state = kept.state FROM {kept} AS kept WHERE {same} AND kept.state IN ({LATE})"
            )
    else:
        columns = ", ".join(f'"{each.name}"' for each in table.columns)
        if name == "fills" and connection.dialect.name == "sqlite":
            connection.exec_driver_sql(
                f"DELETE FROM fills WHERE EXISTS (SELECT 1 FROM {kept} AS kept WHERE kept.owner_id = fills.owner_id "
                "AND kept.account = fills.account AND kept.exec_id = fills.exec_id)"
            )
        connection.exec_driver_sql(
            f"INSERT INTO {name} ({columns}) SELECT {columns} FROM {kept} AS kept WHERE {_has_parents(table)}"
        )
    connection.exec_driver_sql(f"DROP TABLE {kept}")


def _has_parents(table: Table) -> str:
    """The parents of a kept row are there; a way down to the base does not keep every parent."""
    found = ["1 = 1"]
    for key in table.foreign_key_constraints:
        parent = key.referred_table.name
        same = " AND ".join(f"{parent}.{each.column.name} = kept.{each.parent.name}" for each in key.elements)
        absent = " OR ".join(f"kept.{each.parent.name} IS NULL" for each in key.elements)
        found.append(f"({absent} OR EXISTS (SELECT 1 FROM {parent} WHERE {same}))")
    return " AND ".join(found)


def _drop_triggers(connection: Connection) -> None:
    known = connection.exec_driver_sql("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall()
    for (name,) in known:
        connection.exec_driver_sql(f"DROP TRIGGER {name}")


def triggers() -> list[str]:
    """SQLite's walls: append-only tables, one person, legal order states."""
    found = [
        f"CREATE TRIGGER {table}_no_{verb.lower()} BEFORE {verb} ON {table} "
        f"BEGIN SELECT RAISE(ABORT, '{table} is append-only'); END"
        for table in APPEND_ONLY
        for verb in ("UPDATE", "DELETE")
    ]
    found.append(
        "CREATE TRIGGER users_one_person BEFORE INSERT ON users WHEN EXISTS (SELECT 1 FROM users) "
        "BEGIN SELECT RAISE(ABORT, 'SQLite is for one person'); END"
    )
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
