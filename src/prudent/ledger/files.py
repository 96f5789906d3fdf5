"""One JSON file per cycle for people and other programs, written whole or not at all."""

import json
import os
from contextlib import suppress
from pathlib import Path

from prudent.domain.cycles import CycleRecord
from prudent.domain.errors import StoreError
from prudent.domain.records import Json, digest, encode
from prudent.ledger.hash_chain import spelled


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
