"""Anchors of the audit chain: its heads, signed with a key that the database never sees, in a file beside it.

Each line of `anchors.log` is `number time owner seq hash mac`. A mac covers its line and the mac before, so no line can
be edited, dropped, added or moved without the key; `anchors.head` repeats the last one, signed apart, so that lines cut
off the end are missed too. What neither can show is a whole home put back to an old copy: keep a copy elsewhere.
"""

import fcntl
import hashlib
import hmac
import os
import secrets
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import IO
from urllib.parse import quote, unquote

from prudent.domain.errors import StoreError
from prudent.domain.records import utc_text
from prudent.ledger.hash_chain import Anchor

LOG_FILE = "anchors.log"
HEAD_FILE = "anchors.head"
KEY_FILE = "audit.key"
_FIELDS = 6
NO_MAC = "-"
# More than any one line is long.
_TAIL_BYTES = 4096


@dataclass(frozen=True, slots=True, kw_only=True)
class AnchorLine:
    """One kept head: which owner's chain, where it stood, when, and the signature over all that came before."""

    number: int
    at: str
    owner: str
    anchor: Anchor
    mac: str

    @property
    def text(self) -> str:
        return f"{self.number} {self.at} {quote(self.owner, safe='')} {self.anchor.seq} {self.anchor.hash} {self.mac}"


@dataclass(frozen=True, slots=True, kw_only=True)
class AnchorReport:
    """The lines of one owner whose signatures hold, and the first thing that is wrong with the file."""

    lines: tuple[AnchorLine, ...]
    fault: str | None
    key_id: str

    @property
    def hashes(self) -> Mapping[int, str]:
        return {line.anchor.seq: line.anchor.hash for line in self.lines}

    @property
    def last(self) -> AnchorLine | None:
        return self.lines[-1] if self.lines else None


def load_key(path: Path) -> bytes:
    """The key of the file, made on first use; only its owner may read it.

    Raises:
        StoreError: it cannot be read or made, or is no key.
    """
    if not path.exists():
        _make_key(path)
    try:
        key = bytes.fromhex(path.read_text(encoding="ascii").strip())
    except (OSError, ValueError) as error:
        raise StoreError(f"{path} must hold the audit key, could not be used ({error}); put its copy back") from error
    if len(key) != hashlib.sha256().digest_size:
        raise StoreError(f"{path} must hold the audit key of 64 hexadecimal digits, was another; put its copy back")
    return key


def _make_key(path: Path) -> None:
    part = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with part.open("x", encoding="ascii") as handle:
            os.fchmod(handle.fileno(), 0o400)
            handle.write(secrets.token_hex(32) + "\n")
            handle.flush()
            os.fsync(handle.fileno())
        # Of two processes that make one at the same time, the first wins and both use its key.
        with suppress(FileExistsError):
            os.link(part, path)
    except OSError as error:
        raise StoreError(f"{path} could not be made ({error}); free space or correct the rights") from error
    finally:
        with suppress(OSError):
            part.unlink(missing_ok=True)


def key_id(key: bytes) -> str:
    """A name of the key that tells nothing of it."""
    return _sign(key, "id")[:8]


def sign(key: bytes, text: str) -> str:
    """The keyed signature of some other text than an anchor, such as a backup's manifest."""
    return _sign(key, f"text|{text}")


