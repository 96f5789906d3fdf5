"""The feed over our paper gateway: from any thread, with chains, hours and what options imply, and stale as stale."""

import sys
import threading
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest
from tests.contract.market_data_gateway import PricesOverGateways
from tests.fakes_clock import SteppedClock

from prudent.brokers.ibkr.chains import chosen
from prudent.brokers.ibkr.market import IbkrFeed, IbkrFeeds, sessions_of
from prudent.brokers.ibkr.words import Asset, Listed, ShownChain
from prudent.domain.errors import InputError
from prudent.domain.quotes import LivePrice
from prudent.gateway.faults import Do, Fault, Match, On
from prudent.gateway.market.details import Query

NOON = datetime(2020, 3, 16, 16, 7, 30, tzinfo=UTC)
D = Decimal


@pytest.fixture(scope="module")
def gateways(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PricesOverGateways]:
    with PricesOverGateways(tmp_path_factory.mktemp("feed")) as gateways:
        yield gateways


@pytest.fixture(scope="module")
def feed(gateways: PricesOverGateways) -> IbkrFeed:
    return gateways.feed(SteppedClock(NOON))


def test_threads_that_die_after_each_call_all_get_quotes_and_bars(feed: IbkrFeed) -> None:
    found: list[LivePrice] = []
    bars: list[int] = []

    def once(n: int) -> None:
        symbol = ("AAPL", "MSFT", "SPY")[n % 3]
        found.append(feed.latest((symbol,))[symbol])
        bars.append(len(feed.daily((symbol,), sessions=4)[symbol].keys))

    for start in (0, 6):
        threads = [threading.Thread(target=once, args=(n,)) for n in range(start, start + 6)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(20)
    assert len(found) == 12
    assert all(price.as_of == NOON and (price.bid or 0) < (price.ask or 0) for price in found)
    assert min(bars) >= 4
    assert "nest_asyncio" not in sys.modules


def test_a_symbol_of_nobodys_is_absent_and_cannot_have_a_chain(feed: IbkrFeed) -> None:
    assert set(feed.latest(("AAPL", "NOSUCH"))) == {"AAPL"}
    assert set(feed.daily(("NOSUCH", "AAPL"), sessions=3)) == {"AAPL"}
    with pytest.raises(InputError, match="NOSUCH"):
        feed.chain("NOSUCH")


def test_bars_of_minutes_start_where_they_were_asked_for(feed: IbkrFeed) -> None:
    start = NOON.replace(hour=14, minute=0, second=0)
    found = feed.bars(("AAPL",), minutes=30, start=start, end=start + timedelta(hours=1))["AAPL"]
    assert [datetime.fromtimestamp(key, UTC) for key in found.keys] == [start, start + timedelta(minutes=30)]


def test_a_chain_is_the_standard_series(feed: IbkrFeed) -> None:
    chain = feed.chain("AAPL")
    assert chain is not None
    assert (chain.exchange, chain.trading_class, chain.multiplier) == ("SMART", "AAPL", D(100))
    assert date(2020, 4, 17) in chain.expiries
    assert chain.around(NOON.date(), 30) == (date(2020, 4, 9), date(2020, 4, 17))
    assert chain.near(D("66.2"), 2) == tuple(sorted(chain.near(D("66.2"), 2), key=lambda each: abs(each - D("66.2"))))


def test_of_several_series_the_smart_one_of_the_underlyings_class_is_chosen() -> None:
    def series(exchange: str, name: str, *days: str) -> ShownChain:
        return ShownChain(exchange=exchange, trading_class=name, multiplier=D(100), expiries=days, strikes=(D(1),))

    other = (series("CBOE", "X", "20220101"), series("SMART", "2X", "20220101", "20220201"))
    found = chosen("X", "X", (*other, series("SMART", "X", "20220301")))
    assert found is not None
    assert found.expiries == (date(2022, 3, 1),)
    assert chosen("X", "X", ()) is None


def test_hours_are_those_of_the_venue_and_none_where_they_cannot_be_read(feed: IbkrFeed) -> None:
    first = feed.hours("AAPL")[0]
    day = NOON.replace(minute=0, second=0)
    assert (first.open, first.close) == (day.replace(hour=13, minute=30), day.replace(hour=20))
    text = "20221123:0930-20221123:1600;20221124:CLOSED;20221125:0930-20221125:1300"
    asset = Asset(con_id=1, sec_type="STK", symbol="X")
    found = sessions_of(Listed(asset=asset, zone="US/Eastern", liquid_hours=text))
    assert [each.date for each in found] == [date(2022, 11, 23), date(2022, 11, 25)]
    assert found[1].close == datetime(2022, 11, 25, 18, tzinfo=UTC)
    assert sessions_of(Listed(asset=asset, zone="Nowhere/Town", liquid_hours=text)) == ()
    assert sessions_of(Listed(asset=asset, zone="US/Eastern", liquid_hours="from nine to five-ish")) == ()


def test_the_implied_volatility_is_that_of_the_options_around_thirty_days(
    feed: IbkrFeed, gateways: PricesOverGateways
) -> None:
    market = gateways.papers[0].market
    price = feed.latest(("SPY",))["SPY"].price
    chain = feed.chain("SPY")
    assert chain is not None
    (strike, *_) = chain.near(price, 1)
    models = []
    for expiry in chain.around(NOON.date(), 30):
        query = Query(symbol="SPY", sec_type="OPT", expiry=f"{expiry:%Y%m%d}", strike=strike, right="C", currency="USD")
        (option, *_) = market.find(query)
        greeks = market.model(option.con_id)
        assert greeks is not None
        models.append(greeks.volatility)
    found = float(feed.implied(("SPY", "VIX", "NOSUCH"))["SPY"])
    # The spread of the options and their ticks are in it, so it is near and not equal.
    assert min(models) * 0.97 < found < max(models) * 1.03
    assert set(feed.implied(("VIX",))) == set()


def test_quotes_that_stand_still_at_the_gateway_grow_old(gateways: PricesOverGateways) -> None:
    clock = SteppedClock(NOON)
    market = gateways.market(clock)
    paper = gateways.papers[-1]
    market.quotes(("AAPL", "MSFT"))
    paper.faults.add(Fault(on=On.TICK, do=Do.STALE_QUOTES, match=Match(symbol="AAPL"), times=None))
    # A line that was silent is asked for anew: so the gateway shows what it then stands still at.
    clock.set(NOON + timedelta(seconds=20))
    first = {quote.symbol: quote for quote in market.quotes(("AAPL", "MSFT"))}
    clock.set(NOON + timedelta(minutes=10))
    later = {quote.symbol: quote for quote in market.quotes(("AAPL", "MSFT"))}
    assert (later["AAPL"].price, later["AAPL"].as_of) == (first["AAPL"].price, first["AAPL"].as_of)
    assert later["AAPL"].age_seconds == 580
    assert later["MSFT"].age_seconds == 0


def test_the_session_that_sends_takes_over_from_the_one_that_looks(gateways: PricesOverGateways) -> None:
    clock = SteppedClock(NOON)
    port = gateways.gateway(clock)
    looks = gateways.session(clock, port)
    current = [looks]
    feeds = IbkrFeeds(lambda: current[0], IbkrFeed)
    one = feeds.now
    assert feeds.now is one
    assert feeds.latest(("KO",))["KO"].price > 0
    looks.close()
    current[0] = gateways.session(clock, port)
    assert feeds.now is not one
    assert feeds.latest(("KO",))["KO"].price > 0
    assert feeds.simulated
