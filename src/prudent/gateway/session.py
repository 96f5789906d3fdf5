"""One client's connection: handshake, what it asked to be told, and the messages between it and the gateway."""

import asyncio
import re
from collections import deque
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from prudent.domain.errors import DeskError
from prudent.gateway import wire
from prudent.gateway.codec.answers import ANSWERS
from prudent.gateway.codec.requests import REQUESTS, UNSERVED
from prudent.gateway.codec.rows import CEILING, FLOOR, Row, Table, Values, decode, encode
from prudent.gateway.replies import SIMULATED, stamp
from prudent.gateway.values import BadField

if TYPE_CHECKING:
    from prudent.gateway.house import House
    from prudent.gateway.streams import Streams

GREETING_SECONDS = 10.0
RATE_MAX = 50
"""Messages a second that a client may send on average; as many again may come at once."""
STRIKES_MAX = 3
BACKLOG_MAX = 8 * 1024 * 1024
BAD_REQUEST, UNKNOWN_MESSAGE, NOT_STARTED, ALREADY_STARTED = 320, 505, 504, 501
ID_IN_USE, TOO_FAST, NOT_PROCESSED = 326, 100, 322


@dataclass(slots=True)
class Pace:
    """Counts what a client sends: an allowance that fills with time, and the most in any one second."""

    allowance: float = float(RATE_MAX)
    seen: float = 0.0
    busiest: int = 0
    strikes: int = 0
    recent: deque[float] = field(default_factory=deque)

    def admits(self, moment: float) -> bool:
        """Counts a message at `moment` (seconds of any clock); False for one above the rate."""
        self.recent.append(moment)
        while moment - self.recent[0] >= 1.0:
            self.recent.popleft()
        self.busiest = max(self.busiest, len(self.recent))
        self.allowance = min(float(RATE_MAX), self.allowance + (moment - self.seen) * RATE_MAX)
        self.seen = moment
        if self.allowance < 1.0:
            self.strikes += 1
            return False
        self.allowance -= 1.0
        return True


