"""The home's source as a backtest reads it: prices as quoted where a folder has actions, else as the desk reads it."""

from collections.abc import Callable

from prudent.bootstrap import Desk
from prudent.marketdata.files import FilesMarket
from prudent.marketdata.raw_prices import RawFilesMarket, RawFileSource, history_of
from prudent.ports import Clock, MarketData
from prudent.venues import open_market

Source = Callable[[Clock], MarketData]


def history_source(desk: Desk) -> Source:
    """Opens the home's source for a clock; every market of one source shares what was read."""
    settings = desk.loaded.settings.data
    if settings.source != "files":
        return lambda clock: open_market(desk.home, desk.loaded, clock, desk.calendar)
    folder = desk.home / (settings.path or "data")
    files = history_of(desk.calendar, folder)
    if isinstance(files, RawFileSource):
        return lambda clock: RawFilesMarket(clock, desk.calendar, files)
    return lambda clock: FilesMarket(clock, desk.calendar, folder)
