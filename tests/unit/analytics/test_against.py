"""An account beside a benchmark: dates that both have, and a line that is known beforehand."""

import numpy as np
import pytest
from tests.unit.analytics.run_columns import NAN, benchmark_of, day, nav_from, nav_of

from prudent.analytics.against import against_benchmark, joined, regression
from prudent.analytics.ratios import per_period
from prudent.analytics.returns import daily_returns
from prudent.analytics.rolling import rolling_beta, rolling_sharpe, rolling_volatility

MARKET = np.random.Generator(np.random.PCG64(7)).normal(0.0005, 0.01, 300)
LEVELS = (100.0 * np.cumprod(1.0 + MARKET)).tolist()


def test_the_same_dates_are_set_against_each_other() -> None:
    found = joined(daily_returns(nav_of([110.0, 99.0])), benchmark_of([105.0, 105.0]))
    assert found.account.tolist() == pytest.approx([0.10, -0.10])
    assert found.benchmark.tolist() == pytest.approx([0.05, 0.0])


def test_a_date_that_one_lacks_lengthens_the_span_of_both() -> None:
    # The benchmark has no third day, so the account's 99 -> 121 stands against 105 -> 126.
    account = daily_returns(nav_of([110.0, 99.0, 110.0, 121.0]))
    found = joined(account, benchmark_of([105.0, 105.0, 126.0], days=[day(1), day(2), day(4)]))
    assert found.days.tolist() == [day(1), day(2), day(4)]
    assert found.account[2] == pytest.approx(121.0 / 99.0 - 1.0)
    assert found.benchmark[2] == pytest.approx(0.20)


def test_a_benchmark_with_a_longer_past_begins_where_the_account_does() -> None:
    account = daily_returns(nav_of([110.0], days=[day(3)]))
    found = joined(account, benchmark_of([200.0, 300.0, 330.0]))
    assert found.account.tolist() == pytest.approx([0.10])
    assert found.benchmark.tolist() == pytest.approx([0.10])


def test_an_account_with_a_longer_past_begins_where_the_benchmark_does() -> None:
    account = daily_returns(nav_of([200.0, 300.0, 330.0]))
    found = joined(account, benchmark_of([105.0], days=[day(3)]))
    assert found.account.tolist() == pytest.approx([0.10])
    assert found.benchmark.tolist() == pytest.approx([0.05])


@pytest.mark.parametrize("odd", [NAN, 0.0, float("inf")])
def test_a_level_that_is_missing_or_odd_is_a_date_that_is_missing(odd: float) -> None:
    found = joined(daily_returns(nav_of([110.0, 121.0])), benchmark_of([odd, 120.0]))
    assert found.account.tolist() == pytest.approx([0.21])
    assert found.benchmark.tolist() == pytest.approx([0.20])


def test_alpha_and_beta_of_a_line_are_found() -> None:
    # 0.0002 a day over 1.5 times the market's excess return.
    daily = per_period(0.03)
    account = daily_returns(nav_from(daily + 0.0002 + 1.5 * (MARKET - daily)))
    found = against_benchmark(account, benchmark_of(LEVELS), risk_free=0.03)
    assert found is not None
    assert found.beta == pytest.approx(1.5)
    assert found.alpha == pytest.approx(0.0002 * 252)
    assert found.correlation == pytest.approx(1.0)


def test_tracking_error_and_information_ratio_are_of_the_difference() -> None:
    account = daily_returns(nav_from(MARKET + np.resize([0.002, 0.0], 300)))
    found = against_benchmark(account, benchmark_of(LEVELS))
    assert found is not None
    # 150 differences of 0.002 and 150 of 0: mean 0.001, deviation 0.001 x sqrt(300 / 299).
    error = 0.001 * (300 / 299) ** 0.5 * 252**0.5
    assert found.tracking_error == pytest.approx(error)
    assert found.information_ratio == pytest.approx(0.252 / error)


def test_an_account_that_is_the_benchmark_has_no_information_ratio() -> None:
    found = against_benchmark(daily_returns(nav_from(MARKET)), benchmark_of(LEVELS))
    assert found is not None
    assert (found.tracking_error, found.information_ratio) == (0.0, None)
    assert found.beta == pytest.approx(1.0)


def test_the_benchmarks_own_figures_are_of_the_common_dates() -> None:
    found = against_benchmark(daily_returns(nav_of([100.0, 100.0])), benchmark_of([80.0, 120.0, 60.0]))
    assert found is not None
    assert found.total_return == pytest.approx(0.20)
    assert found.max_drawdown == pytest.approx(-0.20)
    assert (found.cagr, found.alpha, found.tracking_error) == (None, None, None)


def test_nothing_in_common_is_no_comparison() -> None:
    assert against_benchmark(daily_returns(nav_of([100.0])), benchmark_of([100.0], days=[day(9)])) is None
    assert against_benchmark(daily_returns(nav_of([])), benchmark_of([100.0])) is None


def test_a_benchmark_that_never_moves_has_no_line() -> None:
    assert regression(MARKET, np.full(300, 0.001)) is None


def test_rolling_figures_are_those_of_their_window() -> None:
    window = MARKET[40:60]
    other = MARKET[::-1].copy()
    assert rolling_volatility(MARKET, 20)[59] == pytest.approx(window.std(ddof=1) * 252**0.5)
    expected = (window.mean() - per_period(0.04)) / window.std(ddof=1) * 252**0.5
    assert rolling_sharpe(MARKET, 20, risk_free=0.04)[59] == pytest.approx(expected)
    covariance = np.cov(window, other[40:60])
    assert rolling_beta(MARKET, other, 20)[59] == pytest.approx(covariance[0, 1] / covariance[1, 1])


def test_rolling_figures_begin_where_the_window_is_full() -> None:
    for curve in (rolling_volatility(MARKET, 20), rolling_sharpe(MARKET, 20), rolling_beta(MARKET, MARKET, 20)):
        assert np.isnan(curve[:19]).all()
        assert np.isfinite(curve[19:]).all()
    for short in (rolling_volatility(MARKET, 400), rolling_sharpe(MARKET, 400), rolling_beta(MARKET, MARKET, 400)):
        assert np.isnan(short).all()


def test_a_window_that_does_not_vary_has_no_ratio() -> None:
    assert np.isnan(rolling_sharpe(np.full(30, 0.001), 20)).all()
    assert np.isnan(rolling_beta(MARKET[:30], np.full(30, 0.001), 20)).all()
