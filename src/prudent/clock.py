"""The only module that asks the machine for the time; everything else is given a clock."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

_moved = timedelta(0)


@contextmanager
def wall_time_moved(by: timedelta) -> Iterator[None]:
    """Let every `SystemClock` show a time that is off by `by`: what is decided may not depend on it."""
    global _moved
    before, _moved = _moved, by
    try:
        yield
    finally:
        _moved = before


class SystemClock:
    """Wall time in UTC, held from going backwards when the machine's clock is set back."""

    def __init__(self) -> None:
        self._latest = datetime.now(UTC)

    def now(self) -> datetime:
        self._latest = max(self._latest, datetime.now(UTC))
        return self._latest + _moved

    def monotonic(self) -> float:
        return time.monotonic()

    def pause(self, seconds: float) -> None:
        """Let that many seconds pass."""
        threading.Event().wait(seconds)


class OffsetClock(SystemClock):
    """Wall time plus a distance told once: the clock of a venue that does not stand at the world's time."""

    def __init__(self, distance: timedelta) -> None:
        super().__init__()
        self._distance = distance

    def now(self) -> datetime:
        return super().now() + self._distance


class SimulatedClock:
    """A clock that moves only when told to; `on_move` persists where it stands."""

    def __init__(self, start: datetime, *, on_move: Callable[[datetime], None] | None = None) -> None:
        if start.tzinfo is None:
            raise ValueError(f"a clock needs an aware time, was {start!r}")
        self._now = start.astimezone(UTC)
        self._start = self._now
        self._on_move = on_move
        self._lock = threading.RLock()

    def now(self) -> datetime:
        return self._now

    def monotonic(self) -> float:
        return (self._now - self._start) / timedelta(seconds=1)

    def pause(self, seconds: float) -> None:
        """Let that many seconds pass on this clock; nobody waits for it."""
        with self._lock:
            self.move_to(self._now + timedelta(seconds=seconds))

    def move_to(self, moment: datetime) -> None:
        """Stand at `moment`; a move backwards raises ValueError, for nothing known can be unlearned."""
        with self._lock:
            if moment < self._now:
                raise ValueError(
                    f"the clock stands at {self._now.isoformat()} and cannot go back to {moment.isoformat()}"
                )
            if moment != self._now:
                self._now = moment.astimezone(UTC)
                if self._on_move is not None:
                    self._on_move(self._now)
