"""One owner's paper gateway as a program on the world's time: it starts, breaks, is started again from its file."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path
from random import Random

from prudent.domain.mandate import Mandate
from prudent.domain.spelling import spelled
from prudent.exchange.paper.books import Holding, Purse, Row, holding_key
from prudent.exchange.paper.days import day_of
from prudent.gateway.faults import Do, Fault, Fired, On
from prudent.gateway.paper import Paper
from prudent.gateway.store import FloorStore
from prudent.ports import BrokerTraits
from prudent.simulation.faults import Weather
from prudent.simulation.timeline import ProcessClock, Timeline
from prudent.simulation.tws.asked import Asked
from prudent.simulation.tws.cables import Cables
from prudent.simulation.tws.faults import PLANNED, QUOTED, RESTS
from prudent.simulation.tws.loops import Loops, SteppedLoop
from prudent.simulation.tws.market import SeedMarket
from prudent.simulation.tws.wire import AdapterWire, PersonWire
from prudent.simulation.wire import Watcher

FAST_SECONDS, RESTING_SECONDS, SLOW_SECONDS = 1.0, 15.0, 300.0
STIRRED = timedelta(seconds=60)
_GIVEN_BACK = (1102, 1102, 1101)
LOST = 1100


class CountedStore(FloorStore):
    """The gateway's file, and how often it was written."""

    writes = 0

    def write(self, rows: Sequence[Row]) -> None:
        super().write(rows)
        self.writes += 1


