"""The bench of the Interactive Brokers broker: the paper gateway on a socket, with hand-made prices and books."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal

from tests.contract.broker import Bench, hand_market
from tests.contract.broker_fakes import NOON, HandClock, HandMarket

from prudent.brokers.ibkr.broker import IbkrBroker
from prudent.brokers.ibkr.reads import TRAITS
from prudent.brokers.ibkr.session import IbkrSession, Login
from prudent.brokers.ibkr.states import Address
from prudent.brokers.ibkr.words import Style
from prudent.domain.spelling import spelled
from prudent.exchange.paper.books import Holding, Purse, Row
from prudent.exchange.paper.words import Contract, Top
from prudent.gateway.market.details import Query
from prudent.gateway.market.market import PaperMarket
from prudent.gateway.market.series import SampleHistory
from prudent.gateway.paper import Aside, Paper
from prudent.gateway.store import FloorStore
from prudent.marketdata.calendars import ExchangeCalendar

D = Decimal
ACCOUNTS = {"acc": "DU1000001", "margin": "DU1000002"}
CLIENT_ID = 11
BEAT_SECONDS = 0.01
HALF_SPREAD = D("0.01")


class HandPrices(PaperMarket):
    """The paper market with the prices of a hand market; what that does not know has none."""

    hand: HandMarket
    clock: HandClock

    def top(self, con_id: int) -> Top | None:
        found = self.details(con_id)
        quote = None if found is None else self.hand.prices.get(found.contract.symbol)
        if quote is None or quote.price is None:
            return None
        return Top(
            con_id=con_id, time=self.clock.at, bid=quote.bid or quote.price - HALF_SPREAD,
            ask=quote.ask or quote.price + HALF_SPREAD, last=quote.price, bid_size=D(10_000), ask_size=D(10_000),
            close=quote.price,
        )  # fmt: skip

    def contract(self, symbol: str) -> Contract:
        found = next(each for each in self.find(Query(symbol=symbol, sec_type="STK")) if each.contract.symbol == symbol)
        return found.contract


@dataclass
class Floor:
    """A running gateway, and brokers that are connected to it; `client_id` counts up for each."""

    paper: Paper
    aside: Aside
    market: HandMarket
    clock: HandClock
    stack: ExitStack
    client_id: int = CLIENT_ID
    brokers: list[IbkrBroker] = field(default_factory=list)

    def connect(self, *, client_id: int | None = None, style: Style = Style.MARKET) -> IbkrBroker:
        """Another connection, as another process would have it, unless it takes the client id of the first."""
        if client_id is None:
            client_id, self.client_id = self.client_id, self.client_id + 10
        login = Login(
            address=Address(host="127.0.0.1", port=self.aside.port), client_id=client_id, accounts=ACCOUNTS
        )  # fmt: skip
        broker = IbkrBroker(
            IbkrSession(login, self.clock), style_of=lambda account: style, traits=TRAITS,
            patience=lambda seconds: min(seconds, 0.2),
        )  # fmt: skip
        self.stack.callback(broker.session.close)
        self.brokers.append(broker)
        return broker

    def bench(self) -> Bench:
        broker = self.connect()
        return Bench(broker, broker, self.market, self.clock, connect=self.connect)


@contextmanager
def gateway(at: datetime = NOON) -> Iterator[Floor]:
    """The paper gateway in a thread: `acc` has 10,000.00 USD and 20 AAPL at 90, `margin` 10,000.00 USD."""
    clock, hand = HandClock(at=at), hand_market()
    calendar = ExchangeCalendar()
    market = HandPrices(clock, calendar, SampleHistory())
    market.hand, market.clock = hand, clock
    store = FloorStore(":memory:")
    store.write(_books(market.contract("AAPL"), at))
    paper = Paper(
        clock, market, store=store, accounts={each: D(10_000) for each in ACCOUNTS.values()},
        beat_seconds=BEAT_SECONDS,
    )  # fmt: skip
    with Aside(paper) as aside, ExitStack() as stack:
        yield Floor(paper, aside, hand, clock, stack)
    store.close()


def _books(held: Contract, at: datetime) -> list[Row]:
    purses = [
        Purse(account=account, cash={"USD": D(10_000)}, day=at.date().isoformat(), opening_equity=D(10_000))
        for account in ACCOUNTS.values()
    ]
    holding = Holding(account=ACCOUNTS["acc"], contract=held, quantity=D(20), cost=D(1800), base=D(2000))
    return [
        *(Row(kind="account", key=each.account, body=spelled(each)) for each in purses),
        Row(kind="holding", key=f"{holding.account}/{held.con_id}", body=spelled(holding)),
    ]
