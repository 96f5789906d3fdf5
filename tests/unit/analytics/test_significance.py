"""Sharpe ratios against luck: the worked examples from series with known moments, and what has no answer."""

import math

import numpy as np
import pytest

from prudent.analytics.deflated import (
    deflated_sharpe,
    effective_trials,
    expected_best_sharpe,
    null_variance,
    sharpe_variance,
)
from prudent.analytics.normal import cdf, expected_maximum, quantile, two_sided
from prudent.analytics.significance import (
    minimum_record,
    probabilistic_sharpe,
    sharpe,
    sharpe_shape,
    standard_error,
)
from prudent.domain.errors import InputError
from prudent.domain.performance import Floats

# 24 monthly returns with a Sharpe ratio of .458, a skew of -2.448 and a kurtosis of 10.164.
SKEWED = np.array(
    [
        -0.00875, -0.00117, 0.00301, 0.00611, 0.00866, 0.0109, 0.01293, 0.01482, 0.01662, 0.01835, 0.02005, 0.02174,
        0.02344, 0.02518, 0.02697, 0.02886, 0.03089, 0.03313, 0.03569, 0.03879, 0.04297, 0.05054, -0.10117, -0.0288,
    ]
)  # fmt: skip
# As many with the same Sharpe ratio, a skew of 0 and a kurtosis of 3.
EVEN = np.array(
    [
        -0.05165, -0.03464, -0.02229, -0.01546, -0.0104, -0.00623, -0.00257, 0.00074, 0.00382, 0.00675, 0.00959,
        0.01236, 0.01512, 0.01789, 0.02073, 0.02366, 0.02674, 0.03005, 0.03371, 0.03788, 0.04294, 0.04977, 0.06212,
        0.07913,
    ]
)  # fmt: skip


def rare_losses() -> Floats:
    """Five years of 250 days with an annual Sharpe ratio of 2.5, a skew of -3 and a kurtosis of 10.

    Kurtosis is never below skew^2 + 1, and only two values reach that: 105 of 1,250 days are bad ones.
    """
    days = np.concatenate((np.full(105, -1.0), np.zeros(1_145)))
    days = (days - days.mean()) / days.std(ddof=1) + 2.5 / math.sqrt(250)
    return np.asarray(days, dtype=np.float64)


def test_the_moments_of_the_examples_are_those_they_name() -> None:
    for returns, skew, kurtosis in ((SKEWED, -2.448, 10.164), (EVEN, 0.0, 3.0)):
        shape = sharpe_shape(returns)
        assert shape is not None
        assert shape.n == 24
        assert shape.sharpe == pytest.approx(0.458, abs=2e-5)
        assert [shape.skew, shape.kurtosis] == pytest.approx([skew, kurtosis], abs=5e-4)
    shape = sharpe_shape(rare_losses())
    assert shape is not None
    assert shape.n == 1_250
    assert shape.skew == pytest.approx(-3.0, abs=1e-3)
    assert shape.kurtosis == pytest.approx(10.0, abs=4e-3)


def test_a_skewed_record_is_less_probable_to_be_skill() -> None:
    assert probabilistic_sharpe(SKEWED) == pytest.approx(0.9134, abs=5e-5)
    assert probabilistic_sharpe(EVEN) == pytest.approx(0.9817, abs=5e-5)


def test_the_minimum_record_of_the_example_is_34_6_months() -> None:
    assert minimum_record(SKEWED) == pytest.approx(34.6, abs=0.05)


def test_a_record_as_long_as_the_minimum_reaches_the_confidence() -> None:
    shape = sharpe_shape(SKEWED)
    needed = minimum_record(SKEWED)
    assert shape is not None
    assert needed is not None
    assert cdf(shape.sharpe * math.sqrt(needed - 1.0) / shape.spread) == pytest.approx(0.95, abs=1e-12)


def test_a_hundred_trials_leave_nine_in_ten_of_the_best() -> None:
    found = deflated_sharpe(rare_losses(), trials=100, variance=0.5 / 250)
    assert found is not None
    assert found.threshold == pytest.approx(0.11317, abs=5e-6)
    assert found.probability == pytest.approx(0.9004, abs=5e-5)


def test_forty_six_trials_still_pass() -> None:
    found = deflated_sharpe(rare_losses(), trials=46, variance=0.5 / 250)
    assert found is not None
    assert found.probability == pytest.approx(0.9505, abs=5e-5)


