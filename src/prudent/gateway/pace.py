"""The gateway's clock: wall time, market hours one after the other at wall pace, faster than life, or by the step."""

import re
import threading
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Protocol

from prudent.clock import SystemClock
from prudent.domain.errors import InputError
from prudent.ports import Calendar, Clock

# How long the session pace stays after a close: what ends or fills there is still seen at its time.
DWELL = timedelta(seconds=60)
SPEED_MAX = 100_000


class Mode(StrEnum):
    SESSION = "session"
    WALL = "wall"
    TIMES = "times"
    STEP = "step"


class Pace(Protocol):
    """A clock of the market that also says how fast it goes; what it showed, it never goes behind again."""

    @property
    def mode(self) -> Mode: ...

    @property
    def speed(self) -> float:
        """Market seconds in one second of the wall; 0 for a clock that is moved by hand."""

    def now(self) -> datetime: ...

    def monotonic(self) -> float: ...


class WallPace:
    """The time of the machine.

    Raises:
        InputError: the moment that was saved has not come yet.
    """

    mode = Mode.WALL
    speed = 1.0

    def __init__(self, wall: Clock, saved: datetime | None = None) -> None:
        now = wall.now()
        if saved is not None and saved > now:
            raise InputError(
                f"the gateway's books must not be ahead of the wall clock, they stand at {saved.isoformat()} and it "
                f"shows {now.isoformat()}; take another --clock, or another --db"
            )
        self._wall = wall

    def now(self) -> datetime:
        return self._wall.now()

    def monotonic(self) -> float:
        return self._wall.monotonic()


class _Moving:
    """A clock that begins at a moment and follows the wall's seconds from there; nothing passes while it is down."""

    def __init__(self, wall: Clock, start: datetime, speed: float) -> None:
        self._wall = wall
        self._lock = threading.Lock()
        self._start = self._base = start
        self._mark = wall.monotonic()
        self.speed = speed

    def now(self) -> datetime:
        with self._lock:
            return self._place()

    def monotonic(self) -> float:
        """Market seconds since the clock began, pauses it leapt over included."""
        return (self.now() - self._start) / timedelta(seconds=1)

    def _place(self) -> datetime:
        return self._base + timedelta(seconds=(self._wall.monotonic() - self._mark) * self.speed)


class TimesPace(_Moving):
    """Every hour of the market, nights and weekends too, `speed` times as fast as life."""

    mode = Mode.TIMES


class SessionPace(_Moving):
    """Wall pace, but always in hours: a minute after each close it stands at the next session's open.

    After the last session of the source the calendar's next ones follow, in which the series are carried on.
    """

    mode = Mode.SESSION

    def __init__(self, wall: Clock, start: datetime, calendar: Calendar) -> None:
        self._calendar = calendar
        today = calendar.session_of(start)
        inside = today.open <= start <= today.close + DWELL
        super().__init__(wall, start if inside else calendar.next_open(start), 1.0)

    def _place(self) -> datetime:
        place = super()._place()
        while (over := place - self._leave()) > timedelta(0):
            # What has passed beyond the dwell goes on from the next open.
            passed = (place - self._base - over) / timedelta(seconds=1)
            self._base, self._mark = self._calendar.next_open(self._leave()), self._mark + passed
            place = super()._place()
        return place

    def _leave(self) -> datetime:
        return self._calendar.session_of(self._base).close + DWELL


class StepPace:
    """A clock that stands until it is moved: for tests, and for whoever drives a market from outside."""

    mode = Mode.STEP
    speed = 0.0

    def __init__(self, start: datetime) -> None:
        self._lock = threading.Lock()
        self._start = self._now = start

    def now(self) -> datetime:
        return self._now

    def monotonic(self) -> float:
        return (self._now - self._start) / timedelta(seconds=1)

    def move_to(self, moment: datetime) -> None:
        """Stand at `moment`.

        Raises:
            InputError: it lies before the present one.
        """
        with self._lock:
            if moment < self._now:
                raise InputError(
                    f"the clock must not go back, it stands at {self._now.isoformat()} and {moment.isoformat()} was "
                    "asked for; give a later moment"
                )
            self._now = moment

    def move_by(self, seconds: float) -> None:
        """Go on by that many seconds."""
        self.move_to(self._now + timedelta(seconds=seconds))


def pace_of(
    text: str, calendar: Calendar, *, last: date, saved: datetime | None = None, wall: Clock | None = None
) -> Pace:
    """The clock that `session`, `wall`, `x10` or `step` names.

    All but the wall begin at the open of `last`, or go on from `saved`, the moment at which they were left.

    Raises:
        InputError: the text names no clock, or the saved moment lies ahead of the wall.
    """
    machine = wall or SystemClock()
    name = text.strip().lower()
    if name == Mode.WALL:
        return WallPace(machine, saved)
    start = saved or calendar.sessions(last, last)[0].open
    if name == Mode.SESSION:
        return SessionPace(machine, start, calendar)
    if name == Mode.STEP:
        return StepPace(start)
    match = re.fullmatch(r"x(\d{1,6}(?:\.\d+)?)", name)
    speed = float(match[1]) if match else 0.0
    if not 0.0 < speed <= SPEED_MAX:
        raise InputError(f"clock must be session, wall, step or x1 to x{SPEED_MAX}, was {text!r}; choose one")
    return TimesPace(machine, start, speed)
