"""The market behind the paper gateway of a seed: its own contracts and hours, at the true prices of the world."""

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal

from prudent.domain.money import to_cents
from prudent.exchange.paper.words import SecType, Top
from prudent.gateway.market.details import Details
from prudent.gateway.market.market import PaperMarket
from prudent.gateway.market.series import NoHistory
from prudent.marketdata.calendars import ExchangeCalendar
from prudent.marketdata.instruments import InstrumentMaster
from prudent.ports import Clock
from prudent.simulation.prices import TruePrices

HALF_SPREAD = Decimal("0.0004")
CENT = Decimal("0.01")
SIZE = Decimal(10_000)
DAY_SECONDS, LOT = 86_400, 100


class SeedMarket(PaperMarket):
    """Quotes of the world's symbols only; what is halted trades nothing until its moment."""

    def __init__(
        self, clock: Clock, calendar: ExchangeCalendar, instruments: InstrumentMaster, prices: TruePrices, *,
        halted: Mapping[str, datetime],
    ) -> None:  # fmt: skip
        super().__init__(clock, calendar, NoHistory(), instruments=instruments)
        self._prices = prices
        self._halted = halted

    @property
    def symbols(self) -> tuple[str, ...]:
        """The world's symbols."""
        return self._prices.symbols

    def top(self, con_id: int) -> Top | None:
        found = self.details(con_id)
        if found is None or not self._is_ours(found):
            return None
        symbol = found.contract.symbol
        price, now = self._prices.of(symbol), self.now()
        half = max(to_cents(price * HALF_SPREAD), CENT)
        # Somebody trades each second, at the same price for minutes.
        volume = Decimal(int(now.timestamp()) % DAY_SECONDS * LOT)
        return Top(
            con_id=con_id, time=now.replace(microsecond=0), bid=price - half, ask=price + half, last=price,
            bid_size=SIZE, ask_size=SIZE, last_size=SIZE, close=self._prices.previous_close(symbol),
            volume=volume, halted=symbol in self._halted and now < self._halted[symbol],
        )  # fmt: skip

    def stock(self, symbol: str) -> Details:
        """The American listing of a symbol."""
        return next(
            each for each in self.listed()
            if each.contract.symbol == symbol and each.contract.sec_type is SecType.STOCK
            and each.contract.currency == "USD"
        )  # fmt: skip

    def _is_ours(self, found: Details) -> bool:
        contract = found.contract
        of_stock = contract.sec_type is SecType.STOCK and contract.currency == "USD"
        return of_stock and contract.symbol in self._prices.paths
