"""Figures of a column of returns, by hand."""

import numpy as np
import pytest

from prudent.analytics import ratios


def test_a_session_that_did_not_move_was_neither_won_nor_lost() -> None:
    assert ratios.win_days(np.array([0.01, 0.0, 0.0, -0.01, 0.02])) == pytest.approx(2 / 3)
    assert ratios.win_days(np.zeros(3)) is None


def test_autocorrelation_is_of_each_return_with_the_one_before() -> None:
    # Mean 1: deviations 1, 1, -1, -1; (1 - 1 + 1) / 4.
    assert ratios.autocorrelation(np.array([2.0, 2.0, 0.0, 0.0])) == pytest.approx(0.25)
    assert ratios.autocorrelation(np.full(30, 0.1)) is None


def test_returns_that_repeat_lower_the_sharpe_ratio_and_returns_that_alternate_raise_it() -> None:
    repeating, alternating = np.repeat([0.02, -0.01] * 5, 4), np.resize([0.02, -0.01], 40)
    for returns, lower in ((repeating, True), (alternating, False)):
        plain, corrected = ratios.sharpe(returns), ratios.sharpe_autocorrelation(returns)
        assert plain is not None
        assert corrected is not None
        assert (corrected < plain) is lower


def test_the_corrected_sharpe_ratio_uses_its_factor_for_the_root() -> None:
    # Of 40 such returns the autocorrelation is -39 / 40.
    returns = np.resize([0.02, -0.01], 40)
    daily = returns.mean() / returns.std(ddof=1)
    assert ratios.sharpe_autocorrelation(returns) == pytest.approx(daily * ratios.time_aggregation(-0.975))


def test_the_tail_is_read_between_the_returns_that_were() -> None:
    # Of 0, 1, ... 20 per cent the 5 % quantile is 1 %; at or below it lie 0 and 1.
    returns = np.arange(21) / 100.0
    assert ratios.value_at_risk(returns) == pytest.approx(0.01)
    assert ratios.expected_shortfall(returns) == pytest.approx(0.005)
    assert ratios.value_at_risk(returns[:19]) is None
    assert ratios.expected_shortfall(returns[:19]) is None


@pytest.mark.parametrize("figure", [ratios.volatility, ratios.sharpe, ratios.sortino, ratios.sharpe_autocorrelation])
def test_twenty_returns_are_enough_and_nineteen_are_not(figure: object) -> None:
    assert callable(figure)
    returns = np.resize([0.02, -0.01, 0.005], 20)
    assert figure(returns) is not None
    assert figure(returns[:19]) is None
