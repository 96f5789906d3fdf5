"""Who may do what in PostgreSQL: roles that cannot log in, row-level security, grants and triggers, declared once.

Four roles: the owner of all tables, whom nobody logs in as; the tenant, who sees and writes one person's rows; the
directory, who finds the one user, token or session it is asked about; the engine, who sees whose work is due. The
product logs in as a member of the last three that owns nothing and inherits nothing, so that a statement outside an
identified transaction is refused. `enforce` declares it all anew after every migration.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from sqlalchemy import Connection, text

from prudent.ledger.database import DIRECTORY, ENGINE, TENANT
from prudent.ledger.schema import APPEND_ONLY, PLATFORM_TABLES
from prudent.ledger.transitions import FIRST, LEGAL

SCHEMA = "prudent"
# Where the workflow library keeps its own tables; it makes them itself.
WORKFLOW_SCHEMA = "dbos"
OWNER = "prudent_owner"
GROUPS = (TENANT, DIRECTORY, ENGINE)

# `(SELECT ...)` is asked once a statement and not once a row. What was never set is NULL, what was set in an earlier
# transaction is empty: both match no row.
ME = "(SELECT NULLIF(current_setting('app.user_id', true), ''))"
ASKED = "(SELECT NULLIF(current_setting('app.asked', true), ''))"

VERSION_TABLE = "alembic_version"
# Rows that are written once; what is append-only has triggers besides.
WRITTEN_ONCE = (*APPEND_ONLY, "mandates", "records", "reasoning")
# Rows that come and go; all others stay.
DELETABLE = ("armings", "breaches", "latches", "position_terms", "stages", "waits")
# A user's name and role are not the user's to change, so no name can be tried out against the unique index.
UPDATABLE_COLUMNS = {"users": ("status", "password", "password_changed")}


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """What a role besides the tenant may read of a table: columns (none = all) of the rows that `rows` lets through."""

    role: str
    table: str
    rows: str
    columns: tuple[str, ...] = ()


ANY_ROW = "true"
READINGS = (
    Reading(role=DIRECTORY, table="users", rows=f"name = {ASKED}"),
    Reading(role=DIRECTORY, table="api_tokens", rows=f"digest = {ASKED}"),
    Reading(role=DIRECTORY, table="sessions", rows=f"session_id = {ASKED}"),
    Reading(
        role=ENGINE, table="users", rows=ANY_ROW, columns=("owner_id", "name", "created", "role", "status")
    ),
    Reading(
        role=ENGINE, table="requests", rows=ANY_ROW,
        columns=("owner_id", "request_id", "kind", "account", "status", "created", "claimed_by", "claimed", "finished"),
    ),
    Reading(role=ENGINE, table="leases", rows=ANY_ROW),
    Reading(role=ENGINE, table="schedules", rows=ANY_ROW),
    Reading(
        role=ENGINE, table="waits", rows=ANY_ROW,
        columns=("owner_id", "account", "run", "cycle", "why", "until", "since"),
    ),
)  # fmt: skip


def enforce(connection: Connection) -> None:
    """Bring security, grants and triggers of every table of the schema to what this module declares.

    The connection acts as the owner, inside the transaction of the migration.
    """
    tables = _tables(connection)
    tenants = [name for name, has_owner in tables.items() if has_owner and not name.startswith("kept")]
    for name, has_owner in tables.items():
        _run(connection, _revocations(name))
        if has_owner:
            # What a way down kept has no policy, so nobody reads it.
            _run(connection, (f"ALTER TABLE {name} ENABLE ROW LEVEL SECURITY",
                              f"ALTER TABLE {name} FORCE ROW LEVEL SECURITY"))  # fmt: skip
    _run(connection, _dropped_policies(connection))
    _run(connection, _refusal())
    for name in tenants:
        _run(connection, _tenant(name))
    _run(connection, (statement for each in READINGS if each.table in tables for statement in _reading(each)))
    for name in PLATFORM_TABLES:
        if name in tables:
            _run(connection, (f"GRANT SELECT, INSERT, UPDATE, DELETE ON {name} TO {ENGINE}",))
    _run(connection, (
        f"GRANT USAGE ON SCHEMA {SCHEMA} TO {', '.join(GROUPS)}",
        f"GRANT SELECT ON {VERSION_TABLE} TO {TENANT}",
    ))  # fmt: skip
    if "orders" in tables:
        _run(connection, _order_walls())


def _run(connection: Connection, statements: Iterable[str]) -> None:
    for statement in statements:
        # The driver reads a single % as the place of a value.
        connection.exec_driver_sql(statement.replace("%", "%%"))


def _tables(connection: Connection) -> dict[str, bool]:
    """The schema's tables, and whether each has an owner column."""
    found = connection.execute(
        text(
            "SELECT c.relname, EXISTS (SELECT FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attname = 'owner_id' "
            "AND NOT a.attisdropped) FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace "
            "WHERE n.nspname = :schema AND c.relkind IN ('r', 'p') ORDER BY c.relname"
        ),
        {"schema": SCHEMA},
    )
    return {str(name): bool(has_owner) for name, has_owner in found}


