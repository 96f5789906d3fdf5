"""A backup becomes a home again after every check, or nothing at all."""

import gzip
import io
import json
import random
import shutil
import sqlite3
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.unit.ledger.backup_home import AT, backed_up, build_home, ledger_of, members

from prudent.domain.errors import InputError, StoreError
from prudent.domain.records import canonical
from prudent.ledger import archive, backup, snapshot
from prudent.ledger.restore import Terms, restore_home, try_restore
from prudent.ledger.schema import REVISION

TERMS = Terms(at=AT)


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return build_home(tmp_path / "home")


@pytest.fixture
def made(home: Path, tmp_path: Path) -> Path:
    return backed_up(home, tmp_path / "out").path


def rebuilt(path: Path, change: Callable[[dict[str, bytes]], None]) -> Path:
    """The archive with other contents."""
    parts = members(path)
    change(parts)
    with tarfile.open(path, "w:gz") as tar:
        for name, data in parts.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(data)
            tar.addfile(entry, io.BytesIO(data))
    return path


# Back again


def test_a_restored_home_stands_still_until_a_person_resumes(made: Path, tmp_path: Path) -> None:
    restore_home(made, tmp_path / "new", TERMS)
    assert "restored from a backup of 2026-11-21 12:00 UTC" in (tmp_path / "new" / "KILL").read_text()


def test_the_reason_of_a_stop_that_stood_before_is_kept(home: Path, tmp_path: Path) -> None:
    (home / "KILL").write_text("the broker called\n")
    restore_home(backed_up(home, tmp_path / "out").path, tmp_path / "new", TERMS)
    assert (tmp_path / "new" / "KILL").read_text() == "the broker called\n"


def test_with_its_key_the_anchors_go_on(home: Path, tmp_path: Path) -> None:
    path = backed_up(home, tmp_path / "out").path
    restored = restore_home(path, tmp_path / "new", Terms(at=AT, audit_key=home / "audit.key"))
    assert (restored.signed, restored.anchored) == (True, True)
    store = ledger_of(tmp_path / "new")
    store.anchor(at=AT)
    assert store.anchors is not None
    assert [line.number for line in store.anchors.read("local").lines] == [1, 2]
    assert store.verify_audit().holds


def test_without_its_key_new_anchors_begin_and_the_old_are_kept(home: Path, made: Path, tmp_path: Path) -> None:
    restored = restore_home(made, tmp_path / "new", TERMS)
    assert restored.signed is None
    assert any("signatures were not checked" in note for note in restored.notes)
    kept = list((tmp_path / "new" / "audit").glob("anchors-until-*.log"))
    assert [path.read_bytes() for path in kept] == [(home / "audit" / "anchors.log").read_bytes()]
    store = ledger_of(tmp_path / "new")
    store.anchor(at=AT)
    assert store.verify_audit().holds


def test_missing_audit_files_are_written_anew(home: Path, tmp_path: Path) -> None:
    text = (home / "audit" / "weekly-1-1.json").read_bytes()
    (home / "audit" / "weekly-1-1.json").unlink()
    restore_home(backed_up(home, tmp_path / "out").path, tmp_path / "new", TERMS)
    assert (tmp_path / "new" / "audit" / "weekly-1-1.json").read_bytes() == text


def test_a_restore_over_a_home_is_refused_and_changes_nothing(home: Path, made: Path) -> None:
    before = {path: path.read_bytes() for path in home.rglob("*") if path.is_file()}
    with pytest.raises(InputError, match="a restore over a live home is refused"):
        restore_home(made, home, TERMS)
    assert {path: path.read_bytes() for path in home.rglob("*") if path.is_file()} == before


def test_an_empty_folder_may_become_the_home(made: Path, tmp_path: Path) -> None:
    (tmp_path / "new").mkdir()
    restore_home(made, tmp_path / "new", TERMS)
    assert (tmp_path / "new" / "data" / "ledger.sqlite").exists()


