"""Reads PostgreSQL's catalogue for every way in which one owner could reach another's rows; sound means no finding."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import psycopg

from prudent.ledger.postgres import connect, plain_failures, plain_url
from prudent.ledger.tenancy import GROUPS, ME, OWNER, READINGS, SCHEMA, VERSION_TABLE

Cursor = psycopg.Cursor[dict[str, Any]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """A rule that an object of the catalogue breaks."""

    rule: str
    object: str


# Rule -> the objects that break it. A tenant table is one with an owner column; %(schema)s is the ledger's schema.
_TABLES = """
  tenant AS (
    SELECT c.oid, c.relname, c.relrowsecurity, c.relforcerowsecurity, a.attnum AS owner_column, c.relowner
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = 'owner_id' AND NOT a.attisdropped
    WHERE n.nspname = %(schema)s AND c.relkind IN ('r', 'p')),
  relation AS (
    SELECT c.oid, c.relname, c.relkind, c.reloptions, c.relowner, c.relacl
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = %(schema)s),
  policy AS (
    SELECT p.polname || ' on ' || r.relname AS name, r.relname AS on_table, p.polcmd, p.polroles, p.polpermissive,
      pg_get_expr(p.polqual, p.polrelid) AS sees, pg_get_expr(p.polwithcheck, p.polrelid) AS makes
    FROM pg_policy p JOIN relation r ON r.oid = p.polrelid)
