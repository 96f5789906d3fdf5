"""The paper exchange's memory in a SQLite file: every act is on the disk before a client hears of it."""

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from prudent.domain.errors import StoreError
from prudent.exchange.paper.books import Row

VERSION = 1
LOCK_SECONDS_MAX = 2.0
_TABLES = """
CREATE TABLE rows (
  seq INTEGER PRIMARY KEY AUTOINCREMENT,
  kind TEXT NOT NULL,
  key TEXT NOT NULL,
  body TEXT NOT NULL,
  UNIQUE (kind, key)
);
CREATE TABLE settings (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID
"""


class FloorStore:
    """The rows of a `Floor` and the settings of its gateway; one process at a time holds the file.

    A power cut loses nothing that `write` or `set` returned from (WAL, synchronous FULL). Every method raises
    `StoreError` where the file cannot be used, and then has written nothing.
    """

    def __init__(self, path: Path | str, *, lock_seconds_max: float = LOCK_SECONDS_MAX) -> None:
        self._path = path
        with self._border():
            self._db = sqlite3.connect(path, isolation_level=None, timeout=lock_seconds_max, check_same_thread=False)
            try:
                self._prepare()
            except BaseException:
                self._db.close()
                raise

    def close(self) -> None:
        self._db.close()

    def rows(self) -> tuple[Row, ...]:
        """All that was kept and not taken away, in the order it first came."""
        with self._border():
            found = self._db.execute("SELECT kind, key, body FROM rows ORDER BY seq").fetchall()
        return tuple(Row(kind=kind, key=key, body=body) for kind, key, body in found)

    def write(self, rows: Sequence[Row]) -> None:
        """Keeps the rows of one act, all or none."""
        with self._border(), self._transaction():
            gone = [(row.kind, row.key) for row in rows if row.body is None]
            kept = [(row.kind, row.key, row.body) for row in rows if row.body is not None]
            if gone:
                self._db.executemany("DELETE FROM rows WHERE kind = ? AND key = ?", gone)
            self._db.executemany(
                "INSERT INTO rows (kind, key, body) VALUES (?, ?, ?) "
                "ON CONFLICT (kind, key) DO UPDATE SET body = excluded.body",
                kept,
            )

    def setting(self, name: str) -> str | None:
        with self._border():
            found = self._db.execute("SELECT value FROM settings WHERE name = ?", (name,)).fetchone()
        return None if found is None else str(found[0])

    def set(self, name: str, value: str) -> None:
        """Keeps something small of the gateway itself, such as where its clock stands."""
        with self._border(), self._transaction():
            self._db.execute("INSERT OR REPLACE INTO settings VALUES (?, ?)", (name, value))

    def _prepare(self) -> None:
        # A gateway that goes on with another one's file would give the same ids twice.
        for pragma in ("locking_mode = EXCLUSIVE", "journal_mode = WAL", "synchronous = FULL"):
            self._db.execute(f"PRAGMA {pragma}")
        (version,) = self._db.execute("PRAGMA user_version").fetchone()
        if version > VERSION:
            raise StoreError(
                f"{self._path} has schema version {version}, this program knows up to {VERSION}; "
                "upgrade the program or start the gateway with another file"
            )
        with self._transaction():
            if version == 0:
                for statement in _TABLES.split(";"):
                    self._db.execute(statement)
            self._db.execute(f"PRAGMA user_version = {VERSION}")

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        self._db.execute("BEGIN IMMEDIATE")
        try:
            yield
            self._db.execute("COMMIT")
        finally:
            if self._db.in_transaction:
                self._db.execute("ROLLBACK")

    @contextmanager
    def _border(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as error:
            raise StoreError(f"the gateway's file {self._path} cannot be used: {_advice(str(error))}") from error


def open_floor_store(path: Path) -> FloorStore:
    """The file at `path`, made with its folder when it is not there yet."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StoreError(f"the folder of {path} cannot be made: {error}; check its permissions") from error
    return FloorStore(path)


def _advice(text: str) -> str:
    lowered = text.lower()
    known = (
        ("locked", "another gateway holds it; stop that one or use another file"),
        ("full", "the disk is full; free some space and start again, nothing was half done"),
        ("not a database", "it is no SQLite database; restore it from a backup or use another file"),
        ("malformed", "it is damaged; restore it from a backup or use another file"),
        ("readonly", "it cannot be written; check the file's permissions"),
        ("unable to open", "it cannot be opened; check that its folder exists and may be written"),
    )
    return next((f"{text}: {advice}" for sign, advice in known if sign in lowered), text)
