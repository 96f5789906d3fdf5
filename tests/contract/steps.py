"""What every implementation of the `Steps` port promises: a finished step is not done again."""

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from functools import partial
from typing import TypeVar

import pytest

from prudent.ports import Steps

T = TypeVar("T")
Body = Callable[[Steps], object]


@dataclass(frozen=True, slots=True, kw_only=True)
class Fill:
    """A value that JSON alone would not give back as it was."""

    symbol: str
    quantity: Decimal
    parts: tuple[Decimal, ...]


FILL = Fill(symbol="AAPL", quantity=Decimal("10.50"), parts=(Decimal(1), Decimal("2.25")))


class Unready(Exception):
    """What a step's action may raise."""


class StepsContract:
    """Each test runs one cycle's steps in several passes, as after a crash between them.

    `life(body)` is one pass: it gives what `body` gave, or raises what it raised.
    """

    def test_a_step_gives_what_its_action_gave(self, life: Callable[[Body], object]) -> None:
        assert life(lambda steps: steps.run("one", lambda: FILL, of=Fill)) == FILL

    def test_a_finished_step_is_not_run_again(self, life: Callable[[Body], object]) -> None:
        ran: list[str] = []

        def act() -> int:
            ran.append("one")
            return len(ran)

        def body(steps: Steps) -> int:
            return steps.run("one", act, of=int)

        assert [life(body), life(body), life(body)] == [1, 1, 1]
        assert ran == ["one"]

    def test_what_was_kept_comes_back_as_its_type(self, life: Callable[[Body], object]) -> None:
        def body(steps: Steps) -> tuple[Fill, ...]:
            return steps.run("fills", lambda: (FILL, FILL), of=tuple[Fill, ...])

        assert life(body) == (FILL, FILL)
        assert life(body) == (FILL, FILL)

    def test_nothing_is_something_to_keep(self, life: Callable[[Body], object]) -> None:
        ran: list[str] = []

        def body(steps: Steps) -> None:
            return steps.run("none", lambda: ran.append("none"), of=type(None))

        assert life(body) is None
        assert life(body) is None
        assert ran == ["none"]

    def test_a_step_that_raises_is_not_finished(self, life: Callable[[Body], object]) -> None:
        tries: list[str] = []

        def act() -> int:
            tries.append("try")
            if len(tries) == 1:
                raise Unready("not yet")
            return 7

        def body(steps: Steps) -> int:
            return steps.run("one", act, of=int)

        with pytest.raises(Unready, match="not yet"):
            life(body)
        assert life(body) == 7
        assert life(body) == 7
        assert len(tries) == 2

    def test_a_pass_goes_on_after_its_last_finished_step(self, life: Callable[[Body], object]) -> None:
        ran: list[str] = []
        dies = [True]

        def act(name: str) -> str:
            ran.append(name)
            if name == "three" and dies:
                dies.clear()
                raise Unready(name)
            return name

        def body(steps: Steps) -> list[str]:
            return [steps.run(name, partial(act, name), of=str) for name in ("one", "two", "three", "four")]

        with pytest.raises(Unready):
            life(body)
        assert life(body) == ["one", "two", "three", "four"]
        assert ran == ["one", "two", "three", "three", "four"]

    def test_a_name_that_comes_up_for_the_first_time_is_run(self, life: Callable[[Body], object]) -> None:
        """A cycle that waited goes another way than it did before."""
        assert life(lambda steps: [steps.run("one", lambda: 1, of=int)]) == [1]
        later = life(lambda steps: [steps.run("one", lambda: 9, of=int), steps.run("other", lambda: 2, of=int)])
        assert later == [1, 2]

    def test_another_course_than_before_runs_only_what_is_new(self, life: Callable[[Body], object]) -> None:
        ran: list[str] = []

        def act(name: str) -> str:
            ran.append(name)
            return name

        def course(*names: str) -> Body:
            return lambda steps: [steps.run(name, partial(act, name), of=str) for name in names]

        assert life(course("one", "two")) == ["one", "two"]
        assert life(course("one", "new", "two")) == ["one", "new", "two"]
        assert ran == ["one", "two", "new"]
