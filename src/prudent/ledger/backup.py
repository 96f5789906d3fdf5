"""Backups of a home: its databases, live and as of one moment, and the files beside them in one archive."""

import fcntl
import os
import re
import shutil
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from prudent.domain.errors import StoreError, Temporary
from prudent.ledger import dump, snapshot
from prudent.ledger.anchors import KEY_FILE, key_id, load_key
from prudent.ledger.archive import FORMAT, POSTGRESQL, SQLITE, Manifest, members_of, pack
from prudent.ledger.database import is_postgres
from prudent.ledger.hash_chain import Anchor
from prudent.ledger.sqlite import sqlite_path

DATA = "data"
LEDGER_FILE = "ledger.sqlite"
CLOCK_FILE = f"{DATA}/clock.json"
SECRETS_KEY_FILE = "secrets.key"
KEYS = (KEY_FILE, SECRETS_KEY_FILE)
FILES = ("invest.yaml", "invest.schema.json", "instruments.csv", "KILL")
FOLDERS = ("config", "json", "audit")
DUMP_FILE = "ledger.pgdump"
BACKUP_FOLDER = "backups"
BEFORE_MIGRATION = "before-migration"
BEFORE_MIGRATION_KEPT = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """What is backed up: a home, and the administrator's URL where its ledger is on PostgreSQL.

    `ledger` is a file that lies by itself, in no home.
    """

    home: Path
    ledger: Path | None = None
    database_url: str | None = None
    with_keys: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Occasion:
    """When and why a backup is made; the words stand in its manifest, `label` in its name."""

    at: datetime
    code_version: str
    reason: str
    label: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Backup:
    """A finished backup."""

    path: Path
    size: int
    manifest: Manifest


def make_backup(source: Source, folder: Path, occasion: Occasion) -> Backup:
    """Write one archive of the home into `folder` while others go on working; only a whole one gets its name.

    Raises:
        StoreError: something cannot be read or written; nothing is left in the folder.
        Temporary: another backup of the home is under way, or the server cannot be reached.
    """
    key = load_key(source.home / KEY_FILE)
    tag = key_id(key)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with _alone(source.home), _staging(folder, tag) as staging:
            manifest = _gather(source, staging, occasion)
            manifest = replace(manifest, key_id=tag, members=members_of(staging))
            path = folder / _name(tag, occasion)
            pack(staging, manifest, path, key=key)
            return Backup(path=path, size=path.stat().st_size, manifest=manifest)
    except OSError as error:
        raise StoreError(f"no backup could be made in {folder} ({error}); free space or correct the rights") from error


def _name(tag: str, occasion: Occasion) -> str:
    label = f"-{occasion.label}" if occasion.label else ""
    return f"prudent-{tag}-{occasion.at.astimezone(UTC):%Y%m%dT%H%M%S%fZ}{label}.tar.gz"


def backups_in(names: Sequence[str], tag: str, *, label: str = "") -> list[str]:
    """The names of backups of one home among others, the oldest first."""
    end = f"-{label}" if label else ""
    pattern = re.compile(rf"prudent-{tag}-\d{{8}}T\d{{12}}Z{end}\.tar\.gz")
    return sorted(name for name in names if pattern.fullmatch(name))


def time_of(name: str) -> datetime:
    """When the backup of that name was made."""
    return datetime.strptime(name.split("-")[2].removesuffix(".tar.gz"), "%Y%m%dT%H%M%S%fZ").replace(tzinfo=UTC)


def prune(folder: Path, tag: str, *, keep: int, label: str = "") -> tuple[Path, ...]:
    """Delete all but the `keep` newest backups of one home; those of others are left alone."""
    old = backups_in([path.name for path in folder.iterdir()], tag, label=label)[:-keep]
    for name in old:
        (folder / name).unlink(missing_ok=True)
    return tuple(folder / name for name in old)


def backup_before_migration(path_or_url: str | os.PathLike[str], *, home: Path | None = None) -> Path | None:
    """Back up a ledger before its schema is changed; None where there is nothing to lose or no place for it.

    `home` is needed for a server's ledger; that of a file is known by where the file lies.

    Raises:
        StoreError: the backup cannot be made; the migration must not begin then.
    """
    if is_postgres(path_or_url):
        if home is None or not dump.holds_ledger(os.fspath(path_or_url)):
            return None
        source = Source(home=home, database_url=os.fspath(path_or_url))
    else:
        path = Path(sqlite_path(path_or_url))
        if not path.is_file() or not _holds_ledger(path):
            return None
        at_home = (path.parent.parent / FILES[0]).is_file()
        source = Source(home=path.parent.parent) if at_home else Source(home=path.parent, ledger=path)
    folder = source.home / BACKUP_FOLDER
    # No clock reaches this layer; the file system tells the time at which it writes.
    at = _file_time(source.home)
    made = make_backup(
        source, folder, Occasion(at=at, code_version="", reason="before a migration", label=BEFORE_MIGRATION)
    )
    prune(folder, made.manifest.key_id, keep=BEFORE_MIGRATION_KEPT, label=BEFORE_MIGRATION)
    return made.path


