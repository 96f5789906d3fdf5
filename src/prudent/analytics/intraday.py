"""What an intraday strategy reads of one session: VWAP, relative volume, opening range and the noise area.

Bars are labelled by their start; a caller passes completed bars of regular hours only, each session by itself.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import ROUND_DOWN, Decimal

import numpy as np

from prudent.domain.money import from_float
from prudent.domain.orders import Side
from prudent.ports import Floats

RANGE_SESSIONS = 14
RISK_SHARE = Decimal("0.01")
STOP_OF_ATR = Decimal("0.10")
LEVERAGE_CAP = Decimal(4)


def vwap_rows(high: Floats, low: Floats, close: Floats, volume: Floats, carry: Floats, out: Floats) -> None:
    """Volume-weighted average price after each bar `[t, i]` of one session; carried: value and volume (kernel).

    A bar without volume, or that is missing, changes nothing; before the first volume it is NaN.
    """
    for t in range(close.shape[0]):
        there = volume[t] > 0.0
        typical = (high[t] + low[t] + close[t]) / 3.0
        carry[0] = carry[0] + np.where(there, typical * volume[t], 0.0)
        carry[1] = carry[1] + np.where(there, volume[t], 0.0)
        traded = carry[1] > 0.0
        out[t] = np.where(traded, carry[0] / np.where(traded, carry[1], 1.0), np.nan)


class VwapStream:
    """VWAP of one session, bar after bar; each session starts a new one."""

    def __init__(self, *, symbols: int) -> None:
        self._carry: Floats = np.zeros((2, symbols))

    def add(self, high: Floats, low: Floats, close: Floats, volume: Floats) -> Floats:
        out: Floats = np.full(close.shape, np.nan)
        vwap_rows(high, low, close, volume, self._carry, out)
        return out


def vwap(high: Floats, low: Floats, close: Floats, volume: Floats) -> Floats:
    """VWAP after each bar `[t, i]` of one session."""
    return VwapStream(symbols=close.shape[1]).add(high, low, close, volume)


def relative_volume(today: Floats, before: Floats) -> Floats:
    """Volume `[i]` so far against the mean of the same window in the sessions `before[s, i]`; NaN where unknown.

    The caller leaves half days out of `before`; a session without a bar (NaN) does not count.
    """
    there = np.isfinite(before)
    counts = there.sum(axis=0)
    mean = np.where(there, before, 0.0).sum(axis=0) / np.maximum(counts, 1)
    usual = (counts > 0) & (mean > 0.0)
    ratio: Floats = np.where(usual, today / np.where(usual, mean, 1.0), np.nan)
    return ratio


@dataclass(frozen=True, slots=True, kw_only=True)
class OpeningRange:
    """High and low of the session's first bars; `direction` is that of the first bar, 0 for a doji."""

    high: float
    low: float
    direction: int


def opening_range(opened: Floats, high: Floats, low: Floats, close: Floats) -> OpeningRange | None:
    """The range of some first bars `[t]` of one symbol; None where a bar is missing."""
    if not len(close) or not all(bool(np.isfinite(each).all()) for each in (opened, high, low, close)):
        return None
    return OpeningRange(
        high=float(high.max()), low=float(low.min()), direction=int(np.sign(close[0] - opened[0])),
    )  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class RangeEntry:
    """An entry at the break of the opening range: where it stops, and how many shares the risk allows."""

    side: Side
    entry: Decimal
    stop: Decimal
    quantity: Decimal


def range_entry(
    found: OpeningRange, *, equity: Decimal, atr: Decimal, shorts: bool, lot: Decimal = Decimal(1)
) -> RangeEntry | None:
    """The trade of an opening-range breakout; None on a doji, without room, or for a short that is not allowed.

    The stop is 10 % of the ATR away, the size risks 1 % of equity, within four times the equity.
    """
    if found.direction == 0 or (found.direction < 0 and not shorts) or not (atr > 0 and equity > 0):
        return None
    entry = from_float(found.high if found.direction > 0 else found.low)
    if not entry > 0:
        return None
    distance = atr * STOP_OF_ATR
    size = min(equity * RISK_SHARE / distance, equity * LEVERAGE_CAP / entry)
    quantity = (size / lot).to_integral_value(ROUND_DOWN) * lot
    if not quantity > 0:
        return None
    side = Side.BUY if found.direction > 0 else Side.SELL
    return RangeEntry(side=side, entry=entry, stop=entry - side.sign * distance, quantity=quantity)


@dataclass(frozen=True, slots=True, kw_only=True)
class NoiseArea:
    """The band inside which the price usually is at a time of day; beyond it, it trends."""

    upper: float
    lower: float
    sigma: float

    def direction(self, price: float) -> int:
        """1 above the band, -1 below it, 0 inside, at its edge or where the price is unknown."""
        return 1 if price > self.upper else -1 if price < self.lower else 0

    def long_stop(self, vwap_now: float) -> float:
        """Where a long position leaves: the band's upper edge or the VWAP, whichever is higher."""
        return max(self.upper, vwap_now) if np.isfinite(vwap_now) else self.upper


def noise_sigma(opens: Floats, prices: Floats) -> float:
    """Mean of |price / open - 1| at one time of day over past sessions; NaN without any."""
    there = np.isfinite(opens) & np.isfinite(prices) & (opens > 0.0)
    if not there.any():
        return float("nan")
    return float(np.mean(np.abs(prices[there] / opens[there] - 1.0)))


def noise_area(opened: float, previous_close: float, sigma: float) -> NoiseArea:
    """The band around today's open and the last close."""
    return NoiseArea(
        upper=max(opened, previous_close) * (1.0 + sigma), lower=min(opened, previous_close) * (1.0 - sigma),
        sigma=sigma,
    )  # fmt: skip


def sessions_of(starts: Sequence[int], opens: Sequence[int], closes: Sequence[int]) -> list[slice]:
    """For each session [open, close) the slice of ascending bar starts inside it, in seconds of one clock."""
    times = np.asarray(starts, dtype=np.int64)
    return [
        slice(int(np.searchsorted(times, first)), int(np.searchsorted(times, last)))
        for first, last in zip(opens, closes)
    ]
