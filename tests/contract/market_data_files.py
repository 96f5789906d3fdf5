"""Small price worlds of two symbols in early 2020 for the sources that read them from outside."""

import csv
from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pandas as pd

from prudent.marketdata.calendars import ExchangeCalendar
from prudent.ports import Clock

FIRST, LAST = date(2020, 2, 3), date(2020, 4, 30)
BASES = {"AAPL": 80.0, "MSFT": 170.0}
COLUMNS = ("date", "symbol", "open", "high", "low", "close", "volume")


def rows(symbol: str) -> Iterator[tuple[date, float, float, float, float, float]]:
    """Date, open, high, low, close and volume: closes rise and fall by turns around the base."""
    for n, session in enumerate(ExchangeCalendar().sessions(FIRST, LAST)):
        opened = BASES[symbol] + (n % 7) * 0.5
        close = opened + (1.0 if n % 2 else -0.75)
        yield session.date, opened, max(opened, close) + 0.25, min(opened, close) - 0.25, close, 1_000_000.0 + n


def write_files(folder: Path) -> None:
    """One long CSV file with both symbols."""
    with (folder / "prices.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(COLUMNS)
        for symbol in BASES:
            writer.writerows((day.isoformat(), symbol, *rest) for day, *rest in rows(symbol))


class FakeYahoo:
    """Answers as yfinance's `download` does: a frame by ticker and field, of rows up to the clock it is given.

    `calls` are the tickers of each request; `down` makes the answer an empty frame, as the real one does then.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self.calls: list[tuple[str, list[str]]] = []
        self.down = False

    def __call__(self, tickers: Sequence[str], **options: Any) -> Any:
        assert options["auto_adjust"] is False
        self.calls.append((options["interval"], list(tickers)))
        if self.down:
            return pd.DataFrame()
        daily = options["interval"] == "1d"
        parts = {t: self._daily(t) if daily else self._intraday(t) for t in tickers if t in BASES}
        return pd.concat(parts, axis=1) if parts else pd.DataFrame()

    def _daily(self, ticker: str) -> Any:
        today = self._clock.now().date()
        kept = [row for row in rows(ticker) if row[0] <= today]
        frame = pd.DataFrame(
            [row[1:] for row in kept],
            columns=["Open", "High", "Low", "Close", "Volume"],
            index=pd.to_datetime([row[0] for row in kept]),
        )
        frame["Adj Close"], frame["Dividends"], frame["Stock Splits"] = frame["Close"], 0.0, 0.0
        return frame

    def _intraday(self, ticker: str) -> Any:
        # One bar every five minutes of the running session, the running one included, as the real feed does.
        now = self._clock.now()
        session = ExchangeCalendar().session_of(now)
        count = max(0, (now - session.open) // timedelta(minutes=5) + 1)
        starts = [session.open.astimezone(UTC) + timedelta(minutes=5 * n) for n in range(count)]
        values = [[BASES[ticker] + n * 0.01] * 4 + [100.0] for n in range(count)]
        return pd.DataFrame(values, columns=["Open", "High", "Low", "Close", "Volume"], index=pd.DatetimeIndex(starts))


def at(hour: int, minute: int = 0, *, day: int = 16) -> datetime:
    """A time of March 2020 in UTC."""
    return datetime(2020, 3, day, hour, minute, tzinfo=UTC)
