"""The difference of two return series of the same days, with an interval that respects dependence and heavy tails."""

import math
from dataclasses import dataclass, replace

import numpy as np

from prudent.analytics.bootstrap import Blocks, Resampling, block_sums, draw_blocks, running_sums
from prudent.analytics.longrun import error_of_mean
from prudent.analytics.normal import quantile
from prudent.analytics.power import POWER
from prudent.analytics.significance import no_spread
from prudent.domain.errors import InputError
from prudent.domain.performance import Floats


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """A difference with its `confidence` interval, two-sided p value and standard error.

    `low` and `high` are None where the series differ on too few days for the bootstrap to say anything. `detectable` is
    the smallest true difference that a record of this length would find 8 times in 10, inf where there is no interval.
    """

    value: float
    low: float | None
    high: float | None
    p: float
    error: float
    detectable: float
    n: int
    block: int
    draws: int
    confidence: float

    def scaled(self, factor: float) -> "Estimate":
        """The same in another unit, `factor` above 0 of them for one: 252 turns daily means into annual ones."""
        return replace(
            self,
            value=self.value * factor,
            low=None if self.low is None else self.low * factor,
            high=None if self.high is None else self.high * factor,
            error=self.error * factor,
            detectable=self.detectable * factor,
        )


def mean_difference(first: Floats, second: Floats, resampling: Resampling) -> Estimate:
    """Mean return of `second` less that of `first`, of a period; both hold the same days in the same order."""
    _check(first, second)
    difference = second - first
    if no_difference(first, second):
        return _certain(0.0, len(first), resampling, p=1.0)
    value = float(difference.mean())
    error = 0.0 if no_spread(difference) else error_of_mean(difference)
    if error == 0.0:
        return _certain(value, len(first), resampling, p=1.0 / (resampling.draws + 1))
    block = resampling.block_for(difference)
    # About its mean, so that the size of a replicate's error is not lost in rounding.
    sums = running_sums((difference - value)[:, None])
    ratios = [
        _ratio(*_mean_of(block_sums(sums, blocks)[:, :, 0], blocks, n=len(first)), like=error)
        for blocks in draw_blocks(resampling, n=len(first), block=block)
    ]
    return _estimate(value, error, np.concatenate(ratios), _Drawn(n=len(first), block=block, by=resampling))


def sharpe_difference(first: Floats, second: Floats, resampling: Resampling) -> Estimate | None:
    """Sharpe ratio of `second` less that of `first`, of a period; None where one of them never moves.

    Studentised block bootstrap of Ledoit and Wolf (2008): the error of the series by kernel, that of a replicate by its
    blocks, and a symmetric interval.
    """
    _check(first, second)
    if no_spread(first) or no_spread(second):
        return None
    if no_difference(first, second):
        return _certain(0.0, len(first), resampling, p=1.0)
    value = _sharpe(second) - _sharpe(first)
    influence = _influence(second) - _influence(first)
    error = 0.0 if float(np.ptp(influence)) < 1e-12 else error_of_mean(influence)
    if error == 0.0:
        return _certain(value, len(first), resampling, p=1.0 if abs(value) < 1e-12 else 1.0 / (resampling.draws + 1))
    block = resampling.block_for(influence)
    off = [first - first.mean(), second - second.mean()]
    sums = running_sums(np.stack([off[0], off[0] ** 2, off[1], off[1] ** 2], axis=1))
    means = (float(first.mean()), float(second.mean()))
    ratios = [
        _ratio(*_sharpes_of(block_sums(sums, blocks), blocks, means, value), like=error)
        for blocks in draw_blocks(resampling, n=len(first), block=block, width=4)
    ]
    return _estimate(value, error, np.concatenate(ratios), _Drawn(n=len(first), block=block, by=resampling))


def no_difference(first: Floats, second: Floats) -> bool:
    """True where two series are the same to rounding."""
    return bool(np.all(np.abs(second - first) <= 1e-12 * np.maximum(1.0, np.abs(first))))


