"""True prices as a random walk, and what a source of prices says of them, which need not be true."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from random import Random

import numpy as np

from prudent.domain.errors import InputError, LookAhead, Temporary
from prudent.domain.money import from_float, to_cents
from prudent.domain.quotes import Quality, Quote
from prudent.ports import Bars, Calendar, Event, Floats
from prudent.simulation.faults import Weather
from prudent.simulation.timeline import ProcessClock, Timeline

HISTORY = 90
BUCKET = timedelta(minutes=5)
SPREAD = Decimal("0.0004")
VOLUME = 40_000_000.0
SPELLS = (
    "price_missing", "price_nan", "price_zero", "price_negative", "price_infinite", "price_crossed", "price_tenfold",
    "price_tenth", "price_frozen", "price_from_the_future", "price_disputed", "spread_wide", "volume_thin",
)  # fmt: skip
_ODD = {
    "price_nan": Decimal("NaN"), "price_zero": Decimal(0), "price_negative": Decimal("-12.5"),
    "price_infinite": Decimal("Infinity"), "price_missing": None,
}  # fmt: skip


@dataclass(slots=True)
class Path:
    """One symbol: daily closes before the start, and its price now; `split` is by how much it was split since."""

    closes: list[float]
    price: float
    bucket: int
    chance: Random
    volatility: float
    previous: float


class TruePrices:
    """What the venue trades at. The walk is drawn in five-minute steps, whoever asks and when."""

    def __init__(self, seed: str, symbols: Sequence[str], timeline: Timeline, calendar: Calendar) -> None:
        self._timeline = timeline
        self.symbols = tuple(symbols)
        self.sessions = tuple(calendar.completed(timeline.now, HISTORY))
        self._calendar = calendar
        self._day = calendar.session_of(timeline.now).date
        self.paths = {symbol: _path(Random(f"{seed}/price/{symbol}")) for symbol in symbols}
        self._closes = {symbol: np.array(path.closes) for symbol, path in self.paths.items()}
        self.opens = np.array([day.open.replace(tzinfo=None) for day in self.sessions], dtype="datetime64[us]")

    def of(self, symbol: str) -> Decimal:
        """The true price now, in cents."""
        self._roll()
        return to_cents(from_float(self._moved(self.paths[symbol]).price))

    def previous_close(self, symbol: str) -> Decimal:
        self._roll()
        return to_cents(from_float(self.paths[symbol].previous))

    def jump(self, symbol: str, factor: float) -> None:
        """The true price moves at once."""
        path = self._moved(self.paths[symbol])
        path.price = max(path.price * factor, 6.0)

    def split(self, symbol: str, ratio: int) -> None:
        """Each share becomes `ratio`; nobody adjusts the past until the next session."""
        self._moved(self.paths[symbol]).price /= ratio

    def closes(self, symbols: Sequence[str]) -> Floats:
        return np.array([self._closes[symbol] for symbol in symbols]).T

    def _moved(self, path: Path) -> Path:
        bucket = int((self._timeline.now - self._timeline.start) / BUCKET)
        while path.bucket < bucket:
            path.bucket += 1
            path.price = max(path.price * (1.0 + path.chance.gauss(0.0, path.volatility)), 6.0)
        return path

    def _roll(self) -> None:
        # The close of a day is where the walk stands when the next session is first looked at.
        day = self._calendar.session_of(self._timeline.now).date
        if day != self._day:
            self._day = day
            for path in self.paths.values():
                path.previous = self._moved(path).price


def _path(chance: Random) -> Path:
    price = chance.uniform(20.0, 300.0)
    closes = [price]
    for _ in range(HISTORY - 1):
        closes.append(max(closes[-1] * (1.0 + chance.gauss(0.0002, 0.012)), 8.0))
    return Path(closes, closes[-1], 0, chance, chance.choice((0.0003, 0.0008, 0.002)), closes[-1])


class LyingMarket:
    """Implements `MarketData`: the true prices as one process sees them, in spells of being wrong."""

    source = "simulation"

    def __init__(self, prices: TruePrices, clock: ProcessClock, calendar: Calendar, weather: Weather) -> None:
        self._prices = prices
        self._clock = clock
        self._calendar = calendar
        self._weather = weather
        self._spells: dict[str, tuple[str, float]] = {}

    def quotes(self, symbols: Sequence[str]) -> tuple[Quote, ...]:
        if self._weather.strikes("prices_unreachable"):
            raise Temporary("prices must be reachable, the source did not answer; try again")
        now = self._clock.now()
        is_open = self._calendar.is_open(now)
        return tuple(self._quote(symbol, now, is_open=is_open) for symbol in symbols)

    def _quote(self, symbol: str, now: datetime, *, is_open: bool) -> Quote:
        if symbol not in self._prices.paths:
            return Quote(symbol=symbol, price=None, source=self.source)
        price = self._prices.of(symbol)
        before = self._prices.previous_close(symbol)
        half = max(to_cents(price * SPREAD), Decimal("0.01"))
        quote = Quote(
            symbol=symbol, price=price, bid=price - half, ask=price + half, level=price, previous_close=before,
            previous_level=before, adv_dollars=from_float(VOLUME), adv_sessions=20, as_of=now,
            age_seconds=Decimal(0), source=self.source, quality=Quality.SYNTHETIC, market_open=is_open,
        )  # fmt: skip
        return self._wrong(quote, price, now)

    def _wrong(self, quote: Quote, price: Decimal, now: datetime) -> Quote:
        kind = self._spell(quote.symbol)
        if kind is None:
            return quote
        fields: dict[str, object] = {}
        if kind in _ODD:
            fields = dict.fromkeys(("price", "bid", "ask", "level"), _ODD[kind])
        elif kind in ("price_tenfold", "price_tenth"):
            factor = Decimal(10) if kind == "price_tenfold" else Decimal("0.1")
            wrong = to_cents(price * factor)
            fields = dict.fromkeys(("price", "bid", "ask", "level"), wrong)
        elif kind == "price_crossed":
            fields = {"bid": quote.ask, "ask": quote.bid}
        elif kind == "spread_wide":
            fields = {"bid": to_cents(price * Decimal("0.96")), "ask": to_cents(price * Decimal("1.04"))}
        elif kind == "price_frozen":
            fields = {"as_of": now - timedelta(hours=2), "age_seconds": Decimal(7200)}
        elif kind == "price_from_the_future":
            fields = {"as_of": now + timedelta(hours=1), "age_seconds": Decimal(-3600)}
        elif kind == "price_disputed":
            fields = {"second_price": to_cents(price * Decimal("1.08")), "second_source": "other"}
        else:
            fields = {"adv_dollars": Decimal(2_000)}
        return _replaced(quote, fields)

    def _spell(self, symbol: str) -> str | None:
        now = self._clock.monotonic()
        known = self._spells.get(symbol)
        if known is not None and now < known[1] and not self._weather.calm:
            return known[0]
        kind = self._weather.one_of(*SPELLS)
        if kind is not None:
            self._spells[symbol] = (kind, now + self._weather.seconds(1.0, 240.0))
        return kind

    def daily(self, symbols: Sequence[str], *, sessions: int, end: date | None = None) -> Bars:
        if end is not None and end > self._calendar.session_of(self._clock.now()).date:
            raise LookAhead(f"a bar of {end} must be known, is not yet; ask for an earlier one")
        unknown = [symbol for symbol in symbols if symbol not in self._prices.paths]
        if unknown:
            raise InputError(f"symbols must be known to the source, was {', '.join(unknown)}; correct them")
        days = self._prices.sessions[-sessions:]
        close = self._prices.closes(symbols)[-len(days) :]
        times = self._prices.opens[-sessions:]
        fields: Mapping[str, Floats] = {
            **dict.fromkeys(("open", "high", "low", "close", "raw_close"), close),
            "volume": np.full_like(close, 1e6), "dividend": np.zeros_like(close), "split": np.ones_like(close),
        }  # fmt: skip
        quality = {name: (Quality.SYNTHETIC,) * len(symbols) for name in fields}
        return Bars(tuple(symbols), times, fields, quality, self.source)

    def bars(self, symbols: Sequence[str], *, minutes: int, start: datetime, end: datetime) -> Bars:
        raise Temporary(f"this source has no bars of {minutes} minutes; ask for daily ones")

    def series(self, name: str, *, sessions: int) -> Bars:
        raise Temporary(f"this source has no series {name} of {sessions} sessions; ask another one")

    def events(self, symbols: Sequence[str], *, kind: str, start: date, end: date) -> tuple[Event, ...]:
        del symbols, kind, start, end
        return ()


def _replaced(quote: Quote, fields: Mapping[str, object]) -> Quote:
    values = {name: getattr(quote, name) for name in Quote.__dataclass_fields__}
    return Quote(**{**values, **fields})
