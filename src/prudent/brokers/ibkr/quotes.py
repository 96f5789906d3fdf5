"""Quotes of a gateway as streams: a line for each symbol that is asked for, renewed when it falls silent."""

import asyncio
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING

from prudent.brokers.ibkr.ticks import Told
from prudent.brokers.ibkr.words import Listed, Refused
from prudent.domain.errors import Temporary
from prudent.domain.quotes import LivePrice, Quality

if TYPE_CHECKING:
    from prudent.brokers.ibkr.line import Connection
    from prudent.brokers.ibkr.session import IbkrSession

# A login has a hundred lines unless it pays for more, and whoever sits at the workstation wants some too.
LINES_MAX = 60
QUOTE_SECONDS = 4.0
LOOK_SECONDS = 0.02
# A stream that says nothing for so long is asked for anew: after an outage some never speak again.
SILENT = timedelta(seconds=10)
IDLE_SECONDS = 900.0
DELAY = timedelta(minutes=15)
# No right to live data, or another session has it: what is left are delayed ones.
NO_RIGHT = frozenset({354, 10089, 10090, 10168, 10197})
DELAYED_TYPE = 3
_WATCHED = ("bid", "ask", "last", "bid_size", "ask_size", "volume", "last_time")
_NO_SIDES = ("IND",)


@dataclass(slots=True, eq=False)
class Stream:
    """One line: what it was told; `since` and `asked` are when it was opened and last asked for, on the loop."""

    number: int
    told: Told
    connection: "Connection"
    opened: datetime
    since: float
    asked: float
    answer: "asyncio.Future[list[object]]"


@dataclass(frozen=True, slots=True)
class _Last:
    """The numbers that a symbol last showed, and since when."""

    values: tuple[Decimal | None, ...]
    since: datetime


