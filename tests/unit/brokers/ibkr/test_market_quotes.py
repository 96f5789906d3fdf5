"""Quotes as streams: asked for once, renewed when silent, delayed where the venue says so, never younger than seen."""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from decimal import Decimal

import pytest
from tests.contract.broker_fakes import NOON, HandClock
from tests.contract.market_data_gateway import patient
from tests.unit.brokers.ibkr.fake_gateway import FakeGateway, Fields, Talk, listening

from prudent.brokers.ibkr import quotes as streams
from prudent.brokers.ibkr.quotes import Quotes
from prudent.brokers.ibkr.session import IbkrSession, Login
from prudent.brokers.ibkr.states import Address
from prudent.brokers.ibkr.words import Asset, Listed
from prudent.domain.errors import Temporary
from prudent.domain.quotes import LivePrice, Quality

ASKED, CANCELLED, KIND = 1, 2, 59
PRICE, ERROR, TEXT = 1, 4, 46
D = Decimal


def listed(con_id: int, sec_type: str = "STK") -> Listed:
    return Listed(asset=Asset(con_id=con_id, sec_type=sec_type, symbol="X", exchange="SMART"))


@dataclass(eq=False)
class Stage:
    gateway: FakeGateway
    session: IbkrSession
    clock: HandClock
    quotes: Quotes
    told: tuple[float, float, float] = (99.0, 101.0, 100.0)
    numbers: list[str] = field(default_factory=list)
    kind: str = "1"
    refuse: int = 0

    def ask(self, talk: Talk, fields: Fields) -> None:
        self.numbers.append(fields[2])
        if self.refuse and self.kind == "1":
            talk.say(ERROR, 2, fields[2], self.refuse, "Requested market data is not subscribed", "")
            return
        delayed = 65 if self.kind == "3" else 0
        for tick, price in zip((1, 2, 4), self.told):
            talk.say(PRICE, 6, fields[2], tick + delayed, price, 100, 0)

    def tell(self, tick: int, price: float) -> None:
        """A price on the latest line, and a moment until it was heard."""
        count = self.heard
        self.gateway.say(PRICE, 6, self.numbers[-1], tick, price, 100, 0)
        self.session.call(lambda: self.until(lambda: self.heard != count))

    async def until(self, holds: Callable[[], bool]) -> None:
        async with asyncio.timeout(20):
            while not holds():
                await asyncio.sleep(0.005)

    @property
    def heard(self) -> object:
        return [dict(told.fields) for told in self.session.ticks._told.values()]

    def latest(self, *symbols: str, sec_type: str = "STK") -> dict[str, LivePrice]:
        wanted = {symbol: listed(n, sec_type) for n, symbol in enumerate(symbols, 1)}

        async def work() -> dict[str, LivePrice]:
            await self.session.ready()
            await self.session.market.ready(5.0)
            return await self.quotes.latest(wanted)

        return self.session.call(work)

    def hang_up(self) -> None:
        """The market data's connection ends."""
        for talk in list(self.gateway.talks):
            if talk.client_id == 12:
                talk.request.shutdown(2)

    def later(self, seconds: float) -> None:
        self.clock.at += timedelta(seconds=seconds)


@contextmanager
def staged(**how: object) -> Iterator[Stage]:
    gateway, clock = FakeGateway(), HandClock()
    with listening(gateway) as here:
        login = Login(address=Address(host="127.0.0.1", port=here.port), client_id=11, accounts={"acc": "DU1"})
        session = IbkrSession(login, clock)
        stage = replace(Stage(gateway, session, clock, Quotes(session)), **how)  # type: ignore[arg-type]
        gateway.on = {ASKED: stage.ask, KIND: lambda _talk, fields: setattr(stage, "kind", fields[2])}
        try:
            yield stage
        finally:
            session.close()


@pytest.fixture(autouse=True)
def slow_machines_are_waited_for() -> Iterator[None]:
    with patient():
        yield


def test_a_quote_has_its_sides_and_the_time_at_which_it_was_heard() -> None:
    with staged() as stage:
        (price,) = stage.latest("AAPL").values()
    assert (price.bid, price.ask, price.price, price.as_of, price.delayed) == (D(99), D(101), D(100), NOON, False)
    # This gateway says that it is the simulated one.
    assert price.quality is Quality.SYNTHETIC


