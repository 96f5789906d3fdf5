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
from sqlalchemy.dialects import postgresql

from prudent.ledger.transitions import trigger_sql

REVISION = "0005"
METADATA = MetaData()
# Text sorts and compares by code point everywhere, as SQLite does, whatever language the server speaks.
TEXT = Text().with_variant(postgresql.TEXT(collation="C"), "postgresql")
PLATFORM = ""
APPEND_ONLY = ("audit", "journal_entries", "journal_lines", "fills", "order_events", "admin_reads")
# Tables of the installation, not of a person: what engines tell each other.
PLATFORM_TABLES = ("engines",)


def _table(name: str, key: str, text: str, *more: Column[int] | Column[bytes] | ForeignKeyConstraint) -> Table:
    """A tenant table: owner and `key` columns first, then text columns (`name?` may be NULL), then the rest."""
    numbers = {"run", "cycle", "number", "version", "entry", "line", "seq"}
    columns: list[Column[Any]] = [Column("owner_id", TEXT, primary_key=True, nullable=False)]
    for part in key.split():
        kind = Integer() if part in numbers else TEXT
        columns.append(Column(part, kind, primary_key=True, nullable=False, autoincrement=False))
    columns += [Column(part.rstrip("?"), TEXT, nullable=part.endswith("?")) for part in text.split()]
    return Table(name, METADATA, *columns, *more, sqlite_with_rowid=False)


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
# Exits that hold for one position because the idea that opened it said so; gone with the position.
POSITION_TERMS = _table(
    "position_terms", "account symbol", "stop_loss? take_profit? since",
    _integer("time_stop_days", nullable=True), _integer("run", nullable=True), _integer("cycle", nullable=True),
    _within("accounts", "account"), _within("cycles", "account", "run", "cycle"),
)  # fmt: skip
# Every call of a model, at once when it ended; `account` is empty for a call of nobody's, `run` for one of no cycle's.
MODEL_CALLS = _table(
    "model_calls", "account number", "at purpose model answered_by outcome error cost seconds",
    _integer("run", nullable=True), _integer("cycle", nullable=True), _integer("tokens_in"), _integer("tokens_out"),
    _within("cycles", "account", "run", "cycle"),
)  # fmt: skip
# What a mirror of the books elsewhere has yet to be told; `body` is JSON, `ref` names the fill or amount.
OUTBOX = _table(
    "outbox", "account number", "kind ref body state at message",
    _integer("attempts"), _within("accounts", "account"),
)  # fmt: skip
# Every backtest that was ever begun, also those that failed: how often a window of history was looked at.
# `summary` is JSON; `sweep` names the sweep it belongs to.
BACKTESTS = _table(
    "backtests", "account number",
    "status created finished? source first last cadence fill model strategy_version identity code_version data_hash "
    "sweep evidence? summary? note",
    _integer("opened_seal"), _within("users"),
)  # fmt: skip
# One implied volatility of 30 days of each symbol and session: how high one stands is told by those before it.
VOLATILITIES = _table("volatilities", "symbol session", "implied source at", _within("users"))
ENGINES = Table(
    "engines", METADATA, Column("engine_id", TEXT, primary_key=True, nullable=False),
    *(Column(name, TEXT, nullable=False) for name in ("host", "started", "beat", "status", "code_version")),
    Column("pid", Integer, nullable=False), sqlite_with_rowid=False,
)  # fmt: skip

MANDATES.append_constraint(UniqueConstraint("owner_id", "account", "hash"))
JOURNAL_ENTRIES.append_constraint(UniqueConstraint("owner_id", "account", "kind", "ref"))
OUTBOX.append_constraint(UniqueConstraint("owner_id", "account", "kind", "ref"))

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
    (MODEL_CALLS, ("at",)),
    (MODEL_CALLS, ("account", "at")),
    (OUTBOX, ("state",)),
    (BACKTESTS, ("identity",)),
    (BACKTESTS, ("sweep",)),
):
    Index(f"ix_{_parent.name}_{'_'.join(_columns)}", _parent.c.owner_id, *(_parent.c[name] for name in _columns))
# One cycle per key (an account's scheduled time), and one id per order at a venue's session.
Index("ux_cycles_cycle_key", CYCLES.c.owner_id, CYCLES.c.account, CYCLES.c.cycle_key, unique=True)
Index("ux_users_name", USERS.c.name, unique=True)


def guard_triggers() -> tuple[str, ...]:
    """The second wall behind the code, for SQLite: append-only tables, one person, and legal order states."""
    refusals = tuple(
        f"CREATE TRIGGER {table}_no_{verb.lower()} BEFORE {verb} ON {table} "
        f"BEGIN SELECT RAISE(ABORT, '{table} is append-only'); END"
        for table in APPEND_ONLY
        for verb in ("UPDATE", "DELETE")
    )
    one_person = (
        "CREATE TRIGGER users_one_person BEFORE INSERT ON users WHEN EXISTS (SELECT 1 FROM users) "
        "BEGIN SELECT RAISE(ABORT, 'SQLite is for one person'); END"
    )
    return (*refusals, one_person, *trigger_sql())


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


def by_index(table: Table, *columns: str) -> str:
    """The hint to SQLite to read `table` by the index of these columns, which must be one of it."""
    name = f"ix_{table.name}_{'_'.join(columns)}"
    assert name in {each.name for each in table.indexes}, f"{table.name} has no index {name}"
    return f"INDEXED BY {name}"
