"""The simulator's own wire as a kind of world: its venue, its gateways, and connections that are the desk's port."""

from collections.abc import Callable, Sequence
from random import Random

from prudent.domain.cycles import CycleRecord
from prudent.domain.mandate import Mandate
from prudent.ports import BrokerTraits, Calendar
from prudent.simulation.faults import Weather
from prudent.simulation.gateway import Gateway
from prudent.simulation.prices import TruePrices
from prudent.simulation.timeline import ProcessClock, Timeline
from prudent.simulation.venue import Venue
from prudent.simulation.wire import BorrowedWire, NobodyWatches, Watcher, Wire


class OwnGateway(Gateway):
    """Implements `GatewaySide`."""

    def wire(self, clock: ProcessClock, watcher: Watcher, weather: Weather, *, traits: BrokerTraits) -> Wire:
        return Wire(self, self.venue, self._timeline, clock, weather, watcher, traits=traits)

    def person_wire(self, clock: ProcessClock, weather: Weather, *, traits: BrokerTraits) -> Wire:
        return BorrowedWire(self, self.venue, self._timeline, clock, weather, NobodyWatches(), traits=traits)


class OwnSides:
    """Implements `Sides`."""

    margin = False

    def __init__(
        self, timeline: Timeline, prices: TruePrices, calendar: Calendar, weather: Weather, chance: Random, *,
        lag: float,
    ) -> None:  # fmt: skip
        self._weather = weather
        self.venue = Venue(timeline, prices, calendar, weather, chance, lag=lag)

    def gateway(self, owner: str, accounts: Sequence[str], mandate_of: Callable[[str], Mandate]) -> OwnGateway:
        del accounts, mandate_of
        return OwnGateway(owner, self.venue, self.venue.timeline, self._weather)

    def finished(self, record: CycleRecord) -> None:
        """Its venue keeps no margin."""

    def close(self) -> None:
        """Nothing is open."""
