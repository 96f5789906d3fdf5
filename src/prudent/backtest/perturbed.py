"""A source whose future is another one: everything that was not yet known at one moment is changed, by a seed.

Histories are changed beneath the market that binds them to its clock, so that whatever it works out of them is reached
too; bars within a session, quotes and events are changed as they leave. The calendar stays.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from decimal import Decimal
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from prudent.domain.errors import LookAhead
from prudent.domain.quotes import Quote
from prudent.marketdata.calendars import day_number
from prudent.marketdata.columns import DailyColumns, Days, LateFields
from prudent.marketdata.daily import DailyMarket
from prudent.marketdata.noise import seed, uniform
from prudent.ports import Bars, Clock, Event, Floats, MarketData, T

# Prices after the cut are between e^-0.9 and e^0.9 times what they were, each day by itself.
PRICE_REACH, VOLUME_REACH, FACTOR_REACH = 0.9, 2.0, 0.3
DIVIDEND_PART, SPLIT_PART, ENDED_PART = 0.10, 0.02, 0.25
SOON = 3
RATIOS = (2.0, 0.5)
TENTH_OF_CENT = Decimal("0.001")
CHANGED_TEXT = "changed for a proof"


class Known(StrEnum):
    """What of a session's own bar was known at the cut: its open, its range but not its close, or all of it."""

    OPEN = "open"
    RANGE = "range"
    ALL = "all"


@dataclass(frozen=True, slots=True, kw_only=True)
class Cut:
    """A moment within or at the end of the session `day`; what comes after it up to `until` counts as changed."""

    moment: datetime
    day: date
    known: Known
    until: date
    seed: int


@dataclass(slots=True)
class Changes:
    """How many values after a cut are others than the source has: of histories that were read, and of what was served.

    `refused` counts questions for a later time than the clock's.
    """

    cells: dict[tuple[str, str], int] = field(default_factory=dict)
    others: set[tuple[str, ...]] = field(default_factory=set)
    refused: int = 0

    @property
    def count(self) -> int:
        return sum(self.cells.values()) + len(self.others)

    def by_kind(self) -> dict[str, int]:
        """The counts by field of history, and by bar, quote, headline or earnings date."""
        found: dict[str, int] = {}
        for (_symbol, name), count in self.cells.items():
            found[name] = found.get(name, 0) + count
        for kind, *_ in self.others:
            found[kind] = found.get(kind, 0) + 1
        return {name: found[name] for name in sorted(found) if found[name]}


class Watched:
    """Implements `MarketData` over another one and counts how often it refused to look ahead."""

    def __init__(self, inner: MarketData, changes: Changes) -> None:
        self._inner = inner
        self._changes = changes

    @property
    def source(self) -> str:
        return self._inner.source

    def quotes(self, symbols: Sequence[str]) -> tuple[Quote, ...]:
        return self._counted(lambda: self._inner.quotes(symbols))

    def daily(self, symbols: Sequence[str], *, sessions: int, end: date | None = None) -> Bars:
        return self._counted(lambda: self._inner.daily(symbols, sessions=sessions, end=end))

    def bars(self, symbols: Sequence[str], *, minutes: int, start: datetime, end: datetime) -> Bars:
        return self._counted(lambda: self._inner.bars(symbols, minutes=minutes, start=start, end=end))

    def series(self, name: str, *, sessions: int) -> Bars:
        return self._counted(lambda: self._inner.series(name, sessions=sessions))

    def events(self, symbols: Sequence[str], *, kind: str, start: date, end: date) -> tuple[Event, ...]:
        return self._counted(lambda: self._inner.events(symbols, kind=kind, start=start, end=end))

    def _counted(self, ask: Callable[[], T]) -> T:
        try:
            return ask()
        except LookAhead:
            self._changes.refused += 1
            raise


