"""Resampling of dependent series in blocks, and how long a block must be.

A replicate of `n` sessions is rows of (start, length) into the series laid end to end with itself. Every statistic here
is made from sums over blocks, so a replicate costs a few look-ups in running sums, not `n` of them.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from prudent.analytics.longrun import autocovariances
from prudent.domain.errors import InputError
from prudent.domain.performance import Floats, Ints

DRAWS = 10_000
SEED = 20_080_101
# Numbers held at a time for a chunk of replicates: about 50 MB with what is made from them.
AT_A_TIME = 1_000_000
# More blocks than this make a long record slow and its error no smaller.
ENOUGH_BLOCKS = 2_000


class Scheme(StrEnum):
    """`CIRCULAR`: blocks of one length. `STATIONARY`: lengths drawn from a geometric distribution with that mean."""

    CIRCULAR = "circular"
    STATIONARY = "stationary"


@dataclass(frozen=True, slots=True, kw_only=True)
class Resampling:
    """How a bootstrap draws. `block` is the length in sessions, None for the best one of the series at hand."""

    draws: int = DRAWS
    seed: int = SEED
    scheme: Scheme = Scheme.CIRCULAR
    block: int | None = None
    confidence: float = 0.95

    def __post_init__(self) -> None:
        if self.draws < 100 or (self.block is not None and self.block < 1) or not 0.5 <= self.confidence < 1.0:
            raise InputError(
                f"a bootstrap needs 100 draws or more, blocks of 1 or more and a confidence in 0.5..1; had {self.draws}"
                f" draws, blocks of {self.block} and {self.confidence:g}"
            )

    def generator(self) -> np.random.Generator:
        return np.random.Generator(np.random.PCG64(self.seed))

    def block_for(self, values: Floats) -> int:
        """The block length in sessions that this resampling uses on `values`, not over their number."""
        if self.block is not None:
            return min(self.block, len(values))
        best = optimal_block_length(values)
        length = best.circular if self.scheme is Scheme.CIRCULAR else best.stationary
        return max(1, math.ceil(length), math.ceil(len(values) / ENOUGH_BLOCKS))


@dataclass(frozen=True, slots=True, kw_only=True)
class BlockLength:
    """The best mean block length in sessions of both schemes."""

    stationary: float
    circular: float


def optimal_block_length(values: Floats) -> BlockLength:
    """The block length at which the bootstrap's variance of the mean of `values` errs least.

    Politis and White (2004) as corrected by Patton, Politis and White (2009): with flat-top weights w(k) up to the lag
    2m after which autocorrelations are within 2 sqrt(log10(n)/n), G = sum w |k| R(k), S = sum w R(k), the length is
    (2 G^2 n / D)^(1/3) with D = 2 S^2 for the stationary and 4/3 S^2 for the circular scheme; at most
    min(3 sqrt(n), n/3).
    """
    n = len(values)
    off = values - values.mean()
    if n < 9 or not float(off @ off) > 0.0:
        return BlockLength(stationary=1.0, circular=1.0)
    quiet = max(5, int(math.log10(n)))
    furthest = min(math.ceil(math.sqrt(n)) + quiet, n - 2)
    covariances = autocovariances(off)[: furthest + 1]
    significant = _correlations(off, covariances * n) >= 2.0 * math.sqrt(math.log10(n) / n)
    lags = min(2 * max(_first_quiet(significant, quiet), 1), furthest)
    k = np.arange(1, lags + 1)
    weights = np.minimum(1.0, 2.0 * (1.0 - k / lags))
    slope = 2.0 * float((weights * k) @ covariances[1 : lags + 1])
    level = float(covariances[0] + 2.0 * weights @ covariances[1 : lags + 1])
    longest = math.ceil(min(3.0 * math.sqrt(n), n / 3.0))
    if level == 0.0:
        return BlockLength(stationary=longest, circular=longest)
    lengths = [(2.0 * slope**2 / (c * level**2) * n) ** (1.0 / 3.0) for c in (2.0, 4.0 / 3.0)]
    return BlockLength(stationary=min(lengths[0], longest), circular=min(lengths[1], longest))


def _correlations(off: Floats, products: Floats) -> Floats:
    """Absolute autocorrelations at lags 0, 1, ..., each by the spread of the two stretches that it compares."""
    squares = off**2
    total, lags = float(squares.sum()), np.arange(len(products))
    gone = np.concatenate(([0.0], np.cumsum(squares)))
    head, tail = gone[len(off) - lags], total - gone[lags]
    spread = np.sqrt(np.maximum(head * tail, 0.0))
    return np.divide(np.abs(products), spread, out=np.zeros_like(products), where=spread > 0.0)


def _first_quiet(significant: np.ndarray[tuple[int], np.dtype[np.bool_]], quiet: int) -> int:
    """The first lag from which `quiet` lags in a row say nothing; the last one where there is no such stretch."""
    for lag in range(1, len(significant) - quiet + 1):
        if not significant[lag : lag + quiet].any():
            return lag
    return len(significant) - 1


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Blocks:
    """Some replicates; row = replicate, column = block. A block of length 0 fills up a row."""

    start: Ints
    length: Ints


def draw_blocks(resampling: Resampling, *, n: int, block: int, width: int = 1) -> Iterator[Blocks]:
    """All replicates of series of `n` sessions, in chunks that fit in memory for `width` numbers a block."""
    rng = resampling.generator()
    most = _most_blocks(resampling.scheme, n, block)
    chunk = max(1, AT_A_TIME // (most * max(width, 1)))
    for done in range(0, resampling.draws, chunk):
        count = min(chunk, resampling.draws - done)
        start = rng.integers(0, n, size=(count, most))
        yield Blocks(start=start, length=_lengths(resampling.scheme, rng, (count, most), (n, block)))


def _most_blocks(scheme: Scheme, n: int, block: int) -> int:
    if scheme is Scheme.CIRCULAR:
        return math.ceil(n / block)
    mean = n / block
    # Eight standard deviations of a binomial count over its mean; what is missing then is put into the last block.
    return min(n, math.ceil(mean + 8.0 * math.sqrt(mean) + 8.0))


def _lengths(scheme: Scheme, rng: np.random.Generator, shape: tuple[int, int], size: tuple[int, int]) -> Ints:
    n, block = size
    drawn = np.full(shape, block) if scheme is Scheme.CIRCULAR else rng.geometric(1.0 / block, size=shape)
    ends = np.minimum(np.cumsum(drawn, axis=1), n)
    ends[:, -1] = n
    lengths: Ints = np.diff(ends, axis=1, prepend=0).astype(np.int64)
    return lengths


def running_sums(columns: Floats) -> Floats:
    """Sums of `columns[t, c]` before each of 2n+1 places of the columns laid end to end twice."""
    twice = np.concatenate((columns, columns))
    return np.concatenate((np.zeros((1, columns.shape[1])), np.cumsum(twice, axis=0)))


def block_sums(sums: Floats, blocks: Blocks) -> Floats:
    """Sums over each block `[replicate, block, column]`."""
    out: Floats = sums[blocks.start + blocks.length] - sums[blocks.start]
    return out
