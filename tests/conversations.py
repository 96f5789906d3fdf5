"""Recorded conversations: how the one in this folder was made, and how a client's half of one is said again."""

import asyncio
from collections.abc import Iterator, Sequence
from pathlib import Path

from ib_async import Contract, LimitOrder, MarketOrder, Stock
from tests.gateway_homes import connected

from prudent.gateway import wire
from prudent.gateway.conversation import Line, Recorder, Speaker
from prudent.gateway.record import Relay

RECORDED = Path(__file__).parent / "unit" / "gateway" / "ib_async-2.1.0.jsonl"
# What the first account that is heard of is kept as.
MASKED_ACCOUNT = "DU0000001"
CLIENT_ID = 21
ANSWER_SECONDS = 10.0


async def record(port: int, path: Path) -> Recorder:
    """Let ib_async trade at the gateway of that port through a relay, and keep what passes."""
    with path.open("w", encoding="ascii") as file:
        recorder = Recorder(file)
        relay = Relay(("127.0.0.1", port), recorder)
        try:
            await _story(await relay.start(0))
        finally:
            await relay.stop()
    assert relay.failures == []
    return recorder


async def _story(port: int) -> None:
    async with connected(port, client_id=CLIENT_ID) as ib:
        (stock,) = await ib.qualifyContractsAsync(Stock("AAPL", "SMART", "USD"))
        assert isinstance(stock, Contract)
        await ib.reqContractDetailsAsync(stock)
        await ib.reqSecDefOptParamsAsync("AAPL", "", "STK", stock.conId)
        await ib.reqTickersAsync(stock)
        await ib.reqHistoricalDataAsync(stock, "", "2 D", "1 hour", "TRADES", True)
        bought = ib.placeOrder(stock, MarketOrder("BUY", 10, tif="DAY", orderRef="first"))
        resting = ib.placeOrder(stock, LimitOrder("SELL", 10, 999.0, tif="GTC", orderRef="second"))
        await ib.whatIfOrderAsync(stock, LimitOrder("BUY", 5, 1.0, tif="DAY"))
        assert bought.orderStatus.status == "Filled"
        ib.cancelOrder(resting.order)
        await ib.reqAllOpenOrdersAsync()
        await ib.reqExecutionsAsync()
        await ib.reqCompletedOrdersAsync(False)


def said_by(lines: Sequence[Line], speaker: Speaker) -> tuple[tuple[str, ...], ...]:
    return tuple(line.fields for line in lines if line.speaker is speaker)


async def answers_to(port: int, lines: Sequence[Line]) -> tuple[tuple[str, ...], ...]:
    """Say the client's half in its order, and give as many answers as were recorded, in theirs."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    answers = []
    try:
        for message in _frames(lines):
            if isinstance(message, bytes):
                writer.write(message)
                await writer.drain()
                continue
            async with asyncio.timeout(ANSWER_SECONDS):
                head = await reader.readexactly(wire.LENGTH.size)
                answers.append(tuple(wire.split(await reader.readexactly(wire.length(head)))))
    finally:
        writer.close()
    return tuple(answers)


def _frames(lines: Sequence[Line]) -> Iterator[bytes | None]:
    """What the client sends; None where the gateway spoke."""
    hello, *rest = lines
    said = hello.fields[0].encode("ascii")
    yield wire.PREFIX + wire.LENGTH.pack(len(said)) + said
    for line in rest:
        yield wire.frame(line.fields) if line.speaker is Speaker.CLIENT else None
