"""A clock-bound source that can also stand at a price inside the running session, where the tape was touched."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal

from prudent.domain.money import CENT
from prudent.domain.quotes import Quote
from prudent.ports import Bars, Clock, Event, MarketData

SMALL_STEP = Decimal("0.0001")
PriceOf = Callable[[str], Decimal | None]


class MomentPrices:
    """Implements `MarketData` over a source; at one set moment some symbols are quoted at a price of the tape.

    The moment is the exchange's: a stop that was touched, or the closing auction. Everything else is the source's.
    """

    def __init__(self, inner: MarketData, clock: Clock) -> None:
        self._inner = inner
        self._clock = clock
        self._at: datetime | None = None
        self._price_of: PriceOf = lambda symbol: None

    @property
    def source(self) -> str:
        return self._inner.source

    def stand_at(self, moment: datetime, price_of: PriceOf | Mapping[str, Decimal]) -> None:
        """At `moment` and at no other time, the symbols that `price_of` knows are quoted at what it says."""
        self._at = moment
        self._price_of = price_of.get if isinstance(price_of, Mapping) else price_of

    def quotes(self, symbols: Sequence[str]) -> tuple[Quote, ...]:
        found = self._inner.quotes(symbols)
        if self._at is None or self._clock.now() != self._at:
            return found
        return tuple(self._moved(quote) for quote in found)

    def daily(self, symbols: Sequence[str], *, sessions: int, end: date | None = None) -> Bars:
        return self._inner.daily(symbols, sessions=sessions, end=end)

    def bars(self, symbols: Sequence[str], *, minutes: int, start: datetime, end: datetime) -> Bars:
        return self._inner.bars(symbols, minutes=minutes, start=start, end=end)

    def series(self, name: str, *, sessions: int) -> Bars:
        return self._inner.series(name, sessions=sessions)

    def events(self, symbols: Sequence[str], *, kind: str, start: date, end: date) -> tuple[Event, ...]:
        return self._inner.events(symbols, kind=kind, start=start, end=end)

    def _moved(self, quote: Quote) -> Quote:
        price = self._price_of(quote.symbol)
        if price is None or quote.price is None:
            return quote
        scale = None if quote.level is None else quote.level / quote.price
        bid = ask = None
        if quote.bid is not None and quote.ask is not None:
            half, step = (quote.ask - quote.bid) / 2, CENT if price >= 1 else SMALL_STEP
            bid = ((price - half) / step).to_integral_value(ROUND_FLOOR) * step
            ask = ((price + half) / step).to_integral_value(ROUND_CEILING) * step
        return replace(
            quote, price=price, level=None if scale is None else (price * scale).quantize(SMALL_STEP), bid=bid, ask=ask,
            as_of=self._at, age_seconds=Decimal(0),
        )  # fmt: skip
