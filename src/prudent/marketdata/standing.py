"""What a quote says that changes only from session to session: last close, liquidity, spread and RSI of one symbol."""

from dataclasses import dataclass
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal

import numpy as np

from prudent.domain.money import CENT, from_float
from prudent.domain.quotes import Quality
from prudent.marketdata.columns import DailyColumns
from prudent.marketdata.indicators import RSI_CLOSES, wilder_rsi

PRICE_DECIMALS = 6
SMALL_STEP = Decimal("0.0001")
TINY_STEP = Decimal("0.000001")
# Half-spreads by liquidity: dollars a day from which a tier holds, and its fraction of the price.
SPREAD_TIERS = (
    (500_000_000.0, Decimal("0.0001")),
    (100_000_000.0, Decimal("0.0002")),
    (20_000_000.0, Decimal("0.0003")),
    (0.0, Decimal("0.0004")),
)


@dataclass(frozen=True, slots=True)
class Standing:
    """One symbol as of its last completed bar, `row` of its columns; `half_spread` of None means no bid and ask."""

    row: int
    day: int
    close: Decimal
    raw_close: Decimal
    quality: Quality
    adv_dollars: Decimal | None
    adv_sessions: int
    half_spread: Decimal | None
    rsi_14: Decimal | None


def to_decimal(value: float, places: int = PRICE_DECIMALS) -> Decimal:
    """A column value as a row value with at most `places` decimals."""
    return from_float(round(value, places))


def standing_of(columns: DailyColumns, *, last_day: int, adv_first_day: int) -> Standing | None:
    """The symbol after the session of `last_day`, its liquidity since `adv_first_day`; `None` before its first bar."""
    row = int(np.searchsorted(columns.days, last_day, side="right")) - 1
    if row < 0:
        return None
    close, raw = columns.fields["close"], columns.fields["raw_close"]
    first = int(np.searchsorted(columns.days, adv_first_day))
    dollars = raw[first : row + 1] * columns.fields["volume"][first : row + 1]
    dollars = dollars[np.isfinite(dollars)]
    adv = float(np.sum(dollars)) / len(dollars) if len(dollars) else None
    rsi = wilder_rsi(close[max(0, row + 1 - RSI_CLOSES) : row + 1])
    return Standing(
        row=row,
        day=int(columns.days[row]),
        close=to_decimal(float(close[row])),
        raw_close=to_decimal(float(raw[row])),
        quality=columns.quality_of("close", row, row + 1),
        adv_dollars=None if adv is None else to_decimal(adv, 2),
        adv_sessions=len(dollars),
        half_spread=None if adv is None else next(part for least, part in SPREAD_TIERS if adv >= least),
        rsi_14=None if rsi is None else to_decimal(rsi, 4),
    )


def spread_around(price: Decimal, half_spread: Decimal | None) -> tuple[Decimal | None, Decimal | None]:
    """A synthetic bid and ask: outwards to the cent, or to finer steps where adjusted prices are below a dollar."""
    if half_spread is None:
        return None, None
    step = CENT if price >= 1 else SMALL_STEP if price >= CENT else TINY_STEP
    half = max(price * half_spread, step / 2)
    bid = ((price - half) / step).to_integral_value(ROUND_FLOOR) * step
    ask = ((price + half) / step).to_integral_value(ROUND_CEILING) * step
    return max(bid, step), ask
