"""The paper gateway as a whole: its memory, market, clock and socket, and a thread that runs it beside others."""

import asyncio
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import CancelledError, Future, ThreadPoolExecutor
from contextlib import suppress
from decimal import Decimal
from typing import Self, TypeVar

from prudent.exchange.paper.floor import Floor
from prudent.gateway.admin import Admin
from prudent.gateway.bent import Bent
from prudent.gateway.faults import Faults
from prudent.gateway.house import House
from prudent.gateway.market.market import PaperMarket
from prudent.gateway.server import BEAT_SECONDS, LOOPBACK, PORT, Server
from prudent.gateway.store import FloorStore
from prudent.ports import Clock

T = TypeVar("T")
START_SECONDS, CALL_SECONDS = 30.0, 30.0
ACCOUNTS: Mapping[str, Decimal] = {"DU1234567": Decimal(1_000_000)}


class Paper:
    """Accounts, orders and trades of a store, on a market, behind a socket. `serve` runs it in the calling loop.

    With an `admin_port` (0 for any free one) it also takes orders about itself there; `faults` is the same from inside.
    """

    def __init__(
        self, clock: Clock, market: PaperMarket, *, store: FloorStore | None = None,
        accounts: Mapping[str, Decimal] = ACCOUNTS, beat_seconds: float = BEAT_SECONDS,
        admin_port: int | None = None,
    ) -> None:  # fmt: skip
        self.clock = clock
        self.faults = Faults(clock.now)
        bent = Bent(market, self.faults)
        if store is None:
            self.floor = Floor(bent, accounts, clock.now())
        else:
            self.floor = Floor(bent, accounts, clock.now(), rows=store.rows(), keep=store.write)
        self.market = market
        self.house = House(self.floor, market, clock.now, bent=bent)
        self.server = Server(self.house, beat_seconds=beat_seconds)
        self.admin = None if admin_port is None else Admin(self)
        self._admin_port = admin_port

    async def serve(self, host: str = LOOPBACK, port: int = PORT, *, ready: Callable[[], None] = lambda: None) -> None:
        """Listens until it is cancelled; `ready` is called once clients can connect.

        Raises:
            InputError: the address cannot be listened on.
            StoreError: what happened cannot be kept; clients were not told of it.
        """
        try:
            await self.server.start(host, port)
            if self.admin is not None:
                await self.admin.start(self._admin_port or 0, host)
            ready()
            await self.server.run()
        finally:
            if self.admin is not None:
                await self.admin.stop()
            await self.server.stop()


class Aside:
    """A paper gateway in a thread of its own, while the block runs; `call` does something in its loop."""

    def __init__(self, paper: Paper, *, host: str = LOOPBACK, port: int = 0) -> None:
        self.paper = paper
        self._address = (host, port)
        self._ready = threading.Event()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._task: asyncio.Task[None] | None = None
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="paper-gateway")
        self._end: Future[None] | None = None

    @property
    def port(self) -> int:
        return self.paper.server.port

    def __enter__(self) -> Self:
        self._end = self._thread.submit(asyncio.run, self._serve())
        self._end.add_done_callback(lambda _: self._ready.set())
        self._ready.wait(START_SECONDS)
        if self._end.done():
            self._end.result()
        return self

    def __exit__(self, *_: object) -> None:
        assert self._end is not None
        if self._loop is not None and self._task is not None and not self._end.done():
            self._loop.call_soon_threadsafe(self._task.cancel)
        with suppress(asyncio.CancelledError, CancelledError):
            self._end.result(START_SECONDS)
        self._thread.shutdown()

    def call(self, do: Callable[[], T]) -> T:
        """What `do` gives, done in the gateway's loop between two messages."""
        if self._loop is None:
            raise RuntimeError("the gateway can be called while it runs")

        async def done() -> T:
            return do()

        return asyncio.run_coroutine_threadsafe(done(), self._loop).result(CALL_SECONDS)

    async def _serve(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._task = asyncio.current_task()
        await self.paper.serve(*self._address, ready=self._ready.set)
