"""The Sharpe ratio after the search that found it: what the best of many worthless trials would have shown."""

import math
from dataclasses import dataclass

import numpy as np

from prudent.analytics.normal import expected_maximum
from prudent.analytics.significance import finite, probabilistic_sharpe, sharpe_shape
from prudent.domain.errors import InputError
from prudent.domain.performance import Floats


@dataclass(frozen=True, slots=True, kw_only=True)
class Deflated:
    """`probability` that the true Sharpe ratio is over `threshold`: the best of `trials` without skill, of a period."""

    probability: float
    threshold: float
    sharpe: float
    trials: float


def expected_best_sharpe(*, trials: float, variance: float) -> float:
    """About the best Sharpe ratio among `trials` without skill whose Sharpe ratios vary by `variance`, in its unit."""
    if trials < 1.0 or not variance >= 0.0:
        raise InputError(f"trials must be 1 or more and variance 0 or more, were {trials:g} and {variance:g}")
    return math.sqrt(variance) * expected_maximum(trials)


def deflated_sharpe(returns: Floats, *, trials: float, variance: float) -> Deflated | None:
    """The probability that the Sharpe ratio of the selected `returns` is skill, after so many independent `trials`.

    `variance` is that of the trials' Sharpe ratios of a period (an annual one divided by the periods of a year).
    Bailey and Lopez de Prado (2014).
    """
    threshold = expected_best_sharpe(trials=trials, variance=variance)
    shape, probability = sharpe_shape(returns), probabilistic_sharpe(returns, above=threshold)
    if shape is None or probability is None:
        return None
    return Deflated(probability=probability, threshold=threshold, sharpe=shape.sharpe, trials=trials)


def sharpe_variance(trials: list[Floats]) -> float | None:
    """The variance of the trials' Sharpe ratios of a period; None below two trials that have one."""
    shapes = [sharpe_shape(each) for each in trials]
    known = [each.sharpe for each in shapes if each is not None]
    return float(np.var(known, ddof=1)) if len(known) > 1 else None


def null_variance(returns: Floats) -> float | None:
    """The variance that a Sharpe ratio of a period has by chance in a record of this length: 1/(n-1).

    For a search of which only the number of trials is known.
    """
    n = len(finite(returns))
    return 1.0 / (n - 1) if n > 1 else None


def effective_trials(returns: Floats) -> float:
    """How many independent trials the columns of `returns[t, trial]` are worth, 1 to their number.

    r + (1-r) N with r their mean correlation, a negative one taken as 0 (Bailey and Lopez de Prado 2014, A.3). A trial
    that never moves is none.
    """
    moving = returns[:, np.ptp(returns, axis=0) > 0.0]
    count = int(moving.shape[1])
    if count <= 1 or returns.shape[0] < 3:
        return 1.0
    # The sum over the correlation matrix, which is too large to be made for ten thousand trials.
    standard = (moving - moving.mean(axis=0)) / moving.std(axis=0)
    together = float(np.sum(standard.sum(axis=1) ** 2)) / len(moving)
    mean = max(0.0, (together - count) / (count * (count - 1)))
    return max(1.0, mean + (1.0 - mean) * count)
