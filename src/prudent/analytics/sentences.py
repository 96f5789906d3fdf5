"""What a comparison says, in exactly one plain sentence."""

import math
from dataclasses import dataclass
from enum import StrEnum

from prudent.analytics.paired import Estimate
from prudent.analytics.significance import ENOUGH, insufficient

# A longer wait is not a number that helps.
YEARS_SHOWN = 1_000


class Verdict(StrEnum):
    """What a comparison may say; `FIRST` and `SECOND` name the better one."""

    FIRST = "first"
    SECOND = "second"
    NOT_DISTINGUISHABLE = "not_distinguishable"
    IDENTICAL = "identical"
    INSUFFICIENT = "insufficient"


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """What a sentence is made from; `mean` is of a year, `family_p` the p value corrected for `family` comparisons."""

    first: str
    second: str
    n: int
    differing: int
    mean: Estimate | None
    years_needed: float | None
    family_p: float | None = None
    family: int = 1


def sentence_of(verdict: Verdict, said: Said) -> str:
    """One sentence without a full stop, for a line of a screen or a report."""
    if verdict is Verdict.IDENTICAL:
        return f"identical: {said.first} and {said.second} earned the same on each of {said.n} days"
    if verdict is Verdict.INSUFFICIENT or said.mean is None:
        return _insufficient(said)
    mean = said.mean
    if verdict is Verdict.NOT_DISTINGUISHABLE:
        more, less = (said.second, said.first) if mean.value >= 0.0 else (said.first, said.second)
        return (
            f"not distinguishable: {more} earned {percent(abs(mean.value))} % a year more than {less} "
            f"({interval(said)}), and it would take {waiting(said.years_needed)} to tell"
        )
    better = said.second if verdict is Verdict.SECOND else said.first
    return f"{better} is better by {percent(abs(mean.value))} % a year ({interval(said)})"


def _insufficient(said: Said) -> str:
    if said.n < ENOUGH:
        return f"{insufficient(said.n)}: a verdict needs {ENOUGH} days that {said.first} and {said.second} both have"
    pair = f"{said.first} and {said.second}"
    return f"{insufficient(said.n)}: {pair} differ on only {said.differing} of these days"


def interval(said: Said) -> str:
    """Interval and p value of the difference, seen from the side that earned more."""
    mean = said.mean
    if mean is None or mean.low is None or mean.high is None:
        return "no interval"
    low, high = (mean.low, mean.high) if mean.value >= 0.0 else (-mean.high, -mean.low)
    shown = f"{100.0 * mean.confidence:.0f} % CI {percent(low)} to {percent(high)}, {chance(mean.p)}"
    if said.family_p is None or said.family < 2:
        return shown
    return f"{shown}, {chance(said.family_p)} among {said.family} comparisons"


def waiting(years: float | None) -> str:
    if years is None or math.isinf(years):
        return "forever"
    if years > YEARS_SHOWN:
        return f"more than {YEARS_SHOWN:,} years"
    return f"about {years:.0f} years" if years >= 2.0 else f"about {years:.1f} years"


def chance(p: float) -> str:
    """A p value as people write it; what would round to the other side of a level keeps its digits."""
    if p < 0.001:
        return "p < 0.001"
    if p >= 0.1:
        return f"p {p:.2f}"
    return f"p {p:.3f}"


def percent(fraction: float) -> str:
    """A fraction in percent, with more digits where it is small; never -0."""
    value = 100.0 * fraction
    digits = 1 if abs(value) >= 0.95 else 2
    text = f"{value:.{digits}f}"
    return text.lstrip("-") if float(text) == 0.0 else text
