"""One desk at a time per home: an operating-system lock that a dead process cannot keep."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from prudent.domain.errors import Temporary


@contextmanager
def home_lease(home: Path) -> Iterator[None]:
    """Hold the home's lock while trading or changing state.

    Raises:
        Temporary: another process holds it; the message names its process id.
    """
    path = home / "data" / "desk.lock"
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a+", encoding="ascii") as handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            handle.seek(0)
            holder = handle.read().strip() or "unknown"
            raise Temporary(
                f"the desk at {home} must be used by one process at a time, was held by process {holder}; "
                "wait for it to finish or stop it, then try again"
            ) from error
        handle.seek(0)
        handle.truncate()
        handle.write(str(os.getpid()))
        handle.flush()
        yield
