"""Stands between clients and somebody's own gateway: passes every frame on as it is, and keeps a masked copy."""

import asyncio
from contextlib import suppress

from prudent.domain.errors import InputError, Temporary
from prudent.gateway import wire
from prudent.gateway.codec.rows import CEILING, FLOOR
from prudent.gateway.conversation import Recorder, Speaker

LOOPBACK = "127.0.0.1"
HELLO_SECONDS = 10.0


class Relay:
    """Listens on this machine only; each client gets a connection of its own to the gateway behind.

    Both sides are held to the versions that the tables know, so that everything on the line can be read.
    """

    def __init__(self, upstream: tuple[str, int], recorder: Recorder) -> None:
        self._upstream = upstream
        self._recorder = recorder
        self._server: asyncio.Server | None = None
        self._open: set[asyncio.Task[None]] = set()
        self._connections = 0
        self.failures: list[str] = []

    async def start(self, port: int) -> int:
        """Begin to listen; gives the port, which the system chooses for 0.

        Raises:
            InputError: the port is taken.
        """
        try:
            self._server = await asyncio.start_server(self._joined, LOOPBACK, port)
        except OSError as error:
            raise InputError(
                f"port {port} of {LOOPBACK} must be free, was not ({error.strerror}); stop what uses it or choose "
                "another with --port"
            ) from error
        return int(self._server.sockets[0].getsockname()[1])

    async def stop(self) -> None:
        """Hang up on everybody."""
        if self._server is not None:
            self._server.close()
        for task in tuple(self._open):
            task.cancel()
        await asyncio.gather(*self._open, return_exceptions=True)

    async def _joined(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.ensure_future(self._between(reader, writer))
        self._open.add(task)
        task.add_done_callback(self._open.discard)
        await asyncio.gather(task, return_exceptions=True)

    async def _between(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._connections += 1
        number, theirs = self._connections, None
        try:
            their_reader, theirs = await asyncio.open_connection(*self._upstream)
            version = await self._greet(number, (reader, writer), (their_reader, theirs))
            pumps = [
                asyncio.ensure_future(self._pump(number, Speaker.CLIENT, reader, theirs, version)),
                asyncio.ensure_future(self._pump(number, Speaker.GATEWAY, their_reader, writer, version)),
            ]
            try:
                await asyncio.wait(pumps, return_when=asyncio.FIRST_COMPLETED)
            finally:
                for pump in pumps:
                    pump.cancel()
                ended = await asyncio.gather(*pumps, return_exceptions=True)
            self.failures += [f"connection {number}: {each}" for each in ended if isinstance(each, wire.BadFrame)]
        except (OSError, EOFError, TimeoutError, wire.BadFrame, Temporary) as error:
            self.failures.append(f"connection {number}: {error}")
        finally:
            writer.close()
            if theirs is not None:
                theirs.close()

    async def _greet(
        self, number: int, client: tuple[asyncio.StreamReader, asyncio.StreamWriter],
        gateway: tuple[asyncio.StreamReader, asyncio.StreamWriter],
    ) -> int:  # fmt: skip
        """Pass the handshake on, cut to the versions that both this and the tables know; gives the agreed one."""
        async with asyncio.timeout(HELLO_SECONDS):
            if await client[0].readexactly(len(wire.PREFIX)) != wire.PREFIX:
                raise wire.BadFrame("the client does not speak the API of version 100 or later")
            low, high = wire.versions(await _frame(client[0]))
            low, high = max(low, FLOOR), min(high, CEILING)
            if low > high:
                raise wire.BadFrame(f"the client must speak one of {FLOOR} to {CEILING}")
            said = f"v{low}..{high}"
            # No zero byte ends this frame, unlike all that follow.
            gateway[1].write(wire.PREFIX + wire.LENGTH.pack(len(said)) + said.encode("ascii"))
            answer = await _frame(gateway[0])
        fields = wire.split(answer)
        if len(fields) != 2 or not fields[0].isdigit() or not low <= int(fields[0]) <= high:
            raise wire.BadFrame(f"the gateway must answer with a version of {low} to {high}, was {fields[0][:20]!r}")
        self._recorder.hello(number, Speaker.CLIENT, [said])
        self._recorder.hello(number, Speaker.GATEWAY, fields)
        client[1].write(wire.LENGTH.pack(len(answer)) + answer)
        return int(fields[0])

    async def _pump(
        self, number: int, speaker: Speaker, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, version: int
    ) -> None:
        with suppress(asyncio.IncompleteReadError, OSError):
            while True:
                payload = await _frame(reader)
                self._recorder.said(number, speaker, wire.split(payload), version)
                writer.write(wire.LENGTH.pack(len(payload)) + payload)
                await writer.drain()


async def _frame(reader: asyncio.StreamReader) -> bytes:
    return await reader.readexactly(wire.length(await reader.readexactly(wire.LENGTH.size)))
