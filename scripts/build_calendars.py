"""Writes the shipped calendar tables from exchange_calendars: what differs from Monday to Friday, 09:30 to 16:00."""

import csv
import sys
from datetime import date, timedelta
from pathlib import Path

import exchange_calendars

FIRST, LAST = date(1990, 1, 1), date(2027, 12, 31)
USUAL_CLOSE = "16:00"
TABLES = Path(__file__).parents[1] / "src" / "prudent" / "marketdata" / "tables"


def exceptions(name: str) -> list[tuple[str, str]]:
    """Weekdays without a session (`closed`) and sessions that end early (their local closing time)."""
    calendar = exchange_calendars.get_calendar(name, start=FIRST.isoformat(), end=LAST.isoformat())
    closes = {
        moment.date(): close.tz_convert(calendar.tz).strftime("%H:%M")
        for moment, close in calendar.schedule["close"].items()
    }
    weekdays = (FIRST + timedelta(days=n) for n in range((LAST - FIRST).days + 1))
    rows = [(day.isoformat(), closes.get(day, "closed")) for day in weekdays if day.weekday() < 5]
    return [(day, what) for day, what in rows if what != USUAL_CLOSE]


def main(name: str = "XNYS") -> None:
    rows = [(FIRST.isoformat(), "first"), *exceptions(name), (LAST.isoformat(), "last")]
    TABLES.mkdir(exist_ok=True)
    with (TABLES / f"{name}.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(("date", "what"))
        writer.writerows(rows)
    print(f"{name}: {len(rows) - 2} exceptions from {FIRST} to {LAST}")


if __name__ == "__main__":
    main(*sys.argv[1:])
