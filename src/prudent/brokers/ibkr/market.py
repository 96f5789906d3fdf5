"""What a gateway tells of prices, for any thread: quotes, bars, chains, hours, and what options imply."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from functools import partial
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from prudent.brokers.ibkr.bars import DAILY, FIELDS, BarRow, BarsWanted, History, duration_of, size_of
from prudent.brokers.ibkr.chains import Chain, chain_of
from prudent.brokers.ibkr.contracts import Contracts, Names, Wanted, no_names
from prudent.brokers.ibkr.lookup import details_over
from prudent.brokers.ibkr.quotes import Quotes
from prudent.brokers.ibkr.volatility import Volatilities
from prudent.brokers.ibkr.words import Listed
from prudent.domain.errors import InputError
from prudent.domain.quotes import LivePrice, Quality, VenueBars
from prudent.ports import Instruments, Session

if TYPE_CHECKING:
    from prudent.brokers.ibkr.session import IbkrSession

NAME = "ibkr"
CALL_SECONDS = 60.0
# Sessions in a year, with room for holidays: how many calendar days a number of sessions needs.
DAYS_A_SESSION = 1.5
_INDICES = ("SPX", "NDX", "VIX", "TNX")


class IbkrFeed:
    """Prices over the session's connection for market data, at the time of its clock.

    A symbol that the venue does not have is absent from an answer; a gateway that cannot be asked raises `Temporary`.
    """

    name = NAME

    def __init__(
        self, session: "IbkrSession", *, instruments: Instruments | None = None, names: Names = no_names
    ) -> None:  # fmt: skip
        self._session = session
        self._contracts = Contracts(
            partial(details_over, session.market), session.clock, instruments=instruments,
            names=lambda symbol: names(symbol) or _index(symbol),
        )  # fmt: skip
        self._history = History(session)
        self._quotes = Quotes(session)
        self._volatilities = Volatilities(session, self._quotes)

    # For any thread

    @property
    def simulated(self) -> bool:
        """True where the gateway has told that no exchange is behind it."""
        return self._session.simulated

    def latest(self, symbols: Sequence[str]) -> Mapping[str, LivePrice]:
        """What each is quoted at now."""
        return self._session.call(lambda: self._latest(symbols), CALL_SECONDS)

    def daily(self, symbols: Sequence[str], *, sessions: int) -> Mapping[str, VenueBars]:
        """About so many daily bars of each, the running session's included as far as it is."""
        return self._session.call(lambda: self._daily(symbols, sessions), CALL_SECONDS)

    def bars(self, symbols: Sequence[str], *, minutes: int, start: datetime, end: datetime) -> Mapping[str, VenueBars]:
        """Bars with starts in [start, end), those under way included.

        Raises:
            InputError: the venue has no bars of that length.
        """
        size = size_of(minutes)
        return self._session.call(lambda: self._bars(symbols, size, start, end), CALL_SECONDS)

    def chain(self, symbol: str) -> Chain | None:
        """The options on a symbol; None where there are none.

        Raises:
            InputError: the venue does not know the symbol.
        """
        return self._session.call(lambda: self._chain(symbol), CALL_SECONDS)

    def hours(self, symbol: str) -> tuple[Session, ...]:
        """The regular sessions of the coming days, as the venue says them; none where its words cannot be read.

        Raises:
            InputError: the venue does not know the symbol.
        """
        return sessions_of(self._session.call(lambda: self._listed(symbol), CALL_SECONDS))

    def implied(self, symbols: Sequence[str]) -> Mapping[str, Decimal]:
        """The volatility of the next 30 days at the money, a year's as a fraction, of what has options quoted now."""
        return self._session.call(lambda: self._implied(symbols), CALL_SECONDS * 2)

    # On the session's thread

    async def _listed(self, symbol: str) -> Listed:
        await self._ready()
        return await self._contracts.listed(symbol)

    async def _ready(self) -> None:
        # Which gateway it is, a real one or ours, is asked when the orders' connection comes up.
        await self._session.ready()
        await self._session.market.ready(CALL_SECONDS / 2)

    async def _known(self, symbols: Sequence[str]) -> dict[str, Listed]:
        await self._ready()
        asked = tuple(dict.fromkeys(symbols))
        found = await asyncio.gather(*(self._contracts.listed(each) for each in asked), return_exceptions=True)
        for each in found:
            if isinstance(each, BaseException) and not isinstance(each, InputError):
                raise each
        return {symbol: each for symbol, each in zip(asked, found) if isinstance(each, Listed)}

    async def _latest(self, symbols: Sequence[str]) -> Mapping[str, LivePrice]:
        return await self._quotes.latest(await self._known(symbols))

    async def _daily(self, symbols: Sequence[str], sessions: int) -> Mapping[str, VenueBars]:
        known = await self._known(symbols)
        duration = duration_of(max(sessions * DAYS_A_SESSION, 2.0) * 86_400.0)
        found = await asyncio.gather(*(self._days_of(listed, duration) for listed in known.values()))
        return {symbol: bars for symbol, bars in zip(known, found) if bars.keys}

    async def _days_of(self, listed: Listed, duration: str) -> VenueBars:
        show = "MIDPOINT" if listed.asset.sec_type == "CASH" else "TRADES"
        rows = await self._history.rows(_wanted(listed, show, DAILY, duration), listed)
        adjusted = None
        if rows and listed.asset.sec_type == "STK":
            closes = await self._history.rows(_wanted(listed, "ADJUSTED_LAST", DAILY, duration), listed)
            by_day = {row.key: row.close for row in closes}
            if all(row.key in by_day for row in rows):
                adjusted = tuple(by_day[row.key] for row in rows)
        return self._as_bars(listed, rows, adjusted)

    async def _bars(
        self, symbols: Sequence[str], size: str, start: datetime, end: datetime
    ) -> Mapping[str, VenueBars]:  # fmt: skip
        known = await self._known(symbols)
        duration = duration_of((end - start).total_seconds())
        until = f"{end.astimezone(UTC):%Y%m%d-%H:%M:%S}"

        async def one(listed: Listed) -> VenueBars:
            show = "MIDPOINT" if listed.asset.sec_type == "CASH" else "TRADES"
            rows = await self._history.rows(_wanted(listed, show, size, duration, until), listed)
            inside = tuple(row for row in rows if start.timestamp() <= row.key < end.timestamp())
            return self._as_bars(listed, inside, None)

        found = await asyncio.gather(*(one(listed) for listed in known.values()))
        return dict(zip(known, found))

    async def _chain(self, symbol: str) -> Chain | None:
        return await chain_of(self._session, await self._listed(symbol), symbol)

    async def _implied(self, symbols: Sequence[str]) -> Mapping[str, Decimal]:
        known = await self._known(symbols)
        prices = await self._quotes.latest(known)
        found: dict[str, Decimal] = {}
        for symbol, price in prices.items():
            value = await self._volatilities.implied(symbol, known[symbol], price)
            if value is not None:
                found[symbol] = value
        return found

    def _as_bars(self, listed: Listed, rows: Sequence[BarRow], adjusted: tuple[float, ...] | None) -> VenueBars:
        return VenueBars(
            contract=listed.asset.con_id, keys=tuple(row.key for row in rows),
            columns={name: tuple(getattr(row, name) for row in rows) for name in FIELDS}, adjusted=adjusted,
            quality=Quality.SYNTHETIC if self._session.simulated else Quality.REAL,
        )  # fmt: skip


