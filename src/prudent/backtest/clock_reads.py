"""Sees who asks the machine for the time past `clock.py`: what a moved clock does not show."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date
from types import FrameType
from typing import Any

from prudent.ports import Steps, T

# Asked of a class of dates, or of the module of times.
_OF_DATES, _OF_TIMES = frozenset({"now", "today", "utcnow"}), frozenset({"time", "time_ns"})
_CLOCK = "prudent.clock"
# The stages in which a strategy's own code runs, watched in so many cycles: a strategy that does it does it always.
_OWN_STAGES, CYCLES = frozenset({"gather", "decide"}), 3


@contextmanager
def reads_of_wall_time(packages: frozenset[str], found: list[str]) -> Iterator[None]:
    """Add `module:line` to `found` for each read of wall time that code of these top packages makes in this thread."""
    before = sys.getprofile()

    def look(frame: FrameType, event: str, called: Any) -> None:
        if event == "c_call" and _tells_time(called):
            module = str(frame.f_globals.get("__name__", ""))
            if module != _CLOCK and module.partition(".")[0] in packages:
                found.append(f"{module}:{frame.f_lineno}")

    sys.setprofile(look)
    try:
        yield
    finally:
        sys.setprofile(before)


def _tells_time(called: Any) -> bool:
    name, owner = getattr(called, "__name__", ""), getattr(called, "__self__", None)
    if name in _OF_DATES:
        return isinstance(owner, type) and issubclass(owner, date)
    return name in _OF_TIMES and getattr(called, "__module__", "") == "time"


class _Watching:
    """Implements `Steps` over other ones, and watches the stages of a strategy."""

    def __init__(self, inner: Steps, packages: frozenset[str], found: list[str]) -> None:
        self._inner = inner
        self._packages = packages
        self._found = found

    def run(self, name: str, action: Callable[[], T], *, of: type[T]) -> T:
        if name.partition("@")[0] not in _OWN_STAGES:
            return self._inner.run(name, action, of=of)

        def watched() -> T:
            with reads_of_wall_time(self._packages, self._found):
                return action()

        return self._inner.run(name, watched, of=of)


def watching(steps: Callable[[str], Steps], packages: frozenset[str], found: list[str]) -> Callable[[str], Steps]:
    """`steps` in whose first cycles the strategy is watched."""
    seen: set[str] = set()

    def of_cycle(cycle: str) -> Steps:
        seen.add(cycle)
        return _Watching(steps(cycle), packages, found) if len(seen) <= CYCLES else steps(cycle)

    return of_cycle
