"""A small home for backup tests: a ledger with anchors, a venue's file, configuration and keys, without the desk."""

import sqlite3
import tarfile
from datetime import UTC, datetime
from pathlib import Path

from tests.contract.ledger_build import ACCOUNT, MONDAY, d, later, mandate, record

from prudent.ledger import LedgerStore, open_ledger
from prudent.ledger.backup import Backup, Occasion, Source, make_backup

AT = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
SECRET = "the key of all secrets"
Rows = dict[str, list[tuple[object, ...]]]


def build_home(home: Path) -> Path:
    for name in ("config/accounts", "json", "data", "audit"):
        (home / name).mkdir(parents=True)
    (home / "invest.yaml").write_text("schema_version: 1\n")
    (home / "config" / "accounts" / "weekly.yaml").write_text("{}\n")
    (home / "json" / "core.json").write_text("{}\n")
    (home / "data" / "clock.json").write_text('{"now": "2022-11-28T15:00:00.000000Z"}')
    (home / "secrets.key").write_text(SECRET)
    venue = sqlite3.connect(home / "data" / "venue.sqlite")
    venue.execute("PRAGMA journal_mode=WAL")
    venue.execute("CREATE TABLE fills (number INTEGER PRIMARY KEY, what TEXT)")
    venue.execute("INSERT INTO fills VALUES (1, 'a fill')")
    venue.commit()
    venue.close()
    store = ledger_of(home)
    store.add_account(mandate(), cash=d("100"), at=MONDAY)
    run = store.open_run(mandate(), mode="paper", rules=(), code_version="1", at=MONDAY)
    store.record(record(1, store.next_cycle(run, at=MONDAY)), why={})
    store.flow(ACCOUNT, "deposit", d("5"), at=later(hours=1), ref="five")
    store.close()
    return home


def ledger_of(home: Path) -> LedgerStore:
    return open_ledger(home / "data" / "ledger.sqlite", audit_folder=home / "audit")


def occasion(hour: int = 12) -> Occasion:
    return Occasion(at=AT.replace(hour=hour), code_version="1.2.3", reason="asked for")


def backed_up(home: Path, folder: Path, *, with_keys: bool = False, hour: int = 12) -> Backup:
    return make_backup(Source(home=home, with_keys=with_keys), folder, occasion(hour))


def rows(path: Path) -> Rows:
    raw = sqlite3.connect(path)
    names = [name for (name,) in raw.execute("SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name")]
    found = {name: raw.execute(f'SELECT * FROM "{name}"').fetchall() for name in names}
    raw.close()
    return found


def members(path: Path) -> dict[str, bytes]:
    with tarfile.open(path) as tar:
        return {each.name: handle.read() for each in tar if (handle := tar.extractfile(each)) is not None}
