"""Keeping what the desk remembers: backups that are tried by restoring them, anchors, and looks for damage."""

import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from prudent import __version__
from prudent.bootstrap import Desk
from prudent.clock import SystemClock
from prudent.domain.accounts import TradingState
from prudent.domain.errors import DeskError, InputError
from prudent.domain.notices import Event
from prudent.ledger import snapshot
from prudent.ledger.anchors import KEY_FILE, AnchorLine, key_id, load_key
from prudent.ledger.backup import (
    BACKUP_FOLDER,
    DATA,
    Backup,
    Occasion,
    Source,
    backups_in,
    databases,
    make_backup,
    prune,
    time_of,
)
from prudent.ledger.buckets import Bucket, is_bucket
from prudent.ledger.database import is_postgres
from prudent.ledger.files import audit_file_digest, audit_path
from prudent.ledger.hash_chain import Anchor, ChainReport
from prudent.ledger.restore import Restored, Terms, restore_home, try_restore
from prudent.ledger.schema import PLATFORM
from prudent.settings import Loaded
from prudent.workflows.notices import happened, tell

# An anchor is worth its two disk flushes only when there is something new to keep.
ANCHOR_ROWS = 500
ANCHOR_AGE = timedelta(minutes=15)
BACKUP_AGE_MAX = timedelta(hours=26)
_EVERYTHING = 1_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Wishes:
    """What a backup is asked to be; nothing given = as the settings say."""

    to: str | None = None
    database_url: str | None = None
    with_keys: bool = False
    reason: str = "asked for"


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """A backup in its place, and which older ones gave way to it."""

    place: str
    backup: Backup
    removed: tuple[str, ...]
    warnings: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One look at one thing: whether it is well, and what was seen."""

    subject: str
    ok: bool
    detail: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Verified:
    """The audit chain, its anchors and the audit files; `broken` names every fault, the first broken row first."""

    chain: ChainReport
    broken: tuple[str, ...]
    warnings: tuple[str, ...]


def back_up(loaded: Loaded, wishes: Wishes) -> Kept:
    """Make a backup of the home, put it where it belongs, and let the oldest beyond `backup.keep` go.

    Raises:
        StoreError: it could not be made or the place refused it; older backups are as they were.
        Temporary: another backup is under way, or the place cannot be reached.
    """
    settings = loaded.settings.backup
    to = wishes.to or settings.to
    source = Source(
        home=loaded.home, database_url=_server(loaded, wishes.database_url), with_keys=wishes.with_keys
    )
    occasion = Occasion(at=SystemClock().now(), code_version=__version__, reason=wishes.reason)
    warnings = _warnings(loaded, to)
    if to is not None and is_bucket(to):
        bucket = Bucket(to, endpoint=settings.endpoint)
        with _scratch(loaded.home) as folder:
            made = make_backup(source, folder, occasion)
            place = bucket.upload(made.path)
        old = backups_in(bucket.names(), made.manifest.key_id)[: -settings.keep]
        for name in old:
            bucket.delete(name)
        return Kept(place=place, backup=made, removed=tuple(map(bucket.place.url, old)), warnings=warnings)
    folder = _folder(loaded, to)
    made = make_backup(source, folder, occasion)
    removed = prune(folder, made.manifest.key_id, keep=settings.keep)
    return Kept(place=str(made.path), backup=made, removed=tuple(map(str, removed)), warnings=warnings)


def _server(loaded: Loaded, given: str | None) -> str | None:
    """The URL under which a server's ledger is dumped; None where the ledger is a file of the home."""
    own = loaded.settings.database.url
    if own is None or not is_postgres(own):
        return None
    return given or loaded.settings.backup.database_url or own


def _warnings(loaded: Loaded, to: str | None) -> tuple[str, ...]:
    found = []
    if to is None:
        found.append("the backup lies on the same disk as the home; set backup.to to a place elsewhere")
    if loaded.settings.data.venue is not None:
        found.append(f"the venue's file {loaded.settings.data.venue} lies outside the home and is not in the backup")
    return tuple(found)


