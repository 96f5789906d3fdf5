"""A backup is one whole file of a living home, of one moment, in its place or not at all."""

import os
import sqlite3
import stat
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from tests.contract.ledger_build import ACCOUNT, d, later
from tests.unit.ledger.backup_home import AT, SECRET, backed_up, build_home, ledger_of, members, rows

from prudent.domain.errors import StoreError, Temporary
from prudent.ledger import archive, backup, migrations, snapshot
from prudent.ledger.anchors import load_key
from prudent.ledger.backup import backup_before_migration, backups_in, prune
from prudent.ledger.restore import Terms, restore_home, try_restore
from prudent.ledger.schema import REVISION

TERMS = Terms(at=AT)


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return build_home(tmp_path / "home")


@pytest.fixture
def made(home: Path, tmp_path: Path) -> Path:
    return backed_up(home, tmp_path / "out").path


# What is in it


def test_every_database_comes_back_with_every_row(home: Path, made: Path, tmp_path: Path) -> None:
    restored = restore_home(made, tmp_path / "new", TERMS)
    for name in ("ledger.sqlite", "venue.sqlite"):
        assert rows(tmp_path / "new" / "data" / name) == rows(home / "data" / name)
    assert restored.chain_rows == 5
    assert sum(len(table) for table in rows(home / "data" / "ledger.sqlite").values()) > 10


def test_files_come_back_as_they_were(home: Path, made: Path, tmp_path: Path) -> None:
    restore_home(made, tmp_path / "new", TERMS)
    for name in (
        "invest.yaml", "config/accounts/weekly.yaml", "json/core.json", "data/clock.json", "audit/weekly-1-1.json",
    ):
        assert (tmp_path / "new" / name).read_bytes() == (home / name).read_bytes()


def test_keys_stay_out_unless_they_are_asked_for(home: Path, tmp_path: Path) -> None:
    key = load_key(home / "audit.key").hex().encode()
    without = backed_up(home, tmp_path / "out").path
    assert not any(SECRET.encode() in data or key in data for data in members(without).values())
    with_keys = backed_up(home, tmp_path / "out", with_keys=True, hour=13).path
    assert {"audit.key", "secrets.key"} <= set(members(with_keys))
    assert stat.S_IMODE(with_keys.stat().st_mode) == 0o600


def test_the_manifest_tells_what_is_inside(home: Path, made: Path) -> None:
    manifest = archive.read_manifest(made)
    assert (manifest.made, manifest.code_version) == (AT, "1.2.3")
    assert (manifest.revision, manifest.database) == (REVISION, "sqlite")
    assert manifest.heads["local"].seq == 5
    assert manifest.rows["venue.sqlite"] == {"fills": 1}
    assert manifest.rows["ledger.sqlite"]["audit"] == 5
    assert set(manifest.members) == set(members(made)) - {"manifest.json"}
    assert archive.is_signed(made, load_key(home / "audit.key"))
    assert not archive.is_signed(made, b"another key")


def test_a_backup_is_of_one_moment_while_others_write(home: Path, tmp_path: Path) -> None:
    """A writer puts the same number into the venue and then into the ledger; no copy may hold half of that order."""
    stop = threading.Event()
    done: list[int] = []

    def write() -> None:
        store = ledger_of(home)
        venue = sqlite3.connect(home / "data" / "venue.sqlite", isolation_level=None, timeout=30)
        while not stop.is_set():
            number = len(done) + 2
            venue.execute("INSERT INTO fills VALUES (?, 'a fill')", (number,))
            store.flow(ACCOUNT, "deposit", d("1"), at=later(hours=2), ref=f"deposit {number}")
            done.append(number)
        venue.close()
        store.close()

    writer = threading.Thread(target=write)
    writer.start()
    counts = []
    for number in range(12):
        found = backed_up(home, tmp_path / "out", hour=number).manifest
        deposits = found.rows["ledger.sqlite"]["audit"] - 5
        fills = found.rows["venue.sqlite"]["fills"] - 1
        assert fills - deposits in (0, 1)
        assert found.heads["local"].seq == deposits + 5
        counts.append(deposits)
    stop.set()
    writer.join(30)
    assert counts == sorted(counts)
    assert counts[-1] > counts[0]
    for path in (tmp_path / "out").iterdir():
        assert try_restore(path, tmp_path, TERMS).chain_rows >= 5
    assert len(done) + 5 == ledger_of(home).verify_audit().rows


def test_nobody_can_write_while_the_moment_is_fixed_and_everybody_after(home: Path, tmp_path: Path) -> None:
    files = backup.databases(home)
    assert len(files) == 2
    refusals = []

    def write() -> None:
        for path in files:
            raw = sqlite3.connect(path, timeout=0)
            with pytest.raises(sqlite3.OperationalError, match="locked"):
                raw.execute("CREATE TABLE more (number INTEGER)")
            raw.close()
            refusals.append(path)

    (tmp_path / "copies").mkdir()
    copies = snapshot.copy_together(files, tmp_path / "copies", fix=write)
    assert refusals == files
    for path, copy in zip(files, copies):
        raw = sqlite3.connect(path, timeout=0)
        raw.execute("CREATE TABLE more (number INTEGER)")
        raw.close()
        assert "more" not in snapshot.counts(copy)


