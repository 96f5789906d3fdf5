"""The ledger's file with a disk that fails: real transactions, in which statements and commits go wrong on demand."""

import shutil
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from datetime import datetime, timedelta
from pathlib import Path

from prudent.domain.errors import StoreError
from prudent.ledger.database import AfterStatement, Identity, Transaction
from prudent.ledger.sqlite import SqliteFile, open_sqlite
from prudent.simulation.faults import Weather
from prudent.simulation.timeline import Timeline

# A crash drops the connection; what survives a power cut is SQLite's own promise and is proved elsewhere.
_PRAGMAS = ("busy_timeout=0", "synchronous=OFF")


class FaultyFile(SqliteFile):
    """A `Source` whose transactions pass by `point`, and fail as the weather has it."""

    def __init__(
        self, path: str, timeline: Timeline, weather: Weather, point: Callable[[str], None]
    ) -> None:  # fmt: skip
        super().__init__(path)
        # What it is called in messages, which are kept: the folder is another one in each run.
        self.place = Path(path).name
        for pragma in _PRAGMAS:
            self.driver.execute(f"PRAGMA {pragma}")
        self._timeline = timeline
        self._weather = weather
        self._point = point
        self._full_until: datetime | None = None
        self._what = ""
        self._silent = False

    @contextmanager
    def silence(self) -> Iterator[None]:
        """While the simulation itself writes nothing fails and no point is passed."""
        before, self._silent = self._silent, True
        try:
            yield
        finally:
            self._silent = before

    def transaction(  # type: ignore[override] # the file's own is a generator's, which is one more than is needed here
        self, identity: Identity, *, writes: bool, after_statement: AfterStatement
    ) -> AbstractContextManager[Transaction]:
        if self._silent:
            return super().transaction(identity, writes=writes, after_statement=lambda sql: None)
        if writes:
            return self._writing(identity)
        if self._weather.strikes("database_unreadable"):
            raise StoreError(f"ledger {self.place} cannot be read (disk error); check the disk")
        return super().transaction(identity, writes=False, after_statement=after_statement)

    @contextmanager
    def _writing(self, identity: Identity) -> Iterator[Transaction]:
        if self._weather.strikes("database_busy"):
            raise StoreError(f"ledger {self.place} is locked by another process; wait for it to finish")
        self._what = ""
        with super().transaction(identity, writes=True, after_statement=self.statement) as tx:
            yield tx
        if self._what:
            self._point(f"committed {self._what}")
        if self._weather.strikes("commit_in_doubt"):
            raise StoreError(f"ledger {self.place} cannot be written (disk error); check the disk")

    def statement(self, sql: str) -> None:
        """A statement of a transaction has run; its commit has not."""
        words = sql.split(None, 3)
        table = words[2] if words[0] in ("INSERT", "DELETE") else words[1]
        self._what = self._what or f"{words[0].lower()} {table}"
        self._point(f"statement {table}")
        now = self._timeline.now
        if self._weather.strikes("disk_full_for_a_while"):
            self._full_until = now + timedelta(seconds=self._weather.seconds(1.0, 60.0))
        full = self._full_until is not None and now < self._full_until and not self._weather.calm
        if full or self._weather.strikes("disk_full"):
            raise sqlite3.OperationalError("database or disk is full")
        if self._weather.strikes("disk_error"):
            raise sqlite3.OperationalError("disk I/O error")


def fresh_ledger(path: Path, template: Path) -> None:
    """Put an empty ledger of this schema at `path`, copied from a template that is made once."""
    if not template.exists():
        making = template.with_suffix(".making")
        making.unlink(missing_ok=True)
        source = open_sqlite(str(making))
        source.driver.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        source.driver.execute("PRAGMA journal_mode=DELETE")
        source.close()
        making.rename(template)
    shutil.copyfile(template, path)
