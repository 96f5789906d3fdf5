"""The trail of a backtest: what each stage of each cycle gave and when, kept whole and compared by a run after it."""

import zlib
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime

from prudent.domain.errors import DeskError
from prudent.domain.records import Json
from prudent.domain.spelling import spelled
from prudent.pipeline.replay import first_difference
from prudent.ports import Clock, Steps, T

# Stages whose outcome is a decision, as a person counts them.
DECIDED = "decide"


@dataclass(frozen=True, slots=True)
class Event:
    """What one stage of one cycle gave, known at `at`; `packed` is its canonical bytes, compressed."""

    at: datetime
    cycle: str
    stage: str
    packed: bytes

    def value(self) -> Json:
        import json

        found: Json = json.loads(zlib.decompress(self.packed))
        return found


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """The first place at which a run was not as the one before it; `at` is when that was settled."""

    at: datetime
    cycle: str
    stage: str
    path: str
    was: str
    now: str

    def __str__(self) -> str:
        where = f" at {self.path}" if self.path else ""
        when = f"{self.at:%Y-%m-%d %H:%M}"
        return f"{self.cycle or 'the run'}, {self.stage}{where}, {when}: was {self.was}, is {self.now}"


class Diverged(Exception):
    """Ends a run at its first difference from the one that it follows."""

    def __init__(self, difference: Difference) -> None:
        super().__init__(str(difference))
        self.difference = difference


@dataclass(slots=True)
class Trail:
    """The events of a run in their order; time never goes backwards in it."""

    events: list[Event] = field(default_factory=list)

    def upto(self, moment: datetime) -> int:
        """How many events were settled by then."""
        return sum(event.at <= moment for event in self.events)


def pack(value: object) -> bytes:
    return zlib.compress(spelled(value).encode(), 1)


class Tracing:
    """Implements `Steps` for one cycle: runs each stage and adds what it gave to a trail."""

    def __init__(self, take: Callable[[Event], None], clock: Clock, cycle: str) -> None:
        self._take = take
        self._clock = clock
        self._cycle = cycle

    def run(self, name: str, action: Callable[[], T], *, of: type[T]) -> T:
        del of
        try:
            found = action()
        except DeskError as error:
            self._take(Event(self._clock.now(), self._cycle, name, pack({"failed": str(error)})))
            raise
        self._take(Event(self._clock.now(), self._cycle, name, pack(found)))
        return found


@dataclass(slots=True)
class Follower:
    """Compares the events of a run with those of another up to `until`; counts the decisions that it has seen alike.

    Raises:
        Diverged: an event differs, is missing or is one more.
    """

    trail: Trail
    until: datetime
    place: int = 0
    later_differ: bool = False

    def take(self, event: Event) -> None:
        known = self.trail.events[self.place] if self.place < len(self.trail.events) else None
        self.place += 1
        if event.at > self.until:
            self._not_fewer(known, event.at)
            self.later_differ = self.later_differ or known is None or known.packed != event.packed
            return
        if known is None or known.at > self.until:
            raise Diverged(_one_more(event))
        if known != event:
            raise Diverged(_difference(known, event))

    def end(self, now: datetime) -> None:
        """What the run must have come to by its end, at the clock's time `now`."""
        self._not_fewer(self.trail.events[self.place] if self.place < len(self.trail.events) else None, now)

    def _not_fewer(self, known: Event | None, now: datetime) -> None:
        if known is not None and known.at <= self.until:
            raise Diverged(Difference(
                at=known.at, cycle=known.cycle, stage=known.stage, path="", was="there", now=f"not there by {now}"
            ))  # fmt: skip


def _one_more(event: Event) -> Difference:
    return Difference(at=event.at, cycle=event.cycle, stage=event.stage, path="", was="not there", now="there")


def _difference(known: Event, event: Event) -> Difference:
    if (known.cycle, known.stage) != (event.cycle, event.stage) or known.at != event.at:
        return Difference(
            at=min(known.at, event.at), cycle=known.cycle, stage=known.stage, path="",
            was=f"{known.cycle} {known.stage} {known.at:%Y-%m-%d %H:%M}",
            now=f"{event.cycle} {event.stage} {event.at:%Y-%m-%d %H:%M}",
        )  # fmt: skip
    path, was, now = first_difference(known.value(), event.value())
    return Difference(at=event.at, cycle=event.cycle, stage=event.stage, path=path, was=was, now=now)


StepsOf = Callable[[str], Steps]


def tracing(take: Callable[[Event], None], clock: Clock) -> StepsOf:
    """The steps of each cycle of a run."""
    return lambda cycle: Tracing(take, clock, cycle)
