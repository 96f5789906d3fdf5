"""Blocks: their best length against an independent library's figures, and that each session has the same chance."""

import math

import numpy as np
import pytest
from tests.unit.analytics.series import autoregressive, generator

from prudent.analytics.bootstrap import (
    Resampling,
    Scheme,
    block_sums,
    draw_blocks,
    optimal_block_length,
    running_sums,
)
from prudent.analytics.longrun import autocovariances, error_of_mean
from prudent.domain.errors import InputError
from prudent.domain.performance import Floats

# (dependence, n) of `autoregressive(.., seed=7)` -> stationary and circular length by arch 8.0.0.
ARCH = {
    (-0.3, 100): (4.985750812926907, 5.707259965379283),
    (0.0, 500): (1.2109203671700695, 1.3861577908974887),
    (0.0, 2_000): (1.587123398089885, 1.8168027584831328),
    (0.2, 2_000): (8.269324489048453, 9.466013518908815),
    (0.5, 100): (5.932339122063796, 6.790833084682756),
    (0.5, 2_000): (18.116750070917462, 20.738501834958306),
    (0.8, 500): (20.613498050135618, 23.596564806835577),
    (0.95, 100): (13.42187352661817, 15.364209787669333),
    (0.95, 2_000): (75.49773316326622, 86.42333043248186),
}


@pytest.mark.parametrize(("dependence", "n"), list(ARCH))
def test_the_best_block_length_is_that_of_an_independent_library(dependence: float, n: int) -> None:
    found = optimal_block_length(autoregressive(dependence, n, 7))
    assert (found.stationary, found.circular) == pytest.approx(ARCH[dependence, n], rel=1e-9)


def test_the_best_length_of_a_circle_is_a_seventh_longer() -> None:
    found = optimal_block_length(autoregressive(0.5, 500, 1))
    # The constants are 2 and 4/3: the cube root of 1.5.
    assert found.circular / found.stationary == pytest.approx(1.5 ** (1 / 3))


def test_a_series_that_never_moves_or_is_tiny_needs_no_blocks() -> None:
    for values in (np.zeros(100), np.arange(5.0)):
        assert optimal_block_length(values).circular == 1.0


def test_a_trend_stops_at_the_longest_length() -> None:
    assert optimal_block_length(np.arange(900.0)).circular <= math.ceil(3.0 * math.sqrt(900))


@pytest.mark.parametrize("scheme", list(Scheme))
@pytest.mark.parametrize(("n", "block"), [(10, 3), (37, 5), (50, 1), (20, 20)])
def test_every_replicate_holds_as_many_sessions_as_the_series(scheme: Scheme, n: int, block: int) -> None:
    for blocks in draw_blocks(Resampling(draws=200, scheme=scheme), n=n, block=block):
        assert set(blocks.length.sum(axis=1).tolist()) == {n}
        assert blocks.length.min() >= 0
        assert (blocks.start.min(), blocks.start.max()) == (0, n - 1)


def drawn_sessions(resampling: Resampling, *, n: int, block: int) -> list[Floats]:
    """Each replicate as the sessions it repeats, by plain loops."""
    out = []
    for blocks in draw_blocks(resampling, n=n, block=block):
        for starts, lengths in zip(blocks.start, blocks.length):
            out.append(np.concatenate([(s + np.arange(length)) % n for s, length in zip(starts, lengths)]))
    return out


@pytest.mark.parametrize("scheme", list(Scheme))
def test_every_session_is_as_likely_as_any_other(scheme: Scheme) -> None:
    sessions = np.concatenate(drawn_sessions(Resampling(draws=4_000, scheme=scheme), n=20, block=4))
    counts = np.bincount(sessions.astype(np.int64), minlength=20)
    assert counts.sum() == 80_000
    assert np.abs(counts / 4_000 - 1.0).max() < 0.12


def test_stationary_blocks_have_the_length_asked_for_on_average() -> None:
    lengths = np.concatenate(
        [
            blocks.length[blocks.length > 0]
            for blocks in draw_blocks(Resampling(draws=500, scheme=Scheme.STATIONARY), n=2_000, block=10)
        ]
    )
    assert float(lengths.mean()) == pytest.approx(10.0, rel=0.05)
    assert float(np.mean(lengths == 1)) == pytest.approx(0.1, abs=0.02)


