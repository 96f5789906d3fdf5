"""How much a comparison can see: the smallest difference it would find, and how long it takes to find one."""

import math
from dataclasses import dataclass

from prudent.analytics.normal import quantile, two_sided
from prudent.domain.errors import InputError

POWER = 0.80
LEVEL = 0.05


@dataclass(frozen=True, slots=True, kw_only=True)
class QuickTest:
    """A difference of two annual Sharpe ratios by formula: for a first look, not for a verdict."""

    difference: float
    error: float
    z: float
    p: float


def reach(*, level: float = LEVEL, power: float = POWER) -> float:
    """How many standard errors a true difference must measure to be found with `power` at `level`: 2.80."""
    return quantile(1.0 - level / 2.0) + quantile(power)


def jobson_korkie(
    first: float, second: float, *, correlation: float, years: float, periods: float = 252.0
) -> QuickTest:
    """`first` less `second`, two annual Sharpe ratios over the same `years`, by Jobson-Korkie-Memmel (2003).

    Var = (2 - 2r + (a^2 + b^2 - 2 a b r^2)/2) / n with a, b of a period. It holds for normal returns that do not
    depend on each other; heavy tails make it too sure of itself.
    """
    if not (years > 0.0 and -1.0 <= correlation <= 1.0):
        raise InputError(f"years must be over 0 and correlation in -1..1, were {years:g} and {correlation:g}")
    a, b = first / math.sqrt(periods), second / math.sqrt(periods)
    per_period = 2.0 - 2.0 * correlation + 0.5 * (a * a + b * b - 2.0 * a * b * correlation**2)
    error = math.sqrt(max(per_period, 0.0) / years)
    z = (first - second) / error if error > 0.0 else math.copysign(math.inf, first - second)
    if first == second:
        z = 0.0
    return QuickTest(difference=first - second, error=error, z=z, p=two_sided(z))


def sharpe_years(first: float, second: float, *, correlation: float, periods: float = 252.0) -> float:
    """After how many years a difference of two annual Sharpe ratios is found 8 times in 10; inf where there is none."""
    test = jobson_korkie(first, second, correlation=correlation, years=1.0, periods=periods)
    return years_needed(difference=test.difference, error=test.error, years=1.0)


def years_needed(*, difference: float, error: float, years: float) -> float:
    """After how many years a true `difference` is found 8 times in 10, when its `error` after `years` is so large."""
    if error == 0.0:
        return 0.0 if difference else math.inf
    return years * (reach() * error / abs(difference)) ** 2 if difference else math.inf
