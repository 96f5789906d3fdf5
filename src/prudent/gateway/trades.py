"""Ticks one by one: each last price, or each change of the best bid and ask, as a client wants them."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from prudent.exchange.paper.words import Contract, Top
from prudent.gateway.replies import SIMULATED, epoch

if TYPE_CHECKING:
    from prudent.gateway.house import House
    from prudent.gateway.session import Session

KINDS = {"Last": 1, "AllLast": 2, "BidAsk": 3, "MidPoint": 4}
FEEDS_MAX = 5


@dataclass(slots=True)
class Feed:
    """One contract's ticks of one kind."""

    contract: Contract
    kind: int
    told: tuple[Any, ...] = ()


class Trades:
    """The feeds of one client."""

    def __init__(self, session: "Session", house: "House") -> None:
        self._session = session
        self._house = house
        self.feeds: dict[int, Feed] = {}

    def is_full(self) -> bool:
        return len(self.feeds) >= FEEDS_MAX

    def open(self, key: int, contract: Contract, kind: int) -> None:
        self.feeds[key] = Feed(contract=contract, kind=kind)
        self.beat()

    def beat(self) -> None:
        for key, feed in tuple(self.feeds.items()):
            top = self._house.market.top(feed.contract.con_id)
            values = {} if top is None else _values(feed.kind, top)
            if top is None or not values or feed.told == tuple(values.values()):
                continue
            feed.told = tuple(values.values())
            told = {"reqId": key, "tickType": feed.kind, "time": epoch(top.time), "mask": 0, **values}
            self._session.say("tickByTick", told)


def _values(kind: int, top: Top) -> dict[str, Any]:
    """What a tick of that kind says of the quote; nothing where it is not known."""
    if kind in (KINDS["Last"], KINDS["AllLast"]):
        known = {"price": top.last, "size": top.last_size, "exchange": SIMULATED}
    elif kind == KINDS["BidAsk"]:
        known = {"bid": top.bid, "ask": top.ask, "bidSize": top.bid_size, "askSize": top.ask_size}
    else:
        known = {"mid": (top.bid + top.ask) / 2 if top.bid is not None and top.ask is not None else None}
    return {} if None in known.values() else {**known, "conditions": ""}
