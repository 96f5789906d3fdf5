"""From an archive to a home again: everything is unpacked aside and proved, and only then gets its place."""

import shutil
import sqlite3
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from uuid import uuid4

from prudent.domain.errors import DeskError, InputError, StoreError
from prudent.domain.records import utc_text
from prudent.ledger import archive, dump, snapshot
from prudent.ledger.anchors import KEY_FILE, AnchorLog, load_key
from prudent.ledger.archive import POSTGRESQL, Manifest
from prudent.ledger.backup import DATA, DUMP_FILE, LEDGER_FILE, heads
from prudent.ledger.hash_chain import Anchor, ChainReport, Link, verify
from prudent.ledger.schema import REVISION
from prudent.ledger.store import open_ledger

KILL_FILE = "KILL"
_HOME_FOLDERS = ("config/accounts", "json", "data", "audit")


@dataclass(frozen=True, slots=True, kw_only=True)
class Restored:
    """What a restore, or a trial of one, found: everything named here held."""

    manifest: Manifest
    chain_rows: int
    anchored: bool
    signed: bool | None
    notes: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """How to restore: the audit key if it is not inside, the server for a PostgreSQL dump, and when."""

    at: datetime
    audit_key: Path | None = None
    database_url: str | None = None


def restore_home(path: Path, home: Path, terms: Terms) -> Restored:
    """Make a home of an archive, stopped by its kill switch until a person has compared it with the broker.

    Raises:
        InputError: the home is not new and empty, or the archive needs a database URL.
        StoreError: the archive is damaged, incomplete, or its books or audit chain do not hold; nothing was made.
    """
    _require_new(home)
    home.parent.mkdir(parents=True, exist_ok=True)
    with _aside(home.parent) as staged:
        manifest = _unpacked(path, staged)
        found = _proved(path, staged, manifest, terms)
        notes: list[str] = []
        if manifest.database == POSTGRESQL:
            told, walked = _into_server(path, staged, manifest, terms)
            found, notes = replace(found, chain_rows=walked), [told] if told else []
        notes += _finish(staged, manifest, terms)
        # An empty folder of that name is replaced, a filled one is not.
        try:
            staged.replace(home)
        except OSError as error:
            raise InputError(f"{home} must still be a new folder, was not ({error}); name another") from error
    return replace(found, notes=(*found.notes, *notes))


def try_restore(path: Path, scratch: Path, terms: Terms) -> Restored:
    """Restore into a folder (and a database) of its own, prove it, and throw it away.

    Raises:
        StoreError: as `restore_home`; the archive would not restore.
    """
    with _aside(scratch) as staged:
        manifest = _unpacked(path, staged)
        if manifest.database != POSTGRESQL:
            return _proved(path, staged, manifest, terms)
        if terms.database_url is None:
            raise InputError("a trial of a PostgreSQL backup needs a server; give --database ADMIN_URL")
        with dump.scratch(terms.database_url, f"prudent_trial_{uuid4().hex[:12]}") as url:
            dump.restore(staged / DATA / DUMP_FILE, url)
            return replace(_proved(path, staged, manifest, terms), chain_rows=_prove_server(url, staged, manifest))


def _require_new(home: Path) -> None:
    if home.exists() and (not home.is_dir() or any(home.iterdir())):
        raise InputError(f"a restore over a live home is refused, {home} is not empty; name a new folder with --home")


@contextmanager
def _aside(parent: Path) -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(prefix=".prudent-restoring-", dir=parent))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _unpacked(path: Path, staged: Path) -> Manifest:
    manifest = archive.read_manifest(path)
    if manifest.revision > REVISION:
        raise StoreError(
            f"backup {path} has schema {manifest.revision}, this program knows {REVISION}; install the newer version"
        )
    return archive.unpack(path, staged)


def _proved(path: Path, staged: Path, manifest: Manifest, terms: Terms) -> Restored:
    """Every check that needs no server; raises at the first that fails."""
    for name, rows in manifest.rows.items():
        if name == DUMP_FILE:
            continue
        file = staged / DATA / name
        faults = snapshot.all_faults(file)
        if faults:
            raise StoreError(f"backup {path} holds a damaged database: {faults[0]}; take another backup")
        _require_same(name, rows, snapshot.counts(file))
    key = _key(staged, terms)
    if key is not None:
        _prove_anchors(staged, manifest)
    rows_walked = _prove_ledger(staged, manifest) if manifest.database != POSTGRESQL else 0
    notes = []
    if key is None:
        notes.append(f"signatures were not checked: {KEY_FILE} is not in the backup; give its copy with --audit-key")
    signed = None if key is None else archive.is_signed(path, key)
    if signed is False:
        raise StoreError(f"{path} is not signed with this audit key: it was changed, or is another home's")
    return Restored(
        manifest=manifest, chain_rows=rows_walked, anchored=key is not None, signed=signed, notes=tuple(notes)
    )


def _require_same(name: str, expected: Mapping[str, int], found: Mapping[str, int]) -> None:
    for table in sorted({*expected, *found}):
        if expected.get(table) != found.get(table):
            raise StoreError(
                f"{name}: table {table} must have {expected.get(table)} rows, has {found.get(table)}; take another"
            )


def _key(staged: Path, terms: Terms) -> bytes | None:
    """The audit key, laid where the home will look for it."""
    place = staged / KEY_FILE
    if terms.audit_key is not None:
        load = terms.audit_key
        if not load.is_file():
            raise InputError(f"the audit key must be a file, {load} is none; correct --audit-key")
        load_key(load)
        shutil.copyfile(load, place)
    if not place.exists():
        return None
    place.chmod(0o400)
    return load_key(place)


