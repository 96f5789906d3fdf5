"""What columns of prices tell beside prices: holes, what companies do to their holders, and what trades no more."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any, Protocol

import numpy as np

from prudent.domain.corporate_actions import ONE, CorporateAction, Delisting, Dividend, Split
from prudent.domain.money import from_float
from prudent.domain.performance import Panel
from prudent.marketdata.calendars import day_of
from prudent.marketdata.columns import DailyColumns, Days

# Sessions without a price that a symbol may have: a longer gap is a hole in the data, or at the end a delisting.
HOLE_SESSIONS = 5


class ColumnSource(Protocol):
    """Unbounded daily columns by symbol; `total_return` says that its prices contain what was paid."""

    total_return: bool

    def columns(self, symbol: str) -> DailyColumns | None: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Gap:
    """Sessions from `first` to `last` on which a symbol has no price between two that have one."""

    symbol: str
    first: date
    last: date
    sessions: int

    def __str__(self) -> str:
        return f"{self.symbol} {self.first} to {self.last} ({self.sessions} sessions)"


def gaps_of(symbol: str, own: Days, sessions: Days, *, least: int = 1) -> Iterator[Gap]:
    """The gaps of `least` sessions or more among `sessions` between two days that the symbol has, in order.

    Days are ascending and counted since 1970-01-01; `own` are those of the symbol, one at least.
    """
    inside = sessions[(sessions > own[0]) & (sessions < own[-1])]
    missing = inside[~np.isin(inside, own)]
    # Missing sessions belong to one gap while no day of its own lies between them: the next one is the same.
    after = np.searchsorted(own, missing)
    starts = np.flatnonzero(np.diff(after, prepend=-1))
    for low, high in zip(starts, [*starts[1:], len(missing)]):
        if high - low >= least:
            yield Gap(
                symbol=symbol, first=_date(missing[low]), last=_date(missing[high - 1]), sessions=int(high - low)
            )


def actions_of(
    panel: Panel, *, lot_of: Callable[[str], Decimal] = lambda symbol: ONE
) -> Mapping[date, tuple[CorporateAction, ...]]:
    """What is booked before the open of each session: dividends, then splits, then delistings, by symbol within each.

    A symbol whose prices end more than `HOLE_SESSIONS` sessions before the window does is paid out at its last close on
    the session after those. Nothing of a day depends on prices after its open.
    """
    found: dict[date, list[CorporateAction]] = {}
    for t, i in zip(*np.nonzero(panel.dividend > 0.0)):
        day = _date(panel.days[t])
        paid = Dividend(symbol=panel.symbols[i], day=day, amount=from_float(round(float(panel.dividend[t, i]), 9)))
        found.setdefault(day, []).append(paid)
    for t, i in zip(*np.nonzero(panel.split != 1.0)):
        day, symbol = _date(panel.days[t]), panel.symbols[i]
        found.setdefault(day, []).append(
            Split(
                symbol=symbol, day=day, ratio=from_float(round(float(panel.split[t, i]), 9)),
                price=from_float(round(float(panel.open[t, i]), 6)), lot=lot_of(symbol),
            )
        )
    for each in delistings(panel):
        found.setdefault(each.day, []).append(each)
    return {day: tuple(found[day]) for day in sorted(found)}


def delistings(panel: Panel) -> tuple[Delisting, ...]:
    """The symbols that trade no more, each with the session that pays it out and its last close."""
    found: list[Delisting] = []
    for i, symbol in enumerate(panel.symbols):
        rows = np.flatnonzero(np.isfinite(panel.close[:, i]))
        paid_at = int(rows[-1]) + HOLE_SESSIONS + 1 if len(rows) else len(panel.days)
        if paid_at < len(panel.days):
            price = from_float(round(float(panel.close[rows[-1], i]), 6))
            found.append(Delisting(symbol=symbol, day=_date(panel.days[paid_at]), price=price))
    return tuple(found)


def _date(day: Any) -> date:
    # A day number, or a numpy date as it stands in a panel.
    return day_of(int(day.astype("datetime64[D]").astype(np.int64)) if isinstance(day, np.datetime64) else int(day))
