"""A client that is only bytes: what it sends to a house, and the answers it gets, without a socket."""

import asyncio
from collections.abc import Sequence
from datetime import timedelta
from decimal import Decimal
from typing import Any, cast

from tests.gateway_homes import ACCOUNT, calendar, history, open_time

from prudent.gateway import wire
from prudent.gateway.codec.answers import ANSWERS
from prudent.gateway.codec.requests import REQUESTS
from prudent.gateway.codec.rows import Values, decode, encode
from prudent.gateway.market.market import PaperMarket
from prudent.gateway.pace import StepPace
from prudent.gateway.paper import Paper
from prudent.gateway.session import Session

FARMS = (2104, 2106, 2158)
Answer = tuple[str, Values]
_ANSWERS = {table.id: table for table in ANSWERS.values()}
_REQUESTS = {table.name: table for table in REQUESTS.values()}


def paper(accounts: Sequence[str] = (ACCOUNT,)) -> Paper:
    """A gateway half an hour into the sample's last session, that nobody listens for."""
    clock = StepPace(open_time() + timedelta(minutes=30))
    market = PaperMarket(clock, calendar(), history())
    return Paper(clock, market, accounts=dict.fromkeys(accounts, Decimal(1_000_000)), beat_seconds=0)


def hello(versions: str = "v157..178") -> bytes:
    return wire.PREFIX + wire.LENGTH.pack(len(versions)) + versions.encode()


def request(name: str, version: int = 178, **values: Any) -> bytes:
    return wire.frame(encode(_REQUESTS[name], values, version))


def started(client_id: int = 7) -> bytes:
    return hello() + request("startApi", clientId=client_id)


class Pipe:
    """The writing end of a connection: keeps what is written."""

    def __init__(self) -> None:
        self.written = b""
        self.closed = False
        self.transport = self
        self.backlog = 0

    def write(self, data: bytes) -> None:
        self.written += data

    def is_closing(self) -> bool:
        return self.closed

    def close(self) -> None:
        self.closed = True

    abort = close

    def get_write_buffer_size(self) -> int:
        return self.backlog

    async def drain(self) -> None:
        await asyncio.sleep(0)


def session_of(home: Paper) -> tuple[Session, asyncio.StreamReader, Pipe]:
    reader, pipe = asyncio.StreamReader(), Pipe()
    return Session(home.house, reader, cast(asyncio.StreamWriter, pipe)), reader, pipe


def talk(home: Paper, *sent: bytes) -> tuple[list[Answer], Pipe]:
    """Everything that is answered to what was sent, the handshake's frame left out."""

    async def run() -> Pipe:
        session, reader, pipe = session_of(home)
        reader.feed_data(b"".join(sent))
        reader.feed_eof()
        await session.serve()
        return pipe

    pipe = asyncio.run(run())
    return answers(pipe.written)[1], pipe


def answers(written: bytes) -> tuple[list[str], list[Answer]]:
    """The handshake's fields, and every message after it by name."""
    frames = []
    while written:
        size = wire.length(written[:4])
        frames.append(wire.split(written[4 : 4 + size]))
        written = written[4 + size :]
    if not frames:
        return [], []
    shook, *rest = frames
    version = int(shook[0])
    tables = [_ANSWERS[int(fields[0])] for fields in rest]
    return shook, [(table.name, decode(table, fields, version)) for table, fields in zip(tables, rest)]


def errors(said: Sequence[Answer]) -> list[tuple[int, int]]:
    """Code and key of each error but the greetings of the data farms."""
    found = [(each["code"], each["reqId"]) for name, each in said if name == "error"]
    return [(code, key) for code, key in found if code not in FARMS]
