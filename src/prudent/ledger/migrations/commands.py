"""Alembic without a file of its own: the revisions travel inside the package."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, NullPool, create_engine, text

from prudent.ledger.backup import backup_before_migration
from prudent.ledger.database import is_postgres
from prudent.ledger.schema import REVISION
from prudent.ledger.sqlite import connect, plain_failures, schema_revision, sqlite_path


def upgrade(path_or_url: str | os.PathLike[str], revision: str = "head", *, home: Path | None = None) -> None:
    """Bring a ledger to `revision`; all in one transaction, so an interrupted upgrade changes nothing.

    On PostgreSQL the URL is an administrator's; security, grants and triggers are declared anew. A backup is made
    first: beside a SQLite file always, of a server's database where the home is given that is to hold it.
    """
    _run(path_or_url, revision, upwards=True, home=home)


def downgrade(path_or_url: str | os.PathLike[str], revision: str, *, home: Path | None = None) -> None:
    """Take a ledger back to `revision` (`base` = none); what the older schema cannot hold is kept for the way up."""
    _run(path_or_url, revision, upwards=False, home=home)


def known_revisions() -> tuple[str, ...]:
    """Every revision, the oldest first."""
    found = ScriptDirectory.from_config(_config()).walk_revisions()
    return tuple(reversed([script.revision for script in found]))


def current(path_or_url: str | os.PathLike[str]) -> str | None:
    """The ledger's revision, None when it has none yet; on PostgreSQL asked by an administrator."""
    if is_postgres(path_or_url):
        with _as_owner(os.fspath(path_or_url)) as connection:
            if connection.execute(text("SELECT to_regclass('alembic_version')")).scalar() is None:
                return None
            found = connection.execute(text("SELECT version_num FROM alembic_version")).scalar()
            return None if found is None else str(found)
    path = sqlite_path(path_or_url)
    with plain_failures(path):
        engine = connect(path)
        try:
            return schema_revision(engine) or None
        finally:
            engine.dispose()


def _run(path_or_url: str | os.PathLike[str], revision: str, *, upwards: bool, home: Path | None) -> None:
    if current(path_or_url) != (REVISION if revision == "head" else revision):
        backup_before_migration(path_or_url, home=home)
    config = _config()
    move = command.upgrade if upwards else command.downgrade
    if is_postgres(path_or_url):
        from prudent.ledger.tenancy import enforce, open_to_owner

        with _as_owner(os.fspath(path_or_url)) as connection:
            open_to_owner(connection)
            config.attributes["connection"] = connection
            move(config, revision)
            enforce(connection)
        return
    path = sqlite_path(path_or_url)
    with plain_failures(path):
        engine = connect(path)
        try:
            with engine.connect() as connection:
                connection.exec_driver_sql("PRAGMA foreign_keys=OFF")
                connection.exec_driver_sql("BEGIN IMMEDIATE")
                config.attributes["connection"] = connection
                move(config, revision)
                connection.exec_driver_sql("COMMIT")
        finally:
            engine.dispose()


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent).replace("%", "%%"))
    return config


@contextmanager
def _as_owner(admin_url: str) -> Iterator[Connection]:
    """One transaction as the owner of the tables; a second migration waits for the first."""
    from prudent.ledger.postgres import connect as connect_server
    from prudent.ledger.postgres import plain_failures as plain_server_failures
    from prudent.ledger.postgres import plain_url
    from prudent.ledger.tenancy import OWNER

    def driver() -> object:
        opened = connect_server(admin_url, statement_timeout="0")
        # SQLAlchemy reads rows by position and begins by itself.
        opened.row_factory = tuple_row  # type: ignore[assignment]
        opened.autocommit = False
        return opened

    from psycopg.rows import tuple_row
    from sqlalchemy.exc import DBAPIError

    place = plain_url(admin_url)
    with plain_server_failures(place):
        engine = create_engine("postgresql+psycopg://", creator=driver, poolclass=NullPool)
        try:
            with engine.begin() as connection:
                connection.exec_driver_sql("SELECT pg_advisory_xact_lock(hashtextextended('prudent migration', 0))")
                connection.exec_driver_sql(f"SET LOCAL ROLE {OWNER}")
                yield connection
        except DBAPIError as error:
            # Its cause is the driver's own error, which is put into words outside.
            raise (error.orig or error) from None
        finally:
            engine.dispose()
