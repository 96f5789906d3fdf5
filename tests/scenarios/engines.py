"""Real engine processes for scenarios: started, waited for until they take requests, killed and ended."""

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from time import monotonic
from typing import Protocol

from prudent.workflows.beat import engine_beat
from prudent.workflows.lease import home_holder

ROOT = Path(__file__).parents[2]
LIMIT_SECONDS = 60.0
# A look at a simulated venue takes its write lock, so looking too often would keep others from it.
LOOK_SECONDS = 0.003
LOOK_SECONDS_MAX = 0.05


def until(
    fact: Callable[[], object], *, said: str, seconds: float = LIMIT_SECONDS, home: Path | None = None
) -> None:
    """Return once `fact` holds; fail when it does not in time, with the log of the engine of `home`."""
    ends, pause, look = monotonic() + seconds, threading.Event(), LOOK_SECONDS
    while not fact():
        assert monotonic() < ends, f"{said}: not within {seconds:g} s\n{log_of(home) if home is not None else ''}"
        pause.wait(look)
        look = min(LOOK_SECONDS_MAX, look * 1.2)


@dataclass(slots=True)
class Running:
    """One engine process of a home."""

    home: Path
    pid: int
    began: float

    def is_ready(self) -> bool:
        return engine_beat(self.home).process() == self.pid

    def wait_ready(self) -> float:
        """Wait until it takes requests; gives the seconds since its start."""
        until(lambda: self.is_ready() or not self.lives(), said=f"engine {self.pid} is ready")
        assert self.lives(), f"engine {self.pid} ended before it was ready:\n{log_of(self.home)}"
        return monotonic() - self.began

    def lives(self) -> bool:
        """False once it has ended; a child of this process is reaped on the way."""
        with suppress(ChildProcessError):
            return os.waitpid(self.pid, os.WNOHANG) == (0, 0)
        try:
            os.kill(self.pid, 0)
        except ProcessLookupError:
            return False
        return True

    def kill(self) -> None:
        """`kill -9` of its process group; returns once nothing of it is left."""
        with suppress(ProcessLookupError):
            os.killpg(self.pid, signal.SIGKILL)
        until(lambda: not self.lives(), said=f"engine {self.pid} is gone")

    def signal(self, number: signal.Signals) -> None:
        os.kill(self.pid, number)


class Starter(Protocol):
    """Starts engine processes."""

    def __call__(self, home: Path) -> Running: ...


def by_command(home: Path) -> Running:
    """As a person's machine starts it: a new interpreter that runs `invest engine`."""
    output = home / "logs" / "engine.out"
    output.parent.mkdir(exist_ok=True)
    began = monotonic()
    with output.open("ab") as handle:
        process = subprocess.Popen(
            [sys.executable, "-m", "prudent", "engine", "--home", str(home)],
            cwd=ROOT, stdin=subprocess.DEVNULL, stdout=handle, stderr=handle, start_new_session=True,
        )  # fmt: skip
    return Running(home, process.pid, began)


@contextmanager
def forking() -> Iterator[Starter]:
    """Engines forked from a process that has everything imported: the same command, ready in a fraction of the time."""
    nursery = subprocess.Popen(
        [sys.executable, "-m", "tests.scenarios.nursery"], cwd=ROOT, text=True, stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )  # fmt: skip
    assert nursery.stdin is not None
    assert nursery.stdout is not None
    assert nursery.stdout.readline() == "ready\n"
    asked, told = nursery.stdin, nursery.stdout
    started: list[Running] = []

    def start(home: Path) -> Running:
        began = monotonic()
        asked.write(f"{home}\n")
        asked.flush()
        started.append(Running(home, int(told.readline()), began))
        return started[-1]

    try:
        yield start
    finally:
        for each in started:
            # What a failing test left; a process id that is another's by now is not in a group of its own.
            if each.lives() and home_holder(each.home) == each.pid:
                each.kill()
        asked.close()
        nursery.wait(LIMIT_SECONDS)


@contextmanager
def engine_at(home: Path, *, start: Starter = by_command) -> Iterator[Running]:
    """A ready engine for as long as the block runs; it is ended in order, or killed where it does not end."""
    running = start(home)
    try:
        running.wait_ready()
        yield running
    finally:
        with suppress(ProcessLookupError):
            running.signal(signal.SIGCONT)
            running.signal(signal.SIGTERM)
        try:
            until(lambda: not running.lives(), said="it ends", seconds=30)
        except AssertionError:
            running.kill()
        assert home_holder(home) is None


def log_of(home: Path) -> str:
    """Everything that the processes of a home wrote."""
    return "\n".join(path.read_text(errors="replace")[-4000:] for path in sorted((home / "logs").glob("*")))