def test_one_trial_is_not_deflated() -> None:
    found = deflated_sharpe(SKEWED, trials=1, variance=0.1)
    assert found is not None
    assert (found.threshold, found.probability) == (0.0, probabilistic_sharpe(SKEWED))


@pytest.mark.parametrize(("trials", "sigmas"), [(13, 1.70), (26, 2.01), (1, 0.0), (1.05, 0.0)])
def test_the_best_of_many_without_skill(trials: float, sigmas: float) -> None:
    assert expected_maximum(trials) == pytest.approx(sigmas, abs=5e-3)
    assert expected_best_sharpe(trials=trials, variance=4.0) == pytest.approx(2.0 * sigmas, abs=1e-2)


def test_the_formula_for_the_best_is_near_what_chance_draws() -> None:
    drawn = np.random.Generator(np.random.PCG64(1)).standard_normal((40_000, 100)).max(axis=1).mean()
    assert expected_maximum(100) == pytest.approx(float(drawn), abs=0.04)


def test_the_error_of_an_annual_sharpe_ratio_is_1_after_a_year_and_1_42_after_half() -> None:
    rng = np.random.Generator(np.random.PCG64(2))
    for days, error in ((252, 1.00), (126, 1.42)):
        noise = rng.standard_normal(days)
        returns = (noise - noise.mean()) / noise.std(ddof=1) + 1.5 / math.sqrt(252)
        assert standard_error(returns) == pytest.approx(error, abs=0.01 + 0.5 / days)


def test_alike_trials_count_as_fewer() -> None:
    rng = np.random.Generator(np.random.PCG64(3))
    alone = rng.standard_normal((2_000, 20))
    shared = rng.standard_normal((2_000, 1))
    assert effective_trials(alone) == pytest.approx(20.0, abs=0.5)
    assert effective_trials(np.repeat(shared, 20, axis=1)) == pytest.approx(1.0)
    # A correlation of one half: .5 + .5 x 20.
    assert effective_trials(shared + alone) == pytest.approx(10.5, abs=0.5)


def test_a_trial_that_never_moves_is_none() -> None:
    moves = np.random.Generator(np.random.PCG64(3)).standard_normal((50, 2))
    assert effective_trials(np.column_stack((moves, np.zeros(50)))) == pytest.approx(effective_trials(moves))
    assert sharpe_variance([np.zeros(50), moves[:, 0]]) is None


def test_the_variance_of_trials_is_that_of_their_sharpe_ratios() -> None:
    # Sharpe ratios of 1/sqrt(2) and of -1/sqrt(2): the variance is .5 + .5 over 1.
    up, down = np.array([0.0, 2.0]), np.array([0.0, -2.0])
    assert sharpe_variance([up, down]) == pytest.approx(1.0)
    assert null_variance(np.zeros(101)) == pytest.approx(0.01)


def test_without_risk_or_returns_there_is_no_sharpe_ratio() -> None:
    for returns in (np.array([]), np.array([0.1]), np.full(30, 0.01), np.array([0.01, np.nan])):
        assert sharpe_shape(returns) is None
        assert probabilistic_sharpe(returns) is None
        assert minimum_record(returns) is None
        assert deflated_sharpe(returns, trials=3, variance=0.1) is None


def test_fewer_than_20_returns_show_no_sharpe_ratio() -> None:
    assert sharpe(SKEWED[:19]) is None
    assert sharpe(SKEWED[:20]) is not None


def test_a_loss_is_never_skill() -> None:
    assert minimum_record(-SKEWED) == math.inf
    assert minimum_record(SKEWED, above=0.5) == math.inf


def test_an_unknown_return_is_left_out_and_an_infinite_one_refused() -> None:
    assert sharpe_shape(np.append(SKEWED, np.nan)) == sharpe_shape(SKEWED)
    with pytest.raises(InputError, match="infinite"):
        sharpe_shape(np.append(SKEWED, np.inf))
    with pytest.raises(InputError, match="one series"):
        sharpe_shape(SKEWED[:, None])


def test_trials_below_one_are_refused() -> None:
    with pytest.raises(InputError, match="trials must be 1 or more"):
        expected_best_sharpe(trials=0.5, variance=1.0)


def test_the_normal_distribution_inverts_itself() -> None:
    for share in (1e-9, 0.05, 0.5, 0.975):
        assert cdf(quantile(share)) == pytest.approx(share, rel=1e-9)
    assert two_sided(1.959964) == pytest.approx(0.05, abs=1e-7)
