"""Sweeps with real worker processes: killed, cancelled, joined from another home, with a combination that fails."""

import io
import os
import re
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path

import pytest
import yaml
from tests.scenarios.engines import ROOT

from prudent.backtest.grid import combinations, parse_grid
from prudent.backtest.request import Cadence, Request
from prudent.bootstrap import Desk, open_desk
from prudent.domain.errors import BlockedError, InputError
from prudent.entrypoints.cli.app import app
from prudent.entrypoints.cli.border import main
from prudent.ledger.backtests import BacktestStatus
from prudent.workflows import sweep_crew
from prudent.workflows.sweep_crew import Post, conduct
from prudent.workflows.sweep_journal import SweepJournal, journal_of, opened
from prudent.workflows.sweep_worker import LOST
from prudent.workflows.sweeps import Plan, enqueue_missing, keep, load, plan_of, prepared_all, results_of, tried_of

FIRST, LAST = date(2015, 1, 2), date(2015, 3, 31)
GRID = ("exits.stop_loss=5%,10%", "planning.buffer=0,1%")
TARGETS = '{"unit": "percent", "targets": [{"symbol": "AAPL", "weight": "15"}, {"symbol": "KO", "weight": "15"}]}'


def new_home(home: Path, *, database: str | None = None) -> Path:
    (home / "json").mkdir(parents=True)
    (home / "data").mkdir()
    for name in ("one", "two"):
        (home / "json" / f"{name}.json").write_text(TARGETS)
    config: dict[str, object] = {
        "schema_version": 1, "mode": "paper", "data": {"source": "sample"}, "clock": {"start": "2022-11-28"},
        "accounts": {"one": {"targets": "json/one.json"}},
    }  # fmt: skip
    if database is not None:
        config["database"] = {"url": database}
    (home / "invest.yaml").write_text(yaml.safe_dump(config))
    return home


@dataclass
class Sweep:
    """A sweep as this process conducts it."""

    desk: Desk
    journal: SweepJournal

    def begin(self, *lines: str, name: str = "s") -> Plan:
        axes = parse_grid(lines)
        base = Request(mandate=self.desk.mandate("one"), first=FIRST, last=LAST, cadence=Cadence.WEEKLY)
        found = combinations(self.desk, base, axes)
        return keep(self.journal, plan_of(self.desk, axes, found, prepared_all(self.desk, found), name))

    def work(
        self, plan: Plan, *, watch: Callable[[], None] = lambda: None, cancels: bool = True, workers: int = 1
    ) -> None:  # fmt: skip
        post = Post(home=self.desk.home, owner=self.desk.ledger.owner, name=plan.name, workers=workers)
        conduct(self.journal, post, watch=watch, cancels=cancels)

    def done(self) -> int:
        return sum(row.status is BacktestStatus.COMPLETED for row in self.desk.ledger.backtests.listed("one"))

    def completed_once(self, plan: Plan) -> bool:
        rows = [row for row in self.desk.ledger.backtests.listed("one") if row.status is BacktestStatus.COMPLETED]
        return sorted(row.identity for row in rows) == sorted(point.identity for point in plan.points)


@contextmanager
def sweeping(home: Path) -> Iterator[Sweep]:
    desk = open_desk(home)
    place = journal_of(home, desk.loaded.settings.database.url)
    with opened(place, desk.ledger.owner, executor="the test") as journal:
        yield Sweep(desk, journal)
    desk.ledger.close()


@pytest.fixture(autouse=True)
def at_the_root(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)