def last_backup(loaded: Loaded) -> tuple[str, datetime | None]:
    """Where the home's backups go, and when the newest there was made."""
    to = loaded.settings.backup.to
    tag = key_id(load_key(loaded.home / KEY_FILE))
    if to is not None and is_bucket(to):
        names = backups_in(Bucket(to, endpoint=loaded.settings.backup.endpoint).names(), tag)
        return to, time_of(names[-1]) if names else None
    folder = _folder(loaded, to)
    names = backups_in([path.name for path in folder.glob("*")], tag)
    return str(folder), time_of(names[-1]) if names else None


def _folder(loaded: Loaded, to: str | None) -> Path:
    return loaded.home / BACKUP_FOLDER if to is None else Path(to).expanduser()


@contextmanager
def _scratch(home: Path) -> Iterator[Path]:
    parent = home / BACKUP_FOLDER
    parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".scratch-", dir=parent, ignore_cleanup_errors=True) as name:
        yield Path(name)


@contextmanager
def _local(place: str, endpoint: str | None, near: Path) -> Iterator[Path]:
    """The archive as a file of this machine, fetched where it lies in a bucket."""
    if not is_bucket(place):
        yield Path(place).expanduser()
        return
    near.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".prudent-fetched-", dir=near, ignore_cleanup_errors=True) as name:
        target = Path(name) / Path(place).name
        Bucket(place, endpoint=endpoint).download(target)
        yield target


def check_backup(place: str, terms: Terms, *, endpoint: str | None = None, near: Path | None = None) -> Restored:
    """Restore the backup into a folder of its own inside `near`, prove it and throw that away.

    Raises:
        StoreError: it would not restore.
    """
    with tempfile.TemporaryDirectory(prefix=".prudent-trial-", dir=near, ignore_cleanup_errors=True) as name:
        scratch = Path(name)
        with _local(place, endpoint, scratch) as path:
            return try_restore(path, scratch, terms)


def restore(place: str, home: Path, terms: Terms, *, endpoint: str | None = None) -> Restored:
    """Make a new home of a backup; see `restore_home` for what is refused."""
    if home.exists() and (not home.is_dir() or any(home.iterdir())):
        raise InputError(f"a restore over a live home is refused, {home} is not empty; name a new folder with --home")
    with _local(place, endpoint, home.parent) as path:
        return restore_home(path, home, terms)


def nightly(desk: Desk) -> Finding:
    """Back up, restore it on trial and verify the audit; a notice tells how it went. Never raises for what it finds."""
    loaded = desk.loaded
    server = _server(loaded, None)
    try:
        kept = back_up(loaded, Wishes(reason="nightly"))
        # The key is the home's own, so signatures and anchors are proved as well.
        terms = Terms(at=SystemClock().now(), audit_key=_key_of(desk), database_url=server)
        tried = check_backup(kept.place, terms, endpoint=loaded.settings.backup.endpoint, near=desk.home / DATA)
        verified = verify_audit(desk)
    except DeskError as error:
        finding = Finding(subject="nightly backup", ok=False, detail=str(error))
    else:
        size = f"{kept.backup.size / 2**20:.1f} MiB"
        detail = f"{kept.place}, {size}, {tried.chain_rows} audit rows restored and proved"
        if verified.broken:
            detail = f"{kept.place} was made, but the audit does not hold: {verified.broken[0]}"
        finding = Finding(subject="nightly backup", ok=not verified.broken, detail=detail)
    event = Event.BACKUP_DONE if finding.ok else Event.BACKUP_FAILED
    title = "the nightly backup was made and restored on trial" if finding.ok else "the nightly backup failed"
    tell(desk, happened(desk, event, title, finding.detail, subject="nightly"))
    return finding


def _key_of(desk: Desk) -> Path | None:
    log = desk.ledger.anchors
    return log.key_path if log is not None and log.key_path.exists() else None


def opening_checks(desk: Desk) -> tuple[Finding, ...]:
    """The quick look at every database file of the home, for the start of an engine; tells and reduces on damage."""
    found = tuple(_file_finding(path, snapshot.quick_faults(path)) for path in databases(desk.home))
    _alarm(desk, found)
    return found