def test_no_acknowledged_row_is_lost_to_writers_by_a_backup(home: Path, tmp_path: Path) -> None:
    store = ledger_of(home)
    backed_up(home, tmp_path / "out")
    assert store.flow(ACCOUNT, "deposit", d("1"), at=later(hours=2), ref="after")
    assert store.views.money(ACCOUNT).cash == d("106")


# Where it goes


def test_a_backup_that_fails_leaves_nothing_behind(home: Path, tmp_path: Path) -> None:
    (home / "data" / "venue.sqlite").write_bytes(snapshot.HEADER + b"\xff" * 8000)
    with pytest.raises(StoreError):
        backed_up(home, tmp_path / "out")
    assert list((tmp_path / "out").iterdir()) == []


def test_what_a_killed_backup_left_is_cleared_by_the_next(home: Path, tmp_path: Path) -> None:
    code = (
        "import os, sys; from pathlib import Path; from tests.unit.ledger import backup_home\n"
        "from prudent.ledger import backup, archive\n"
        "backup.members_of = lambda folder: os._exit(9)\n"
        "backup_home.backed_up(Path(sys.argv[1]), Path(sys.argv[2]))\n"
    )
    out = tmp_path / "out"
    died = subprocess.run([sys.executable, "-c", code, str(home), str(out)], check=False, timeout=60)
    assert died.returncode == 9
    assert [path.name.startswith(".prudent-staging-") for path in out.iterdir()] == [True]
    made = backed_up(home, out)
    assert list(out.iterdir()) == [made.path]


def test_two_backups_of_one_home_at_once_are_refused(home: Path, tmp_path: Path) -> None:
    with backup._alone(home), pytest.raises(Temporary, match=r"another backup of .* is under way"):
        backed_up(home, tmp_path / "out")


def test_only_the_oldest_of_the_same_home_give_way(home: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    other = backed_up(build_home(tmp_path / "other"), out, hour=1).path
    mine = [backed_up(home, out, hour=hour) for hour in range(2, 7)]
    (out / "letter.txt").write_text("to whom it may concern")
    removed = prune(out, mine[0].manifest.key_id, keep=2)
    assert set(removed) == {each.path for each in mine[:3]}
    assert set(out.iterdir()) == {other, out / "letter.txt", *(each.path for each in mine[3:])}


def test_names_sort_by_time_and_tell_it(home: Path, tmp_path: Path) -> None:
    made = [backed_up(home, tmp_path / "out", hour=hour) for hour in (9, 3, 23)]
    names = backups_in([each.path.name for each in made], made[0].manifest.key_id)
    assert [backup.time_of(name).hour for name in names] == [3, 9, 23]


# Before a migration


def test_a_backup_is_made_before_every_migration_and_restores(home: Path, tmp_path: Path) -> None:
    before = rows(home / "data" / "ledger.sqlite")
    migrations.downgrade(home / "data" / "ledger.sqlite", "0001")
    (made,) = (home / "backups").iterdir()
    assert made.name.endswith("-before-migration.tar.gz")
    restore_home(made, tmp_path / "new", TERMS)
    assert rows(tmp_path / "new" / "data" / "ledger.sqlite") == before
    migrations.upgrade(home / "data" / "ledger.sqlite")
    assert len(list((home / "backups").iterdir())) == 2


def test_a_backup_of_an_older_schema_restores_and_says_what_to_do_next(home: Path, tmp_path: Path) -> None:
    migrations.downgrade(home / "data" / "ledger.sqlite", "0001")
    path = backed_up(home, tmp_path / "out").path
    restored = restore_home(path, tmp_path / "new", TERMS)
    assert restored.chain_rows == 5
    migrations.upgrade(tmp_path / "new" / "data" / "ledger.sqlite")
    assert ledger_of(tmp_path / "new").verify_audit().holds


def test_a_migration_that_changes_nothing_needs_no_backup(home: Path) -> None:
    migrations.upgrade(home / "data" / "ledger.sqlite")
    assert not (home / "backups").exists()


def test_a_migration_does_not_begin_when_its_backup_cannot_be_made(home: Path) -> None:
    (home / "backups").write_text("a file where the folder must be")
    with pytest.raises(StoreError, match="no backup could be made"):
        migrations.downgrade(home / "data" / "ledger.sqlite", "0001")
    assert migrations.current(home / "data" / "ledger.sqlite") == REVISION


def test_five_backups_before_migrations_are_kept_beside_all_others(home: Path) -> None:
    backed_up(home, home / "backups")
    for _ in range(7):
        backup_before_migration(home / "data" / "ledger.sqlite")
    names = [path.name for path in (home / "backups").iterdir()]
    assert sum(name.endswith("-before-migration.tar.gz") for name in names) == 5
    assert len(names) == 6


@pytest.mark.parametrize("there", [False, True])
def test_there_is_nothing_to_back_up_before_a_first_schema(tmp_path: Path, there: bool) -> None:  # noqa: FBT001
    path = tmp_path / "ledger.sqlite"
    if there:
        path.touch()
    assert backup_before_migration(path) is None
    assert [each.name for each in tmp_path.iterdir()] == (["ledger.sqlite"] if there else [])


def test_the_archive_is_durable_before_it_has_its_name(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced: list[str] = []
    real = os.fsync

    def fsync(descriptor: int) -> None:
        synced.append(Path(f"/proc/self/fd/{descriptor}").resolve().name)
        real(descriptor)

    monkeypatch.setattr(os, "fsync", fsync)
    made = backed_up(home, tmp_path / "out").path
    assert synced[-2:] == [f".{made.name}.part", "out"]