def _check(first: Floats, second: Floats) -> None:
    if first.shape != second.shape or first.ndim != 1 or len(first) < 3:
        raise InputError(
            f"a paired comparison needs the same 3 days or more of both, had {first.shape} and {second.shape}; "
            "join by date first"
        )
    if not bool(np.isfinite(first).all() and np.isfinite(second).all()):
        raise InputError("a return is missing or infinite; keep the days that both have")


def _sharpe(returns: Floats) -> float:
    """Of a period, ddof 0 as the resampled ones."""
    return float(returns.mean() / returns.std())


def _influence(returns: Floats) -> Floats:
    """How much each day moves the Sharpe ratio, times their number; its mean is 0."""
    spread = float(returns.std())
    z = (returns - returns.mean()) / spread
    out: Floats = z - 0.5 * _sharpe(returns) * (z**2 - 1.0)
    return out


def _mean_of(sums: Floats, blocks: Blocks, *, n: int) -> tuple[Floats, Floats]:
    """How far each replicate's mean is from the series' own, and its standard error from its blocks."""
    mean = sums.sum(axis=1) / n
    left = sums - blocks.length * mean[:, None]
    return mean, np.sqrt(np.einsum("rb,rb->r", left, left)) / n


def _sharpes_of(sums: Floats, blocks: Blocks, means: tuple[float, float], value: float) -> tuple[Floats, Floats]:
    """How far each replicate's difference is from the series' own, and its standard error from its blocks.

    `sums` hold, a block, the sums of deviations and of their squares of the first and of the second series.
    """
    length = blocks.length
    n = float(length[0].sum())
    sharpes, influences = [], []
    for arm in (0, 1):
        once, twice = sums[:, :, 2 * arm], sums[:, :, 2 * arm + 1]
        shift = once.sum(axis=1) / n
        variance = np.maximum(twice.sum(axis=1) / n - shift**2, 0.0)
        spread = np.sqrt(np.where(variance > 0.0, variance, np.nan))
        sharpe = (means[arm] + shift) / spread
        centred = once - length * shift[:, None]
        squares = twice - 2.0 * shift[:, None] * once + length * (shift**2)[:, None]
        spread_column, half = spread[:, None], 0.5 * sharpe[:, None]
        influences.append(centred / spread_column - half * (squares / spread_column**2 - length))
        sharpes.append(sharpe)
    left = influences[1] - influences[0]
    return sharpes[1] - sharpes[0] - value, np.sqrt(np.einsum("rb,rb->r", left, left)) / n


def _ratio(off: Floats, error: Floats, *, like: float) -> Floats:
    """Distances in standard errors; infinite where a replicate has no spread, which says nothing about a difference.

    `like` is the error of the series itself, beside which rounding shows.
    """
    known = error > 1e-6 * like
    ratio = np.divide(np.abs(off), error, out=np.full(len(off), np.inf), where=known)
    return np.where(np.isnan(ratio), np.inf, ratio)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Drawn:
    n: int
    block: int
    by: Resampling


def _estimate(value: float, error: float, ratios: Floats, drawn: _Drawn) -> Estimate:
    """The interval holds 0 exactly when p is over the level: both count the same replicates."""
    draws = len(ratios)
    place = math.ceil(drawn.by.confidence * (draws + 1))
    width = error * float(np.partition(ratios, place - 1)[place - 1]) if place <= draws else math.inf
    p = (int(np.sum(ratios >= abs(value) / error)) + 1) / (draws + 1)
    known = math.isfinite(width)
    return Estimate(
        value=value, low=value - width if known else None, high=value + width if known else None,
        p=p if known else 1.0, error=error, detectable=width + quantile(POWER) * error,
        n=drawn.n, block=drawn.block, draws=draws, confidence=drawn.by.confidence,
    )  # fmt: skip


def _certain(value: float, n: int, resampling: Resampling, *, p: float) -> Estimate:
    """A difference that is the same every day."""
    return Estimate(
        value=value, low=value, high=value, p=p, error=0.0, detectable=0.0,
        n=n, block=1, draws=0, confidence=resampling.confidence,
    )  # fmt: skip