class Perturbed(Watched):
    """Implements `MarketData` over another one, changed after a cut."""

    def __init__(self, inner: MarketData, cut: Cut, changes: Changes) -> None:
        super().__init__(inner, changes)
        self._cut = cut
        self._deep = isinstance(inner, DailyMarket)
        if isinstance(inner, DailyMarket):
            inner.read_through(lambda columns: changed_history(columns, cut, changes))

    def quotes(self, symbols: Sequence[str]) -> tuple[Quote, ...]:
        return tuple(self._quote(each) for each in super().quotes(symbols))

    def daily(self, symbols: Sequence[str], *, sessions: int, end: date | None = None) -> Bars:
        found = super().daily(symbols, sessions=sessions, end=end)
        return found if self._deep else self._bars("daily", found, timedelta(days=1))

    def bars(self, symbols: Sequence[str], *, minutes: int, start: datetime, end: datetime) -> Bars:
        found = super().bars(symbols, minutes=minutes, start=start, end=end)
        return self._bars("bar", found, timedelta(minutes=minutes))

    def series(self, name: str, *, sessions: int) -> Bars:
        found = super().series(name, sessions=sessions)
        return found if self._deep else self._bars("series", found, timedelta(days=1))

    def events(self, symbols: Sequence[str], *, kind: str, start: date, end: date) -> tuple[Event, ...]:
        return tuple(self._event(each) for each in super().events(symbols, kind=kind, start=start, end=end))

    def _quote(self, quote: Quote) -> Quote:
        if quote.price is None or quote.as_of is None or quote.as_of <= self._cut.moment:
            return quote
        self._tell("quote", quote.symbol, quote.as_of.isoformat())
        times = _times(self._cut, "quote", quote.symbol, int(quote.as_of.timestamp()))

        def moved(price: Decimal | None) -> Decimal | None:
            return None if price is None else max((price * times).quantize(Decimal("0.0001")), TENTH_OF_CENT)

        return replace(
            quote, price=moved(quote.price), bid=moved(quote.bid), ask=moved(quote.ask), level=moved(quote.level),
            second_price=moved(quote.second_price),
        )  # fmt: skip

    def _bars(self, kind: str, bars: Bars, length: timedelta) -> Bars:
        starts = bars.times.astype("datetime64[s]").astype(np.int64)
        late = starts + int(length.total_seconds()) > int(self._cut.moment.timestamp())
        if not late.any():
            return bars
        fields = {name: np.array(values, dtype=np.float64) for name, values in bars.fields.items()}
        for t in np.flatnonzero(late).tolist():
            for i, symbol in enumerate(bars.symbols):
                times = float(_times(self._cut, kind, symbol, int(starts[t])))
                for values in fields.values():
                    values[t, i] *= times
                self._tell(kind, symbol, str(starts[t]))
        return replace(bars, fields=fields)

    def _event(self, event: Event) -> Event:
        if event.known_at <= self._cut.moment:
            return event
        self._tell(event.kind, event.symbol, event.known_at.isoformat(), event.date.isoformat())
        later = 1 + int(9 * uniform(seed(str(self._cut.seed), event.symbol, event.kind), day_number(event.date)))
        return replace(event, text=f"{event.symbol}: {CHANGED_TEXT}", date=event.date + timedelta(days=later))

    def _tell(self, *what: str) -> None:
        self._changes.others.add(what)


def _times(cut: Cut, kind: str, symbol: str, second: int) -> Decimal:
    """By how much a price of that second is changed: to 0.55 to 0.9 of it, or to 1.1 to 1.8 times it."""
    draw = uniform(seed(str(cut.seed), kind, symbol), second)
    return Decimal(round(0.55 + 0.7 * draw if draw < 0.5 else 1.1 + 1.4 * (draw - 0.5), 4)).quantize(Decimal("0.0001"))


# Histories


@dataclass(frozen=True, slots=True)
class _Draws:
    """One symbol's noise, a number for each row, drawn at once so that no field's noise hangs on who reads first."""

    open: Floats
    close: Floats
    high: Floats
    low: Floats
    volume: Floats
    factor: Floats
    pays: NDArray[np.bool_]
    paid: Floats
    splits: NDArray[np.bool_]
    ratio: Floats


def changed_history(columns: DailyColumns, cut: Cut, changes: Changes) -> DailyColumns:
    """The history with every field of every row after the cut changed; some symbols end there.

    What was known stays as it was, to the bit, and so does the day of every row that is left.
    """
    day = day_number(cut.day)
    rng = np.random.Generator(np.random.PCG64(seed("perturbed", str(cut.seed), columns.symbol)))
    ends = rng.random() < ENDED_PART
    last = day + int(rng.integers(1, SOON + 1)) if ends else int(columns.days[-1])
    count = int(np.searchsorted(columns.days, last, side="right"))
    after = columns.days > day
    running = (columns.days == day) & (cut.known is not Known.ALL)
    draws = _drawn(rng, len(columns.days), after)
    makers = _Makers(columns, draws, after, running, cut.known)
    told = (columns.days > day) & (columns.days <= day_number(cut.until)) | running

    def made(name: str) -> Callable[[], Floats]:
        def make() -> Floats:
            was, now = columns.fields[name], makers.field(name)
            same = (was == now) | (np.isnan(was) & np.isnan(now))
            changes.cells[columns.symbol, name] = int(np.count_nonzero(told & ~same))
            return now[:count]

        return make

    if count < len(columns.days):
        gone = int(np.count_nonzero(told[count:]))
        changes.cells[columns.symbol, "bars that are no more"] = gone
    return replace(
        columns, days=columns.days[:count], fields=LateFields({name: made(name) for name in columns.fields}),
        real=(min(columns.real[0], count), min(columns.real[1], count)),
    )  # fmt: skip


