"""A desk that trades and reads prices over the socket of a paper gateway, whose clock is stepped."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from ib_async import LimitOrder, MarketOrder, Stock
from tests.contract.market_data_gateway import patient
from tests.gateway_homes import ACCOUNT as THERE
from tests.gateway_homes import StepGateway, connected, played, step_gateway, until

from prudent.bootstrap import Desk, open_desk
from prudent.workflows.adopt import Found, adopt, look

ACCOUNT = "main"
TARGETS = '[{"symbol": "AAPL", "weight": 10}]'


@dataclass(slots=True)
class GatewayStage:
    """The gateway, the home and its desk."""

    gateway: StepGateway
    home: Path
    desk: Desk

    def trade(self, symbol: str, quantity: int) -> None:
        """Somebody trades in the account by another program."""

        async def story() -> None:
            async with connected(self.gateway.port) as ib:
                contract = Stock(symbol, "SMART", "USD")
                await ib.qualifyContractsAsync(contract)
                order = MarketOrder("BUY" if quantity > 0 else "SELL", abs(quantity), tif="DAY", account=THERE)
                trade = ib.placeOrder(contract, order)
                for _ in range(20):
                    await asyncio.to_thread(self.gateway.beat)
                    if trade.orderStatus.status == "Filled":
                        break
                await until(lambda: trade.orderStatus.status == "Filled")

        played(story())

    def rest(self, symbol: str) -> None:
        """Somebody leaves an order far from the market."""

        async def story() -> None:
            async with connected(self.gateway.port) as ib:
                contract = Stock(symbol, "SMART", "USD")
                await ib.qualifyContractsAsync(contract)
                order = LimitOrder("BUY", 1, 5.0, tif="GTC", account=THERE)
                trade = ib.placeOrder(contract, order)
                await until(lambda: trade.orderStatus.status in ("Submitted", "PreSubmitted"))

        played(story())

    def tomorrow(self) -> None:
        """The same time of the next session; the desk's clock is set by the gateway's anew."""
        self.gateway.step_to(self.gateway.clock.now() + timedelta(days=1))
        self.reopen()

    def reopen(self) -> None:
        """As the next process would: at the time at which the gateway then stands."""
        self.close()
        self.desk = open_desk(self.home)

    def adopted(self) -> Found:
        found = look(self.desk, ACCOUNT)
        adopt(self.desk, ACCOUNT, shown=found.digest)
        return found

    def books_agree(self) -> bool:
        there = self.desk.broker_of(ACCOUNT).snapshot(ACCOUNT)
        ours = {row.symbol: row.quantity for row in self.desk.ledger.views.positions(ACCOUNT) if row.quantity}
        theirs = {each.symbol: each.quantity for each in there.positions}
        return ours == theirs and self.desk.ledger.views.money(ACCOUNT).cash == there.cash

    def close(self) -> None:
        assert self.desk.connections is not None
        self.desk.connections.close()
        self.desk.ledger.close()


@contextmanager
def gateway_stage(folder: Path, *, targets: str = TARGETS, mandate: str = "") -> Iterator[GatewayStage]:
    """A new home whose account `main` is one of the gateway's, and was not adopted yet; `mandate` is a line more."""
    with patient(), step_gateway() as gateway:
        home = folder / "home"
        (home / "json").mkdir(parents=True)
        (home / "json" / "core.json").write_text(targets)
        (home / "invest.yaml").write_text(
            "mode: paper\ndata: {source: ibkr}\nclock: {follows: ibkr}\n"
            f"ibkr: {{port: {gateway.port}}}\naccounts:\n  {ACCOUNT}:\n    broker: ibkr\n"
            f"    ibkr: {{account: {THERE}}}\n    class: autonomous\n    targets: json/core.json\n"
            f"{mandate}"
        )
        stage = GatewayStage(gateway, home, open_desk(home))
        try:
            yield stage
        finally:
            stage.close()
