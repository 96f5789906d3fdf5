"""Folders of bars within the day that a test writes bar by bar, beside the daily ones."""

from collections.abc import Iterable
from datetime import date, datetime, time, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

NEW_YORK = ZoneInfo("America/New_York")
# New York time, open, high, low, close, volume.
Row = tuple[datetime, float, float, float, float, float]


def at(day: date, clock: str) -> datetime:
    """That time of the day in New York."""
    return datetime.combine(day, time.fromisoformat(clock), NEW_YORK)


def flat_bars(
    day: date, begin: str, end: str, price: float, *, minutes: int = 30, volume: float = 100_000.0
) -> list[Row]:  # fmt: skip
    """Bars of one price from one time of the day up to another."""
    found, moment = [], at(day, begin)
    while moment < at(day, end):
        found.append((moment, price, price, price, price, volume))
        moment += timedelta(minutes=minutes)
    return found


def write_intraday(folder: Path, symbol: str, rows: Iterable[Row], *, minutes: int = 30) -> Path:
    """One file of a symbol beside the daily files of the folder."""
    inside = folder / f"{minutes}min"
    inside.mkdir(parents=True, exist_ok=True)
    lines = [f"{moment.isoformat()},{','.join(f'{value:g}' for value in values)}" for moment, *values in rows]
    path = inside / f"{symbol}.csv"
    path.write_text("\n".join(("time,open,high,low,close,volume", *lines)) + "\n")
    return path
