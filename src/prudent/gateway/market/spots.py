"""The price of a symbol at every second: inside sessions around what the series says, between them a bridge.

Everything is made from numbered noise, so the same seed gives the same price at the same moment, and bars are made of
the very points that quotes show.
"""

from collections import OrderedDict
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from prudent.gateway.market.series import AllSeries, Blocks, Series
from prudent.marketdata import synthesis
from prudent.marketdata.noise import bells, counters, seed
from prudent.ports import Floats

Seconds = NDArray[np.int64]
HALF_HOUR = 1800
REST_STEP = 10
REST_PART = 0.25
STRETCHES_KEPT = 256
DECIMALS = 6


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Stretch:
    """Prices from `start` on, one each `step` seconds; `volume` is what had traded by the end of each step."""

    start: int
    step: int
    prices: Floats
    volume: Floats

    @property
    def end(self) -> int:
        return self.start + self.step * len(self.prices)

    def place(self, at: float) -> int:
        return min(max(int((at - self.start) // self.step), 0), len(self.prices) - 1)


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Ends:
    """Highs and lows of every row of a series."""

    high: Floats
    low: Floats


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionSoFar:
    """What a regular session has shown by a moment: its open, high, low, last price and volume."""

    open: float
    high: float
    low: float
    last: float
    volume: float


class Spots:
    """Prices by second of every symbol that has a series; times are seconds since 1970 in UTC."""

    def __init__(self, series: AllSeries) -> None:
        self._all = series
        self._kept: OrderedDict[tuple[str, int, bool], Stretch | None] = OrderedDict()
        self._ends: dict[str, Ends] = {}

    def series(self, symbol: str) -> Series | None:
        """The series behind a symbol; None for an unknown one."""
        return self._all.series(symbol)

    def price(self, symbol: str, at: float) -> float | None:
        """The price then; None before the first session and after the last of a symbol that is no longer traded."""
        stretch = self._stretch_at(symbol, at)
        return None if stretch is None else float(stretch.prices[stretch.place(at)])

    def session(self, symbol: str, at: float) -> SessionSoFar | None:
        """The regular session in progress or the last one before `at`, as far as it was shown by then."""
        row = self._session_row(at)
        stretch = None if row is None else self._inside(symbol, row)
        if stretch is None:
            return None
        end = stretch.place(at) + 1
        seen = stretch.prices[:end]
        return SessionSoFar(
            open=float(seen[0]), high=float(seen.max()), low=float(seen.min()), last=float(seen[-1]),
            volume=float(stretch.volume[end - 1]),
        )  # fmt: skip

    def close_before(self, symbol: str, at: float) -> float | None:
        """The close of the session before the one that `session` speaks of."""
        row = self._session_row(at)
        series = self._all.series(symbol)
        if row is None or series is None:
            return None
        place = series.row(int(self._all.grid.days[row]))
        return None if place is None or place == 0 else float(series.close[place - 1])

    def close_by(self, symbol: str, at: float) -> float | None:
        """The close of the last session that was over by `at`."""
        row = int(np.searchsorted(self._all.grid.closes, at, side="right")) - 1
        series = self._all.series(symbol)
        place = None if series is None or row < 0 else series.row(int(self._all.grid.days[row]))
        return None if series is None or place is None else float(series.close[place])

    def day(self, symbol: str, day: int) -> SessionSoFar | None:
        """A whole regular session, without its path; `day` since 1970-01-01, None where the symbol has none."""
        series = self._all.series(symbol)
        place = None if series is None else series.row(day)
        if series is None or place is None:
            return None
        ends = self._ends_of(series)
        return SessionSoFar(
            open=float(series.open[place]), high=float(ends.high[place]), low=float(ends.low[place]),
            last=float(series.close[place]), volume=float(series.volume[place]),
        )  # fmt: skip

    def _ends_of(self, series: Series) -> Ends:
        found = self._ends.get(series.symbol)
        if found is None:
            high, low = series.high.copy(), series.low.copy()
            rows = np.flatnonzero(~np.isfinite(high))
            if len(rows):
                grid = self._all.grid
                counts = grid.half_hours[np.searchsorted(grid.days, series.days[rows])]
                days, opened, deviation = series.days[rows], series.open[rows], series.deviation[rows]
                ends = synthesis.path_ends(series.symbol, days, opened, series.close[rows], deviation, counts)
                paths = synthesis.paths(series.symbol, days, opened, ends, deviation, counts)
                high[rows], low[rows] = paths.high.max(axis=1), paths.low.min(axis=1)
            found = self._ends[series.symbol] = Ends(high=high, low=low)
        return found

    def stretches(self, symbol: str, start: float, end: float, *, resting: bool) -> list[Stretch]:
        """Every stretch that touches [start, end), ascending; those between sessions if `resting`."""
        grid = self._all.grid
        low = max(int(np.searchsorted(grid.closes, start, side="right")) - 1, 0)
        found: list[Stretch] = []
        for row in range(low, len(grid.days)):
            if int(grid.opens[row]) >= end and row > low:
                break
            for inside in (True, False):
                if inside or resting:
                    stretch = self._stretch(symbol, row, inside=inside)
                    if stretch is not None and stretch.end > start and stretch.start < end:
                        found.append(stretch)
        return found

    def _session_row(self, at: float) -> int | None:
        row = int(np.searchsorted(self._all.grid.opens, at, side="right")) - 1
        return row if row >= 0 else None

    def _stretch_at(self, symbol: str, at: float) -> Stretch | None:
        row = self._session_row(at)
        if row is None:
            return None
        return self._stretch(symbol, row, inside=at < int(self._all.grid.closes[row]))

    def _stretch(self, symbol: str, row: int, *, inside: bool) -> Stretch | None:
        return self._inside(symbol, row) if inside else self._resting(symbol, row)

    def _keep(self, key: tuple[str, int, bool], stretch: Stretch | None) -> Stretch | None:
        self._kept[key] = stretch
        if len(self._kept) > STRETCHES_KEPT:
            self._kept.popitem(last=False)
        return stretch

    def _inside(self, symbol: str, row: int) -> Stretch | None:
        key = (symbol, row, True)
        if key in self._kept:
            self._kept.move_to_end(key)
            return self._kept[key]
        series, grid = self._all.series(symbol), self._all.grid
        place = None if series is None else series.row(int(grid.days[row]))
        if series is None or place is None:
            return self._keep(key, None)
        count = int(grid.half_hours[row])
        blocks = series.blocks(place) or _half_hours(series, place, count)
        noise, blocks = seed("second", symbol, self._all.seed), blocks.until(count * HALF_HOUR)
        return self._keep(key, _stretched(noise, int(grid.days[row]), int(grid.opens[row]), blocks))

    def _resting(self, symbol: str, row: int) -> Stretch | None:
        # From the close of a row's session to the next open, in coarse steps.
        key = (symbol, row, False)
        if key in self._kept:
            self._kept.move_to_end(key)
            return self._kept[key]
        series, grid = self._all.series(symbol), self._all.grid
        place = None if series is None else series.row(int(grid.days[row]))
        if series is None or place is None or row + 1 >= len(grid.days):
            return self._keep(key, None)
        begin, until = int(grid.closes[row]), int(grid.opens[row + 1])
        first = float(series.close[place])
        is_last = place + 1 >= len(series.days)
        end = first if is_last else float(series.open[place + 1])
        steps = (until - begin) // REST_STEP
        number = counters(np.arange(steps, dtype=np.int64) + int(grid.days[row]) * 100_000)
        walk = np.cumsum(bells(seed("rest", symbol, self._all.seed), number))
        # It begins at the close itself: what is done at the close is done at that price.
        share = np.arange(steps) / steps
        walk -= walk[0]
        bridge = (walk - walk[-1] * share) / steps**0.5
        reach = float(series.deviation[place]) * REST_PART
        prices = np.round((first + (end - first) * share) * (1.0 + bridge * reach), DECIMALS)
        return self._keep(key, Stretch(start=begin, step=REST_STEP, prices=prices, volume=np.zeros(steps)))


def _half_hours(series: Series, place: int, count: int) -> Blocks:
    # The half hours of a session of which only the day is known.
    row = slice(place, place + 1)
    days = series.days[row]
    opened, close, deviation = (column[row] for column in (series.open, series.close, series.deviation))
    counts = np.array([count], dtype=np.int64)
    ends = synthesis.path_ends(series.symbol, days, opened, close, deviation, counts)
    top, bottom = float(series.high[place]), float(series.low[place])
    if np.isfinite(top):
        ends = np.clip(ends, bottom, top)
    paths = synthesis.paths(series.symbol, days, opened, ends, deviation, counts)
    high, low = paths.high[0, :count].copy(), paths.low[0, :count].copy()
    if np.isfinite(top):
        high, low = np.minimum(high, top), np.maximum(low, bottom)
        high[np.argmax(high)], low[np.argmin(low)] = top, bottom
    volume = float(series.volume[place])
    paced = synthesis.bar_volumes(np.array([volume]), np.array([volume]), counts)[0, :count]
    return Blocks(
        seconds=HALF_HOUR, open=paths.open[0, :count], high=high, low=low, close=paths.close[0, :count], volume=paced
    )


def _stretched(noise: int, day: int, start: int, blocks: Blocks) -> Stretch:
    """Points each second: every bar starts at its open, ends at its close and touches its high and its low."""
    steps, bars = blocks.seconds, len(blocks.close)
    opened, high, low, close = (c[:, None] for c in (blocks.open, blocks.high, blocks.low, blocks.close))
    # A hundred thousand numbers a day: no session has as many seconds.
    number = counters(np.arange(bars * steps, dtype=np.int64) + day * 100_000)
    walk = np.cumsum(bells(noise, number).reshape(bars, steps), axis=1)
    share = np.linspace(0.0, 1.0, steps)
    bridge = walk - walk[:, :1] - (walk[:, -1:] - walk[:, :1]) * share
    widest = np.maximum(np.abs(bridge).max(axis=1, keepdims=True), 1e-12)
    prices = opened + (close - opened) * share + bridge * (high - low) / (2.0 * widest)
    prices = np.round(np.clip(prices, low, high), DECIMALS)
    _touch(prices, high[:, 0], low[:, 0])
    prices[:, 0], prices[:, -1] = opened[:, 0], close[:, 0]
    before = np.cumsum(blocks.volume) - blocks.volume
    part = np.arange(1, steps + 1) / steps
    volume = np.floor(before[:, None] + blocks.volume[:, None] * part)
    return Stretch(start=start, step=1, prices=prices.ravel(), volume=volume.ravel())


def _touch(prices: Floats, high: Floats, low: Floats) -> None:
    # Only inner points: the first and the last are the bar's open and close.
    rows = np.arange(len(prices))
    inner = prices[:, 1:-1]
    tops = np.argmax(inner, axis=1)
    bottoms = np.argmin(inner, axis=1)
    bottoms = np.where(bottoms == tops, (tops + 1) % inner.shape[1], bottoms)
    inner[rows, tops] = high
    inner[rows, bottoms] = low