def _revocations(table: str) -> tuple[str, ...]:
    return (f"REVOKE ALL ON {table} FROM PUBLIC, {', '.join(GROUPS)}",)


def _dropped_policies(connection: Connection) -> list[str]:
    known = connection.execute(
        text("SELECT policyname, tablename FROM pg_policies WHERE schemaname = :schema"), {"schema": SCHEMA}
    )
    return [f'DROP POLICY "{policy}" ON "{table}"' for policy, table in known]


def commands(table: str) -> tuple[str, ...]:
    """What a tenant may do with its own rows of a table."""
    if table in WRITTEN_ONCE:
        return ("SELECT", "INSERT")
    return ("SELECT", "INSERT", "UPDATE", "DELETE") if table in DELETABLE else ("SELECT", "INSERT", "UPDATE")


def _tenant(table: str) -> list[str]:
    """Grants and one policy per command: rows of others can be neither seen nor made."""
    mine = f"owner_id = {ME}"
    clause = {
        "SELECT": f"USING ({mine})", "INSERT": f"WITH CHECK ({mine})",
        "UPDATE": f"USING ({mine}) WITH CHECK ({mine})", "DELETE": f"USING ({mine})",
    }  # fmt: skip
    found = []
    for command in commands(table):
        columns = UPDATABLE_COLUMNS.get(table, ()) if command == "UPDATE" else ()
        only = f" ({', '.join(columns)})" if columns else ""
        found += [
            f"GRANT {command}{only} ON {table} TO {TENANT}",
            f"CREATE POLICY tenant_{command.lower()} ON {table} FOR {command} TO {TENANT} {clause[command]}",
        ]
    if table in APPEND_ONLY:
        for name, events, each in (("no_change", "UPDATE OR DELETE", "ROW"), ("no_truncate", "TRUNCATE", "STATEMENT")):
            found.append(
                f"CREATE OR REPLACE TRIGGER {table}_{name} BEFORE {events} ON {table} FOR EACH {each} "
                f"EXECUTE FUNCTION {SCHEMA}.refuse('{table} is append-only')"
            )
    return found


def _reading(reading: Reading) -> tuple[str, str]:
    only = f" ({', '.join(reading.columns)})" if reading.columns else ""
    return (
        f"GRANT SELECT{only} ON {reading.table} TO {reading.role}",
        f"CREATE POLICY {reading.role}_select ON {reading.table} FOR SELECT TO {reading.role} USING ({reading.rows})",
    )


def _refusal() -> tuple[str, ...]:
    """The one function behind every wall; it says what its trigger tells it."""
    body = "$$ BEGIN RAISE EXCEPTION '%', TG_ARGV[0]; END $$"
    return (
        f"CREATE OR REPLACE FUNCTION {SCHEMA}.refuse() RETURNS trigger LANGUAGE plpgsql SET search_path = '' AS {body}",
        f"REVOKE ALL ON FUNCTION {SCHEMA}.refuse() FROM PUBLIC",
    )


def _order_walls() -> list[str]:
    """Triggers that refuse every move which is not in `LEGAL` and every first state which is not in `FIRST`."""
    allowed = " OR ".join(
        f"(OLD.state = '{old}' AND NEW.state IN ({_listed(new)}))" for old, new in sorted(LEGAL.items()) if new
    )
    walls = (
        ("transition", "UPDATE", f"NEW.state <> OLD.state AND NOT ({allowed})", "illegal order transition"),
        ("first", "INSERT", f"NEW.state NOT IN ({_listed(FIRST)})", "illegal first order state"),
    )
    return [
        f"CREATE OR REPLACE TRIGGER orders_legal_{name} BEFORE {event} ON orders FOR EACH ROW WHEN ({wrong}) "
        f"EXECUTE FUNCTION {SCHEMA}.refuse('{told}')"
        for name, event, wrong, told in walls
    ]


def _listed(states: Iterable[object]) -> str:
    return ", ".join(f"'{state}'" for state in sorted(map(str, states)))


def open_to_owner(connection: Connection) -> None:
    """Let the owner see every row while it migrates; `enforce` closes this again in the same transaction."""
    for name, has_owner in _tables(connection).items():
        if has_owner:
            _run(connection, (f"ALTER TABLE {name} NO FORCE ROW LEVEL SECURITY",))