def _holds_ledger(path: Path) -> bool:
    try:
        with snapshot.reading(path) as connection:
            known = {name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    except StoreError:
        return False
    return bool(known & {"audit", "kept_audit"})


def _file_time(folder: Path) -> datetime:
    with tempfile.NamedTemporaryFile(dir=folder) as mark:
        return datetime.fromtimestamp(Path(mark.name).stat().st_mtime, UTC)


def _gather(source: Source, staging: Path, occasion: Occasion) -> Manifest:
    """Copy all that belongs to a backup into the staging folder.

    Audit files and anchors are copied before the databases, so they never tell of rows that the copy lacks; the clock
    after them, so it never stands before a row.
    """
    if source.ledger is None:
        _copy_files(source, staging)
    files = databases(source.home) if source.ledger is None else [source.ledger]
    (staging / DATA).mkdir()
    if source.database_url is None:
        copies = snapshot.copy_together(files, staging / DATA)
        ledger = staging / DATA / (LEDGER_FILE if source.ledger is None else source.ledger.name)
        found = _Found(
            database=SQLITE, revision=_revision(ledger), heads=heads(ledger),
            rows={copy.name: snapshot.counts(copy) for copy in copies},
        )  # fmt: skip
    else:
        found = _dumped(source.database_url, files, staging)
    _copy(source.home / CLOCK_FILE, staging / CLOCK_FILE)
    return Manifest(
        format=FORMAT, made=occasion.at, reason=occasion.reason, code_version=occasion.code_version,
        revision=found.revision, database=found.database, key_id="", with_keys=source.with_keys, heads=found.heads,
        rows=found.rows,
    )  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class _Found:
    database: str
    revision: str
    heads: Mapping[str, Anchor]
    rows: Mapping[str, Mapping[str, int]]


def _dumped(url: str, files: Sequence[Path], staging: Path) -> _Found:
    """The server's database as of one moment, at which no file beside it was being written."""
    assert is_postgres(url), "the caller asked for a server"
    with dump.moment(url) as held:
        copies = snapshot.copy_together(files, staging / DATA, fix=held.fix)
        held.write(staging / DATA / DUMP_FILE)
        state = held.state()
    rows = {copy.name: snapshot.counts(copy) for copy in copies}
    return _Found(
        database=POSTGRESQL, revision=state.revision, heads=state.heads, rows={**rows, DUMP_FILE: state.rows}
    )


def heads(ledger: Path) -> Mapping[str, Anchor]:
    """Each owner's head of the audit chain, read from the file alone, whatever its schema's revision."""
    with snapshot.reading(ledger) as connection:
        names = {name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
        table = "audit" if "audit" in names else "kept_audit"
        if table not in names:
            return {}
        rows = connection.execute(
            f"SELECT owner_id, seq, hash FROM {table} AS a WHERE seq = "
            f"(SELECT max(seq) FROM {table} AS b WHERE b.owner_id = a.owner_id)"
        )
        return {str(owner): Anchor(seq=seq, hash=text) for owner, seq, text in rows}


def _revision(ledger: Path) -> str:
    with snapshot.reading(ledger) as connection:
        row = connection.execute("SELECT version_num FROM alembic_version").fetchone()
    return "" if row is None else str(row[0])


def databases(home: Path) -> list[Path]:
    """Every SQLite file of the home's data folder, whoever keeps it.

    It is told by its name and never opened here: closing a file ends every lock that this process has on it, those of
    its open databases too, and another process would then drop a journal that is still being written to.
    """
    return [path for path in sorted((home / DATA).glob("*.sqlite")) if path.stat().st_size]


def _copy_files(source: Source, staging: Path) -> None:
    for name in (*FILES, *(KEYS if source.with_keys else ())):
        _copy(source.home / name, staging / name)
    for folder in FOLDERS:
        for path in sorted((source.home / folder).rglob("*")):
            # What a process is writing just now.
            if path.is_file() and not path.name.startswith(".") and path.suffix != ".part":
                _copy(path, staging / path.relative_to(source.home))


def _copy(path: Path, target: Path) -> None:
    with suppress(FileNotFoundError):
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, target)


@contextmanager
def _alone(home: Path) -> Iterator[None]:
    """One backup of a home at a time."""
    path = home / (DATA if (home / DATA).is_dir() else "") / "backup.lock"
    with path.open("a") as handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise Temporary(f"another backup of {home} is under way; wait for it, then try again") from error
        yield


@contextmanager
def _staging(folder: Path, tag: str) -> Iterator[Path]:
    """A place on the disk of the backup itself, so that too little room there is found before anything is packed.

    What a killed backup of the same home left there is thrown away.
    """
    prefix = f".prudent-staging-{tag}-"
    for left in (*folder.glob(f"{prefix}*"), *folder.glob(f".prudent-{tag}-*.part")):
        with suppress(OSError):
            shutil.rmtree(left) if left.is_dir() else left.unlink()
    with tempfile.TemporaryDirectory(prefix=prefix, dir=folder, ignore_cleanup_errors=True) as name:
        yield Path(name)
