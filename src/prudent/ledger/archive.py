"""The one file that a backup is: a compressed tar whose first member lists every other with size and digest."""

import gzip
import hashlib
import hmac
import io
import json
import os
import tarfile
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path, PurePosixPath

from prudent.domain.errors import StoreError
from prudent.domain.records import Json, canonical, decode, encode
from prudent.ledger.anchors import sign
from prudent.ledger.hash_chain import Anchor

FORMAT = 1
MANIFEST = "manifest.json"
SQLITE, POSTGRESQL = "sqlite", "postgresql"
# Small files beside databases; a backup is to be quick, and amounts as text shrink well at any level.
_LEVEL = 1
_CHUNK = 1 << 20
_MANIFEST_BYTES_MAX = 64 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """One file of a backup as it must be."""

    size: int
    sha256: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """What a backup holds: files by name, rows by database and table, and each owner's head of the audit chain."""

    format: int
    made: datetime
    reason: str
    code_version: str
    revision: str
    database: str
    key_id: str
    with_keys: bool
    heads: Mapping[str, Anchor]
    rows: Mapping[str, Mapping[str, int]]
    members: Mapping[str, Member] = field(default_factory=dict)


def digest_of(path: Path) -> Member:
    """Size and digest of a file."""
    seal = hashlib.sha256()
    with path.open("rb") as handle:
        while chunk := handle.read(_CHUNK):
            seal.update(chunk)
        return Member(size=handle.tell(), sha256=seal.hexdigest())


def members_of(folder: Path) -> dict[str, Member]:
    """Every file under a folder, by its path with slashes."""
    return {
        path.relative_to(folder).as_posix(): digest_of(path) for path in sorted(folder.rglob("*")) if path.is_file()
    }


def pack(folder: Path, manifest: Manifest, target: Path, *, key: bytes | None) -> None:
    """Write the manifest and the files it names into `target`: whole, durable, readable by its owner only, or not.

    Raises:
        StoreError: folder or disk refuse; nothing is left under the target's name.
    """
    part = target.with_name(f".{target.name}.part")
    try:
        part.unlink(missing_ok=True)
        descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as handle:
            with tarfile.open(fileobj=handle, mode="w:gz", compresslevel=_LEVEL) as tar:
                _add_text(tar, MANIFEST, _spelled(manifest, key), int(manifest.made.timestamp()))
                for name in manifest.members:
                    tar.add(folder / name, arcname=name, recursive=False)
            handle.flush()
            os.fsync(handle.fileno())
        # What was written is read back before it gets a name that people trust.
        check(part)
        part.replace(target)
        _sync_folder(target.parent)
    except OSError as error:
        raise StoreError(
            f"backup {target} could not be written ({error}); nothing of it was kept: free space or name another place"
        ) from error
    finally:
        with suppress(OSError):
            part.unlink(missing_ok=True)


def _add_text(tar: tarfile.TarFile, name: str, data: bytes, mtime: int) -> None:
    entry = tarfile.TarInfo(name)
    entry.size, entry.mode, entry.mtime = len(data), 0o600, mtime
    tar.addfile(entry, io.BytesIO(data))


def _spelled(manifest: Manifest, key: bytes | None) -> bytes:
    body = canonical(encode(manifest)).decode()
    mac = "" if key is None else sign(key, body)
    return (json.dumps({"mac": mac, "manifest": json.loads(body)}, indent=1, ensure_ascii=False) + "\n").encode()


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def check(path: Path) -> Manifest:
    """Read the whole archive and compare every member with the manifest.

    Raises:
        StoreError: it is no backup, damaged, cut, or holds more or less than it says.
    """
    with _opened(path, whole=True) as tar:
        manifest, _mac = _manifest(path, tar)
        for _name, chunks in _pieces(path, tar, manifest):
            for _chunk in chunks:
                pass
    return manifest


