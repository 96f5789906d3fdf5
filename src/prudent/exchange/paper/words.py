"""What the paper exchange and the gateway in front of it say to each other: contracts, tickets, events, quotes."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Protocol

from prudent.domain.money import ZERO
from prudent.domain.orders import Side


class SecType(StrEnum):
    """Kinds of contract, spelled as on the wire."""

    STOCK = "STK"
    OPTION = "OPT"
    FUTURE = "FUT"
    CONTINUOUS = "CONTFUT"
    FX = "CASH"
    INDEX = "IND"
    COMBO = "BAG"


@dataclass(frozen=True, slots=True, kw_only=True)
class Leg:
    """One leg of a combo: `ratio` contracts for each combo, bought or sold where the combo is bought."""

    con_id: int
    ratio: int
    action: Side
    exchange: str = "SMART"


@dataclass(frozen=True, slots=True, kw_only=True)
class Contract:
    """What is traded, by its lasting `con_id` (0 for a combo); `expiry` is YYYYMMDD, `right` C or P, else empty."""

    con_id: int
    sec_type: SecType
    symbol: str
    currency: str = "USD"
    exchange: str = "SMART"
    primary_exchange: str = ""
    expiry: str = ""
    strike: Decimal = ZERO
    right: str = ""
    multiplier: Decimal = Decimal(1)
    local_symbol: str = ""
    trading_class: str = ""
    legs: tuple[Leg, ...] = ()


class Kind(StrEnum):
    """Order types, spelled as on the wire."""

    MARKET = "MKT"
    LIMIT = "LMT"
    STOP = "STP"
    STOP_LIMIT = "STP LMT"
    TRAIL = "TRAIL"
    TRAIL_LIMIT = "TRAIL LIMIT"
    MARKET_ON_CLOSE = "MOC"
    LIMIT_ON_CLOSE = "LOC"
    MIDPRICE = "MIDPRICE"


class Tif(StrEnum):
    DAY = "DAY"
    GTC = "GTC"
    IOC = "IOC"
    FOK = "FOK"
    GTD = "GTD"
    OPG = "OPG"


class Status(StrEnum):
    """States of an order as clients are told them."""

    PENDING_SUBMIT = "PendingSubmit"
    PRE_SUBMITTED = "PreSubmitted"
    SUBMITTED = "Submitted"
    PENDING_CANCEL = "PendingCancel"
    FILLED = "Filled"
    CANCELLED = "Cancelled"
    INACTIVE = "Inactive"

    @property
    def is_done(self) -> bool:
        return self in (Status.FILLED, Status.CANCELLED, Status.INACTIVE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Ticket:
    """An order as a client asks for it. `(client_id, order_id)` again is a change of it.

    `limit` and `stop` (also the trigger of a trailing stop, and its amount where `trail_percent` is None) are per unit.
    `limit_offset` is how far the limit of a trailing stop limit lies behind its stop, where `limit` does not say it.
    `adaptive` is the priority of the Adaptive algorithm, which trades as its base type. `echo` holds the raw fields of
    the request by name, so that whoever asks is told what was said.
    """

    client_id: int
    order_id: int
    account: str
    contract: Contract
    action: Side
    quantity: Decimal
    kind: Kind = Kind.MARKET
    tif: Tif = Tif.DAY
    limit: Decimal | None = None
    stop: Decimal | None = None
    trail_stop: Decimal | None = None
    trail_percent: Decimal | None = None
    limit_offset: Decimal | None = None
    good_till: datetime | None = None
    outside_rth: bool = False
    transmit: bool = True
    parent_id: int = 0
    oca_group: str = ""
    oca_type: int = 0
    order_ref: str = ""
    adaptive: str = ""
    what_if: bool = False
    echo: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderView:
    """An order as the exchange has it now; `why_held` is e.g. `locate`, `refused` says why it is Inactive."""

    ticket: Ticket
    perm_id: int
    status: Status
    filled: Decimal
    average_price: Decimal
    last_price: Decimal
    accepted: datetime
    changed: datetime
    why_held: str = ""
    refused: str = ""

    @property
    def remaining(self) -> Decimal:
        return self.ticket.quantity - self.filled


@dataclass(frozen=True, slots=True, kw_only=True)
class Execution:
    """One trade. The executions of a combo are one of the combo itself and one a leg; only legs move positions.

    `exec_id` ends in `.01`; a correction repeats it up to the last dot with a higher number. `realized` is None for a
    trade that only opens.
    """

    exec_id: str
    perm_id: int
    client_id: int
    order_id: int
    order_ref: str
    account: str
    contract: Contract
    side: Side
    quantity: Decimal
    price: Decimal
    cumulative: Decimal
    average_price: Decimal
    time: datetime
    exchange: str
    commission: Decimal
    currency: str = "USD"
    realized: Decimal | None = None
    liquidity: int = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class PositionView:
    """What an account holds of one contract; `average_cost` is per unit and includes multiplier and commission."""

    account: str
    contract: Contract
    quantity: Decimal
    average_cost: Decimal
    realized: Decimal = ZERO


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """An answer by error code: `order` names what it is about, None for the connection; a warning ends nothing."""

    code: int
    text: str
    client_id: int = -1
    order_id: int = -1
    warning: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One thing that happened, in order: exactly one of the fields is set."""

    order: OrderView | None = None
    execution: Execution | None = None
    position: PositionView | None = None
    refusal: Refusal | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Margin:
    """What an order would do to an account's margin (whatIf), in the base currency."""

    initial_before: Decimal
    initial_change: Decimal
    initial_after: Decimal
    maintenance_before: Decimal
    maintenance_change: Decimal
    maintenance_after: Decimal
    equity_before: Decimal
    equity_change: Decimal
    equity_after: Decimal
    commission: Decimal