class Site:
    """Implements `GatewaySide`. Its accounts are opened before it first starts, which it does with the last of them."""

    def __init__(  # noqa: PLR0913 - the parts of one seed's world
        self, owner: str, accounts: Mapping[str, str], port: int, file: Path, *, timeline: Timeline, weather: Weather,
        loops: Loops, cables: Cables, market: SeedMarket, halted: dict[str, datetime],
        mandate_of: Callable[[str], Mandate], chance: Random,
    ) -> None:  # fmt: skip
        self.owner = owner
        self.accounts = accounts
        self.port = port
        self.upstream = True
        self.loops = loops
        self.cables = cables
        self.market = market
        self.paper: Paper | None = None
        self.store: CountedStore = CountedStore(file)
        self.wires: list[AdapterWire] = []
        self.asked = Asked(self._symbol, mandate_of, accounts)
        self.style = chance.choice(("capped", "capped", "market", "adaptive"))
        self.client_id = 11
        self._file = file
        self._timeline = timeline
        self._weather = weather
        self._chance = chance
        self._halted = halted
        self._clock = ProcessClock(timeline)
        self._loop: SteppedLoop | None = None
        self._opened = 0
        self._beats = 0
        self._armed: dict[int, str] = {}
        self._stirred = self._bends_at = timeline.now

    # Its program

    @property
    def runs(self) -> bool:
        return self._loop is not None

    def _symbol(self, con_id: int) -> str:
        found = self.market.details(con_id)
        return "" if found is None else found.contract.symbol.replace(" ", ".")

    def open(self, account: str, cash: Decimal, positions: Mapping[str, Decimal]) -> None:
        """An account with what it holds, from before the first start."""
        at = self._timeline.now
        purse = Purse(account=account, cash={"USD": cash}, day=day_of(at), opening_equity=cash)
        self.store.write([Row(kind="account", key=account, body=spelled(purse))])
        for symbol, quantity in positions.items():
            details = self.market.stock(symbol)
            top = self.market.top(details.contract.con_id)
            assert top is not None
            assert top.last is not None
            cost = quantity * top.last
            held = Holding(account=account, contract=details.contract, quantity=quantity, cost=cost, base=cost)
            key = holding_key(account, details.contract.con_id)
            self.store.write([Row(kind="holding", key=key, body=spelled(held))])
        self._opened += 1
        if self._opened == len(self.accounts):
            self.start()

    def start(self) -> None:
        """Begin to listen, with what its file has."""
        if self.runs:
            return
        self.upstream = True
        self._loop = SteppedLoop(f"gateway of {self.owner}", self.loops, self.cables)
        self.paper = Paper(self._clock, self.market, store=self.store, accounts={}, beat_seconds=0)
        self.paper.faults.tell = self._struck
        if not self._weather.calm:
            self._arm()
        self._loop.create_task(self.paper.serve(port=self.port)).add_done_callback(self._served)
        self.loops.settle()
        self._beat_in(FAST_SECONDS)

    def _arm(self) -> None:
        assert self.paper is not None
        self._armed.clear()
        for each in PLANNED:
            rate = self._weather.rates.get(each.kind.name)
            if rate is not None:
                number = self.paper.faults.add(each.armed(rate, self._chance.randrange(2**31)))
                self._armed[number] = each.kind.name

    def _struck(self, fired: Fired) -> None:
        if fired.number in self._armed:
            self._weather.force(self._armed[fired.number])
        if fired.do is Do.LINK and fired.on is not On.TICK and self.upstream:
            self.upstream = False
            self._timeline.after(self._weather.seconds(2.0, 200.0), "upstream back", self.regain_upstream)

    def _served(self, task: asyncio.Task[None]) -> None:
        # Nobody cancels it here: it ends by a failure, or with its loop.
        self.loops.broken = self.loops.broken or task.exception()

    def restart(self) -> None:
        """It ends without a word and starts again a while later."""
        if self._loop is None:
            return
        self._end()
        self.store = CountedStore(self._file)
        self._timeline.after(self._weather.seconds(2.0, 30.0), f"{self.owner}'s gateway starts", self.start)

    def _end(self) -> None:
        loop, self._loop = self._loop, None
        assert loop is not None
        for each in self.cables.of(loop):
            each.taken_back()
        self.cables.ports.pop(self.port, None)
        loop.end()
        self.store.close()

    def close(self) -> None:
        for each in tuple(self.wires):
            self.closed_by(each)
        if self._loop is not None:
            self._end()
        else:
            self.store.close()

    def act(self, do: Callable[[], object]) -> None:
        """Done in its loop, between two messages; nothing where it does not run."""
        if self._loop is not None:
            self._loop.call_soon(do)
            self.loops.settle()

    # Time passes at its market

    def _beat_in(self, seconds: float) -> None:
        self._beats += 1
        number = self._beats
        self._timeline.after(seconds, f"beat of {self.owner}", lambda: self._beat(number))

    def _beat(self, number: int) -> None:
        if number != self._beats or self.paper is None or not self.runs:
            return
        self._bend()
        self.act(self.paper.house.beat)
        recent = self._timeline.now - self._stirred < STIRRED
        live = self.paper.floor.open_orders()
        self._beat_in(SLOW_SECONDS if not live else FAST_SECONDS if recent else RESTING_SECONDS)

    def _bend(self) -> None:
        """Now and then quotes stand still or cross for a while, prices are away, for trades too, or a symbol rests."""
        assert self.paper is not None
        if self._timeline.now < self._bends_at:
            return
        self._bends_at = self._timeline.now + timedelta(seconds=SLOW_SECONDS)
        if self._weather.strikes(RESTS):
            symbol = self._chance.choice(self.market.symbols)
            self._halted[symbol] = self._timeline.now + timedelta(seconds=self._weather.seconds(20.0, 420.0))
        for each in QUOTED:
            if self._weather.strikes(each.kind.name):
                args = {**each.args, "seconds": self._weather.seconds(20.0, 900.0)}
                if each.do is Do.GAP:
                    args["share"] = round(self._weather.seconds(-0.09, 0.09), 3)
                self.paper.faults.add(Fault(on=each.on, do=each.do, args=args))

    def stirred(self) -> None:
        """Something was booked: while orders live the market moves every second, later more slowly."""
        self._stirred = self._timeline.now
        if self.paper is not None and self.paper.floor.open_orders():
            self._beat_in(FAST_SECONDS)

    # Implements `GatewaySide`

    def wire(self, clock: ProcessClock, watcher: Watcher, weather: Weather, *, traits: BrokerTraits) -> AdapterWire:
        wire = AdapterWire(self, clock, watcher, weather, traits=traits)
        self.wires.append(wire)
        return wire

    def person_wire(self, clock: ProcessClock, weather: Weather, *, traits: BrokerTraits) -> PersonWire:
        del clock, weather
        return PersonWire(self, traits)

    def closed_by(self, wire: object, /) -> None:
        for each in self.wires:
            if each is wire:
                late = self._weather.strikes("client_id_in_use")
                each.die(self._weather.seconds(5.0, 90.0) if late else 0.0)
        self.wires = [each for each in self.wires if each is not wire]

    def lose_upstream(self) -> None:
        if self.runs and self.upstream:
            self.upstream = False
            self._link(LOST)

    def regain_upstream(self) -> None:
        if self.runs and not self.upstream:
            self.upstream = True
            self._link(1102 if self._weather.calm else _GIVEN_BACK[self._chance.randrange(len(_GIVEN_BACK))])

    def reset_upstream(self) -> None:
        if self.runs:
            self.upstream = True
            self._link(1101)

    def heal(self) -> None:
        if self.paper is not None:
            self.paper.faults.clear()
        self.start()
        self.regain_upstream()

    def _link(self, code: int) -> None:
        assert self.paper is not None
        self.paper.faults.add(Fault(on=On.TICK, do=Do.LINK, args={"code": code}))
        self.act(self.paper.house.beat)


