"""Daily series that quotes are made from: the sample, a folder's files or a seeded world.

Each goes on by a seeded walk where its record ends, so that a gateway never runs out of market.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from prudent.marketdata import synthesis
from prudent.marketdata.calendars import day_number
from prudent.marketdata.columns import DailyColumns, Days
from prudent.marketdata.noise import bells, counters, seed, uniform, uniforms
from prudent.marketdata.sample_series import (
    FACTOR_FUNDS,
    INDEX_FUNDS,
    INDEXES,
    STOCKS,
    SampleSource,
    shipped_source,
)
from prudent.ports import Calendar, Floats

FIRST_DAY, LAST_DAY = date(1990, 1, 2), date(2027, 12, 30)
# Where every made-up series has its base price.
ANCHOR = date(2022, 12, 28)
VOLATILITY_SESSIONS = 250
COMMON_PART = 0.6
REGIME_SESSIONS = 42
# How often a session has a jump, and how large it is in deviations.
JUMP_CHANCE, JUMP_SIZE = 0.015, 3.5
# So much of it is there at the open already.
JUMP_AT_OPEN = 0.8
SHARES_A_DAY = 2_000_000.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Nature:
    """What a made-up series is: its price at the anchor, daily deviation, part of the market's change, and decimals."""

    base: float
    deviation: float
    market: float = 0.0
    decimals: int = 4


# Levels of the end of 2022, rounded.
NATURES = {
    "SPX": Nature(base=3783.22, deviation=0.011), "NDX": Nature(base=10679.3, deviation=0.006, market=1.2),
    "VIX": Nature(base=22.0, deviation=0.03, market=-2.5), "TNX": Nature(base=3.88, deviation=0.012),
    "EUR": Nature(base=1.0615, deviation=0.0048, decimals=6), "GBP": Nature(base=1.2016, deviation=0.0055, decimals=6),
    "AUD": Nature(base=0.6741, deviation=0.0062, decimals=6), "JPY": Nature(base=134.46, deviation=0.0058),
    "CHF": Nature(base=0.9281, deviation=0.0048, decimals=6), "CAD": Nature(base=1.3603, deviation=0.0045, decimals=6),
    "XAU": Nature(base=1805.0, deviation=0.009), "MXN": Nature(base=19.42, deviation=0.006),
}  # fmt: skip
# How much of the distance to its base a made-up series gives back each session: no price runs away over the years.
PULL = 0.002
PULLS = {"VIX": 0.04, "TNX": 0.004}


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Grid:
    """The sessions of the calendar as columns: day numbers, opens and closes in seconds, half hours."""

    days: Days
    opens: Days
    closes: Days

    @property
    def half_hours(self) -> Days:
        return (self.closes - self.opens) // 1800

    def row(self, day: int) -> int | None:
        """The row of that day; None where there is no session."""
        found = int(np.searchsorted(self.days, day))
        return found if found < len(self.days) and int(self.days[found]) == day else None


def grid_of(calendar: Calendar) -> Grid:
    """All sessions that the calendar's table holds and the market uses."""
    sessions = calendar.sessions(FIRST_DAY, LAST_DAY)
    return Grid(
        days=np.array([day_number(s.date) for s in sessions], dtype=np.int64),
        opens=np.array([int(s.open.timestamp()) for s in sessions], dtype=np.int64),
        closes=np.array([int(s.close.timestamp()) for s in sessions], dtype=np.int64),
    )


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Series:
    """Daily columns in step; `recorded` rows come from the source, the rest is walked.

    `high` and `low` are NaN where nothing but the session's path decides them. `blocks` gives the bars inside a
    recorded session where the source has some, else None.
    """

    symbol: str
    days: Days
    open: Floats
    high: Floats
    low: Floats
    close: Floats
    volume: Floats
    deviation: Floats
    recorded: int
    blocks: "Callable[[int], Blocks | None]"

    def row(self, day: int) -> int | None:
        """The row of that day; None where the symbol has none."""
        found = int(np.searchsorted(self.days, day))
        return found if found < len(self.days) and int(self.days[found]) == day else None


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Blocks:
    """Bars of one session, each `seconds` long, without holes."""

    seconds: int
    open: Floats
    high: Floats
    low: Floats
    close: Floats
    volume: Floats

    def until(self, seconds: int) -> "Blocks":
        """Those within the first `seconds`: a source may have slots beyond an early close."""
        end = seconds // self.seconds
        cut = (column[:end] for column in (self.open, self.high, self.low, self.close, self.volume))
        opened, high, low, close, volume = cut
        return Blocks(seconds=self.seconds, open=opened, high=high, low=low, close=close, volume=volume)


