"""Returns that know when money came: the yearly rate that makes flows worth nothing (XIRR), and Modified Dietz."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from prudent.domain.performance import Floats, Ints

LOWEST, HIGHEST = -0.9999, 10.0
GRID = 2_000
DAYS_A_YEAR = 365.0
TOLERANCE, STEPS_MAX = 1e-13, 200


@dataclass(frozen=True, slots=True, kw_only=True)
class MoneyWeighted:
    """`rate` a year; None where no rate in (-0.9999, 10) solves. More than one of `roots`: no rate says it alone."""

    rate: float | None
    roots: tuple[float, ...]


def xirr(amounts: Floats, days: Ints) -> MoneyWeighted:
    """The rate r with sum of amount x (1 + r)^(-day / 365) = 0; of several roots the one nearest to 0.

    `amounts` are negative where paid in. What happened on one day counts as one amount.
    """
    dates, at = np.unique(days, return_inverse=True)
    net = np.bincount(at, weights=amounts, minlength=len(dates))
    dates, net = dates[net != 0.0], net[net != 0.0]
    turns = int(np.count_nonzero(np.diff(np.sign(net))))
    if turns == 0:
        return MoneyWeighted(rate=None, roots=())
    # Worth at the last day has the same roots as worth at the first, and no power overflows.
    ages = (dates[-1] - dates) / DAYS_A_YEAR

    def worth(rate: float) -> float:
        return float(np.dot(net, (1.0 + rate) ** ages))

    # One change of sign has one root (Descartes); for more, a grid finds the brackets.
    grid = np.expm1(np.linspace(np.log1p(LOWEST), np.log1p(HIGHEST), 2 if turns == 1 else GRID))
    values = np.array([worth(float(rate)) for rate in grid])
    brackets = np.flatnonzero((values[:-1] <= 0.0) != (values[1:] <= 0.0))
    roots = tuple(brent(worth, float(grid[k]), float(grid[k + 1])) for k in brackets)
    return MoneyWeighted(rate=min(roots, key=abs) if roots else None, roots=roots)


def modified_dietz(opening: float, end: float, flows: Floats, days: Ints, *, length: int) -> float | None:
    """Gain over the mean money at work: (V1 - V0 - F) / (V0 + sum of w x F), w the share of `length` days left (GIPS).

    None where the money at work is not above 0.
    """
    at_work = opening + float(np.sum(flows * (length - days) / length))
    return (end - opening - float(np.sum(flows))) / at_work if at_work > 0.0 else None


def brent(of: Callable[[float], float], low: float, high: float, *, tolerance: float = TOLERANCE) -> float:
    """A root of `of` between `low` and `high`, where its signs differ: interpolation, else bisection (Brent, 1973)."""
    a, b = low, high
    fa, fb = of(a), of(b)
    c, fc, step, last = a, fa, b - a, b - a
    for _ in range(STEPS_MAX):
        if (fb > 0.0) == (fc > 0.0):
            c, fc, step, last = a, fa, b - a, b - a
        if abs(fc) < abs(fb):
            a, b, c, fa, fb, fc = b, c, b, fb, fc, fb
        near = 2.0 * np.finfo(float).eps * abs(b) + 0.5 * tolerance
        half = 0.5 * (c - b)
        if abs(half) <= near or fb == 0.0:
            break
        wanted = interpolated((a, fa), (b, fb), (c, fc)) if abs(last) >= near and abs(fa) > abs(fb) else None
        if wanted is not None and 2.0 * abs(wanted) < min(3.0 * abs(half) - near, abs(last)) and wanted * half > 0.0:
            last, step = step, wanted
        else:
            last, step = half, half
        a, fa = b, fb
        b += step if abs(step) > near else float(np.copysign(near, half))
        fb = of(b)
    return b


def interpolated(one: tuple[float, float], best: tuple[float, float], other: tuple[float, float]) -> float | None:
    """The step from `best` to where a line (two points) or an inverse parabola (three) meets 0; None where flat."""
    (a, fa), (b, fb), (c, fc) = one, best, other
    s = fb / fa
    if a == c:
        p, q = (c - b) * s, 1.0 - s
    else:
        u, r = fa / fc, fb / fc
        p = s * ((c - b) * u * (u - r) - (b - a) * (r - 1.0))
        q = (u - 1.0) * (r - 1.0) * (s - 1.0)
    return -p / q if q != 0.0 else None
