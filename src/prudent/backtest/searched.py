"""What a search among many backtests found, and whether its best is more than the luck of having tried so many."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from prudent.analytics.comparison import Arm, joined
from prudent.analytics.overfitting import backtest_overfitting
from prudent.analytics.selection import Best, best_of
from prudent.analytics.significance import ENOUGH
from prudent.domain.records import Json

BLOCKS, BLOCKS_OF_MANY, MANY = 16, 10, 500
COMPLETED, OPEN = "completed", "open"


@dataclass(frozen=True, slots=True, kw_only=True)
class Tried:
    """One combination: its values, and the backtest that tried it; `arm` is None where its days are not here."""

    place: int
    values: tuple[str, ...]
    id: str = ""
    status: str = OPEN
    note: str = ""
    summary: Mapping[str, Json]
    arm: Arm | None = None

    @property
    def sharpe(self) -> float | None:
        value = self.summary.get("sharpe")
        return float(value) if isinstance(value, str) else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Searched:
    """`trials` counts every look at the window; `overfitting` is the PBO, None where it cannot be told."""

    trials: int
    best: Best | None
    overfitting: float | None
    sentences: tuple[str, ...]


def ranked(tried: Sequence[Tried]) -> tuple[Tried, ...]:
    """The best Sharpe ratio first; what has none comes last, as it came."""
    return tuple(sorted(tried, key=lambda each: (each.sharpe is None, -(each.sharpe or 0.0), each.place)))


def searched(tried: Sequence[Tried], *, trials: int) -> Searched:
    """Judge the complete ones; what failed, ended early or is not done has no part in any figure."""
    arms = [each.arm for each in tried if each.status == COMPLETED and each.arm is not None]
    done = sum(each.status == COMPLETED for each in tried)
    said = [f"{trials} different backtests have looked at this window so far, those of this sweep among them"]
    if done < len(tried):
        said.append(f"{len(tried) - done} of {len(tried)} combinations are without a complete result and count nowhere")
    if len(arms) < done:
        said.append(f"the days of {done - len(arms)} results lie on another machine and are left out of what follows")
    if not arms:
        return Searched(trials=trials, best=None, overfitting=None, sentences=tuple(said))
    best = best_of(arms, trials=trials)
    if best is not None:
        said.append(best.sentence)
    overfitting = None
    if len(arms) > 1:
        overfitting, why = _overfitting(arms)
        said.append(why)
    return Searched(trials=trials, best=best, overfitting=overfitting, sentences=tuple(said))


def _overfitting(arms: Sequence[Arm]) -> tuple[float | None, str]:
    _, rows = joined(arms)
    returns = np.stack(rows, axis=1)
    if len(returns) < ENOUGH:
        return None, f"too few days to tell overfitting: {len(returns)} of {ENOUGH}"
    if bool(np.all(np.ptp(returns, axis=1) == 0.0)):
        return None, "every variant has the same returns: nothing was chosen, and overfitting cannot be told"
    blocks = BLOCKS if len(arms) <= MANY else BLOCKS_OF_MANY
    found = backtest_overfitting(returns, blocks=blocks)
    share = found.probability
    verdict = "choosing by this table is no better than chance" if share >= 0.5 else "the order tells something"
    return share, (
        f"probability of overfitting {share:.2f}: in so many of {len(found.logits):,} splits of the window the best "
        f"variant of one half was below the median in the other; {verdict}"
    )