class Session:
    """A connection from its first byte to its last; `say` may be called at any time in the gateway's loop."""

    def __init__(self, house: "House", reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.house = house
        self.version = CEILING
        self.client_id = -1
        self.pace = Pace()
        self._reader = reader
        self._writer = writer
        self._started = False
        self._caught: list[tuple[str, Mapping[str, Any]]] | None = None
        self.streams: Streams = house.streams_of(self)

    async def serve(self) -> None:
        """Talks until the client goes, breaks the protocol, or the gateway closes the connection."""
        try:
            with suppress(asyncio.IncompleteReadError, TimeoutError, OSError, wire.BadFrame):
                await self._talk()
        finally:
            self.house.leave(self)
            self.close()

    async def _talk(self) -> None:
        async with asyncio.timeout(GREETING_SECONDS):
            greeted = await self._greet()
        while greeted and not self._writer.is_closing():
            self._take(wire.split(await self._frame()))
            await self._writer.drain()
            # What has come already is read without waiting: others have a turn in between.
            await asyncio.sleep(0)

    def say(self, name: str, values: Mapping[str, Any]) -> None:
        """Sends one message of that name."""
        if self._caught is not None:
            self._caught.append((name, values))
            return
        if self._writer.is_closing():
            return
        self._writer.write(wire.frame(encode(ANSWERS[name], values, self.version)))
        if self._writer.transport.get_write_buffer_size() > BACKLOG_MAX:
            # A client that does not read would otherwise fill the memory.
            self._writer.transport.abort()

    @contextmanager
    def caught(self) -> Iterator[list[tuple[str, Mapping[str, Any]]]]:
        """What is said while the block runs is kept instead of sent."""
        kept: list[tuple[str, Mapping[str, Any]]] = []
        self._caught = kept
        try:
            yield kept
        finally:
            self._caught = None

    def refuse(self, code: int, text: str, key: int = -1) -> None:
        """Answers with an error; `key` is the request or order it is about, -1 for the connection."""
        self.say("error", {"reqId": key, "code": code, "message": text, "advanced": ""})

    def close(self) -> None:
        self._writer.close()

    async def _greet(self) -> bool:
        """The handshake; nothing may be sent after its answer until the client starts, or clients lose it."""
        if await self._reader.readexactly(len(wire.PREFIX)) != wire.PREFIX:
            return False
        low, high = wire.versions(await self._frame())
        if high < FLOOR or low > high:
            return False
        self.version = min(high, CEILING)
        shown = f"{stamp(self.house.now())} PaperGateway {SIMULATED}"
        self._writer.write(wire.frame([str(self.version), shown]))
        return True

    async def _frame(self) -> bytes:
        return await self._reader.readexactly(wire.length(await self._reader.readexactly(wire.LENGTH.size)))

    def _take(self, fields: list[str]) -> None:
        number = _whole(fields[0])
        table = REQUESTS.get(number)
        key = _key_of(table, fields, self.version) if table else _field(fields, UNSERVED.get(number, len(fields)))
        if not self.pace.admits(asyncio.get_running_loop().time()):
            self.refuse(TOO_FAST, f"Max rate of messages per second has been exceeded: max={RATE_MAX}", key)
            if self.pace.strikes >= STRIKES_MAX:
                self.close()
        elif table is None:
            text = f"Fatal Error: Unknown message id. The paper gateway does not serve {fields[0][:10]!r}"
            self.refuse(UNKNOWN_MESSAGE, text, key)
        else:
            try:
                said = decode(table, fields, self.version)
            except BadField as error:
                self.refuse(BAD_REQUEST, f"Error reading request. {error}", key)
            else:
                self._do(table, said, key)

    def _do(self, table: Table, said: Values, key: int) -> None:
        if table.name == "startApi" and self._started:
            self.refuse(ALREADY_STARTED, "Already connected")
        elif table.name == "startApi":
            self.house.effects.welcome(self, int(said["clientId"]))
        elif not self._started:
            self.refuse(NOT_STARTED, "Not connected: the first message must be startApi")
        else:
            try:
                self.house.effects.serve(self, table.name, said, key)
            except BadField as error:
                self.refuse(BAD_REQUEST, f"Error reading request. {error}", key)
            except DeskError as error:
                self.refuse(NOT_PROCESSED, f"Error processing request. {error}", key)

    def start(self, client_id: int, *, back: int = 0) -> None:
        """Lets the client in under its id; the first order id that it is offered lies so much `back`."""
        if self._writer.is_closing():
            # It has gone while it waited: an id that it took now nobody would give back.
            return
        if not self.house.enter(self, client_id):
            self.refuse(ID_IN_USE, "Unable connect as the client id is already in use. Retry with a unique client id.")
            self.close()
            return
        self.client_id = client_id
        self._started = True
        self.say("managedAccounts", {"accounts": "".join(f"{account}," for account in self.house.accounts)})
        self.say("nextValidId", {"orderId": max(self.house.next_order_id(client_id) - back, 1)})
        for code, text in _FARMS:
            self.refuse(code, text)


_FARMS = (
    (2104, f"Market data farm connection is OK:{SIMULATED}"),
    (2106, f"HMDS data farm connection is OK:{SIMULATED}"),
    (2158, f"Sec-def data farm connection is OK:{SIMULATED}"),
)


def _key_of(table: Table, fields: list[str], version: int) -> int:
    """The id that a request has even where the rest of it cannot be read."""
    present = (row for row in table.rows if row.since <= version <= row.until)
    for place, row in enumerate(present, start=1):
        if isinstance(row, Row) and row.name in ("reqId", "orderId"):
            return _field(fields, place)
    return -1


def _field(fields: list[str], place: int) -> int:
    return _whole(fields[place]) if place < len(fields) else -1


def _whole(text: str) -> int:
    return int(text) if _WHOLE.fullmatch(text) else -1


_WHOLE = re.compile(r"-?[0-9]{1,10}")
