"""What a source of daily prices has: per symbol first and last day, rows, holes and quality."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np

from prudent.domain.quotes import Quality
from prudent.marketdata.calendars import day_number, day_of
from prudent.marketdata.tape import HOLE_SESSIONS, ColumnSource, gaps_of
from prudent.ports import Calendar


@dataclass(frozen=True, slots=True, kw_only=True)
class Stock:
    """One symbol of a source; `missing` sessions have no row, `holes` are those of more than five at once.

    `quality` is that of its closes.
    """

    symbol: str
    first: date
    last: date
    rows: int
    missing: int
    holes: tuple[str, ...]
    quality: Quality


def inventory(source: ColumnSource, symbols: Sequence[str], *, calendar: Calendar) -> Iterator[Stock]:
    """Every symbol that has rows, in the order asked."""
    for symbol in symbols:
        columns = source.columns(symbol)
        if columns is None or not len(columns.days):
            continue
        first, last = day_of(int(columns.days[0])), day_of(int(columns.days[-1]))
        sessions = np.array([day_number(s.date) for s in calendar.sessions(first, last)], dtype=np.int64)
        gaps = tuple(gaps_of(symbol, columns.days, sessions))
        yield Stock(
            symbol=symbol, first=first, last=last, rows=len(columns.days), missing=sum(gap.sessions for gap in gaps),
            holes=tuple(str(gap) for gap in gaps if gap.sessions > HOLE_SESSIONS),
            quality=columns.quality_of("close", 0, len(columns.days)),
        )  # fmt: skip
