"""Returns of an account with money from outside removed: by session, linked, by calendar month and a year."""

from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from prudent.analytics.money_weighted import MoneyWeighted, modified_dietz, xirr
from prudent.domain.performance import Days, Floats, Ints, NavSeries

__all__ = [
    "DailyReturns", "FlowAt", "MonthlyReturns", "cagr", "daily_returns", "dietz_of", "growth", "money_weighted",
    "monthly_returns", "opening_day", "time_weighted",
]  # fmt: skip

Bools = NDArray[np.bool_]

SESSIONS_A_YEAR = 252
CARRIED_SESSIONS_MAX = 3


class FlowAt(StrEnum):
    """When outside money counts as arrived: before the open of its session, or after the close."""

    OPEN = "open"
    CLOSE = "close"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class DailyReturns:
    """Returns of an account, row = session; `value` is NaN where there was no money to earn on.

    `worth` is the value at the close, `base` what it was earned on. `carried` says that a value is not of its own
    session: it was missing and the last one stands in, or a holding had no price of the day. `unvalued` is the first
    session of a run of more than three carried ones, None where there is none.
    """

    days: Days
    value: Floats
    worth: Floats
    base: Floats
    carried: Bools
    unvalued: np.datetime64 | None = None

    @property
    def known(self) -> Bools:
        found: Bools = np.isfinite(self.value)
        return found


def daily_returns(nav: NavSeries, flows: FlowAt = FlowAt.OPEN) -> DailyReturns:
    """The return of each session: V_end / (V_before + F) - 1, or (V_end - F) / V_before - 1 for flows at the close.

    A missing value is carried: the last known one and the flows since. Dividends and fees are no flows.
    """
    worth, missing = carried_values(nav)
    before = np.concatenate(([nav.opening], worth[:-1])) if len(worth) else worth
    base = before + nav.flow if flows is FlowAt.OPEN else before
    end = worth if flows is FlowAt.OPEN else worth - nav.flow
    funded = base > 0.0
    value = np.full(len(worth), np.nan)
    np.divide(end, base, out=value, where=funded)
    carried = missing | nav.stale
    start = first_long_run(carried, CARRIED_SESSIONS_MAX)
    days: Days = nav.days.astype("datetime64[D]")
    value -= 1.0
    return DailyReturns(
        days=days, value=value, worth=worth, base=base, carried=carried,
        unvalued=None if start is None else days[start],
    )  # fmt: skip


def carried_values(nav: NavSeries) -> tuple[Floats, Bools]:
    """Values with each missing one replaced by the last known and the flows since, and which ones were missing."""
    missing = ~np.isfinite(nav.nav)
    if not missing.any():
        return nav.nav, missing
    moved = np.cumsum(nav.flow)
    # Slot 0 is the opening; a missing row points at the last slot that is known.
    slots = np.maximum.accumulate(np.where(missing, 0, np.arange(1, len(missing) + 1)))
    own = np.concatenate(([nav.opening], np.where(missing, 0.0, nav.nav) - moved))
    worth: Floats = np.where(missing, own[slots] + moved, nav.nav)
    return worth, missing


def first_long_run(flags: Bools, longest: int) -> int | None:
    """Where the first run of more than `longest` true values begins."""
    edges = np.diff(np.concatenate(([0], flags.astype(np.int8), [0])))
    starts, ends = np.flatnonzero(edges == 1), np.flatnonzero(edges == -1)
    long = np.flatnonzero(ends - starts > longest)
    return int(starts[long[0]]) if len(long) else None


def factors(returns: Floats) -> Floats:
    """What 1 became in each return: 0 of a return of -1 or less, 1 where there is none."""
    left: Floats = np.maximum(1.0 + np.where(np.isnan(returns), 0.0, returns), 0.0)
    return left


def growth(returns: Floats) -> Floats:
    """What 1 became after each return; a return of -1 or less ends at 0 for good."""
    linked: Floats = np.cumprod(factors(returns), dtype=np.float64)
    return linked


def time_weighted(returns: Floats) -> float | None:
    """The linked return of all sessions, which says nothing of when money came; None without a return."""
    return float(growth(returns)[-1] - 1.0) if np.isfinite(returns).any() else None


def cagr(total_return: float, sessions: int, periods: int = SESSIONS_A_YEAR) -> float | None:
    """(1 + total)^(periods / sessions) - 1; None under one year, which is not annualised (GIPS)."""
    if sessions < periods:
        return None
    return float((1.0 + max(total_return, -1.0)) ** (periods / sessions) - 1.0)


def opening_day(days: Days) -> np.datetime64:
    """The date of what was before the first session's open: the calendar day before it."""
    first: np.datetime64 = days[0] - np.timedelta64(1, "D")
    return first


def day_numbers(days: Days) -> Ints:
    """Calendar days from the opening to the close of each session."""
    numbers: Ints = (days - opening_day(days)).astype(np.int64)
    return numbers


def outside_flows(nav: NavSeries, returns: DailyReturns) -> tuple[Floats, Ints]:
    """What a holder paid in (-) and got (+), the opening paid in and the last value got, and on which day.

    A day is counted from the opening; money that came before an open came at the end of the calendar day before.
    """
    numbers = day_numbers(returns.days)
    moved = nav.flow != 0.0
    amounts = np.concatenate(([-nav.opening], -nav.flow[moved], [returns.worth[-1]]))
    return amounts, np.concatenate(([0], numbers[moved] - 1, [numbers[-1]]))


def money_weighted(nav: NavSeries, returns: DailyReturns) -> MoneyWeighted:
    """The yearly rate that a holder earned on the money that was in the account at the time (XIRR)."""
    if not len(nav.days):
        return MoneyWeighted(rate=None, roots=())
    return xirr(*outside_flows(nav, returns))


def dietz_of(nav: NavSeries, returns: DailyReturns) -> float | None:
    """Modified Dietz of the whole series; the end value's day is the last session's close."""
    if not len(nav.days):
        return None
    numbers = day_numbers(returns.days)
    return modified_dietz(nav.opening, float(returns.worth[-1]), nav.flow, numbers - 1, length=int(numbers[-1]))


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class MonthlyReturns:
    """Linked returns by calendar month: `table[y, m]` of year `years[y]`, m = 0 is January, NaN where there is none.

    `total[y]` is the linked return of what the year has.
    """

    years: tuple[int, ...]
    table: Floats
    total: Floats


def monthly_returns(days: Days, returns: Floats) -> MonthlyReturns:
    """Returns of sessions, linked by month and by year; NaN counts as no move."""
    if not len(days):
        return MonthlyReturns(years=(), table=np.empty((0, 12)), total=np.empty(0))
    factor = factors(returns)
    months = days.astype("datetime64[M]").astype(np.int64)
    starts = np.flatnonzero(np.concatenate(([True], months[1:] != months[:-1])))
    linked = np.multiply.reduceat(factor, starts) - 1.0
    year, month = np.divmod(months[starts], 12)
    years = np.unique(year)
    table = np.full((len(years), 12), np.nan)
    table[np.searchsorted(years, year), month] = linked
    total = np.prod(np.where(np.isnan(table), 1.0, table + 1.0), axis=1) - 1.0
    return MonthlyReturns(years=tuple(int(each) + 1970 for each in years), table=table, total=total)
