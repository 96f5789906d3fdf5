"""A paper gateway for tests: on a port of its own in a thread, on the sample's market, at a clock that is stepped."""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from contextlib import asynccontextmanager, contextmanager
from datetime import datetime, timedelta
from decimal import Decimal
from functools import cache
from typing import Any, TypeVar

from ib_async import IB, Contract, Stock

from prudent.gateway.market.market import PaperMarket
from prudent.gateway.market.series import SampleHistory
from prudent.gateway.pace import StepPace
from prudent.gateway.paper import Aside, Paper
from prudent.gateway.store import FloorStore
from prudent.marketdata.calendars import ExchangeCalendar

T = TypeVar("T")
ACCOUNT = "DU1234567"
SECONDS_MAX = 10.0


@cache
def history() -> SampleHistory:
    return SampleHistory()


@cache
def calendar() -> ExchangeCalendar:
    return ExchangeCalendar()


def open_time() -> datetime:
    """The open of the sample's last session."""
    (last,) = calendar().sessions(history().last, history().last)
    return last.open


class StepGateway:
    """A running gateway whose clock stands half an hour into the session until it is moved."""

    def __init__(self, aside: Aside, clock: StepPace) -> None:
        self.aside = aside
        self.clock = clock
        self.paper = aside.paper
        self.port = aside.port

    def step(self, seconds: float) -> None:
        """Lets that much market time pass at once."""
        self.aside.call(lambda: self._step(timedelta(seconds=seconds)))

    def step_to(self, moment: datetime) -> None:
        self.aside.call(lambda: self._step(moment - self.clock.now()))

    def beat(self) -> None:
        self.aside.call(self.paper.house.beat)

    def _step(self, by: timedelta) -> None:
        self.clock.move_to(self.clock.now() + by)
        self.paper.house.beat()


@contextmanager
def step_gateway(
    *, store: FloorStore | None = None, at: datetime | None = None, accounts: dict[str, Decimal] | None = None
) -> Iterator[StepGateway]:
    clock = StepPace(at or open_time() + timedelta(minutes=30))
    market = PaperMarket(clock, calendar(), history())
    paper = Paper(clock, market, store=store, accounts=accounts or {ACCOUNT: Decimal(1_000_000)}, beat_seconds=0)
    with Aside(paper) as aside:
        yield StepGateway(aside, clock)


@asynccontextmanager
async def connected(port: int, client_id: int = 7, **options: Any) -> AsyncIterator[IB]:
    """The client library as it is installed, connected."""
    complaints = _Complaints()
    logger = logging.getLogger("ib_async.Decoder")
    logger.addHandler(complaints)
    ib = IB()
    ib.RequestTimeout = SECONDS_MAX
    await ib.connectAsync("127.0.0.1", port, clientId=client_id, timeout=SECONDS_MAX, raiseSyncErrors=True, **options)
    try:
        yield ib
    finally:
        ib.disconnect()
        logger.removeHandler(complaints)
    assert complaints.said == []


async def stock_of(ib: IB, symbol: str = "AAPL") -> Contract:
    """The American listing of a stock, qualified."""
    (found,) = await ib.qualifyContractsAsync(Stock(symbol, "SMART", "USD"))
    assert isinstance(found, Contract)
    return found


class _Complaints(logging.Handler):
    """What the client library could not read."""

    def __init__(self) -> None:
        super().__init__()
        self.said: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.said.append(record.getMessage())


async def until(holds: Callable[[], Any], seconds: float = SECONDS_MAX) -> None:
    """Waits for something to be true; fails after a while."""
    async with asyncio.timeout(seconds):
        while not holds():
            await asyncio.sleep(0.002)


def played(story: Coroutine[Any, Any, T]) -> T:
    """Runs a story of the client to its end, in a loop of its own."""
    return asyncio.run(asyncio.wait_for(story, 6 * SECONDS_MAX))
