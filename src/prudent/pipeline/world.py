"""The ports that one account's cycle reads and writes, wired by bootstrap for the mode at hand."""

from collections.abc import Callable
from dataclasses import dataclass

from prudent.domain.accounts import Mode
from prudent.domain.cycles import Interlock
from prudent.domain.mandate import Mandate
from prudent.ports import (
    Broker,
    Calendar,
    Clock,
    Instruments,
    Ledger,
    MarketData,
    ReadFile,
    Strategy,
    TargetOf,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """`interlocks` are read at each observation; `stop_reason` once more before each submit (None = may send)."""

    mode: Mode
    clock: Clock
    calendar: Calendar
    instruments: Instruments
    market: MarketData
    broker: Broker
    ledger: Ledger
    strategy: Strategy
    code_version: str
    interlocks: Callable[[str], tuple[Interlock, ...]]
    stop_reason: Callable[[str], str | None]
    target_of: TargetOf
    read_file: ReadFile

    def symbols(self, mandate: Mandate) -> tuple[str, ...]:
        """What the strategy must observe before it decides; wrong targets raise `InputError` here, before any cycle."""
        return self.strategy.symbols(mandate, self.read_file, self.target_of)