class AnchorLog:
    """The anchor file of one home; several processes may append."""

    def __init__(self, folder: Path, key_path: Path) -> None:
        self.path = folder / LOG_FILE
        self._head_path = folder / HEAD_FILE
        self.key_path = key_path

    @property
    def key(self) -> bytes:
        return load_key(self.key_path)

    def age(self, at: datetime) -> timedelta:
        """Since anything was last kept, by the time of the machine."""
        try:
            return at - datetime.fromtimestamp(self.path.stat().st_mtime, UTC)
        except FileNotFoundError:
            return timedelta.max

    def append(self, owner: str, anchor: Anchor, at: datetime) -> AnchorLine | None:
        """Keep a head durably; one that is the owner's last line already, or empty, is not written again."""
        if anchor.seq == 0:
            return None
        if self.path.exists() and not self.key_path.exists():
            raise StoreError(self._key_lost())
        key = self.key
        try:
            with self._locked() as handle:
                last = _last_line(handle)
                self._require_head(key, last)
                if last is not None and (last.owner, last.anchor) == (owner, anchor):
                    return last
                number, before = (last.number + 1, last.mac) if last else (1, "")
                line = _signed(key, before, AnchorLine(
                    number=number, at=utc_text(at), owner=owner, anchor=anchor, mac=""
                ))  # fmt: skip
                handle.write((line.text + "\n").encode("ascii"))
                handle.flush()
                os.fsync(handle.fileno())
                self._write_head(key, line.number, line.mac)
        except OSError as error:
            raise StoreError(f"{self.path} must be writable ({error}); free space or correct the rights") from error
        return line

    def read(self, owner: str) -> AnchorReport:
        """The owner's lines up to the first one that does not hold, and what is wrong there.

        Raises:
            StoreError: file or key cannot be read.
        """
        # A disk that was full at the very first line leaves an empty file.
        if not (self.path.exists() and self.path.stat().st_size) and not self._head_path.exists():
            return AnchorReport(lines=(), fault=None, key_id="")
        if not self.key_path.exists():
            return AnchorReport(lines=(), fault=self._key_lost(), key_id="")
        key = self.key
        try:
            text = self.path.read_text(encoding="ascii") if self.path.exists() else ""
        except (OSError, UnicodeDecodeError) as error:
            raise StoreError(f"{self.path} must be a readable text, was not ({error}); compare its copy") from error
        lines, fault = _checked(key, text, self.path)
        if fault is None:
            fault = self._head_fault(key, lines)
        mine = tuple(line for line in lines if line.owner == owner)
        return AnchorReport(lines=mine, fault=fault, key_id=key_id(key))

    def continues(self, copy: Path, owner: str) -> AnchorReport:
        """A copy of the log that was kept elsewhere, checked, and whether the log still begins with all of it."""
        kept = AnchorLog(copy.parent, self.key_path)
        kept.path = copy
        key = self.key
        try:
            text = copy.read_text(encoding="ascii")
        except (OSError, UnicodeDecodeError) as error:
            raise StoreError(f"{copy} must be a copy of {LOG_FILE}, was unreadable ({error}); name another") from error
        lines, fault = _checked(key, text, copy)
        own = self.path.read_text(encoding="ascii") if self.path.exists() else ""
        if fault is None and not own.startswith(text):
            fault = f"{self.path} does not begin with the lines of {copy}: it was cut or replaced"
        return AnchorReport(lines=tuple(line for line in lines if line.owner == owner), fault=fault, key_id=key_id(key))

    def unsigned(self, owner: str) -> Mapping[int, str]:
        """The owner's anchors without a look at their signatures, for where the key is not at hand."""
        if not self.path.exists():
            return {}
        rows = (_parsed(row) for row in self.path.read_text(encoding="ascii", errors="replace").splitlines())
        return {line.anchor.seq: line.anchor.hash for line in rows if line is not None and line.owner == owner}

    def set_aside(self, at: datetime) -> Path | None:
        """Begin anew with a key of its own, keeping the old lines under another name; None when there were none."""
        self._head_path.unlink(missing_ok=True)
        self.key_path.unlink(missing_ok=True)
        if not self.path.exists():
            return None
        kept = self.path.with_name(f"{self.path.stem}-until-{at:%Y%m%dT%H%M%SZ}.log")
        self.path.replace(kept)
        return kept

    def _key_lost(self) -> str:
        return (
            f"{self.key_path} is missing, so no anchor can be checked; put its copy back, or begin anew with "
            "`invest audit anchor --renew`"
        )

    def _require_head(self, key: bytes, last: AnchorLine | None) -> None:
        """A new line must not hide that others are gone; the head is there before the first line is."""
        if last is None and not self._head_path.exists():
            self._write_head(key, 0, NO_MAC)
        _number, _mac, fault = self._head(key, last)
        if fault is not None:
            raise StoreError(f"{fault}; see `invest audit verify`")

    def _head_fault(self, key: bytes, lines: list[AnchorLine]) -> str | None:
        number, mac, fault = self._head(key, lines[-1] if lines else None)
        if fault is None and number and lines[number - 1].mac != mac:
            return f"{self.path} was replaced: line {number} is not the one that {self._head_path.name} names"
        return fault

    def _head(self, key: bytes, last: AnchorLine | None) -> tuple[int, str, str | None]:
        """The line that the head names, and what is wrong with the head or with a file that ends in `last`."""
        try:
            number, mac, seal = self._head_path.read_text(encoding="ascii").split()
        except (OSError, ValueError):
            return 0, "", f"{self._head_path} is missing or unreadable, so a cut of {self.path.name} would go unseen"
        if not hmac.compare_digest(seal, _head_seal(key, number, mac)):
            return 0, "", f"{self._head_path} was edited: its signature does not hold"
        # A process that died between the two writes leaves the head behind the last line, never ahead.
        has = last.number if last is not None else 0
        fault = f"{self.path} was cut: it must have {number} lines, has {has}" if int(number) > has else None
        return int(number), mac, fault

    def _write_head(self, key: bytes, number: int, mac: str) -> None:
        part = self._head_path.with_name(f".{HEAD_FILE}.part")
        with part.open("w", encoding="ascii") as handle:
            handle.write(f"{number} {mac} {_head_seal(key, str(number), mac)}\n")
            handle.flush()
            os.fsync(handle.fileno())
        part.replace(self._head_path)

    @contextmanager
    def _locked(self) -> Iterator[IO[bytes]]:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with self.path.open("a+b") as handle:
            fcntl.flock(handle, fcntl.LOCK_EX)
            yield handle