class IbkrFeeds:
    """The feed over the session that the process has now: it may look first, and send later."""

    name = NAME

    def __init__(
        self, session: Callable[[], "IbkrSession"], make: Callable[["IbkrSession"], IbkrFeed]
    ) -> None:  # fmt: skip
        self._session = session
        self._make = make
        self._feed: tuple[IbkrSession, IbkrFeed] | None = None

    @property
    def now(self) -> IbkrFeed:
        session, kept = self._session(), self._feed
        if kept is None or kept[0] is not session:
            kept = self._feed = (session, self._make(session))
        return kept[1]

    @property
    def simulated(self) -> bool:
        return self.now.simulated

    def latest(self, symbols: Sequence[str]) -> Mapping[str, LivePrice]:
        return self.now.latest(symbols)

    def daily(self, symbols: Sequence[str], *, sessions: int) -> Mapping[str, VenueBars]:
        return self.now.daily(symbols, sessions=sessions)

    def bars(self, symbols: Sequence[str], *, minutes: int, start: datetime, end: datetime) -> Mapping[str, VenueBars]:
        return self.now.bars(symbols, minutes=minutes, start=start, end=end)

    def implied(self, symbols: Sequence[str]) -> Mapping[str, Decimal]:
        return self.now.implied(symbols)


def _wanted(listed: Listed, show: str, size: str, duration: str, end: str = "") -> BarsWanted:
    asset = listed.asset
    return BarsWanted(con_id=asset.con_id, exchange=asset.exchange, show=show, size=size, duration=duration, end=end)


def _index(symbol: str) -> Wanted | None:
    """The indices that a desk asks for by name, whatever its instrument list has."""
    return Wanted(sec_type="IND", symbol=symbol, exchange="") if symbol in _INDICES else None


def sessions_of(listed: Listed) -> tuple[Session, ...]:
    """The sessions that a contract's hours name, such as `20221228:0930-20221228:1600;20221229:CLOSED`."""
    try:
        zone = ZoneInfo(listed.zone)
        spans = [part.split("-") for part in listed.liquid_hours.split(";") if "-" in part]
        found = [(_moment(first, zone), _moment(last, zone)) for first, last in spans]
    except (ValueError, OSError, ZoneInfoNotFoundError):
        return ()
    return tuple(
        Session(date=_date_of(last, zone), open=first.astimezone(UTC), close=last.astimezone(UTC))
        for first, last in found
    )


def _moment(text: str, zone: ZoneInfo) -> datetime:
    return datetime.strptime(text.strip(), "%Y%m%d:%H%M").replace(tzinfo=zone)


def _date_of(last: datetime, zone: ZoneInfo) -> date:
    return last.astimezone(zone).date()
