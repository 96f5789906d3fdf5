"""The gateway reads what the client library writes: every request, every version, no field left over."""

import dataclasses
from collections.abc import Callable
from decimal import Decimal
from random import Random
from typing import Any

import pytest
from hypothesis import Phase, given
from hypothesis import settings as examples
from hypothesis import strategies as st
from ib_async.contract import ComboLeg, Contract, DeltaNeutralContract, TagValue
from ib_async.objects import ExecutionFilter, ScannerSubscription, WshEventData
from ib_async.order import (
    ExecutionCondition,
    MarginCondition,
    Order,
    OrderComboLeg,
    PercentChangeCondition,
    PriceCondition,
    TimeCondition,
    VolumeCondition,
)
from tests.wire_words import VERSIONS, Quill, filled_in

from prudent.gateway.codec.answers import ANSWERS
from prudent.gateway.codec.requests import REQUESTS, UNSERVED
from prudent.gateway.codec.rows import Values, decode, encode, scalars

SHARE = Contract(conId=265598, symbol="AAPL", secType="STK", exchange="SMART", currency="USD", primaryExchange="NASDAQ")
LEGS = [ComboLeg(conId=1, ratio=1, action="BUY", exchange="SMART"), ComboLeg(conId=2, ratio=2, action="SELL")]
COMBO = Contract(symbol="SPY", secType="BAG", exchange="SMART", currency="USD", comboLegs=LEGS)
NEUTRAL = dataclasses.replace(SHARE, deltaNeutralContract=DeltaNeutralContract(conId=5, delta=0.5, price=1.25))

CALLS: list[tuple[str, tuple[Any, ...]]] = [
    ("reqMktData", (5, SHARE, "233,236", True, False, [])), ("reqMktData", (5, COMBO, "", False, False, [])),
    ("reqMktData", (5, NEUTRAL, "", False, False, [TagValue("a", "b")])), ("cancelMktData", (5,)),
    ("cancelOrder", (9, "")), ("reqOpenOrders", ()), ("reqAccountUpdates", (True, "DU1")),
    ("reqExecutions", (5, ExecutionFilter(clientId=7, symbol="AAPL", side="BUY"))), ("reqIds", (1,)),
    ("reqContractDetails", (5, SHARE)), ("reqNewsBulletins", (True,)), ("cancelNewsBulletins", ()),
    ("setServerLogLevel", (2,)), ("reqAutoOpenOrders", (True,)), ("reqAllOpenOrders", ()), ("reqManagedAccts", ()),
    ("requestFA", (1,)),
    ("reqHistoricalData", (5, SHARE, "", "1 D", "5 mins", "TRADES", True, 1, True, [])),
    ("reqHistoricalData", (5, COMBO, "20261120 16:00:00 US/Eastern", "1 D", "1 hour", "MIDPOINT", False, 2, False, [])),
    ("reqScannerParameters", ()), ("cancelHistoricalData", (5,)), ("reqCurrentTime", ()),
    ("reqRealTimeBars", (5, SHARE, 5, "TRADES", False, [])), ("cancelRealTimeBars", (5,)),
    ("cancelCalculateImpliedVolatility", (5,)), ("cancelCalculateOptionPrice", (5,)), ("reqGlobalCancel", ()),
    ("reqMarketDataType", (3,)), ("reqPositions", ()), ("reqAccountSummary", (5, "All", "NetLiquidation,$LEDGER:ALL")),
    ("cancelAccountSummary", (5,)), ("cancelPositions", ()), ("startApi", ()), ("reqPositionsMulti", (5, "DU1", "")),
    ("cancelPositionsMulti", (5,)), ("reqAccountUpdatesMulti", (5, "DU1", "", False)),
    ("cancelAccountUpdatesMulti", (5,)), ("reqSecDefOptParams", (5, "AAPL", "", "STK", 265598)),
    ("reqSoftDollarTiers", (5,)), ("reqFamilyCodes", ()), ("reqMatchingSymbols", (5, "AAP")),
    ("reqMktDepthExchanges", ()), ("reqSmartComponents", (5, "a6")), ("reqNewsProviders", ()),
    ("reqHeadTimeStamp", (5, SHARE, "TRADES", True, 1)), ("cancelHeadTimeStamp", (5,)), ("reqMarketRule", (26,)),
    ("reqPnL", (5, "DU1", "")), ("cancelPnL", (5,)),
    ("reqPnLSingle", (5, "DU1", "", 265598)), ("cancelPnLSingle", (5,)),
    ("reqHistoricalTicks", (5, SHARE, "20261120 10:00:00", "", 100, "TRADES", True, False, [])),
    ("reqTickByTickData", (5, SHARE, "Last", 0, False)), ("cancelTickByTickData", (5,)),
    ("reqCompletedOrders", (False,)), ("reqUserInfo", (5,)),
]  # fmt: skip

UNSERVED_CALLS: list[tuple[str, tuple[Any, ...]]] = [
    ("reqMktDepth", (5, SHARE, 5, False, [])), ("cancelMktDepth", (5, False)), ("replaceFA", (5, 1, "")),
    ("exerciseOptions", (5, SHARE, 1, 1, "DU1", 0)), ("reqScannerSubscription", (5, ScannerSubscription(), [], [])),
    ("cancelScannerSubscription", (5,)), ("reqFundamentalData", (5, SHARE, "x", [])), ("cancelFundamentalData", (5,)),
    ("calculateImpliedVolatility", (5, SHARE, 1.0, 2.0, [])), ("calculateOptionPrice", (5, SHARE, 1.0, 2.0, [])),
    ("queryDisplayGroups", (5,)), ("subscribeToGroupEvents", (5, 1)), ("updateDisplayGroup", (5, "x")),
    ("unsubscribeFromGroupEvents", (5,)), ("reqNewsArticle", (5, "a", "b", [])),
    ("reqHistoricalNews", (5, 1, "a", "", "", 1, [])), ("reqHistogramData", (5, SHARE, True, "1 D")),
    ("cancelHistogramData", (5,)), ("reqWshMetaData", (5,)), ("cancelWshMetaData", (5,)),
    ("reqWshEventData", (5, WshEventData())), ("cancelWshEventData", (5,)),
]  # fmt: skip


