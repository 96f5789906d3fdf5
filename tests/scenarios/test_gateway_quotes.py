"""The client library as it is installed asks the paper gateway about the market: contracts, quotes, bars, ticks."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from itertools import pairwise

import pytest
from ib_async import ContFuture, Contract, Forex, Future, Index, Option, Stock
from tests.gateway_homes import StepGateway, connected, played, step_gateway, stock_of, until


@pytest.fixture(scope="module")
def gateway() -> Iterator[StepGateway]:
    with step_gateway() as running:
        yield running


def test_contracts_of_every_kind_qualify(gateway: StepGateway) -> None:
    async def story() -> None:
        async with connected(gateway.port, 1) as ib:
            asked = [
                Stock("SPY", "SMART", "USD"), Future("ES", "202303", "CME"), ContFuture("ES", "CME"),
                Future(localSymbol="6EH3", exchange="CME"), Option("SPY", "20230317", 400, "C", "SMART"),
                Index("SPX", "CBOE"), Forex("EURUSD"),
            ]  # fmt: skip
            found = await ib.qualifyContractsAsync(*asked)
            assert all(isinstance(each, Contract) and each.conId for each in found)
            assert asked[1].conId == asked[2].conId
            (details,) = await ib.reqContractDetailsAsync(asked[1])
            assert details.tradingHours
            assert details.timeZoneId == "US/Central"
            assert details.minTick == 0.25
            # The rule of a share has smaller steps below one dollar; the step that clients round to is the usual one.
            (share,) = await ib.reqContractDetailsAsync(asked[0])
            assert share.minTick == 0.01

    played(story())


def test_an_ambiguous_or_unknown_symbol_is_not_guessed(gateway: StepGateway) -> None:
    async def story() -> None:
        async with connected(gateway.port, 1) as ib:
            asked = Stock("AAPL", "SMART", ""), Stock("NOSUCH", "SMART", "USD")
            assert await ib.qualifyContractsAsync(*asked) == [None, None]
            assert await ib.reqContractDetailsAsync(Contract(secType="BAG", symbol="SPY", exchange="SMART")) == []

    played(story())


def test_symbols_chains_and_rules_are_found(gateway: StepGateway) -> None:
    async def story() -> None:
        async with connected(gateway.port, 1) as ib:
            stock = await stock_of(ib)
            rows = await ib.reqMatchingSymbolsAsync("AAP")
            assert stock.conId in {row.contract.conId for row in rows or [] if row.contract}
            chains = await ib.reqSecDefOptParamsAsync("AAPL", "", "STK", stock.conId)
            assert any(chain.exchange == "SMART" and chain.expirations and chain.strikes for chain in chains)
            (details,) = await ib.reqContractDetailsAsync(stock)
            rule = await ib.reqMarketRuleAsync(int(details.marketRuleIds.split(",")[0]))
            assert rule is not None
            assert rule[-1].increment == 0.01

    played(story())


def test_a_snapshot_and_a_stream_say_the_same_and_the_stream_moves(gateway: StepGateway) -> None:
    async def story() -> None:
        async with connected(gateway.port, 1) as ib:
            stock = await stock_of(ib)
            (snapshot,) = await ib.reqTickersAsync(stock)
            assert 0 < snapshot.bid < snapshot.ask
            seen = (snapshot.bid, snapshot.ask, snapshot.close)
            stream = ib.reqMktData(stock, "236")
            await until(lambda: stream.shortableShares == 1_000_000)
            assert (stream.bid, stream.ask, stream.close) == seen
            gateway.step(120)
            await until(lambda: (stream.bid, stream.ask) != seen[:2])
            ib.cancelMktData(stock)
            ib.reqMarketDataType(3)
            late = ib.reqMktData(stock)
            await until(lambda: late.marketDataType == 3)

    played(story())


def test_an_option_is_quoted_with_greeks(gateway: StepGateway) -> None:
    async def story() -> None:
        async with connected(gateway.port, 1) as ib:
            call = Option("SPY", "20230317", 380, "C", "SMART")
            await ib.qualifyContractsAsync(call)
            (ticker,) = await ib.reqTickersAsync(call)
            assert ticker.modelGreeks is not None
            assert ticker.modelGreeks.delta is not None
            assert 0 < ticker.modelGreeks.delta < 1
            assert ticker.modelGreeks.undPrice is not None
            assert ticker.modelGreeks.undPrice > 100

    played(story())


def test_bars_of_the_past_are_told_and_grow(gateway: StepGateway) -> None:
    async def story() -> None:
        async with connected(gateway.port, 1) as ib:
            stock = await stock_of(ib)
            days = await ib.reqHistoricalDataAsync(stock, "", "5 D", "1 day", "TRADES", useRTH=True)
            assert len(days) >= 3
            assert all(bar.low <= min(bar.open, bar.close) <= max(bar.open, bar.close) <= bar.high for bar in days)
            asked = (stock, "", "600 S", "1 min")
            minutes = await ib.reqHistoricalDataAsync(*asked, "MIDPOINT", useRTH=True, keepUpToDate=True)
            assert len(minutes) in (10, 11)
            first = minutes[0].date
            assert isinstance(first, datetime)
            assert first.utcoffset() == timedelta(hours=-5)
            before = len(minutes)
            gateway.step(120)
            await until(lambda: len(minutes) > before)
            epochs = await ib.reqHistoricalDataAsync(*asked, "BID", useRTH=True, formatDate=2)
            assert isinstance(epochs[0].date, datetime)
            head = await ib.reqHeadTimeStampAsync(stock, "TRADES", useRTH=True, formatDate=1)
            assert isinstance(head, datetime)
            assert head.year < 2020

    played(story())


def test_bars_of_five_seconds_come_when_they_are_over(gateway: StepGateway) -> None:
    async def story() -> None:
        async with connected(gateway.port, 1) as ib:
            stock = await stock_of(ib)
            bars = ib.reqRealTimeBars(stock, 5, "TRADES", useRTH=False)
            await ib.reqCurrentTimeAsync()
            gateway.step(15)
            await until(lambda: len(bars) == 3)
            assert [(later.time - earlier.time).seconds for earlier, later in pairwise(bars)] == [5, 5]

    played(story())


def test_ticks_come_one_by_one(gateway: StepGateway) -> None:
    async def story() -> None:
        async with connected(gateway.port, 1) as ib:
            stock = await stock_of(ib)
            ticker = ib.reqTickByTickData(stock, "BidAsk")
            await until(lambda: ticker.bid > 0)
            before = (ticker.bid, ticker.ask, ticker.bidSize)
            gateway.step(60)
            await until(lambda: (ticker.bid, ticker.ask, ticker.bidSize) != before)
            last = ib.reqTickByTickData(stock, "Last")
            await until(lambda: last.last > 0)

    played(story())


def test_a_wrong_question_about_bars_is_answered(gateway: StepGateway) -> None:
    async def story() -> None:
        async with connected(gateway.port, 1) as ib:
            codes: list[int] = []
            ib.errorEvent += lambda key, code, text, contract: codes.append(code)
            stock = await stock_of(ib)
            assert not await ib.reqHistoricalDataAsync(stock, "", "1 D", "7 mins", "TRADES", useRTH=True)
            assert not await ib.reqHistoricalDataAsync(stock, "", "soon", "1 min", "TRADES", useRTH=True)
            again = (stock, "", "60 S", "5 secs", "TRADES")
            assert await ib.reqHistoricalDataAsync(*again, useRTH=True)
            assert not await ib.reqHistoricalDataAsync(*again, useRTH=True)
            (front,) = await ib.qualifyContractsAsync(ContFuture("ES", "CME"))
            assert isinstance(front, Contract)
            ended = (front, "20221201 10:00:00", "1 D", "1 day", "TRADES")
            assert not await ib.reqHistoricalDataAsync(*ended, useRTH=True)
            assert codes == [162, 162, 162, 10339]

    played(story())
