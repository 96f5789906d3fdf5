"""One moment for a pair: each thing is asked once, and everybody gets that answer."""

from collections.abc import Sequence
from datetime import UTC, date, datetime

from prudent.clock import SimulatedClock
from prudent.marketdata.calendars import ExchangeCalendar
from prudent.marketdata.sample import SampleMarket
from prudent.ports import Event, Figure
from prudent.workflows.pairs import OneLook, OneMoment, OneNews

START = datetime(2022, 11, 28, 15, 0, tzinfo=UTC)


def test_quotes_stay_as_they_were_first_told_whoever_asks_with_whom() -> None:
    clock = SimulatedClock(START)
    market = SampleMarket(clock, ExchangeCalendar())
    view = OneMoment(market)
    (apple,) = view.quotes(("AAPL",))
    clock.move_to(START.replace(hour=18))
    assert market.quotes(("AAPL",)) != (apple,)
    coke, again, twice = view.quotes(("KO", "AAPL", "AAPL"))
    assert (again, twice) == (apple, apple)
    assert coke == market.quotes(("KO",))[0]
    assert view.source == market.source


def test_bars_and_events_are_asked_once_for_each_question() -> None:
    clock = SimulatedClock(START)
    view = OneMoment(SampleMarket(clock, ExchangeCalendar()))
    daily, series = view.daily(("AAPL",), sessions=5), view.series("VIX", sessions=5)
    events = view.events(("AAPL",), kind="headline", start=date(2022, 11, 1), end=date(2022, 11, 28))
    clock.move_to(START.replace(day=30))
    assert view.daily(("AAPL",), sessions=5) is daily
    assert view.series("VIX", sessions=5) is series
    assert view.events(("AAPL",), kind="headline", start=date(2022, 11, 1), end=date(2022, 11, 28)) is events
    assert view.daily(("AAPL",), sessions=6).times[-1] > daily.times[-1]


class Counted:
    """News and fundamentals that count how often they are asked."""

    why_not = ""

    def __init__(self) -> None:
        self.asked = 0

    def headlines(self, symbols: Sequence[str], *, since: datetime) -> tuple[Event, ...]:
        del symbols, since
        self.asked += 1
        return ()

    def warnings(self) -> tuple[str, ...]:
        self.asked += 1
        return (f"asked {self.asked}",)

    def figures(self, symbols: Sequence[str]) -> tuple[Figure, ...]:
        self.asked += 1
        return tuple(Figure(symbol=each, name="pe", value=None, as_of=START, source="test") for each in symbols)


def test_news_and_fundamentals_are_asked_once() -> None:
    source = Counted()
    news, look = OneNews(source), OneLook(source)
    assert news.headlines(("A",), since=START) == news.headlines(("A",), since=START)
    assert news.warnings() == news.warnings() == ("asked 2",)
    assert look.figures(("A", "B")) is look.figures(("A", "B"))
    assert (source.asked, look.why_not) == (3, "")
