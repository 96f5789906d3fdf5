"""The worker processes of a sweep at one home: started, watched, started again where one is lost, and ended."""

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from prudent.clock import SystemClock
from prudent.domain.errors import DeskError
from prudent.workflows.lease import engine_id
from prudent.workflows.sweep_journal import SweepJournal
from prudent.workflows.sweep_worker import executor_of

LOOK_SECONDS = 1.0
SILENT_SECONDS = 20.0
END_SECONDS = 15.0
# So many more starts than workers: a combination that ends its process each time must not do so for ever.
RESTARTS = 3
OUTPUT_FILE = "sweep.log"

Watch = Callable[[], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Post:
    """Where workers work: the home, its owner, the sweep, and how many of them."""

    home: Path
    owner: str
    name: str
    workers: int


def conduct(journal: SweepJournal, post: Post, *, watch: Watch = lambda: None, cancels: bool) -> None:
    """Work until nothing of the sweep is under way; `cancels`: an interruption takes what waits out of the queue.

    Raises:
        DeskError: its workers end again and again; the message has their last words.
    """
    pause, silence = threading.Event(), _Silence(journal, post)
    try:
        with _crew(journal, post) as crew:
            while journal.under_way(post.name):
                crew.keep()
                silence.give_back()
                watch()
                pause.wait(LOOK_SECONDS)
            watch()
    except BaseException:
        if cancels:
            journal.cancel(post.name)
        raise


class _Crew:
    """The processes; one that ends by itself is started again, for a limited number of times."""

    def __init__(self, journal: SweepJournal, post: Post) -> None:
        self._journal = journal
        self._post = post
        self._processes: list[subprocess.Popen[bytes]] = []
        self._output = post.home / "logs" / OUTPUT_FILE
        self._starts_left = post.workers + RESTARTS
        self._said_from = self._output.stat().st_size if self._output.is_file() else 0

    def keep(self) -> None:
        for process in [each for each in self._processes if each.poll() is not None]:
            self._processes.remove(process)
            self._journal.give_back(executor_of(self._post.home, process.pid))
        while len(self._processes) < self._post.workers:
            if self._starts_left == 0:
                said = "\n  ".join(self._said())
                raise DeskError(f"the workers of the sweep end again and again; they said last:\n  {said}")
            self._starts_left -= 1
            self._processes.append(self._start())

    def _start(self) -> subprocess.Popen[bytes]:
        post = self._post
        self._output.parent.mkdir(parents=True, exist_ok=True)
        with self._output.open("ab") as output:
            # A session of its own: a Ctrl-C at the terminal is for this process, which then ends the others.
            return subprocess.Popen(
                [sys.executable, "-m", "prudent", "sweep", "work", post.name, "--home", str(post.home), "--owner",
                 post.owner, "--parent", str(os.getpid())],
                stdin=subprocess.DEVNULL, stdout=output, stderr=output, start_new_session=True,
            )  # fmt: skip

    def end(self) -> None:
        """End them all, in order where they can; what they had taken goes back to the queue."""
        clock = SystemClock()
        for process in self._processes:
            process.send_signal(signal.SIGTERM)
        ends = clock.monotonic() + END_SECONDS
        for process in self._processes:
            try:
                process.wait(max(0.0, ends - clock.monotonic()))
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
            self._journal.give_back(executor_of(self._post.home, process.pid))
        self._processes.clear()

    def _said(self) -> list[str]:
        if not self._output.is_file():
            return []
        text = self._output.read_bytes()[self._said_from :].decode(errors="replace")
        return text.splitlines()[-3:]


@contextmanager
def _crew(journal: SweepJournal, post: Post) -> Iterator[_Crew]:
    crew = _Crew(journal, post)
    try:
        yield crew
    finally:
        crew.end()


class _Silence:
    """Gives back what workers had taken that are gone: processes of this home at once, others once they are silent.

    Silence is measured by this process's own clock, so that clocks of machines need not agree.
    """

    def __init__(self, journal: SweepJournal, post: Post) -> None:
        self._journal = journal
        self._post = post
        self._here = f"{engine_id(post.home)}:"
        self._clock = SystemClock()
        self._seen: dict[str, tuple[str, float]] = {}

    def give_back(self) -> None:
        now = self._clock.monotonic()
        for taken in self._journal.taken(self._post.name):
            beat = f"{taken.executor} {taken.beat}"
            known = self._seen.get(taken.id)
            if known is None or known[0] != beat:
                self._seen[taken.id] = known = (beat, now)
            if self._is_gone(taken.executor) or now - known[1] > SILENT_SECONDS:
                self._journal.give_back(taken.executor)

    def _is_gone(self, executor: str) -> bool:
        if not executor.startswith(self._here):
            return False
        try:
            os.kill(int(executor.rpartition(":")[2]), 0)
        except ProcessLookupError:
            return True
        except PermissionError:
            return False
        return False
