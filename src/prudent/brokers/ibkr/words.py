"""What the gateway tells, in our own words: frozen rows that outlive the connection that they came over."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum

from prudent.domain.errors import Temporary
from prudent.domain.money import ZERO, from_float
from prudent.domain.orders import Side

# What stands on the wire where nothing was set: the largest double, and above it what is read as infinite.
_UNSET_FROM = 1.7e308
ONE = Decimal(1)


def number(value: float | str | None) -> Decimal | None:
    """A number from the wire; None where nothing was set, in any of the ways in which that is said."""
    if value is None or value == "":
        return None
    found = float(value)
    if abs(found) >= _UNSET_FROM:
        return None
    # A whole number is one, however many noughts the wire shows behind it.
    return Decimal(int(found)) if found.is_integer() else from_float(found)


def figure(value: float | str | None) -> Decimal | None:
    """A number where some gateways write words: None for whatever is no finite one."""
    try:
        found = number(value)
    except ValueError:
        return None
    return found if found is not None and found.is_finite() else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Asset:
    """A contract as the gateway names it; `con_id` is its lasting id, `expiry` YYYYMMDD."""

    con_id: int
    sec_type: str
    symbol: str
    currency: str = "USD"
    exchange: str = ""
    primary: str = ""
    multiplier: Decimal = ONE
    local_symbol: str = ""
    trading_class: str = ""
    expiry: str = ""
    strike: Decimal = ZERO
    right: str = ""

    @property
    def desk_symbol(self) -> str:
        """The symbol that the desk knows it by: class shares with a dot, a pair as six letters, a future by its month.

        An option keeps the venue's own spelling, without blanks.
        """
        if self.sec_type in ("STK", "IND"):
            return self.symbol.replace(" ", ".")
        if self.sec_type == "CASH":
            return f"{self.symbol}{self.currency}"
        return (self.local_symbol or self.symbol).replace(" ", "")


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownOrder:
    """An order from the list of open ones or, `completed`, from that of ended ones, which knows no order id."""

    ref: str
    perm_id: int
    account: str
    asset: Asset
    side: Side
    quantity: Decimal
    status: str
    limit: Decimal | None = None
    client_id: int = -1
    order_id: int = 0
    completed: bool = False
    filled: Decimal | None = None
    text: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownStatus:
    """The state of an order; it is often told twice and sometimes not at all."""

    order_id: int
    client_id: int
    perm_id: int
    status: str
    filled: Decimal
    why_held: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownTrade:
    """One execution; `exec_id` up to its last dot is the execution, what follows the version of it."""

    exec_id: str
    ref: str
    perm_id: int
    account: str
    asset: Asset
    side: Side
    quantity: Decimal
    price: Decimal
    time: datetime
    client_id: int = -1
    order_id: int = 0

    @property
    def base(self) -> str:
        head, _dot, tail = self.exec_id.rpartition(".")
        return head if head and tail.isdigit() else self.exec_id

    @property
    def version(self) -> int:
        _head, dot, tail = self.exec_id.rpartition(".")
        return max(int(tail), 1) if dot and tail.isdigit() else 1


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownCost:
    """What one execution cost; it comes after it, sometimes seconds later."""

    exec_id: str
    amount: Decimal
    currency: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownPosition:
    """What an account holds; `average_cost` is per contract: it includes multiplier and commission."""

    account: str
    asset: Asset
    quantity: Decimal
    average_cost: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownError:
    """A message by code; `number` is the request or order that it is about, -1 the connection."""

    number: int
    code: int
    text: str


class Refused(Temporary):
    """A request was answered by an error code instead of an answer."""

    def __init__(self, shown: ShownError) -> None:
        super().__init__(f"the gateway answered with error {shown.code}: {shown.text}")
        self.shown = shown


class Unreadable(Temporary):
    """What the gateway tells cannot be read, so that nobody knows what there is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownTick:
    """One number of a quote: `field` is bid, ask, last, bid_size ...; `delayed` where the gateway says so."""

    number: int
    field: str
    value: Decimal
    delayed: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Listed:
    """A contract with its details: where it is listed, its steps of price and quantity, its last day.

    `ticks` are `(from price, step)`, ascending, as the exchange that it is traded at has told them; `min_tick` is the
    smallest step at any. `rules` names the steps of each of `exchanges`, in their order.
    """

    asset: Asset
    name: str = ""
    min_tick: Decimal = Decimal("0.01")
    ticks: tuple[tuple[Decimal, Decimal], ...] = ()
    exchanges: str = ""
    size_step: Decimal = ONE
    zone: str = ""
    liquid_hours: str = ""
    order_types: str = ""
    rules: str = ""
    underlying: int = 0

    @property
    def rule(self) -> int | None:
        """The number of the price steps at the exchange that it is traded at."""
        places, numbers = self.exchanges.split(","), self.rules.split(",")
        found = next((n for place, n in zip(places, numbers) if place == self.asset.exchange), "")
        return int(found) if found.isdigit() else None

    def tick(self, price: Decimal) -> Decimal:
        """The step of prices around that one."""
        steps = [step for start, step in self.ticks if start <= price and step > 0]
        return steps[-1] if steps else self.min_tick


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownChain:
    """The options on an underlying at one exchange: expiries as YYYYMMDD and strikes, not each of which is listed."""

    exchange: str
    trading_class: str
    multiplier: Decimal
    expiries: tuple[str, ...]
    strikes: tuple[Decimal, ...]


class Style(StrEnum):
    """How an order without a limit leaves: with a cap on its price, as it is, by the algorithm, or at the close."""

    CAPPED = "capped"
    MARKET = "market"
    ADAPTIVE = "adaptive"
    CLOSE = "close"
