"""Looking at a live database from its own process leaves it live: no lock is lost, no journal is dropped."""

import sqlite3
import subprocess
import sys
from pathlib import Path

from tests.contract.ledger_build import MONDAY, d, mandate

from prudent.ledger import open_ledger
from prudent.ledger.backup import databases
from prudent.ledger.snapshot import all_faults, quick_faults

LAST_TO_LEAVE = """
import sqlite3, sys
connection = sqlite3.connect(sys.argv[1])
connection.execute("SELECT count(*) FROM accounts").fetchone()
connection.close()
"""


def test_a_look_at_the_files_does_not_let_another_process_drop_the_journal(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    path = tmp_path / "data" / "ledger.sqlite"
    ledger = open_ledger(path)
    ledger.add_account(mandate("first"), cash=d("1"), at=MONDAY)
    assert databases(tmp_path) == [path]
    assert quick_faults(path) == all_faults(path) == ()
    # Another process opens and closes the file; were our locks gone, it would be the last one and tidy up.
    subprocess.run([sys.executable, "-c", LAST_TO_LEAVE, str(path)], check=True)
    ledger.add_account(mandate("second"), cash=d("1"), at=MONDAY)
    with sqlite3.connect(path) as seen:
        assert seen.execute("SELECT count(*) FROM accounts").fetchone() == (2,)
