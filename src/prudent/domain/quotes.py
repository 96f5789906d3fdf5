"""Prices as seen at one moment, each with its source, age and whether it is real, derived or synthetic."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum


class Quality(StrEnum):
    """Where a number comes from: a market, computed from a market, or a seeded generator."""

    REAL = "REAL"
    DERIVED = "DERIVED"
    SYNTHETIC = "SYNTHETIC"


@dataclass(frozen=True, slots=True, kw_only=True)
class Quote:
    """One instrument's price at the clock's time.

    `price` is what orders are sized and filled on (total-return adjusted where the source has only that),
    `level` the raw price that gates on price level read; `None` means unknown, never zero.
    `previous_close` is on the scale of `price`; `adv_dollars` is the mean of close x volume over the last 20
    completed sessions, of which `adv_sessions` were present.
    """

    symbol: str
    price: Decimal | None
    bid: Decimal | None = None
    ask: Decimal | None = None
    level: Decimal | None = None
    previous_close: Decimal | None = None
    previous_level: Decimal | None = None
    adv_dollars: Decimal | None = None
    adv_sessions: int = 0
    as_of: datetime | None = None
    age_seconds: Decimal | None = None
    source: str = ""
    quality: Quality = Quality.REAL
    market_open: bool = False
    rsi_14: Decimal | None = None
    second_price: Decimal | None = None
    second_source: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class LivePrice:
    """What a venue quotes now; `as_of` is when it last changed as far as we saw, `delayed` where the venue says so."""

    price: Decimal
    as_of: datetime
    bid: Decimal | None = None
    ask: Decimal | None = None
    delayed: bool = False
    quality: Quality = Quality.REAL


@dataclass(frozen=True, slots=True, kw_only=True)
class VenueBars:
    """Bars of one contract as its venue gave them: `keys` are days or seconds since 1970, the columns are in step.

    `adjusted` are closes with later dividends and splits taken out, where the venue has them.
    """

    contract: int
    keys: tuple[int, ...]
    columns: Mapping[str, tuple[float, ...]]
    adjusted: tuple[float, ...] | None = None
    quality: Quality = Quality.REAL
