"""How a tear sheet writes numbers: signs that are seen without colour, and a dash for what is not known."""

import math
from collections.abc import Callable
from datetime import date, datetime
from decimal import Decimal

DASH = "—"
MINUS = "−"
# Keeps a number and its unit on one line.
SPACE = "\u00a0"

Number = float | int | Decimal | None
Writer = Callable[[Number], str]


def known(value: Number) -> bool:
    return value is not None and math.isfinite(value)


def _written(value: Number, form: str, *, factor: int = 1) -> str:
    if value is None or not math.isfinite(value):
        return DASH
    text = format(value * factor, form)
    # A value that rounds to nothing has no sign.
    if not text.strip("+-0.,%"):
        text = text.lstrip("+-")
    return text.replace("-", MINUS)


def signed_percent(value: Number) -> str:
    """A gain or loss: `+12.34 %`."""
    return _unit(_written(value, "+,.2f", factor=100), "%")


def percent(value: Number) -> str:
    """A share: `12.34 %`."""
    return _unit(_written(value, ",.2f", factor=100), "%")


def short_percent(value: Number) -> str:
    """A gain or loss where room is scarce: `+12.3`."""
    return _written(value, "+,.1f", factor=100)


def ratio(value: Number) -> str:
    return _written(value, ",.2f")


def money(value: Number) -> str:
    return _written(value, ",.2f")


def signed_money(value: Number) -> str:
    return _written(value, "+,.2f")


def cost(value: Number) -> str:
    """Small amounts, as one call of a model costs."""
    return _written(value, ",.4f")


def whole(value: Number) -> str:
    return _written(value, ",.0f")


def tenth(value: Number) -> str:
    return _written(value, ",.1f")


def quantity(value: Number) -> str:
    """A signed quantity with the decimals that it has."""
    return DASH if not known(value) else _written(value, "+,.10g")


def _unit(text: str, unit: str) -> str:
    return text if text == DASH else f"{text}{SPACE}{unit}"


def day(value: date | None) -> str:
    return DASH if value is None else value.isoformat()


def moment(value: datetime) -> str:
    return f"{value:%Y-%m-%d %H:%M}"


def plural(count: int, one: str, many: str = "") -> str:
    """`1 session`, `2 sessions`."""
    return f"{count:,}{SPACE}{one if count == 1 else many or one + 's'}"
