"""The supervisor starts again what ends, gives up on what ends too often, kills what hangs, and ends all in order."""

import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from time import monotonic

import pytest

from prudent.domain.errors import Temporary
from prudent.workflows import supervisor as module
from prudent.workflows.beat import Beat, end_with_parent
from prudent.workflows.supervisor import Program, Supervisor, supervisor_of

COUNT = "import os,sys; open(sys.argv[1],'a').write(str(os.getpid())+'\\n'); "
STAY = "import signal,threading; e=threading.Event(); signal.signal(15,lambda *_: e.set()); e.wait(30)"
DEAF = "import signal,threading; signal.signal(15,signal.SIG_IGN); threading.Event().wait(30)"


@pytest.fixture(autouse=True)
def hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    """The same rules with shorter times."""
    monkeypatch.setattr(module, "PAUSES", (0.05, 0.1))
    monkeypatch.setattr(module, "LOOK_SECONDS", 0.01)


class Case:
    """A supervisor in a thread, over one program that writes its process id whenever it starts."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.starts = folder / "starts"
        self.code: list[int] = []
        self.supervisor: Supervisor
        self.thread: threading.Thread

    def run(self, text: str, *, beat: Beat | None = None) -> None:
        command = [sys.executable, "-S", "-c", COUNT + text, str(self.starts)]
        program = Program(name="one", command=command, beat=beat)
        self.supervisor = Supervisor(self.folder, [program], output=self.folder / "logs" / "out")
        self.thread = threading.Thread(target=lambda: self.code.append(self.supervisor.run()))
        self.thread.start()

    @property
    def pids(self) -> list[int]:
        return [int(line) for line in self.starts.read_text().split()] if self.starts.exists() else []

    def until(self, fact: Callable[[], object]) -> None:
        ends, pause = monotonic() + 20, threading.Event()
        while not fact():
            assert monotonic() < ends
            pause.wait(0.01)

    def end(self, number: int = signal.SIGTERM) -> int:
        self.supervisor.told(number)
        self.thread.join(20)
        return self.code[0]


@pytest.fixture
def case(tmp_path: Path) -> Iterator[Case]:
    made = Case(tmp_path)
    yield made
    if made.thread.is_alive():
        made.end()


def lives(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def test_a_program_that_is_killed_is_started_again(case: Case) -> None:
    case.run(STAY)
    case.until(lambda: len(case.pids) == 1)
    os.kill(case.pids[0], signal.SIGKILL)
    case.until(lambda: len(case.pids) == 2)
    assert case.end() == 0
    assert not any(lives(pid) for pid in case.pids)


def test_one_that_ends_too_often_ends_everything(case: Case) -> None:
    case.run("sys.exit(9)")
    case.thread.join(20)
    assert case.code == [1]
    assert len(case.pids) == module.STARTS_MAX


@pytest.mark.parametrize("code", [2, 3])
def test_a_wrong_configuration_is_not_tried_again(case: Case, code: int) -> None:
    case.run(f"sys.exit({code})")
    case.thread.join(20)
    assert case.code == [code]
    assert len(case.pids) == 1


def test_one_that_asks_for_a_restart_is_started_at_once(case: Case, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "PAUSES", (30.0,))
    case.run(f"sys.exit(75) if len(open(sys.argv[1]).readlines()) == 1 else None; {STAY}")
    case.until(lambda: len(case.pids) == 2)
    assert case.end() == 0


def test_one_whose_loop_no_longer_turns_is_killed_and_started_again(
    case: Case, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "SILENT_SECONDS", 0.2)
    path = case.folder / "beat"
    # It beats once and then hangs, deaf to a polite end.
    case.run(f"open({str(path)!r}, 'w').write(str(os.getpid())); {DEAF}", beat=Beat(path))
    case.until(lambda: len(case.pids) >= 2)
    assert not lives(case.pids[0])
    monkeypatch.setattr(module, "STOP_SECONDS", 0.1)
    case.end()


def test_one_that_does_not_end_is_killed(case: Case, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "STOP_SECONDS", 0.3)
    case.run(DEAF)
    case.until(lambda: len(case.pids) == 1)
    assert case.end() == 0
    assert not lives(case.pids[0])


def test_a_ctrl_c_says_so_in_the_exit_code(case: Case) -> None:
    case.run(STAY)
    case.until(lambda: len(case.pids) == 1)
    assert case.end(signal.SIGINT) == 130


def test_told_to_begin_anew_it_ends_and_starts_its_programs(case: Case) -> None:
    case.run(STAY)
    case.until(lambda: len(case.pids) == 1)
    case.supervisor.told_anew(signal.SIGHUP)
    case.until(lambda: len(case.pids) == 2)
    assert not lives(case.pids[0])
    assert lives(case.pids[1])


def test_a_home_has_one_supervisor(case: Case) -> None:
    assert supervisor_of(case.folder) is None
    case.run(STAY)
    case.until(lambda: supervisor_of(case.folder) == os.getpid())
    with pytest.raises(Temporary, match=str(os.getpid())):
        Supervisor(case.folder, [], output=case.folder / "out").run()
    case.end()
    assert supervisor_of(case.folder) is None


def test_a_beat_is_of_one_process(tmp_path: Path) -> None:
    beat = Beat(tmp_path / "data" / "beat")
    assert beat.process() is None
    assert beat.age(os.getpid()) is None
    beat.touch()
    assert beat.process() == os.getpid()
    age = beat.age(os.getpid())
    assert age is not None
    assert age < 60
    assert beat.age(os.getpid() + 1) is None
    beat.end()
    assert beat.process() is None


def test_what_lost_its_parent_ends() -> None:
    told = threading.Event()
    end_with_parent(os.getpid(), told.set)  # not its own parent
    assert told.wait(10)
