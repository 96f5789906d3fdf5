"""The pace of orders: so many a second for one account and for the whole process; who is too fast waits."""

from collections import deque
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext

from prudent.guards.catalogue import ORDERS_PER_SECOND_MAX
from prudent.ports import Clock

ACCOUNT_PER_SECOND = int(ORDERS_PER_SECOND_MAX)
PLATFORM_PER_SECOND = 20
WINDOW_SECONDS = 1.0
ALONE = nullcontext()
STEP_SECONDS = 0.001


class Pace:
    """Counts what was sent in the last second, on the clock's own seconds; shared by all accounts of a process.

    `pause` lets that many seconds pass on the clock; `lock` keeps the threads of a process apart.
    """

    def __init__(
        self, clock: Clock, pause: Callable[[float], None], *, lock: AbstractContextManager[object] = ALONE
    ) -> None:
        self._clock = clock
        self._pause = pause
        self._lock = lock
        self._platform: deque[float] = deque(maxlen=PLATFORM_PER_SECOND)
        self._accounts: dict[str, deque[float]] = {}

    def turn(self, account: str, within: float) -> bool:
        """Wait until the account may send one more order; False when that is not so `within` that many seconds."""
        end = self._clock.monotonic() + within
        while True:
            delay = self._take(account)
            if delay <= 0.0:
                return True
            if self._clock.monotonic() + delay > end:
                return False
            self._pause(max(delay, STEP_SECONDS))

    def _take(self, account: str) -> float:
        """Take the place if there is one now (0), else how long until there may be one."""
        with self._lock:
            now = self._clock.monotonic()
            sent = self._accounts.setdefault(account, deque(maxlen=ACCOUNT_PER_SECOND))
            delay = max(_until_free(each, now) for each in (sent, self._platform))
            if delay <= 0.0:
                sent.append(now)
                self._platform.append(now)
            return delay


def _until_free(sent: deque[float], now: float) -> float:
    """Seconds until fewer than the most lie in the window that ends then."""
    return sent[0] + WINDOW_SECONDS - now if len(sent) == sent.maxlen else 0.0
