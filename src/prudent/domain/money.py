"""Money and quantities: exact Decimal rows, float64 columns rounded to the cent, and the crossing between them."""

from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal

from prudent.domain.errors import InputError

CENT = Decimal("0.01")
ZERO = Decimal(0)
FINITE_MAX = Decimal(10) ** 12


def plain(value: Decimal) -> str:
    """`value` as a plain decimal string without exponent or trailing zeros: the one spelling that is hashed."""
    text = str(value)
    if "E" in text:
        text = format(value, "f")
    if "." in text:
        text = text.rstrip("0").rstrip(".")
    return "0" if text in {"-0", ""} else text


def to_cents(value: Decimal) -> Decimal:
    """`value` rounded to the cent, halves away from zero."""
    return value.quantize(CENT, rounding=ROUND_HALF_UP)


def is_finite(value: Decimal) -> bool:
    """True for a number a gate may use: finite, below 10^12 in size, at most 12 decimals."""
    if not value.is_finite() or abs(value) >= FINITE_MAX:
        return False
    exponent = value.normalize().as_tuple().exponent
    return isinstance(exponent, int) and exponent >= -12


def from_float(value: float) -> Decimal:
    """The shortest decimal that reads back as `value`; the named crossing from a column to a row."""
    return Decimal(repr(float(value)))


def parse_decimal(text: str, what: str) -> Decimal:
    """A finite Decimal from outside text, or `InputError` that names `what`."""
    try:
        value = Decimal(text.strip())
    except (ArithmeticError, ValueError) as error:
        raise InputError(f"{what} must be a number, was {text!r}; write it like 1234.56") from error
    if not is_finite(value):
        raise InputError(f"{what} must be a finite number below 10^12, was {text!r}; correct the value")
    return value


def round_cents(x: float) -> float:
    """A column amount rounded to the cent, halves away from zero (kernel; see ADR 0002 for the tolerance)."""
    y = x * 100.0
    if y >= 0.0:
        return float(int(y + 0.5 + y * 4.5e-16 + 1e-9)) / 100.0
    return -float(int(-y + 0.5 - y * 4.5e-16 + 1e-9)) / 100.0


def floor_lots(quantity: float, lot: float) -> float:
    """The largest multiple of `lot` not above `quantity` in magnitude, towards zero (kernel)."""
    n = quantity / lot
    if n >= 0.0:
        return float(int(n + 1e-9)) * lot
    return -float(int(-n + 1e-9)) * lot


@dataclass(frozen=True, slots=True, kw_only=True)
class Money:
    """An amount with its currency; adding two currencies raises."""

    amount: Decimal
    currency: str

    def __post_init__(self) -> None:
        if not self.amount.is_finite():
            raise ValueError(f"money must be finite, was {self.amount}")
        if len(self.currency) != 3 or not self.currency.isupper():
            raise ValueError(f"currency must be a three-letter code, was {self.currency!r}")

    def __add__(self, other: "Money") -> "Money":
        if self.currency != other.currency:
            raise ValueError(f"cannot add {other.currency} to {self.currency}; convert with an FX rate first")
        return Money(amount=self.amount + other.amount, currency=self.currency)

    def __neg__(self) -> "Money":
        return Money(amount=-self.amount, currency=self.currency)

    def __sub__(self, other: "Money") -> "Money":
        return self + (-other)