def daily_checks(desk: Desk) -> tuple[Finding, ...]:
    """The whole integrity check of every database, the books' balance and the audit; tells and reduces on damage."""
    found = [_file_finding(path, snapshot.all_faults(path)) for path in databases(desk.home)]
    found += [_guarded("ledger", desk.ledger.faults), _guarded("audit", lambda: verify_audit(desk).broken)]
    _alarm(desk, tuple(found))
    return tuple(found)


def _file_finding(path: Path, faults: tuple[str, ...]) -> Finding:
    return Finding(subject=path.name, ok=not faults, detail="; ".join(faults) or "sound")


def _guarded(subject: str, look: Callable[[], tuple[str, ...]]) -> Finding:
    try:
        faults = look()
    except DeskError as error:
        faults = (str(error),)
    return Finding(subject=subject, ok=not faults, detail="; ".join(faults) or "holds")


def _alarm(desk: Desk, findings: tuple[Finding, ...]) -> None:
    """What cannot be trusted any more opens nothing new; exits still pass, and a person decides what comes next."""
    bad = [each for each in findings if not each.ok]
    if not bad:
        return
    lines = [f"{each.subject}: {each.detail}" for each in bad]
    tell(desk, happened(desk, Event.AUDIT_BROKEN, "the records of the desk do not hold", *lines, subject="records"))
    try:
        if desk.ledger.state(PLATFORM)[0] is TradingState.ACTIVE:
            reason = f"the records do not hold: {lines[0]}; see `invest audit verify` and `invest doctor`"
            desk.ledger.set_state(PLATFORM, TradingState.REDUCING, reason=reason, at=desk.clock.now())
    except DeskError:
        desk.set_kill_file(f"the ledger cannot be used any more: {lines[0]}")


def anchor_if_due(desk: Desk) -> AnchorLine | None:
    """Keep the head of the audit chain after many rows or some time; cycles keep their own when they close."""
    log = desk.ledger.anchors
    if log is None:
        return None
    head, last = desk.ledger.audit_head(), log.read(desk.ledger.owner).last
    at = SystemClock().now()
    rows = head.seq - (last.anchor.seq if last is not None else 0)
    aged = last is None or log.age(at) >= ANCHOR_AGE
    return desk.ledger.anchor(at=desk.clock.now()) if rows >= ANCHOR_ROWS or (rows > 0 and aged) else None


def verify_audit(desk: Desk, *, copy: Path | None = None) -> Verified:
    """Walk the chain, the anchors, the records and the audit files of the desk's owner.

    `copy` is an anchor file that was kept elsewhere: it shows what a home put back to an old state cannot.
    """
    broken: list[str] = []
    external: Anchor | None = None
    if copy is not None:
        if desk.ledger.anchors is None:
            raise InputError("this ledger keeps no anchors, so there is nothing to compare the copy with")
        kept = desk.ledger.anchors.continues(copy, desk.ledger.owner)
        broken += [kept.fault] if kept.fault else []
        external = kept.last.anchor if kept.last is not None else None
    chain = desk.ledger.verify_audit(anchor=external)
    if chain.broken is not None:
        broken.insert(0, chain.broken.what)
    warnings = list(chain.warnings)
    digests = {row.id: row.record_digest for row in desk.ledger.views.decisions(limit=_EVERYTHING).rows}
    for cycle in desk.ledger.views.recorded_cycles():
        path = audit_path(desk.home / "audit", cycle)
        if not path.exists():
            warnings.append(f"the audit file of {cycle} is missing; the record in the ledger still holds")
        elif audit_file_digest(path) != digests[cycle]:
            broken.append(f"{path} differs from the record of {cycle}")
    return Verified(chain=chain, broken=tuple(broken), warnings=tuple(warnings))


def copy_anchors(desk: Desk, target: Path) -> Path:
    """A copy of the anchor file at a place elsewhere, for `verify_audit` to compare with one day."""
    log = desk.ledger.anchors
    if log is None or not log.path.exists():
        raise InputError("there are no anchors yet; run a cycle, or `invest audit anchor`")
    place = target / log.path.name if target.is_dir() else target
    shutil.copyfile(log.path, place)
    return place

