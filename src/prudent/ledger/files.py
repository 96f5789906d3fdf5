"""One JSON file per cycle for people and other programs, and the anchors of the audit chain; written whole or not."""

import json
import os
from contextlib import suppress
from pathlib import Path

from prudent.domain.cycles import CycleRecord
from prudent.domain.errors import StoreError
from prudent.domain.records import Json, digest, encode
from prudent.ledger.hash_chain import Anchor, spelled


def audit_path(folder: Path, cycle_id: str) -> Path:
    """`ACCOUNT-RUN-CYCLE.json` in the folder."""
    return folder / f"{cycle_id.replace('/', '-')}.json"


def write_audit_file(folder: Path, record: CycleRecord, encoded: Json | None = None) -> Path:
    """The record as JSON, one line per stage; its canonical digest is the one the ledger stored."""
    path = audit_path(folder, record.id)
    stages = encode(record) if encoded is None else encoded
    assert isinstance(stages, dict), "a record is a JSON object"
    lines = (f"{json.dumps(name)}: {spelled(stage)}" for name, stage in stages.items())
    write_whole(path, ("{\n" + ",\n".join(lines) + "\n}\n").encode())
    return path


def audit_file_digest(path: Path) -> str:
    """The canonical digest of an audit file, to be compared with the ledger's.

    Raises:
        StoreError: the file cannot be read or is no JSON.
    """
    return digest(_read_json(path))


def _read_json(path: Path) -> Json:
    try:
        data: Json = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise StoreError(
            f"{path} must be a readable JSON file, was not ({error}); restore it from the ledger"
        ) from error
    return data


def write_whole(path: Path, data: bytes) -> None:
    """Write through a temporary file in the same folder, so that a reader sees the old file or the new one.

    Raises:
        StoreError: folder or disk refuse; the old file, if any, is untouched.
    """
    temporary = path.with_name(f".{path.name}.partial")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with temporary.open("wb") as handle:
            handle.write(data)
            handle.flush()
            os.fsync(handle.fileno())
        temporary.replace(path)
        folder = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
    except OSError as error:
        with suppress(OSError):
            temporary.unlink()
        raise StoreError(f"{path} must be writable, was not ({error}); free space or correct the rights") from error


def append_anchor(path: Path, anchor: Anchor) -> None:
    """Keep a head of the audit chain in a file beside the database, one line each."""
    line = f"{anchor.seq} {anchor.hash}\n"
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("a", encoding="ascii") as handle:
            handle.write(line)
            handle.flush()
            os.fsync(handle.fileno())
    except OSError as error:
        raise StoreError(f"{path} must be writable, was not ({error}); free space or correct the rights") from error


def last_anchor(path: Path) -> Anchor | None:
    """The latest complete anchor of the file; None when there is no file or no line."""
    if not path.exists():
        return None
    for line in reversed(path.read_text(encoding="ascii").splitlines()):
        parts = line.split()
        if len(parts) == 2 and parts[0].isdigit() and len(parts[1]) == 64:
            return Anchor(seq=int(parts[0]), hash=parts[1])
    return None
