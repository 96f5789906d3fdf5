"""The anchor file: signed line by line with a key that only its owner reads, so nothing in it changes unseen."""

import re
import stat
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.contract.ledger_build import MONDAY, later

from prudent.domain.errors import StoreError
from prudent.ledger.anchors import HEAD_FILE, KEY_FILE, AnchorLog, key_id, load_key
from prudent.ledger.hash_chain import Anchor

OWNER = "local"


def head(seq: int) -> Anchor:
    return Anchor(seq=seq, hash=f"{seq:064x}")


@pytest.fixture
def log(tmp_path: Path) -> AnchorLog:
    """Five anchors of one owner."""
    made = AnchorLog(tmp_path / "audit", tmp_path / KEY_FILE)
    for seq in range(10, 60, 10):
        made.append(OWNER, head(seq), later(minutes=seq))
    return made


def test_what_was_kept_is_read_back(log: AnchorLog) -> None:
    report = log.read(OWNER)
    assert report.fault is None
    assert dict(report.hashes) == {seq: head(seq).hash for seq in range(10, 60, 10)}
    assert report.last is not None
    assert (report.last.number, report.last.at) == (5, "2022-11-28T15:50:00.000000Z")


def test_only_its_owner_may_read_the_key_and_nobody_writes_it(log: AnchorLog) -> None:
    assert stat.S_IMODE(log.key_path.stat().st_mode) == 0o400
    assert log.key_path.read_text().strip() not in log.path.read_text()


def test_each_home_has_a_key_of_its_own(tmp_path: Path) -> None:
    first, second = load_key(tmp_path / "a.key"), load_key(tmp_path / "b.key")
    assert first != second
    assert load_key(tmp_path / "a.key") == first
    assert key_id(first) != key_id(second)


def test_the_same_head_twice_is_kept_once_and_nothing_of_an_empty_chain(log: AnchorLog) -> None:
    before = log.path.read_bytes()
    again = log.append(OWNER, head(50), later(hours=9))
    assert again is not None
    assert again.number == 5
    assert log.append(OWNER, Anchor(seq=0, hash="0" * 64), MONDAY) is None
    assert log.path.read_bytes() == before


def test_owners_share_the_file_and_see_their_own(log: AnchorLog) -> None:
    log.append("ann b/c", head(3), MONDAY)
    assert dict(log.read("ann b/c").hashes) == {3: head(3).hash}
    assert len(log.read(OWNER).lines) == 5


def lines(log: AnchorLog) -> list[str]:
    return log.path.read_text().splitlines(keepends=True)


def put(log: AnchorLog, kept: list[str]) -> None:
    log.path.write_text("".join(kept))


def edit(log: AnchorLog) -> None:
    put(log, [line.replace(head(20).hash, head(21).hash) for line in lines(log)])


def edit_time(log: AnchorLog) -> None:
    put(log, [line.replace("15:20", "14:20") for line in lines(log)])


def swap_owner(log: AnchorLog) -> None:
    put(log, [line.replace(" local ", " other ") if line.startswith("3 ") else line for line in lines(log)])


def drop_middle(log: AnchorLog) -> None:
    put(log, [line for line in lines(log) if not line.startswith("3 ")])


def cut(log: AnchorLog) -> None:
    put(log, lines(log)[:3])


def cut_all(log: AnchorLog) -> None:
    log.path.unlink()


def swap(log: AnchorLog) -> None:
    one, two, three, *rest = lines(log)
    put(log, [one, three, two, *rest])


def forge(log: AnchorLog) -> None:
    put(log, [*lines(log), f"6 2022-11-28T16:00:00.000000Z local 60 {head(60).hash} {'a' * 64}\n"])


def repeat(log: AnchorLog) -> None:
    put(log, [*lines(log), lines(log)[-1]])


def garble(log: AnchorLog) -> None:
    put(log, [*lines(log)[:2], "hello\n", *lines(log)[2:]])


def other_key(log: AnchorLog) -> None:
    log.key_path.unlink()
    load_key(log.key_path)


def no_key(log: AnchorLog) -> None:
    log.key_path.unlink()


def no_head(log: AnchorLog) -> None:
    log.path.with_name(HEAD_FILE).unlink()


def forged_head(log: AnchorLog) -> None:
    """Cut, with a head made of the line that is the last now: its seal is another one."""
    cut(log)
    last = lines(log)[-1].split()
    log.path.with_name(HEAD_FILE).write_text(f"{last[0]} {last[-1]} {last[-1]}\n")


CHANGES: dict[Callable[[AnchorLog], None], str] = {
    edit: "line 2 of .* was edited",
    edit_time: "line 2 of .* was edited",
    swap_owner: "line 3 of .* was edited",
    drop_middle: "line 3 of .* has number 4",
    cut: "was cut: it must have 5 lines, has 3",
    cut_all: "was cut: it must have 5 lines, has 0",
    swap: "line 2 of .* has number 3",
    forge: "line 6 of .* written without the key",
    repeat: "line 6 of .* has number 5",
    garble: "line 3 of .* is no anchor",
    other_key: "line 1 of .* its signature does not hold",
    no_key: "is missing, so no anchor can be checked",
    no_head: "is missing or unreadable",
    forged_head: "was edited: its signature does not hold",
}


@pytest.mark.parametrize("change", CHANGES, ids=lambda change: change.__name__)
def test_each_change_of_the_file_is_found(log: AnchorLog, change: Callable[[AnchorLog], None]) -> None:
    change(log)
    fault = log.read(OWNER).fault
    assert fault is not None
    assert re.search(CHANGES[change], fault)


