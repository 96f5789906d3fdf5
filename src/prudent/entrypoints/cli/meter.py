"""A progress bar on stderr while a long piece of work goes on; nothing where nobody watches."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from prudent.clock import SystemClock

Progress = Callable[[int, int, object], None]


class Pace:
    """How long the rest will take, from what was done since the first look: what was done before tells nothing."""

    def __init__(self) -> None:
        self._first: tuple[int, float] | None = None
        self._last = (0, 0.0)

    def left(self, done: int, total: int, now: float) -> float | None:
        """Seconds from `now`, a monotonic clock's; None until something was done."""
        if self._first is None:
            self._first = self._last = (done, now)
        if done > self._last[0]:
            self._last = (done, now)
        steps = self._last[0] - self._first[0]
        if steps <= 0:
            return None
        each = (self._last[1] - self._first[1]) / steps
        # Between two steps the time runs down; a step that is late is due now.
        return max(0.0, (total - done) * each - (now - self._last[1]))


def left_in_words(seconds: float | None) -> str:
    """Like `0:03:20 left`."""
    if seconds is None:
        return ""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02} left"


@contextmanager
def metered(what: str, *, now: Callable[[], float] | None = None) -> Iterator[Progress | None]:
    """Gives what to call with (done, all, day or another word); None where stderr is no terminal."""
    if not sys.stderr.isatty():
        yield None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn
    from rich.progress import Progress as Bar

    columns = (
        TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TextColumn("{task.fields[day]}"),
        TextColumn("{task.fields[left]}"),
    )  # fmt: skip
    pace, now = Pace(), now or SystemClock().monotonic
    with Bar(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(what, total=None, day="", left="")

        def show(done: int, total: int, day: object) -> None:
            left = left_in_words(pace.left(done, total, now()))
            bar.update(task, completed=done, total=total, day=str(day), left=left)

        yield show