def _prove_anchors(staged: Path, manifest: Manifest) -> None:
    log = AnchorLog(staged / "audit", staged / KEY_FILE)
    for owner in manifest.heads:
        fault = log.read(owner).fault
        if fault is not None:
            raise StoreError(f"the anchors of the backup do not hold: {fault}")


def _prove_ledger(staged: Path, manifest: Manifest) -> int:
    ledger = staged / DATA / LEDGER_FILE
    if dict(heads(ledger)) != dict(manifest.heads):
        raise StoreError("the ends of the audit chains differ from the manifest; take another backup")
    log = AnchorLog(staged / "audit", staged / KEY_FILE)
    walked = 0
    for owner, head in manifest.heads.items():
        with snapshot.reading(ledger) as connection:
            report = verify(_links(connection, owner), owner=owner, anchor=head, anchors=log.unsigned(owner))
        _require_whole(report, head)
        walked += report.rows
    if manifest.revision == REVISION:
        _prove_books(staged, manifest)
    return walked


def _prove_books(staged: Path, manifest: Manifest) -> None:
    """The books' balance, the chain's columns and the records that it names, by the ledger's own eyes."""
    for owner in manifest.heads:
        store = open_ledger(staged / DATA / LEDGER_FILE, owner=owner)
        try:
            faults = store.faults()
            broken = store.verify_audit().broken
        finally:
            store.close()
        if faults or broken is not None:
            what = faults[0] if faults else broken.what if broken is not None else ""
            raise StoreError(f"the ledger of the backup does not hold: {what}; take another backup")


def _links(connection: sqlite3.Connection, owner: str) -> Iterator[Link]:
    rows = connection.execute(
        "SELECT seq, owner_id, body, prev, hash FROM audit WHERE owner_id = ? ORDER BY seq", (owner,)
    )
    for seq, owner_id, body, prev, text in rows:
        yield Link(seq=seq, owner=owner_id, body=body, prev=prev, hash=text)


def _require_whole(report: ChainReport, head: Anchor) -> None:
    if report.broken is not None:
        raise StoreError(f"the audit chain of the backup does not hold: {report.broken.what}; take another backup")
    if report.head != head:
        raise StoreError(f"the audit chain must end at row {head.seq}, ends at {report.head.seq}; take another backup")


def _into_server(path: Path, staged: Path, manifest: Manifest, terms: Terms) -> tuple[str, int]:
    """The dump into the empty database, proved there; a database that fails the proof is emptied again.

    Gives what to tell of a login that was made, and the number of rows of the audit chains.
    """
    url = terms.database_url
    if url is None:
        raise InputError(f"{path} holds a ledger on PostgreSQL; give an empty database with --database ADMIN_URL")
    dump.require_empty(url)
    archive_file = staged / DATA / DUMP_FILE
    told = dump.make_roles(archive_file, url)
    dump.restore(archive_file, url)
    try:
        walked = _prove_server(url, staged, manifest)
    except DeskError:
        dump.empty(url)
        raise
    dump.end_leases(url, utc_text(terms.at))
    archive_file.unlink()
    return told, walked


def _prove_server(url: str, staged: Path, manifest: Manifest) -> int:
    """Rows, heads and chains of the restored database; gives the number of chain rows."""
    kept = AnchorLog(staged / "audit", staged / KEY_FILE)
    walked = 0
    with dump.moment(url) as held:
        state = held.state()
        _require_same(DUMP_FILE, manifest.rows[DUMP_FILE], state.rows)
        if dict(state.heads) != dict(manifest.heads) or state.revision != manifest.revision:
            raise StoreError("revision or ends of the audit chains differ from the manifest; take another backup")
        for owner, head in manifest.heads.items():
            report = verify(held.links(owner), owner=owner, anchor=head, anchors=kept.unsigned(owner))
            _require_whole(report, head)
            walked += report.rows
    return walked


def _end_leases(ledger: Path, at: datetime) -> None:
    """Who held an account when the backup was made holds that of the old home, not of this one; epochs only rise."""
    with closing(sqlite3.connect(ledger)) as connection, connection:
        connection.execute("UPDATE leases SET until = min(until, ?)", (utc_text(at),))


def _finish(staged: Path, manifest: Manifest, terms: Terms) -> list[str]:
    """What a living home has besides: its folders, anchors that go on, and a kill switch that a person lifts."""
    notes = []
    for name in _HOME_FOLDERS:
        (staged / name).mkdir(parents=True, exist_ok=True)
    if not (staged / KEY_FILE).exists():
        kept = AnchorLog(staged / "audit", staged / KEY_FILE).set_aside(terms.at)
        if kept is not None:
            notes.append(f"a new audit key begins a new anchor file; the old anchors are kept in audit/{kept.name}")
    if not manifest.with_keys:
        notes.append("secrets.key is not in the backup: put its copy into the home, or set the secrets anew")
    if manifest.database != POSTGRESQL and manifest.revision == REVISION:
        _end_leases(staged / DATA / LEDGER_FILE, terms.at)
        for owner in manifest.heads:
            store = open_ledger(staged / DATA / LEDGER_FILE, owner=owner, audit_folder=staged / "audit")
            store.restore_audit_files()
            store.close()
    if not (staged / KILL_FILE).exists():
        reason = f"restored from a backup of {manifest.made:%Y-%m-%d %H:%M} UTC: compare with the broker, then resume"
        (staged / KILL_FILE).write_text(reason + "\n", encoding="utf-8")
    return notes
