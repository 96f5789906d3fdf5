"""Virtual time: what is due next, the clock that a process reads, and the trace that two equal runs share."""

import heapq
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from hashlib import sha256

from prudent.clock import SystemClock

LAST_EVENTS = 60


class Trace:
    """What happened, in order: a digest over all of it, and the last lines for a person."""

    def __init__(self, *, keep: int = LAST_EVENTS) -> None:
        self._seal = sha256()
        self.lines: deque[str] = deque(maxlen=keep or None)
        self.count = 0

    def add(self, text: str) -> None:
        self.count += 1
        self._seal.update(text.encode())
        self._seal.update(b"\n")
        self.lines.append(text)

    def digest(self) -> str:
        return self._seal.hexdigest()


@dataclass(order=True, slots=True)
class Due:
    """One thing that will happen; equal times happen in the order in which they were set."""

    at: datetime
    number: int
    name: str = field(compare=False)
    act: Callable[[], None] = field(compare=False)


class Timeline:
    """True time. It moves only here, and everything due on the way happens on the way."""

    def __init__(self, start: datetime, trace: Trace) -> None:
        self.now = start
        self.start = start
        self.trace = trace
        self._due: list[Due] = []
        self._number = 0

    def at(self, moment: datetime, name: str, act: Callable[[], None]) -> None:
        """Let `act` happen at `moment`, or as soon as time moves if that has passed."""
        self._number += 1
        heapq.heappush(self._due, Due(max(moment, self.now), self._number, name, act))

    def after(self, seconds: float, name: str, act: Callable[[], None]) -> None:
        self.at(self.now + timedelta(seconds=seconds), name, act)

    def next_at(self) -> datetime | None:
        """When something happens next; None when nothing is left."""
        return self._due[0].at if self._due else None

    def step(self, until: datetime) -> bool:
        """Let the next thing due by `until` happen; False, and time stands at `until`, when there is none."""
        if self._due and self._due[0].at <= until:
            due = heapq.heappop(self._due)
            self.now = max(self.now, due.at)
            self.trace.add(f"{self.now:%d %H:%M:%S.%f} {due.name}")
            due.act()
            return True
        self.now = max(self.now, until)
        return False

    def run(self, until: datetime) -> None:
        """Move time to `until`."""
        while self.step(until):
            pass

    def seconds(self, seconds: float) -> None:
        """Move time on."""
        self.run(self.now + timedelta(seconds=seconds))


class ProcessClock(SystemClock):
    """The clock of one process: true time and the machine's error; like every clock it never goes backwards."""

    def __init__(self, timeline: Timeline) -> None:
        self._timeline = timeline
        self.skew = timedelta(0)
        self._latest = timeline.now

    def now(self) -> datetime:
        self._latest = max(self._latest, self._timeline.now + self.skew)
        return self._latest

    def monotonic(self) -> float:
        return (self._timeline.now - self._timeline.start) / timedelta(seconds=1)

    def pause(self, seconds: float) -> None:
        self._timeline.seconds(seconds)
