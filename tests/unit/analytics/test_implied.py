"""Volatilities from options: one strike, one horizon, and how high one stands among its past."""

import math
from dataclasses import replace

import pytest

from prudent.analytics.implied import at_horizon, at_the_money, percentile, years_of
from prudent.analytics.options import Option, price


def test_a_call_and_a_put_of_one_strike_give_back_the_volatility_that_they_were_priced_at() -> None:
    years = years_of(30)
    for rate, dividend, strike in ((0.0, 0.0, 100.0), (0.05, 0.0, 100.0), (0.04, 0.02, 97.5)):
        call = Option(is_call=True, spot=100.0, strike=strike, years=years, rate=rate, dividend_yield=dividend)
        found = at_the_money(strike, price(call, 0.32), price(replace(call, is_call=False), 0.32), years)
        # Discounting over a month is left out: half a percent of the volatility at most.
        assert found == pytest.approx(0.32, rel=0.005)


@pytest.mark.parametrize(("call", "put"), [(0.0, 3.0), (math.nan, 3.0), (3.0, -1.0), (0.001, 150.0)])
def test_prices_that_are_none_imply_nothing(call: float, put: float) -> None:
    assert at_the_money(100.0, call, put, years_of(30)) is None


def test_total_variance_grows_in_a_line_between_two_expiries() -> None:
    # 20 days at 20 % and 50 at 30 %: 0.04 * 20 = 0.8 and 0.09 * 50 = 4.5; at 30 days a third of the way, 2.0333.
    assert at_horizon([(50.0, 0.3), (20.0, 0.2)]) == pytest.approx(math.sqrt((0.8 + (4.5 - 0.8) / 3) / 30))
    assert at_horizon([(30.0, 0.25), (60.0, 0.4)]) == pytest.approx(0.25)
    # The nearest on each side count, the others do not.
    assert at_horizon([(5.0, 0.9), (20.0, 0.2), (50.0, 0.3), (300.0, 0.1)]) == at_horizon([(20.0, 0.2), (50.0, 0.3)])


def test_one_expiry_alone_speaks_only_for_days_near_its_own() -> None:
    assert at_horizon([(37.0, 0.3)]) == 0.3
    assert at_horizon([(21.0, 0.3)]) == 0.3
    assert at_horizon([(9.0, 0.3)]) is None
    assert at_horizon([(70.0, 0.3)]) is None
    assert at_horizon([]) is None


def test_how_high_it_stands_is_unknown_below_sixty_sessions() -> None:
    past = [0.1 + each / 100 for each in range(60)]
    assert percentile(past[:59], 0.4) is None
    # 0.10 to 0.39 stand below 0.395: thirty of sixty.
    assert percentile(past, 0.395) == 0.5
    assert percentile(past, 0.05) == 0.0
    assert percentile(past, 0.9) == 1.0
