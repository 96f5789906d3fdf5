"""Market data of one client: which contracts it watches, and what of them it was told."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING

from prudent.domain.money import ZERO, from_float
from prudent.exchange.paper.words import Contract, SecType, Top
from prudent.gateway.bars import Bars
from prudent.gateway.ticks import DELAYED, LIVE, ROUND_LOTS_UNTIL, Tape
from prudent.gateway.trades import Trades

if TYPE_CHECKING:
    from prudent.gateway.house import House
    from prudent.gateway.session import Session

LINES_MAX = 100
NOT_COMPUTED = Decimal(-1)
BBO_EXCHANGE = "SIMULATED"
SNAPSHOT_PERMISSIONS = 3
# Live and delayed numbers of an option's computations: at the bid, the ask, the last trade, and by the model.
GREEKS, GREEKS_DELAYED = (10, 11, 12, 13), (80, 81, 82, 83)


@dataclass(slots=True)
class Line:
    """One market data line: a contract and what the client knows of it."""

    contract: Contract
    tape: Tape
    greeks: object = None


class Quotes:
    """The market data lines, bars and time-and-sales of a client."""

    def __init__(self, session: "Session", house: "House") -> None:
        self._session = session
        self._house = house
        self.type = LIVE
        self.lines: dict[int, Line] = {}
        self.bars = Bars(session, house)
        self.trades = Trades(session, house)

    def is_full(self) -> bool:
        return len(self.lines) >= LINES_MAX

    def open(self, key: int, contract: Contract, generics: str) -> None:
        """Begins a line with what is known now."""
        self.lines[key] = self._begin(key, contract, generics)

    def close(self, key: int) -> None:
        self.lines.pop(key, None)

    def snapshot(self, key: int, contract: Contract) -> None:
        """What is known now, once."""
        self._begin(key, contract, "")
        self._session.say("tickSnapshotEnd", {"reqId": key})

    def beat(self, at: datetime) -> None:
        for line in tuple(self.lines.values()):
            self._tell(line)
        self.bars.beat(at)
        self.trades.beat()

    def _begin(self, key: int, contract: Contract, generics: str) -> Line:
        delayed = self.type >= DELAYED
        asked = frozenset(part.split(":")[0].strip() for part in generics.split(",") if part.strip())
        in_lots = self._session.version <= ROUND_LOTS_UNTIL
        line = Line(
            contract=contract,
            tape=Tape(key=key, sec_type=contract.sec_type, generics=asked, delayed=delayed, in_lots=in_lots),
        )
        details = self._house.market.details(contract.con_id)
        if details is not None:
            tick = details.min_tick
            self._session.say("tickReqParams", {
                "reqId": key, "minTick": tick, "bboExchange": BBO_EXCHANGE, "snapshotPermissions": SNAPSHOT_PERMISSIONS,
            })  # fmt: skip
        self._session.say("marketDataType", {"reqId": key, "type": self.type})
        self._tell(line)
        return line

    def _tell(self, line: Line) -> None:
        top = self.top(line.contract)
        if top is None:
            return
        for name, values in line.tape.ticks(top):
            self._session.say(name, values)
        if line.contract.sec_type is SecType.OPTION:
            self._tell_greeks(line, top)

    def _tell_greeks(self, line: Line, top: Top) -> None:
        greeks = self._house.market.model(line.contract.con_id)
        if greeks is None or greeks == line.greeks:
            return
        line.greeks = greeks
        facts = self._house.market.facts(line.contract.con_id)
        under = None if facts is None else self._house.market.top(facts.underlying)
        numbers = GREEKS_DELAYED if line.tape.delayed else GREEKS
        for number, price in zip(numbers, (top.bid, top.ask, top.last, from_float(greeks.price))):
            self._session.say("tickOption", {
                "reqId": line.tape.key, "tickType": number, "attribute": 0,
                "volatility": from_float(greeks.volatility), "delta": from_float(greeks.delta),
                "price": NOT_COMPUTED if price is None else price, "dividends": ZERO,
                "gamma": from_float(greeks.gamma), "vega": from_float(greeks.vega), "theta": from_float(greeks.theta),
                "underlying": NOT_COMPUTED if under is None or under.last is None else under.last,
            })  # fmt: skip

    def top(self, contract: Contract) -> Top | None:
        """The quote of a contract or, of a combo, what its legs' quotes make."""
        market = self._house.market
        if contract.sec_type is SecType.COMBO:
            return market.combo_top(contract)
        return self._house.bent.shown(contract, market.top(contract.con_id))
