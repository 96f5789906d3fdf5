"""A Yahoo of one symbol with a dividend and a split, that restates the past for every split as the real one does."""

from datetime import date
from typing import Any

import pandas as pd

from prudent.marketdata.calendars import ExchangeCalendar

CALENDAR = ExchangeCalendar()
FIRST, LAST = date(2020, 7, 1), date(2020, 10, 30)
DIVIDEND_DAY, SPLIT_DAY = date(2020, 8, 7), date(2020, 8, 31)


class RestatingYahoo:
    """Answers as yfinance's `download`: the price as traded is 400, and 100 from the split of four on.

    `only` names what it knows; `down` are tickers whose request fails, `extra` rows to add as (day, prices, dividend,
    split).
    """

    def __init__(self, *only: str) -> None:
        self.only = only or ("AAPL",)
        self.down: set[str] = set()
        self.asked: list[tuple[str, object, object]] = []
        self.extra: list[tuple[date, tuple[float, float, float, float], float, float]] = []

    def __call__(self, tickers: list[str], **options: Any) -> Any:
        assert options["auto_adjust"] is False
        assert options["actions"] is True
        (ticker,) = tickers
        self.asked.append((ticker, options["start"], options["end"]))
        if ticker in self.down:
            raise ConnectionError("no route")
        if ticker not in self.only:
            return pd.DataFrame()
        rows = sorted(row for row in self._rows() if options["start"] <= row[0] < options["end"])
        return pd.DataFrame(
            [[*prices, prices[3], 1000.0, paid, ratio] for _, prices, paid, ratio in rows],
            columns=["Open", "High", "Low", "Close", "Adj Close", "Volume", "Dividends", "Stock Splits"],
            index=pd.to_datetime([row[0] for row in rows]),
        )

    def _rows(self) -> list[tuple[date, tuple[float, float, float, float], float, float]]:
        found = []
        for n, session in enumerate(CALENDAR.sessions(FIRST, LAST)):
            # Restated: what traded at 400 stands as 100, and the dividend of 0.80 as 0.20.
            price = 100.0 + n % 3
            paid = 0.20 if session.date == DIVIDEND_DAY else 0.0
            ratio = 4.0 if session.date == SPLIT_DAY else 0.0
            found.append((session.date, (price, price + 1.0, price - 1.0, price + 0.5), paid, ratio))
        taken = {day for day, *_ in self.extra}
        return [row for row in found if row[0] not in taken] + self.extra
