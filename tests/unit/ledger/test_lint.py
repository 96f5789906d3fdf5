"""The catalogue of a prepared database has no finding, and each planted fault is found by name."""

from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
from psycopg.rows import dict_row
from tests.postgres import LOGIN, Server

from prudent.ledger.lint import RULES, Finding, findings, lint
from prudent.ledger.tenancy import SCHEMA

MINE = "owner_id = (SELECT NULLIF(current_setting('app.user_id', true), ''))"
# Rule -> how it is broken, and the object that is then named.
PLANTED: list[tuple[str, str, str]] = [
    ("row-level-security-off", "ALTER TABLE orders DISABLE ROW LEVEL SECURITY", "orders"),
    ("row-level-security-not-forced", "ALTER TABLE audit NO FORCE ROW LEVEL SECURITY", "audit"),
    (
        "policy-without-using-or-check",
        f"CREATE POLICY half ON runs FOR UPDATE TO prudent_app USING ({MINE})", "half on runs",
    ),
    ("policy-for-all-commands", f"CREATE POLICY every ON runs TO prudent_app USING ({MINE}) WITH CHECK ({MINE})",
     "every on runs"),
    ("policy-for-public", f"CREATE POLICY anyone ON fills FOR SELECT USING ({MINE})", "anyone on fills"),
    ("policy-always-true", "CREATE POLICY open ON fills FOR SELECT TO prudent_app USING (true)", "open on fills"),
    ("policy-always-true", "CREATE POLICY engine ON orders FOR SELECT TO prudent_engine USING (owner_id <> '')",
     "engine on orders"),
    ("policy-of-unknown-rows", f"CREATE POLICY more ON fills FOR SELECT TO prudent_app USING ({MINE} OR price = '1')",
     "more on fills"),
    ("policy-with-null-way-out",
     f"CREATE POLICY gap ON fills FOR SELECT TO prudent_app USING (current_setting('app.user_id') IS NULL OR {MINE})",
     "gap on fills"),
    ("view-not-security-invoker", "CREATE VIEW all_orders AS SELECT * FROM orders", "all_orders"),
    ("materialised-view", "CREATE MATERIALIZED VIEW totals AS SELECT count(*) FROM orders", "totals"),
    ("security-definer-without-search-path",
     "CREATE FUNCTION peek() RETURNS bigint LANGUAGE sql SECURITY DEFINER AS 'SELECT 1::bigint'", "peek"),
    ("security-definer-of-a-bypassing-role",
     "CREATE FUNCTION peer() RETURNS bigint LANGUAGE sql SECURITY DEFINER SET search_path = '' AS 'SELECT 1::bigint'",
     "peer"),
    ("function-for-public", "CREATE FUNCTION free() RETURNS bigint LANGUAGE sql AS 'SELECT 1::bigint'", "free"),
    ("function-called-leakproof",
     "CREATE FUNCTION leak() RETURNS bigint LANGUAGE sql LEAKPROOF AS 'SELECT 1::bigint'", "leak"),
    ("grant-of-truncate-references-trigger", "GRANT TRUNCATE ON orders TO prudent_app", "orders to prudent_app"),
    ("grant-of-truncate-references-trigger", "GRANT REFERENCES ON users TO prudent_app", "users to prudent_app"),
    ("grant-of-truncate-references-trigger", "GRANT TRIGGER ON audit TO prudent_engine", "audit to prudent_engine"),
    ("grant-to-public", "GRANT SELECT ON audit TO PUBLIC", "audit"),
    ("grant-to-another-role", f"GRANT SELECT ON audit TO {LOGIN}", f"audit to {LOGIN}"),
    ("owned-by-a-login-role", f"ALTER TABLE latches OWNER TO {LOGIN}", "latches"),
    ("foreign-key-without-owner",
     "ALTER TABLE records ADD CONSTRAINT k UNIQUE (digest); "  # noqa: ISC004 - one script
     "ALTER TABLE cycles ADD CONSTRAINT c_record FOREIGN KEY (record_digest) REFERENCES records (digest)",
     "c_record on cycles"),
    ("no-index-begins-with-owner",
     "CREATE TABLE drafts (draft_id text PRIMARY KEY, owner_id text NOT NULL)", "drafts"),
    ("unique-key-across-owners", "CREATE UNIQUE INDEX ux_name ON accounts (name)", "ux_name"),
    ("role-passes-by", "ALTER ROLE prudent_app BYPASSRLS", "prudent_app"),
    ("role-passes-by", f"ALTER ROLE {LOGIN} SUPERUSER", LOGIN),
    ("role-can-log-in", "ALTER ROLE prudent_auth LOGIN", "prudent_auth"),
    ("login-inherits", "CREATE ROLE other_login LOGIN INHERIT IN ROLE prudent_app", "other_login"),
    ("trigger-switched-off", "ALTER TABLE audit DISABLE TRIGGER audit_no_change", "audit_no_change on audit"),
    ("tenant-reaches-a-table-without-owner", "GRANT SELECT ON engines TO prudent_app", "engines to prudent_app"),
]  # fmt: skip


@pytest.fixture(scope="module")
def database(postgres: Server) -> Iterator[str]:
    name = postgres.create()
    yield name
    postgres.drop(name)


@pytest.fixture
def cursor(postgres: Server, database: str) -> Iterator[psycopg.Cursor[dict[str, Any]]]:
    """A superuser's transaction that is undone at the end."""
    with psycopg.connect(postgres.admin_url_of(database), row_factory=dict_row) as connection:
        opened = connection.cursor()
        opened.execute(f"SET search_path = {SCHEMA}")
        yield opened
        connection.rollback()


def test_a_prepared_database_has_no_finding(postgres: Server, database: str) -> None:
    assert lint(postgres.url_of(database)) == ()
    assert lint(postgres.admin_url_of(database)) == ()


@pytest.mark.parametrize(("rule", "fault", "named"), PLANTED, ids=[f"{rule}-{named}" for rule, _, named in PLANTED])
def test_a_planted_fault_is_found_by_name(
    cursor: psycopg.Cursor[dict[str, Any]], rule: str, fault: str, named: str
) -> None:
    cursor.execute(fault.encode())
    assert Finding(rule=rule, object=named) in set(findings(cursor))


def test_every_rule_has_a_planted_fault() -> None:
    policies_by_rows = {"policy-always-true", "policy-of-unknown-rows"}
    assert {rule for rule, _, _ in PLANTED} == RULES.keys() | policies_by_rows
