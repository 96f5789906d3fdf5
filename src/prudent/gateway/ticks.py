"""A quote as ticks: which numbers name which value, live and delayed, and which of them changed."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from prudent.domain.money import ZERO
from prudent.exchange.paper.words import SecType, Top
from prudent.gateway.replies import epoch

LIVE, FROZEN, DELAYED, DELAYED_FROZEN = 1, 2, 3, 4
ROUND_LOT = Decimal(100)
ROUND_LOTS_UNTIL = 158
NO_PRICE = Decimal(-1)
PAST_LIMIT, AUTO = 2, 1
# Live number, delayed number, the price's field, its size's field and number (live, delayed) where it has one.
_PRICES = (
    (1, 66, "bid", "bid_size", 0, 69),
    (2, 67, "ask", "ask_size", 3, 70),
    (4, 68, "last", "last_size", 5, 71),
)
_LEVELS = ((6, 72, "high"), (7, 73, "low"), (9, 75, "close"), (14, 76, "open"))
VOLUME, VOLUME_DELAYED = 8, 74
LAST_TIME, LAST_TIME_DELAYED = 45, 88
HALTED, SHORTABLE, SHORTABLE_SHARES = 49, 46, 89
SHORTABLE_ASKED = "236"
EASY_TO_BORROW = Decimal(3)
BORROWABLE = Decimal(1_000_000)

Tick = tuple[str, dict[str, Any]]


@dataclass(slots=True)
class Tape:
    """What a client was last told of one contract."""

    key: int
    sec_type: SecType
    generics: frozenset[str] = frozenset()
    delayed: bool = False
    in_lots: bool = False
    told: dict[str, Any] = field(default_factory=dict)

    def ticks(self, top: Top) -> Iterator[Tick]:
        """The ticks that bring the client up to `top`."""
        for live, late, name, size, live_size, late_size in _PRICES:
            yield from self._side(top, name, size, (late, late_size) if self.delayed else (live, live_size))
        for live, late, name in _LEVELS:
            value = getattr(top, name)
            if value is not None and self._is_new(name, value):
                yield self._price(late if self.delayed else live, value, ZERO)
        if self._is_new("volume", top.volume):
            yield self._size(VOLUME_DELAYED if self.delayed else VOLUME, self._lots(top.volume))
        if top.last is not None and self._is_new("time", top.time):
            number = LAST_TIME_DELAYED if self.delayed else LAST_TIME
            yield "tickString", {"reqId": self.key, "tickType": number, "value": str(epoch(top.time))}
        if self._is_new("halted", top.halted):
            yield "tickGeneric", {"reqId": self.key, "tickType": HALTED, "value": Decimal(int(top.halted))}
        yield from self._borrowing()

    def _side(self, top: Top, name: str, size_name: str, numbers: tuple[int, int]) -> Iterator[Tick]:
        """A price with its size or, where only the size moved, the size alone; -1 says that there is none now."""
        price, size = getattr(top, name), self._lots(getattr(top, size_name))
        if price is None:
            if self.told.pop(name, None) is not None:
                self.told.pop(size_name, None)
                yield self._price(numbers[0], NO_PRICE, ZERO)
            return
        moved, resized = self._is_new(name, price), self._is_new(size_name, size)
        if moved:
            yield self._price(numbers[0], price, size)
        if moved or resized:
            yield self._size(numbers[1], size)

    def _borrowing(self) -> Iterator[Tick]:
        if SHORTABLE_ASKED in self.generics and self._is_new("shortable", EASY_TO_BORROW):
            yield "tickGeneric", {"reqId": self.key, "tickType": SHORTABLE, "value": EASY_TO_BORROW}
            yield self._size(SHORTABLE_SHARES, BORROWABLE)

    def _is_new(self, name: str, value: Any) -> bool:
        """True, and noted, where the client was told something else or nothing."""
        if self.told.get(name) == value and name in self.told:
            return False
        self.told[name] = value
        return True

    def _price(self, number: int, price: Decimal, size: Decimal) -> Tick:
        return "tickPrice", {"reqId": self.key, "tickType": number, "price": price, "size": size, "mask": AUTO}

    def _size(self, number: int, size: Decimal) -> Tick:
        return "tickSize", {"reqId": self.key, "tickType": number, "size": size}

    def _lots(self, size: Decimal) -> Decimal:
        """Until version 158 sizes of stocks are in round lots."""
        return size // ROUND_LOT if self.in_lots and self.sec_type is SecType.STOCK else size
