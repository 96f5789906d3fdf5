"""Which backtests are under way: each holds a lock on a file that its process cannot keep when it dies."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta
from pathlib import Path

from prudent.backtest.places import folder_of
from prudent.bootstrap import Desk
from prudent.clock import SystemClock
from prudent.ledger.backtests import BacktestRow, BacktestStatus

# Between its row in the ledger and its lock a backtest is under way without one.
GRACE = timedelta(minutes=1)
DIED = "its process died before it ended"


@contextmanager
def under_way(desk: Desk, row: BacktestRow) -> Iterator[None]:
    """Hold the lock of a backtest while it runs."""
    path = _lock_of(desk, row)
    path.parent.mkdir(parents=True, exist_ok=True)
    # Locked before it has its name: whoever finds the file finds it held.
    part = path.with_suffix(f".{os.getpid()}")
    with part.open("w", encoding="ascii") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        handle.write(str(os.getpid()))
        handle.flush()
        part.replace(path)
        try:
            yield
        finally:
            path.unlink(missing_ok=True)


def close_dead(desk: Desk) -> tuple[BacktestRow, ...]:
    """End the backtests of the owner whose process is gone, and give them as they were.

    One of a sweep is cancelled, for the sweep tries it again; any other has failed. One without a lock may run on
    another machine that shares the database; in a home of its own it died early.
    """
    found = []
    for row in desk.ledger.backtests.listed():
        if row.status is BacktestStatus.RUNNING and _is_dead(desk, row):
            status = BacktestStatus.CANCELLED if row.sweep else BacktestStatus.FAILED
            desk.ledger.backtests.end(row, status, at=SystemClock().now(), note=DIED)
            _lock_of(desk, row).unlink(missing_ok=True)
            found.append(row)
    return tuple(found)


def _is_dead(desk: Desk, row: BacktestRow) -> bool:
    path = _lock_of(desk, row)
    with suppress(FileNotFoundError), path.open("r", encoding="ascii") as handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True
    return not desk.loaded.settings.database.url and SystemClock().now() - row.created > GRACE


def _lock_of(desk: Desk, row: BacktestRow) -> Path:
    folder = folder_of(desk, row.account, row.number)
    return folder.with_name(f"{folder.name}.lock")
