"""The home's source as a backtest reads it: prices as quoted where a folder has actions, else as the desk reads it."""

from collections.abc import Callable

from prudent.bootstrap import Desk
from prudent.marketdata.files import FilesMarket
from prudent.marketdata.hours import Hours
from prudent.marketdata.intraday import IntradayFiles
from prudent.marketdata.raw_prices import RawFilesMarket, RawFileSource, history_of
from prudent.ports import Clock, MarketData
from prudent.venues import open_market

Source = Callable[[Clock], MarketData]


def history_source(desk: Desk, hours: Hours = Hours.REGULAR) -> Source:
    """Opens the home's source for a clock; `hours` beside its sessions are open too, where it has files of them."""
    settings = desk.loaded.settings.data
    if settings.source != "files":
        return lambda clock: open_market(desk.home, desk.loaded, clock, desk.calendar)
    folder = desk.home / (settings.path or "data")
    files, intraday = history_of(desk.calendar, folder), IntradayFiles(desk.calendar, folder)
    if isinstance(files, RawFileSource):
        return lambda clock: RawFilesMarket(clock, desk.calendar, files, hours=hours, intraday=intraday)
    return lambda clock: FilesMarket(clock, desk.calendar, folder, hours=hours, intraday=intraday)
