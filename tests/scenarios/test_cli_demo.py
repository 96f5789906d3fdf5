"""The demo as a person meets it: a month of real closes whose every cycle can be replayed, the same each time."""

import io
import os
import subprocess
import sys
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from tests.unit.cli.running import invest

from prudent.entrypoints.cli import demo_history

# The demo's own 33 years in `make prove`, its last four in `make test`: most of its time is their backtests.
WINDOWS = ((date(2019, 1, 2), 1006), (demo_history.FIRST, 8313))
Shown = tuple[Path, dict[str, Any]]


@pytest.fixture(scope="module")
def window(scale: Callable[[int, int], int]) -> tuple[date, int]:
    """The first day of the demo's history, and its sessions."""
    return WINDOWS[scale(0, 1)]


@pytest.fixture(scope="module")
def shown(tmp_path_factory: pytest.TempPathFactory, window: tuple[date, int]) -> Shown:
    home = tmp_path_factory.mktemp("demo") / "home"
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(demo_history, "FIRST", window[0])
        ended = invest("demo", "--home", str(home), "--json")
    assert ended.code == 0, ended.out + ended.err
    return home, ended.data


def test_it_runs_through_the_month(shown: Shown) -> None:
    _, data = shown
    days = [cycle["as_of"][:10] for cycle in data["cycles"]]
    assert (days[0], days[-1]) == ("2022-11-28", "2022-12-28")
    assert len(days) == 22
    assert data["cycles"][0]["fills"] == 14


def test_it_ends_with_history_a_tear_sheet_and_an_honest_comparison(
    shown: Shown, window: tuple[date, int]
) -> None:
    _, data = shown
    history = data["history"]
    assert history["runs"] == ["stocks/b1", "stocks/b2"]
    assert [each["sessions"] for each in history["metrics"]] == [window[1]] * 2
    assert history["sentence"].startswith("not distinguishable: ")
    page = Path(history["tear_sheet"]).read_text(encoding="utf-8")
    assert f"{window[0]} to 2022-12-28" in page
    assert "random trader, median of 1,000" in page


def test_prices_and_mandate_bring_a_stop_and_a_refused_order(shown: Shown) -> None:
    _, data = shown
    exits = [each for cycle in data["cycles"] for each in cycle["exits"]]
    stopped = [each for cycle in data["cycles"] for each in cycle["stopped"]]
    assert any(each.startswith("stop_loss ") for each in exits)
    assert "P08 REJECT UNH" in stopped


def test_the_nine_accounts_that_reason_decide_without_a_model_and_say_so(shown: Shown) -> None:
    _, data = shown
    assert len(data["reasoned"]) == 9
    assert all("rules, no LLM" in each["decision"] for each in data["reasoned"])
    assert any(" BUY " in each["decision"] for each in data["reasoned"])


def test_every_cycle_replays(shown: Shown) -> None:
    home, data = shown
    for cycle in (*data["cycles"], *data["reasoned"]):
        ended = invest("replay", cycle["cycle"], "--home", str(home), "--json")
        assert ended.code == 0, ended.out
        assert ended.data["identical"] is True
    assert invest("audit", "verify", "--home", str(home)).code == 0


def test_the_same_again_only_when_asked_and_then_exactly(shown: Shown) -> None:
    home, data = shown
    assert invest("demo", "--home", str(home), "--json").code == 2
    again = invest("demo", "--home", str(home), "--reset", "--sessions", "3", "--no-history", "--json")
    assert again.data["cycles"] == data["cycles"][:4]


def test_another_home_is_never_reset(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO(""))
    assert invest("init", "--yes", "--account", "main", "--home", str(tmp_path / "own")).code == 0
    assert invest("demo", "--home", str(tmp_path / "own"), "--reset", "--json").code == 2
    assert (tmp_path / "own" / "invest.yaml").exists()


def test_the_short_forms_run_as_processes(tmp_path: Path) -> None:
    environ = {**os.environ, "INVEST_HOME": str(tmp_path / "home"), "NO_COLOR": "1"}

    def process(*args: str) -> subprocess.CompletedProcess[str]:
        line = [sys.executable, "-m", "prudent", *args]
        return subprocess.run(line, capture_output=True, text=True, check=False, input="\n", env=environ)

    assert process("init", "--yes", "--account", "main").returncode == 0
    rehearsed = process("--once", "main", "--dry-run")
    assert rehearsed.returncode == 0, rehearsed.stderr
    assert rehearsed.stdout.splitlines()[0] == rehearsed.stdout.strip().splitlines()[-1] == "DRY RUN"
    config = tmp_path / "home" / "invest.yaml"
    config.write_text(config.read_text().replace("mode: paper", "mode: live"))
    refused = process("rebalance", "--account", "main")
    assert (refused.returncode, refused.stdout) == (8, "")
    assert "ALLOW_ORDERS" in refused.stderr
