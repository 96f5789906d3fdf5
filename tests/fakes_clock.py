"""A clock for tests: it stands where it is set, and never moves by itself."""

from datetime import UTC, datetime, timedelta


class SteppedClock:
    """`Clock` that a test moves with `set`, to anywhere."""

    def __init__(self, now: datetime) -> None:
        self._now = now.astimezone(UTC)
        self._start = self._now

    def now(self) -> datetime:
        return self._now

    def monotonic(self) -> float:
        return (self._now - self._start) / timedelta(seconds=1)

    def set(self, now: datetime) -> None:
        self._now = now.astimezone(UTC)
