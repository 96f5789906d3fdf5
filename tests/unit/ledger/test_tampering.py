"""Twelve ways to tamper with the audit of a home, by somebody who owns every file but not the key; each is found."""

import json
import re
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from tests.contract.ledger_build import ACCOUNT, MONDAY, d, later, mandate, record

from prudent.ledger import LedgerStore, open_ledger
from prudent.ledger.hash_chain import GENESIS, Anchor, ChainReport, append, link_hash


@dataclass(frozen=True, slots=True, kw_only=True)
class Home:
    """A ledger with its anchor file. Rows 1 to 6 are anchored at 4 and at 6, row 7 is not yet."""

    folder: Path

    @property
    def ledger(self) -> Path:
        return self.folder / "data" / "ledger.sqlite"

    def open(self) -> LedgerStore:
        return open_ledger(self.ledger, audit_folder=self.folder / "audit")

    def verify(self) -> ChainReport:
        store = self.open()
        try:
            return store.verify_audit()
        finally:
            store.close()


@pytest.fixture
def home(tmp_path: Path) -> Home:
    (tmp_path / "home" / "data").mkdir(parents=True)
    made = Home(folder=tmp_path / "home")
    store = made.open()
    store.add_account(mandate(), cash=d("100"), at=MONDAY)
    run = store.open_run(mandate(), mode="paper", rules=(), code_version="1", at=MONDAY)
    store.record(record(1, store.next_cycle(run, at=MONDAY)), why={})
    assert store.audit_head().seq == 4
    store.flow(ACCOUNT, "deposit", d("5"), at=later(hours=1), ref="five")
    store.flow(ACCOUNT, "deposit", d("6"), at=later(hours=2), ref="six")
    store.anchor(at=later(hours=2))
    store.flow(ACCOUNT, "deposit", d("7"), at=later(hours=3), ref="seven")
    store.close()
    return made


@contextmanager
def unguarded(home: Home) -> Iterator[sqlite3.Connection]:
    """The database with the audit table's triggers off, and on again after: the trigger alone hides nothing."""
    raw = sqlite3.connect(home.ledger)
    triggers = raw.execute(
        "SELECT name, sql FROM sqlite_master WHERE type = 'trigger' AND tbl_name = 'audit'"
    ).fetchall()
    assert len(triggers) == 2
    for name, _sql in triggers:
        raw.execute(f"DROP TRIGGER {name}")
    yield raw
    for _name, sql in triggers:
        raw.execute(sql)
    raw.commit()
    raw.close()


def rehash(raw: sqlite3.Connection) -> None:
    """Number and chain every row anew, as somebody does who has read the source but not the key."""
    rows = raw.execute("SELECT seq, owner_id, body FROM audit ORDER BY seq").fetchall()
    prev = GENESIS
    for number, (seq, owner, body) in enumerate(rows, 1):
        text = link_hash(prev, number, owner, body)
        raw.execute("UPDATE audit SET seq = ?, prev = ?, hash = ? WHERE seq = ?", (number, prev, text, seq))
        prev = text


def rewrite(raw: sqlite3.Connection, seq: int, old: str, new: str) -> None:
    """Change a row's body and its columns alike."""
    (body,) = raw.execute("SELECT body FROM audit WHERE seq = ?", (seq,)).fetchone()
    assert old in body
    told = json.loads(body.replace(old, new))
    raw.execute(
        "UPDATE audit SET body = ?, at = ?, event = ?, account = ? WHERE seq = ?",
        (body.replace(old, new), told["at"], told["event"], told["account"], seq),
    )


def edit(home: Home) -> None:
    with unguarded(home) as raw:
        rewrite(raw, 5, '"5"', '"50"')


def delete_middle(home: Home) -> None:
    with unguarded(home) as raw:
        raw.execute("DELETE FROM audit WHERE seq = 3")


def delete_tail_after_anchor(home: Home) -> None:
    with unguarded(home) as raw:
        raw.execute("DELETE FROM audit WHERE seq >= 6")


