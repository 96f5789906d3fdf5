"""Figures beside those of an independent library, empyrical, which other people wrote and use."""

import warnings
from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest
from tests.unit.analytics.run_columns import days_of, fills_of

from prudent.analytics.against import against_benchmark
from prudent.analytics.metrics import measure
from prudent.analytics.ratios import per_period
from prudent.analytics.returns import daily_returns, monthly_returns
from prudent.analytics.rolling import rolling_beta, rolling_sharpe, rolling_volatility
from prudent.domain.performance import Benchmark, Floats, Metrics, NavSeries

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    import empyrical

RISK_FREE = 0.03
AGREES = 1e-9


def path(seed: int, sessions: int) -> tuple[Floats, Floats]:
    """Returns of an account and of a benchmark with fat tails that move together in part."""
    chance = np.random.Generator(np.random.PCG64(seed))
    market = 0.0003 + 0.007 * chance.standard_t(4, sessions)
    return 0.0001 + 0.8 * market + 0.004 * chance.standard_t(4, sessions), market


def levels(returns: Floats, opening: float) -> Floats:
    return np.cumprod(1.0 + returns, dtype=np.float64) * opening


def run_of(returns: Floats, dates: pd.DatetimeIndex) -> NavSeries:
    n = len(returns)
    none = np.zeros(n)
    return NavSeries(
        opening=10_000.0, days=days_of([each.date() for each in dates]), nav=levels(returns, 10_000.0),
        flow=none, cash=none, gross=none, net=none, low=np.full(n, np.nan), stale=np.zeros(n, dtype=np.bool_),
    )  # fmt: skip


class Both:
    """One run measured, and its returns as the library takes them."""

    def __init__(self, seed: int, sessions: int) -> None:
        mine, theirs = path(seed, sessions)
        dates = pd.bdate_range("2015-01-02", periods=sessions)
        self.account, self.market = pd.Series(mine, index=dates), pd.Series(theirs, index=dates)
        self.nav = run_of(mine, dates)
        self.benchmark = Benchmark(name="SPY", days=self.nav.days, level=levels(theirs, 100.0), opening=100.0)
        self.daily_risk_free = per_period(RISK_FREE)
        self.found: Metrics = measure(self.nav, fills_of(), benchmark=self.benchmark, risk_free=RISK_FREE)


@pytest.fixture(scope="module")
def runs(scale: Callable[[int, int], int]) -> list[Both]:
    return [Both(seed, sessions) for seed in range(scale(2, 60)) for sessions in (260, 1_300)]


def same(one: float | None, other: float) -> bool:
    return one is not None and one == pytest.approx(other, rel=AGREES, abs=1e-12)


def test_return_and_yearly_rate_agree(runs: list[Both]) -> None:
    for run in runs:
        assert same(run.found.total_return, empyrical.cum_returns_final(run.account))
        assert same(run.found.cagr, empyrical.cagr(run.account))


def test_volatility_sharpe_and_sortino_agree(runs: list[Both]) -> None:
    for run in runs:
        assert same(run.found.volatility, empyrical.annual_volatility(run.account))
        assert same(run.found.sharpe, empyrical.sharpe_ratio(run.account, risk_free=run.daily_risk_free))
        assert same(run.found.sortino, empyrical.sortino_ratio(run.account, required_return=run.daily_risk_free))


def test_drawdown_and_calmar_agree(runs: list[Both]) -> None:
    for run in runs:
        assert same(run.found.max_drawdown, empyrical.max_drawdown(run.account))
        assert same(run.found.calmar, empyrical.calmar_ratio(run.account))


def test_tails_and_shape_agree(runs: list[Both]) -> None:
    for run in runs:
        assert same(run.found.value_at_risk, empyrical.value_at_risk(run.account))
        assert same(run.found.expected_shortfall, empyrical.conditional_value_at_risk(run.account))
        # pandas corrects moments for small samples, so these are written out.
        deviation = run.account - run.account.mean()
        second = (deviation**2).mean()
        assert same(run.found.skew, float((deviation**3).mean() / second**1.5))
        assert same(run.found.kurtosis, float((deviation**4).mean() / second**2))


def test_alpha_and_beta_agree(runs: list[Both]) -> None:
    for run in runs:
        found = run.found.benchmark
        assert found is not None
        alpha, beta = empyrical.alpha_beta(run.account, run.market, risk_free=run.daily_risk_free)
        assert same(found.beta, beta)
        # The library compounds its daily alpha over the year, here it is multiplied.
        assert found.alpha is not None
        assert same((1.0 + found.alpha / 252) ** 252 - 1.0, alpha)
        assert same(found.correlation, run.account.corr(run.market))
        assert same(found.cagr, empyrical.cagr(run.market))


def test_information_ratio_agrees(runs: list[Both]) -> None:
    for run in runs:
        found = against_benchmark(daily_returns(run.nav), run.benchmark)
        assert found is not None
        # The library's is of one day.
        assert same(found.information_ratio, empyrical.excess_sharpe(run.account, run.market) * 252**0.5)


def test_months_agree(runs: list[Both]) -> None:
    for run in runs:
        found = monthly_returns(run.nav.days, run.account.to_numpy())
        expected = empyrical.aggregate_returns(run.account, "monthly").to_numpy()
        assert found.table[np.isfinite(found.table)].tolist() == pytest.approx(expected.tolist(), rel=AGREES, abs=1e-12)
        years = empyrical.aggregate_returns(run.account, "yearly").to_numpy()
        assert found.total.tolist() == pytest.approx(years.tolist(), rel=AGREES, abs=1e-12)


def test_rolling_figures_agree(runs: list[Both]) -> None:
    run = runs[0]
    mine, theirs = run.account.to_numpy(), run.market.to_numpy()
    for found, expected in (
        (rolling_volatility(mine, 60), empyrical.roll_annual_volatility(run.account, window=60)),
        (rolling_sharpe(mine, 60), empyrical.roll_sharpe_ratio(run.account, window=60)),
        (rolling_beta(mine, theirs, 60), empyrical.roll_beta(run.account, run.market, window=60)),
    ):
        assert found[59:].tolist() == pytest.approx(list(expected), rel=1e-8, abs=1e-10)
