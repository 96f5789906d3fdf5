"""Recorded conversations: how those of the unit tests were made, and how a client's half of one is said again."""

import asyncio
import json
from collections.abc import Awaitable, Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from ib_async import Contract, LimitOrder, MarketOrder, Stock
from tests.gateway_homes import connected

from prudent.gateway import wire
from prudent.gateway.conversation import Line, Recorder, Speaker
from prudent.gateway.record import Relay

_FOLDER = Path(__file__).parent / "unit" / "gateway"
RECORDED = _FOLDER / "ib_async-2.1.0.jsonl"
# What the official client said; the client itself is no part of this.
OFFICIAL = {"10.51.01": _FOLDER / "official-10.51.01.jsonl", "9.81.1-1": _FOLDER / "official-9.81.1-1.jsonl"}
_OFFICIAL_STORY = Path(__file__).parent / "live" / "official_client.py"
_OFFICIAL_SECONDS = 120.0
# What the first account that is heard of is kept as.
MASKED_ACCOUNT = "DU0000001"
CLIENT_ID = 21
ANSWER_SECONDS = 10.0


async def record(port: int, path: Path, story: Callable[[int], Awaitable[object]] | None = None) -> Recorder:
    """Let a client, ib_async by default, trade at the gateway of that port through a relay, and keep what passes."""
    with path.open("w", encoding="ascii") as file:
        recorder = Recorder(file)
        relay = Relay(("127.0.0.1", port), recorder)
        try:
            await (story or _story)(await relay.start(0))
        finally:
            await relay.stop()
    assert relay.failures == []
    return recorder


async def official(python: str, port: int) -> dict[str, Any]:
    """What the official client of that Python tells of its story; nothing of it is loaded here."""
    process = await asyncio.create_subprocess_exec(
        python, str(_OFFICIAL_STORY), str(port), stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    try:
        async with asyncio.timeout(_OFFICIAL_SECONDS):
            told, complained = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
    assert process.returncode == 0, complained.decode()
    said: dict[str, Any] = json.loads(told)
    return said


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