def insert(home: Home) -> None:
    """A row of somebody's making between 4 and 5, with those after it moved up."""
    with unguarded(home) as raw:
        raw.execute("UPDATE audit SET seq = -seq - 1 WHERE seq >= 5")
        raw.execute("UPDATE audit SET seq = -seq WHERE seq < 0")
        raw.execute(
            "INSERT INTO audit SELECT owner_id, 5, at, event, account, body, hash, hash FROM audit WHERE seq = 4"
        )


def reorder(home: Home) -> None:
    with unguarded(home) as raw:
        for old, new in ((5, -1), (6, 5), (-1, 6)):
            raw.execute("UPDATE audit SET seq = ? WHERE seq = ?", (new, old))


def swap_tenant(home: Home) -> None:
    with unguarded(home) as raw:
        raw.execute("UPDATE audit SET owner_id = 'other' WHERE seq = 5")


def clock_back(home: Home) -> None:
    """Row 5 dated into the past, and every hash computed anew."""
    with unguarded(home) as raw:
        rewrite(raw, 5, "2022-11-28T16:00", "2022-11-21T16:00")
        rehash(raw)


def truncate(home: Home) -> None:
    with unguarded(home) as raw:
        raw.execute("DELETE FROM audit")


def trigger_off(home: Home) -> None:
    """An edit and all hashes after it, with the triggers off while it was made."""
    with unguarded(home) as raw:
        rewrite(raw, 2, '"paper"', '"dry_run"')
        rehash(raw)


def rehashed_without_key(home: Home) -> None:
    """The chain computed anew and every anchor replaced by one that agrees with it, except for its signature."""
    with unguarded(home) as raw:
        rewrite(raw, 2, '"paper"', '"dry_run"')
        rehash(raw)
        known = dict(raw.execute("SELECT seq, hash FROM audit").fetchall())
    log = home.folder / "audit" / "anchors.log"
    rows = [line.split() for line in log.read_text().splitlines()]
    log.write_text("".join(f"{n} {at} {o} {seq} {known[int(seq)]} {mac}\n" for n, at, o, seq, _hash, mac in rows))


def gap(home: Home) -> None:
    """Numbers that leave one out, with hashes to match."""
    with unguarded(home) as raw:
        rows = raw.execute("SELECT seq, owner_id, body FROM audit WHERE seq >= 6 ORDER BY seq DESC").fetchall()
        for seq, _owner, _body in rows:
            raw.execute("UPDATE audit SET seq = ? WHERE seq = ?", (seq + 1, seq))


FOUND: dict[Callable[[Home], None], tuple[int, str]] = {
    edit: (5, "row 5 was changed"),
    delete_middle: (3, "row 3 is missing"),
    delete_tail_after_anchor: (6, "rows 6 to 6 were cut off after the anchor"),
    insert: (5, "row 5 was changed: its hash"),
    reorder: (5, "does not follow row 4"),
    swap_tenant: (5, "row 5 is missing"),
    clock_back: (6, "row 6 differs from the anchor"),
    truncate: (1, "rows 1 to 6 were cut off"),
    trigger_off: (4, "row 4 differs from the anchor"),
    rehashed_without_key: (1, "line 1 of .* was edited, or written without the key"),
    gap: (6, "row 6 is missing"),
}


def test_an_untouched_home_holds(home: Home) -> None:
    report = home.verify()
    assert (report.rows, report.broken, report.warnings) == (7, None, ())
    assert report.anchored is not None
    assert report.anchored.seq == 6


@pytest.mark.parametrize("tamper", FOUND, ids=lambda tamper: tamper.__name__)
def test_it_is_found_and_the_first_broken_row_is_named(home: Home, tamper: Callable[[Home], None]) -> None:
    tamper(home)
    seq, what = FOUND[tamper]
    broken = home.verify().broken
    assert broken is not None
    assert re.search(what, broken.what)
    assert broken.seq == seq


