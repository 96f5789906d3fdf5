"""European options by Black, Scholes and Merton: price, greeks, and the volatility that a price implies.

Early exercise of American options is not priced. Theta is per calendar day, vega per point of volatility (0.01).
"""

import math
from dataclasses import dataclass

from prudent.analytics.normal import cdf

DAYS_A_YEAR = 365.0
POINT = 0.01
VOLATILITY_MIN, VOLATILITY_MAX = 1e-4, 5.0
STEPS_MAX = 100
# A price that a volatility this close would change by less than a millionth tells no volatility.
FLAT = 1e-9
_ROOT_TWO_PI = math.sqrt(2.0 * math.pi)


@dataclass(frozen=True, slots=True, kw_only=True)
class Option:
    """What a formula needs to know: `years` to expiry, `rate` and `dividend_yield` continuous, `is_call` or a put."""

    is_call: bool
    spot: float
    strike: float
    years: float
    rate: float = 0.0
    dividend_yield: float = 0.0

    def __post_init__(self) -> None:
        for name, value in (("spot", self.spot), ("strike", self.strike), ("years", self.years)):
            if not (math.isfinite(value) and value > 0.0):
                raise ValueError(f"{name} of an option must be above 0, was {value}")

    @property
    def sign(self) -> float:
        return 1.0 if self.is_call else -1.0

    @property
    def forward_spot(self) -> float:
        """The spot without the dividends until expiry, as of now."""
        return self.spot * math.exp(-self.dividend_yield * self.years)

    @property
    def paid_strike(self) -> float:
        """The strike as of now."""
        return self.strike * math.exp(-self.rate * self.years)

    @property
    def floor(self) -> float:
        """The least that a European option can be worth."""
        return max(0.0, self.sign * (self.forward_spot - self.paid_strike))

    @property
    def ceiling(self) -> float:
        """The most that it can be worth."""
        return self.forward_spot if self.is_call else self.paid_strike


@dataclass(frozen=True, slots=True, kw_only=True)
class Greeks:
    """An option's value and how it changes with spot (`delta`, `gamma`), volatility (`vega`) and a day (`theta`)."""

    price: float
    delta: float
    gamma: float
    vega: float
    theta: float
    rho: float
    volatility: float


def greeks(option: Option, volatility: float) -> Greeks:
    """Value and sensitivities; `rho` is per point of the rate.

    The formulas are those of Hull, Options, Futures, and Other Derivatives, with a continuous dividend yield (Merton).
    """
    d1, d2 = _distances(option, volatility)
    sign, root = option.sign, math.sqrt(option.years)
    spot, strike = option.forward_spot, option.paid_strike
    density = math.exp(-0.5 * d1 * d1) / _ROOT_TWO_PI
    decay = -spot * density * volatility / (2.0 * root)
    carry = sign * (option.dividend_yield * spot * cdf(sign * d1) - option.rate * strike * cdf(sign * d2))
    return Greeks(
        price=sign * (spot * cdf(sign * d1) - strike * cdf(sign * d2)),
        delta=sign * math.exp(-option.dividend_yield * option.years) * cdf(sign * d1),
        gamma=spot * density / (option.spot * option.spot * volatility * root),
        vega=spot * density * root * POINT,
        theta=(decay + carry) / DAYS_A_YEAR,
        rho=sign * strike * option.years * cdf(sign * d2) * POINT,
        volatility=volatility,
    )


def price(option: Option, volatility: float) -> float:
    """The value alone."""
    d1, d2 = _distances(option, volatility)
    sign = option.sign
    return sign * (option.forward_spot * cdf(sign * d1) - option.paid_strike * cdf(sign * d2))


def implied_volatility(option: Option, paid: float) -> float | None:
    """The volatility at which the option is worth `paid`; None where none is, or where any would do.

    A price at or below the floor, or at or above the ceiling, is no model's price; deep in or out of the money a price
    may differ from its floor by less than a float can tell.
    """
    if not (math.isfinite(paid) and option.floor + FLAT < paid < option.ceiling - FLAT):
        return None
    low, high = VOLATILITY_MIN, VOLATILITY_MAX
    if not price(option, low) < paid < price(option, high):
        return None
    guess = 0.3
    for _ in range(STEPS_MAX):
        found = greeks(option, guess)
        gap = found.price - paid
        low, high = (low, guess) if gap > 0.0 else (guess, high)
        slope = found.vega / POINT
        step = guess - gap / slope if slope > 1e-12 else 0.0
        # Newton's step where it stays between the bounds, else the middle of them.
        coming = step if low < step < high else 0.5 * (low + high)
        if abs(coming - guess) < 1e-12:
            return coming
        guess = coming
    return guess


def _distances(option: Option, volatility: float) -> tuple[float, float]:
    if not volatility > 0.0:
        raise ValueError(f"volatility must be above 0, was {volatility}")
    spread = volatility * math.sqrt(option.years)
    d1 = math.log(option.forward_spot / option.paid_strike) / spread + 0.5 * spread
    return d1, d1 - spread