def _drawn(rng: np.random.Generator, rows: int, after: NDArray[np.bool_]) -> _Draws:
    first = int(np.argmax(after)) if after.any() else rows
    pays, splits = rng.random(rows) < DIVIDEND_PART, rng.random(rows) < SPLIT_PART
    # At least one of each soon after the cut, for a leak may look no further.
    for rare in (pays, splits):
        at = first + int(rng.integers(0, SOON))
        if at < rows:
            rare[at] = True
    return _Draws(
        open=np.exp(rng.uniform(-PRICE_REACH, PRICE_REACH, rows)),
        close=np.exp(rng.uniform(-PRICE_REACH, PRICE_REACH, rows)),
        high=1.0 + 0.2 * rng.random(rows), low=1.0 - 0.2 * rng.random(rows),
        volume=np.exp(rng.uniform(-VOLUME_REACH, VOLUME_REACH, rows)),
        factor=np.exp(rng.uniform(-FACTOR_REACH, FACTOR_REACH, rows)),
        pays=pays, paid=0.005 + 0.03 * rng.random(rows), splits=splits, ratio=rng.choice(np.array(RATIOS), rows),
    )  # fmt: skip


class _Makers:
    """The changed fields of one history, each worked out when it is asked for."""

    def __init__(
        self, columns: DailyColumns, draws: _Draws, after: NDArray[np.bool_], running: NDArray[np.bool_], known: Known
    ) -> None:
        self._old: Mapping[str, Floats] = columns.fields
        self._days: Days = columns.days
        self._draws = draws
        self._after = after
        self._running = running
        self._known = known

    def field(self, name: str) -> Floats:
        makers: dict[str, Callable[[], Floats]] = {
            "open": self._open, "close": self._close, "high": self._high, "low": self._low, "volume": self._volume,
            "raw_close": self._raw_close, "dividend": self._dividend, "split": self._split, "factor": self._factor,
        }  # fmt: skip
        return makers[name]() if name in makers else self._scaled(name, self._draws.close)

    def _scaled(self, name: str, times: Floats, *, where: NDArray[np.bool_] | None = None) -> Floats:
        old = self._old[name]
        rows = self._after if where is None else where
        return np.where(rows, np.maximum(np.round(old * times, 4), 0.01), old)

    def _open(self) -> Floats:
        return self._scaled("open", self._draws.open)

    def _close(self) -> Floats:
        if self._known is not Known.RANGE:
            return self._scaled("close", self._draws.close, where=self._after | self._running)
        moved = self._scaled("close", self._draws.close)
        low, high, old = self._old["low"], self._old["high"], self._old["close"]
        # The other end of the range than the true close is nearer to: a close that the range allows.
        other = np.where(old - low > high - old, low + 0.25 * (high - low), high - 0.25 * (high - low))
        return np.where(self._running, np.round(other, 4), moved)

    def _high(self) -> Floats:
        top = np.fmax(self._open(), self._close())
        return np.where(self._range_rows(), np.round(top * self._draws.high, 4), self._old["high"])

    def _low(self) -> Floats:
        bottom = np.fmin(self._open(), self._close())
        return np.where(
            self._range_rows(), np.maximum(np.round(bottom * self._draws.low, 4), 0.001), self._old["low"]
        )  # fmt: skip

    def _range_rows(self) -> NDArray[np.bool_]:
        return self._after if self._known is Known.RANGE else self._after | self._running

    def _volume(self) -> Floats:
        old = self._old["volume"]
        return np.where(self._after | self._running, np.ceil(old * self._draws.volume), old)

    def _raw_close(self) -> Floats:
        old = self._old["raw_close"]
        return np.where(self._after | self._running, old * (self._close() / self._old["close"]), old)

    def _dividend(self) -> Floats:
        old = self._old["dividend"]
        paid = np.where(self._draws.pays, self._draws.paid * self._old["raw_close"], old * 0.5)
        return np.where(self._after & ~np.isnan(old), np.round(paid, 4), old)

    def _split(self) -> Floats:
        old = self._old["split"]
        return np.where(self._after & self._draws.splits, np.where(old == 1.0, self._draws.ratio, 1.0), old)

    def _factor(self) -> Floats:
        return np.where(self._after, self._old["factor"] * self._draws.factor, self._old["factor"])


def perturbing(cut: Cut | None, changes: Changes) -> Callable[[MarketData, Clock], MarketData]:
    """What to put between a source and all its readers; without a cut it only watches."""

    def wrap(market: MarketData, clock: Clock) -> MarketData:
        del clock
        return Watched(market, changes) if cut is None else Perturbed(market, cut, changes)

    return wrap