class Source(Protocol):
    """Where daily history comes from; `last` is its last session."""

    @property
    def name(self) -> str: ...

    @property
    def last(self) -> date: ...

    @property
    def symbols(self) -> tuple[str, ...]: ...

    def columns(self, symbol: str) -> DailyColumns | None: ...

    def blocks(self, symbol: str, row: int) -> Blocks | None:
        """The bars inside the session of that row of the columns, where the source has them."""


class SampleHistory:
    """The shipped sample; `blocks` are its half hours, so what the sample says at a half hour is what is quoted."""

    name = "sample"

    def __init__(self, source: SampleSource | None = None) -> None:
        self._source = source or shipped_source()
        self._members = frozenset(self._source.symbols) - {*STOCKS, *FACTOR_FUNDS, *INDEX_FUNDS, *INDEXES}

    @property
    def last(self) -> date:
        return ANCHOR

    @property
    def symbols(self) -> tuple[str, ...]:
        return self._source.symbols

    def columns(self, symbol: str) -> DailyColumns | None:
        return self._source.columns(symbol)

    def blocks(self, symbol: str, row: int) -> Blocks | None:
        series = self._source.series(symbol)
        # Members stand still until their last half hour in the sample; a path around their real bar says more.
        if series is None or symbol in self._members or row == 0:
            return None
        paths = series.paths(row, row + 1)
        volume = np.nan_to_num(series.volumes(row, row + 1)[0])
        return Blocks(
            seconds=1800, open=paths.open[0], high=paths.high[0], low=paths.low[0], close=paths.close[0], volume=volume
        )


class NoHistory:
    """A source without any: everything is walked from its anchor."""

    name = "synthetic"
    symbols: tuple[str, ...] = ()

    @property
    def last(self) -> date:
        return ANCHOR

    def columns(self, symbol: str) -> DailyColumns | None:
        return None

    def blocks(self, symbol: str, row: int) -> Blocks | None:
        return None


