"""The ledger on PostgreSQL for many owners: a pool per URL, and one function that says as whom a transaction acts."""

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext, suppress
from threading import Lock
from typing import Any

import psycopg
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from psycopg.pq import TransactionStatus
from psycopg.rows import DictRow, dict_row
from sqlalchemy import QueuePool
from sqlalchemy.dialects.postgresql.psycopg import dialect as psycopg_dialect
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.pool import PoolProxiedConnection

from prudent.domain.errors import StoreError, Temporary
from prudent.ledger.database import TENANT, AfterStatement, Identity, Source, Statements, Transaction
from prudent.ledger.schema import REVISION
from prudent.ledger.sqlite import wrong_revision
from prudent.ledger.tenancy import OWNER, SCHEMA, VERSION_TABLE

POOL_SIZE = 8
POOL_OVERFLOW = 24
POOL_SECONDS = 10
TURN_SECONDS = 10
CONNECT_SECONDS = 10
# A lock is waited for as long as SQLite waits; an abandoned transaction must not block an account for long.
SESSION_SETTINGS = {
    "search_path": f"{SCHEMA},pg_temp", "lock_timeout": "5s", "statement_timeout": "60s",
    "idle_in_transaction_session_timeout": "30s", "synchronous_commit": "on",
}  # fmt: skip

_STATEMENTS = Statements(psycopg_dialect())  # type: ignore[no-untyped-call]
# `set_config(..., true)` ends with the transaction, as SET LOCAL does. All are set each time, so nothing is left over.
_IDENTIFY = (
    "SELECT set_config('role', %s, true), set_config('app.user_id', %s, true), set_config('app.asked', %s, true)"
)
# Writers of one owner go one after another; what they read afterwards includes all that was committed before. One that
# stands still loses its transaction before those who wait for it give up. A process takes one place in the queue of the
# server, and its threads take turns for it: else each of those that stand still would cost the others that time anew.
_TAKE_TURN = (
    "SELECT set_config('idle_in_transaction_session_timeout', '4s', true), "
    "pg_advisory_xact_lock(hashtextextended('prudent/' || %s, 0))"
)
_READS = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"
_WRITES = "BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE"

Driver = psycopg.Connection[DictRow]


def plain_url(url: str) -> str:
    """The URL without its password, for messages."""
    known = conninfo_to_dict(conninfo(url))
    host = known.get("host") or "localhost"
    port = f":{known['port']}" if known.get("port") else ""
    return f"postgresql://{known.get('user') or ''}@{host}{port}/{known.get('dbname') or ''}"


def conninfo(url: str) -> str:
    """What the driver understands of a `postgresql://` URL, in either library's spelling.

    Raises:
        StoreError: it cannot be read.
    """
    try:
        parts = make_url(url)
        told = {
            "host": parts.host, "port": parts.port, "user": parts.username, "password": parts.password,
            "dbname": parts.database, **{name: _joined(value) for name, value in parts.query.items()},
        }  # fmt: skip
        return make_conninfo("", **told)
    except (ArgumentError, ValueError, psycopg.Error):
        # The cause may quote the password.
        raise StoreError(
            "database.url must be written postgresql://user:password@host/database, was not; correct it"
        ) from None


def _joined(value: str | tuple[str, ...]) -> str:
    return value if isinstance(value, str) else ",".join(value)


def begin(cursor: "psycopg.Cursor[Any]", identity: Identity, *, writes: bool) -> None:
    """Open a transaction in which everything is done under `identity`; the only place that says so."""
    cursor.execute(_WRITES if writes else _READS)
    cursor.execute(_IDENTIFY, (identity.role, identity.owner, identity.asked))
    if writes:
        cursor.execute(_TAKE_TURN, (identity.owner,))


