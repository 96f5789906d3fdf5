"""Alembic without a file of its own: the revisions travel inside the package."""

import os
from pathlib import Path

from alembic import command
from alembic.config import Config

from prudent.ledger.database import connect, plain_failures, schema_revision, sqlite_path


def upgrade(path_or_url: str | os.PathLike[str], revision: str = "head") -> None:
    """Bring a ledger to `revision`; all in one transaction, so an interrupted upgrade changes nothing."""
    _run(path_or_url, revision, upwards=True)


def downgrade(path_or_url: str | os.PathLike[str], revision: str) -> None:
    """Take a ledger back to `revision` (`base` = none); journal and audit rows are kept for the next upgrade."""
    _run(path_or_url, revision, upwards=False)


def current(path_or_url: str | os.PathLike[str]) -> str | None:
    """The ledger's revision, None when it has none yet."""
    path = sqlite_path(path_or_url)
    with plain_failures(path):
        engine = connect(path)
        try:
            return schema_revision(engine) or None
        finally:
            engine.dispose()


def _run(path_or_url: str | os.PathLike[str], revision: str, *, upwards: bool) -> None:
    path = sqlite_path(path_or_url)
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent).replace("%", "%%"))
    with plain_failures(path):
        engine = connect(path)
        try:
            with engine.connect() as connection:
                connection.exec_driver_sql("PRAGMA foreign_keys=OFF")
                connection.exec_driver_sql("BEGIN IMMEDIATE")
                config.attributes["connection"] = connection
                (command.upgrade if upwards else command.downgrade)(config, revision)
                connection.exec_driver_sql("COMMIT")
        finally:
            engine.dispose()
