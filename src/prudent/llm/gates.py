"""What all accounts of a process share of one model server: its slots, and a breaker that spares a failing one."""

import threading
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from prudent.domain.errors import DeskError, Temporary

FAILURES_MAX = 5
WITHIN_SECONDS = 300.0


class Gate:
    """One server's gate: at most `slots` questions at a time, and none after FAILURES_MAX failures in WITHIN_SECONDS.

    `elapsed` tells seconds that pass. Failures are counted apart for each served model; an answer forgives them all.
    """

    def __init__(self, place: str, *, slots: int, elapsed: Callable[[], float]) -> None:
        self.place = place
        self._slots = threading.BoundedSemaphore(slots)
        self._size = slots
        self._elapsed = elapsed
        self._lock = threading.Lock()
        self._failures: dict[str, deque[float]] = {}

    @contextmanager
    def passing(self, served: str, *, seconds: float) -> Iterator[None]:
        """Hold a slot while asking; what is raised inside counts as a failure of that model.

        Raises:
            Temporary: the breaker is open, or no slot came free within `seconds`.
        """
        self._check(served)
        if not self._slots.acquire(timeout=seconds):
            raise Temporary(f"all {self._size} slots of {self.place} were taken for {seconds:g} s; it is asked later")
        try:
            # Whoever held the slot before may have been the failure that opened the breaker.
            self._check(served)
            with self._counted(served):
                yield
        finally:
            self._slots.release()

    @contextmanager
    def _counted(self, served: str) -> Iterator[None]:
        try:
            yield
        except DeskError:
            with self._lock:
                self._failures.setdefault(served, deque(maxlen=FAILURES_MAX)).append(self._elapsed())
            raise
        with self._lock:
            self._failures.pop(served, None)

    def _check(self, served: str) -> None:
        with self._lock:
            failures = self._failures.get(served, deque[float]())
            left = failures[0] + WITHIN_SECONDS - self._elapsed() if len(failures) == FAILURES_MAX else 0
        if left > 0:
            raise Temporary(
                f"{served or 'the model'} at {self.place} failed {FAILURES_MAX} times within {WITHIN_SECONDS:g} s; "
                f"it is not asked for another {left:.0f} s"
            )


class Gates:
    """The gates of one process, one for each server."""

    def __init__(self, *, elapsed: Callable[[], float]) -> None:
        self._elapsed = elapsed
        self._lock = threading.Lock()
        self._gates: dict[tuple[str, int], Gate] = {}

    def of(self, place: str, *, slots: int) -> Gate:
        """The gate of a server; a server whose slots were configured anew gets another."""
        with self._lock:
            if (place, slots) not in self._gates:
                self._gates[place, slots] = Gate(place, slots=slots, elapsed=self._elapsed)
            return self._gates[place, slots]
