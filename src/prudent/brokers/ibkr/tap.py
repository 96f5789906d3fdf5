"""ib_async's client with our own ear: each message becomes one of our words, none of its books is used."""

# ruff: noqa: N802, N803, N815 - the names are those that the library calls

import asyncio
import dataclasses
import logging
import struct
from collections.abc import Awaitable, Callable, Hashable
from datetime import UTC
from functools import cache
from typing import Any, Protocol, cast

from ib_async.client import Client
from ib_async.contract import Contract, ContractDetails
from ib_async.decoder import Decoder
from ib_async.objects import BarData, CommissionReport, Execution
from ib_async.order import Order, OrderState
from ib_async.wrapper import Wrapper

from prudent.brokers.ibkr.reading import asset_of, epoch_of, is_note, listed_of, multiplier_of, shown_order
from prudent.brokers.ibkr.words import (
    Refused,
    ShownChain,
    ShownCost,
    ShownError,
    ShownOrder,
    ShownPosition,
    ShownStatus,
    ShownTick,
    ShownTrade,
    figure,
    number,
)
from prudent.domain.errors import Temporary
from prudent.domain.money import ZERO
from prudent.domain.orders import Side

# What this program understands; other messages are none of its business.
HEARD = frozenset({
    1, 2, 3, 4, 5, 9, 10, 11, 15, 17, 46, 49, 52, 53, 55, 57, 59, 61, 62, 73, 74, 75, 76, 93, 95, 101, 102, 107,
})  # fmt: skip
OPEN, COMPLETED, POSITIONS, TIME = "open orders", "completed orders", "positions", "time"
_TRADE, _TRADE_TIME = 11, 15
NO_PRICE = -1.0
_PRICES = {1: "bid", 2: "ask", 4: "last", 6: "high", 7: "low", 9: "close", 14: "open"}
_SIZES = {0: "bid_size", 3: "ask_size", 5: "last_size", 8: "volume"}
_DELAYED_PRICES = {66: "bid", 67: "ask", 68: "last", 72: "high", 73: "low", 75: "close", 76: "open"}
_DELAYED_SIZES = {69: "bid_size", 70: "ask_size", 71: "last_size", 74: "volume"}
_LAST_TIME = (45, 88)

# The library logs what it cannot judge as errors; the states of the connection say it in our words.
logging.getLogger("ib_async").setLevel(logging.CRITICAL)


class Hears(Protocol):
    """Who is told what the gateway says, on the thread of the connection."""

    def order(self, shown: ShownOrder) -> None: ...

    def status(self, shown: ShownStatus) -> None: ...

    def trade(self, shown: ShownTrade) -> None: ...

    def cost(self, shown: ShownCost) -> None: ...

    def error(self, shown: ShownError) -> None: ...

    def tick(self, shown: ShownTick) -> None: ...

    def unreadable(self, message: int, why: str) -> None: ...

    def next_id(self, order_id: int) -> None: ...


