"""Loops and cables on virtual time: nothing waits, bytes keep their order, a killed program runs no more."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from random import Random

import pytest

from prudent.domain.errors import Temporary
from prudent.simulation.faults import CALM, Weather
from prudent.simulation.timeline import Timeline, Trace
from prudent.simulation.truth import Violation
from prudent.simulation.tws.cables import Cables
from prudent.simulation.tws.loops import Loops, SteppedCaller, SteppedLoop

START = datetime(2022, 11, 28, 15, tzinfo=UTC)
PORT = 4102
DELAY = 0.25


class Room:
    """Two programs, a cable between them, and a caller who waits in the first one."""

    def __init__(self) -> None:
        self.timeline = Timeline(START, Trace())
        self.loops = Loops(self.timeline)
        self.cables = Cables(self.loops, Weather(Random(0), CALM, self.timeline.trace), delay=DELAY)
        self.frozen = False
        self.client = SteppedLoop("client", self.loops, self.cables, stands_still=lambda: self.frozen)
        self.server = SteppedLoop("server", self.loops, self.cables)
        self.passed: list[datetime] = []
        self.caller = SteppedCaller("the room", self.client, self.loops, self._between)
        self.between: Callable[[], None] = lambda: None

    def _between(self) -> None:
        self.passed.append(self.timeline.now)
        self.between()

    @property
    def seconds(self) -> float:
        return (self.timeline.now - START) / timedelta(seconds=1)

    def echo(self) -> None:
        """A server that answers each line with the same in capitals."""

        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            while line := await reader.readline():
                writer.write(line.upper())
            writer.close()

        self.server.create_task(self._listen(serve))
        self.loops.settle()

    async def _listen(self, serve: Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]) -> None:
        await asyncio.start_server(serve, "127.0.0.1", PORT)


class Hearing(asyncio.Protocol):
    """Keeps what it hears, and how it ended."""

    def __init__(self) -> None:
        self.heard = b""
        self.ended: list[Exception | None] = []
        self.transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        self.heard += data

    def connection_lost(self, exc: Exception | None) -> None:
        self.ended.append(exc)


@pytest.fixture
def room() -> Room:
    return Room()


async def _connect(hearing: Hearing) -> None:
    await asyncio.get_running_loop().create_connection(lambda: hearing, "127.0.0.1", PORT)


def connected(room: Room) -> Hearing:
    hearing = Hearing()
    room.echo()
    room.caller.call(lambda: _connect(hearing), 5.0)
    return hearing


def test_a_sleep_takes_the_worlds_time_and_nobody_elses(room: Room) -> None:
    async def sleep() -> float:
        await asyncio.sleep(3600.0)
        return asyncio.get_running_loop().time()

    assert room.caller.call(sleep, 4000.0) == 3600.0
    assert room.seconds == 3600.0
    assert room.passed != []


def test_what_takes_too_long_is_cancelled_when_its_seconds_are_over(room: Room) -> None:
    ended = []

    async def forever() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            ended.append(room.seconds)

    with pytest.raises(Temporary, match="within 5 s"):
        room.caller.call(forever, 5.0)
    assert ended == [5.0]


def test_bytes_arrive_in_their_order_after_the_delay_of_the_cable(room: Room) -> None:
    hearing = connected(room)
    assert hearing.transport is not None
    began = room.seconds
    hearing.transport.write(b"one\ntwo\n")
    hearing.transport.write(b"three\n")
    room.timeline.seconds(2 * DELAY - 0.001)
    assert hearing.heard == b""
    room.timeline.seconds(0.002)
    assert hearing.heard == b"ONE\nTWO\nTHREE\n"
    assert room.seconds - began == pytest.approx(2 * DELAY + 0.001)


def test_a_port_where_nobody_listens_refuses(room: Room) -> None:
    with pytest.raises(ConnectionRefusedError):
        room.caller.call(lambda: _connect(Hearing()), 5.0)


def test_a_program_that_ends_is_heard_of_as_an_end_of_the_connection(room: Room) -> None:
    hearing = connected(room)
    for end in room.cables.of(room.server):
        end.taken_back()
    room.server.end()
    room.timeline.seconds(DELAY)
    assert hearing.ended == [None]
    with pytest.raises(ConnectionRefusedError):
        room.caller.call(lambda: _connect(Hearing()), 5.0)


def test_a_killed_program_runs_nothing_any_more(room: Room) -> None:
    ran = []

    async def later() -> None:
        await asyncio.sleep(1.0)
        ran.append(1)

    room.client.create_task(later())
    room.loops.settle()
    room.client.end()
    room.timeline.seconds(10.0)
    assert ran == []
    with pytest.raises(Temporary, match="is closed"):
        room.caller.call(later, 5.0)


def test_what_stands_still_does_what_was_due_when_it_goes_on(room: Room) -> None:
    ran = []
    room.client.call_later(1.0, lambda: ran.append(room.seconds))
    room.frozen = True
    room.timeline.seconds(30.0)
    assert ran == []
    room.frozen = False
    room.loops.settle()
    assert ran == [30.0]


def test_a_caller_may_be_ended_wherever_time_passes_and_others_call_meanwhile(room: Room) -> None:
    async def nothing() -> str:
        await asyncio.sleep(0.5)
        return "done"

    answers: list[str] = []

    def other() -> None:
        room.between = lambda: None
        answers.append(room.caller.call(nothing, 5.0))

    room.between = other
    assert room.caller.call(nothing, 5.0) == "done"
    assert answers == ["done"]

    def die() -> None:
        raise KeyboardInterrupt

    room.between = die
    with pytest.raises(KeyboardInterrupt):
        room.caller.call(nothing, 5.0)


def test_a_callback_that_fails_is_a_finding(room: Room) -> None:
    def broken() -> None:
        raise ValueError("planted here")

    room.client.call_soon(broken)
    with pytest.raises(ValueError, match="planted here"):
        room.loops.settle()


def test_what_never_comes_to_rest_is_a_finding(room: Room) -> None:
    def again() -> None:
        room.client.call_soon(again)

    room.client.call_soon(again)
    with pytest.raises(Violation, match="client does not come to rest"):
        room.loops.settle()
