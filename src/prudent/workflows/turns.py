"""Whose turn it is on an account inside one process: one piece of work at a time, whichever thread does it."""

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from prudent.clock import SystemClock
from prudent.domain.errors import Temporary

_LOOK_SECONDS = 0.2
Place = tuple[str, str]


class Busy(Temporary):
    """Somebody else works on the account now; nothing was done."""


class Turns:
    """Accounts, each as (owner, account), that are being worked on."""

    def __init__(self) -> None:
        self._busy: set[Place] = set()
        self._changed = threading.Condition()
        self._clock = SystemClock()

    def is_free(self, places: Sequence[Place]) -> bool:
        with self._changed:
            return self._busy.isdisjoint(places)

    @contextmanager
    def taken(self, places: Sequence[Place], *, seconds: float, stop: threading.Event | None = None) -> Iterator[None]:
        """Have all these accounts to oneself, waiting up to `seconds`.

        Raises:
            Busy: another piece of work did not end in time, or `stop` was set.
        """
        ends = self._clock.monotonic() + seconds
        with self._changed:
            while not self._busy.isdisjoint(places):
                left = ends - self._clock.monotonic()
                if left <= 0 or (stop is not None and stop.is_set()):
                    names = ", ".join(sorted(account for _owner, account in self._busy.intersection(places)))
                    raise Busy(f"account {names} must be free to be worked on, was busy; try again in a while")
                self._changed.wait(min(left, _LOOK_SECONDS))
            self._busy.update(places)
        try:
            yield
        finally:
            with self._changed:
                self._busy.difference_update(places)
                self._changed.notify_all()