def unpack(path: Path, folder: Path) -> Manifest:
    """Put every member into an empty folder, each compared with the manifest while it is written.

    Raises:
        StoreError: as `check`; the caller throws the folder away.
    """
    try:
        with _opened(path, whole=True) as tar:
            manifest, _mac = _manifest(path, tar)
            for name, chunks in _pieces(path, tar, manifest):
                target = folder / name
                target.parent.mkdir(parents=True, exist_ok=True)
                with target.open("xb") as handle:
                    os.fchmod(handle.fileno(), 0o600)
                    for chunk in chunks:
                        handle.write(chunk)
                    handle.flush()
                    os.fsync(handle.fileno())
    except OSError as error:
        raise StoreError(f"backup {path} could not be unpacked ({error}); free space or name another folder") from error
    return manifest


def read_manifest(path: Path) -> Manifest:
    """What the archive says it holds, without reading the rest."""
    with _opened(path, whole=False) as tar:
        return _manifest(path, tar)[0]


def is_signed(path: Path, key: bytes) -> bool:
    """True when the manifest was signed with this key; False for no or another signature."""
    with _opened(path, whole=False) as tar:
        manifest, mac = _manifest(path, tar)
    return hmac.compare_digest(mac, sign(key, canonical(encode(manifest)).decode()))


@contextmanager
def _opened(path: Path, *, whole: bool) -> Iterator[tarfile.TarFile]:
    """The archive as a stream; with `whole` its own checksum is judged at the end, beyond the members."""
    try:
        packed = gzip.open(path, "rb")  # noqa: SIM115 - closed below, apart from what the reader raises
    except FileNotFoundError as error:
        raise StoreError(f"backup {path} must exist, does not; check the name") from error
    except OSError as error:
        raise StoreError(f"backup {path} must be a readable file, was not ({error}); check it") from error
    with packed:
        try:
            # As a stream: nothing seeks, so nothing is read that was not checked on the way.
            with tarfile.open(fileobj=packed, mode="r|") as tar:
                yield tar
                while whole and packed.read(_CHUNK):
                    pass
        except (EOFError, zlib.error, gzip.BadGzipFile, tarfile.TarError, UnicodeDecodeError) as error:
            raise StoreError(f"{path} must be a whole backup, was damaged or none ({error}); take another") from error


def _manifest(path: Path, tar: tarfile.TarFile) -> tuple[Manifest, str]:
    entry = tar.next()
    if entry is None or entry.name != MANIFEST or not entry.isreg() or entry.size > _MANIFEST_BYTES_MAX:
        raise StoreError(f"{path} must be a backup of this program, begins without {MANIFEST}; name another file")
    handle = tar.extractfile(entry)
    assert handle is not None, "a regular member can be read"
    try:
        told = json.loads(handle.read())
        found: Json = told["manifest"]
        if isinstance(found, dict) and found.get("format") != FORMAT:
            raise StoreError(
                f"backup {path} has format {found.get('format')}, must have {FORMAT}; install the newer version"
            )
        return decode(Manifest, found), str(told["mac"])
    except (ValueError, KeyError, TypeError) as error:
        raise StoreError(f"backup {path} is damaged: its manifest cannot be read ({error}); take another") from error


def _pieces(path: Path, tar: tarfile.TarFile, manifest: Manifest) -> Iterator[tuple[str, Iterator[bytes]]]:
    """Each member after the manifest with its bytes; both must be read to the end, for that is when they are judged."""
    missing = dict(manifest.members)
    while (entry := tar.next()) is not None:
        expected = missing.pop(entry.name, None)
        if expected is None or not entry.isreg() or not _inside(entry.name):
            raise StoreError(f"backup {path} holds {entry.name!r}, which its manifest does not name; take another one")
        yield entry.name, _bytes(path, tar, entry, expected)
    if missing:
        raise StoreError(f"backup {path} lacks {', '.join(sorted(missing)[:3])}; take another one")


def _bytes(path: Path, tar: tarfile.TarFile, entry: tarfile.TarInfo, expected: Member) -> Iterator[bytes]:
    handle = tar.extractfile(entry)
    assert handle is not None, "a regular member can be read"
    seal, size = hashlib.sha256(), 0
    while size <= expected.size and (chunk := handle.read(_CHUNK)):
        seal.update(chunk)
        size += len(chunk)
        yield chunk
    if (size, seal.hexdigest()) != (expected.size, expected.sha256):
        raise StoreError(f"{entry.name} in backup {path} differs from the manifest; take another backup")


def _inside(name: str) -> bool:
    parts = PurePosixPath(name)
    return not parts.is_absolute() and ".." not in parts.parts
