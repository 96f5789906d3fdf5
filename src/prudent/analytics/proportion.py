"""How sure a share of so many tries is: the exact binomial interval."""

from collections.abc import Callable
from math import comb

STEPS = 60


def binomial_interval(hits: int, tries: int, *, level: float = 0.95) -> tuple[float, float]:
    """The Clopper-Pearson interval of a probability of which `hits` of `tries` came; (0, 1) without a try.

    Exact, so at least `level` is covered. Clopper and Pearson (1934), solved by bisection of the binomial tail.
    """
    if not 0 <= hits <= tries:
        raise ValueError(f"hits must be between 0 and {tries}, was {hits}")
    if not 0.0 < level < 1.0:
        raise ValueError(f"level must be between 0 and 1, was {level}")
    tail = (1.0 - level) / 2.0
    low = 0.0 if hits == 0 else _where(lambda p: 1.0 - _at_most(hits - 1, tries, p) < tail)
    high = 1.0 if hits == tries else _where(lambda p: _at_most(hits, tries, p) > tail)
    return low, high


def _at_most(hits: int, tries: int, p: float) -> float:
    return sum(comb(tries, k) * p**k * (1.0 - p) ** (tries - k) for k in range(hits + 1))


def _where(still: Callable[[float], bool]) -> float:
    """The probability up to which `still` holds."""
    low, high = 0.0, 1.0
    for _ in range(STEPS):
        middle = (low + high) / 2.0
        low, high = (middle, high) if still(middle) else (low, middle)
    return (low + high) / 2.0