def test_a_killed_worker_is_replaced_and_nothing_is_done_twice(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # A sweep so small is over before a second look.
    monkeypatch.setattr("prudent.workflows.sweep_crew.LOOK_SECONDS", 0.05)
    with sweeping(new_home(tmp_path / "home")) as sweep:
        # One combination a batch, so that two processes write the home's ledger at the same time.
        plan = replace(sweep.begin(*GRID), guessed=4.0)
        assert enqueue_missing(sweep.journal, plan, workers=2) == 4
        assert sweep.journal.under_way(plan.name) == 4
        killed: list[int] = []

        def kill_midway() -> None:
            taken = sweep.journal.taken(plan.name)
            if taken and sweep.done() and not killed:
                killed.append(int(taken[0].executor.rpartition(":")[2]))
                os.kill(killed[0], signal.SIGKILL)

        sweep.work(plan, watch=kill_midway, workers=2)
        tried = tried_of(sweep.journal, plan)
        assert killed
        assert [each.status for each in tried] == ["completed"] * 4
        assert all(each.arm is not None and len(each.arm.days) == 61 for each in tried)
        assert sweep.completed_once(plan)
        rest = [row for row in sweep.desk.ledger.backtests.listed("one") if row.status is not BacktestStatus.COMPLETED]
        assert [(row.status, row.note) for row in rest] in ([], [(BacktestStatus.CANCELLED, LOST)])


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_a_cancelled_sweep_keeps_what_it_has_and_the_same_command_goes_on(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    home = new_home(tmp_path / "home")
    # So often that it is seen between the first combination and the last, however quick these are.
    monkeypatch.setattr(sweep_crew, "LOOK_SECONDS", 0.02)
    with sweeping(home) as sweep:
        # The last combination cannot be run any more once its file is gone.
        plan = sweep.begin("exits.stop_loss=5%,10%", "targets=json/one.json,json/two.json")
        enqueue_missing(sweep.journal, plan, workers=1)

        def interrupted() -> None:
            if sweep.done():
                raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            sweep.work(plan, watch=interrupted)
        assert sweep.journal.under_way(plan.name) == 0
        kept = sweep.done()
        assert 1 <= kept < 4
        # Its batch has not ended; what did is shown all the same, with its days.
        assert sum(each.arm is not None for each in results_of(sweep.desk, sweep.journal, plan)) == kept
        (home / "json" / "two.json").unlink()
    screen = Terminal()
    with monkeypatch.context() as patched:
        patched.setattr(sys, "stderr", screen)
        patched.setenv("TERM", "xterm")
        assert main(app, ["sweep", "resume", "s", "--home", str(home), "--workers", "1"]) == 6
    shown = capsys.readouterr().out
    assert "failed: file 'json/two.json' must exist" in shown
    # Who watches sees where it began and that it came to its end, with those that failed without ever being begun.
    assert f"{kept}/4" in screen.getvalue()
    assert "4/4" in screen.getvalue()
    assert re.search(r"[12] failed", screen.getvalue())
    (home / "json" / "two.json").write_text(TARGETS)
    assert main(app, ["sweep", "resume", "s", "--home", str(home), "--workers", "1"]) == 0
    with sweeping(home) as sweep:
        plan = load(sweep.journal, "s")
        assert sweep.completed_once(plan)
        assert enqueue_missing(sweep.journal, plan, workers=1) == 0
        with pytest.raises(InputError, match="sweep s must be the same grid"):
            sweep.begin("exits.stop_loss=5%,20%")
    with pytest.raises(InputError, match="must be one that was begun, was 'other'"), sweeping(home) as sweep:
        load(sweep.journal, "other")


def test_another_home_of_the_same_database_joins_and_both_see_the_results(tmp_path: Path, postgres_url: str) -> None:
    with sweeping(new_home(tmp_path / "first", database=postgres_url)) as first:
        plan = first.begin("exits.stop_loss=5%,off")
        enqueue_missing(first.journal, plan, workers=1)
    with sweeping(new_home(tmp_path / "second", database=postgres_url)) as second:
        second.work(load(second.journal, "s"), cancels=False)
    with sweeping(tmp_path / "first") as first:
        tried = tried_of(first.journal, plan)
        assert [each.status for each in tried] == ["completed"] * 2
        # The files are in the other home, and the days came with the results.
        assert not (tmp_path / "first" / "backtests").exists()
        assert all(each.arm is not None for each in tried)


def test_a_wrong_grid_is_refused_before_anything_is_begun(tmp_path: Path) -> None:
    home = new_home(tmp_path / "home")
    given = ["sweep", "one", "--home", str(home), "--from", "2015-01-02", "--to", "2015-03-31", "--grid"]
    assert main(app, [*given, "exits.stop_loss=5%,banana"]) == InputError.exit_code
    assert main(app, [*given, "exits.stop_loss=5%,off", "--name", "../x"]) == InputError.exit_code
    assert main(app, [*given, "exits.stop_loss=5%,off", "--to", "2022-12-01"]) == BlockedError.exit_code
    assert not (home / "backtests").exists()
