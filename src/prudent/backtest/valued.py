"""Values of a backtest's account at opens and closes, taken from the tape, as the columns that a run's book shows."""

from datetime import date
from decimal import Decimal

import numpy as np

from prudent.backtest.stage import Stage
from prudent.domain.errors import BlockedError
from prudent.domain.money import ZERO, to_cents
from prudent.domain.performance import NavSeries


class Values:
    """One row a session. A holding without a price that day counts at its last one and marks the row as stale."""

    def __init__(self) -> None:
        self._last: dict[str, Decimal] = {}
        self._days: list[date] = []
        self._rows: list[tuple[float, float, float, float, float, bool]] = []

    def nav(self, day: date, name: str, stage: Stage, account: str) -> Decimal:
        """Cash and holdings at that session's prices, each product to the cent.

        Raises:
            BlockedError: a holding never had a price.
        """
        book = stage.venue.snapshot(account)
        return to_cents(book.cash) + sum(
            (to_cents(each.quantity * self._price(each.symbol, day, name, stage)) for each in book.positions), ZERO
        )

    def add(self, day: date, nav: Decimal, stage: Stage, account: str) -> None:
        """The row of a session, at its close."""
        book = stage.venue.snapshot(account)
        gross = net = low = 0.0
        stale = False
        for each in book.positions:
            held = float(each.quantity)
            value = held * float(self._last[each.symbol])
            lowest = stage.tape.value(each.symbol, day, "low" if held > 0 else "high")
            stale = stale or not stage.tape.value(each.symbol, day, "close") > 0.0
            gross, net = gross + abs(value), net + value
            low += held * lowest if lowest > 0.0 else value
        cash = float(book.cash)
        self._days.append(day)
        self._rows.append((float(nav), cash, gross, net, min(cash + low, float(nav)), stale))

    def series(self, opening: Decimal) -> NavSeries:
        columns = np.array([row[:5] for row in self._rows], dtype=np.float64).reshape(len(self._rows), 5)
        return NavSeries(
            opening=float(opening), days=np.array(self._days, dtype="datetime64[D]"), nav=columns[:, 0],
            flow=np.zeros(len(columns)), cash=columns[:, 1], gross=columns[:, 2], net=columns[:, 3], low=columns[:, 4],
            stale=np.array([row[5] for row in self._rows], dtype=np.bool_),
        )  # fmt: skip

    def _price(self, symbol: str, day: date, name: str, stage: Stage) -> Decimal:
        price = stage.tape.price(symbol, day, name)
        if price is not None:
            self._last[symbol] = price
        if symbol not in self._last:
            raise BlockedError(f"no value: held {symbol} must have had a price by {day}, had none; check its history")
        return self._last[symbol]