class Phase(StrEnum):
    """Where a contract's trading day stands."""

    CLOSED = "closed"
    PRE = "pre"
    REGULAR = "regular"
    AFTER = "after"


@dataclass(frozen=True, slots=True, kw_only=True)
class Hours:
    """The phase at a moment; `open` and `close` are of the regular session in progress, or of the next one.

    `day_end` is when DAY orders of that session end where they may trade outside regular hours; in the evening after a
    session, the end of that evening.
    """

    phase: Phase
    open: datetime
    close: datetime
    day_end: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Top:
    """The top of the book; None is not known, `close` the last session's close, `halted` trades nothing."""

    con_id: int
    time: datetime
    bid: Decimal | None = None
    ask: Decimal | None = None
    last: Decimal | None = None
    bid_size: Decimal = ZERO
    ask_size: Decimal = ZERO
    last_size: Decimal = ZERO
    open: Decimal | None = None
    high: Decimal | None = None
    low: Decimal | None = None
    close: Decimal | None = None
    volume: Decimal = ZERO
    halted: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What the exchange must know of a contract besides its name.

    Margins are per contract for futures (None elsewhere); `ticks` are `(from price, increment)`, ascending.
    """

    contract: Contract
    ticks: tuple[tuple[Decimal, Decimal], ...]
    initial_margin: Decimal | None = None
    maintenance_margin: Decimal | None = None
    underlying: int = 0
    tradable: bool = True
    last_trade: datetime | None = None
    close_out: datetime | None = None
    size_increment: Decimal = Decimal(1)


class Market(Protocol):
    """What the exchange asks of the market; all of it at the clock's time, unknown contracts answered with None."""

    def facts(self, con_id: int) -> Facts | None: ...

    def top(self, con_id: int) -> Top | None: ...

    def hours(self, con_id: int, at: datetime) -> Hours: ...

    def rate(self, currency: str) -> Decimal | None:
        """Units of the base currency (USD) for one of `currency`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountView:
    """Figures of an account by their names on the wire (`NetLiquidation`, `TotalCashValue` ...): value, currency."""

    account: str
    values: Sequence[tuple[str, str, str]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """A position with its worth now, in the contract's currency; `realized` and `daily` count from the day's begin."""

    account: str
    contract: Contract
    quantity: Decimal
    average_cost: Decimal
    price: Decimal
    value: Decimal
    unrealized: Decimal
    realized: Decimal
    daily: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class Profit:
    """Profit of an account, or of one contract in it: of the day, open, and closed today."""

    daily: Decimal
    unrealized: Decimal
    realized: Decimal
