"""What a world needs of the other side of the wire, whichever wire it is."""

from collections.abc import Callable, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Protocol

from prudent.domain.cycles import CycleRecord
from prudent.domain.mandate import Mandate
from prudent.domain.orders import Side
from prudent.ports import Broker, BrokerTraits, Calendar, MarketData
from prudent.simulation.faults import Weather
from prudent.simulation.prices import LyingMarket
from prudent.simulation.timeline import ProcessClock, Timeline
from prudent.simulation.venue import VenueAccount, VenueOrder
from prudent.simulation.wire import Watcher


class VenueSide(Protocol):
    """Everything that really happened at the venue, and what people do there by hand."""

    timeline: Timeline
    calendar: Calendar
    accounts: dict[str, VenueAccount]
    halted: dict[str, datetime]
    on_accept: Callable[[VenueOrder], None]
    on_change: Callable[[str], None]

    def open_account(self, account: str, cash: Decimal, positions: dict[str, Decimal]) -> None: ...

    def find(self, account: str, order_ref: str) -> list[VenueOrder]: ...

    def by_hand(
        self, account: str, symbol: str, side: Side, quantity: Decimal, limit: Decimal | None
    ) -> VenueOrder | None: ...

    def end(self, order: VenueOrder, state: str, message: str = "") -> None: ...

    def split(self, account: str, symbol: str, ratio: int) -> None: ...

    def move_money(self, account: str, amount: Decimal) -> None: ...


class ProcessWire(Broker, Protocol):
    """One process's way to the venue."""

    def prices(self, seen: LyingMarket) -> MarketData:
        """Where the process has its prices from; `seen` is the simulator's own source of them."""

    def tell_of(self, order: VenueOrder) -> None:
        """A report that nobody asked for."""


class GatewaySide(Protocol):
    """What stands between one owner's desk and the venue, and what can become of it."""

    upstream: bool

    def wire(
        self, clock: ProcessClock, watcher: Watcher, weather: Weather, *, traits: BrokerTraits
    ) -> ProcessWire: ...

    def person_wire(self, clock: ProcessClock, weather: Weather, *, traits: BrokerTraits) -> ProcessWire:
        """The wire of a person's command, which goes through the engine's connection where there is one."""

    def closed_by(self, wire: object, /) -> None:
        """The process of that wire has ended."""

    def restart(self) -> None: ...

    def lose_upstream(self) -> None: ...

    def regain_upstream(self) -> None: ...

    def reset_upstream(self) -> None: ...

    def heal(self) -> None: ...


class Sides(Protocol):
    """A wire as a kind of world: which faults it knows, its venue, a gateway for each owner."""

    @property
    def venue(self) -> VenueSide: ...

    @property
    def margin(self) -> bool:
        """Whether its venue says beforehand what an order would do to the margin."""

    def gateway(
        self, owner: str, accounts: Sequence[str], mandate_of: Callable[[str], Mandate]
    ) -> GatewaySide: ...

    def finished(self, record: CycleRecord) -> None:
        """Hold the record of a cycle against what the venue had said; asked only where it keeps margin."""

    def close(self) -> None:
        """The world is over."""

