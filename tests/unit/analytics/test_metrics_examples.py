"""Worked examples of performance figures, T-MET-1 to T-MET-7, to the digits given."""

import numpy as np
import pytest
from tests.unit.analytics.run_columns import NAN, day, fills_of, nav_from, nav_of

from prudent.analytics import ratios
from prudent.analytics.drawdowns import intraday_drawdown, max_drawdown
from prudent.analytics.metrics import measure
from prudent.analytics.money_weighted import modified_dietz, xirr
from prudent.analytics.returns import FlowAt, daily_returns, dietz_of, money_weighted, time_weighted
from prudent.analytics.trades import trade_stats

TEN = np.array([0.01, -0.02, 0.015, 0.005, -0.01, 0.02, -0.005, 0.0, 0.012, -0.008])
# A flow before the open of day 101 counts as of the end of day 100.
DEPOSIT = nav_of(
    [10_000.0, 12_000.0, 20_000.0, 18_000.0],
    opening=10_000.0, days=[day(1), day(100), day(101), day(365)], flows={2: 8_000.0},
)  # fmt: skip
LATE_DEPOSIT = nav_of(
    [10_000.0, 10_800.0, 15_800.0, 16_200.0],
    opening=10_000.0, days=[day(1), day(181), day(182), day(365)], flows={2: 5_000.0},
)  # fmt: skip


def test_t_met_1_a_deposit_is_no_return() -> None:
    # 1.2 x 18,000 / 20,000 = 1.08; all that was paid in is there and no more, so the money itself earned nothing.
    returns = daily_returns(DEPOSIT)
    assert time_weighted(returns.value) == pytest.approx(0.08, abs=1e-12)
    assert money_weighted(DEPOSIT, returns).rate == pytest.approx(0.0, abs=1e-12)
    assert dietz_of(DEPOSIT, returns) == 0.0
    assert measure(DEPOSIT, fills_of()).profit == 0.0


def test_t_met_1_from_dated_amounts() -> None:
    found = xirr(np.array([-10_000.0, -8_000.0, 18_000.0]), np.array([0, 100, 365]))
    assert found.rate == pytest.approx(0.0, abs=1e-12)
    assert modified_dietz(10_000.0, 18_000.0, np.array([8_000.0]), np.array([100]), length=365) == 0.0


def test_t_met_2_three_returns_of_one_account_differ() -> None:
    returns = daily_returns(LATE_DEPOSIT)
    assert time_weighted(returns.value) == pytest.approx(0.10734, abs=5e-6)
    assert money_weighted(LATE_DEPOSIT, returns).rate == pytest.approx(0.09628, abs=5e-6)
    assert dietz_of(LATE_DEPOSIT, returns) == pytest.approx(0.09584, abs=5e-6)


def test_t_met_3_when_a_flow_counts_is_part_of_the_return() -> None:
    nav = nav_of([153.0], flows={0: 50.0})
    assert daily_returns(nav).value.tolist() == pytest.approx([0.02])
    assert daily_returns(nav, FlowAt.CLOSE).value.tolist() == pytest.approx([0.03])


def test_t_met_4_sharpe_is_of_the_sample_deviation() -> None:
    assert ratios.sharpe(TEN, least=2) == pytest.approx(2.3788, abs=5e-5)
    assert ratios.sharpe(TEN, risk_free=0.04, least=2) == pytest.approx(2.1839, abs=5e-5)


def test_t_met_4_sortino_divides_by_all_sessions() -> None:
    assert ratios.sortino(TEN, least=2) == pytest.approx(3.9300, abs=5e-5)


def test_t_met_4_total_and_deepest_fall() -> None:
    assert time_weighted(TEN) == pytest.approx(0.01842766, abs=5e-9)
    assert max_drawdown(TEN) == pytest.approx(-0.02, abs=1e-12)
    found = measure(nav_from(TEN), fills_of())
    assert found.total_return == pytest.approx(0.01842766, abs=5e-9)
    assert found.max_drawdown == pytest.approx(-0.02, abs=1e-12)


def test_t_met_4_as_a_metric_ten_returns_are_too_few() -> None:
    found = measure(nav_from(TEN), fills_of())
    assert found.sharpe is None
    assert found.sortino is None
    assert found.notes["sharpe"] == "needs 20 daily returns, has 10"


def test_t_met_6_the_fall_within_a_session_is_deeper() -> None:
    # 104 / 105 - 1 from close to close; 95 / 106 - 1 within the third session.
    returns = np.array([0.05, 104.0 / 105.0 - 1.0])
    low, high = np.array([NAN, 95.0 / 105.0 - 1.0]), np.array([NAN, 106.0 / 105.0 - 1.0])
    assert max_drawdown(returns) == pytest.approx(-0.00952, abs=5e-6)
    assert intraday_drawdown(returns, low, high) == pytest.approx(-0.1038, abs=5e-5)


def test_t_met_6_without_the_highest_value_the_peak_is_a_close() -> None:
    # 95 / 105 - 1
    found = measure(nav_of([105.0, 104.0], low=[NAN, 95.0]), fills_of())
    assert found.max_drawdown_intraday == pytest.approx(-0.095238, abs=5e-7)


def test_t_met_7_a_draw_is_neither_won_nor_lost() -> None:
    found = trade_stats(np.array([120.0, -80.0, 40.0, 0.0, -60.0, 200.0]), np.arange(6))
    assert (found.wins, found.losses, found.breakeven) == (3, 2, 1)
    assert found.win_rate == pytest.approx(0.60)
    assert found.profit_factor == pytest.approx(2.5714, abs=5e-5)
    assert found.payoff == pytest.approx(1.7143, abs=5e-5)
    assert found.expectancy == pytest.approx(36.67, abs=5e-3)


def test_lo_2002_a_year_of_months_that_repeat_is_worth_less_than_the_root_of_twelve() -> None:
    assert ratios.time_aggregation(0.2, 12) == pytest.approx(2.879, abs=5e-4)
    assert ratios.time_aggregation(0.0, 12) == pytest.approx(3.464, abs=5e-4)


def test_two_rates_can_explain_the_same_flows() -> None:
    found = xirr(np.array([-1_000.0, 2_300.0, -1_320.0]), np.array([0, 365, 730]))
    assert found.roots == pytest.approx((0.10, 0.20))
    assert found.rate == pytest.approx(0.10)