def test_an_older_file_with_its_older_head_shows_only_against_a_copy_from_elsewhere(
    log: AnchorLog, tmp_path: Path
) -> None:
    old = log.path.read_bytes(), log.path.with_name(HEAD_FILE).read_bytes()
    log.append(OWNER, head(60), later(hours=2))
    copy = tmp_path / "elsewhere.log"
    copy.write_bytes(log.path.read_bytes())
    log.path.write_bytes(old[0])
    log.path.with_name(HEAD_FILE).write_bytes(old[1])
    assert log.read(OWNER).fault is None
    compared = log.continues(copy, OWNER)
    assert compared.fault is not None
    assert "does not begin with the lines of" in compared.fault


def test_a_copy_from_elsewhere_that_the_file_continues_holds(log: AnchorLog, tmp_path: Path) -> None:
    copy = tmp_path / "elsewhere.log"
    copy.write_bytes(log.path.read_bytes())
    log.append(OWNER, head(60), later(hours=2))
    compared = log.continues(copy, OWNER)
    assert compared.fault is None
    assert compared.last is not None
    assert compared.last.anchor == head(50)


def test_a_process_that_died_while_it_wrote_a_line_harms_nothing(log: AnchorLog) -> None:
    with log.path.open("a") as handle:
        handle.write("6 2022-11-28T16:0")
    assert log.read(OWNER).fault is None
    log.append(OWNER, head(60), later(hours=2))
    report = log.read(OWNER)
    assert report.fault is None
    assert report.last is not None
    assert (report.last.number, report.last.anchor) == (6, head(60))


def test_a_process_that_died_before_the_head_was_renewed_harms_nothing(log: AnchorLog) -> None:
    before = log.path.with_name(HEAD_FILE).read_bytes()
    log.append(OWNER, head(60), later(hours=2))
    log.path.with_name(HEAD_FILE).write_bytes(before)
    assert log.read(OWNER).fault is None


def test_a_lost_key_is_not_replaced_silently(log: AnchorLog) -> None:
    log.key_path.unlink()
    with pytest.raises(StoreError, match=r"put its copy back, or begin anew with `invest audit anchor --renew`"):
        log.append(OWNER, head(60), later(hours=2))
    assert not log.key_path.exists()


def test_a_new_beginning_keeps_the_old_lines_under_another_name(log: AnchorLog) -> None:
    text = log.path.read_text()
    kept = log.set_aside(MONDAY)
    assert kept is not None
    assert kept.read_text() == text
    log.append(OWNER, head(60), later(hours=2))
    assert [line.anchor for line in log.read(OWNER).lines] == [head(60)]
    assert log.read(OWNER).fault is None


@pytest.mark.parametrize("text", ["", "not hexadecimal", "abcd"])
def test_a_file_that_is_no_key_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / KEY_FILE
    path.write_text(text)
    with pytest.raises(StoreError, match="must hold the audit key"):
        load_key(path)


def test_writers_take_turns(tmp_path: Path) -> None:
    def write(owner: str) -> None:
        own = AnchorLog(tmp_path / "audit", tmp_path / KEY_FILE)
        for seq in range(1, 21):
            own.append(owner, head(seq), MONDAY)

    threads = [threading.Thread(target=write, args=(f"owner {n}",)) for n in range(4)]
    for each in threads:
        each.start()
    for each in threads:
        each.join(30)
    log = AnchorLog(tmp_path / "audit", tmp_path / KEY_FILE)
    assert log.read(OWNER).fault is None
    assert all(len(log.read(f"owner {n}").lines) == 20 for n in range(4))


@pytest.mark.parametrize("change", [cut, cut_all, no_head, forged_head], ids=lambda change: change.__name__)
def test_a_new_line_does_not_hide_that_others_are_gone(log: AnchorLog, change: Callable[[AnchorLog], None]) -> None:
    change(log)
    with pytest.raises(StoreError, match="see `invest audit verify`"):
        log.append(OWNER, head(60), later(hours=2))
    assert log.read(OWNER).fault is not None


def test_a_disk_that_is_full_before_the_very_first_head_is_renewed_harms_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = AnchorLog(tmp_path / "audit", tmp_path / KEY_FILE)
    write = AnchorLog._write_head
    written: list[int] = []

    def full(self: AnchorLog, key: bytes, number: int, mac: str) -> None:
        if written:
            raise OSError(28, "No space left on device")
        written.append(number)
        write(self, key, number, mac)

    monkeypatch.setattr(AnchorLog, "_write_head", full)
    with pytest.raises(StoreError, match="No space left"):
        log.append(OWNER, head(10), MONDAY)
    monkeypatch.undo()
    assert log.read(OWNER).fault is None
    log.append(OWNER, head(20), MONDAY)
    assert log.read(OWNER).fault is None


def test_lines_of_another_history_with_the_same_key_do_not_fit_in(log: AnchorLog, tmp_path: Path) -> None:
    """A home and its restored copy share the key and number their lines alike; neither's can stand in the other."""
    other = AnchorLog(tmp_path / "copy" / "audit", log.key_path)
    other.append(OWNER, head(11), later(minutes=1))
    for seq in range(20, 60, 10):
        other.append(OWNER, head(seq), later(minutes=seq))
    put(log, [*lines(log)[:2], lines(other)[2], *lines(log)[3:]])
    fault = log.read(OWNER).fault
    assert fault is not None
    assert "line 3 of" in fault
