"""The in-process journal: runs the stages of a cycle in order and remembers which have finished."""

from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


class JournalSteps:
    """`Steps` without a database: for one-shot commands, tests, simulation and backtests.

    `after` is told the name of each finished step; a test kills its process there.
    """

    def __init__(self, *, after: Callable[[str], None] | None = None) -> None:
        self.finished: list[str] = []
        self._after = after

    def run(self, name: str, action: Callable[[], T]) -> T:
        result = action()
        self.finished.append(name)
        if self._after is not None:
            self._after(name)
        return result
