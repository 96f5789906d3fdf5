"""The paired difference: against plain loops, its size under the null, and series that leave nothing to draw."""

import math
from collections.abc import Callable

import numpy as np
import pytest
from tests.unit.analytics.series import alike, generator

from prudent.analytics.bootstrap import Resampling, Scheme, draw_blocks
from prudent.analytics.longrun import error_of_mean
from prudent.analytics.paired import Estimate, mean_difference, sharpe_difference
from prudent.domain.errors import InputError
from prudent.domain.performance import Floats

QUICK = Resampling(draws=999)


def sharpe(returns: Floats) -> float:
    return float(returns.mean() / returns.std())


def influence(returns: Floats) -> Floats:
    z = (returns - returns.mean()) / returns.std()
    return np.asarray(z - sharpe(returns) / 2.0 * (z**2 - 1.0), dtype=np.float64)


def by_loops(first: Floats, second: Floats, resampling: Resampling, block: int) -> Estimate:
    """Ledoit and Wolf's test of two Sharpe ratios, replicate by replicate and session by session."""
    n = len(first)
    value = sharpe(second) - sharpe(first)
    error = error_of_mean(influence(second) - influence(first))
    ratios = []
    for blocks in draw_blocks(resampling, n=n, block=block, width=4):
        for starts, lengths in zip(blocks.start, blocks.length):
            parts = [(s + np.arange(length)) % n for s, length in zip(starts, lengths)]
            a, b = first[np.concatenate(parts)], second[np.concatenate(parts)]
            moved = influence(b) - influence(a)
            ends = np.cumsum(lengths)
            sums = [moved[end - length : end].sum() for end, length in zip(ends, lengths)]
            ratios.append(abs(sharpe(b) - sharpe(a) - value) / (math.sqrt(sum(s * s for s in sums)) / n))
    width = error * sorted(ratios)[math.ceil(0.95 * (len(ratios) + 1)) - 1]
    p = (sum(r >= abs(value) / error for r in ratios) + 1) / (len(ratios) + 1)
    return Estimate(
        value=value, low=value - width, high=value + width, p=p, error=error, detectable=width + 0.8416212 * error,
        n=n, block=block, draws=len(ratios), confidence=0.95,
    )  # fmt: skip


@pytest.mark.parametrize("scheme", list(Scheme))
def test_running_sums_give_what_loops_over_sessions_give(scheme: Scheme) -> None:
    first, second = alike(generator(1), 90)
    resampling = Resampling(draws=200, scheme=scheme, block=4)
    fast, slow = sharpe_difference(first, second + 0.001, resampling), by_loops(first, second + 0.001, resampling, 4)
    assert fast is not None
    assert (fast.value, fast.low, fast.high, fast.p) == pytest.approx((slow.value, slow.low, slow.high, slow.p))
    assert fast.detectable == pytest.approx(slow.detectable)


def rejections(n: int, runs: int, *, dependence: float, draws: int) -> tuple[float, float]:
    rng = generator(5)
    mean = ratio = 0
    for seed in range(runs):
        first, second = alike(rng, n, dependence=dependence)
        resampling = Resampling(draws=draws, seed=seed)
        found = sharpe_difference(first, second, resampling)
        mean += mean_difference(first, second, resampling).p <= 0.05
        ratio += found is not None and found.p <= 0.05
    return mean / runs, ratio / runs


@pytest.mark.parametrize("dependence", [0.0, 0.3])
def test_two_alike_runs_are_called_different_one_time_in_twenty(
    dependence: float, scale: Callable[[int, int], int]
) -> None:
    runs = scale(200, 2_000)
    mean, ratio = rejections(120, runs, dependence=dependence, draws=scale(299, 500))
    # Twenty in two hundred would be 3.2 standard errors too many.
    wide = 3.2 * math.sqrt(0.05 * 0.95 / runs) + 0.005
    assert 0.05 - min(wide, 0.045) < mean < 0.05 + wide
    assert 0.05 - min(wide, 0.045) < ratio < 0.05 + wide


