"""Clients of other ages, and accounts beside each other: the same trade over the socket at every version."""

from collections.abc import Iterator
from decimal import Decimal

import pytest
from ib_async import LimitOrder, MarketOrder
from ib_async.client import Client
from tests.gateway_homes import StepGateway, connected, played, step_gateway, stock_of, until


@pytest.fixture(scope="module")
def gateway() -> Iterator[StepGateway]:
    with step_gateway(accounts={"DU1": Decimal(1_000_000), "DU2": Decimal(50_000)}) as running:
        yield running


@pytest.mark.parametrize("version", [157, 158, 159, 163, 166, 170, 176, 177])
def test_a_client_of_that_age_trades(gateway: StepGateway, monkeypatch: pytest.MonkeyPatch, version: int) -> None:
    monkeypatch.setattr(Client, "MaxClientVersion", version)

    async def story() -> None:
        async with connected(gateway.port, version) as ib:
            assert ib.client.serverVersion() == version
            stock = await stock_of(ib, "MSFT")
            (ticker,) = await ib.reqTickersAsync(stock)
            # Until 158 sizes are in round lots; every size that the market makes is at least one lot.
            assert ticker.bidSize >= (1 if version <= 158 else 100)
            rests = ib.placeOrder(stock, LimitOrder("BUY", 5, 20, tif="GTC", account="DU1", orderRef="RESTS"))
            await until(lambda: rests.orderStatus.status == "Submitted")
            filled = ib.placeOrder(stock, MarketOrder("BUY", 5, tif="DAY", account="DU1"))
            await until(lambda: filled.isDone() and filled.fills)
            state = await ib.whatIfOrderAsync(stock, MarketOrder("SELL", 5, tif="DAY", account="DU1"))
            assert float(state.initMarginAfter) < float(state.initMarginBefore)
            (shown,) = await ib.reqOpenOrdersAsync()
            assert (shown.order.orderRef, shown.order.lmtPrice, shown.order.account) == ("RESTS", 20, "DU1")
            ib.cancelOrder(rests.order)
            await until(rests.isDone)
            assert any(each.order.orderRef == "RESTS" for each in await ib.reqCompletedOrdersAsync(False))

    played(story())


def test_an_order_without_an_account_is_refused_where_there_are_two(gateway: StepGateway) -> None:
    async def story() -> None:
        async with connected(gateway.port, 1) as ib:
            assert ib.managedAccounts() == ["DU1", "DU2"]
            codes: list[int] = []
            ib.errorEvent += lambda key, code, text, contract: codes.append(code)
            trade = ib.placeOrder(await stock_of(ib, "MSFT"), MarketOrder("BUY", 1, tif="DAY"))
            await until(trade.isDone)
            assert codes == [435]

    played(story())


def test_each_account_has_its_own_cash_positions_and_margin(gateway: StepGateway) -> None:
    async def story() -> None:
        async with connected(gateway.port, 1) as ib:
            stock = await stock_of(ib, "MSFT")
            codes: list[int] = []
            ib.errorEvent += lambda key, code, text, contract: codes.append(code)
            small = ib.placeOrder(stock, MarketOrder("BUY", 2, tif="DAY", account="DU2"))
            await until(lambda: small.isDone() and small.fills)
            large = ib.placeOrder(stock, MarketOrder("BUY", 5000, tif="DAY", account="DU2"))
            await until(large.isDone)
            assert codes == [201]
            assert [each.position for each in ib.positions("DU2")] == [2]
            rows = {(row.account, row.tag): row.value for row in await ib.accountSummaryAsync()}
            assert float(rows["DU2", "NetLiquidation"]) < 50_000 < float(rows["DU1", "NetLiquidation"])

    played(story())


def test_two_clients_see_their_own_trades_and_both_see_the_positions(gateway: StepGateway) -> None:
    async def story() -> None:
        async with connected(gateway.port, 1) as one, connected(gateway.port, 2) as two:
            stock = await stock_of(one, "MSFT")
            before = len(two.fills())
            trade = one.placeOrder(stock, MarketOrder("BUY", 3, tif="DAY", account="DU2"))
            await until(lambda: trade.isDone() and trade.fills)
            held = one.positions("DU2")[0].position
            await until(lambda: [each.position for each in two.positions("DU2")] == [held])
            assert len(two.fills()) == before
            two.cancelOrder(trade.order)
            await two.reqCurrentTimeAsync()
            assert trade.orderStatus.status == "Filled"

    played(story())
