"""The watch on memory: caches go at the soft limit, the process starts anew at the hard one, and both for real."""

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from prudent.bootstrap import Desk, open_desk
from prudent.domain.errors import ConfigError
from prudent.domain.notices import Event
from prudent.entrypoints.cli.starter import Wishes, create_home
from prudent.marketdata.sample import SampleMarket
from prudent.workflows.machine import MachineWatch
from prudent.workflows.memory import RESTART_EXIT_CODE, MemoryLimits, MemoryWatch, caches_of

LIMITS = MemoryLimits(soft_mb=1000, hard_mb=2000)


class Cache:
    def __init__(self) -> None:
        self.forgotten = 0

    def forget(self) -> None:
        self.forgotten += 1


class Watched:
    """A watch over readings that a test gives, and what it did."""

    def __init__(self, readings: Sequence[float]) -> None:
        self.readings = list(readings)
        self.caches = (Cache(), Cache())
        self.told: list[str] = []
        self.restarts: list[str] = []
        self.watch = MemoryWatch(
            LIMITS, lambda: self.caches, tell=lambda limit, title, line: self.told.append(limit),
            restart=self.restarts.append, read=lambda: self.readings.pop(0),
        )  # fmt: skip

    @property
    def forgotten(self) -> list[int]:
        return [cache.forgotten for cache in self.caches]


def test_below_the_soft_limit_nothing_happens() -> None:
    found = Watched([999, 1000])
    assert [found.watch.check(), found.watch.check()] == [999, 1000]
    assert (found.forgotten, found.told, found.watch.optional_work) == ([0, 0], [], True)


def test_above_the_soft_limit_caches_go_and_optional_work_waits() -> None:
    found = Watched([1001, 700])
    found.watch.check()
    assert (found.forgotten, found.told, found.restarts) == ([1, 1], ["soft"], [])
    assert not found.watch.optional_work


def test_it_is_told_once_until_memory_is_relieved() -> None:
    # Each look above the limit reads twice: before and after the caches went.
    found = Watched([1500, 1400, 1500, 1400, 950, 900, 1500, 1400])
    found.watch.check()
    found.watch.check()
    assert found.told == ["soft"]
    allowed = []
    for _ in range(2):
        found.watch.check()
        allowed.append(found.watch.optional_work)
    assert allowed == [False, True], "950 is below the limit and not far enough below"
    found.watch.check()
    assert found.told == ["soft", "soft"]


def test_above_the_hard_limit_it_asks_once_for_a_restart() -> None:
    found = Watched([2500, 2400, 2500, 2400])
    found.watch.check()
    found.watch.check()
    assert len(found.restarts) == 1
    assert "2000 MiB" in found.restarts[0]
    assert found.told == ["soft", "hard"]


def test_caches_that_bring_it_below_the_hard_limit_save_the_restart() -> None:
    found = Watched([2500, 1900])
    found.watch.check()
    assert (found.restarts, found.told) == ([], ["soft"])


def test_a_hard_limit_below_the_soft_one_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="above the soft one"):
        MemoryLimits(soft_mb=1000, hard_mb=1000)
    create_home(tmp_path / "home", Wishes())
    with (tmp_path / "home" / "invest.yaml").open("a") as config:
        config.write("engine: {memory_soft_mb: 900, memory_hard_mb: 800}\n")
    with pytest.raises(ConfigError, match="memory_hard_mb above memory_soft_mb 900"):
        open_desk(tmp_path / "home")


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    create_home(tmp_path / "home", Wishes())
    return open_desk(tmp_path / "home")


def test_what_a_desk_forgets_comes_back_the_same(desk: Desk) -> None:
    before = desk.market.quotes(("AAPL", "KO", "SPY")), desk.market.daily(("AAPL",), sessions=30)
    caches = caches_of(desk)
    assert [type(each).__name__ for each in caches] == ["SampleMarket", "LedgerStore"]
    for cache in caches:
        cache.forget()
    assert isinstance(desk.market, SampleMarket)
    assert (desk.market._standing, desk.market._path_closes, desk.market._series._made) == ({}, {}, {})
    assert desk.ledger._database.source.statements._compiled == {}
    after = desk.market.quotes(("AAPL", "KO", "SPY")), desk.market.daily(("AAPL",), sessions=30)
    assert after[0] == before[0]
    for name, column in before[1].fields.items():
        assert after[1].fields[name].tobytes() == column.tobytes()
    assert desk.ledger.accounts() == ()


def test_the_watch_of_a_desk_tells_its_people(desk: Desk) -> None:
    watch = MachineWatch(desk, restart=lambda reason: None)
    watch.memory._read = lambda: 5000.0
    watch.check()
    (row,) = desk.ledger.notices.listed(event=Event.MEMORY_HIGH).rows
    assert "above the soft limit of 4096 MiB" in row.notice.title
    assert not watch.optional_work


HOG = """
import sys
from prudent.workflows.memory import *
held = [bytearray(60 * MIB)]
for _ in range(0, len(held[0]), 4096):
    held[0][_] = 1
class Cache:
    def forget(self):
        held.clear()
ended = []
base = resident_mb()
watch = MemoryWatch(
    MemoryLimits(soft_mb=int(base) - 30, hard_mb=int(base) + 60), lambda: [Cache()],
    tell=lambda limit, title, line: print(limit, flush=True), restart=ended.append,
)
found = watch.check()
after = resident_mb()
print("freed" if after < found - 50 else f"kept {found} {after}", flush=True)
more = bytearray(160 * MIB)
for _ in range(0, len(more), 4096):
    more[_] = 1
watch.check()
sys.exit(RESTART_EXIT_CODE if ended else 0)
"""


def test_a_real_process_sheds_its_memory_and_ends_to_start_anew() -> None:
    done = subprocess.run([sys.executable, "-c", HOG], capture_output=True, text=True, timeout=60, check=False)
    assert done.stdout.split() == ["soft", "freed", "hard"], done.stdout + done.stderr
    assert done.returncode == RESTART_EXIT_CODE == 75
