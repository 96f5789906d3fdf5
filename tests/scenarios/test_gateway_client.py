"""The client library as it is installed, unmodified, trades against the paper gateway over the socket."""

from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import pytest
from ib_async import (
    ComboLeg,
    Contract,
    Future,
    LimitOrder,
    MarketOrder,
    Option,
    Order,
    StopOrder,
    TagValue,
    Trade,
)
from tests.gateway_homes import ACCOUNT, StepGateway, connected, played, step_gateway, stock_of, until

from prudent.gateway.store import FloorStore


@pytest.fixture(scope="module")
def gateway() -> Iterator[StepGateway]:
    with step_gateway() as running:
        yield running


async def _done(trade: Trade) -> Trade:
    await until(trade.isDone)
    # The commission of a combo is told for its legs only.
    await until(lambda: all(f.commissionReport.execId for f in trade.fills if f.contract.secType != "BAG"))
    return trade


def test_it_connects_and_is_in_step_at_once(gateway: StepGateway) -> None:
    async def story() -> None:
        async with connected(gateway.port, 1) as ib:
            assert ib.client.serverVersion() == 178
            assert ib.managedAccounts() == [ACCOUNT]
            values = {value.tag: value.value for value in ib.accountValues(ACCOUNT)}
            assert Decimal(values["NetLiquidation"]) > 0
            assert (await ib.reqCurrentTimeAsync()).year == 2022

    played(story())


def test_a_market_order_fills_and_is_booked(gateway: StepGateway) -> None:
    async def story() -> None:
        async with connected(gateway.port, 1) as ib:
            stock = await stock_of(ib, "MSFT")
            trade = await _done(ib.placeOrder(stock, MarketOrder("BUY", 10, tif="DAY", orderRef="REF1")))
            assert trade.orderStatus.status == "Filled"
            (fill,) = trade.fills
            assert (fill.execution.shares, fill.execution.side, fill.execution.orderRef) == (10, "BOT", "REF1")
            assert fill.execution.permId == trade.order.permId > 0
            # 10 shares at half a cent are below the least commission of a dollar.
            assert fill.commissionReport.commission == 1.0
            await until(lambda: any(each.contract.conId == stock.conId for each in ib.positions()))
            gateway.beat()
            await until(lambda: any(each.contract.conId == stock.conId for each in ib.portfolio(ACCOUNT)))
            assert ib.trades()[-1].log[-1].errorCode == 0

    played(story())


def test_an_order_is_changed_and_cancelled_by_its_id(gateway: StepGateway) -> None:
    async def story() -> None:
        async with connected(gateway.port, 1) as ib:
            stock = await stock_of(ib)
            trade = ib.placeOrder(stock, LimitOrder("BUY", 10, 50, tif="GTC"))
            await until(lambda: trade.orderStatus.status == "Submitted")
            permanent = trade.order.permId
            trade.order.lmtPrice = 51
            ib.placeOrder(stock, trade.order)
            await until(lambda: trade.log[-1].message == "Modified")
            (shown,) = [each for each in await ib.reqAllOpenOrdersAsync() if each.order.permId == permanent]
            assert shown.order.lmtPrice == 51
            ib.cancelOrder(trade.order)
            await until(lambda: trade.orderStatus.status == "Cancelled")
            completed = await ib.reqCompletedOrdersAsync(False)
            assert permanent in {each.order.permId for each in completed}

    played(story())


def test_a_bad_tick_an_unknown_order_and_a_fraction_are_refused(gateway: StepGateway) -> None:
    async def story() -> None:
        async with connected(gateway.port, 1) as ib:
            codes: list[int] = []
            ib.errorEvent += lambda key, code, text, contract: codes.append(code)
            stock = await stock_of(ib)
            for order in (LimitOrder("BUY", 10, 50.001, tif="DAY"), MarketOrder("BUY", 1.5, tif="DAY")):
                await until(ib.placeOrder(stock, order).isDone)
            await until(ib.placeOrder(stock, Order(action="BUY", totalQuantity=1, orderType="VWAP")).isDone)
            ib.cancelOrder(Order(orderId=987_654))
            await until(lambda: 10147 in codes)
            assert [code for code in codes if code in (110, 10243, 387)] == [110, 10243, 387]

    played(story())


