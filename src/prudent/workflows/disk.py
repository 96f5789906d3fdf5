"""Free space under the home: when little is left nothing new may be opened, before a database finds out."""

import logging
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from prudent.bootstrap import Desk
from prudent.domain.accounts import TradingState
from prudent.domain.notices import Event, Notice
from prudent.ledger.schema import PLATFORM
from prudent.workflows.notices import happened

LOG = logging.getLogger("prudent.disk")
GIB = 2**30
FREE_BYTES_MIN = GIB
FREE_SHARE_MIN = 0.05
# Room must come back by a tenth more than it was missed at, so that the state does not flutter.
RELIEF = 1.1
# The mark by which the watch knows its own halt; no other reason begins so.
OWN_REASON = "the disk is nearly full"


@dataclass(frozen=True, slots=True, kw_only=True)
class Space:
    """Bytes of the file system that the home lies on."""

    free: int
    total: int

    def enough(self, *, factor: float = 1.0) -> bool:
        return self.free >= FREE_BYTES_MIN * factor and self.free >= self.total * FREE_SHARE_MIN * factor

    def __str__(self) -> str:
        return f"{self.free / GIB:.2f} GiB free of {self.total / GIB:.1f} GiB"


class DiskWatch:
    """Sets the platform to REDUCING while space is short, and lifts what it set itself, and only that.

    A stop that a person set is left as it is, whichever came first; a person who resumes while space is short finds
    the platform reduced again at the next look. `others` are desks of more owners at the same disk; it is told of once.
    """

    def __init__(
        self, desk: Desk, *, tell: Callable[[Notice], object], read: Callable[[], Space] | None = None,
        others: Callable[[], Sequence[Desk]] = lambda: (),
    ) -> None:  # fmt: skip
        self._desk = desk
        self._tell = tell
        self._read = read or (lambda: space_of(desk))
        self._others = others

    def check(self) -> Space:
        """One look; what was found."""
        space = self._read()
        desks = (self._desk, *self._others())
        if not space.enough():
            LOG.warning("disk_low", extra={"free_bytes": space.free, "total_bytes": space.total})
            self._stop(space, [each for each in desks if each.ledger.state(PLATFORM)[0] is TradingState.ACTIVE])
        elif space.enough(factor=RELIEF):
            self._lift(space, [each for each in desks if _is_own(*each.ledger.state(PLATFORM))])
        return space

    def _stop(self, space: Space, desks: Sequence[Desk]) -> None:
        if not desks:
            return
        reason = f"{OWN_REASON}: {space}; free some, then it is lifted by itself"
        # Told first: the notice needs the room that is left, and is worth more than the state's own row.
        self._tell(happened(self._desk, Event.DISK_LOW, f"nothing new is opened: {OWN_REASON}", str(space)))
        for desk in desks:
            desk.ledger.set_state(PLATFORM, TradingState.REDUCING, reason=reason, at=desk.clock.now())

    def _lift(self, space: Space, desks: Sequence[Desk]) -> None:
        if not desks:
            return
        reason = f"the disk has room again: {space}"
        for desk in desks:
            desk.ledger.set_state(PLATFORM, TradingState.ACTIVE, reason=reason, at=desk.clock.now())
        self._tell(happened(self._desk, Event.DISK_OK, "the disk has room again, trading goes on", str(space)))


def _is_own(state: TradingState, reason: str) -> bool:
    return state is TradingState.REDUCING and reason.startswith(OWN_REASON)


def space_of(desk: Desk) -> Space:
    """Free and whole space of the file system of the home."""
    found = shutil.disk_usage(desk.home)
    return Space(free=found.free, total=found.total)