def test_sums_over_blocks_are_sums_over_their_sessions() -> None:
    values = generator(1).standard_normal((30, 2))
    resampling = Resampling(draws=150, scheme=Scheme.STATIONARY, seed=3)
    sums = running_sums(values)
    fast = np.concatenate([block_sums(sums, b).sum(axis=1) for b in draw_blocks(resampling, n=30, block=4)])
    slow = [values[each.astype(np.int64)].sum(axis=0) for each in drawn_sessions(resampling, n=30, block=4)]
    assert fast == pytest.approx(np.array(slow))


def test_the_same_seed_draws_the_same_and_another_one_does_not() -> None:
    first, again, other = (
        next(draw_blocks(Resampling(draws=100, seed=seed), n=30, block=4)).start for seed in (1, 1, 2)
    )
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


def test_a_block_is_the_best_one_of_the_series_unless_it_is_given() -> None:
    values = autoregressive(0.5, 500, 7)
    best = optimal_block_length(values)
    assert Resampling().block_for(values) == math.ceil(best.circular)
    assert Resampling(scheme=Scheme.STATIONARY).block_for(values) == math.ceil(best.stationary)
    assert Resampling(block=3).block_for(values) == 3
    assert Resampling(block=900).block_for(values) == 500


def test_a_long_record_has_two_thousand_blocks_at_most() -> None:
    assert Resampling().block_for(autoregressive(0.0, 8_000, 7)) == 4


def test_the_chunks_of_a_long_series_stay_small() -> None:
    sizes = [b.start.size for b in draw_blocks(Resampling(draws=2_000), n=8_000, block=8, width=4)]
    assert sum(sizes) == 2_000 * 1_000
    assert max(sizes) * 4 <= 1_000_000


@pytest.mark.parametrize("wrong", [{"draws": 10}, {"block": 0}, {"confidence": 1.0}])
def test_an_impossible_resampling_is_refused(wrong: dict[str, int]) -> None:
    with pytest.raises(InputError, match="a bootstrap needs"):
        Resampling(**wrong)  # type: ignore[arg-type]


def test_the_error_of_a_mean_knows_its_neighbours() -> None:
    for dependence in (-0.4, 0.0, 0.6):
        values = autoregressive(dependence, 40_000, 5)
        # The long-run standard deviation of an autoregressive series is 1/(1-dependence).
        assert error_of_mean(values) == pytest.approx(1.0 / (1.0 - dependence) / 200.0, rel=0.04)


def by_formula(values: Floats) -> float:
    """Andrews and Monahan's error of a mean, lag by lag."""
    off = values - values.mean()
    whitening = float(np.sum(off[1:] * off[:-1]) / np.sum(off[:-1] ** 2))
    left = off[1:] - whitening * off[:-1]
    slope = float(np.sum(left[1:] * left[:-1]) / np.sum(left[:-1] ** 2))
    width = 1.3221 * (4.0 * slope**2 / (1.0 - slope) ** 4 * len(left)) ** (1 / 5)
    total = float(np.sum(left**2))
    for lag in range(1, len(left)):
        z = 6.0 * math.pi * lag / (5.0 * width)
        total += 2.0 * 3.0 / z**2 * (math.sin(z) / z - math.cos(z)) * float(np.sum(left[lag:] * left[:-lag]))
    return math.sqrt(total / len(left) / (1.0 - whitening) ** 2 / len(values))


def test_the_error_of_a_mean_is_that_of_the_formula() -> None:
    drawn = generator(8).standard_normal(120)
    values = drawn[2:] + 0.5 * drawn[1:-1] + 0.7 * drawn[:-2]
    assert error_of_mean(values) == pytest.approx(by_formula(values), rel=1e-12)


def test_a_mean_that_never_moves_has_no_error() -> None:
    assert error_of_mean(np.full(50, 0.3)) == 0.0


def test_autocovariances_are_sums_of_products() -> None:
    off = generator(6).standard_normal(9)
    by_hand = [float(off[lag:] @ off[: 9 - lag]) / 9 for lag in range(9)]
    assert autocovariances(off).tolist() == pytest.approx(by_hand)
