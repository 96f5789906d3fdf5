"""Folders of daily bars that a test writes row by row, on the sessions of the exchange."""

from collections.abc import Mapping, Sequence
from datetime import date
from pathlib import Path

from prudent.marketdata.calendars import ExchangeCalendar

Bar = tuple[float, float, float, float]
HEAD = "date,open,high,low,close,volume"


def sessions_from(first: date, count: int) -> list[date]:
    """The first `count` sessions from a day on."""
    found = ExchangeCalendar().sessions(first, date(first.year + 2, 12, 31))
    return [session.date for session in found[:count]]


def flat(price: float) -> Bar:
    return price, price, price, price


def write_bars(
    folder: Path, symbol: str, days: Sequence[date], bars: Sequence[Bar], *, volume: int = 10_000_000,
    actions: Mapping[date, tuple[float, float]] | None = None,
) -> None:  # fmt: skip
    """One file of a symbol; bars are open, high, low, close; `actions` are dividend and split by day."""
    folder.mkdir(parents=True, exist_ok=True)
    rows = [
        f"{day},{','.join(f'{value:.4f}' for value in bar)},{volume}" for day, bar in zip(days, bars, strict=True)
    ]
    head = HEAD
    if actions is not None:
        head += ",dividend,split"
        told = [actions.get(day, (0.0, 1.0)) for day in days]
        rows = [f"{row},{paid},{split}" for row, (paid, split) in zip(rows, told)]
    (folder / f"{symbol}.csv").write_text("\n".join((head, *rows)) + "\n")
