"""What can be held or quoted: identity, lot, tick, multiplier, currency and sector."""

import re
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

from prudent.domain.errors import InputError
from prudent.domain.futures import ALIASES

CASH = "CASH"
UNKNOWN_SECTOR = "UNKNOWN"
# The sectors of GICS, as the instrument list names them.
SECTORS = (
    "Communication Services", "Consumer Discretionary", "Consumer Staples", "Energy", "Financials", "Health Care",
    "Industrials", "Information Technology", "Materials", "Real Estate", "Utilities",
)  # fmt: skip
_SYMBOL = re.compile(r"[A-Z0-9^][A-Z0-9]{0,9}(\.[A-Z]{1,2})?")


class InstrumentKind(StrEnum):
    """The kinds that a portfolio meets; options come with their own strategies."""

    STOCK = "stock"
    ETF = "etf"
    INDEX = "index"
    FX = "fx"
    OPTION = "option"
    FUTURE = "future"


@dataclass(frozen=True, slots=True, kw_only=True)
class Instrument:
    """One tradable thing, `SYMBOL.VENUE`; `lot` is the smallest step of quantity, `tick` of price."""

    symbol: str
    venue: str
    kind: InstrumentKind
    currency: str = "USD"
    lot: Decimal = Decimal(1)
    tick: Decimal = Decimal("0.01")
    multiplier: Decimal = Decimal(1)
    sector: str = UNKNOWN_SECTOR
    name: str = ""
    tradable: bool = True

    def __post_init__(self) -> None:
        for label, value in (("lot", self.lot), ("tick", self.tick), ("multiplier", self.multiplier)):
            if not (value.is_finite() and value > 0):
                raise ValueError(f"{label} of {self.symbol} must be above 0, was {value}")

    @property
    def id(self) -> str:
        return f"{self.symbol}.{self.venue}"


def normalise_symbol(text: str) -> str:
    """`BRK B`, `BRK-B`, `$brk.b` and `NYSE:BRK.B` all mean `BRK.B`; an alias such as `ES1!` stays what it is.

    Anything else odd is refused.

    Raises:
        InputError: the text is no ticker (empty, not ASCII, odd characters).
    """
    raw = text.strip()
    candidate = raw.upper().removeprefix("$")
    if ":" in candidate:
        candidate = candidate.rsplit(":", 1)[1]
    if candidate in ALIASES:
        return candidate
    candidate = re.sub(r"[ /-]+", ".", candidate.strip())
    if not raw.isascii() or not _SYMBOL.fullmatch(candidate):
        raise InputError(f"symbol must be a ticker like AAPL or BRK.B, was {text!r}; correct the row")
    return candidate
