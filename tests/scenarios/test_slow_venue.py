"""A venue takes seconds to answer; what it told meanwhile is known, and its age is counted from when it was known."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from tests.scenarios.homes import ACCOUNT
from tests.scenarios.scripted_stage import prepared_home, scripted_stage

from prudent.clock import SimulatedClock
from prudent.domain.accounts import Mode
from prudent.domain.cycles import Observation
from prudent.domain.quotes import Quote
from prudent.pipeline.observe import observe


class SlowMarket:
    """A market that needs a while for its quotes, which are of when they came."""

    def __init__(self, inner: Any, clock: SimulatedClock, *seconds: float) -> None:
        self._inner = inner
        self._clock = clock
        self._seconds = list(seconds)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    def quotes(self, symbols: Sequence[str]) -> tuple[Quote, ...]:
        self._clock.pause(self._seconds.pop(0))
        return tuple(replace(each, as_of=self._clock.now()) for each in self._inner.quotes(symbols))


def observed(tmp_path: Path, *seconds: float) -> tuple[datetime, Observation]:
    """When it began, and what was seen of AAPL in a market that takes so long for each question."""
    desk = scripted_stage(prepared_home(tmp_path / "prepared"), tmp_path / "home").desk
    assert isinstance(desk.clock, SimulatedClock)
    mandate, began = desk.mandate(ACCOUNT), desk.clock.now()
    world = replace(desk.world(mandate, Mode.PAPER), market=SlowMarket(desk.market, desk.clock, *seconds))
    return began, observe(world, mandate, symbols=("AAPL",))


def test_a_price_that_came_while_the_venue_was_asked_is_not_of_the_future(tmp_path: Path) -> None:
    began, seen = observed(tmp_path, 5)
    (quote,) = (each for each in seen.quotes if each.symbol == "AAPL")
    assert quote.as_of == seen.as_of == began + timedelta(seconds=5)


def test_a_book_older_than_its_prices_is_read_again(tmp_path: Path) -> None:
    began, seen = observed(tmp_path, 49, 1)
    assert seen.snapshot.as_of == began + timedelta(seconds=49)
    assert seen.as_of == began + timedelta(seconds=50)


def test_a_venue_that_is_always_slow_is_asked_three_times_and_then_judged_by_the_guards(tmp_path: Path) -> None:
    began, seen = observed(tmp_path, 20, 20, 20)
    assert seen.snapshot.as_of == began + timedelta(seconds=40)
    assert seen.as_of == began + timedelta(seconds=60)
