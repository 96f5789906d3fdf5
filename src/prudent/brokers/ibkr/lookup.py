"""What contracts are, asked of the gateway; nothing here can place an order."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from prudent.brokers.ibkr.contracts import Steps, Wanted
from prudent.brokers.ibkr.line import Line
from prudent.brokers.ibkr.words import Listed

if TYPE_CHECKING:
    from prudent.brokers.ibkr.session import IbkrSession

STEPS_SECONDS = 2.0


class Lookup:
    """Asks over the market data's connection, or over the orders' where that is not up."""

    def __init__(self, session: "IbkrSession") -> None:
        self._session = session

    @property
    def _line(self) -> Line:
        return self._session.market if self._session.market.up else self._session.orders

    async def steps(self, rule: int) -> Steps:
        found: Steps = await self._line.ask(
            f"the price steps of rule {rule}", lambda client, _number: client.reqMarketRule(rule),
            key=("rule", rule), seconds=STEPS_SECONDS,
        )  # fmt: skip
        return found

    async def details(self, wanted: Wanted) -> Sequence[Listed]:
        return await details_over(self._line, wanted)


async def details_over(line: Line, wanted: Wanted) -> Sequence[Listed]:
    """Every contract that is meant, as the gateway lists it over this connection."""
    from ib_async.contract import Contract

    contract = Contract(
        secType=wanted.sec_type, symbol=wanted.symbol, exchange=wanted.exchange, currency=wanted.currency,
        primaryExchange=wanted.primary, localSymbol=wanted.local_symbol, tradingClass=wanted.trading_class,
        lastTradeDateOrContractMonth=wanted.expiry, conId=wanted.con_id,
    )  # fmt: skip
    found: Sequence[Listed] = await line.ask(
        f"what {wanted.local_symbol or wanted.symbol} is",
        lambda client, number: client.reqContractDetails(number, contract),
    )
    return found
