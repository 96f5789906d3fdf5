"""One process's log as JSON lines in the home, turned over at a size, with all of them together under a cap."""

import fcntl
import logging
import os
from pathlib import Path

FOLDER = "logs"
MIB = 2**20
TURN_BYTES = 16 * MIB
CAP_BYTES = 1024 * MIB


def log_path(home: Path, process: str) -> Path:
    """Where a process writes now: `logs/engine.jsonl`; older parts are `logs/engine.000001.jsonl` and on."""
    return home / FOLDER / f"{process}.jsonl"


class LogFile(logging.Handler):
    """Whole lines to `path`, shared by any number of processes; the oldest parts of the folder go first.

    A line is written by one call, so lines of several processes never mix. A disk that takes no more loses the line:
    what must not be lost is in the ledger.
    """

    def __init__(self, path: Path, *, turn_bytes: int = TURN_BYTES, cap_bytes: int = CAP_BYTES) -> None:
        super().__init__()
        self._path = path
        self._turn_bytes = turn_bytes
        self._cap_bytes = cap_bytes
        self._descriptor: int | None = None

    def emit(self, record: logging.LogRecord) -> None:
        try:
            self._write((self.format(record) + "\n").encode("utf-8", "backslashreplace"))
        except OSError:
            self.handleError(record)

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 - named by the library
        """A log that cannot be written must not stop the desk, nor fill the screen."""
        self._close()

    def close(self) -> None:
        self._close()
        super().close()

    def _write(self, line: bytes) -> None:
        descriptor = self._opened()
        os.write(descriptor, line)
        if os.fstat(descriptor).st_size >= self._turn_bytes:
            self._turn(descriptor)

    def _opened(self) -> int:
        if self._descriptor is not None and not self._is_current(self._descriptor):
            self._close()
        if self._descriptor is None:
            self._path.parent.mkdir(mode=0o700, exist_ok=True)
            flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT
            self._descriptor = os.open(self._path, flags, 0o600)
        return self._descriptor

    def _is_current(self, descriptor: int) -> bool:
        """False once another process has turned the file over."""
        try:
            found = self._path.stat()
        except FileNotFoundError:
            return False
        mine = os.fstat(descriptor)
        return (found.st_dev, found.st_ino) == (mine.st_dev, mine.st_ino)

    def _turn(self, descriptor: int) -> None:
        with (self._path.parent / ".turn.lock").open("a") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if self._is_current(descriptor):
                stem = self._path.stem
                numbers = [int(each.suffixes[-2][1:]) for each in self._path.parent.glob(f"{stem}.[0-9]*.jsonl")]
                self._path.rename(self._path.with_name(f"{stem}.{max(numbers, default=0) + 1:06d}.jsonl"))
            _trim(self._path.parent, self._cap_bytes - self._turn_bytes)
        self._close()

    def _close(self) -> None:
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None


def _trim(folder: Path, cap_bytes: int) -> None:
    """Delete the oldest parts until the folder holds at most that much; what is written now stays."""
    files = [(each, each.stat()) for each in folder.glob("*.jsonl")]
    total = sum(found.st_size for _path, found in files)
    for path, found in sorted(files, key=lambda pair: (pair[1].st_mtime_ns, pair[0].name)):
        if total <= cap_bytes:
            return
        if len(path.suffixes) > 1:
            path.unlink(missing_ok=True)
            total -= found.st_size
