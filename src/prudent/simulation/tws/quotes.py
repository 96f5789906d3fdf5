"""Prices as one process hears them over the wire: what the gateway streams, and on top of it a source that lies."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import date, datetime
from decimal import Decimal

from prudent.brokers.ibkr.market import IbkrFeed
from prudent.domain.quotes import LivePrice, Quote
from prudent.ports import Bars, Event
from prudent.simulation.prices import LyingMarket


class FeedMarket:
    """Implements `MarketData`: quotes by the adapter's streams; everything else as the simulator's source has it.

    `passes` is told that the process asks for prices, and may end it there.
    """

    source = "simulation"

    def __init__(self, seen: LyingMarket, feed: IbkrFeed, passes: Callable[[], None]) -> None:
        self._seen = seen
        self._feed = feed
        self._passes = passes

    def quotes(self, symbols: Sequence[str]) -> tuple[Quote, ...]:
        self._passes()
        lives = self._feed.latest(symbols)
        # The clock goes on while the gateway is asked: what it streamed is not from the future.
        return tuple(_heard(quote, lives.get(quote.symbol)) for quote in self._seen.quotes(symbols))

    def daily(self, symbols: Sequence[str], *, sessions: int, end: date | None = None) -> Bars:
        return self._seen.daily(symbols, sessions=sessions, end=end)

    def bars(self, symbols: Sequence[str], *, minutes: int, start: datetime, end: datetime) -> Bars:
        return self._seen.bars(symbols, minutes=minutes, start=start, end=end)

    def series(self, name: str, *, sessions: int) -> Bars:
        return self._seen.series(name, sessions=sessions)

    def events(self, symbols: Sequence[str], *, kind: str, start: date, end: date) -> tuple[Event, ...]:
        return self._seen.events(symbols, kind=kind, start=start, end=end)


def _heard(quote: Quote, live: LivePrice | None) -> Quote:
    """The quote at the streamed price; where the source lies just now, or knows nothing, it stays as it is."""
    is_true = quote.price is not None and quote.price == quote.level and quote.second_price is None
    if not is_true or quote.as_of is None or quote.age_seconds != 0:
        return quote
    if live is None:
        return Quote(symbol=quote.symbol, price=None, source=quote.source)
    age = Decimal(str((quote.as_of - live.as_of).total_seconds()))
    return replace(
        quote, price=live.price, level=live.price, bid=live.bid, ask=live.ask, as_of=live.as_of,
        age_seconds=max(age, Decimal(0)),
    )  # fmt: skip