class Ear:
    """What ib_async's client and decoder call. Answers to requests are collected by key until their end is told."""

    defaultTimezone = UTC
    TimezoneTWS = ""

    def __init__(self, hears: Hears) -> None:
        self.ib = self
        self.acknowledged = False
        self._hears = hears
        self._futures: dict[Hashable, asyncio.Future[list[Any]]] = {}
        self._found: dict[Hashable, list[Any]] = {}

    # Requests

    def expect(self, key: Hashable) -> asyncio.Future[list[Any]]:
        """The answer to a request that is about to leave."""
        self._found[key] = []
        self._futures[key] = asyncio.get_running_loop().create_future()
        return self._futures[key]

    def forget(self, key: Hashable) -> None:
        self._futures.pop(key, None)
        self._found.pop(key, None)

    def _end(self, key: Hashable, error: Exception | None = None) -> None:
        future, found = self._futures.pop(key, None), self._found.pop(key, [])
        if future is None or future.done():
            return
        if error is None:
            future.set_result(found)
        else:
            future.set_exception(error)

    def _add(self, key: Hashable, item: object) -> None:
        if key in self._found:
            self._found[key].append(item)

    def connectAck(self) -> None:
        self.acknowledged = True

    def setEventsDone(self) -> None:
        """The library's events are not used."""

    def connectionClosed(self) -> None:
        self.fail("the connection was closed while the answer was awaited; ask again")

    def fail(self, why: str) -> None:
        """End every open request: no answer can come any more."""
        for key in [*self._futures]:
            self._end(key, Temporary(why))

    def nextValidId(self, reqId: int) -> None:
        self._hears.next_id(reqId)

    def managedAccounts(self, accountsList: str) -> None:
        """The client keeps them."""

    def unreadable(self, message: int, why: str) -> None:
        self._hears.unreadable(message, why)

    def error(self, reqId: int, errorCode: int, errorString: str, advancedOrderRejectJson: str) -> None:
        del advancedOrderRejectJson
        shown = ShownError(number=reqId, code=errorCode, text=errorString)
        if reqId in self._futures and not is_note(errorCode):
            self._end(reqId, Refused(shown))
        else:
            self._hears.error(shown)

    def userInfo(self, reqId: int, whiteBrandingId: str) -> None:
        self._add(reqId, whiteBrandingId)
        self._end(reqId)

    def currentTime(self, time: int) -> None:
        self._add(TIME, time)
        self._end(TIME)

    # Orders

    def openOrder(self, orderId: int, contract: Contract, order: Order, orderState: OrderState) -> None:
        if order.whatIf:
            if figure(orderState.initMarginChange) is not None:
                self._add(orderId, orderState)
                self._end(orderId)
            return
        self._hears.order(shown_order(contract, order, orderState, orderId))

    def openOrderEnd(self) -> None:
        self._end(OPEN)

    def completedOrder(self, contract: Contract, order: Order, orderState: OrderState) -> None:
        if not order.whatIf:
            self._hears.order(shown_order(contract, order, orderState, None))

    def completedOrdersEnd(self) -> None:
        self._end(COMPLETED)

    def orderStatus(  # noqa: PLR0913 - the message has so many fields
        self, orderId: int, status: str, filled: float, remaining: float, avgFillPrice: float, permId: int,
        parentId: int, lastFillPrice: float, clientId: int, whyHeld: str, mktCapPrice: float = 0.0,
    ) -> None:  # fmt: skip
        del remaining, avgFillPrice, parentId, lastFillPrice, mktCapPrice
        self._hears.status(
            ShownStatus(
                order_id=orderId, client_id=clientId, perm_id=permId, status=status, filled=number(filled) or ZERO,
                why_held=whyHeld,
            )
        )  # fmt: skip

    def execDetails(self, reqId: int, contract: Contract, execution: Execution) -> None:
        del reqId
        self._hears.trade(
            ShownTrade(
                exec_id=execution.execId, ref=execution.orderRef, perm_id=execution.permId,
                account=execution.acctNumber, asset=asset_of(contract),
                side=Side.BUY if execution.side == "BOT" else Side.SELL, quantity=number(execution.shares) or ZERO,
                price=number(execution.price) or ZERO, time=execution.time, client_id=execution.clientId,
                order_id=execution.orderId if 0 < execution.orderId < 2**31 - 1 else 0,
            )
        )  # fmt: skip

    def execDetailsEnd(self, reqId: int) -> None:
        self._end(reqId)

    def commissionReport(self, commissionReport: CommissionReport) -> None:
        self._hears.cost(
            ShownCost(
                exec_id=commissionReport.execId, amount=number(commissionReport.commission) or ZERO,
                currency=commissionReport.currency,
            )
        )  # fmt: skip

    # Accounts

    def position(self, account: str, contract: Contract, posSize: float, avgCost: float) -> None:
        self._add(
            POSITIONS,
            ShownPosition(
                account=account, asset=asset_of(contract), quantity=number(posSize) or ZERO,
                average_cost=number(avgCost) or ZERO,
            ),
        )  # fmt: skip

    def positionEnd(self) -> None:
        self._end(POSITIONS)

    def accountUpdateMulti(
        self, reqId: int, account: str, modelCode: str, tag: str, val: str, currency: str
    ) -> None:
        del account, modelCode
        self._add(reqId, (tag, currency, val))

    def accountUpdateMultiEnd(self, reqId: int) -> None:
        self._end(reqId)

    def pnlSingle(
        self, reqId: int, pos: float, dailyPnL: float, unrealizedPnL: float, realizedPnL: float, value: float
    ) -> None:
        del pos, dailyPnL, unrealizedPnL, realizedPnL
        self._add(reqId, number(value))
        self._end(reqId)

    # Contracts and prices

    def contractDetails(self, reqId: int, contractDetails: ContractDetails) -> None:
        self._add(reqId, listed_of(contractDetails))

    def contractDetailsEnd(self, reqId: int) -> None:
        self._end(reqId)

    def marketRule(self, marketRuleId: int, priceIncrements: list[Any]) -> None:
        for each in priceIncrements:
            self._add(("rule", marketRuleId), (number(each.lowEdge) or ZERO, number(each.increment) or ZERO))
        self._end(("rule", marketRuleId))

    def securityDefinitionOptionParameter(  # noqa: PLR0913 - the message has so many fields
        self, reqId: int, exchange: str, underlyingConId: str, tradingClass: str, multiplier: str,
        expirations: list[str], strikes: list[float],
    ) -> None:  # fmt: skip
        del underlyingConId
        self._add(
            reqId,
            ShownChain(
                exchange=exchange, trading_class=tradingClass, multiplier=multiplier_of(multiplier),
                expiries=tuple(sorted(expirations)), strikes=tuple(number(each) or ZERO for each in sorted(strikes)),
            ),
        )  # fmt: skip

    def securityDefinitionOptionParameterEnd(self, reqId: int) -> None:
        self._end(reqId)

    def historicalData(self, reqId: int, bar: BarData) -> None:
        self._add(reqId, bar)

    def historicalDataEnd(self, reqId: int, start: str, end: str) -> None:
        del start, end
        self._end(reqId)

    def priceSizeTick(self, reqId: int, tickType: int, price: float, size: float) -> None:
        name = _PRICES.get(tickType) or _DELAYED_PRICES.get(tickType)
        if name is None:
            return
        # A price of -1, or one without a size on that side of the book, is none: what was told before is gone.
        gone = price < 0 or (name in ("bid", "ask") and size == 0)
        self._tick(reqId, name, NO_PRICE if gone else price, delayed=tickType in _DELAYED_PRICES)

    def tickSize(self, reqId: int, tickType: int, size: float) -> None:
        name = _SIZES.get(tickType) or _DELAYED_SIZES.get(tickType)
        if name is not None:
            self._tick(reqId, name, size, delayed=tickType in _DELAYED_SIZES)

    def tickString(self, reqId: int, tickType: int, value: str) -> None:
        if tickType in _LAST_TIME and value.isdigit():
            self._tick(reqId, "last_time", float(value), delayed=tickType == _LAST_TIME[1])

    def tickSnapshotEnd(self, reqId: int) -> None:
        self._end(reqId)

    def _tick(self, request: int, name: str, value: float, *, delayed: bool) -> None:
        found = number(value)
        if found is not None:
            self._hears.tick(ShownTick(number=request, field=name, value=found, delayed=delayed))


