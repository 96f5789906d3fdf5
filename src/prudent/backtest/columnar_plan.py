"""From a request to columns: what the account wants, and what its source and instruments say of every session."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING

import numpy as np

from prudent.backtest.columns import ColumnPlan, NeedsCycles, why_not_columns
from prudent.backtest.history import history_source
from prudent.backtest.tape import Tape, day_array
from prudent.bootstrap import Desk
from prudent.clock import SimulatedClock
from prudent.domain.instruments import Instrument, InstrumentKind
from prudent.domain.performance import Floats
from prudent.guards.from_rows import sector_of
from prudent.marketdata.calendars import day_number
from prudent.marketdata.columns import DailyColumns
from prudent.marketdata.daily import ADV_SESSIONS, DailyMarket
from prudent.ports import Session
from prudent.strategies.target_weights import standing_targets

if TYPE_CHECKING:
    from prudent.backtest.run import Prepared

KINDS = (InstrumentKind.STOCK, InstrumentKind.ETF)
ONE = Decimal(1)


def column_plan(desk: Desk, prepared: "Prepared") -> ColumnPlan:
    """The request as columns: of every symbol that the account is told to hold, or may.

    Raises:
        NeedsCycles: something of it is not the same in columns; the message says what.
        DeskError: the targets or the data cannot be read.
    """
    request, sessions = prepared.request, prepared.sessions
    why = why_not_columns(request.mandate, request.rules) or _why_not_request(prepared)
    targets = {} if why else {each.symbol: each.weight for each in standing_targets(request.mandate, desk.read_file)}
    if not targets:
        why = why or "its targets are not the same on every day"
        raise NeedsCycles(f"the account must be plain to be tested in columns, but {why}")
    symbols = tuple(sorted(prepared.symbols))
    instruments = _instruments(desk, request.mandate.universe, request.mandate.currency, symbols)
    tape = Tape(history_source(desk), sessions[-1])
    panel = tape.panel(symbols, day_array(session.date for session in sessions))
    facts = _facts(desk, symbols, sessions)
    due = np.array([t for t, each in enumerate(sessions[:-1]) if each.date in prepared.due], dtype=np.int64)
    weights = np.array([float(targets.get(symbol, Decimal(0))) for symbol in symbols])
    return ColumnPlan(
        panel=panel, days=due, weights=np.tile(weights, (len(due), 1)),
        sectors=tuple(sector_of(each) for each in instruments), fill=request.fill, cash=request.cash,
        kinds=np.array([float(list(InstrumentKind).index(each.kind)) for each in instruments]),
        dollars=_side_by_side([each.dollars for each in facts]),
        before_close=_side_by_side([each.before_close for each in facts]),
        raw=_side_by_side([each.raw for each in facts]), factor=_side_by_side([each.factor for each in facts]),
    )  # fmt: skip


def decided_at(prepared: "Prepared", plan: ColumnPlan) -> tuple[datetime, ...]:
    """When each batch of the plan decides."""
    return tuple(prepared.sessions[t].close for t in plan.days)


def _why_not_request(prepared: "Prepared") -> str:
    request = prepared.request
    if prepared.within is not None:
        return "it decides within the session"
    if request.anonymise:
        return "names and days are hidden from its model"
    return ""


def _instruments(desk: Desk, universe: Sequence[str], currency: str, symbols: Sequence[str]) -> list[Instrument]:
    found = []
    for symbol in symbols:
        each = desk.instruments.find(symbol)
        plain = each is not None and (each.kind in KINDS, each.lot, each.multiplier, each.currency, each.tradable) == (
            True, ONE, ONE, currency, True,
        )  # fmt: skip
        if each is None or not plain or each.symbol != symbol or (universe and symbol not in universe):
            raise NeedsCycles(
                f"every symbol must be a stock or fund of its universe, in {currency} and traded by the piece, to be "
                f"tested in columns; {symbol} is not"
            )
        found.append(each)
    return found


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Facts:
    """Columns of one symbol, row = session of the window."""

    dollars: Floats
    before_close: Floats
    raw: Floats
    factor: Floats


def _facts(desk: Desk, symbols: Sequence[str], sessions: Sequence[Session]) -> list[_Facts]:
    market = history_source(desk)(SimulatedClock(sessions[-1].close))
    before = desk.calendar.completed(sessions[0].open, ADV_SESSIONS)
    days = np.array([day_number(each.date) for each in (*before, *sessions)], dtype=np.int64)
    found = []
    for symbol in symbols:
        columns = market.whole(symbol) if isinstance(market, DailyMarket) else None
        if columns is None or len(before) < ADV_SESSIONS:
            raise NeedsCycles(f"{symbol} must have daily columns before the window to be tested in columns, has none")
        assert isinstance(market, DailyMarket)
        low = int(np.searchsorted(columns.days, days[0]))
        if not np.array_equal(columns.days[low : low + len(days)], days):
            raise NeedsCycles(
                f"{symbol} must have a price on each session from {before[0].date} on to be tested in columns, has not"
            )
        first, end = low + ADV_SESSIONS, low + len(days)
        late = market.before_close(symbol, first, end)
        if late is None:
            raise NeedsCycles(f"source {market.source} does not tell prices inside past sessions, which columns need")
        found.append(_Facts(
            dollars=_dollars(columns, low, len(sessions)), before_close=late,
            raw=columns.fields["raw_close"][first:end], factor=columns.fields["factor"][first:end],
        ))  # fmt: skip
    return found


def _dollars(columns: DailyColumns, low: int, sessions: int) -> Floats:
    """The mean dollar volume of the sessions before each of the window, to the cent, as a quote says it."""
    traded = columns.fields["raw_close"][low : low + ADV_SESSIONS + sessions] * (
        columns.fields["volume"][low : low + ADV_SESSIONS + sessions]
    )
    if not np.isfinite(traded[:-1]).all():
        raise NeedsCycles(f"{columns.symbol} must have a volume on each session to be tested in columns, has not")
    # Twenty at a time and one time after another: the order of a sum is part of what it gives.
    sums = [float(np.sum(traded[t : t + ADV_SESSIONS])) for t in range(sessions)]
    return np.array([round(each / ADV_SESSIONS, 2) for each in sums])


def _side_by_side(columns: Sequence[Floats]) -> Floats:
    return np.ascontiguousarray(np.stack(columns, axis=1))