def _last_line(handle: IO[bytes]) -> AnchorLine | None:
    """The last whole line; what a dying process left behind it is taken away."""
    size = handle.seek(0, os.SEEK_END)
    start = max(0, size - _TAIL_BYTES)
    handle.seek(start)
    tail = handle.read()
    whole = tail[: tail.rfind(b"\n") + 1]
    if len(whole) < len(tail):
        handle.truncate(start + len(whole))
        handle.seek(0, os.SEEK_END)
    rows = whole.decode("ascii", "replace").splitlines()
    if not rows:
        return None
    found = _parsed(rows[-1])
    if found is None:
        raise StoreError("the last line of the anchor file is no anchor; run `invest audit verify`")
    return found


def _parsed(row: str) -> AnchorLine | None:
    parts = row.split(" ")
    if len(parts) != _FIELDS or not (parts[0].isdecimal() and parts[3].isdecimal()):
        return None
    return AnchorLine(
        number=int(parts[0]), at=parts[1], owner=unquote(parts[2]),
        anchor=Anchor(seq=int(parts[3]), hash=parts[4]), mac=parts[5],
    )  # fmt: skip


def _checked(key: bytes, text: str, path: Path) -> tuple[list[AnchorLine], str | None]:
    """Every line whose signature holds, up to the first that does not; an unfinished last line is no line yet."""
    before, found = "", list[AnchorLine]()
    for number, row in enumerate(text[: text.rfind("\n") + 1].splitlines(), 1):
        line = _parsed(row)
        if line is None:
            return found, f"line {number} of {path} is no anchor"
        if line.number != number:
            return found, f"line {number} of {path} has number {line.number}: lines are missing, added or moved"
        if not hmac.compare_digest(line.mac, _signed(key, before, line).mac):
            return found, f"line {number} of {path} was edited, or written without the key: its signature does not hold"
        found.append(line)
        before = line.mac
    return found, None


def _signed(key: bytes, before: str, line: AnchorLine) -> AnchorLine:
    anchor = line.anchor
    text = f"line|{before}|{line.number}|{line.at}|{line.owner}|{anchor.seq}|{anchor.hash}"
    return AnchorLine(number=line.number, at=line.at, owner=line.owner, anchor=anchor, mac=_sign(key, text))


def _head_seal(key: bytes, number: str, mac: str) -> str:
    return _sign(key, f"head|{number}|{mac}")


def _sign(key: bytes, text: str) -> str:
    return hmac.new(key, text.encode(), hashlib.sha256).hexdigest()
