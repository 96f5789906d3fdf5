"""How often the variant that was best in one half of the record is below the median in the other half."""

from dataclasses import dataclass
from itertools import combinations

import numpy as np

from prudent.analytics.significance import Score
from prudent.domain.errors import InputError
from prudent.domain.performance import Floats, Ints

BLOCKS_MAX = 20
# Splits times variants handled at a time: about 60 MB of float64 work.
AT_A_TIME = 1_000_000


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Overfitting:
    """PBO and what it was read from; row = split.

    `probability` is the share of logits at or below 0. `chosen`, `inside` and `outside` are the variant that was best
    in the chosen half, and its scores there and in the other half. `slope` is the regression of `outside` on `inside`,
    None where `inside` never differs; `loss` is the share of splits that scored below 0 outside.
    """

    probability: float
    logits: Floats
    chosen: Ints
    inside: Floats
    outside: Floats
    slope: float | None
    loss: float


def backtest_overfitting(returns: Floats, *, blocks: int = 16, score: Score = Score.SHARPE) -> Overfitting:
    """The probability of backtest overfitting of variants `returns[t, variant]`, by symmetric cross-validation.

    The sessions are cut into `blocks` (even) consecutive ones; each half of the blocks chooses, the other judges.
    Bailey, Borwein, Lopez de Prado and Zhu (2017). Raises `InputError` for fewer than two variants, an odd number of
    blocks, more blocks than sessions, or a missing return.
    """
    _check(returns, blocks)
    first, second, sizes = _block_sums(returns, blocks)
    halves = _halves(blocks)
    width = max(1, AT_A_TIME // returns.shape[1])
    parts = [
        _judge(halves[start : start + width], (first, second, sizes), score) for start in range(0, len(halves), width)
    ]
    logits, inside, outside = (np.concatenate([part[i] for part in parts]) for i in range(3))
    chosen = np.concatenate([part[3] for part in parts])
    spread = inside - inside.mean()
    movement = float(spread @ spread)
    return Overfitting(
        probability=float(np.mean(logits <= 0.0)),
        logits=logits,
        chosen=chosen,
        inside=inside,
        outside=outside,
        slope=float(spread @ outside) / movement if movement > 0.0 else None,
        loss=float(np.mean(outside < 0.0)),
    )


def _check(returns: Floats, blocks: int) -> None:
    if returns.ndim != 2 or returns.shape[1] < 2:
        raise InputError("overfitting needs two or more variants, one column each; give the runs of a search")
    if blocks < 2 or blocks % 2 or blocks > BLOCKS_MAX:
        raise InputError(f"blocks must be even and 2 to {BLOCKS_MAX}, was {blocks}; 16 makes 12,870 splits")
    if len(returns) < blocks:
        raise InputError(f"{blocks} blocks need as many sessions, had {len(returns)}; take fewer or a longer run")
    if not bool(np.isfinite(returns).all()):
        raise InputError("a return is missing; keep the sessions that every variant has")


def _block_sums(returns: Floats, blocks: int) -> tuple[Floats, Floats, Floats]:
    """Sums and sums of squares `[block, variant]`, and sessions of each block."""
    edges = np.arange(blocks + 1) * len(returns) // blocks
    squares: Floats = np.add.reduceat(returns**2, edges[:-1], axis=0)
    sums: Floats = np.add.reduceat(returns, edges[:-1], axis=0)
    return sums, squares, np.diff(edges).astype(np.float64)


def _halves(blocks: int) -> Floats:
    """Every choice of half the blocks, as rows of 0 and 1."""
    picks = np.array(list(combinations(range(blocks), blocks // 2)))
    out = np.zeros((len(picks), blocks))
    out[np.arange(len(picks))[:, None], picks] = 1.0
    return out


def _judge(halves: Floats, sums: tuple[Floats, Floats, Floats], score: Score) -> tuple[Floats, Floats, Floats, Ints]:
    """Logits, scores inside and outside, and the variant chosen, of some splits."""
    first, second, sizes = sums
    rows = np.arange(len(halves))
    inside = _scores(halves @ first, halves @ second, halves @ sizes, score)
    others = 1.0 - halves
    outside = _scores(others @ first, others @ second, others @ sizes, score)
    best = np.argmax(inside, axis=1)
    own = outside[rows, best]
    below, level = np.sum(outside < own[:, None], axis=1), np.sum(outside == own[:, None], axis=1)
    # Variants that tie share their places.
    rank = below + (level + 1) / 2.0
    share = rank / (outside.shape[1] + 1)
    return np.log(share / (1.0 - share)), inside[rows, best], own, best.astype(np.int64)


def _scores(first: Floats, second: Floats, sizes: Floats, score: Score) -> Floats:
    """Mean or Sharpe ratio (of a period, ddof 0) of each split and variant; one that never moves scores 0."""
    mean = first / sizes[:, None]
    if score is Score.MEAN:
        return mean
    square = second / sizes[:, None]
    variance = square - mean**2
    moves = variance > 1e-12 * square
    return np.divide(mean, np.sqrt(np.where(moves, variance, 1.0)), out=np.zeros_like(mean), where=moves)