def test_a_bracket_ends_with_one_of_its_children(gateway: StepGateway) -> None:
    async def story() -> None:
        async with connected(gateway.port, 1) as ib:
            stock = await stock_of(ib, "SPY")
            (ticker,) = await ib.reqTickersAsync(stock)
            entry_at, profit_at, stop_at = (round(each, 2) for each in (ticker.ask + 1, ticker.bid * 2, ticker.bid / 2))
            bracket = ib.bracketOrder("BUY", 5, entry_at, profit_at, stop_at)
            for order in bracket:
                order.tif = "GTC"
            entry, profit, stop = (ib.placeOrder(stock, order) for order in bracket)
            await _done(entry)
            await until(lambda: profit.orderStatus.status == "Submitted")
            assert stop.orderStatus.status == "PreSubmitted"
            profit.order.lmtPrice = round(ticker.bid - 1, 2)
            ib.placeOrder(stock, profit.order)

            def reached() -> bool:
                # The change may come after a beat of the market: then it is looked at with the next.
                gateway.beat()
                return profit.isDone()

            await until(reached)
            await _done(profit)
            await until(lambda: stop.orderStatus.status == "Cancelled")

    played(story())


def test_what_if_tells_the_margin_and_books_nothing(gateway: StepGateway) -> None:
    async def story() -> None:
        async with connected(gateway.port, 1) as ib:
            stock = await stock_of(ib)
            before = len(await ib.reqAllOpenOrdersAsync())
            state = await ib.whatIfOrderAsync(stock, MarketOrder("BUY", 100, tif="DAY"))
            assert float(state.initMarginChange) > 0
            assert float(state.maintMarginChange) > 0
            assert state.commission == 1.0
            assert len(await ib.reqAllOpenOrdersAsync()) == before

    played(story())


def test_a_combo_of_options_trades_as_one_and_books_its_legs(gateway: StepGateway) -> None:
    async def story() -> None:
        async with connected(gateway.port, 1) as ib:
            low, high = (Option("SPY", "20230317", strike, "C", "SMART") for strike in (380, 390))
            await ib.qualifyContractsAsync(low, high)
            combo = Contract(
                symbol="SPY", secType="BAG", currency="USD", exchange="SMART",
                comboLegs=[
                    ComboLeg(conId=low.conId, ratio=1, action="BUY", exchange="SMART"),
                    ComboLeg(conId=high.conId, ratio=1, action="SELL", exchange="SMART"),
                ],
            )  # fmt: skip
            trade = await _done(ib.placeOrder(combo, MarketOrder("BUY", 2, tif="DAY")))
            assert trade.filled() == 2
            assert sorted(fill.contract.secType for fill in trade.fills) == ["BAG", "OPT", "OPT"]
            await until(lambda: {low.conId, high.conId} <= {each.contract.conId for each in ib.positions()})

    played(story())


def test_a_future_and_an_adaptive_order_trade(gateway: StepGateway) -> None:
    async def story() -> None:
        async with connected(gateway.port, 1) as ib:
            (future,) = await ib.qualifyContractsAsync(Future("ES", "202303", "CME"))
            assert isinstance(future, Contract)
            by_id = Contract(conId=future.conId, exchange="CME")
            trade = await _done(ib.placeOrder(by_id, MarketOrder("BUY", 1, tif="DAY")))
            # A future costs 2.25 a side.
            assert trade.fills[0].commissionReport.commission == 2.25
            adaptive = MarketOrder("SELL", 1, tif="DAY", algoStrategy="Adaptive",
                                   algoParams=[TagValue("adaptivePriority", "Urgent")])  # fmt: skip
            assert (await _done(ib.placeOrder(future, adaptive))).orderStatus.status == "Filled"

    played(story())


