"""Screens over daily bars: which listed symbols moved, gapped, traded unusually much or made a year's extreme."""

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal

import numpy as np

from prudent.domain.money import from_float
from prudent.ports import Bars, Floats

YEAR = 252
VOLUME_SESSIONS = 20
LEAST_MOVE = 0.01
LEAST_VOLUME = 1.5


@dataclass(frozen=True, slots=True, kw_only=True)
class Hit:
    """One symbol that a screen found; `value` is a fraction for moves and gaps, a multiple for volume."""

    screen: str
    symbol: str
    value: Decimal
    text: str


def screens(bars: Bars, *, top: int) -> tuple[Hit, ...]:
    """The first `top` symbols of each screen, strongest first, ties by symbol; a symbol without the bars is in none.

    All of it speaks of the last completed session: movers by close to close, gaps by open to the close before,
    volume against the mean of the twenty sessions before, extremes of a year by closes.
    """
    if len(bars.times) < 2:
        return ()
    return tuple(hit for found in _screens(bars) for hit in found[:top])


def _screens(bars: Bars) -> Iterator[list[Hit]]:
    close, opened = bars.fields["close"], bars.fields["open"]
    move = close[-1] / close[-2] - 1.0
    yield _ranked("mover_up", bars, move, move >= LEAST_MOVE)
    yield _ranked("mover_down", bars, move, move <= -LEAST_MOVE)
    gap = opened[-1] / close[-2] - 1.0
    yield _ranked("gap", bars, gap, np.abs(gap) >= LEAST_MOVE)
    if len(bars.times) > VOLUME_SESSIONS:
        volume = bars.fields["volume"]
        times = volume[-1] / np.mean(volume[-VOLUME_SESSIONS - 1 : -1], axis=0)
        yield _ranked("volume", bars, times, times >= LEAST_VOLUME)
    if len(bars.times) >= YEAR:
        year = close[-YEAR:]
        yield _ranked("year_high", bars, move, close[-1] >= np.max(year, axis=0))
        yield _ranked("year_low", bars, move, close[-1] <= np.min(year, axis=0))


def _ranked(screen: str, bars: Bars, values: Floats, found: np.ndarray) -> list[Hit]:
    # NaN compares false, so what has no bar is in no screen.
    chosen = [i for i in range(len(bars.symbols)) if bool(found[i]) and bool(np.isfinite(values[i]))]
    chosen.sort(key=lambda i: (-abs(float(values[i])), bars.symbols[i]))
    return [_hit(screen, bars.symbols[i], float(values[i])) for i in chosen]


def _hit(screen: str, symbol: str, value: float) -> Hit:
    words = {
        "mover_up": f"{symbol} rose {value * 100:.1f} % in the last session",
        "mover_down": f"{symbol} fell {-value * 100:.1f} % in the last session",
        "gap": f"{symbol} opened the last session {value * 100:+.1f} % from the close before",
        "volume": f"{symbol} traded {value:.1f} times its usual volume in the last session",
        "year_high": f"{symbol} closed at a 52-week high",
        "year_low": f"{symbol} closed at a 52-week low",
    }
    return Hit(screen=screen, symbol=symbol, value=from_float(round(value, 4)), text=words[screen])