def _read(version: int, name: str, *arguments: Any) -> Values:
    fields = Quill(version).fields(name, *arguments)
    return decode(REQUESTS[int(fields[0])], fields, version)


@pytest.mark.parametrize(("name", "arguments"), CALLS, ids=[f"{n}-{call[0]}" for n, call in enumerate(CALLS)])
def test_a_request_of_the_client_library_is_read_at_every_version(name: str, arguments: tuple[Any, ...]) -> None:
    for version in VERSIONS:
        said = _read(version, name, *arguments)
        if "reqId" in said:
            assert said["reqId"] == 5


def test_every_request_table_is_met_by_a_request_of_the_client_library() -> None:
    written = {int(Quill(178).fields(name, *arguments)[0]) for name, arguments in CALLS}
    assert written | {3} == set(REQUESTS)


@pytest.mark.parametrize(("name", "arguments"), UNSERVED_CALLS, ids=[call[0] for call in UNSERVED_CALLS])
def test_the_id_of_a_request_that_is_not_served_is_found(name: str, arguments: tuple[Any, ...]) -> None:
    fields = Quill(178).fields(name, *arguments)
    assert fields[UNSERVED[int(fields[0])]] == "5"


def test_what_a_request_says_is_what_is_read() -> None:
    said = _read(178, "reqHistoricalData", *CALLS[18][1])
    assert [leg["ratio"] for leg in said["legs"]] == [1, 2]
    assert (said["end"], said["duration"], said["barSize"]) == ("20261120 16:00:00 US/Eastern", "1 D", "1 hour")
    assert (said["show"], said["useRth"], said["dateFormat"], said["keepUpToDate"]) == ("MIDPOINT", False, 2, False)


def _order(random: Random) -> tuple[Contract, Order]:
    contract = dataclasses.replace(random.choice((SHARE, COMBO, NEUTRAL)), exchange=random.choice(("SMART", "IBKRATS")))
    order = filled_in(Order(), random)
    order.orderType = random.choice(("LMT", "VOL", "PEG BENCH", "PEG BEST", "PEG MID"))
    order.competeAgainstBestOffset = random.choice((0.02, float("inf")))
    order.algoParams = [TagValue("adaptivePriority", "Urgent")]
    order.orderComboLegs = [OrderComboLeg(price=1.5)]
    order.smartComboRoutingParams = [TagValue("NonGuaranteed", "1")]
    kinds = (PriceCondition, TimeCondition, MarginCondition, ExecutionCondition, VolumeCondition)
    order.conditions = [kind() for kind in (*kinds, PercentChangeCondition) if random.random() < 0.4]
    return contract, order


def test_an_order_of_the_client_library_is_read_as_it_was_meant(scale: Callable[[int, int], int]) -> None:
    @examples(max_examples=scale(12, 300), phases=(Phase.generate,))
    @given(seed=st.integers(0, 2**32))
    def holds(seed: int) -> None:
        random = Random(seed)
        for version in VERSIONS:
            contract, order = _order(random)
            said = _read(version, "placeOrder", 31, contract, order)
            assert said["orderId"] == 31
            assert said["conId"] == contract.conId
            assert len(said["conditions"]) == len(order.conditions)
            for name, value in said.items():
                meant = getattr(order, name, None)
                if isinstance(value, str | bool | int | Decimal) and meant is not None and name not in _SET_ELSEWHERE:
                    assert float(value) == float(meant) if isinstance(value, Decimal) else value == meant, name

    holds()


_SET_ELSEWHERE = {"orderId", "orderMiscOptions"}


def test_an_order_that_sets_nothing_is_read_as_nothing_set() -> None:
    said = _read(178, "placeOrder", 31, SHARE, Order(action="BUY", totalQuantity=10, orderType="MKT"))
    assert said["totalQuantity"] == 10
    assert said["lmtPrice"] is said["auxPrice"] is said["trailStopPrice"] is said["minQty"] is None
    assert said["transmit"] is True
    assert said["whatIf"] is False


def test_what_was_said_can_be_told_back_as_text() -> None:
    order = Order(action="BUY", totalQuantity=10, orderType="LMT", lmtPrice=1.5, orderRef="R1")
    said = scalars(REQUESTS[3], _read(178, "placeOrder", 31, SHARE, order))
    assert (said["totalQuantity"], said["lmtPrice"], said["orderRef"]) == ("10", "1.5", "R1")
    assert "conditions" not in said


def test_what_nobody_set_is_told_back_as_it_is_without_being_kept() -> None:
    order = Order(action="BUY", totalQuantity=10, orderType="LMT", lmtPrice=1.5, orderRef="R1")
    read = _read(178, "placeOrder", 31, SHARE, order)
    short = scalars(REQUESTS[3], read)
    whole = scalars(REQUESTS[3], read, always=read)
    assert len(short) < 30 < 100 < len(whole)
    for name in ("openOrder", "completedOrder"):
        told = [encode(ANSWERS[name], {**each, "hasNeutral": False}, 178) for each in (short, whole)]
        assert told[0] == told[1]
