"""How often a login may be tried: a pure count in windows with growing waits, and never for ever.

An attempt counts from the moment it is admitted, so a hundred at once are a hundred; a success takes its own away.
The wait is per account and per address. A device that has been logged in to the account before is counted apart,
so that a stranger's guesses cannot keep its owner out.
"""

import threading
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from ipaddress import IPv6Address, ip_address

WINDOW = timedelta(minutes=15)
ACCOUNT_TRIES = 5
ADDRESS_TRIES = 20
# After the n-th failure in the window the next try waits this long.
WAITS = tuple(timedelta(seconds=s) for s in (0, 0, 1, 4, 16))
_NO_WAITS = (timedelta(),)
_SWEEP_AT = 4_096


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """One try at a login. `device` is a stored mark of a device that was logged in to this account before."""

    account: str
    address: str = ""
    device: str | None = None


@dataclass(slots=True)
class _Tries:
    at: deque[datetime] = field(default_factory=deque)

    def forget(self, now: datetime) -> None:
        while self.at and now - self.at[0] >= WINDOW:
            self.at.popleft()

    def wait(self, now: datetime, limit: int, waits: Sequence[timedelta]) -> timedelta:
        """How long the next try must still wait: for room in the window, and after the last try."""
        self.forget(now)
        if not self.at:
            return timedelta()
        room = self.at[len(self.at) - limit] + WINDOW if len(self.at) >= limit else now
        growing = waits[min(len(self.at), limit - 1, len(waits) - 1)]
        return max(timedelta(), room - now, self.at[-1] + growing - now)


class Throttle:
    """Counts tries; shared by the threads of one process."""

    def __init__(self) -> None:
        self._tries: dict[str, _Tries] = {}
        self._sweep_at = _SWEEP_AT
        self._lock = threading.Lock()

    def admit(self, attempt: Attempt, now: datetime) -> timedelta:
        """Zero, and the try is counted; or how long to wait, and it is not."""
        with self._lock:
            if len(self._tries) >= self._sweep_at:
                self._sweep(now)
            keys = _keys(attempt)
            wait = max(self._tries.get(key, _Tries()).wait(now, *limits) for key, limits in keys.items())
            if wait == timedelta():
                for key in keys:
                    self._tries.setdefault(key, _Tries()).at.append(now)
            return wait

    def succeeded(self, attempt: Attempt) -> int:
        """Forget the tries of the account from here; gives how many had failed. The address keeps the others' tries."""
        with self._lock:
            own, *addresses = _keys(attempt)
            failed = len(self._tries.pop(own, _Tries()).at) - 1
            for key in addresses:
                at = self._tries.get(key, _Tries()).at
                if at:
                    at.pop()
            return max(failed, 0)

    def _sweep(self, now: datetime) -> None:
        for key, tries in list(self._tries.items()):
            tries.forget(now)
            if not tries.at:
                del self._tries[key]
        # Twice what is left, so that a flood of names does not make every try walk through all of them.
        self._sweep_at = max(_SWEEP_AT, 2 * len(self._tries))


def _keys(attempt: Attempt) -> dict[str, tuple[int, Sequence[timedelta]]]:
    """What the try counts for, that of the account first: how many fit in the window, and the waits between them."""
    own = f"device {attempt.device} {attempt.account}" if attempt.device else f"account {attempt.account}"
    address = {f"address {_network(attempt.address)}": (ADDRESS_TRIES, _NO_WAITS)} if attempt.address else {}
    return {own: (ACCOUNT_TRIES, WAITS), **address}


def _network(address: str) -> str:
    """The address as one customer holds it: an IPv6 subscriber has 2^64 of them."""
    try:
        parsed = ip_address(address)
    except ValueError:
        return address
    if not isinstance(parsed, IPv6Address):
        return str(parsed)
    if parsed.ipv4_mapped is not None:
        return str(parsed.ipv4_mapped)
    return str(IPv6Address(int(parsed) >> 64 << 64))
