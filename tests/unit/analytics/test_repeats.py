"""Groups of runs: days and runs both count, few runs make wide intervals, and a shared market cancels out."""

import math
from collections.abc import Callable

import numpy as np
import pytest
from tests.unit.analytics.series import alike, generator

from prudent.analytics.bootstrap import Resampling
from prudent.analytics.paired import mean_difference, sharpe_difference
from prudent.analytics.repeats import pooled_difference, repeated_difference, student_quantile
from prudent.analytics.significance import Score
from prudent.domain.errors import InputError
from prudent.domain.performance import Floats

QUICK = Resampling(draws=999)


def runs(rng: np.random.Generator, count: int, n: int, *, between: float, extra: float = 0.0) -> Floats:
    """Runs of one model: each with noise of its own, and a mean of its own that varies by `between`."""
    own = between * rng.standard_normal((count, 1))
    return np.asarray(extra + own + 0.004 * rng.standard_normal((count, n)), dtype=np.float64)


def test_one_run_each_is_nearly_the_paired_comparison() -> None:
    first, second = alike(generator(1), 250)
    found = repeated_difference(first[None], second[None], Resampling())
    plain = mean_difference(first, second, Resampling())
    assert found is not None
    assert found.estimate.value == pytest.approx(plain.value)
    assert found.estimate.error == pytest.approx(plain.error, rel=0.1)
    assert found.estimate.p == pytest.approx(plain.p, abs=0.05)
    assert (found.runs, found.share, found.spreads) == ((1, 1), None, (None, None))


def test_sharpe_ratios_of_one_run_each_are_nearly_the_paired_comparison() -> None:
    first, second = alike(generator(1), 250)
    found = repeated_difference(first[None], second[None], Resampling(), score=Score.SHARPE)
    plain = sharpe_difference(first, second, Resampling())
    assert found is not None
    assert plain is not None
    assert found.estimate.value == pytest.approx(plain.value)
    assert found.estimate.error == pytest.approx(plain.error, rel=0.1)


def test_the_difference_is_that_of_the_means_over_runs() -> None:
    rng = generator(2)
    first, second = runs(rng, 5, 100, between=0.001), runs(rng, 3, 100, between=0.001)
    found = repeated_difference(first, second, QUICK)
    assert found is not None
    assert found.estimate.value == pytest.approx(float(second.mean() - first.mean()))
    assert found.runs == (5, 3)
    assert found.spreads[0] == pytest.approx(float(first.mean(axis=1).std(ddof=1)))


def test_the_noise_of_asking_again_widens_the_interval() -> None:
    calm = repeated_difference(runs(generator(3), 5, 250, between=0.0), runs(generator(4), 5, 250, between=0.0), QUICK)
    noisy = repeated_difference(
        runs(generator(3), 5, 250, between=0.002), runs(generator(4), 5, 250, between=0.002), QUICK
    )
    assert calm is not None
    assert noisy is not None
    assert noisy.estimate.error > 2.0 * calm.estimate.error
    assert noisy.share is not None
    assert noisy.share > 0.8


def test_few_runs_widen_the_interval_beyond_their_error() -> None:
    def width(count: int) -> float:
        rng = generator(11)
        groups = [runs(rng, count, 120, between=0.003) for _ in range(2)]
        found = repeated_difference(groups[0], groups[1], Resampling())
        assert found is not None
        assert found.estimate.high is not None
        return (found.estimate.high - found.estimate.value) / found.estimate.error

    # Student's t with about 58 and about 4 degrees of freedom: 2.00 and 2.78.
    assert width(30) == pytest.approx(2.0, abs=0.1)
    assert width(3) > 2.4


