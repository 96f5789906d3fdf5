"""Two sources of market data that must agree: the first answers, the second is told beside it or stands in."""

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import date, datetime
from decimal import Decimal
from typing import TypeVar

from prudent.domain.errors import DeskError, Temporary
from prudent.domain.quotes import Quote
from prudent.marketdata.ibkr import IbkrMarket
from prudent.ports import Bars, Event, MarketData

T = TypeVar("T")
# A delayed feed is a quarter of an hour behind, and bars of five minutes are told when they end. A price older than
# that speaks of another moment and disputes nothing: there is then no second source, which the guards know.
SECOND_AGE_MAX = Decimal(25 * 60)


class TwoSources:
    """`MarketData` of `first`, with the price of `second` in each quote, each asked for at most `seconds`.

    Where the first cannot be asked in time, the second's answer stands in, and says so in its own source. A source
    that is still busy with an earlier question counts as one that cannot be asked.
    """

    def __init__(self, first: MarketData, second: MarketData, *, seconds: float) -> None:
        self._first = _Asked(first, seconds)
        self._second = _Asked(second, seconds)
        self._options = next((each for each in (first, second) if isinstance(each, IbkrMarket)), None)

    @property
    def source(self) -> str:
        return self._first.market.source

    def forget(self) -> None:
        """Drop what either source keeps in memory, where it keeps anything."""
        for each in (self._first.market, self._second.market):
            drop = getattr(each, "forget", None)
            if drop is not None:
                drop()

    def quotes(self, symbols: Sequence[str]) -> tuple[Quote, ...]:
        ask = [each.begin(lambda market: market.quotes(symbols)) for each in (self._first, self._second)]
        try:
            quotes = ask[0]()
        except Temporary as error:
            return _other(ask[1], error)
        try:
            beside = ask[1]()
        except DeskError:
            return quotes
        return tuple(_with_second(one, other) for one, other in zip(quotes, beside))

    def daily(self, symbols: Sequence[str], *, sessions: int, end: date | None = None) -> Bars:
        return self._either(lambda market: market.daily(symbols, sessions=sessions, end=end))

    def bars(self, symbols: Sequence[str], *, minutes: int, start: datetime, end: datetime) -> Bars:
        return self._either(lambda market: market.bars(symbols, minutes=minutes, start=start, end=end))

    def series(self, name: str, *, sessions: int) -> Bars:
        def ask(market: MarketData) -> Bars:
            return market.series(name, sessions=sessions)

        found = self._either(ask)
        return found if len(found.times) else self._second.begin(ask)()

    def events(self, symbols: Sequence[str], *, kind: str, start: date, end: date) -> tuple[Event, ...]:
        def ask(market: MarketData) -> tuple[Event, ...]:
            return market.events(symbols, kind=kind, start=start, end=end)

        return self._either(ask) or self._second.begin(ask)()

    @property
    def implied_source(self) -> str:
        """Where the volatilities that `implied` gives are from; empty where neither source has any."""
        return "" if self._options is None else self._options.implied_source

    def implied(self, symbols: Sequence[str]) -> Mapping[str, Decimal]:
        """What options imply, of the source that tells it; nothing where neither does."""
        return {} if self._options is None else self._options.implied(symbols)

    def _either(self, question: Callable[[MarketData], T]) -> T:
        try:
            return self._first.begin(question)()
        except Temporary as error:
            return _other(self._second.begin(question), error)


class _Asked:
    """A source that is asked in a thread of its own, so that nobody waits longer for it than it is given."""

    def __init__(self, market: MarketData, seconds: float) -> None:
        self.market = market
        self._seconds = seconds
        # One thread: a source is asked one question at a time, and a late answer keeps the next question waiting.
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix=f"asks-{market.source}")

    def begin(self, question: Callable[[MarketData], T]) -> Callable[[], T]:
        """Ask now; what is given waits for the answer.

        It raises what the source raised, or `Temporary` where the source is late.
        """
        asked = self._thread.submit(question, self.market)

        def answer() -> T:
            try:
                return asked.result(self._seconds)
            except TimeoutError as error:
                asked.cancel()
                raise Temporary(
                    f"{self.market.source} must answer within {self._seconds:g} s, did not; try again later"
                ) from error

        return answer


def _other(answer: Callable[[], T], error: Temporary) -> T:
    """What the second source says where the first cannot be asked; where it cannot either, what the first said."""
    try:
        return answer()
    except Temporary as other:
        raise Temporary(f"{error}; and the second source: {other}") from error


def _with_second(one: Quote, other: Quote) -> Quote:
    too_old = other.age_seconds is None or (one.market_open and other.age_seconds > SECOND_AGE_MAX)
    if other.price is None or too_old:
        return one
    return replace(one, second_price=other.price, second_source=other.source)