def test_a_real_difference_of_the_detectable_size_is_found_most_of_the_time(scale: Callable[[int, int], int]) -> None:
    rng, found = generator(9), 0
    runs = scale(60, 600)
    first, second = alike(rng, 250)
    detectable = mean_difference(first, second, QUICK).detectable
    for seed in range(runs):
        first, second = alike(rng, 250)
        found += mean_difference(first, second + detectable, Resampling(draws=299, seed=seed)).p <= 0.05
    assert 0.6 < found / runs < 0.95


def test_identical_series_differ_by_nothing_with_certainty() -> None:
    first, _ = alike(generator(2), 100)
    for found in (mean_difference(first, first, QUICK), sharpe_difference(first, first.copy(), QUICK)):
        assert found is not None
        assert (found.value, found.low, found.high, found.p, found.error) == (0.0, 0.0, 0.0, 1.0, 0.0)


def test_the_same_amount_more_every_day_is_certain() -> None:
    first, _ = alike(generator(2), 100)
    found = mean_difference(first, first + 0.001, QUICK)
    assert (found.low, found.high) == (found.value, found.value)
    assert found.p == 1 / 1_000


def test_leverage_changes_the_mean_and_not_the_sharpe_ratio() -> None:
    first, _ = alike(generator(2), 300)
    found = sharpe_difference(first, 2.0 * first, QUICK)
    assert found is not None
    assert found.value == pytest.approx(0.0, abs=1e-12)
    assert found.p == 1.0
    assert mean_difference(first, 2.0 * first, QUICK).value == pytest.approx(float(first.mean()))


def test_the_interval_holds_zero_exactly_when_p_is_over_the_level() -> None:
    rng = generator(3)
    seen = set()
    for push in np.linspace(0.0, 0.004, 25):
        first, second = alike(rng, 100)
        found = mean_difference(first, second + push, QUICK)
        assert found.low is not None
        assert found.high is not None
        outside = found.low > 0.0 or found.high < 0.0
        assert outside == (found.p <= 0.05)
        seen.add(outside)
    assert seen == {True, False}


def test_the_other_way_round_is_the_mirror() -> None:
    first, second = alike(generator(4), 200)
    there, back = mean_difference(first, second, QUICK), mean_difference(second, first, QUICK)
    assert (back.value, back.p) == (-there.value, there.p)
    assert there.low is not None
    assert there.high is not None
    assert [back.low, back.high, back.error] == pytest.approx([-there.high, -there.low, there.error])


def test_the_same_seed_gives_the_same_figures_and_another_one_nearly() -> None:
    first, second = alike(generator(4), 200)
    assert mean_difference(first, second, QUICK) == mean_difference(first, second, QUICK)
    other = mean_difference(first, second, Resampling(draws=999, seed=1))
    assert other.p == pytest.approx(mean_difference(first, second, QUICK).p, abs=0.08)


def test_series_that_differ_on_two_days_have_no_interval() -> None:
    first, _ = alike(generator(4), 200)
    second = first.copy()
    second[50:52] += 0.01
    for found in (mean_difference(first, second, QUICK), sharpe_difference(first, second, QUICK)):
        assert found is not None
        assert (found.low, found.high, found.p) == (None, None, 1.0)
        assert found.detectable == math.inf
        assert found.scaled(252.0).low is None


def test_money_that_never_moves_has_no_sharpe_ratio_to_compare() -> None:
    first, _ = alike(generator(4), 100)
    assert sharpe_difference(first, np.zeros(100), QUICK) is None
    assert mean_difference(first, np.zeros(100), QUICK).value == pytest.approx(-float(first.mean()))


def test_another_unit_keeps_the_p_value() -> None:
    first, second = alike(generator(4), 100)
    daily = mean_difference(first, second, QUICK)
    yearly = daily.scaled(252.0)
    assert (yearly.value, yearly.p, yearly.error) == (252.0 * daily.value, daily.p, 252.0 * daily.error)


def test_series_of_unlike_length_or_with_holes_are_refused() -> None:
    first, second = alike(generator(4), 100)
    with pytest.raises(InputError, match="join by date"):
        mean_difference(first, second[:50], QUICK)
    second[3] = np.nan
    with pytest.raises(InputError, match="missing"):
        sharpe_difference(first, second, QUICK)
