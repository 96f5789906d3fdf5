"""Historical bars as clients ask for them, and the bars of one client that are still being made."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from prudent.exchange.paper.words import Contract, SecType
from prudent.gateway.market.history import Bar
from prudent.gateway.replies import ZONE, epoch, stamp

if TYPE_CHECKING:
    from prudent.gateway.house import House
    from prudent.gateway.session import Session

DAY = timedelta(days=1)
FIVE_SECONDS = timedelta(seconds=5)
SIZES: dict[str, timedelta] = {
    "5 secs": FIVE_SECONDS, "10 secs": timedelta(seconds=10), "15 secs": timedelta(seconds=15),
    "30 secs": timedelta(seconds=30), "1 min": timedelta(minutes=1), "2 mins": timedelta(minutes=2),
    "3 mins": timedelta(minutes=3), "5 mins": timedelta(minutes=5), "10 mins": timedelta(minutes=10),
    "15 mins": timedelta(minutes=15), "20 mins": timedelta(minutes=20), "30 mins": timedelta(minutes=30),
    "1 hour": timedelta(hours=1), "1 day": DAY, "1 week": 7 * DAY, "1 month": 30 * DAY,
}  # fmt: skip
SHOWS = ("TRADES", "MIDPOINT", "BID", "ASK", "ADJUSTED_LAST", "BID_ASK")
_SPANS = {"S": timedelta(seconds=1), "D": DAY, "W": 7 * DAY, "M": 30 * DAY, "Y": 365 * DAY}
CATCH_UP_MAX = 720
EPOCH_DATES = 2
SMALL = timedelta(seconds=30)
IDENTICAL_SECONDS, WINDOW_SECONDS, SMALL_MAX = 15.0, 600.0, 60
OPEN_MAX = 50


def span(text: str) -> timedelta:
    """How far back a duration such as `2 D` reaches.

    Raises:
        ValueError: it is none.
    """
    count, _, unit = text.strip().partition(" ")
    if not count.isdigit() or not int(count) or (unit or "S") not in _SPANS:
        raise ValueError(f"duration must be a count and one of S D W M Y, was {text!r}")
    return int(count) * _SPANS[unit or "S"]


def dated(bar: Bar, size: timedelta, date_format: int) -> str:
    """When a bar began, as the client wants it; days and longer are dates."""
    if size >= DAY:
        return f"{bar.start.astimezone(ZONE):%Y%m%d}"
    return str(epoch(bar.start)) if date_format == EPOCH_DATES else stamp(bar.start)


def values(bar: Bar, date: str) -> dict[str, Any]:
    return {
        "date": date, "open": bar.open, "high": bar.high, "low": bar.low, "close": bar.close,
        "volume": bar.volume, "average": bar.average, "count": bar.count,
    }  # fmt: skip


@dataclass(slots=True)
class HistoryPace:
    """How often small bars may be asked for: not the same within 15 seconds, nor 60 times within 10 minutes."""

    asked: list[tuple[float, object]] = field(default_factory=list)

    def admits(self, moment: float, request: object) -> bool:
        self.asked = [each for each in self.asked if moment - each[0] < WINDOW_SECONDS]
        again = any(same == request and moment - at < IDENTICAL_SECONDS for at, same in self.asked)
        if again or len(self.asked) >= SMALL_MAX:
            return False
        self.asked.append((moment, request))
        return True


@dataclass(slots=True)
class Growing:
    """Bars that a client wants as they grow."""

    contract: Contract
    size: timedelta
    show: str
    use_rth: bool
    date_format: int
    told: Bar | None = None


@dataclass(slots=True)
class FiveSeconds:
    """Bars of five seconds, each told when it is over."""

    contract: Contract
    show: str
    use_rth: bool
    told: datetime


class Bars:
    """The bars that one client watches."""

    def __init__(self, session: "Session", house: "House") -> None:
        self._session = session
        self._house = house
        self.pace = HistoryPace()
        self.growing: dict[int, Growing] = {}
        self.fives: dict[int, FiveSeconds] = {}

    def watch(self, key: int, contract: Contract, show: str, *, use_rth: bool) -> None:
        self.fives[key] = FiveSeconds(contract=contract, show=show, use_rth=use_rth, told=_five(self._house.now()))

    def beat(self, at: datetime) -> None:
        for key, growing in tuple(self.growing.items()):
            self._grow(key, growing, at)
        for key, five in tuple(self.fives.items()):
            self._five(key, five, at)

    def _grow(self, key: int, growing: Growing, at: datetime) -> None:
        begin = at - 2 * max(growing.size, DAY)
        if growing.told is not None:
            begin = growing.told.start
        bars = self._house.market.bars(
            growing.contract.con_id, growing.show, growing.size, begin, at, use_rth=growing.use_rth
        )
        for bar in bars[-2:]:
            if growing.told is None or (bar.start >= growing.told.start and bar != growing.told):
                growing.told = bar
                date = dated(bar, growing.size, growing.date_format)
                self._session.say("historicalDataUpdate", {"reqId": key, **values(bar, date)})

    def _five(self, key: int, five: FiveSeconds, at: datetime) -> None:
        until = _five(at)
        begin = max(five.told, until - CATCH_UP_MAX * FIVE_SECONDS)
        if until <= begin:
            return
        five.told = until
        for bar in self._house.market.bars(
            five.contract.con_id, five.show, FIVE_SECONDS, begin, until, use_rth=five.use_rth
        ):
            self._session.say("realTimeBar", {"reqId": key, "time": epoch(bar.start), **values(bar, "")})


def _five(at: datetime) -> datetime:
    """The last whole five seconds."""
    return datetime.fromtimestamp(epoch(at) // 5 * 5, UTC)


def is_continuous(contract: Contract) -> bool:
    return contract.sec_type is SecType.CONTINUOUS
