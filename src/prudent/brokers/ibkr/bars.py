"""Historical bars of a gateway within its limits: nothing asked twice in a quarter of a minute, nothing in bursts."""

import asyncio
import math
from collections import deque
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Any

from prudent.brokers.ibkr.words import Listed, Refused
from prudent.domain.errors import InputError, Temporary

if TYPE_CHECKING:
    from prudent.brokers.ibkr.session import IbkrSession
    from prudent.brokers.ibkr.tap import TappedClient

DAILY = "1 day"
# Minutes of a bar by what the gateway calls them.
SIZES = {
    1: "1 min", 2: "2 mins", 3: "3 mins", 5: "5 mins", 10: "10 mins", 15: "15 mins", 20: "20 mins", 30: "30 mins",
    60: "1 hour",
}  # fmt: skip
FIELDS = ("open", "high", "low", "close", "volume")
NO_DATA = 162
_EPOCH = date(1970, 1, 1)


@dataclass(frozen=True, slots=True, kw_only=True)
class BarsWanted:
    """One request for bars; two that are equal are the same request. `end` empty is now."""

    con_id: int
    exchange: str
    show: str
    size: str
    duration: str
    end: str = ""

    @property
    def is_small(self) -> bool:
        """The venue counts bars of up to half a minute; minutes are counted too, for it slows them down by itself."""
        return self.size in ("1 min", "2 mins", "3 mins")


@dataclass(frozen=True, slots=True, kw_only=True)
class BarRow:
    """One bar; `key` is its day, or the second of its start, since 1970."""

    key: int
    open: float
    high: float
    low: float
    close: float
    volume: float


class BarPace:
    """When one more request for bars may leave; times are in seconds on one monotonic clock, given from outside."""

    IDENTICAL_SECONDS = 15.0
    SMALL_MAX, SMALL_SECONDS = 60, 600.0
    SAME_MAX, SAME_SECONDS = 5, 2.0

    def __init__(self) -> None:
        self._small: deque[float] = deque()
        self._same: dict[tuple[int, str, str], deque[float]] = {}

    def wait(self, wanted: BarsWanted, now: float) -> float:
        """Seconds until it may leave."""
        same = self._same.get(_kind(wanted), deque())
        waits = [_over(same, self.SAME_MAX, self.SAME_SECONDS, now)]
        if wanted.is_small:
            waits.append(_over(self._small, self.SMALL_MAX, self.SMALL_SECONDS, now))
        return max(waits)

    def left(self, wanted: BarsWanted, now: float) -> None:
        """It has left."""
        for key in [key for key, times in self._same.items() if now - times[-1] >= self.SAME_SECONDS]:
            del self._same[key]
        self._same.setdefault(_kind(wanted), deque(maxlen=self.SAME_MAX)).append(now)
        if wanted.is_small:
            self._small.append(now)
            while len(self._small) > self.SMALL_MAX:
                self._small.popleft()


def _kind(wanted: BarsWanted) -> tuple[int, str, str]:
    return wanted.con_id, wanted.exchange, wanted.show


def _over(times: deque[float], most: int, seconds: float, now: float) -> float:
    if len(times) < most:
        return 0.0
    return max(times[-most] + seconds - now, 0.0)