class PostgresDatabase(Source):
    """The pool of one URL; every owner of this process shares it."""

    single_user = False
    statements = _STATEMENTS

    def __init__(self, url: str) -> None:
        self.url = url
        self.place = plain_url(url)
        self._pool = QueuePool(
            self._connect, pool_size=POOL_SIZE, max_overflow=POOL_OVERFLOW, timeout=POOL_SECONDS, use_lifo=True
        )
        self._turns: dict[str, Lock] = {}

    def _connect(self) -> Any:
        return connect(self.url)

    @contextmanager
    def transaction(
        self, identity: Identity, *, writes: bool, after_statement: AfterStatement
    ) -> Iterator[Transaction]:
        with plain_failures(self.place), self._turn(identity.owner) if writes else nullcontext():
            proxied, cursor = self._begun(identity, writes=writes)
            tx = Transaction(
                cursor, _STATEMENTS, identity, writes=writes, single_user=False, after_statement=after_statement
            )
            try:
                yield tx
                _commit(cursor, self.place)
            finally:
                _give_back(proxied, cursor)
            tx.succeeded()

    @contextmanager
    def _turn(self, owner: str) -> Iterator[None]:
        turn = self._turns.setdefault(owner, Lock())
        if not turn.acquire(timeout=TURN_SECONDS):
            raise Temporary(_LOCKED.format(place=self.place))
        try:
            yield
        finally:
            turn.release()

    def _begun(self, identity: Identity, *, writes: bool) -> "tuple[PoolProxiedConnection, psycopg.Cursor[DictRow]]":
        """A connection with its transaction begun. One that died in the pool is replaced: nothing was asked of it."""
        for last_try in (False, True):
            proxied = self._pool.connect()
            connection = proxied.driver_connection
            assert connection is not None
            cursor: psycopg.Cursor[DictRow] = connection.cursor()
            begun = False
            try:
                begin(cursor, identity, writes=writes)
                begun = True
            except psycopg.OperationalError:
                if last_try or not connection.closed:
                    raise
                self._renew()
            finally:
                if not begun:
                    _give_back(proxied, cursor)
            if begun:
                return proxied, cursor
        raise AssertionError("one of two tries returns or raises")

    def _renew(self) -> None:
        old, self._pool = self._pool, self._pool.recreate()
        old.dispose()

    def faults(self) -> tuple[str, ...]:
        """What is switched off or invalid in the schema; empty when every wall stands."""
        with plain_failures(self.place):
            proxied = self._pool.connect()
            try:
                connection = proxied.driver_connection
                assert connection is not None
                return tuple(str(row["fault"]) for row in connection.execute(_FAULTS, (SCHEMA,)).fetchall())
            finally:
                proxied.close()

    def close(self) -> None:
        """Let go of it; the pool closes with its last owner."""
        with _SHARED_LOCK:
            shared = _SHARED.get(self.url)
            if shared is None or shared[0] is not self:
                self._pool.dispose()
                return
            if shared[1] > 1:
                _SHARED[self.url] = (self, shared[1] - 1)
                return
            del _SHARED[self.url]
        self._pool.dispose()


_FAULTS = """
SELECT c.relname || ': trigger ' || t.tgname || ' is switched off' AS fault
FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE n.nspname = %s AND t.tgenabled NOT IN ('O', 'A')
UNION ALL
SELECT c.relname || ': index ' || i.indexrelid::regclass || ' is invalid'
FROM pg_index i JOIN pg_class c ON c.oid = i.indrelid JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE n.nspname = current_schema() AND NOT i.indisvalid
UNION ALL
SELECT c.relname || ': constraint ' || k.conname || ' was not checked'
FROM pg_constraint k JOIN pg_class c ON c.oid = k.conrelid JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE n.nspname = current_schema() AND NOT k.convalidated
ORDER BY 1
"""


def connect(url: str, **settings: str) -> Driver:
    """A connection of its own in driver autocommit; a transaction is always begun by name."""
    known = conninfo_to_dict(conninfo(url))
    told = {**SESSION_SETTINGS, **settings}
    options = " ".join([str(known.get("options") or ""), *(f"-c {name}={value}" for name, value in told.items())])
    return psycopg.connect(
        make_conninfo(
            conninfo(url), options=options.strip(), application_name=known.get("application_name") or "prudent",
            connect_timeout=known.get("connect_timeout") or CONNECT_SECONDS,
        ),
        autocommit=True, row_factory=dict_row,
    )  # fmt: skip


def _commit(cursor: "psycopg.Cursor[DictRow]", place: str) -> None:
    status = cursor.connection.info.transaction_status
    if status is not TransactionStatus.INTRANS:
        # A COMMIT of a failed transaction answers ROLLBACK and raises nothing.
        raise StoreError(f"ledger {place} had failed inside this act; nothing was kept: run it again")
    try:
        cursor.execute("COMMIT")
    except psycopg.OperationalError as error:
        raise Temporary(
            f"ledger {place} was lost while it stored; whether it did is not known: look before doing it again"
        ) from error


def _give_back(proxied: PoolProxiedConnection, cursor: "psycopg.Cursor[DictRow]") -> None:
    """Back to the pool without a transaction, a role or an owner; what cannot be cleaned is thrown away."""
    connection = cursor.connection
    if not connection.closed and connection.info.transaction_status is not TransactionStatus.IDLE:
        with suppress(psycopg.Error):
            connection.rollback()
    if connection.closed or connection.info.transaction_status is not TransactionStatus.IDLE:
        proxied.invalidate()
    else:
        proxied.close()


_SHARED: dict[str, tuple[PostgresDatabase, int]] = {}
_SHARED_LOCK = Lock()


def open_postgres(url: str) -> PostgresDatabase:
    """The database of a product login, checked once per process: prepared, of this schema, and under the policies.

    Raises:
        StoreError: it is not prepared, has an older or newer schema, or the login could pass by row-level security.
        Temporary: the server cannot be reached.
    """
    with _SHARED_LOCK:
        known = _SHARED.get(url)
        if known is not None:
            _SHARED[url] = (known[0], known[1] + 1)
            return known[0]
    source = PostgresDatabase(url)
    try:
        with plain_failures(source.place):
            require_plain_login(source)
            require_schema(source)
    except BaseException:
        source.close()
        raise
    with _SHARED_LOCK:
        first, count = _SHARED.get(url, (source, 0))
        _SHARED[url] = (first, count + 1)
    if first is not source:
        source.close()
    return first


