"""Makes a PostgreSQL database ready for the product: roles, a login that owns nothing, schema and tables."""

import secrets
from dataclasses import dataclass

import psycopg
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict
from sqlalchemy.engine import make_url

from prudent.domain.errors import InputError, StoreError
from prudent.ledger.migrations import current, upgrade
from prudent.ledger.postgres import Driver, connect, conninfo, plain_failures, plain_url
from prudent.ledger.tenancy import GROUPS, OWNER, SCHEMA, WORKFLOW_SCHEMA

LOGIN = "prudent"
SERVER_MIN = 150000
_ROLE = (
    "SELECT rolname, rolcanlogin, rolsuper, rolbypassrls, rolinherit, rolcreaterole, rolcreatedb FROM pg_roles "
    "WHERE rolname = %s"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Prepared:
    """What was made. `url` is the product's own, with its password when that was made now, and then only."""

    url: str
    login: str
    password_is_new: bool
    revision_before: str | None
    revision: str


def prepare(admin_url: str, *, login: str = LOGIN, renew_password: bool = False) -> Prepared:
    """Make roles, login, schema and tables; what is there already stays, and security is declared anew.

    The administrator must be allowed to make roles, and the database is made when it does not exist. A login that
    exists keeps its password unless a new one is asked for.

    Raises:
        StoreError: the server is too old, or a role of that name is more than it may be.
        Temporary: the server cannot be reached.
    """
    if login in (OWNER, *GROUPS) or not login:
        raise InputError(f"the login must be a name of its own, was {login!r}; choose another")
    place = plain_url(admin_url)
    with plain_failures(place):
        _make_database(admin_url)
        with connect(admin_url) as connection:
            if connection.info.server_version < SERVER_MIN:
                raise StoreError(
                    f"{place} must be PostgreSQL {SERVER_MIN // 10000} or newer, was "
                    f"{connection.info.server_version // 10000}; upgrade the server"
                )
            with connection.transaction():
                for role in (OWNER, *GROUPS):
                    make_group(connection, role)
                password = make_login(connection, login, renew_password=renew_password)
                _make_schemas(connection, login)
    before = current(admin_url)
    upgrade(admin_url)
    revision = current(admin_url)
    assert revision is not None
    return Prepared(
        url=_product_url(admin_url, login, password), login=login, password_is_new=password is not None,
        revision_before=before, revision=revision,
    )  # fmt: skip


def _make_database(admin_url: str) -> None:
    """The database that the URL names, if the server has none of that name."""
    try:
        connect(admin_url).close()
    except psycopg.OperationalError as error:
        name = str(conninfo_to_dict(conninfo(admin_url)).get("dbname") or "")
        if f'database "{name}" does not exist' not in str(error):
            raise
        other = make_url(admin_url).set(database="postgres").render_as_string(hide_password=False)
        with connect(other) as connection:
            connection.execute(
                sql.SQL("CREATE DATABASE {} ENCODING 'UTF8' TEMPLATE template0").format(sql.Identifier(name))
            )


def make_group(connection: Driver, role: str) -> None:
    """A role that nobody logs in as and that row-level security holds for."""
    known = connection.execute(_ROLE, (role,)).fetchone()
    if known is None:
        connection.execute(sql.SQL("CREATE ROLE {} NOLOGIN NOSUPERUSER NOBYPASSRLS").format(sql.Identifier(role)))
    elif known["rolsuper"] or known["rolbypassrls"] or known["rolcanlogin"]:
        raise StoreError(
            f"role {role} must be NOLOGIN NOSUPERUSER NOBYPASSRLS, was more; alter it, then prepare again"
        )


def make_login(connection: Driver, login: str, *, renew_password: bool = False) -> str | None:
    """The product's login and its new password; None when it keeps the one it has."""
    name = sql.Identifier(login)
    known = connection.execute(_ROLE, (login,)).fetchone()
    if known is None:
        connection.execute(
            sql.SQL("CREATE ROLE {} LOGIN NOINHERIT NOSUPERUSER NOBYPASSRLS NOCREATEDB NOCREATEROLE").format(name)
        )
    else:
        flags = ("rolsuper", "rolbypassrls", "rolinherit", "rolcreaterole", "rolcreatedb")
        found = [flag.removeprefix("rol") for flag in flags if known[flag]]
        if found:
            raise StoreError(
                f"login {login} must be NOINHERIT and without other rights, has {', '.join(found)}; name another login"
            )
    password: str | None = None
    if known is None or renew_password:
        password = secrets.token_urlsafe(24)
        # The server is sent a verifier and no password, so none stands in its log.
        verifier = connection.pgconn.encrypt_password(password.encode(), login.encode(), b"scram-sha-256").decode()
        connection.execute(sql.SQL("ALTER ROLE {} PASSWORD {}").format(name, sql.Literal(verifier)))
    connection.execute(
        sql.SQL("GRANT {} TO {}").format(sql.SQL(", ").join(sql.Identifier(group) for group in GROUPS), name)
    )
    database = sql.Identifier(connection.info.dbname)
    connection.execute(sql.SQL("GRANT CONNECT ON DATABASE {} TO {}").format(database, name))
    connection.execute(
        sql.SQL("ALTER ROLE {} IN DATABASE {} SET search_path = {}, pg_temp").format(
            name, database, sql.Identifier(SCHEMA)
        )
    )
    return password


def _make_schemas(connection: Driver, login: str) -> None:
    """The ledger's schema under its owner, and the place where the workflow library keeps its tables."""
    row = connection.execute("SELECT pg_has_role(%s, 'MEMBER') AS member", (OWNER,)).fetchone()
    if row is not None and not row["member"]:
        # One who may make roles but is no superuser must first become a member to make what the owner owns.
        connection.execute(sql.SQL("GRANT {} TO CURRENT_USER").format(sql.Identifier(OWNER)))
    for schema, owner in ((SCHEMA, OWNER), (WORKFLOW_SCHEMA, login)):
        known = connection.execute("SELECT FROM pg_namespace WHERE nspname = %s", (schema,)).fetchone()
        if known is None:
            connection.execute(
                sql.SQL("CREATE SCHEMA {} AUTHORIZATION {}").format(sql.Identifier(schema), sql.Identifier(owner))
            )


def _product_url(admin_url: str, login: str, password: str | None) -> str:
    url = make_url(admin_url).set(drivername="postgresql", username=login, password=password)
    return url.render_as_string(hide_password=False)