def test_a_last_price_outside_the_spread_gives_way_to_the_middle() -> None:
    with staged(told=(99.0, 101.0, 90.0)) as stage:
        assert stage.latest("AAPL")["AAPL"].price == D(100)


def test_an_index_needs_no_sides() -> None:
    with staged(told=(-1.0, -1.0, 22.5)) as stage:
        price = stage.latest("VIX", sec_type="IND")["VIX"]
    assert (price.price, price.bid, price.ask) == (D("22.5"), None, None)


def test_a_line_stays_open_and_is_read_again_without_asking() -> None:
    with staged() as stage:
        stage.latest("AAPL", "MSFT")
        stage.later(5)
        stage.tell(1, 99.5)
        prices = stage.latest("AAPL", "MSFT")
        assert stage.gateway.count(ASKED) == 2
    assert prices["MSFT"].bid == D("99.5")
    assert prices["MSFT"].as_of == NOON + timedelta(seconds=5)
    assert prices["AAPL"].as_of == NOON


def test_a_silent_line_is_asked_for_anew_and_the_same_image_is_no_younger() -> None:
    with staged() as stage:
        stage.latest("AAPL")
        stage.later(60)
        again = stage.latest("AAPL")["AAPL"]
        assert (stage.gateway.count(ASKED), stage.gateway.count(CANCELLED)) == (2, 1)
        assert again.as_of == NOON
        stage.told = (99.0, 101.0, 100.25)
        stage.later(60)
        moved = stage.latest("AAPL")["AAPL"]
    assert (moved.price, moved.as_of) == (D("100.25"), NOON + timedelta(seconds=120))


def test_a_side_that_is_taken_away_is_gone(monkeypatch: pytest.MonkeyPatch) -> None:
    with staged() as stage:
        stage.latest("AAPL")
        stage.tell(1, -1.0)
        monkeypatch.setattr(streams, "QUOTE_SECONDS", 0.0)
        price = stage.latest("AAPL")["AAPL"]
    assert (price.bid, price.ask, price.price) == (None, D(101), D(100))


def test_without_a_right_to_live_data_delayed_ones_are_asked_for_and_say_so() -> None:
    with staged(refuse=354) as stage:
        price = stage.latest("AAPL")["AAPL"]
        stage.latest("AAPL", "MSFT")
        assert stage.gateway.count(KIND) >= 1
        # One refusal is enough: the next symbol is asked for as delayed at once.
        assert len(stage.numbers) == 3
    assert (price.delayed, price.price) == (True, D(100))
    assert price.as_of == NOON - timedelta(minutes=15)


def test_a_symbol_that_shows_nothing_in_time_is_left_out_and_does_not_keep_the_others() -> None:
    with staged(refuse=200) as stage:
        assert stage.latest("AAPL") == {}
        stage.refuse = 0
        assert set(stage.latest("AAPL", "MSFT")) == {"AAPL", "MSFT"}


def test_lines_are_given_back_when_there_are_too_many(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(streams, "LINES_MAX", 3)
    with staged() as stage:
        assert len(stage.latest(*"ABCDEFG")) == 7
        # Seven by three at a time: each three take the place of the three before.
        assert stage.gateway.count(ASKED) == 7
        stage.session.call(lambda: stage.until(lambda: stage.gateway.count(CANCELLED) == 4))
        assert stage.gateway.count(CANCELLED) == 4


def test_a_connection_that_ends_meanwhile_is_a_failure_and_no_absence() -> None:
    with staged() as stage:
        stage.gateway.on[ASKED] = lambda _talk, _fields: stage.hang_up()
        with pytest.raises(Temporary, match="ended"):
            stage.latest("AAPL")


def test_after_a_new_connection_every_line_is_asked_for_anew() -> None:
    with staged() as stage:
        stage.latest("AAPL")
        market = stage.session.market
        before = market.session
        stage.hang_up()
        stage.session.call(lambda: stage.until(lambda: market.up and market.session != before))
        assert stage.latest("AAPL")["AAPL"].price == D(100)
        assert stage.gateway.count(ASKED) == 2
