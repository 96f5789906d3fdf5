"""A backtest whose process died is no longer under way; one that runs is left alone."""

import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from tests.unit.cli.running import invest

from prudent.backtest.running import DIED, close_dead, under_way
from prudent.bootstrap import Desk, open_desk
from prudent.clock import SystemClock
from prudent.ledger.backtests import BacktestRow, BacktestStatus, NewBacktest

ROOT = Path(__file__).parents[3]
CONFIG = """\
schema_version: 1
mode: paper
data: {source: sample}
clock: {start: 2016-01-04}
backtest: {sealed_days: 0}
accounts: {one: {targets: json/one.json}}
"""
# Runs until somebody ends it: it tells of its first session, and waits.
RUNNER = """
import sys
from datetime import date
from pathlib import Path
from prudent.backtest.request import Request, RunPath
from prudent.backtest.run import Playing, backtest, prepare
from prudent.bootstrap import open_desk

def told(done, all_, day):
    print("under way", flush=True)
    sys.stdin.read()

desk = open_desk(Path(sys.argv[1]))
request = Request(mandate=desk.mandate("one"), first=date(2015, 1, 2), last=date(2015, 1, 9))
backtest(desk, prepare(desk, request), Playing(progress=told, path=RunPath.ROWS))
"""


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "json").mkdir()
    (tmp_path / "data").mkdir()
    (tmp_path / "json" / "one.json").write_text('{"unit": "percent", "targets": [{"symbol": "AAPL", "weight": "15"}]}')
    (tmp_path / "invest.yaml").write_text(CONFIG)
    monkeypatch.setenv("INVEST_HOME", str(tmp_path))
    return tmp_path


@pytest.fixture
def desk(home: Path) -> Iterator[Desk]:
    found = open_desk(home)
    yield found
    found.ledger.close()


def begun(desk: Desk, at: datetime, sweep: str = "") -> BacktestRow:
    new = NewBacktest(
        account="one", source="sample", first=date(2015, 1, 2), last=date(2015, 1, 9), cadence="daily",
        fill="next_open", model="rules", strategy_version="v", identity=f"i{at}", code_version="c", data_hash="d",
        sweep=sweep,
    )  # fmt: skip
    return desk.ledger.backtests.begin(new, at=at)


def status(desk: Desk, row: BacktestRow) -> BacktestStatus:
    return desk.ledger.backtests.find(row.account, row.number).status


def test_a_killed_backtest_is_closed_as_failed_by_the_next_command(home: Path, desk: Desk) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", RUNNER, str(home)], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as runner:
        assert runner.stdout is not None
        assert runner.stdout.readline() == "under way\n"
        assert close_dead(desk) == ()
        (row,) = desk.ledger.backtests.listed()
        assert row.status is BacktestStatus.RUNNING
        runner.kill()
        runner.wait()
    ended = invest("backtests", "--json")
    assert ended.code == 0
    (after,) = desk.ledger.backtests.listed()
    assert (after.id, after.status, after.note) == (row.id, BacktestStatus.FAILED, DIED)
    assert not list((home / "backtests" / "one").glob("*.lock"))


def test_a_backtest_holds_its_lock_only_while_it_runs(desk: Desk) -> None:
    row = begun(desk, SystemClock().now())
    with under_way(desk, row):
        assert close_dead(desk) == ()
    assert not list((desk.home / "backtests" / "one").iterdir())


def test_one_without_a_lock_has_a_minute_to_take_it(desk: Desk) -> None:
    now = SystemClock().now()
    young, old = begun(desk, now), begun(desk, now - timedelta(minutes=2))
    assert [each.id for each in close_dead(desk)] == [old.id]
    assert (status(desk, young), status(desk, old)) == (BacktestStatus.RUNNING, BacktestStatus.FAILED)


def test_one_of_a_sweep_is_cancelled_so_that_the_sweep_tries_it_again(desk: Desk) -> None:
    row = begun(desk, datetime(2026, 1, 2, tzinfo=UTC), sweep="grid")
    assert close_dead(desk) == (row,)
    assert status(desk, row) is BacktestStatus.CANCELLED


def test_one_without_a_lock_may_run_on_another_machine_of_the_database(desk: Desk) -> None:
    row = begun(desk, datetime(2026, 1, 2, tzinfo=UTC))
    database = desk.loaded.settings.database.model_copy(update={"url": "postgresql://db/prudent"})
    settings = desk.loaded.settings.model_copy(update={"database": database})
    shared = replace(desk, loaded=replace(desk.loaded, settings=settings))
    assert close_dead(shared) == ()
    assert status(desk, row) is BacktestStatus.RUNNING
