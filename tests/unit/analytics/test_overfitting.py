"""PBO: the worked example, a second way of counting it, and searches with and without something to find."""

import math
from collections.abc import Callable
from itertools import combinations

import numpy as np
import pytest

from prudent.analytics.overfitting import backtest_overfitting
from prudent.analytics.significance import Score
from prudent.domain.errors import InputError
from prudent.domain.performance import Floats

# Means of 4 blocks (rows) and 4 configurations.
EXAMPLE = np.array(
    [[0.03, 0.01, 0.0, -0.01], [0.02, 0.015, 0.005, -0.005], [-0.01, 0.012, 0.02, 0.001], [0.005, 0.011, -0.02, 0.03]]
)


def noise(sessions: int, variants: int, seed: int = 4) -> Floats:
    return np.random.Generator(np.random.PCG64(seed)).standard_normal((sessions, variants)) * 0.01


def by_hand(returns: Floats, blocks: int) -> tuple[list[float], float]:
    """Logits, and the share of losses outside, by plain loops."""
    parts = np.array_split(np.arange(len(returns)), blocks)
    logits, losses = [], []
    for pick in combinations(range(blocks), blocks // 2):
        inside = np.concatenate([parts[i] for i in pick])
        outside = np.concatenate([parts[i] for i in range(blocks) if i not in pick])
        best = int(np.argmax(returns[inside].mean(axis=0) / returns[inside].std(axis=0)))
        scores = returns[outside].mean(axis=0) / returns[outside].std(axis=0)
        share = (1 + int(np.sum(scores < scores[best]))) / (returns.shape[1] + 1)
        logits.append(math.log(share / (1.0 - share)))
        losses.append(scores[best] < 0.0)
    return logits, sum(losses) / len(losses)


def test_the_worked_example_is_one_half() -> None:
    found = backtest_overfitting(EXAMPLE, blocks=4, score=Score.MEAN)
    assert found.probability == 0.5
    assert len(found.logits) == 6


def test_the_splits_of_the_example_are_those_counted_by_hand() -> None:
    found = backtest_overfitting(EXAMPLE, blocks=4, score=Score.MEAN)
    # Blocks 1 and 2 choose the first configuration (.025), which makes -.0025 outside: the last of
    # -.0025, .0115, 0 and .0155, so a rank of 1 in 5.
    assert found.chosen[0] == 0
    assert (found.inside[0], found.outside[0]) == (pytest.approx(0.025), pytest.approx(-0.0025))
    assert found.logits[0] == pytest.approx(math.log(0.2 / 0.8))


def test_loops_over_all_splits_count_the_same() -> None:
    returns = noise(240, 7, seed=6)
    found = backtest_overfitting(returns, blocks=8)
    logits, losses = by_hand(returns, 8)
    assert found.logits.tolist() == pytest.approx(logits)
    assert found.loss == losses
    assert 0.1 < losses < 0.9


def test_sixteen_blocks_make_12870_splits() -> None:
    assert len(backtest_overfitting(noise(320, 12)).logits) == 12_870


def test_a_search_in_noise_is_overfit_about_half_of_the_time(scale: Callable[[int, int], int]) -> None:
    found = [backtest_overfitting(noise(320, 20, seed), blocks=8).probability for seed in range(scale(20, 200))]
    assert 0.35 < float(np.mean(found)) < 0.65


def test_a_variant_that_is_really_better_is_not_overfit() -> None:
    returns = noise(600, 20)
    returns[:, 3] += 0.004
    found = backtest_overfitting(returns, blocks=10)
    assert found.probability == 0.0
    assert found.loss == 0.0
    assert set(found.chosen.tolist()) == {3}


def test_a_better_choice_inside_that_loses_outside_slopes_down() -> None:
    # Over all, no variant has a mean: what one makes in one half it loses in the other.
    returns = noise(400, 8)
    found = backtest_overfitting(returns - returns.mean(axis=0), blocks=8, score=Score.MEAN)
    assert found.slope == pytest.approx(-1.0)
    assert found.loss == 1.0


def test_variants_that_are_the_same_share_the_middle() -> None:
    returns = np.repeat(noise(100, 1), 5, axis=1)
    found = backtest_overfitting(returns, blocks=4)
    assert np.abs(found.logits).max() < 1e-12


def test_a_variant_that_never_trades_scores_nothing() -> None:
    returns = np.column_stack((noise(100, 2) - 0.01, np.zeros(100)))
    found = backtest_overfitting(returns, blocks=4)
    assert set(found.chosen.tolist()) == {2}
    assert found.slope is None


def test_a_variant_without_risk_has_no_sharpe_ratio_and_scores_nothing() -> None:
    returns = np.column_stack((noise(100, 2) + 0.005, np.full(100, 0.9)))
    assert 2 not in backtest_overfitting(returns, blocks=4).chosen


@pytest.mark.parametrize(
    ("shape", "blocks", "words"),
    [
        ((100, 1), 4, "two or more variants"),
        ((100, 3), 5, "must be even"),
        ((100, 3), 22, "2 to 20"),
        ((6, 3), 8, "8 blocks need"),
    ],
)
def test_what_has_no_split_is_refused(shape: tuple[int, int], blocks: int, words: str) -> None:
    with pytest.raises(InputError, match=words):
        backtest_overfitting(noise(*shape), blocks=blocks)


def test_a_missing_return_is_refused() -> None:
    returns = noise(100, 3)
    returns[5, 1] = np.nan
    with pytest.raises(InputError, match="missing"):
        backtest_overfitting(returns, blocks=4)
