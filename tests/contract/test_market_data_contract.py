"""Every shipped source keeps the contract of market data."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from tests.contract.market_data import MarketDataContract
from tests.contract.market_data_files import FakeYahoo, write_files
from tests.contract.market_data_gateway import PricesOverGateways

from prudent.marketdata.calendars import ExchangeCalendar
from prudent.marketdata.files import FilesMarket
from prudent.marketdata.sample import SampleMarket
from prudent.marketdata.yahoo import YahooMarket
from prudent.ports import Clock, MarketData

CALENDAR = ExchangeCalendar()


class TestSample(MarketDataContract):
    @pytest.fixture
    def build(self) -> Callable[[Clock], MarketData]:
        return lambda clock: SampleMarket(clock, CALENDAR)


class TestFiles(MarketDataContract):
    @pytest.fixture
    def build(self, tmp_path: Path) -> Callable[[Clock], MarketData]:
        write_files(tmp_path)
        return lambda clock: FilesMarket(clock, CALENDAR, tmp_path)


class TestYahoo(MarketDataContract):
    @pytest.fixture
    def build(self, tmp_path: Path) -> Callable[[Clock], MarketData]:
        return lambda clock: YahooMarket(clock, CALENDAR, tmp_path, download=FakeYahoo(clock))


class TestGateway(MarketDataContract):
    """Over the socket of the paper gateway."""

    @pytest.fixture
    def build(self, tmp_path: Path) -> Iterator[Callable[[Clock], MarketData]]:
        with PricesOverGateways(tmp_path) as gateways:
            yield gateways.market
