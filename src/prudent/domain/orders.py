"""Orders from intent to fill: sides, effects, states, and the rows that leave and enter at a broker's door."""

import base64
import hashlib
import re
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum

from prudent.domain.futures import point_value
from prudent.domain.money import ZERO
from prudent.domain.quotes import Quality
from prudent.domain.records import Json, encode
from prudent.domain.spelling import digest_of

_REF = re.compile(r"[A-Z2-7]{24}")


class Side(StrEnum):
    BUY = "BUY"
    SELL = "SELL"

    @property
    def sign(self) -> int:
        return 1 if self is Side.BUY else -1


class Effect(StrEnum):
    """What an order does to the position it meets; an order never crosses zero, the planner splits it."""

    OPEN = "OPEN"
    CLOSE = "CLOSE"
    SHORT = "SHORT"
    COVER = "COVER"

    @property
    def reduces(self) -> bool:
        return self in (Effect.CLOSE, Effect.COVER)


class OrderType(StrEnum):
    MARKET = "MARKET"
    LIMIT = "LIMIT"


class TimeInForce(StrEnum):
    DAY = "DAY"
    GTC = "GTC"
    IOC = "IOC"


class OrderStatus(StrEnum):
    """Every state an order can be in; `UNKNOWN` is an answer of its own and never means refused."""

    PROPOSED = "PROPOSED"
    DENIED = "DENIED"
    APPROVED = "APPROVED"
    SENDING = "SENDING"
    UNKNOWN = "UNKNOWN"
    ACKED = "ACKED"
    HELD = "HELD"
    PARTIAL = "PARTIAL"
    PEND_CANCEL = "PEND_CANCEL"
    PEND_REPLACE = "PEND_REPLACE"
    FILLED = "FILLED"
    CANCELLED = "CANCELLED"
    REJECTED = "REJECTED"
    EXPIRED = "EXPIRED"
    NOT_SENT = "NOT_SENT"
    ORPHAN = "ORPHAN"
    WOULD_SEND = "WOULD_SEND"
    FILLED_LATE = "FILLED_LATE"
    PARTIAL_LATE = "PARTIAL_LATE"

    @property
    def is_done(self) -> bool:
        return self in DONE


DONE = frozenset({
    OrderStatus.DENIED, OrderStatus.FILLED, OrderStatus.CANCELLED, OrderStatus.REJECTED,
    OrderStatus.EXPIRED, OrderStatus.NOT_SENT, OrderStatus.WOULD_SEND,
    OrderStatus.FILLED_LATE, OrderStatus.PARTIAL_LATE,
})  # fmt: skip


def order_ref(account: str, cycle: str, instrument: str, leg: str, decision_hash: str) -> str:
    """The one id of an intent: base32 of SHA-256 over its parts, 24 characters; same decision, same id."""
    text = "|".join((account, cycle, instrument, leg, decision_hash))
    return base64.b32encode(hashlib.sha256(text.encode()).digest()).decode()[:24]


def is_ours(ref: str) -> bool:
    """True for a ref of the form that `order_ref` makes; what people and other programs write looks otherwise."""
    return bool(_REF.fullmatch(ref))


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderIntent:
    """An order that may be sent once: the broker knows it by `order_ref` and trades it at most once."""

    order_ref: str
    account: str
    symbol: str
    side: Side
    quantity: Decimal
    effect: Effect
    type: OrderType = OrderType.MARKET
    limit_price: Decimal | None = None
    time_in_force: TimeInForce = TimeInForce.DAY
    reference_price: Decimal | None = None

    def __post_init__(self) -> None:
        if not (self.quantity.is_finite() and self.quantity > 0):
            raise ValueError(f"quantity of {self.symbol} must be above 0, was {self.quantity}")
        if self.type is OrderType.LIMIT and self.limit_price is None:
            raise ValueError(f"a limit order for {self.symbol} needs limit_price")

    @property
    def seal(self) -> str:
        """SHA-256 over the canonical fields: what was approved is what leaves."""
        return digest_of(self)

    def as_json(self) -> Json:
        return encode(self)


@dataclass(frozen=True, slots=True, kw_only=True)
class Fill:
    """One execution; `commission` is what it cost in the account's currency, `quality` that of its price.

    A venue may correct it: the same `exec_id` with a higher `version` replaces it, `busted` takes it back.
    """

    exec_id: str
    order_ref: str
    account: str
    symbol: str
    side: Side
    quantity: Decimal
    price: Decimal
    commission: Decimal
    time: datetime
    quality: Quality = Quality.REAL
    version: int = 1
    busted: bool = False

    def __post_init__(self) -> None:
        if not (self.quantity > 0 and self.price > 0 and self.commission >= 0):
            raise ValueError(f"fill {self.exec_id} must have quantity and price above 0 and commission from 0")

    @property
    def notional(self) -> Decimal:
        """What the contracts or shares are worth at the price; a future counts with all that it stands for."""
        return self.quantity * self.price * point_value(self.symbol)

    @property
    def cash_effect(self) -> Decimal:
        """Change of cash, exact: a buy pays price and commission, a sell receives price less commission."""
        return -self.side.sign * self.notional - self.commission


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenOrder:
    """An order that is live at the broker, ours or not (`ours` is told by the prefix of our refs)."""

    order_ref: str
    symbol: str
    side: Side
    remaining: Decimal
    limit_price: Decimal | None = None
    status: OrderStatus = OrderStatus.ACKED
    ours: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderReport:
    """What is known of one order after asking the broker; `venue_id` is the venue's own lasting id of it."""

    order_ref: str
    symbol: str
    side: Side
    quantity: Decimal
    status: OrderStatus
    filled: Decimal = ZERO
    fills: tuple[Fill, ...] = ()
    message: str = ""
    venue_id: str = ""

    @property
    def remaining(self) -> Decimal:
        return self.quantity - self.filled