class Quotes:
    """The streams of one session; everything here runs on its thread."""

    def __init__(self, session: "IbkrSession") -> None:
        self._session = session
        self._streams: dict[str, Stream] = {}
        self._last: dict[str, _Last] = {}
        self._lock = asyncio.Lock()
        self._delayed_over = ""

    async def latest(self, listed: Mapping[str, Listed]) -> dict[str, LivePrice]:
        """What each symbol is quoted at; a symbol without any price is left out.

        Raises:
            Temporary: the gateway cannot be asked.
        """
        found: dict[str, LivePrice] = {}
        symbols = tuple(listed)
        async with self._lock:
            for start in range(0, len(symbols), LINES_MAX):
                part = {symbol: listed[symbol] for symbol in symbols[start : start + LINES_MAX]}
                streams = await self._opened(part)
                if await self._wait(part, streams):
                    streams = await self._opened(part)
                    await self._wait(part, streams)
                for symbol, stream in streams.items():
                    if stream.connection.broken.is_set():
                        raise Temporary("the connection to the gateway ended while quotes were awaited; ask again")
                    price = self._price(symbol, stream.told)
                    if price is not None:
                        found[symbol] = price
        return found

    async def leave(self, symbols: Iterable[str]) -> None:
        """Give the lines of these back now."""
        async with self._lock:
            for symbol in symbols:
                self._last.pop(symbol, None)
                if symbol in self._streams:
                    await self._close(symbol)

    async def _opened(self, part: Mapping[str, Listed]) -> dict[str, Stream]:
        """A line for each: one that stands, or a new one where it is silent or its connection has ended."""
        connection, loop = self._session.market.live(), asyncio.get_running_loop()
        for symbol, stream in tuple(self._streams.items()):
            is_idle = symbol not in part and loop.time() - stream.asked > IDLE_SECONDS
            is_gone = stream.connection is not connection or not self._session.ticks.knows(stream.number)
            if is_gone or is_idle or (symbol in part and self._is_silent(stream)):
                await self._close(symbol)
        missing = [symbol for symbol in part if symbol not in self._streams]
        spare = sorted((s for s in self._streams if s not in part), key=lambda s: self._streams[s].asked)
        for symbol in spare[: max(len(self._streams) + len(missing) - LINES_MAX, 0)]:
            await self._close(symbol)
        for symbol in missing:
            self._streams[symbol] = await self._open(part[symbol], connection)
        for symbol in part:
            self._streams[symbol].asked = loop.time()
        return {symbol: self._streams[symbol] for symbol in part}

    async def _open(self, listed: Listed, connection: "Connection") -> Stream:
        from ib_async.contract import Contract

        line = self._session.market
        if self._delayed_over == connection.session:
            await line.turn()
            connection.client.reqMarketDataType(DELAYED_TYPE)
        await line.turn()
        if self._session.market.live() is not connection or not connection.is_ready:
            raise Temporary("the connection to the gateway has ended; ask again")
        number = connection.client.getReqId()
        told = self._session.ticks.expect(number)
        answer = connection.ear.expect(number)
        # Whether it was refused is looked up when somebody asks; nobody waits for it.
        answer.add_done_callback(lambda done: done.cancelled() or done.exception())
        contract = Contract(conId=listed.asset.con_id, exchange=listed.asset.exchange)
        connection.client.reqMktData(number, contract, "", False, False, [])
        now = self._session.clock.now()
        at = asyncio.get_running_loop().time()
        return Stream(number, told, connection, now, at, at, answer)

    async def _close(self, symbol: str) -> None:
        stream = self._streams.pop(symbol)
        self._session.ticks.forget(stream.number)
        stream.connection.ear.forget(stream.number)
        if stream.connection.is_ready and not _refused(stream):
            await self._session.market.turn()
            if stream.connection.is_ready:
                stream.connection.client.cancelMktData(stream.number)

    async def _wait(self, part: Mapping[str, Listed], streams: Mapping[str, Stream]) -> bool:
        """Wait until each is told or time is up; True where live data are refused and delayed ones are to be asked."""
        loop = asyncio.get_running_loop()
        # What has shown nothing since it was opened is waited for once, not each time that it is asked for.
        while any(
            loop.time() - stream.since < QUOTE_SECONDS and not _is_over(stream) and not _is_told(part[symbol], stream)
            for symbol, stream in streams.items()
        ):
            await asyncio.sleep(LOOK_SECONDS)
        refused = {symbol: code for symbol, stream in streams.items() if (code := _refused(stream))}
        for symbol in refused:
            await self._close(symbol)
        wants_delayed = [s for s, code in refused.items() if code in NO_RIGHT]
        if wants_delayed and self._delayed_over != self._session.market.live().session:
            self._delayed_over = self._session.market.live().session
            return True
        return False

    def _is_silent(self, stream: Stream) -> bool:
        times = [at for _value, at in stream.told.fields.values()]
        return self._session.clock.now() - max((*times, stream.opened)) > SILENT

    def _price(self, symbol: str, told: Told) -> LivePrice | None:
        bid, ask, last = (told.value(name) for name in ("bid", "ask", "last"))
        price = _between(bid, ask, last)
        if price is None:
            return None
        return LivePrice(
            price=price, as_of=self._as_of(symbol, told, has_sides=bid is not None and ask is not None), bid=bid,
            ask=ask, delayed=told.delayed, quality=Quality.SYNTHETIC if self._session.simulated else Quality.REAL,
        )  # fmt: skip

    def _as_of(self, symbol: str, told: Told, *, has_sides: bool) -> datetime:
        """When it last moved. An image that is told anew and says the same as before is no younger than before."""
        now = self._session.clock.now()
        values = tuple(told.value(name) for name in _WATCHED)
        known = self._last.get(symbol)
        if known is None or known.values != values or known.since > now:
            at = max((at for name, (_value, at) in told.fields.items() if name in _WATCHED), default=now)
            known = self._last[symbol] = _Last(values, min(at, now))
        traded = told.as_of if told.value("last_time") is not None else None
        if told.delayed:
            return min(traded or known.since - DELAY, now)
        if traded is not None and not has_sides:
            return min(traded, now)
        return known.since


def _between(bid: Decimal | None, ask: Decimal | None, last: Decimal | None) -> Decimal | None:
    """The last price where it lies in the spread, else the middle of it; what there is where one side is missing."""
    if bid is None or ask is None:
        return last
    if last is not None and bid <= last <= ask:
        return last
    return (bid + ask) / 2


def _is_told(listed: Listed, stream: Stream) -> bool:
    names = ("last",) if listed.asset.sec_type in _NO_SIDES else ("bid", "ask")
    return all(stream.told.value(name) is not None for name in names)


def _is_over(stream: Stream) -> bool:
    return stream.connection.broken.is_set() or bool(_refused(stream))


def _refused(stream: Stream) -> int:
    """The code with which the venue refused the line; 0 where it did not."""
    if not stream.answer.done() or stream.answer.cancelled():
        return 0
    error = stream.answer.exception()
    return error.shown.code if isinstance(error, Refused) else 0
