"""Synthetic surroundings of a series of closes: opens, paths inside the session, volumes, dividends and splits.

Each row is made from earlier rows and numbered noise alone, so nothing before a session's close tells that close; only
the session's last bar meets it, and the session's high and low are those of its bars.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date

import numpy as np
from numpy.typing import NDArray

from prudent.marketdata.calendars import day_number, day_of
from prudent.marketdata.columns import Days
from prudent.marketdata.noise import Counters, bells, counters, seed, uniforms
from prudent.ports import Floats

BARS_MAX = 13
VOLATILITY_ROWS = 20
VOLATILITY_FIRST = 0.015
# Mean absolute change times this is a deviation, for bell-shaped changes.
DEVIATION_OF_MEAN = 1.2533
GAP_PART = 0.4
PATH_PART = 0.7
PATH_LIMIT = 0.15
SPLIT_BELOW = 12.0
Rows = NDArray[np.int64]
_SLOTS = np.arange(BARS_MAX)


@dataclass(frozen=True, slots=True, kw_only=True)
class Character:
    """What a generator needs to know of a symbol beside its closes; `first_factor` = raw price of one adjusted unit."""

    symbol: str
    first_factor: float
    dividend_yield: float
    dollars_a_day: float
    split_above: float


@dataclass(frozen=True, slots=True, eq=False)
class Paths:
    """Half-hour bars of some sessions, one session a row; slots after an early close repeat the close."""

    open: Floats
    high: Floats
    low: Floats
    close: Floats


@dataclass(frozen=True, slots=True, eq=False)
class Actions:
    """Dividends per share as of their ex-date, splits (1 = none), and the raw price of one adjusted unit."""

    dividend: Floats
    split: Floats
    factor: Floats


def rounded(prices: Floats) -> Floats:
    """Prices to a hundredth of a cent, or finer below a dollar."""
    scale = np.where(prices >= 1.0, 1e4, 1e6)
    whole: Floats = np.rint(prices * scale) / scale
    return whole


def volatility(close: Floats) -> Floats:
    """The daily deviation as known before each row: from the changes of the rows before it."""
    change = np.zeros(len(close))
    change[1:] = np.abs(close[1:] / close[:-1] - 1.0)
    total = np.zeros(len(close))
    for back in range(1, VOLATILITY_ROWS + 1):
        total[back:] += change[:-back]
    known = np.clip(total * (DEVIATION_OF_MEAN / VOLATILITY_ROWS), 0.004, 0.06)
    known[: VOLATILITY_ROWS + 1] = VOLATILITY_FIRST
    return known


def opens(symbol: str, days: Days, close: Floats, deviation: Floats) -> Floats:
    """The close before, plus a gap; not known (NaN) on the first row."""
    opened = np.full(len(close), np.nan)
    gap = bells(seed("open", symbol), counters(days[1:])) * deviation[1:] * GAP_PART
    opened[1:] = rounded(close[:-1] * (1.0 + gap))
    return opened


def path_ends(symbol: str, days: Days, opened: Floats, close: Floats, deviation: Floats, counts: Rows) -> Floats:
    """The closes of each session's bars from columns in step; only the last one depends on the session's close."""
    walk = np.cumsum(bells(seed("path", symbol), _bar_counters(days)), axis=1)
    walk *= (deviation * (PATH_PART / BARS_MAX**0.5))[:, None]
    np.clip(walk, -PATH_LIMIT, PATH_LIMIT, out=walk)
    before_last = (counts - 1)[:, None] > _SLOTS
    return np.where(before_last, rounded(opened[:, None] * (1.0 + walk)), close[:, None])


def paths(symbol: str, days: Days, opened: Floats, ends: Floats, deviation: Floats, counts: Rows) -> Paths:
    """The bars around what `path_ends` gave: each opens where the last one closed, and reaches a little beyond both."""
    number = _bar_counters(days)
    starts = np.concatenate((opened[:, None], ends[:, :-1]), axis=1)
    reach = np.where(counts[:, None] > _SLOTS, deviation[:, None] * 0.1, 0.0)
    top, bottom = np.maximum(starts, ends), np.minimum(starts, ends)
    high = rounded(top * (1.0 + uniforms(seed("high", symbol), number) * reach))
    low = rounded(bottom * (1.0 - uniforms(seed("low", symbol), number) * reach))
    return Paths(starts, np.maximum(high, top), np.minimum(low, bottom), ends)


def _bar_counters(days: Days) -> Counters:
    return counters(days[:, None] * BARS_MAX + _SLOTS)


def volumes(
    character: Character, days: Days, close: Floats, factor: Floats, deviation: Floats
) -> tuple[Floats, Floats]:
    """Shares a day, and the part of them that was to be expected at the open (which paces the bars of the session)."""
    before = np.concatenate((close[:1], close[:-1]))
    growth = 1.08 ** ((days - day_number(date(2022, 12, 28))) // 365)
    noise = 0.7 + 0.6 * uniforms(seed("volume", character.symbol), counters(days))
    expected = np.ceil(character.dollars_a_day * growth * noise / (before * factor) / 100.0) * 100.0
    surprise = np.minimum(np.abs(close / before - 1.0) / deviation, 4.0)
    return np.ceil(expected * (1.0 + 0.25 * surprise)), expected


def bar_volumes(total: Floats, expected: Floats, counts: Rows) -> Floats:
    """Volume of each bar, high at both ends of the session; the last bar takes what the others left."""
    middle = ((counts - 1) / 2.0)[:, None]
    within = counts[:, None] > _SLOTS
    weight = np.where(within, 1.0 + 1.5 * ((_SLOTS - middle) / middle) ** 2, 0.0)
    paced = np.floor(expected[:, None] * weight / np.sum(weight, axis=1)[:, None])
    last = (counts - 1)[:, None] == _SLOTS
    early = np.where(within & ~last, paced, 0.0)
    return np.where(last, total[:, None] - np.sum(early, axis=1)[:, None], early)


def actions(character: Character, days: Days, close: Floats) -> Actions:
    """Quarterly dividends and occasional splits, each decided from the close before it, and the factor they leave."""
    count = len(days)
    dividend, split, factor = np.zeros(count), np.ones(count), np.ones(count)
    now = character.first_factor
    done = 0
    for row, decide in _action_rows(character.symbol, days):
        factor[done:row] = now
        raw = float(close[row - 1]) * now
        paid, ratio = decide(character, raw)
        dividend[row], split[row] = paid, ratio
        now = now * (1.0 - paid / raw) / ratio
        done = row
    factor[done:] = now
    return Actions(dividend, split, factor)


_Decision = Callable[[Character, float], tuple[float, float]]


def _dividend(character: Character, raw: float) -> tuple[float, float]:
    return round(raw * character.dividend_yield / 4.0, 4), 1.0


def _split(character: Character, raw: float) -> tuple[float, float]:
    if raw > 2.0 * character.split_above:
        return 0.0, 4.0
    if raw > character.split_above:
        return 0.0, 2.0
    return 0.0, 0.25 if raw < SPLIT_BELOW else 1.0


def _action_rows(symbol: str, days: Days) -> list[tuple[int, _Decision]]:
    # Ex-dates in the second month of each quarter, splits in the third: never on the same row.
    first, last = int(days[0]), int(days[-1])
    quarters = [(year, month) for year in range(day_of(first).year, day_of(last).year + 1) for month in (2, 5, 8, 11)]
    number = counters(np.array([year * 12 + month for year, month in quarters]))
    paid = 2 + np.floor(20 * uniforms(seed("dividend", symbol), number)).astype(np.int64)
    split = 5 + np.floor(18 * uniforms(seed("split", symbol), number)).astype(np.int64)
    starts = np.array([day_number(date(year, month, 1)) for year, month in quarters])
    ends = np.array([day_number(date(year, month + 1, 1)) for year, month in quarters])
    dated = np.stack((starts + paid, ends + split), axis=1).ravel()
    kinds: list[_Decision] = [_dividend, _split] * len(quarters)
    inside = (first < dated) & (dated <= last)
    rows = np.searchsorted(days, dated).tolist()
    return [(row, decide) for row, decide, use in zip(rows, kinds, inside.tolist()) if use]
