"""The engine: a process that claims requests, does them as durable workflows, keeps watch, and stops when it is told.

One thread looks for requests, beats and starts what is due; it never waits for work itself. Requests run in threads of
the workflow library, watches in threads of their own. What is under way when the process ends goes on at the next
start.
"""

import logging
import os
import socket
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from prudent.clock import SystemClock
from prudent.domain.errors import DeskError
from prudent.domain.notices import Event
from prudent.ledger.engines import EngineRow, EngineStatus
from prudent.workflows.beat import engine_beat
from prudent.workflows.desks import Desks
from prudent.workflows.doing import Doing
from prudent.workflows.durable import Durable, place_of
from prudent.workflows.failover import Failover
from prudent.workflows.lease import engine_id, home_lease
from prudent.workflows.memory import RESTART_EXIT_CODE
from prudent.workflows.notices import happened, tell
from prudent.workflows.watches import Watches

LOG = logging.getLogger("prudent.engine")
LOOK_SECONDS = 0.025
BEAT_SECONDS = 5.0
STOP_SECONDS = 25.0
_OUTAGE_SECONDS = 1.0

Ready = Callable[[EngineRow], None]


def serve(home: Path, *, ready: Ready = lambda row: None, stop: threading.Event | None = None) -> int:
    """Be the engine of a home until `stop` is set; gives the exit code of its process.

    Raises:
        Temporary: another process works at this home.
    """
    with home_lease(home):
        return Serving(home, stop or threading.Event()).serve(ready)


class Serving:
    """One engine's life; the caller holds the home's lock."""

    def __init__(self, home: Path, stop: threading.Event) -> None:
        self._wall = SystemClock()
        self._stop = stop
        self._code = 0
        self._desks = Desks(home, holder=engine_id(home))
        first = self._desks.first
        self._engines = first.ledger.engines
        self.row = EngineRow(
            id=self._desks.holder, host=socket.gethostname(), pid=os.getpid(), started=self._wall.now(),
            beat=self._wall.now(), status=EngineStatus.RUNNING, code_version=first.code_version,
        )  # fmt: skip
        self._doing = Doing(
            self._desks, engine=self.row.id, workers=first.loaded.settings.engine.workers, stop=self._stop
        )
        place = place_of(home, first.loaded.settings.database.url)
        self._durable = Durable(place, executor=self.row.id, perform=self._doing.perform)
        self._failover = Failover(self._desks, self._durable, self.row)
        self._watches = Watches(self._desks, engine=self.row.id, failover=self._failover, restart=self._restart)
        self._last_beat = float("-inf")
        self._beat_file = engine_beat(home)

    def _restart(self, reason: str) -> None:
        """Stop soon, and ask whoever started this process to start it again."""
        LOG.warning("restart_wanted", extra={"why": reason})
        self._code = RESTART_EXIT_CODE
        self._stop.set()

    def serve(self, ready: Ready) -> int:
        """Settle what an earlier life left, take requests until told to stop, and leave in order."""
        self._watches.settle()
        self._durable.launch()
        try:
            self._engines.started(self.row)
            self._failover.take_up_own()
            self._watches.start()
            self._tell(Event.ENGINE_STARTED, f"engine {self.row.id} has started")
            self._beat_file.touch()
            LOG.info("engine_ready", extra={"engine": self.row.id})
            ready(self.row)
            self._loop()
        finally:
            self._leave()
        return self._code

    def _loop(self) -> None:
        looks = (
            self._beat, lambda: self._doing.claim(self._durable),
            lambda: self._doing.take_up_paused(self._durable), self._watches.look,
        )  # fmt: skip
        while not self._stop.wait(LOOK_SECONDS):
            try:
                for look in looks:
                    self._beat_file.touch()
                    look()
            except DeskError as error:
                # The ledger's server may be away for a while; what is under way goes on when it is back.
                LOG.error("engine_cannot_look", extra={"why": str(error)})
                self._stop.wait(_OUTAGE_SECONDS)

    def _beat(self) -> None:
        now = self._wall.monotonic()
        if now - self._last_beat < BEAT_SECONDS:
            return
        if self._engines.beat(self.row, at=self._wall.now()):
            self._last_beat = now
        else:
            self._restart("another engine took over, for this one was silent too long, or it has a later life")

    def _leave(self) -> None:
        """Let each step in flight end, give leases back, say goodbye; what is left goes on at the next start."""
        self._stop.set()
        self._doing.close()
        ends = self._wall.monotonic() + STOP_SECONDS
        pause = threading.Event()
        while self._doing.count and self._wall.monotonic() < ends:
            pause.wait(LOOK_SECONDS)
        self._tell(Event.ENGINE_STOPPED, f"engine {self.row.id} has stopped")
        self._watches.stop()
        self._desks.close()
        self._durable.close()
        with suppress(DeskError):
            self._engines.beat(self.row, at=self._wall.now(), status=EngineStatus.STOPPED)
        self._beat_file.end()
        LOG.info("engine_stopped", extra={"engine": self.row.id, "left": self._doing.count})

    def _tell(self, event: Event, title: str) -> None:
        with suppress(DeskError):
            desk = self._desks.first
            tell(desk, happened(desk, event, title, subject=f"{self.row.id}/{self.row.pid}"))
