"""A window of a source as columns that no clock bounds: for fills, stops inside the bar, baselines and valuation."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from hashlib import sha256
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from prudent.domain.corporate_actions import ONE, CorporateAction, Delisting, Dividend, Split
from prudent.domain.errors import InputError
from prudent.domain.money import from_float
from prudent.domain.performance import Floats, Panel
from prudent.marketdata.calendars import day_number, day_of
from prudent.marketdata.columns import DailyColumns
from prudent.ports import Calendar

# Sessions without a price that a symbol may have: a longer gap is a hole in the data, or at the end a delisting.
HOLE_SESSIONS = 5
NAMED_MAX = 5
PRICES = ("open", "high", "low", "close")


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


def tape(source: ColumnSource, symbols: Sequence[str], first: date, last: date, *, calendar: Calendar) -> Panel:
    """The daily prices of `symbols` on every session from `first` to `last`, NaN where there is none.

    A symbol may begin later than the window, and end before it does.

    Raises:
        InputError: the window is inverted, empty or before the data, a symbol is unknown or has no price in it, or
            has a hole of more than `HOLE_SESSIONS` sessions.
    """
    days = _sessions(calendar, first, last)
    found = _known(source, symbols)
    _within(found, days)
    gaps = [gap for columns in found for gap in gaps_of(columns, days, least=HOLE_SESSIONS + 1)]
    if gaps:
        named = "; ".join(map(str, gaps[:NAMED_MAX])) + (f" and {len(gaps) - NAMED_MAX} more" * (len(gaps) > NAMED_MAX))
        raise InputError(
            f"prices must have no hole of more than {HOLE_SESSIONS} sessions, have: {named}; "
            "complete the data, choose another window or leave the symbol out"
        )
    places = [_places(columns.days, days) for columns in found]
    paid = not source.total_return

    def field(name: str, *, none: float = np.nan, known: bool = True) -> Floats:
        out = np.full((len(days), len(found)), none)
        for i, (columns, (rows, at)) in enumerate(zip(found, places)):
            if known:
                out[at, i] = columns.fields[name][rows]
        return out

    prices = {name: field(name) for name in PRICES}
    return Panel(
        symbols=tuple(symbols), days=days.astype("datetime64[D]"), **prices,
        dividend=np.nan_to_num(field("dividend", none=0.0, known=paid)), split=field("split", none=1.0, known=paid),
        total_return=source.total_return,
    )  # fmt: skip


def gaps_of(columns: DailyColumns, sessions: NDArray[np.int64], *, least: int = 1) -> Iterator[Gap]:
    """The gaps of `least` sessions or more among `sessions` that lie between two rows of the symbol, in order."""
    inside = sessions[(sessions > columns.days[0]) & (sessions < columns.days[-1])]
    missing = inside[~np.isin(inside, columns.days)]
    # Missing sessions belong to one gap while no row lies between them: the next row is the same.
    after = np.searchsorted(columns.days, missing)
    starts = np.flatnonzero(np.diff(after, prepend=-1))
    for low, high in zip(starts, [*starts[1:], len(missing)]):
        if high - low >= least:
            yield Gap(
                symbol=columns.symbol, first=_date(missing[low]), last=_date(missing[high - 1]),
                sessions=int(high - low),
            )  # fmt: skip


def carry(panel: Panel) -> tuple[Floats, NDArray[np.bool_]]:
    """Closes in which a missing one is the last before it, and where that is so; NaN before a symbol's first."""
    known = np.isfinite(panel.close)
    rows = np.where(known, np.arange(len(panel.days))[:, None], -1)
    last = np.maximum.accumulate(rows, axis=0) if len(rows) else rows
    begun = last >= 0
    prices = np.take_along_axis(panel.close, np.maximum(last, 0), axis=0) if len(rows) else panel.close.copy()
    return np.where(begun, prices, np.nan), begun & ~known


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


def remarks(panel: Panel) -> tuple[str, ...]:
    """What a reader of a result must know of its prices: how they pay, late beginnings, delistings, stale days."""
    said: list[str] = []
    if panel.total_return:
        said.append("total-return prices: what was paid counts as in the prices, no dividend is booked")
    known = np.isfinite(panel.close)
    for i, symbol in enumerate(panel.symbols):
        begin = int(np.argmax(known[:, i]))
        if begin:
            said.append(f"{symbol} has no price before {_date(panel.days[begin])}")
    for each in delistings(panel):
        said.append(f"{each.symbol} trades no more: paid out at {each.price} on {each.day}")
    stale = carry(panel)[1].sum(axis=0)
    for symbol, count in zip(panel.symbols, stale.tolist()):
        if count:
            said.append(f"{symbol} keeps an old price on {count} sessions without one")
    return tuple(said)


def data_hash(panel: Panel) -> str:
    """A digest of every value of the panel: equal for equal data, whatever it was read from."""
    seal = sha256("\n".join((*panel.symbols, str(panel.total_return))).encode())
    seal.update(panel.days.astype(np.int64).tobytes())
    for name in (*PRICES, "dividend", "split"):
        # One spelling of NaN, and of zero.
        values = np.where(np.isnan(getattr(panel, name)), np.nan, getattr(panel, name)) + 0.0
        seal.update(np.ascontiguousarray(values, dtype="<f8").tobytes())
    return seal.hexdigest()


def _sessions(calendar: Calendar, first: date, last: date) -> NDArray[np.int64]:
    if first > last:
        raise InputError(f"the window must end after it begins, was {first} to {last}; exchange the dates")
    days = [day_number(session.date) for session in calendar.sessions(first, last)]
    if not days:
        raise InputError(f"the window must hold a session, {first} to {last} has none; widen it")
    return np.array(days, dtype=np.int64)


def _known(source: ColumnSource, symbols: Sequence[str]) -> list[DailyColumns]:
    if not symbols:
        raise InputError("a window of prices needs a symbol, none was given; name one")
    found = {symbol: source.columns(symbol) for symbol in symbols}
    unknown = [symbol for symbol, columns in found.items() if columns is None]
    if unknown:
        raise InputError(f"the data must have every symbol, has no {', '.join(unknown)}; correct or download them")
    return [columns for columns in found.values() if columns is not None]


def _within(found: Sequence[DailyColumns], days: NDArray[np.int64]) -> None:
    first, last = _date(days[0]), _date(days[-1])
    begin = min(int(columns.days[0]) for columns in found)
    if days[0] < begin:
        raise InputError(
            f"the window must not begin before the data, which begins on {_date(begin)}, was {first} to {last}; "
            f"begin it on {_date(begin)} or download more"
        )
    for columns in found:
        low, high = np.searchsorted(columns.days, (days[0], days[-1] + 1))
        if low == high:
            raise InputError(
                f"{columns.symbol} has prices from {_date(columns.days[0])} to {_date(columns.days[-1])}, none from "
                f"{first} to {last}; choose a window inside, or leave the symbol out"
            )


def _places(own: NDArray[np.int64], days: NDArray[np.int64]) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    rows = np.flatnonzero((own >= days[0]) & (own <= days[-1]))
    at = np.searchsorted(days, own[rows])
    return rows, at


def _date(day: Any) -> date:
    # A day number, or a numpy date as it stands in a panel.
    return day_of(int(day.astype("datetime64[D]").astype(np.int64)) if isinstance(day, np.datetime64) else int(day))
