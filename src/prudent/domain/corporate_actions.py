"""Dividends, splits and delistings as values, and what each does to a holding."""

from dataclasses import dataclass
from datetime import date
from decimal import ROUND_DOWN, Decimal
from fractions import Fraction

from prudent.domain.money import ZERO, is_finite, plain, to_cents

ONE = Decimal(1)
# The finest quantity that a gate accepts to read.
QUANTITY_STEP = Decimal("0.000000000001")
# Sources cut ratios like 1/30 after six digits; a ratio this near to a simple fraction is that fraction.
RATIO_TOLERANCE = Fraction(2, 100_000)
RATIO_DENOMINATOR_MAX = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Dividend:
    """Cash of `amount` for each share that was held before the open of `day`; who is short pays it."""

    symbol: str
    day: date
    amount: Decimal

    def __post_init__(self) -> None:
        _above_zero(self.symbol, "a dividend", self.amount)

    @property
    def ref(self) -> str:
        return f"{self.symbol}:{self.day}:dividend"


@dataclass(frozen=True, slots=True, kw_only=True)
class Split:
    """`ratio` shares for each one held before the open of `day`; what is no whole `lot` is paid at `price`."""

    symbol: str
    day: date
    ratio: Decimal
    price: Decimal
    lot: Decimal = ONE

    def __post_init__(self) -> None:
        _above_zero(self.symbol, "a split's ratio", self.ratio)
        _above_zero(self.symbol, "a split's price", self.price)
        _above_zero(self.symbol, "a lot", self.lot)
        if self.ratio == 1:
            raise ValueError(f"a split of {self.symbol} must change the number of shares, its ratio was 1")

    @property
    def ref(self) -> str:
        return f"{self.symbol}:{self.day}:split"

    @property
    def exact(self) -> Fraction:
        """The ratio as it was meant: the simple fraction that a source has rounded, else the ratio itself."""
        told = Fraction(self.ratio)
        simple = told.limit_denominator(RATIO_DENOMINATOR_MAX)
        # Reverse splits are simple the other way round: one share for thirty.
        inverse = (1 / told).limit_denominator(RATIO_DENOMINATOR_MAX)
        near = [each for each in (simple, 1 / inverse if inverse else simple) if each > 0]
        best = min(near, key=lambda each: abs(each - told), default=told)
        return best if abs(best / told - 1) <= RATIO_TOLERANCE else told


@dataclass(frozen=True, slots=True, kw_only=True)
class Delisting:
    """The symbol trades no more: every share is paid out at `price`, its last one."""

    symbol: str
    day: date
    price: Decimal

    def __post_init__(self) -> None:
        _above_zero(self.symbol, "a last price", self.price)

    @property
    def ref(self) -> str:
        return f"{self.symbol}:{self.day}:delisting"


CorporateAction = Dividend | Split | Delisting


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What an action does to one signed holding: `quantity` before, `after` it, `paid_out` at a price for `cash`.

    `grown` came by the action itself and cost nothing: quantity + grown - paid_out = after. A short pays, so its cash
    is below 0.
    """

    quantity: Decimal
    grown: Decimal = ZERO
    paid_out: Decimal = ZERO
    cash: Decimal = ZERO

    @property
    def after(self) -> Decimal:
        return _tidy(self.quantity + self.grown - self.paid_out)


def outcome(quantity: Decimal, action: CorporateAction) -> Outcome:
    """The effect of `action` on a signed holding; on nothing it has none. Money is rounded to the cent once."""
    match action:
        case Dividend():
            return Outcome(quantity=quantity, cash=to_cents(quantity * action.amount))
        case Delisting():
            return Outcome(quantity=quantity, paid_out=quantity, cash=to_cents(quantity * action.price))
        case Split():
            return _split(quantity, action)


def _split(quantity: Decimal, split: Split) -> Outcome:
    exact = Fraction(quantity) * split.exact
    lots = int(exact / Fraction(split.lot))
    whole = lots * split.lot
    rest = exact - Fraction(whole)
    paid_out = (Decimal(rest.numerator) / Decimal(rest.denominator)).quantize(QUANTITY_STEP, rounding=ROUND_DOWN)
    return Outcome(
        quantity=quantity, grown=_tidy(whole + paid_out - quantity), paid_out=_tidy(paid_out),
        cash=to_cents(paid_out * split.price),
    )  # fmt: skip


def _tidy(value: Decimal) -> Decimal:
    return Decimal(plain(value))


def _above_zero(symbol: str, what: str, value: Decimal) -> None:
    if not (is_finite(value) and value > 0):
        raise ValueError(f"{what} of {symbol} must be above 0 and have at most 12 decimals, was {value}")