def test_an_old_file_put_back_is_found_by_the_anchors_made_since(home: Home, tmp_path: Path) -> None:
    old = tmp_path / "old.sqlite"
    shutil.copyfile(home.ledger, old)
    store = home.open()
    store.flow(ACCOUNT, "deposit", d("8"), at=later(hours=4), ref="eight")
    store.anchor(at=later(hours=4))
    store.close()
    shutil.copyfile(old, home.ledger)
    broken = home.verify().broken
    assert broken is not None
    assert broken.what == "rows 8 to 8 were cut off after the anchor"


def test_a_clock_set_back_before_a_row_was_written_is_told(home: Home) -> None:
    store = home.open()
    store.flow(ACCOUNT, "deposit", d("8"), at=later(minutes=1), ref="eight")
    report = store.verify_audit()
    store.close()
    assert report.holds
    assert report.warnings == (
        "row 8 is dated 2:59:00 before the row ahead of it: a clock was set back",
    )  # fmt: skip


def test_rows_outside_the_numbers_are_found(home: Home) -> None:
    with unguarded(home) as raw:
        raw.execute(
            "INSERT INTO audit SELECT owner_id, 0, at, event, account, body, prev, hash FROM audit WHERE seq = 1"
        )
    broken = home.verify().broken
    assert broken is not None
    assert broken.what == "1 rows stand outside the chain's numbers"


def test_anchors_and_rows_cut_together_are_found(home: Home) -> None:
    """The chain ends where the last anchor that is left says; only the sealed head tells of the one that is gone."""
    delete_tail_after_anchor(home)
    log = home.folder / "audit" / "anchors.log"
    log.write_text("".join(log.read_text().splitlines(keepends=True)[:1]))
    broken = home.verify().broken
    assert broken is not None
    assert "was cut: it must have 2 lines, has 1" in broken.what


def test_an_anchor_file_that_was_taken_away_whole_is_told(home: Home) -> None:
    for name in ("anchors.log", "anchors.head"):
        (home.folder / "audit" / name).unlink()
    report = home.verify()
    assert report.anchored is None
    assert report.warnings == ("no anchor stands, though cycles were recorded: was the anchor file taken away?",)


def test_a_ledger_that_was_replaced_whole_is_not_that_of_its_anchors(home: Home) -> None:
    home.ledger.unlink()
    store = home.open()
    store.add_account(mandate(), cash=d("100"), at=MONDAY)
    for number in range(9):
        store.flow(ACCOUNT, "deposit", d("9"), at=later(hours=number), ref=str(number))
    store.close()
    broken = home.verify().broken
    assert broken is not None
    assert "row 4 differs from the anchor" in broken.what


def long_chain(home: Home, rows: int) -> None:
    """Many more rows than are read at once, written as the ledger writes them, without its flush after each."""
    store = home.open()
    head = store.audit_head()
    store.close()
    written = []
    for _ in range(rows):
        link = append(head, "local", {"event": "noted", "account": "", "at": "2022-11-29T15:00:00.000000Z"})
        written.append((link.seq, "2022-11-29T15:00:00.000000Z", "noted", "", link.body, link.prev, link.hash))
        head = Anchor(seq=link.seq, hash=link.hash)
    with sqlite3.connect(home.ledger) as raw:
        raw.executemany("INSERT INTO audit VALUES ('local', ?, ?, ?, ?, ?, ?, ?)", written)
    raw.close()


def test_a_chain_of_many_pages_is_walked_to_its_end(home: Home, scale: Callable[[int, int], int]) -> None:
    rows = scale(25_000, 1_000_000)
    long_chain(home, rows)
    report = home.verify()
    assert (report.rows, report.broken) == (rows + 7, None)
    for row in (rows + 7, 20_000, 10_001, 10_000):
        with unguarded(home) as raw:
            raw.execute("UPDATE audit SET body = replace(body, 'noted', 'nodet') WHERE seq = ?", (row,))
        broken = home.verify().broken
        assert broken is not None
        assert broken.seq == row
        if rows > 25_000:
            break