@cache
def _parsed(kind: type) -> tuple[tuple[str, Callable[[Any], Any], Any], ...]:
    """The fields of one of the library's types that are not text: their names, what reads them, and their defaults."""
    readers: dict[type, Callable[[Any], Any]] = {int: int, float: float, bool: lambda text: bool(int(text))}
    return tuple(
        (each.name, readers[type(each.default)], each.default)
        for each in dataclasses.fields(kind)
        if type(each.default) in readers
    )


class _Reader(Decoder):
    """The library's decoder, which says what it cannot read instead of dropping it."""

    def __init__(self, ear: Ear) -> None:
        super().__init__(cast(Wrapper, ear), 0)
        self._ear = ear

    def parse(self, obj: Any) -> None:
        # As the library does it, without finding out anew for each message of which types the fields are.
        for name, reader, default in _parsed(cast("Hashable", type(obj))):
            value = getattr(obj, name)
            setattr(obj, name, reader(value) if value else default)

    def interpret(self, fields: list[str]) -> None:
        message = int(fields[0]) if fields and fields[0].isdigit() else 0
        if message not in HEARD:
            return
        try:
            if message == _TRADE:
                fields[_TRADE_TIME] = epoch_of(fields[_TRADE_TIME])
            self.handlers[message](fields)
        except (ValueError, KeyError, IndexError, TypeError, AttributeError, ArithmeticError) as error:
            self._ear.unreadable(message, f"{type(error).__name__}: {error}")


class TappedClient(Client):
    """The library's client, counted: `left` is called for each message that is handed to the socket.

    The library logs in by itself once the handshake is answered; that message too waits for its `turn`.
    """

    # Ours stands in front of it and is exact; this one is the last guard.
    MaxRequests = 40

    def __init__(
        self, ear: Ear, left: Callable[[], None], closed: Callable[[], None], turn: Callable[[], Awaitable[object]]
    ) -> None:
        super().__init__(ear)  # type: ignore[no-untyped-call]
        self.decoder = _Reader(ear)
        self.garbage = ""
        self.heard_at = 0.0
        self._left = left
        self._turn = turn
        self._login: asyncio.Task[None] | None = None
        self.conn.disconnected += lambda _message: closed()

    def startApi(self) -> None:
        self._login = asyncio.ensure_future(self._log_in())

    async def _log_in(self) -> None:
        await self._turn()
        if self.isConnected():
            super().startApi()  # type: ignore[no-untyped-call]

    def sendMsg(self, msg: str | None) -> None:
        if msg:
            self._left()
        super().sendMsg(cast(str, msg))

    def _onSocketHasData(self, data: bytes) -> None:
        self.heard_at = asyncio.get_running_loop().time()
        try:
            super()._onSocketHasData(data)  # type: ignore[no-untyped-call]
        except (ValueError, struct.error, IndexError) as error:
            self.garbage = f"what came is no message: {error}"
            self.conn.disconnect()
