"""The ports that one account's cycle reads and writes, wired by bootstrap for the mode at hand."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal

from prudent.domain.accounts import Mode
from prudent.domain.cycles import Interlock
from prudent.ports import Broker, Calendar, Clock, Instruments, Ledger, MarketData, Strategy


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
    target_of: Callable[[str], Mapping[str, Decimal]]
    read_file: Callable[[str], str]