def test_a_stop_waits_and_global_cancel_ends_all(gateway: StepGateway) -> None:
    async def story() -> None:
        async with connected(gateway.port, 1) as ib, connected(gateway.port, 2) as other:
            stock = await stock_of(ib)
            stop = ib.placeOrder(stock, StopOrder("SELL", 10, 20, tif="GTC"))
            rests = other.placeOrder(stock, LimitOrder("BUY", 1, 20, tif="GTC"))
            await until(lambda: stop.orderStatus.status == "PreSubmitted")
            await until(lambda: rests.orderStatus.status == "Submitted")
            ib.reqGlobalCancel()
            await until(lambda: stop.isDone() and rests.isDone())

    played(story())


def test_profits_of_the_account_and_of_a_position_are_told(gateway: StepGateway) -> None:
    async def story() -> None:
        async with connected(gateway.port, 1) as ib:
            stock = await stock_of(ib, "NVDA")
            await _done(ib.placeOrder(stock, MarketOrder("BUY", 100, tif="DAY")))
            single = ib.reqPnLSingle(ACCOUNT, "", stock.conId)
            total = ib.reqPnL(ACCOUNT)
            await until(lambda: single.position == 100 and total.dailyPnL == total.dailyPnL)
            before = single.unrealizedPnL
            gateway.step(300)
            await until(lambda: single.unrealizedPnL != before)

    played(story())


def test_the_summary_has_the_tags_that_were_asked_for(gateway: StepGateway) -> None:
    async def story() -> None:
        async with connected(gateway.port, 1) as ib:
            rows = await ib.accountSummaryAsync()
            assert {"NetLiquidation", "BuyingPower", "CashBalance"} <= {row.tag for row in rows}
            assert {row.account for row in rows} == {ACCOUNT}

    played(story())


def test_another_client_finds_orders_and_trades_of_the_first(gateway: StepGateway) -> None:
    async def story() -> None:
        async with connected(gateway.port, 3) as ib:
            stock = await stock_of(ib)
            filled = await _done(ib.placeOrder(stock, MarketOrder("BUY", 1, tif="DAY", orderRef="MINE")))
            ib.placeOrder(stock, LimitOrder("BUY", 1, 20, tif="GTC", orderRef="RESTS"))
            await until(lambda: len(ib.openTrades()) == 1 and ib.openTrades()[0].order.permId)
        async with connected(gateway.port, 4) as other:
            assert filled.fills[0].execution.execId in {fill.execution.execId for fill in other.fills()}
            shown = {trade.order.orderRef: trade for trade in await other.reqAllOpenOrdersAsync()}
            assert shown["RESTS"].order.clientId == 3
            assert not other.openTrades() or other.openTrades()[0].order.clientId == 3
        async with connected(gateway.port, 3) as again:
            assert [trade.order.orderRef for trade in again.openTrades()] == ["RESTS"]
            assert again.client.getReqId() > shown["RESTS"].order.orderId
            again.reqGlobalCancel()
            await until(lambda: not again.openTrades())

    played(story())


def test_a_restart_keeps_orders_trades_positions_and_ids(tmp_path: Path) -> None:
    async def before(port: int) -> tuple[int, int, str]:
        async with connected(port, 5) as ib:
            stock = await stock_of(ib)
            filled = await _done(ib.placeOrder(stock, MarketOrder("BUY", 7, tif="DAY", orderRef="FILLED")))
            rests = ib.placeOrder(stock, LimitOrder("BUY", 1, 20, tif="GTC", orderRef="RESTS"))
            await until(lambda: rests.orderStatus.status == "Submitted")
            return rests.order.permId, rests.order.orderId, filled.fills[0].execution.execId

    async def after(port: int, perm_id: int, order_id: int, exec_id: str) -> None:
        async with connected(port, 5) as ib:
            (rests,) = ib.openTrades()
            assert (rests.order.permId, rests.order.orderId, rests.order.orderRef) == (perm_id, order_id, "RESTS")
            (position,) = ib.positions()
            assert position.position == 7
            assert [fill.execution.execId for fill in ib.fills()] == [exec_id]
            assert ib.client.getReqId() > order_id

    path = tmp_path / "paper.sqlite"
    store = FloorStore(path)
    with step_gateway(store=store) as running:
        known = played(before(running.port))
        at = running.clock.now()
    store.close()
    store = FloorStore(path)
    with step_gateway(store=store, at=at) as running:
        played(after(running.port, *known))
    store.close()
