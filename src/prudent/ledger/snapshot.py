"""Copies of live SQLite files that belong together, as of one moment, by the online backup and never by `cp`."""

import sqlite3
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path

from prudent.domain.errors import StoreError
from prudent.ledger.sqlite import plain_failures

HEADER = b"SQLite format 3\x00"
LOCK_SECONDS_MAX = 30.0
FAULTS_MAX = 10


def copy_together(paths: Sequence[Path], folder: Path, *, fix: Callable[[], object] | None = None) -> tuple[Path, ...]:
    """Copy live databases into `folder` as they stood at one moment; writers are held up only while it is fixed.

    `fix` is called at that moment, to fix what else belongs to it.

    Raises:
        StoreError: a file cannot be read, is locked for long, or there is no space for its copy.
    """
    copies = []
    with ExitStack() as opened:
        readers = _same_moment(paths, opened, fix)
        for path, reader in zip(paths, readers):
            copy = folder / path.name
            with plain_failures(str(copy)), closing(sqlite3.connect(copy)) as target:
                reader.backup(target)
                # One file without a journal beside it, so that it can be hashed and packed.
                target.execute("PRAGMA journal_mode=DELETE")
            copies.append(copy)
    return tuple(copies)


def _same_moment(
    paths: Sequence[Path], opened: ExitStack, fix: Callable[[], object] | None
) -> list[sqlite3.Connection]:  # fmt: skip
    """A connection to each file whose open read transaction shows one moment of all of them."""
    readers = []
    with ExitStack() as held:
        for path in paths:
            with plain_failures(str(path)):
                # Nobody can commit anywhere until every reader has its snapshot.
                writer = held.enter_context(closing(_connect(path)))
                writer.execute("BEGIN IMMEDIATE")
        for path in paths:
            with plain_failures(str(path)):
                reader = opened.enter_context(closing(_connect(path)))
                reader.execute("BEGIN")
                reader.execute("SELECT count(*) FROM sqlite_master").fetchone()
                readers.append(reader)
        if fix is not None:
            fix()
    return readers


def _connect(path: Path) -> sqlite3.Connection:
    return sqlite3.connect(f"file:{_escaped(path)}?mode=rw", uri=True, isolation_level=None, timeout=LOCK_SECONDS_MAX)


def _escaped(path: Path) -> str:
    return str(path).replace("%", "%25").replace("?", "%3f").replace("#", "%23")


@contextmanager
def reading(path: Path) -> Iterator[sqlite3.Connection]:
    """A read-only connection to a database that nobody else has open."""
    with plain_failures(str(path)), closing(sqlite3.connect(f"file:{_escaped(path)}?mode=ro", uri=True)) as connection:
        yield connection


def counts(path: Path) -> Mapping[str, int]:
    """Rows of every table."""
    with reading(path) as connection:
        names = [
            str(name) for (name,) in connection.execute(
                "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%' ORDER BY name"
            )
        ]  # fmt: skip
        return {name: int(connection.execute(f'SELECT count(*) FROM "{name}"').fetchone()[0]) for name in names}


def quick_faults(path: Path) -> tuple[str, ...]:
    """What the quick check finds: pages and records, not whether indexes agree with their tables."""
    return _faults(path, "quick_check")


def all_faults(path: Path) -> tuple[str, ...]:
    """What the whole integrity check and the check of foreign keys find."""
    return _faults(path, "integrity_check")


def _faults(path: Path, pragma: str) -> tuple[str, ...]:
    """Works on a live file too: it only reads."""
    try:
        with reading(path) as connection:
            rows = connection.execute(f"PRAGMA {pragma}({FAULTS_MAX})").fetchall()
            found = [f"{path.name}: {text}" for (text,) in rows if text != "ok"]
            if pragma == "integrity_check":
                orphans = connection.execute("PRAGMA foreign_key_check").fetchmany(FAULTS_MAX)
                found += [f"{path.name}: a row of {row[0]} without its parent in {row[2]}" for row in orphans]
    except StoreError as error:
        return (str(error),)
    return tuple(found)