"""
RULES: dict[str, str] = {
    "row-level-security-off": "SELECT relname FROM tenant WHERE NOT relrowsecurity",
    "row-level-security-not-forced": "SELECT relname FROM tenant WHERE NOT relforcerowsecurity",
    "policy-without-using-or-check": """
        SELECT name FROM policy WHERE (polcmd IN ('r', 'w', 'd', '*') AND sees IS NULL)
        OR (polcmd IN ('a', 'w', '*') AND makes IS NULL)""",
    "policy-for-all-commands": "SELECT name FROM policy WHERE polcmd = '*'",
    "policy-for-public": "SELECT name FROM policy WHERE 0 = ANY (polroles)",
    "policy-with-null-way-out": """
        SELECT name FROM policy WHERE concat_ws(' ', sees, makes) ~* '\\mIS\\s+(NOT\\s+)?(NULL|DISTINCT)\\M'
        OR concat_ws(' ', sees, makes) ~* '\\mCOALESCE\\M'""",
    "view-not-security-invoker": """
        SELECT relname FROM relation WHERE relkind = 'v'
        AND NOT COALESCE('security_invoker=true' = ANY (reloptions) OR 'security_invoker=on' = ANY (reloptions), false)
        """,
    "materialised-view": "SELECT relname FROM relation WHERE relkind = 'm'",
    "security-definer-without-search-path": """
        SELECT p.proname FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
        WHERE n.nspname = %(schema)s AND p.prosecdef
        AND NOT EXISTS (SELECT FROM unnest(p.proconfig) s WHERE s LIKE 'search_path=%%')""",
    "security-definer-of-a-bypassing-role": """
        SELECT p.proname FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
        JOIN pg_roles o ON o.oid = p.proowner
        WHERE n.nspname = %(schema)s AND p.prosecdef AND (o.rolsuper OR o.rolbypassrls)""",
    "function-for-public": """
        SELECT p.proname FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
        WHERE n.nspname = %(schema)s AND (p.proacl IS NULL
        OR EXISTS (SELECT FROM aclexplode(p.proacl) g WHERE g.grantee = 0))""",
    "function-called-leakproof": """
        SELECT p.proname FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
        WHERE n.nspname = %(schema)s AND p.proleakproof""",
    "grant-of-truncate-references-trigger": """
        SELECT r.relname || ' to ' || CASE g.grantee WHEN 0 THEN 'public' ELSE g.grantee::regrole::text END
        FROM relation r, aclexplode(r.relacl) g
        WHERE g.grantee <> r.relowner AND g.privilege_type IN ('TRUNCATE', 'REFERENCES', 'TRIGGER', 'MAINTAIN')""",
    "grant-to-public": """
        SELECT r.relname FROM relation r, aclexplode(r.relacl) g WHERE g.grantee = 0
        UNION SELECT %(schema)s::text || ' (create)' FROM pg_namespace n, aclexplode(n.nspacl) g
        WHERE n.nspname = %(schema)s AND g.grantee = 0""",
    "grant-to-another-role": """
        SELECT r.relname || ' to ' || g.grantee::regrole::text FROM relation r, aclexplode(r.relacl) g
        WHERE g.grantee NOT IN (0, r.relowner) AND g.grantee::regrole::text <> ALL (%(groups)s)""",
    "owned-by-a-login-role": """
        SELECT r.relname FROM relation r JOIN pg_roles o ON o.oid = r.relowner
        WHERE r.relkind IN ('r', 'p', 'v', 'm', 'S') AND (o.rolcanlogin OR o.rolname <> %(owner)s)""",
    "foreign-key-without-owner": """
        SELECT k.conname || ' on ' || t.relname FROM pg_constraint k JOIN tenant t ON t.oid = k.conrelid
        JOIN tenant parent ON parent.oid = k.confrelid
        WHERE k.contype = 'f' AND NOT EXISTS (
          SELECT FROM unnest(k.conkey, k.confkey) pair (mine, theirs)
          WHERE pair.mine = t.owner_column AND pair.theirs = parent.owner_column)""",
    "no-index-begins-with-owner": """
        SELECT t.relname FROM tenant t WHERE NOT EXISTS (
          SELECT FROM pg_index i WHERE i.indrelid = t.oid AND i.indisvalid AND i.indpred IS NULL
          AND i.indkey[0] = t.owner_column)
        AND t.relname NOT LIKE 'kept%%'""",
    "unique-key-across-owners": """
        SELECT i.indexrelid::regclass::text FROM pg_index i JOIN tenant t ON t.oid = i.indrelid
        WHERE i.indisunique AND t.owner_column <> ALL (i.indkey::int2[])
        AND i.indexrelid::regclass::text <> ALL (%(global_keys)s)""",
    "role-passes-by": """
        SELECT rolname FROM pg_roles r WHERE (rolsuper OR rolbypassrls)
        AND (rolname = ANY (%(groups)s) OR rolname = %(owner)s
          OR EXISTS (SELECT FROM pg_auth_members m JOIN pg_roles g ON g.oid = m.roleid
                     WHERE m.member = r.oid AND g.rolname = ANY (%(groups)s)))""",
    "role-can-log-in": """
        SELECT rolname FROM pg_roles WHERE rolcanlogin AND (rolname = ANY (%(groups)s) OR rolname = %(owner)s)""",
    "login-inherits": """
        SELECT r.rolname FROM pg_roles r JOIN pg_auth_members m ON m.member = r.oid JOIN pg_roles g ON g.oid = m.roleid
        WHERE g.rolname = ANY (%(groups)s) AND r.rolcanlogin AND NOT r.rolsuper
        AND COALESCE((to_jsonb(m) ->> 'inherit_option')::boolean, r.rolinherit)""",
    "trigger-switched-off": """
        SELECT t.tgname || ' on ' || r.relname FROM pg_trigger t JOIN relation r ON r.oid = t.tgrelid
        WHERE t.tgenabled NOT IN ('O', 'A')""",
    "tenant-reaches-a-table-without-owner": """
        SELECT r.relname || ' to ' || g.grantee::regrole::text FROM relation r, aclexplode(r.relacl) g
        WHERE r.relkind IN ('r', 'p') AND g.grantee::regrole::text = %(tenant)s
        AND r.oid NOT IN (SELECT oid FROM tenant) AND r.relname <> %(version_table)s""",
}
# Names of people are one namespace; whoever is told of it is told no more than "choose another".
GLOBAL_KEYS = ("ux_users_name",)


def lint(url: str) -> tuple[Finding, ...]:
    """What is wrong with the catalogue behind a URL; any login may ask."""
    with plain_failures(plain_url(url)), connect(url) as connection, connection.cursor() as cursor:
        return tuple(findings(cursor))


def findings(cursor: Cursor) -> Iterator[Finding]:
    """The findings as seen in the cursor's transaction."""
    told = {
        "schema": SCHEMA, "owner": OWNER, "groups": list(GROUPS), "tenant": GROUPS[0],
        "global_keys": [*GLOBAL_KEYS, *(f"{SCHEMA}.{name}" for name in GLOBAL_KEYS)], "version_table": VERSION_TABLE,
    }  # fmt: skip
    for rule, query in RULES.items():
        cursor.execute(f"WITH {_TABLES} {query}", told)
        names = sorted({str(next(iter(row.values()))) for row in cursor.fetchall()})
        yield from (Finding(rule=rule, object=name) for name in names)
    yield from _unknown_rows(cursor, told)


def _unknown_rows(cursor: Cursor, told: dict[str, Any]) -> Iterator[Finding]:
    """Policies that let through any other rows than the owner's own, or those that a role is declared to read."""
    cursor.execute(
        f"WITH {_TABLES} SELECT name, on_table, polroles::regrole[]::text[] AS roles, sees, makes FROM policy", told
    )
    declared = {(each.table, each.role): each.rows for each in READINGS}
    for row in cursor.fetchall():
        for role in row["roles"]:
            allowed = declared.get((row["on_table"], role))
            for rows in (row["sees"], row["makes"]):
                if rows is None or _plain(rows) == _MINE:
                    continue
                if allowed is None or _plain(rows) != _plain(allowed):
                    rule = "policy-always-true" if _is_always_true(rows) else "policy-of-unknown-rows"
                    yield Finding(rule=rule, object=str(row["name"]))


def _plain(rows: str) -> str:
    """A condition without the casts, blanks and parentheses that the server writes into it."""
    text = rows.replace("::text", "").lower().replace(' as "nullif"', "")
    return "".join(text.replace("(", "").replace(")", "").split())


_MINE = _plain(f"owner_id = {ME}")


def _is_always_true(rows: str) -> bool:
    """It does not ask who asks."""
    return "current_setting" not in rows
