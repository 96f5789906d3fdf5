"""The file of the master key: readable by its owner only, replaced whole, and holding two keys while one gives way.

The first line is the key in force; a second line is the one before it, kept until nothing is sealed with it.
"""

import fcntl
import os
from base64 import b64decode, b64encode
from binascii import Error as NotBase64
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from prudent.access.envelope import MasterKey
from prudent.domain.errors import StoreError

KEY_FILE = "secrets.key"
_MARK = "prudent-master-key"
_ONLY_MINE = 0o400


class KeyFile:
    """One key file. Whoever seals holds it shared, whoever changes the keys holds it alone."""

    def __init__(self, path: Path, *, lock: Path | None = None) -> None:
        self.path = path
        # Never the file itself: replacing it would leave the lock with the old one.
        self._lock = lock or path.with_name(f"{path.name}.lock")

    def __repr__(self) -> str:
        return f"KeyFile({str(self.path)!r})"

    @contextmanager
    def shared(self) -> Iterator[None]:
        with self._locked(fcntl.LOCK_SH):
            yield

    @contextmanager
    def alone(self) -> Iterator[None]:
        with self._locked(fcntl.LOCK_EX):
            yield

    @contextmanager
    def _locked(self, how: int) -> Iterator[None]:
        try:
            handle = self._lock.open("a")
        except OSError as error:
            raise _unusable(self._lock, error) from error
        with handle:
            fcntl.flock(handle, how)
            yield

    def exists(self) -> bool:
        return self.path.exists()

    def read(self) -> tuple[MasterKey, ...]:
        """The key in force, then one that gives way, if any; none when there is no file yet.

        Raises:
            StoreError: others may read the file, or it holds something else.
        """
        try:
            with self.path.open(encoding="ascii") as handle:
                mode = os.fstat(handle.fileno()).st_mode & 0o777
                if mode & 0o077:
                    raise StoreError(
                        f"{self.path} must be readable by its owner only, had rights {mode:o}; "
                        f"run `chmod 400 {self.path}`, and rotate the key if others could have read it"
                    )
                lines = handle.read().splitlines()
        except FileNotFoundError:
            return ()
        except (OSError, UnicodeDecodeError) as error:
            raise _unusable(self.path, error) from error
        keys = tuple(self._parsed(line) for line in lines if line.strip())
        if not 1 <= len(keys) <= 2:
            raise StoreError(f"{self.path} must hold one or two master keys, held {len(keys)}; restore it")
        return keys

    def _parsed(self, line: str) -> MasterKey:
        mark, *rest = line.split()
        if mark == _MARK and len(rest) == 2:
            with suppress(NotBase64, ValueError):
                key = MasterKey.of(b64decode(rest[1], validate=True))
                if key.id == rest[0]:
                    return key
        raise StoreError(f"{self.path} must hold master keys, held a damaged line; restore it from where you keep it")

    def write(self, keys: Sequence[MasterKey]) -> None:
        """Replace the file's keys, durably: a reader sees the old ones or the new ones."""
        text = "".join(f"{_MARK} {key.id} {b64encode(key.key).decode('ascii')}\n" for key in keys)
        part = self.path.with_name(f".{self.path.name}.partial")
        try:
            part.unlink(missing_ok=True)
            handle = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, _ONLY_MINE)
            try:
                os.write(handle, text.encode("ascii"))
                os.fsync(handle)
            finally:
                os.close(handle)
            part.replace(self.path)
            folder = os.open(self.path.parent, os.O_RDONLY)
            try:
                os.fsync(folder)
            finally:
                os.close(folder)
        except OSError as error:
            with suppress(OSError):
                part.unlink()
            raise _unusable(self.path, error) from error


def _unusable(path: Path, error: Exception) -> StoreError:
    why = getattr(error, "strerror", None) or type(error).__name__
    return StoreError(f"{path} must be readable and its folder writable, was not ({why}); correct the rights")
