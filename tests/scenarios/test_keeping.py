"""What an engine does to keep a home: nightly backups tried by restoring, daily looks for damage, anchors in time."""

import shutil
import sqlite3
from datetime import timedelta
from pathlib import Path

import pytest
from tests.scenarios.homes import ACCOUNT, new_home, reopened

from prudent.bootstrap import Desk, open_desk
from prudent.clock import SystemClock
from prudent.domain.accounts import TradingState
from prudent.domain.notices import Event
from prudent.ledger.restore import Terms
from prudent.workflows import backup
from prudent.workflows.backup import (
    Wishes,
    anchor_if_due,
    back_up,
    daily_checks,
    last_backup,
    nightly,
    opening_checks,
    verify_audit,
)
from prudent.workflows.cycle import at_work, run_account


@pytest.fixture(scope="module")
def traded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home after one cycle; copied, never changed."""
    home = new_home(tmp_path_factory.mktemp("traded"))
    desk = open_desk(home)
    with at_work(desk):
        run_account(desk, ACCOUNT)
    desk.ledger.close()
    return home


@pytest.fixture
def desk(traded: Path, tmp_path: Path) -> Desk:
    shutil.copytree(traded, tmp_path / "home")
    return open_desk(tmp_path / "home")


def told(desk: Desk, event: Event) -> bool:
    return desk.ledger.notices.latest(event) is not None


def damage(path: Path) -> None:
    """The pages in the middle of a database, under its open connections."""
    raw = sqlite3.connect(path)
    raw.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    raw.close()
    with path.open("r+b") as handle:
        handle.seek(8 * 4096)
        handle.write(b"\xff" * 4 * 4096)


def rewrite(desk: Desk, statement: str) -> None:
    raw = sqlite3.connect(desk.home / "data" / "ledger.sqlite")
    raw.execute("DROP TRIGGER audit_no_update")
    raw.execute(statement)
    raw.commit()
    raw.close()


def test_the_night_makes_a_backup_and_restores_it(desk: Desk) -> None:
    finding = nightly(desk)
    assert finding.ok, finding.detail
    (made,) = (desk.home / "backups").iterdir()
    assert str(made) in finding.detail
    assert "rows restored and proved" in finding.detail
    assert told(desk, Event.BACKUP_DONE)
    assert not told(desk, Event.BACKUP_FAILED)
    place, at = last_backup(desk.loaded)
    assert (place, at is not None) == (str(desk.home / "backups"), True)


def test_a_night_without_room_is_told_and_not_hidden(desk: Desk) -> None:
    (desk.home / "backups").write_text("a file where the folder must be")
    finding = nightly(desk)
    assert not finding.ok
    assert told(desk, Event.BACKUP_FAILED)
    assert not told(desk, Event.BACKUP_DONE)


def test_a_backup_that_would_not_restore_is_told_the_same_night(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """Between the archive and its trial the end of it is lost."""
    make = backup.back_up

    def spoiled(*args: object, **named: object) -> backup.Kept:
        kept = make(*args, **named)  # type: ignore[arg-type]
        path = Path(kept.place)
        path.write_bytes(path.read_bytes()[:-100])
        return kept

    monkeypatch.setattr(backup, "back_up", spoiled)
    finding = nightly(desk)
    assert not finding.ok
    assert told(desk, Event.BACKUP_FAILED)


def test_a_changed_history_fails_the_night(desk: Desk) -> None:
    rewrite(desk, "UPDATE audit SET body = replace(body, '100000', '900000') WHERE event = 'account_added'")
    finding = nightly(desk)
    assert not finding.ok
    assert "was changed" in finding.detail


def test_a_changed_audit_file_fails_the_night(desk: Desk) -> None:
    path = desk.home / "audit" / f"{ACCOUNT}-1-1.json"
    path.write_text(path.read_text().replace('"AAPL"', '"XOM"', 1))
    finding = nightly(desk)
    assert not finding.ok
    assert "differs from the record of core/1/1" in finding.detail


def test_a_sound_home_passes_every_look(desk: Desk) -> None:
    found = (*opening_checks(desk), *daily_checks(desk))
    assert all(each.ok for each in found)
    assert {"ledger.sqlite", "venue.sqlite", "ledger", "audit"} <= {each.subject for each in found}
    assert not told(desk, Event.AUDIT_BROKEN)
    assert desk.ledger.state()[0] is TradingState.ACTIVE


def test_a_changed_history_reduces_the_platform_and_is_told(desk: Desk) -> None:
    rewrite(desk, "UPDATE audit SET body = replace(body, '100000', '900000') WHERE event = 'account_added'")
    bad = [each for each in daily_checks(desk) if not each.ok]
    assert [each.subject for each in bad] == ["audit"]
    assert told(desk, Event.AUDIT_BROKEN)
    state, reason = desk.ledger.state()
    assert state is TradingState.REDUCING
    assert "was changed" in reason


def test_what_a_person_halted_stays_halted(desk: Desk) -> None:
    rewrite(desk, "UPDATE audit SET event = 'nothing' WHERE seq = 1")
    desk.ledger.halt(reason="by hand", at=desk.clock.now())
    daily_checks(desk)
    assert desk.ledger.state() == (TradingState.HALTED, "by hand")


def test_a_damaged_venue_is_found_at_the_start(desk: Desk) -> None:
    damage(desk.home / "data" / "venue.sqlite")
    bad = [each for each in opening_checks(desk) if not each.ok]
    assert [each.subject for each in bad] == ["venue.sqlite"]
    assert told(desk, Event.AUDIT_BROKEN)
    assert desk.ledger.state()[0] is TradingState.REDUCING


def test_a_ledger_that_cannot_even_be_told_to_stop_sets_the_kill_file(desk: Desk) -> None:
    desk.ledger.close()
    path = desk.home / "data" / "ledger.sqlite"
    path.write_bytes(b"SQLite format 3\0" + b"\xff" * 40_000)
    path.with_name("ledger.sqlite-wal").unlink(missing_ok=True)
    assert [each.subject for each in opening_checks(desk) if not each.ok] == ["ledger.sqlite"]
    assert "the ledger cannot be used any more" in (desk.home / "KILL").read_text()


def test_an_anchor_is_due_after_many_rows_or_some_time_and_not_before(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = desk.ledger.anchors
    assert log is not None
    assert anchor_if_due(desk) is None
    desk.ledger.halt(reason="one row", at=desk.clock.now())
    assert anchor_if_due(desk) is None
    monkeypatch.setattr(backup, "ANCHOR_ROWS", 2)
    desk.ledger.resume(reason="another", at=desk.clock.now())
    line = anchor_if_due(desk)
    assert line is not None
    assert line.anchor == desk.ledger.audit_head()
    desk.ledger.halt(reason="one row", at=desk.clock.now())
    assert anchor_if_due(desk) is None
    monkeypatch.setattr(backup, "ANCHOR_AGE", timedelta(0))
    assert anchor_if_due(desk) is not None
    assert anchor_if_due(desk) is None


def test_each_cycle_closes_with_an_anchor_of_its_own_record(desk: Desk) -> None:
    log = desk.ledger.anchors
    assert log is not None
    (line,) = log.read(desk.ledger.owner).lines
    (recorded,) = [row for row in desk.ledger.views.audit().rows if row.event == "cycle_recorded"]
    assert line.anchor.seq >= recorded.seq


def test_a_cycle_goes_on_though_its_anchor_cannot_be_written_and_verifying_tells(desk: Desk) -> None:
    (desk.home / "audit" / "anchors.head").write_text("garbled")
    with at_work(desk):
        record = run_account(desk, ACCOUNT)
    assert desk.ledger.load_record(record.id) == record
    (broken,) = verify_audit(desk).broken
    assert "anchors.head is missing or unreadable" in broken


def test_older_backups_beyond_those_to_keep_are_removed(desk: Desk) -> None:
    text = (desk.home / "invest.yaml").read_text()
    (desk.home / "invest.yaml").write_text(text + "\nbackup: {keep: 2}\n")
    loaded = reopened(desk.home).loaded
    kept = [back_up(loaded, Wishes()) for _ in range(4)]
    assert [len(each.removed) for each in kept] == [0, 0, 1, 1]
    assert {str(path) for path in (desk.home / "backups").iterdir()} == {each.place for each in kept[2:]}


def test_a_backup_of_a_home_at_work_restores_to_one_that_stands_until_a_person_resumes(tmp_path: Path) -> None:
    home = new_home(tmp_path)
    desk = open_desk(home)
    with at_work(desk):
        kept = back_up(desk.loaded, Wishes(to=str(tmp_path / "out"), with_keys=True))
        run_account(desk, ACCOUNT)
    backup.restore(kept.place, tmp_path / "new", Terms(at=SystemClock().now()))
    again = reopened(tmp_path / "new")
    assert not again.ledger.views.positions(ACCOUNT)
    with at_work(again):
        assert not run_account(again, ACCOUNT).fills
        again.set_kill_file(None)
        assert run_account(again, ACCOUNT).fills
    assert again.ledger.views.positions(ACCOUNT) == desk.ledger.views.positions(ACCOUNT)
    assert verify_audit(again).broken == ()
