"""Whether a source's history covers the window of a backtest."""

import numpy as np

from prudent.backtest.request import Request
from prudent.backtest.tape import Tape, day_array
from prudent.domain.errors import InputError
from prudent.marketdata.tape import HOLE_SESSIONS, gaps_of
from prudent.ports import Session


def check_data(
    tape: Tape, symbols: tuple[str, ...], request: Request, sessions: tuple[Session, ...]
) -> tuple[str, ...]:  # fmt: skip
    """Refuse a window that the data do not cover; name what begins late."""
    begins = {symbol: tape.first_day(symbol) for symbol in symbols}
    unknown = [symbol for symbol, first in begins.items() if first is None]
    if unknown:
        raise InputError(
            f"every symbol must have history in source {tape.source}, {', '.join(unknown)} had none up to "
            f"{request.last}; download it with `invest data download`, or take it out"
        )
    known = {symbol: first for symbol, first in begins.items() if first is not None}
    if known and min(known.values()) > sessions[0].date:
        symbol, first = min(known.items(), key=lambda pair: pair[1])
        raise InputError(
            f"--from must be {first} or later: the first price of any symbol ({symbol}) is of that day, was "
            f"{request.first}; start later"
        )
    late = [f"{symbol} has prices from {first} only" for symbol, first in known.items() if first > sessions[0].date]
    _refuse_holes(tape, tuple(known), sessions)
    if tape.benchmark(request.benchmark, day_array(session.date for session in sessions)) is None:
        late.append(f"benchmark {request.benchmark} does not cover the window and is left out")
    return tuple(late)


def _refuse_holes(tape: Tape, symbols: tuple[str, ...], sessions: tuple[Session, ...]) -> None:
    panel = tape.panel(symbols, day_array(session.date for session in sessions))
    days = panel.days.astype(np.int64)
    for i, symbol in enumerate(panel.symbols):
        own = days[panel.close[:, i] > 0.0]
        hole = next(gaps_of(symbol, own, days, least=HOLE_SESSIONS + 1), None) if len(own) else None
        if hole is not None:
            raise InputError(
                f"{symbol} must have a price in every {HOLE_SESSIONS} sessions, has none from {hole.first} to "
                f"{hole.last}; repair its history, or take another window"
            )
