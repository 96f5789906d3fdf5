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
from prudent.marketdata.noise import bells, counters, seed, uniform, uniforms
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
    return np.where(prices >= 1.0, np.round(prices, 4), np.round(prices, 6))


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


def paths(symbol: str, days: Days, opened: Floats, close: Floats, deviation: Floats, counts: Rows) -> Paths:
    """The bars of each session from columns in step; only the last bar of a session depends on its close."""
    number = days[:, None] * BARS_MAX + np.arange(BARS_MAX)
    steps = bells(seed("path", symbol), counters(number)) * (deviation * (PATH_PART / BARS_MAX**0.5))[:, None]
    walk = np.clip(np.cumsum(steps, axis=1), -PATH_LIMIT, PATH_LIMIT)
    # Where the last bar's jump ends is the close; what comes before is walked from the open.
    before_last = np.arange(BARS_MAX) < (counts - 1)[:, None]
    ends = np.where(before_last, rounded(opened[:, None] * (1.0 + walk)), close[:, None])
    starts = np.concatenate((opened[:, None], ends[:, :-1]), axis=1)
    within = np.arange(BARS_MAX) < counts[:, None]
    reach = np.where(within, deviation[:, None] * 0.1, 0.0)
    up = uniforms(seed("high", symbol), counters(number)) * reach
    down = uniforms(seed("low", symbol), counters(number)) * reach
    top, bottom = np.maximum(starts, ends), np.minimum(starts, ends)
    high = np.where(up > 0.0, rounded(top * (1.0 + up)), top)
    low = np.where(down > 0.0, rounded(bottom * (1.0 - down)), bottom)
    return Paths(starts, np.maximum(high, top), np.minimum(low, bottom), ends)


def volumes(character: Character, days: Days, close: Floats, factor: Floats, deviation: Floats) -> tuple[Floats, Floats]:
    """Shares a day, and the part of them that was to be expected at the open (which paces the bars of the session)."""
    before = np.concatenate((close[:1], close[:-1]))
    growth = 1.08 ** ((days - day_number(date(2022, 12, 28))) // 365)
    noise = 0.7 + 0.6 * uniforms(seed("volume", character.symbol), counters(days))
    expected = np.ceil(character.dollars_a_day * growth * noise / (before * factor) / 100.0) * 100.0
    surprise = np.minimum(np.abs(close / before - 1.0) / deviation, 4.0)
    return np.ceil(expected * (1.0 + 0.25 * surprise)), expected


def bar_volumes(total: Floats, expected: Floats, counts: Rows) -> Floats:
    """Volume of each bar, high at both ends of the session; the last bar takes what the others left."""
    slot = np.arange(BARS_MAX)
    middle = ((counts - 1) / 2.0)[:, None]
    within = slot < counts[:, None]
    weight = np.where(within, 1.0 + 1.5 * ((slot - middle) / middle) ** 2, 0.0)
    paced = np.floor(expected[:, None] * weight / np.sum(weight, axis=1)[:, None])
    last = slot == (counts - 1)[:, None]
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
    start = seed("actions", symbol)
    first, last = day_of(int(days[0])), day_of(int(days[-1]))
    dated: list[tuple[date, _Decision]] = []
    for year in range(first.year, last.year + 1):
        for quarter in range(4):
            number = year * 4 + quarter
            dated.append((date(year, 3 * quarter + 2, 3 + int(20 * uniform(start, number))), _dividend))
            dated.append((date(year, 3 * quarter + 3, 6 + int(18 * uniform(start, number + 100_000))), _split))
    rows = [(int(np.searchsorted(days, day_number(day))), decide) for day, decide in dated if first < day <= last]
    return [(row, decide) for row, decide in rows if 0 < row < len(days)]
