"""Columns of small runs, written as a person would."""

from collections.abc import Sequence
from datetime import date, timedelta

import numpy as np

from prudent.domain.performance import Benchmark, Days, FillTable, Floats, NavSeries

NAN = float("nan")
FIRST = date(2024, 1, 2)


def day(number: int) -> date:
    """So many calendar days after 1 January 2024, which is where an opening on 2 January counts from."""
    return FIRST + timedelta(days=number - 1)


def days_of(days: Sequence[date]) -> Days:
    return np.array(days, dtype="datetime64[D]")


def nav_of(
    values: Sequence[float],
    *,
    opening: float = 100.0,
    days: Sequence[date] | None = None,
    flows: dict[int, float] | None = None,
    gross: Sequence[float] | None = None,
    net: Sequence[float] | None = None,
    low: Sequence[float] | None = None,
    stale: Sequence[int] = (),
) -> NavSeries:
    """A series of one row a calendar day; `flows` by row, `stale` rows."""
    n = len(values)
    nav = np.array(values, dtype=np.float64)
    held = np.zeros(n) if gross is None else np.array(gross, dtype=np.float64)
    flow, old = np.zeros(n), np.zeros(n, dtype=np.bool_)
    for row, amount in (flows or {}).items():
        flow[row] = amount
    old[list(stale)] = True
    signed = held if net is None else np.array(net, dtype=np.float64)
    return NavSeries(
        opening=opening, days=days_of(days or [day(k) for k in range(1, n + 1)]), nav=nav, flow=flow, cash=nav - signed,
        gross=held, net=signed, low=np.full(n, NAN) if low is None else np.array(low, dtype=np.float64), stale=old,
    )  # fmt: skip


def nav_from(returns: Floats | Sequence[float], *, opening: float = 100.0) -> NavSeries:
    """A series that earned these returns, nothing paid in or out."""
    return nav_of((opening * np.cumprod(1.0 + np.asarray(returns, dtype=np.float64))).tolist(), opening=opening)


Fill = tuple[int, str, float, float, float]


def fills_of(*fills: Fill, causes: Sequence[str] = ()) -> FillTable:
    """Fills as (day number, symbol, signed quantity, price, fees); each is of cause `target` unless said."""
    symbols = tuple(dict.fromkeys(fill[1] for fill in fills))
    said = list(causes) or ["target"] * len(fills)
    names = tuple(dict.fromkeys(said))
    return FillTable(
        symbols=symbols, causes=names, day=days_of([day(fill[0]) for fill in fills]),
        symbol=np.array([symbols.index(fill[1]) for fill in fills], dtype=np.int64),
        quantity=np.array([fill[2] for fill in fills], dtype=np.float64),
        price=np.array([fill[3] for fill in fills], dtype=np.float64),
        fees=np.array([fill[4] for fill in fills], dtype=np.float64), arrival=np.full(len(fills), NAN),
        cause=np.array([names.index(each) for each in said], dtype=np.int64),
    )  # fmt: skip


def benchmark_of(levels: Sequence[float], *, opening: float = 100.0, days: Sequence[date] | None = None) -> Benchmark:
    dates = days or [day(k) for k in range(1, len(levels) + 1)]
    return Benchmark(name="SPY", days=days_of(dates), level=np.array(levels, dtype=np.float64), opening=opening)
