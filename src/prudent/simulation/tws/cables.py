"""Sockets between two loops: bytes arrive in order, a while later, sometimes much later, sometimes cut off."""

import asyncio
from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial
from typing import Any
from zlib import crc32

from prudent.simulation.faults import Weather
from prudent.simulation.tws.loops import Loops, SteppedLoop

REFUSED_SECONDS = 0.001


class End(asyncio.Transport):
    """One side of a connection."""

    def __init__(self, cables: "Cables", loop: SteppedLoop, protocol: Any, name: str) -> None:
        super().__init__()
        self.name = name
        self.other: End
        self._cables = cables
        self.loop = loop
        self._protocol = protocol
        self._closing = False
        self._finished = False

    # What asyncio and the client library ask of a transport

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        del name
        return default

    def write(self, data: bytes | bytearray | memoryview) -> None:
        if not self._closing:
            self.loop.overhears(self.name, bytes(data))
            self._cables.carry(self, bytes(data))

    def get_write_buffer_size(self) -> int:
        return 0

    def can_write_eof(self) -> bool:
        return True

    def write_eof(self) -> None:
        if not self._closing:
            self._finish()

    def is_closing(self) -> bool:
        return self._closing

    def close(self) -> None:
        if not self._closing:
            self._finish()
            self._gone(None)

    def abort(self) -> None:
        if not self._closing:
            self._finish()
            self._gone(ConnectionResetError("the connection was reset"))

    # What becomes of it

    def taken_back(self, *, seconds: float = 0.0) -> None:
        """The operating system closes it after the end of its process, of which nobody here hears."""
        if not self._closing:
            self._closing = True
            self._finish(seconds)

    def _finish(self, seconds: float = 0.0) -> None:
        if not self._finished:
            self._finished = True
            self._cables.carry(self, b"", seconds=seconds)

    def _gone(self, error: Exception | None) -> None:
        self._closing = True
        self.loop.call_soon(self._protocol.connection_lost, error)

    def arrives(self, data: bytes) -> None:
        """What the other side wrote; nothing is its end."""
        if self._closing:
            return
        if data:
            self.loop.hears(self.name, data)
            self.loop.call_soon(self._protocol.data_received, data)
        else:
            self.loop.call_soon(self._ended)

    def _ended(self) -> None:
        if not self._closing and not self._protocol.eof_received():
            self.close()

    def cut(self) -> None:
        """The connection broke under it: both sides hear of an error."""
        if not self._closing:
            self._finished = True
            self._gone(ConnectionResetError("the connection was reset"))


class Port:
    """Who listens; as much of `asyncio.Server` as the paper gateway uses."""

    def __init__(self, cables: "Cables", number: int) -> None:
        self._cables = cables
        self._number = number
        self.sockets = (self,)

    def getsockname(self) -> tuple[str, int]:
        """The address, of the one socket that there is."""
        return "127.0.0.1", self._number

    def close(self) -> None:
        self._cables.ports.pop(self._number, None)

    async def wait_closed(self) -> None:
        """Nothing is left to wait for."""


class Cables:
    """Implements `Lines` with delays of one seed; every piece that arrives is in the trace by its length and sum."""

    def __init__(self, loops: Loops, weather: Weather, *, delay: float) -> None:
        self.ports: dict[int, tuple[SteppedLoop, Callable[[], asyncio.BaseProtocol]]] = {}
        self._loops = loops
        self._timeline = loops.timeline
        self._weather = weather
        self._delay = delay
        self._ends: list[End] = []
        self._free: dict[End, datetime] = {}
        self._count = 0

    def listen(self, loop: SteppedLoop, factory: Callable[[], asyncio.BaseProtocol], port: int) -> Port:
        if port in self.ports:
            raise OSError(f"port {port} is in use")
        self.ports[port] = loop, factory
        return Port(self, port)

    async def open(self, loop: SteppedLoop, protocol: asyncio.BaseProtocol, port: int) -> asyncio.Transport:
        await asyncio.sleep(max(self._delay, REFUSED_SECONDS))
        found = self.ports.get(port)
        if found is None or found[0].ended:
            raise ConnectionRefusedError(f"nothing listens on port {port}")
        self._count += 1
        there = found[1]()
        near = End(self, loop, protocol, f"{loop.name}>{self._count}")
        far = End(self, found[0], there, f"{found[0].name}>{self._count}")
        near.other, far.other = far, near
        self._ends += [near, far]
        protocol.connection_made(near)
        found[0].call_soon(there.connection_made, far)
        return near

    def of(self, loop: SteppedLoop) -> tuple[End, ...]:
        """The open ends of a program."""
        self._ends = [each for each in self._ends if not each.is_closing()]
        return tuple(each for each in self._ends if each.loop is loop)

    def carry(self, sender: End, data: bytes, *, seconds: float = 0.0) -> None:
        """Bring it to the other side, behind what is under way."""
        wait = self._delay + seconds
        if data and self._weather.strikes("link_slow"):
            wait += self._weather.seconds(0.1, 25.0)
        now = self._timeline.now
        moment = max(now + timedelta(seconds=wait), self._free.get(sender, now))
        self._free[sender] = moment
        cut = bool(data) and self._weather.strikes("link_cut")
        bring = partial(self._break if cut else self._bring, sender, data)
        self._timeline.at(moment, f"{sender.name} {len(data)} {crc32(data):08x}", bring)

    def _bring(self, sender: End, data: bytes) -> None:
        sender.other.arrives(data)
        self._loops.settle()

    def _break(self, sender: End, data: bytes) -> None:
        sender.other.arrives(data[: len(data) // 2])
        sender.other.cut()
        sender.cut()
        self._loops.settle()