def cut_half(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def cut_to_nothing(path: Path) -> None:
    path.write_bytes(b"")


def flip(path: Path) -> None:
    data = path.read_bytes()
    middle = len(data) // 2
    path.write_bytes(data[:middle] + bytes(byte ^ 0xFF for byte in data[middle : middle + 64]) + data[middle + 64 :])


def flip_inside(path: Path) -> None:
    """One byte of the ledger's file, packed anew."""
    def change(parts: dict[str, bytes]) -> None:
        data = bytearray(parts["data/ledger.sqlite"])
        data[-100] ^= 1
        parts["data/ledger.sqlite"] = bytes(data)

    rebuilt(path, change)


def drop(path: Path) -> None:
    rebuilt(path, lambda parts: parts.__delitem__("data/venue.sqlite"))


def add(path: Path) -> None:
    rebuilt(path, lambda parts: parts.__setitem__("data/extra.sqlite", b"more"))


def escape(path: Path) -> None:
    rebuilt(path, lambda parts: parts.__setitem__("../escaped.txt", b"out"))


def no_archive(path: Path) -> None:
    path.write_text("a diary\n" * 100)


def other_archive(path: Path) -> None:
    rebuilt(path, lambda parts: parts.__delitem__("manifest.json"))


def bare_gzip(path: Path) -> None:
    path.write_bytes(gzip.compress(b"\0" * 4096))


def reworded(path: Path, change: Callable[[dict[str, object]], None]) -> None:
    """The manifest changed, without the key to sign it."""
    def apply(parts: dict[str, bytes]) -> None:
        told = json.loads(parts["manifest.json"])
        change(told["manifest"])
        parts["manifest.json"] = json.dumps(told).encode()

    rebuilt(path, apply)


def other_head(path: Path) -> None:
    def change(told: dict[str, object]) -> None:
        told["heads"] = {"local": {"seq": 4, "hash": "0" * 64}}

    reworded(path, change)


def other_count(path: Path) -> None:
    def change(told: dict[str, object]) -> None:
        counts = told["rows"]
        assert isinstance(counts, dict)
        counts["venue.sqlite"] = {"fills": 2}

    reworded(path, change)


def newer(path: Path) -> None:
    reworded(path, lambda told: told.__setitem__("revision", "0099"))


def other_format(path: Path) -> None:
    reworded(path, lambda told: told.__setitem__("format", 2))


def odd_manifest(path: Path) -> None:
    reworded(path, lambda told: told.__delitem__("members"))


DAMAGE: dict[Callable[[Path], None], str] = {
    cut_half: "damaged|lacks|differs", cut_to_nothing: "damaged or none|begins", flip: "damaged|differs",
    flip_inside: "data/ledger.sqlite in backup .* differs from the manifest", drop: "lacks data/venue.sqlite",
    add: "holds 'data/extra.sqlite', which its manifest does not name", escape: "holds '../escaped.txt'",
    no_archive: "must be a whole backup", other_archive: "begins without manifest.json",
    bare_gzip: "begins without|damaged",
    other_head: "the ends of the audit chains differ", other_count: "table fills must have 2 rows, has 1",
    newer: f"has schema 0099, this program knows {REVISION}", other_format: "has format 2, must have 1",
    odd_manifest: "its manifest cannot be read|lacks|does not name",
}  # fmt: skip


@pytest.mark.parametrize("damage", DAMAGE, ids=lambda damage: damage.__name__)
def test_a_damaged_archive_leaves_nothing(made: Path, tmp_path: Path, damage: Callable[[Path], None]) -> None:
    damage(made)
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(StoreError, match=DAMAGE[damage]):
        restore_home(made, tmp_path / "new", TERMS)
    with pytest.raises(StoreError, match=DAMAGE[damage]):
        try_restore(made, tmp_path, TERMS)
    assert sorted(tmp_path.rglob("*")) == before


def test_no_flipped_bit_changes_what_is_taken(made: Path, scale: Callable[[int, int], int]) -> None:
    """Behind gzip's own header, which tells a time and a system that nobody reads.

    A few bits of a compressed stream mean nothing; with those flipped the very same contents come out.
    """
    whole = made.read_bytes()
    contents = gzip.decompress(whole)
    passed, times = 0, scale(60, 2000)
    chance = random.Random(7)
    for _ in range(times):
        data = bytearray(whole)
        data[chance.randrange(10, len(data))] ^= 1 << chance.randrange(8)
        made.write_bytes(bytes(data))
        try:
            archive.check(made)
        except StoreError:
            continue
        assert gzip.decompress(bytes(data)) == contents
        passed += 1
    assert passed < times // 5


def repacked(path: Path, change: Callable[[Path], None]) -> None:
    """The ledger inside changed by somebody who makes size, digest, counts and heads agree with it again."""
    folder = path.parent.parent / "repacked"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    manifest = archive.unpack(path, folder)
    change(folder / "data" / "ledger.sqlite")
    ledger = folder / "data" / "ledger.sqlite"

    def apply(parts: dict[str, bytes]) -> None:
        told = json.loads(parts["manifest.json"])
        parts["data/ledger.sqlite"] = ledger.read_bytes()
        member = archive.digest_of(ledger)
        told["manifest"]["members"]["data/ledger.sqlite"] = {"size": member.size, "sha256": member.sha256}
        told["manifest"]["rows"]["ledger.sqlite"] = dict(snapshot.counts(ledger))
        told["manifest"]["heads"] = {
            owner: {"seq": head.seq, "hash": head.hash} for owner, head in backup.heads(ledger).items()
        }
        parts["manifest.json"] = canonical(told)

    rebuilt(path, apply)
    shutil.rmtree(folder)
    assert manifest.heads


def without_trigger(ledger: Path, *statements: str) -> None:
    raw = sqlite3.connect(ledger)
    for trigger in ("audit_no_update", "audit_no_delete", "journal_lines_no_update"):
        raw.execute(f"DROP TRIGGER {trigger}")
    for statement in statements:
        raw.execute(statement)
    raw.commit()
    raw.close()


INSIDE = {
    "row edited": ("UPDATE audit SET body = replace(body, '100', '900') WHERE seq = 1", "row 1 was changed"),
    "rows cut": ("DELETE FROM audit WHERE seq > 3", "were cut off after the anchor"),
    "record gone": ("DELETE FROM records", "must be in the ledger, was not"),
    "books": ("UPDATE journal_lines SET amount = '101' WHERE line = 1 AND entry = 1", "journal entry 1 sums to 1"),
    "orphan": ("DELETE FROM users", "a row of accounts without its parent"),
}


@pytest.mark.parametrize("kind", INSIDE)
def test_what_is_wrong_inside_is_found_though_every_digest_agrees(made: Path, tmp_path: Path, kind: str) -> None:
    statement, what = INSIDE[kind]
    repacked(made, lambda ledger: without_trigger(ledger, statement))
    with pytest.raises(StoreError, match=what):
        restore_home(made, tmp_path / "new", TERMS)
    assert not (tmp_path / "new").exists()


def test_a_manifest_that_was_made_to_agree_is_not_signed(home: Path, made: Path, tmp_path: Path) -> None:
    repacked(made, lambda ledger: without_trigger(ledger, "UPDATE accounts SET name = 'changed'"))
    restore_home(made, tmp_path / "unsigned", TERMS)
    with pytest.raises(StoreError, match="is not signed with this audit key"):
        restore_home(made, tmp_path / "new", Terms(at=AT, audit_key=home / "audit.key"))
    assert not (tmp_path / "new").exists()


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="must exist, does not"):
        restore_home(tmp_path / "none.tar.gz", tmp_path / "new", TERMS)
