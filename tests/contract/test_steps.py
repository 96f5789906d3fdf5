"""Every implementation of the `Steps` port keeps the same promises: in memory, in the ledger, and on DBOS."""

import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from tests.contract.ledger_build import MONDAY
from tests.contract.steps import Body, StepsContract, Unready
from tests.contract.steps_homes import CYCLE, ledger_with_cycle
from tests.contract.steps_process import DIED
from tests.fakes_clock import SteppedClock

from prudent.domain.errors import Temporary
from prudent.domain.records import Json
from prudent.workflows.durable import DbosSteps, Durable, Paused, Place
from prudent.workflows.steps import JournalSteps, LedgerStages, MemoryStages, StageStore

ROOT = Path(__file__).parents[2]
Life = Callable[[Body], object]


class TestJournalInMemory(StepsContract):
    @pytest.fixture
    def life(self) -> Life:
        stages = MemoryStages()
        return lambda body: body(JournalSteps(stages))


class TestJournalInTheLedger(StepsContract):
    @pytest.fixture
    def life(self, tmp_path: Path) -> Life:
        stages = LedgerStages(ledger_with_cycle(tmp_path), CYCLE, SteppedClock(MONDAY))
        return lambda body: body(JournalSteps(stages))


class Passes:
    """Runs bodies one after another in one DBOS workflow, which is left paused after each."""

    def __init__(self, stages: StageStore) -> None:
        self.stages = stages
        self.durable: Durable
        self._body: Body
        self._over = threading.Event()
        self._result: list[object] = []
        self._error: list[Exception] = []

    def perform(self, _owner: str, _request: str) -> None:
        try:
            self._result.append(self._body(DbosSteps(self.stages)))
        except (Unready, Temporary) as error:
            self._error.append(error)
        self._over.set()
        raise Paused

    def __call__(self, body: Body) -> object:
        self._body = body
        for kept in (self._result, self._error):
            kept.clear()
        self._over.clear()
        if self.durable.knows("tests", "one"):
            self.durable.go_on("tests", "one")
        else:
            self.durable.start("tests", "one")
        assert self._over.wait(20), "the workflow did not run"
        if self._error:
            raise self._error[0]
        return self._result[0]


class TestDbos(StepsContract):
    @pytest.fixture
    def life(self, tmp_path: Path) -> Iterator[Life]:
        passes = Passes(LedgerStages(ledger_with_cycle(tmp_path), CYCLE, SteppedClock(MONDAY)))
        place = Place(url=f"sqlite:///{tmp_path / 'workflows.sqlite'}", postgres=False)
        passes.durable = Durable(place, executor="tests", perform=passes.perform)
        passes.durable.launch()
        yield passes
        passes.durable.close()


@pytest.mark.parametrize("kind", ["journal", "dbos"])
def test_a_process_that_dies_in_a_step_is_followed_by_one_that_goes_on(tmp_path: Path, kind: str) -> None:
    def life() -> int:
        command = [sys.executable, "-m", "tests.contract.steps_process", kind, str(tmp_path)]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, check=False)
        assert done.returncode in (0, DIED), done.stderr.decode()
        return done.returncode

    assert [life(), life()] == [DIED, 0]
    assert (tmp_path / "ran").read_text().split() == ["one", "two", "three", "three"]
    assert (tmp_path / "done").read_text() == "one two three"


def test_an_engine_that_stops_leaves_a_cycle_between_two_steps(tmp_path: Path) -> None:
    stages = MemoryStages()
    stopping: list[bool] = []
    left: list[str] = []

    def perform(_owner: str, _request: str) -> None:
        steps = DbosSteps(stages, stopping=lambda: bool(stopping))
        try:
            steps.run("one", lambda: 1, of=int)
            stopping.append(True)
            steps.run("two", lambda: 2, of=int)
        except Paused:
            left.append("paused")
            raise
        finally:
            over.set()

    over = threading.Event()
    place = Place(url=f"sqlite:///{tmp_path / 'workflows.sqlite'}", postgres=False)
    durable = Durable(place, executor="e", perform=perform)
    durable.launch()
    durable.start("tests", "one")
    assert over.wait(20)
    durable.close()
    assert left == ["paused"]
    assert stages.outputs == {"one": 1}


class Failing(MemoryStages):
    """A store that cannot be used the next time it is asked for or given something."""

    def __init__(self, where: str) -> None:
        super().__init__()
        self.where = where

    def find(self, name: str) -> tuple[Json] | None:
        self._fail("find")
        return super().find(name)

    def keep(self, name: str, output: Json) -> None:
        self._fail("keep")
        super().keep(name, output)

    def _fail(self, here: str) -> None:
        if self.where == here:
            self.where = ""
            raise Temporary("locked by another process")


@pytest.mark.parametrize("where", ["find", "keep"])
def test_a_store_that_was_locked_is_no_result_of_the_step(tmp_path: Path, where: str) -> None:
    """The library would keep the failure, and answer with it ever after."""
    passes = Passes(Failing(where))
    place = Place(url=f"sqlite:///{tmp_path / 'workflows.sqlite'}", postgres=False)
    passes.durable = Durable(place, executor="e", perform=passes.perform)
    passes.durable.launch()
    with pytest.raises(Temporary, match="locked by another process"):
        passes(lambda steps: steps.run("one", lambda: 1, of=int))
    assert passes(lambda steps: steps.run("one", lambda: 1, of=int)) == 1
    passes.durable.close()


def test_the_library_keeps_digests_only(tmp_path: Path) -> None:
    """What a step gave may be a portfolio; it stays in the owner's ledger."""
    stages = MemoryStages()
    passes = Passes(stages)
    journal = tmp_path / "workflows.sqlite"
    passes.durable = Durable(Place(url=f"sqlite:///{journal}", postgres=False), executor="e", perform=passes.perform)
    passes.durable.launch()
    passes(lambda steps: steps.run("one", lambda: "the secret of the portfolio", of=str))
    passes.durable.close()
    kept = b"".join(path.read_bytes() for path in tmp_path.glob("workflows.sqlite*"))
    assert b"secret of the portfolio" not in kept
    assert stages.outputs == {"one": "the secret of the portfolio"}
