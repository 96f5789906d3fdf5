"""How many messages may leave: never more than so many in any sliding second, some of them kept free for orders."""

from collections import deque

# The gateway counts fifty in a second and ends who sends more; what the line delays may arrive closer together.
MESSAGES_MAX = 40
WINDOW_SECONDS = 1.1
KEPT_FREE = 10


class Pace:
    """The messages of the last second; times are in seconds on one monotonic clock, given from outside."""

    def __init__(self, most: int = MESSAGES_MAX, window: float = WINDOW_SECONDS) -> None:
        self._most = most
        self._window = window
        self._times: deque[float] = deque()

    def wait(self, now: float, *, free: int = 0) -> float:
        """Seconds until one more may leave; `free` are those that are kept for others."""
        self._forget(now)
        surplus = len(self._times) - (self._most - free)
        if surplus < 0:
            return 0.0
        return max(self._times[surplus] + self._window - now, 0.001)

    def left(self, now: float) -> None:
        """One more has left."""
        self._forget(now)
        self._times.append(now)

    def _forget(self, now: float) -> None:
        while self._times and now - self._times[0] >= self._window:
            self._times.popleft()
