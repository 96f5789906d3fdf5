"""Market data over a paper gateway: a server on the sample's prices at a test's clock, and sessions that are closed."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import cache
from pathlib import Path

import pytest

from prudent.brokers.ibkr import quotes
from prudent.brokers.ibkr.market import IbkrFeed
from prudent.brokers.ibkr.session import IbkrSession, Login
from prudent.brokers.ibkr.states import Address
from prudent.gateway.market.market import PaperMarket
from prudent.gateway.market.series import SampleHistory
from prudent.gateway.paper import Aside, Paper
from prudent.marketdata.calendars import ExchangeCalendar
from prudent.marketdata.ibkr import IbkrMarket
from prudent.marketdata.instruments import InstrumentMaster
from prudent.ports import Clock

VENUE_ACCOUNT = "DU1234567"
CALENDAR = ExchangeCalendar()
# Two months of history: a test needs no more, and each day of it is made second by second.
SESSIONS = 45


@cache
def history() -> SampleHistory:
    return SampleHistory()


@cache
def instruments() -> InstrumentMaster:
    return InstrumentMaster()


@contextmanager
def patient() -> Iterator[None]:
    """A quote is waited for however slow the machine is: what is shown at all is shown in the end."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(quotes, "QUOTE_SECONDS", 60.0)
        yield


class PricesOverGateways:
    """Opens gateways and sessions with them, each for one clock, until the block ends."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._open = ExitStack()
        self._count = 0
        self.sessions: list[IbkrSession] = []
        self.papers: list[Paper] = []

    def __enter__(self) -> "PricesOverGateways":
        self._open.enter_context(patient())
        return self

    def __exit__(self, *_: object) -> None:
        self._open.close()

    def gateway(self, clock: Clock) -> int:
        """The port of a new gateway at that clock."""
        paper = Paper(clock, PaperMarket(clock, CALENDAR, history(), instruments=instruments()), beat_seconds=0)
        self.papers.append(paper)
        return self._open.enter_context(Aside(paper)).port

    def session(self, clock: Clock, port: int) -> IbkrSession:
        login = Login(address=Address(host="127.0.0.1", port=port), client_id=11, accounts={"main": VENUE_ACCOUNT})
        session = IbkrSession(login, clock)
        self._open.callback(session.close)
        self.sessions.append(session)
        return session

    def feed(self, clock: Clock) -> IbkrFeed:
        return IbkrFeed(self.session(clock, self.gateway(clock)), instruments=instruments())

    def market(self, clock: Clock) -> IbkrMarket:
        """A source over a gateway of its own, with a cache of its own."""
        self._count += 1
        return IbkrMarket(clock, CALENDAR, self.feed(clock), self._folder / str(self._count), sessions=SESSIONS)
