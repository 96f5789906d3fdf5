"""The volatility that a gateway's options imply for the next 30 days: from one call and one put at two expiries."""

from collections.abc import Sequence
from datetime import date, datetime, time
from decimal import Decimal
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from prudent.analytics.implied import HORIZON_DAYS, at_horizon, at_the_money, years_of
from prudent.brokers.ibkr.chains import Chain, chain_of
from prudent.brokers.ibkr.words import Listed, Refused
from prudent.domain.money import from_float
from prudent.domain.quotes import LivePrice

if TYPE_CHECKING:
    from prudent.brokers.ibkr.quotes import Quotes
    from prudent.brokers.ibkr.session import IbkrSession

# Not every strike of a chain is listed for every expiry: the nearest few are tried.
STRIKES_TRIED = 3
PLACES = 6
_NEW_YORK = ZoneInfo("America/New_York")
_CLOSE = time(16)


class Volatilities:
    """Asks for chains and options; everything here runs on the session's thread."""

    def __init__(self, session: "IbkrSession", quotes: "Quotes") -> None:
        self._session = session
        self._quotes = quotes
        self._chains: dict[str, tuple[date, Chain | None]] = {}

    async def implied(self, symbol: str, listed: Listed, spot: LivePrice) -> Decimal | None:
        """The 30-day volatility at the money; None for what has no options, or none that are quoted on both sides.

        Raises:
            Temporary: the gateway cannot be asked, or is silent.
        """
        now = self._session.clock.now()
        today = now.astimezone(_NEW_YORK).date()
        chain = await self._chain(symbol, listed, today)
        if chain is None:
            return None
        points = []
        for expiry in chain.around(today, int(HORIZON_DAYS)):
            days = (datetime.combine(expiry, _CLOSE, _NEW_YORK) - now).total_seconds() / 86_400.0
            volatility = await self._of_expiry(chain, listed, expiry, days, spot)
            if volatility is not None:
                points.append((days, volatility))
        found = at_horizon(points)
        return None if found is None else from_float(round(found, PLACES))

    async def _chain(self, symbol: str, listed: Listed, today: date) -> Chain | None:
        kept = self._chains.get(symbol)
        if kept is None or kept[0] != today:
            kept = self._chains[symbol] = (today, await chain_of(self._session, listed, symbol))
        return kept[1]

    async def _of_expiry(
        self, chain: Chain, listed: Listed, expiry: date, days: float, spot: LivePrice
    ) -> float | None:  # fmt: skip
        for strike in chain.near(spot.price, STRIKES_TRIED):
            rows = await self._options(chain, listed, expiry, strike)
            pair = {each.asset.right: each for each in rows if each.asset.trading_class == chain.trading_class}
            if {"C", "P"} <= pair.keys():
                call, put = await self._middles(pair["C"], pair["P"])
                if call is not None and put is not None:
                    return at_the_money(float(strike), float(call), float(put), years_of(days))
                return None
        return None

    async def _options(self, chain: Chain, listed: Listed, expiry: date, strike: Decimal) -> Sequence[Listed]:
        from ib_async.contract import Contract

        contract = Contract(
            secType="OPT", symbol=listed.asset.symbol, exchange=chain.exchange, currency=listed.asset.currency,
            lastTradeDateOrContractMonth=f"{expiry:%Y%m%d}", strike=float(strike), tradingClass=chain.trading_class,
        )  # fmt: skip
        try:
            found: Sequence[Listed] = await self._session.market.ask(
                f"options on {chain.symbol}", lambda client, number: client.reqContractDetails(number, contract)
            )
        except Refused:
            return ()
        return found

    async def _middles(self, call: Listed, put: Listed) -> tuple[Decimal | None, Decimal | None]:
        asked = {each.asset.desk_symbol: each for each in (call, put)}
        prices = await self._quotes.latest(asked)
        await self._quotes.leave(asked)
        one, other = (_middle(prices.get(symbol)) for symbol in asked)
        return one, other


def _middle(price: LivePrice | None) -> Decimal | None:
    if price is None or price.bid is None or price.ask is None or not 0 < price.bid <= price.ask:
        return None
    return (price.bid + price.ask) / 2
