"""Differences between groups of runs: the same model asked again, or the same question put to several pairs.

Two things vary, the market and the run. Sessions are drawn in blocks, the same for every run, and runs are drawn with
replacement inside their group.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from prudent.analytics.bootstrap import Blocks, Resampling, block_sums, draw_blocks, running_sums
from prudent.analytics.normal import quantile
from prudent.analytics.paired import Estimate, no_difference
from prudent.analytics.power import POWER
from prudent.analytics.significance import Score, no_spread
from prudent.domain.errors import InputError
from prudent.domain.performance import Floats


@dataclass(frozen=True, slots=True, kw_only=True)
class Repeated:
    """A difference between groups. `share` of its variance comes from the runs, None where a group has one run only.

    `spreads` are the standard deviations between the runs of each group, the noise of asking again.
    """

    estimate: Estimate
    runs: tuple[int, ...]
    share: float | None
    spreads: tuple[float | None, ...]

    def scaled(self, factor: float) -> "Repeated":
        spreads = tuple(None if each is None else each * factor for each in self.spreads)
        return Repeated(estimate=self.estimate.scaled(factor), runs=self.runs, share=self.share, spreads=spreads)


def repeated_difference(
    first: Floats, second: Floats, resampling: Resampling, *, score: Score = Score.MEAN
) -> Repeated | None:
    """The mean score of the runs `second[run, t]` less that of `first[run, t]`, of a period; the same days in both.

    Two-level bootstrap, runs by blocks. None where a run has no Sharpe ratio to compare.
    """
    _check([first, second])
    rows = np.concatenate((first, second))
    groups = [_Group(rows=np.arange(len(first)), sign=-1.0), _Group(rows=np.arange(len(first), len(rows)), sign=1.0)]
    if len(first) == len(second) == 1 and no_difference(first[0], second[0]):
        return _same(groups, rows.shape[1], resampling)
    return _estimate(_Design(series=rows, rows=np.eye(len(rows)), groups=tuple(groups), score=score), resampling)


def pooled_difference(
    first: Floats, second: Floats, resampling: Resampling, *, score: Score = Score.MEAN
) -> Repeated | None:
    """The mean over pairs of score(`second[pair, t]`) less score(`first[pair, t]`), of a period.

    Pairs are drawn as clusters, and sessions in blocks that are the same for all pairs, since they share a market. None
    where a series has no Sharpe ratio to compare.
    """
    _check([first, second])
    if len(first) != len(second):
        raise InputError(f"every pair needs both series, had {len(first)} and {len(second)}; give one row a pair")
    pairs = len(first)
    rows = np.concatenate((-np.eye(pairs), np.eye(pairs)), axis=1)
    group = _Group(rows=np.arange(pairs), sign=1.0)
    if all(no_difference(a, b) for a, b in zip(first, second)):
        return _same([group], first.shape[1], resampling)
    series = np.concatenate((first, second))
    return _estimate(_Design(series=series, rows=rows, groups=(group,), score=score), resampling)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Group:
    """Rows that are drawn from each other; their mean counts with `sign`."""

    rows: np.ndarray[tuple[int], np.dtype[np.int64]]
    sign: float


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Design:
    """Series, how rows are made from their scores (`rows[row, series]`), and how rows are grouped."""

    series: Floats
    rows: Floats
    groups: tuple[_Group, ...]
    score: Score

    def value(self, scores: Floats) -> Floats:
        """The difference of each replicate from `scores[replicate, series]`, each row as often as it is there."""
        made = scores @ self.rows.T
        out: Floats = sum((g.sign * made[:, g.rows].mean(axis=1) for g in self.groups), np.zeros(len(made)))
        return out


def _check(groups: Sequence[Floats]) -> None:
    shapes = [each.shape for each in groups]
    if any(each.ndim != 2 or not len(each) for each in groups) or len({shape[1] for shape in shapes}) > 1:
        raise InputError(f"groups of runs need one row a run over the same days, had {shapes}; join by date first")
    if shapes[0][1] < 3 or not all(bool(np.isfinite(each).all()) for each in groups):
        raise InputError("runs need three days or more and no missing return; keep the days that all have")


def _estimate(design: _Design, resampling: Resampling) -> Repeated | None:
    series, n = design.series, design.series.shape[1]
    if design.score is Score.SHARPE and any(no_spread(each) for each in series):
        return None
    daily = design.value(series.T)
    block = resampling.block_for(daily)
    level = series.mean(axis=1)
    off = (series - level[:, None]).T
    columns = off if design.score is Score.MEAN else np.concatenate((off, off**2), axis=1)
    sums = running_sums(columns)
    own = level if design.score is Score.MEAN else level / series.std(axis=1)
    value = float(design.value(own[None, :])[0])
    rng = np.random.Generator(np.random.PCG64([resampling.seed, 1]))
    parts = []
    for blocks in draw_blocks(resampling, n=n, block=block, width=columns.shape[1]):
        scores = _scores(block_sums(sums, blocks), blocks, level, design.score)
        parts.append(_drawn(design, scores, rng) - value)
    made = own @ design.rows.T
    return _read(design, _Drawn(off=np.concatenate(parts), made=made, value=value, n=n, block=block), resampling)


def _scores(sums: Floats, blocks: Blocks, level: Floats, score: Score) -> Floats:
    """Scores `[replicate, series]` from sums of deviations (and of their squares) over blocks."""
    n = float(blocks.length[0].sum())
    total = sums.sum(axis=1) / n
    count = len(level)
    mean: Floats = level + total[:, :count]
    if score is Score.MEAN:
        return mean
    variance = total[:, count:] - total[:, :count] ** 2
    out: Floats = mean / np.sqrt(np.where(variance > 0.0, variance, np.nan))
    return out


def _drawn(design: _Design, scores: Floats, rng: np.random.Generator) -> Floats:
    """Replicates of the difference: rows drawn inside their group.

    Draws from R rows vary less than R new rows would, by (R-1)/R; deviations from the group's mean are stretched so.
    """
    made = scores @ design.rows.T
    out = np.zeros(len(made))
    for group in design.groups:
        rows = made[:, group.rows]
        count = rows.shape[1]
        mean = rows.mean(axis=1)
        out += group.sign * mean
        if count > 1:
            weights = rng.multinomial(count, np.full(count, 1.0 / count), size=len(made)) / count
            stretch = math.sqrt(count / (count - 1))
            out += group.sign * stretch * (np.einsum("br,br->b", weights, rows) - mean)
    return out


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Drawn:
    off: Floats
    made: Floats
    value: float
    n: int
    block: int


def _read(design: _Design, drawn: _Drawn, resampling: Resampling) -> Repeated:
    known = np.where(np.isnan(drawn.off), np.inf, np.abs(drawn.off))
    finite = known[np.isfinite(known)]
    error = float(np.sqrt(np.mean(finite**2))) if len(finite) else math.inf
    variances = [float(np.var(drawn.made[g.rows], ddof=1)) if len(g.rows) > 1 else None for g in design.groups]
    parts = [(v / len(g.rows), len(g.rows)) for v, g in zip(variances, design.groups) if v is not None]
    stretch = _stretch(error, parts, resampling.confidence)
    place = math.ceil(resampling.confidence * (len(known) + 1))
    width = stretch * float(np.partition(known, place - 1)[place - 1]) if place <= len(known) else math.inf
    there = math.isfinite(width)
    p = (int(np.sum(stretch * known >= abs(drawn.value))) + 1) / (len(known) + 1)
    estimate = Estimate(
        value=drawn.value, low=drawn.value - width if there else None, high=drawn.value + width if there else None,
        p=p if there else 1.0, error=error, detectable=width + quantile(POWER) * error,
        n=drawn.n, block=drawn.block, draws=len(known), confidence=resampling.confidence,
    )  # fmt: skip
    whole = error**2
    share = min(1.0, sum(part for part, _ in parts) / whole) if len(parts) == len(variances) and whole > 0.0 else None
    return Repeated(
        estimate=estimate, runs=tuple(len(g.rows) for g in design.groups), share=share,
        spreads=tuple(None if v is None else math.sqrt(v) for v in variances),
    )  # fmt: skip


def _stretch(error: float, parts: Sequence[tuple[float, int]], confidence: float) -> float:
    """How much wider an interval must be because few runs tell their own spread badly: Student's t over normal.

    Degrees of freedom by Satterthwaite: error^4 over the sum of (variance of a group's mean)^2 / (R-1).
    """
    badly = sum(part**2 / (count - 1) for part, count in parts)
    if not badly > 0.0 or not math.isfinite(error):
        return 1.0
    z = quantile(0.5 + confidence / 2.0)
    return student_quantile(z, freedom=max(1.0, error**4 / badly)) / z


def student_quantile(z: float, *, freedom: float) -> float:
    """The quantile of Student's t where the normal one is `z`; 0.1 % too small at 4 degrees of freedom, 1 % at 2.

    Cornish-Fisher series (Abramowitz and Stegun 26.7.5).
    """
    terms = (
        (z**3 + z) / 4.0,
        (5.0 * z**5 + 16.0 * z**3 + 3.0 * z) / 96.0,
        (3.0 * z**7 + 19.0 * z**5 + 17.0 * z**3 - 15.0 * z) / 384.0,
        (79.0 * z**9 + 776.0 * z**7 + 1482.0 * z**5 - 1920.0 * z**3 - 945.0 * z) / 92_160.0,
    )
    return z + sum(term / freedom**power for power, term in enumerate(terms, 1))


def _same(groups: Sequence[_Group], n: int, resampling: Resampling) -> Repeated:
    estimate = Estimate(
        value=0.0, low=0.0, high=0.0, p=1.0, error=0.0, detectable=0.0,
        n=n, block=1, draws=0, confidence=resampling.confidence,
    )  # fmt: skip
    empty = tuple(None for _ in groups)
    return Repeated(estimate=estimate, runs=tuple(len(g.rows) for g in groups), share=None, spreads=empty)
