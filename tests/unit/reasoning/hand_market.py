"""A market by hand for tests of facts: daily closes, series and events as a test writes them."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime

import numpy as np

from prudent.domain.errors import InputError
from prudent.domain.quotes import Quality, Quote
from prudent.ports import Bars, Event, Floats

LAST = np.datetime64("2022-11-25T14:30:00", "s")


@dataclass(slots=True)
class HandMarket:
    """`MarketData`; every history ends on 2022-11-25, one bar a calendar day."""

    closes: dict[str, Floats] = field(default_factory=dict)
    named: dict[str, Floats] = field(default_factory=dict)
    told: list[Event] = field(default_factory=list)
    failing: dict[str, Exception] = field(default_factory=dict)
    source: str = "hand"

    def quotes(self, symbols: Sequence[str]) -> tuple[Quote, ...]:
        raise AssertionError("facts read the quotes that were observed, never the market's")

    def daily(self, symbols: Sequence[str], *, sessions: int, end: date | None = None) -> Bars:
        missing = [each for each in symbols if each not in self.closes]
        if missing:
            raise InputError(f"source hand must have {missing[0]}")
        return self._bars(tuple(symbols), [self.closes[each] for each in symbols], sessions)

    def bars(self, symbols: Sequence[str], *, minutes: int, start: datetime, end: datetime) -> Bars:
        raise AssertionError("daily facts read no bars inside a session")

    def series(self, name: str, *, sessions: int) -> Bars:
        if name in self.failing:
            raise self.failing[name]
        if name not in self.named:
            raise InputError(f"source hand must have {name}")
        return self._bars((name,), [self.named[name]], sessions)

    def events(self, symbols: Sequence[str], *, kind: str, start: date, end: date) -> tuple[Event, ...]:
        if kind in self.failing:
            raise self.failing[kind]
        return tuple(e for e in self.told if e.symbol in symbols and e.kind == kind and start <= e.date <= end)

    def _bars(self, symbols: tuple[str, ...], columns: list[Floats], sessions: int) -> Bars:
        longest = max(len(column) for column in columns)
        close = np.full((longest, len(columns)), np.nan)
        for i, column in enumerate(columns):
            close[longest - len(column) :, i] = column
        close = close[-sessions:]
        times = LAST - np.arange(len(close) - 1, -1, -1).astype("timedelta64[D]")
        fields = {"close": close, "high": close * 1.01, "low": close * 0.99}
        return Bars(symbols, times, fields, dict.fromkeys(fields, (Quality.REAL,) * len(symbols)), self.source)


def headline(text: str, symbol: str = "", *, at: datetime, source: str = "paper.example.org") -> Event:
    return Event(
        symbol=symbol, kind="headline", date=at.astimezone(UTC).date(), text=text, known_at=at, source=source,
        quality=Quality.REAL,
    )  # fmt: skip


def earnings(symbol: str, day: date, *, known_at: datetime) -> Event:
    return Event(
        symbol=symbol, kind="earnings", date=day, text=f"{symbol} reports", known_at=known_at, source="hand",
        quality=Quality.REAL,
    )  # fmt: skip
