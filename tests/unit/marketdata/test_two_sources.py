"""Two sources: the second's price stands beside the first's, or in its place, and neither is waited for too long."""

import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest
from tests.fakes_clock import SteppedClock

from prudent.domain.errors import DeskError, InputError, Temporary
from prudent.domain.quotes import Quote
from prudent.marketdata.calendars import ExchangeCalendar
from prudent.marketdata.sample import SampleMarket
from prudent.marketdata.two_sources import TwoSources
from prudent.ports import Bars

NOON = datetime(2020, 3, 16, 16, 7, 30, tzinfo=UTC)
CALENDAR = ExchangeCalendar()
D = Decimal


class Named(SampleMarket):
    """The sample under a name of its own, with what a test makes of its quotes; `held` keeps every answer back."""

    def __init__(self, name: str, change: Callable[[Quote], Quote] = lambda quote: quote) -> None:
        super().__init__(SteppedClock(NOON), CALENDAR)
        self._source = name
        self.change = change
        self.fails: DeskError | None = None
        self.held = threading.Event()
        self.held.set()
        self.asked = 0

    def quotes(self, symbols: Sequence[str]) -> tuple[Quote, ...]:
        self._wait()
        return tuple(self.change(quote) for quote in super().quotes(symbols))

    def daily(self, symbols: Sequence[str], *, sessions: int, end: date | None = None) -> Bars:
        self._wait()
        return super().daily(symbols, sessions=sessions, end=end)

    def _wait(self) -> None:
        self.asked += 1
        self.held.wait(10)
        if self.fails is not None:
            raise self.fails


@pytest.fixture
def pair() -> Iterator[tuple[TwoSources, Named, Named]]:
    first, second = Named("one"), Named("two")
    yield TwoSources(first, second, seconds=30), first, second
    first.held.set()
    second.held.set()


Pair = tuple[TwoSources, Named, Named]


def test_a_quote_has_both_prices_and_the_name_of_the_second(pair: Pair) -> None:
    both, _, second = pair
    second.change = lambda quote: replace(quote, price=D(50))
    (quote,) = both.quotes(("AAPL",))
    assert (quote.source, quote.second_source, quote.second_price) == ("one", "two", D(50))
    assert quote.price != D(50)
    assert both.source == "one"


def test_a_second_price_that_is_old_or_none_disputes_nothing(pair: Pair) -> None:
    both, _, second = pair
    for change in (
        lambda quote: replace(quote, age_seconds=D(25 * 60 + 1)),
        lambda quote: replace(quote, price=None, age_seconds=None),
    ):
        second.change = change
        assert (both.quotes(("AAPL",))[0].second_price, both.quotes(("AAPL",))[0].second_source) == (None, "")
    second.change = lambda quote: replace(quote, age_seconds=D(25 * 60))
    assert both.quotes(("AAPL",))[0].second_price is not None


def test_where_the_second_fails_the_first_stands_alone(pair: Pair) -> None:
    both, _, second = pair
    for error in (Temporary("away"), InputError("what is AAPL")):
        second.fails = error
        (quote,) = both.quotes(("AAPL",))
        assert (quote.source, quote.second_price) == ("one", None)


def test_where_the_first_cannot_be_asked_the_second_stands_in_under_its_own_name(pair: Pair) -> None:
    both, first, _ = pair
    first.fails = Temporary("away")
    (quote,) = both.quotes(("AAPL",))
    assert (quote.source, quote.second_price) == ("two", None)
    assert both.daily(("AAPL",), sessions=2).source == "two"


def test_what_is_wrong_with_the_question_is_said_and_not_asked_elsewhere(pair: Pair) -> None:
    both, _, second = pair
    with pytest.raises(InputError, match="NOSUCH"):
        both.daily(("NOSUCH",), sessions=2)
    assert second.asked == 0


def test_where_neither_can_be_asked_both_reasons_are_said(pair: Pair) -> None:
    both, first, second = pair
    first.fails, second.fails = Temporary("one is away"), Temporary("two is away")
    with pytest.raises(Temporary, match="one is away; and the second source: two is away"):
        both.quotes(("AAPL",))


def test_a_source_that_is_late_is_left_and_does_not_keep_the_other(pair: Pair) -> None:
    _, first, second = pair
    both = TwoSources(first, second, seconds=2)
    both.quotes(("AAPL",))
    first.held.clear()
    assert both.quotes(("AAPL",))[0].source == "two"
    # It is still busy with that question: the next one is not put to it, and is answered all the same.
    assert both.quotes(("AAPL",))[0].source == "two"
    first.held.set()
    second.held.clear()
    with pytest.raises(Temporary, match="two must answer within"):
        TwoSources(second, second, seconds=0.05).daily(("AAPL",), sessions=1)


def test_what_only_the_second_has_is_its_own(pair: Pair) -> None:
    both, first, _ = pair
    start, end = date(2020, 1, 1), date(2020, 3, 16)
    expected = SampleMarket(SteppedClock(NOON), CALENDAR).events(("AAPL",), kind="earnings", start=start, end=end)
    assert expected
    first.events = lambda *_, **__: ()  # type: ignore[method-assign]
    assert both.events(("AAPL",), kind="earnings", start=start, end=end) == expected
    assert both.series("SPX", sessions=2).fields["close"].shape == (2, 1)
    moment = NOON - timedelta(hours=1)
    assert both.bars(("AAPL",), minutes=30, start=moment, end=NOON).source == "one"
    assert both.implied(("AAPL",)) == {}
