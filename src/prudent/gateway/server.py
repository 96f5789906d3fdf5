"""The listening socket of the paper gateway: on this machine only, never beside somebody else on a port."""

import asyncio
import errno
import ipaddress
from collections.abc import Callable, Coroutine
from contextlib import suppress
from typing import Any

from prudent.domain.errors import DeskError, InputError
from prudent.gateway.house import House
from prudent.gateway.session import Session

PORT = 4002
LOOPBACK = "127.0.0.1"
BEAT_SECONDS = 0.25
STOP_SECONDS = 5.0


class Server:
    """Accepts clients of a house, and lets its market move every `beat_seconds`; 0 leaves that to whoever steps it."""

    def __init__(self, house: House, *, beat_seconds: float = BEAT_SECONDS) -> None:
        self._house = house
        self._beat_seconds = beat_seconds
        self._server: asyncio.Server | None = None
        self._talks: dict[asyncio.Task[None], Session] = {}
        self._beating: asyncio.Task[None] | None = None

    @property
    def port(self) -> int:
        """The port in use; useful where 0 was asked for."""
        if self._server is None:
            raise RuntimeError("the server has a port once it is started")
        return int(self._server.sockets[0].getsockname()[1])

    async def start(self, host: str = LOOPBACK, port: int = PORT) -> None:
        """Begins to listen.

        Raises:
            InputError: the address is not of this machine alone, or something else listens on the port.
        """
        self._server = await listen(self._welcome, host, port)
        if self._beat_seconds:
            self._beating = asyncio.create_task(self._beat())

    async def run(self) -> None:
        """Serves until it is cancelled; a failure of the market or the store ends it."""
        if self._beating is None:
            await asyncio.Event().wait()
        else:
            await self._beating

    async def stop(self) -> None:
        """Closes the port and every connection."""
        if self._server is not None:
            self._server.close()
        if self._beating is not None:
            self._beating.cancel()
            with suppress(asyncio.CancelledError, DeskError):
                await self._beating
        for session in self._talks.values():
            session.close()
        if self._talks:
            await asyncio.wait(self._talks, timeout=STOP_SECONDS)
        if self._server is not None:
            await self._server.wait_closed()

    async def _welcome(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        session = self._talks[task] = Session(self._house, reader, writer)
        try:
            await session.serve()
        finally:
            del self._talks[task]

    async def _beat(self) -> None:
        while True:
            await asyncio.sleep(self._beat_seconds)
            self._house.beat()


async def listen(
    welcome: Callable[[asyncio.StreamReader, asyncio.StreamWriter], Coroutine[Any, Any, None]], host: str, port: int,
    *, what: str = "the paper gateway", limit: int = 2**16,
) -> asyncio.Server:  # fmt: skip
    """Listens on this machine and nowhere else.

    Raises:
        InputError: the address is not of this machine alone, or something else listens on the port.
    """
    if not is_loopback(host):
        raise InputError(
            f"{what} listens on this machine only, was asked for {host}; use {LOOPBACK}, for whoever reaches the port "
            "can trade"
        )
    try:
        return await asyncio.start_server(welcome, host, port, limit=limit)
    except OSError as error:
        raise InputError(_why(error, host, port)) from error


def is_loopback(host: str) -> bool:
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _why(error: OSError, host: str, port: int) -> str:
    if error.errno == errno.EADDRINUSE:
        return (
            f"port {port} of {host} is in use, perhaps by a real gateway; stop that program, or choose another port "
            "with --port"
        )
    return f"cannot listen on {host}:{port}: {error.strerror or error}; choose another port with --port"
