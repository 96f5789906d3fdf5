"""The best of many runs, beside what the best of as many without skill would have shown."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from prudent.analytics.comparison import Arm, Method, joined
from prudent.analytics.deflated import deflated_sharpe, effective_trials, null_variance, sharpe_variance
from prudent.analytics.normal import expected_maximum
from prudent.analytics.significance import ENOUGH, insufficient, sharpe_shape
from prudent.domain.errors import InputError

SKILL_AT = 0.95


@dataclass(frozen=True, slots=True, kw_only=True)
class Best:
    """The run with the best annual Sharpe ratio of `trials`, a count that includes those not shown.

    `by_luck` is about the best annual Sharpe ratio of `trials` runs without skill in a record of this length, and
    `by_luck_sigmas` the same in standard errors. `probability` is the deflated Sharpe ratio, for `effective` trials.
    """

    id: str
    sharpe: float
    trials: int
    effective: float
    n: int
    by_luck: float
    by_luck_sigmas: float
    probability: float
    sentence: str


def best_of(arms: Sequence[Arm], *, trials: int | None = None, method: Method | None = None) -> Best | None:
    """The best of `arms` on their common days, deflated for `trials`; None where no arm has a Sharpe ratio.

    `trials` counts every backtest of the window, at least the arms themselves. Arms that move alike count as fewer;
    trials that are not here count as one each. The spread of the trials' Sharpe ratios is the greater of that between
    the arms and that of chance, so that a few like arms do not hide a search.
    """
    how = method or Method()
    if not arms:
        raise InputError("the best of no runs is not defined; name one")
    _, rows = joined(arms)
    excess = [how.excess(row) for row in rows]
    shapes = [sharpe_shape(row) for row in excess]
    ranked = [(shape.sharpe, -place) for place, shape in enumerate(shapes) if shape is not None]
    if not ranked:
        return None
    place = -max(ranked)[1]
    count = max(trials or 0, len(arms))
    effective = effective_trials(np.stack(excess, axis=1)) + count - len(arms)
    chance = null_variance(excess[place]) or 0.0
    found = deflated_sharpe(excess[place], trials=effective, variance=max(chance, sharpe_variance(excess) or 0.0))
    if found is None:
        return None
    n, sigmas = len(excess[place]), expected_maximum(count)
    year = math.sqrt(how.periods)
    best = Best(
        id=arms[place].id, sharpe=found.sharpe * year, trials=count, effective=effective, n=n,
        by_luck=sigmas * math.sqrt(chance) * year, by_luck_sigmas=sigmas, probability=found.probability, sentence="",
    )  # fmt: skip
    return _with_sentence(best)


def _with_sentence(best: Best) -> Best:
    if best.n < ENOUGH:
        return replace(best, sentence=f"{insufficient(best.n)}: a Sharpe ratio needs {ENOUGH} days to be judged")
    rest = f"(probability of skill {best.probability:.2f})"
    if best.trials == 1:
        return replace(best, sentence=f"{best.id} has a Sharpe ratio of {best.sharpe:.2f} {rest}")
    verdict = "more than luck would" if best.probability >= SKILL_AT else "which luck may explain"
    return replace(
        best,
        sentence=f"{best.id} has the best Sharpe ratio of {best.trials} trials, {best.sharpe:.2f}, {verdict}: "
        f"the best of {best.trials} without skill shows about {best.by_luck:.2f} {rest}",
    )
