"""Round numbers and dates for the axes of a chart, and where a value stands on them."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np

from prudent.domain.performance import Days, Floats

_STEPS = (1.0, 2.0, 2.5, 5.0, 10.0)
# Values this close to each other, or to 0, have no range of their own.
_ONE_VALUE, _NOTHING = 1e-9, 1e-100
_DAYS_OF_YEAR = 365.25
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


@dataclass(frozen=True, slots=True, kw_only=True)
class Scale:
    """Values from `low` to `high` as shares of an axis; `ticks` are values that stand on it."""

    low: float
    high: float
    ticks: tuple[float, ...]
    logarithmic: bool = False

    def share(self, values: Floats) -> Floats:
        """0 at `low`, 1 at `high`; NaN where a logarithm does not exist."""
        if not self.logarithmic:
            return (values - self.low) / (self.high - self.low)
        logs = np.log(np.where(values > 0.0, values, np.nan))
        floor = math.log(self.low)
        return np.asarray((logs - floor) / (math.log(self.high) - floor), dtype=np.float64)


def linear(values: Floats, *, ticks: int = 5, with_zero: bool = False) -> Scale:
    """A scale with round ticks around the finite ones of `values`."""
    found = values[np.isfinite(values)]
    low, high = (float(found.min()), float(found.max())) if len(found) else (0.0, 1.0)
    if with_zero:
        low, high = min(low, 0.0), max(high, 0.0)
    size = max(abs(low), abs(high))
    if size < _NOTHING:
        low, high = 0.0, 1.0
    elif high - low <= _ONE_VALUE * size:
        low, high = low - size * 0.01, high + size * 0.01
    step = round_step((high - low) / ticks)
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    marks = tuple(float(f"{each * step:.12g}") for each in range(first, last + 1))
    return Scale(low=marks[0], high=marks[-1], ticks=marks)


def logarithmic(values: Floats, *, ticks: int = 8) -> Scale:
    """A logarithmic scale around the positive ones of `values`, which must be there, with ticks at 1, 2 and 5."""
    found = values[np.isfinite(values) & (values > 0.0)]
    low, high = float(found.min()), float(found.max())
    decades = range(math.floor(math.log10(low)) - 1, math.ceil(math.log10(high)) + 2)
    for digits in ((1.0, 2.0, 5.0), (1.0, 3.0), (1.0,)):
        marks = sorted(digit * 10.0**decade for decade in decades for digit in digits)
        below = max(each for each in marks if each <= low)
        above = min(each for each in marks if each >= high and each > below)
        chosen = tuple(float(f"{each:.6g}") for each in marks if below <= each <= above)
        if len(chosen) <= ticks:
            break
    return Scale(low=chosen[0], high=chosen[-1], ticks=_every(chosen, ticks), logarithmic=True)


def _every(ticks: tuple[float, ...], most: int) -> tuple[float, ...]:
    return ticks[:: max(1, math.ceil(len(ticks) / most))]


def round_step(raw: float) -> float:
    """The least round number that is not below `raw`, which is above 0."""
    magnitude = 10.0 ** math.floor(math.log10(raw))
    return next(each * magnitude for each in _STEPS if each * magnitude >= raw * (1 - 1e-9))


def date_ticks(first: date, last: date, *, most: int = 10) -> list[tuple[date, str]]:
    """Round dates from `first` to `last` with their labels: years, else months, else days."""
    years = (last - first).days / _DAYS_OF_YEAR
    if years > 3:
        step = next(each for each in (1, 2, 5, 10, 20, 50, 100, 1000) if years / each <= most)
        begin = -(-first.year // step) * step
        return _inside(first, last, [(date(year, 1, 1), str(year)) for year in range(begin, last.year + 1, step)])
    if years > 0.25:
        step = next(each for each in (1, 2, 3, 4, 6) if years * 12 / each <= most)
        months = range(first.year * 12, last.year * 12 + 12, step)
        return _inside(first, last, [(date(m // 12, m % 12 + 1, 1), _month(m)) for m in months])
    span = (last - first).days
    step = max(1, math.ceil(span / most))
    return [(each, each.isoformat()[5:]) for each in _days_between(first, last, step)]


def _month(number: int) -> str:
    year, month = divmod(number, 12)
    return f"{_MONTHS[month]} {year}" if month == 0 else _MONTHS[month]


def _inside(first: date, last: date, ticks: Sequence[tuple[date, str]]) -> list[tuple[date, str]]:
    return [each for each in ticks if first <= each[0] <= last]


def _days_between(first: date, last: date, step: int) -> list[date]:
    return [date.fromordinal(each) for each in range(first.toordinal(), last.toordinal() + 1, step)]


def ordinals(days: Days) -> Floats:
    """Days as numbers of days since 1970."""
    return days.astype("datetime64[D]").astype(np.int64).astype(np.float64)


def as_date(day: np.datetime64) -> date:
    return date.fromisoformat(str(day.astype("datetime64[D]")))