class History:
    """Asks for bars over the market data's connection; everything here runs on the session's thread."""

    OPEN_MAX = 20
    WAIT_MAX_SECONDS = 20.0
    ANSWER_SECONDS = 30.0

    def __init__(self, session: "IbkrSession") -> None:
        self._session = session
        self._pace = BarPace()
        self._kept: dict[tuple[BarsWanted, datetime], tuple[float, tuple[BarRow, ...]]] = {}
        self._locks: dict[BarsWanted, asyncio.Lock] = {}
        self._open = asyncio.Semaphore(self.OPEN_MAX)

    async def rows(self, wanted: BarsWanted, listed: Listed) -> tuple[BarRow, ...]:
        """The bars, oldest first; none where the venue has none of them.

        Raises:
            Temporary: the gateway cannot be asked, is silent, or its limits leave no room in time.
        """
        async with self._locks.setdefault(wanted, asyncio.Lock()):
            try:
                kept = self._recent(wanted)
                if kept is None:
                    async with self._open:
                        kept = await self._asked(wanted, listed)
                return kept
            finally:
                self._locks.pop(wanted, None)

    def _recent(self, wanted: BarsWanted) -> tuple[BarRow, ...] | None:
        now = asyncio.get_running_loop().time()
        old = BarPace.IDENTICAL_SECONDS
        self._kept = {each: found for each, found in self._kept.items() if now - found[0] < old}
        found = self._kept.get((wanted, self._minute()))
        return None if found is None else found[1]

    def _minute(self) -> datetime:
        # An answer holds for its minute only: sessions and bars end with one, and after it there is more to be told.
        return self._session.clock.now().replace(second=0, microsecond=0)

    async def _asked(self, wanted: BarsWanted, listed: Listed) -> tuple[BarRow, ...]:
        loop = asyncio.get_running_loop()
        while (wait := self._pace.wait(wanted, loop.time())) > 0:
            if wait > self.WAIT_MAX_SECONDS:
                raise Temporary(
                    f"the venue allows {BarPace.SMALL_MAX} requests for small bars in ten minutes, which are used up; "
                    f"ask again in {wait:.0f} s, or for longer bars"
                )
            await asyncio.sleep(wait)
        self._pace.left(wanted, loop.time())
        minute = self._minute()
        rows = _read(await self._answer(wanted, listed))
        self._kept[wanted, minute] = (loop.time(), rows)
        return rows

    async def _answer(self, wanted: BarsWanted, listed: Listed) -> list[Any]:
        numbers: list[int] = []
        regular = listed.asset.sec_type not in ("CASH", "FUT", "CONTFUT")

        def send(client: "TappedClient", number: int) -> None:
            from ib_async.contract import Contract

            numbers.append(number)
            contract = Contract(conId=wanted.con_id, exchange=wanted.exchange)
            client.reqHistoricalData(
                reqId=number, contract=contract, endDateTime=wanted.end, durationStr=wanted.duration,
                barSizeSetting=wanted.size, whatToShow=wanted.show, useRTH=regular, formatDate=2, keepUpToDate=False,
                chartOptions=[],
            )  # fmt: skip

        line = self._session.market
        connection = line.live()
        try:
            return await line.ask("bars", send, over=connection, seconds=self.ANSWER_SECONDS)
        except Refused as error:
            if error.shown.code == NO_DATA and "no data" in error.shown.text.lower():
                return []
            raise
        except Temporary:
            if numbers and connection.is_ready:
                # What nobody waits for any more must not go on counting as open.
                connection.client.cancelHistoricalData(numbers[0])
            raise


def _read(found: list[Any]) -> tuple[BarRow, ...]:
    rows = [
        BarRow(key=_key(str(bar.date)), open=bar.open, high=bar.high, low=bar.low, close=bar.close,
               volume=max(float(bar.volume), 0.0))
        for bar in found
    ]  # fmt: skip
    return tuple(sorted((row for row in rows if _is_whole(row)), key=lambda row: row.key))


def _key(text: str) -> int:
    if len(text) == 8:
        day = datetime.strptime(text, "%Y%m%d").replace(tzinfo=UTC).date()
        return (day - _EPOCH).days
    return int(text)


def _is_whole(row: BarRow) -> bool:
    prices = (row.open, row.high, row.low, row.close)
    return all(math.isfinite(price) and price > 0.0 for price in prices) and math.isfinite(row.volume)


def duration_of(seconds: float) -> str:
    """How far back a request must reach, as the gateway wants it said; whole days beyond one."""
    if seconds <= 86_400:
        return f"{max(math.ceil(seconds), 60)} S"
    days = math.ceil(seconds / 86_400)
    return f"{days} D" if days <= 365 else f"{math.ceil(days / 365)} Y"


def size_of(minutes: int) -> str:
    """The gateway's name of a bar of so many minutes.

    Raises:
        InputError: it has no such bars.
    """
    found = SIZES.get(minutes)
    if found is None:
        raise InputError(f"minutes must be one of {', '.join(map(str, SIZES))}, was {minutes}; ask for one of those")
    return found
