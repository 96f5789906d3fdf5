"""The supervisor: keeps the engine and the web process of a home alive, and ends them in order.

It opens neither ledger nor configuration, so that nothing in them can end it. A program that ends is started again
after a growing pause; one that ends too often, or that says its configuration is wrong, ends everything. The engine
touches a file while its loop turns; one that stops doing so is killed before the next is started.
"""

import fcntl
import json
import logging
import os
import signal
import subprocess
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from prudent.clock import SystemClock
from prudent.domain.errors import ConfigError, Temporary
from prudent.workflows.beat import Beat
from prudent.workflows.memory import RESTART_EXIT_CODE

LOG = logging.getLogger("prudent.supervisor")
LOCK_FILE = "supervisor.lock"
LOOK_SECONDS = 0.1
PAUSES = (1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 60.0)
STARTS_MAX, STARTS_SECONDS = 5, 60.0
SILENT_SECONDS = 20.0
# A start may settle many orders before the loop turns for the first time.
START_SECONDS = 60.0
STOP_SECONDS = 40.0
GAVE_UP = 1
INTERRUPTED = 130
# What nobody can mend by starting again: wrong arguments or a wrong configuration.
HOPELESS = (2, ConfigError.exit_code)


@dataclass(frozen=True, slots=True, kw_only=True)
class Program:
    """One process to keep alive; `beat` tells whether its loop turns, None where it has none."""

    name: str
    command: Sequence[str]
    beat: Beat | None = None


@dataclass(slots=True, kw_only=True)
class _Child:
    """A program and its life so far; times are monotonic."""

    program: Program
    process: subprocess.Popen[bytes] | None = None
    began: float = 0.0
    not_before: float = 0.0
    failures: int = 0
    starts: list[float] = field(default_factory=list)


class Supervisor:
    """Runs programs until it is told to stop; `output` is where what they write goes."""

    def __init__(self, home: Path, programs: Sequence[Program], *, output: Path) -> None:
        self._home = home
        self._children = [_Child(program=program) for program in programs]
        self._output = output
        self._clock = SystemClock()
        self._wake = threading.Event()
        self._told: int | None = None
        self._anew = False

    def told_anew(self, _signum: int, _frame: object = None) -> None:
        """A signal's handler: end the programs in order and start them again."""
        self._anew = True
        self._wake.set()

    def told(self, signum: int, _frame: object = None) -> None:
        """A signal's handler: end everything in order; a second signal changes nothing."""
        self._told = self._told or signum
        self._wake.set()

    def run(self, *, meanwhile: Callable[[], None] = lambda: None) -> int:
        """Keep the programs alive; gives the exit code. `meanwhile` is called at each look, for a log on the screen.

        Raises:
            Temporary: another supervisor runs at this home.
        """
        with _lock(self._home):
            try:
                while self._told is None:
                    if self._anew:
                        self._anew = False
                        self._end_all()
                    for child in self._children:
                        self._keep(child)
                    meanwhile()
                    self._wake.wait(LOOK_SECONDS)
                    self._wake.clear()
            except _GivenUp as error:
                LOG.error("gave_up", extra={"why": str(error)})
                self._end_all()
                meanwhile()
                return error.code
            self._end_all()
            meanwhile()
        return INTERRUPTED if self._told == signal.SIGINT else 0

    def _keep(self, child: _Child) -> None:
        if child.process is None:
            if self._clock.monotonic() >= child.not_before:
                self._start(child)
            return
        code = child.process.poll()
        if code is not None:
            self._ended(child, code)
        elif self._is_frozen(child):
            LOG.error("frozen", extra={"program": child.program.name, "its_pid": child.process.pid})
            self._kill(child)

    def _start(self, child: _Child) -> None:
        now = self._clock.monotonic()
        child.starts = [at for at in child.starts if now - at < STARTS_SECONDS] + [now]
        if len(child.starts) > STARTS_MAX:
            raise _GivenUp(f"{child.program.name} ended {STARTS_MAX} times within a minute", GAVE_UP)
        self._output.parent.mkdir(parents=True, exist_ok=True)
        with self._output.open("ab") as output:
            # A session of its own: a Ctrl-C at the terminal is for this process, which then ends the others in order.
            child.process = subprocess.Popen(
                child.program.command, stdin=subprocess.DEVNULL, stdout=output, stderr=output, start_new_session=True
            )
        child.began = now
        LOG.info("started", extra={"program": child.program.name, "its_pid": child.process.pid})

    def _ended(self, child: _Child, code: int) -> None:
        LOG.warning("ended", extra={"program": child.program.name, "exit_code": code})
        child.process = None
        if code in HOPELESS:
            raise _GivenUp(f"{child.program.name} cannot work with this configuration", code)
        now = self._clock.monotonic()
        if now - child.began > STARTS_SECONDS:
            child.failures = 0
        pause = 0.0 if code == RESTART_EXIT_CODE else PAUSES[min(child.failures, len(PAUSES) - 1)]
        child.failures += 1
        child.not_before = now + pause

    def _is_frozen(self, child: _Child) -> bool:
        beat = child.program.beat
        if beat is None or child.process is None:
            return False
        age = beat.age(child.process.pid)
        if age is None:
            return self._clock.monotonic() - child.began > START_SECONDS
        return age > SILENT_SECONDS

    def _kill(self, child: _Child) -> None:
        """Nothing of it may live on: it is ended with everything it has started."""
        if child.process is None:
            return
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(child.process.pid, signal.SIGKILL)
        child.process.kill()
        child.process.wait()

    def _end_all(self) -> None:
        for child in self._children:
            if child.process is not None:
                child.process.terminate()
        ends = self._clock.monotonic() + STOP_SECONDS
        for child in self._children:
            if child.process is None:
                continue
            try:
                child.process.wait(max(0.0, ends - self._clock.monotonic()))
            except subprocess.TimeoutExpired:
                LOG.error("killed", extra={"program": child.program.name, "why": "it did not end in time"})
                self._kill(child)
            child.process, child.not_before, child.failures, child.starts = None, 0.0, 0, []
        LOG.info("all_ended")


class _GivenUp(Exception):
    """Starting again would not help."""

    def __init__(self, why: str, code: int) -> None:
        super().__init__(why)
        self.code = code


def supervisor_of(home: Path) -> int | None:
    """The process that supervises this home now; None when none does."""
    path = home / "data" / LOCK_FILE
    if not path.is_file():
        return None
    with path.open("r", encoding="utf-8") as handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            with suppress(ValueError):
                return int(json.loads(handle.read())["pid"])
            return 0
    return None


@contextmanager
def _lock(home: Path) -> Iterator[None]:
    path = home / "data" / LOCK_FILE
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a+", encoding="utf-8") as handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise Temporary(
                f"{home} must be started once, is run by process {supervisor_of(home)}; `invest stop` ends it"
            ) from error
        handle.seek(0)
        handle.truncate()
        handle.write(json.dumps({"pid": os.getpid()}))
        handle.flush()
        yield
