"""The beat of a process as a file: touched while its loop turns, read by its supervisor without any database."""

import os
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from prudent.clock import SystemClock

PARENT_SECONDS = 1.0
TOUCH_SECONDS = 0.5


class Beat:
    """One process's beat. `age` is None until the process with that id has beaten for the first time."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._clock = SystemClock()
        self._begun = False
        self._touched = float("-inf")

    def touch(self) -> None:
        """Beat, at most twice a second; the first time this process's id is written."""
        turned = self._clock.monotonic()
        if turned - self._touched < TOUCH_SECONDS:
            return
        self._touched = turned
        # A full disk must not end the engine; the beat is then seen as missing only if it stays full.
        with suppress(OSError):
            if not self._begun:
                self._path.parent.mkdir(parents=True, exist_ok=True)
                part = self._path.with_suffix(f".{os.getpid()}")
                part.write_text(str(os.getpid()), encoding="ascii")
                part.replace(self._path)
                self._begun = True
            now = self._clock.now().timestamp()
            os.utime(self._path, (now, now))

    def end(self) -> None:
        """Take the file away: nobody beats any more."""
        if self._begun:
            self._path.unlink(missing_ok=True)

    def process(self) -> int | None:
        """The id of the process that beat last."""
        with suppress(OSError, ValueError):
            return int(self._path.read_text(encoding="ascii"))
        return None

    def age(self, process: int) -> float | None:
        """Seconds since that process's last beat; never below 0."""
        if self.process() != process:
            return None
        with suppress(OSError):
            return max(0.0, self._clock.now().timestamp() - self._path.stat().st_mtime)
        return None


def engine_beat(home: Path) -> Beat:
    """The beat of a home's engine."""
    return Beat(home / "data" / "engine.beat")


def end_with_parent(parent: int, end: Callable[[], None]) -> None:
    """Call `end` once the process that started this one is gone: what nobody supervises must not work on."""

    def watch() -> None:
        pause = threading.Event()
        while os.getppid() == parent:
            pause.wait(PARENT_SECONDS)
        end()

    threading.Thread(target=watch, name="parent-watch", daemon=True).start()