def test_days_alone_would_call_noise_of_the_model_a_difference(scale: Callable[[int, int], int]) -> None:
    rng, count = generator(5), scale(80, 600)
    two_level = days_only = 0
    for seed in range(count):
        first, second = (runs(rng, 5, 120, between=0.003) for _ in range(2))
        resampling = Resampling(draws=199, seed=seed)
        found = repeated_difference(first, second, resampling)
        two_level += found is not None and found.estimate.p <= 0.05
        days_only += mean_difference(first.mean(axis=0), second.mean(axis=0), resampling).p <= 0.05
    assert two_level / count < 0.12
    assert days_only / count > 0.5


def test_a_market_that_all_runs_share_cancels_out() -> None:
    rng = generator(6)
    market = 0.05 * rng.standard_normal(200)
    first, second = runs(rng, 5, 200, between=0.0), runs(rng, 5, 200, between=0.0, extra=0.001)
    alone, shared = (
        repeated_difference(first, second, QUICK),
        repeated_difference(first + market, second + market, QUICK),
    )
    assert alone is not None
    assert shared is not None
    assert shared.estimate.error == pytest.approx(alone.estimate.error, rel=0.15)


def test_pairs_that_agree_are_pooled_into_a_verdict_and_pairs_that_do_not_are_none() -> None:
    rng = generator(7)
    first = runs(rng, 6, 250, between=0.0)
    agreeing = pooled_difference(first, first + runs(rng, 6, 250, between=0.0, extra=0.002), QUICK)
    turns = np.array([1.0, -1.0, 1.0, -1.0, 1.0, 1.0])[:, None]
    split = pooled_difference(first, first + runs(rng, 6, 250, between=0.0) + 0.006 * turns, QUICK)
    assert agreeing is not None
    assert split is not None
    # The mean over pairs is the same .002; what differs is whether pairs agree.
    assert split.estimate.value == pytest.approx(agreeing.estimate.value, abs=0.0006)
    assert agreeing.estimate.p < 0.01
    assert split.estimate.p > 0.3
    assert agreeing.runs == (6,)


def test_a_pool_of_sharpe_ratios_is_the_mean_of_their_differences() -> None:
    rng = generator(8)
    first, second = runs(rng, 4, 100, between=0.001), runs(rng, 4, 100, between=0.001)
    found = pooled_difference(first, second, QUICK, score=Score.SHARPE)
    each = second.mean(axis=1) / second.std(axis=1) - first.mean(axis=1) / first.std(axis=1)
    assert found is not None
    assert found.estimate.value == pytest.approx(float(each.mean()))


def test_identical_groups_differ_by_nothing() -> None:
    rows = runs(generator(9), 3, 50, between=0.001)
    for found in (pooled_difference(rows, rows, QUICK), repeated_difference(rows[:1], rows[:1], QUICK)):
        assert found is not None
        assert (found.estimate.value, found.estimate.low, found.estimate.high, found.estimate.p) == (0.0, 0.0, 0.0, 1.0)


def test_a_run_that_never_trades_leaves_no_sharpe_ratio() -> None:
    rows = runs(generator(9), 3, 50, between=0.001)
    rows[1] = 0.0
    assert repeated_difference(rows, rows, QUICK, score=Score.SHARPE) is None
    assert repeated_difference(rows, rows + 0.001, QUICK) is not None


def test_runs_of_unlike_days_are_refused() -> None:
    rows = runs(generator(9), 3, 50, between=0.001)
    with pytest.raises(InputError, match="join by date"):
        repeated_difference(rows, rows[:, :40], QUICK)
    with pytest.raises(InputError, match="both series"):
        pooled_difference(rows, rows[:2], QUICK)
    rows[0, 0] = math.nan
    with pytest.raises(InputError, match="missing"):
        repeated_difference(rows, rows, QUICK)


@pytest.mark.parametrize(("freedom", "quantile"), [(4, 2.7764), (8, 2.3060), (30, 2.0423)])
def test_few_degrees_of_freedom_need_more_standard_errors(freedom: float, quantile: float) -> None:
    assert student_quantile(1.959964, freedom=freedom) == pytest.approx(quantile, rel=1e-3)
