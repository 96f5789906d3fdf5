"""Our own venue as a broker: the exchange's pure rules, a durable store and the market's prices."""

from prudent.brokers.simulated.broker import SimulatedBroker
from prudent.brokers.simulated.memory import MemoryVenueStore
from prudent.brokers.simulated.storage import Transfer, TransferKind, VenueStore
from prudent.brokers.simulated.store import SqliteVenueStore, open_store

__all__ = [
    "MemoryVenueStore", "SimulatedBroker", "SqliteVenueStore", "Transfer", "TransferKind", "VenueStore", "open_store",
]  # fmt: skip
