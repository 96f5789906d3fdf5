"""When an engine goes silent, another takes over what it had begun; a late word of the silent one is refused."""

import logging

from prudent.clock import SystemClock
from prudent.domain.notices import Event
from prudent.ledger.engines import EngineRow, EngineStatus
from prudent.workflows.desks import Desks
from prudent.workflows.durable import Durable
from prudent.workflows.notices import happened, tell

LOG = logging.getLogger("prudent.engine")


class Failover:
    """What one engine does about the others, and about its own earlier life.

    A silent engine's leases run out before it counts as lost, and each new holder has a higher epoch; so what it still
    sends, if it wakes up, is refused by the ledger.
    """

    def __init__(self, desks: Desks, durable: Durable, own: EngineRow) -> None:
        self._desks = desks
        self._durable = durable
        self._own = own
        self._engines = desks.first.ledger.engines
        self._wall = SystemClock()
        self._adopted: set[tuple[str, int]] = set()

    def look(self) -> None:
        """Find engines that have gone silent, and let their work go on here. Every engine does; it is done once."""
        for engine in self._engines.all():
            if engine.id == self._own.id:
                continue
            if engine.silent(self._wall.now()) and self._engines.lost(engine):
                self._tell(engine)
            elif engine.status is EngineStatus.LOST and (engine.id, engine.pid) not in self._adopted:
                self._durable.adopt([engine.id])
                self._take_up(engine.id)
                self._adopted.add((engine.id, engine.pid))

    def is_first(self) -> bool:
        """Whether this engine keeps the watches of all: the live one whose name sorts first."""
        now = self._wall.now()
        return self._own.id == min((each.id for each in self._engines.all() if each.lives(now)), default=self._own.id)

    def _tell(self, lost: EngineRow) -> None:
        said = f"engine {lost.id} on {lost.host} is silent since {lost.beat:%H:%M:%S} UTC; others go on with its work"
        LOG.warning("engine_lost", extra={"engine": lost.id, "its_pid": lost.pid})
        tell(self._desks.first, happened(self._desks.first, Event.ENGINE_LOST, said, subject=f"{lost.id}/{lost.pid}"))

    def take_up_own(self) -> None:
        """Begin what this engine had claimed in an earlier life and its workflow library never heard of."""
        self._take_up(self._own.id)

    def _take_up(self, engine: str) -> None:
        for owner in self._desks.owners():
            requests = self._desks.ledger(owner).requests
            for request in requests.claimed_by(engine):
                mine = engine == self._own.id or requests.take_over(
                    request.id, engine, self._own.id, at=self._wall.now()
                )
                if mine and not self._durable.knows(owner, request.id):
                    self._durable.start(owner, request.id)