_LOGIN = """
SELECT me.rolname AS name, me.rolsuper AS super, me.rolbypassrls AS bypasses,
  EXISTS (SELECT FROM pg_roles o WHERE o.rolname = %(owner)s AND pg_has_role(me.oid, o.oid, 'MEMBER')) AS is_owner,
  EXISTS (SELECT FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
          WHERE n.nspname = %(schema)s AND c.relowner = me.oid) AS owns,
  EXISTS (SELECT FROM pg_roles t WHERE t.rolname = %(tenant)s AND pg_has_role(me.oid, t.oid, 'MEMBER')) AS is_tenant,
  EXISTS (SELECT FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
          WHERE n.nspname = %(schema)s AND c.relname = %(version)s) AS prepared
FROM pg_roles me WHERE me.rolname = session_user
"""


def require_plain_login(source: PostgresDatabase) -> None:
    """Refuse a login for whom row-level security does not hold, and a database that was never prepared."""
    with connect(source.url) as connection:
        row = connection.execute(
            _LOGIN, {"owner": OWNER, "schema": SCHEMA, "tenant": TENANT, "version": VERSION_TABLE}
        ).fetchone()
    assert row is not None
    for flag, what in (
        ("super", "a superuser"), ("bypasses", "a role with BYPASSRLS"), ("owns", "the owner of the ledger's tables"),
        ("is_owner", f"a member of {OWNER}"),
    ):  # fmt: skip
        if row[flag]:
            raise StoreError(
                f"database.url must name the product's own login, {row['name']!r} was {what}, for whom row-level "
                "security does not hold; use the login that `invest db prepare` made"
            )
    if not row["prepared"]:
        raise StoreError(f"{source.place} must be a ledger, was another database; run `invest db prepare ADMIN_URL`")
    if not row["is_tenant"]:
        raise StoreError(
            f"the login {row['name']!r} must be a member of {TENANT}, was not; run `invest db prepare ADMIN_URL`"
        )


def require_schema(source: PostgresDatabase) -> None:
    """Refuse a schema of another revision than this version's."""
    found = revision_of(source)
    if found != REVISION:
        raise StoreError(wrong_revision(source.place, found))


def revision_of(source: PostgresDatabase) -> str:
    """The schema's revision, empty for one that was taken down to its base."""
    with connect(source.url) as connection, connection.cursor() as cursor:
        begin(cursor, Identity(role=TENANT), writes=False)
        row = cursor.execute(f"SELECT version_num FROM {SCHEMA}.{VERSION_TABLE}").fetchone()
        cursor.execute("COMMIT")
    return "" if row is None else str(row["version_num"])


@contextmanager
def plain_failures(place: str) -> Iterator[None]:
    """Turn a driver's error into one that says what to do: `Temporary` where waiting helps, else `StoreError`."""
    try:
        yield
    except PoolTimeout as error:
        raise Temporary(f"ledger {place} had no connection free for {POOL_SECONDS} s; try again") from error
    except psycopg.Error as error:
        raise explained(place, error) from error


_PASSING = ("08", "40", "53", "55", "57")
_LOCKED = "ledger {place} is locked by another process; wait for it to finish or stop it, then try again"
_BY_STATE = {
    "42501": "ledger {place} refused an act that this login may not do ({message}); nothing was changed",
    "42P01": "ledger {place} lacks a table ({message}); run `invest db upgrade`",
    "42703": "ledger {place} lacks a column ({message}); run `invest db upgrade`",
    "23505": "ledger {place} holds such a row already; nothing was changed: choose another name",
    "53100": "the disk under ledger {place} is full; nothing half-done was kept: free space, then try again",
    "55P03": _LOCKED,
}
_ON_CONNECTING = (
    ("password authentication failed", "{place} refused the login or its password; correct database.url"),
    ("no password supplied", "{place} asks for a password; write it into database.url"),
    ("pg_hba", "{place} does not accept this login from here; correct database.url or the server's pg_hba.conf"),
    ('role "', "{place} has no such login; run `invest db prepare ADMIN_URL` or correct database.url"),
    ('database "', "{place} does not exist; correct the name in database.url or make it"),
    ("failed to resolve host", "the host of {place} is not known; correct database.url"),
)  # fmt: skip


def explained(place: str, error: psycopg.Error) -> StoreError | Temporary:
    """What happened, in words; never with a row's contents or a password."""
    state = error.sqlstate or error.diag.sqlstate or ""
    message = (error.diag.message_primary or str(error)).strip().splitlines()[0]
    if state in _BY_STATE:
        told = _BY_STATE[state].format(place=place, message=message)
        return Temporary(told) if state == "55P03" else StoreError(told)
    if not state and isinstance(error, psycopg.OperationalError):
        for needle, advice in _ON_CONNECTING:
            if needle in message:
                return StoreError(advice.format(place=place))
        return Temporary(f"ledger {place} cannot be reached ({message}); start the server or correct database.url")
    if state[:2] in _PASSING:
        return Temporary(f"ledger {place} could not do this now ({message}); nothing was changed: try again")
    return StoreError(f"ledger {place} refused a statement ({message}); nothing was changed: run `invest doctor`")