class AllSeries:
    """Every series of a market, made when first asked for; the same seed makes the same.

    `listed` are the symbols that have a price even where the source has none of them.
    """

    def __init__(self, source: Source, calendar: Calendar, *, seed_number: int, listed: Iterable[str] = ()) -> None:
        self.source = source
        self._calendar = calendar
        self.seed = str(seed_number)
        self._listed = frozenset(listed)
        self._made: dict[str, Series | None] = {}

    @cached_property
    def grid(self) -> Grid:
        return grid_of(self._calendar)

    def series(self, symbol: str) -> Series | None:
        """The symbol's series; None for one that neither source nor made-up world has."""
        if symbol not in self._made:
            self._made[symbol] = self._make(symbol)
        return self._made[symbol]

    def _make(self, symbol: str) -> Series | None:
        columns = self.source.columns(symbol)
        if columns is not None and len(columns.days):
            return self._carried(symbol, columns)
        if symbol in NATURES or symbol in self._listed:
            return self._walked(symbol, NATURES.get(symbol) or self._nature(symbol))
        return None

    def _carried(self, symbol: str, columns: DailyColumns) -> Series:
        own, grid = columns.days, self.grid.days
        tail = grid[grid > int(own[-1])]
        known = {name: np.asarray(columns.fields[name], dtype=np.float64) for name in ("open", "close", "volume")}
        close = np.concatenate((known["close"], self._tail(symbol, known["close"], tail)))
        days = np.concatenate((own, tail))
        deviation = synthesis.volatility(close)
        opened = self._opened(symbol, days, close, deviation)
        opened[: len(own)] = known["open"]
        ends = [np.full(len(days), np.nan), np.full(len(days), np.nan)]
        ends[0][: len(own)], ends[1][: len(own)] = columns.fields["high"], columns.fields["low"]
        return Series(
            symbol=symbol, days=days, open=np.where(np.isfinite(opened), opened, close), high=ends[0], low=ends[1],
            close=close, volume=self._volume(symbol, days, known["volume"]), deviation=deviation, recorded=len(own),
            blocks=lambda row: self.source.blocks(symbol, row) if row < len(own) else None,
        )  # fmt: skip

    def _tail(self, symbol: str, close: Floats, tail: Days) -> Floats:
        if not len(tail):
            return close[:0]
        part = INDEX_FUNDS.get(symbol)
        index = self.series("SPX") if part else None
        if part is not None and index is not None:
            funds: Floats = np.round(index.close[np.searchsorted(index.days, tail)] * part[0], 4)
            return funds
        lately = np.diff(np.log(close[-VOLATILITY_SESSIONS - 1 :]))
        deviation, market = float(np.std(lately)) if len(lately) > 1 else 0.015, 0.0
        home = float(close[-1])
        if symbol in PULLS:
            nature = NATURES[symbol]
            deviation, market, home = nature.deviation, nature.market, nature.base
        walk = _Walk(home=home, pull=PULLS.get(symbol, PULL), decimals=4)
        return walk.from_(float(close[-1]), self._changes(symbol, tail, deviation, market))

    def _walked(self, symbol: str, nature: Nature) -> Series:
        days = self.grid.days
        after = int(np.searchsorted(days, day_number(ANCHOR), side="right"))
        changes = self._changes(symbol, days, nature.deviation, nature.market)
        walk = _Walk(home=nature.base, pull=PULLS.get(symbol, PULL), decimals=nature.decimals)
        ahead = walk.from_(nature.base, changes[after:])
        # Backwards from the anchor: the row before it is the base less the anchor's own change.
        behind = walk.from_(nature.base, -changes[1:after][::-1])[::-1]
        close = np.concatenate((behind, [nature.base], ahead))
        deviation = synthesis.volatility(close)
        opened = self._opened(symbol, days, close, deviation)
        opened[0] = close[0]
        nothing = np.full(len(days), np.nan)
        return Series(
            symbol=symbol, days=days, open=opened, high=nothing, low=nothing, close=close,
            volume=self._volume(symbol, days, nothing[:0]), deviation=deviation, recorded=0, blocks=lambda _: None,
        )  # fmt: skip

    def _changes(self, symbol: str, days: Days, deviation: float, market: float) -> Floats:
        # Logarithmic changes: calm and wild regimes of two months, a common part, and a jump now and then.
        number = counters(days)
        start = seed("gateway", self.seed, symbol)
        calm = uniforms(seed("regime", self.seed), counters(days // REGIME_SESSIONS))
        regime = np.where(calm < 0.55, 0.75, np.where(calm < 0.9, 1.1, 2.0))
        common = bells(seed("gateway market", self.seed), number) * regime
        own = bells(start, number) * regime
        own = np.where(self._jumps(symbol, days), own * JUMP_SIZE, own)
        if symbol in NATURES:
            return own * deviation + common * 0.011 * market
        mixed: Floats = deviation * (COMMON_PART * common + (1.0 - COMMON_PART**2) ** 0.5 * own)
        return mixed

    def _jumps(self, symbol: str, days: Days) -> NDArray[np.bool_]:
        return uniforms(seed("jump", self.seed, symbol), counters(days)) < JUMP_CHANCE

    def _opened(self, symbol: str, days: Days, close: Floats, deviation: Floats) -> Floats:
        opened = synthesis.opens(f"{symbol}/{self.seed}", days, close, deviation)
        change = np.ones(len(close))
        change[1:] = close[1:] / close[:-1]
        gaps = synthesis.rounded(opened * change**JUMP_AT_OPEN)
        return np.where(self._jumps(symbol, days), gaps, opened)

    def _volume(self, symbol: str, days: Days, known: Floats) -> Floats:
        lately = known[-VOLATILITY_SESSIONS:]
        lately = lately[np.isfinite(lately)]
        usual = float(np.mean(lately)) if len(lately) else SHARES_A_DAY
        noise = 0.7 + 0.6 * uniforms(seed("volume", self.seed, symbol), counters(days))
        volume = np.ceil(usual * noise / 100.0) * 100.0
        volume[: len(known)] = np.where(np.isfinite(known), known, 0.0)
        return volume

    def _nature(self, symbol: str) -> Nature:
        start = seed("nature", self.seed, symbol)
        return Nature(base=round(20.0 + 280.0 * uniform(start, 0), 2), deviation=0.009 + 0.016 * uniform(start, 1))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Walk:
    """A walk of logarithms that is pulled back to `home`."""

    home: float
    pull: float
    decimals: int

    def from_(self, start: float, changes: Floats) -> Floats:
        """The levels after each change, beginning at `start`."""
        level, home = float(np.log(start)), float(np.log(self.home))
        out = np.empty(len(changes))
        for i, change in enumerate(changes.tolist()):
            level += self.pull * (home - level) + change
            out[i] = level
        levels: Floats = np.exp(out)
        return np.round(levels, self.decimals)
