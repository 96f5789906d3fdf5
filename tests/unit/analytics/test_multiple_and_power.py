"""Families of questions, and how long a difference takes to show: the worked examples."""

import math

import pytest

from prudent.analytics.multiple import holm
from prudent.analytics.power import jobson_korkie, reach, sharpe_years, years_needed
from prudent.domain.errors import InputError


def test_holm_multiplies_the_smallest_most() -> None:
    # .005 x 4, .01 x 3, .03 x 2, and .04 x 1 raised to the .06 before it.
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx((0.03, 0.06, 0.06, 0.02))


def test_holm_of_one_question_changes_nothing_and_of_none_is_none() -> None:
    assert holm([0.03]) == (0.03,)
    assert holm([]) == ()


def test_holm_stops_at_one_and_treats_equals_equally() -> None:
    assert holm([0.5, 0.9, 0.5]) == (1.0, 1.0, 1.0)
    assert holm([0.01, 0.01]) == pytest.approx((0.02, 0.02))


@pytest.mark.parametrize("p", [-0.1, 1.1, math.nan])
def test_holm_refuses_what_is_no_probability(p: float) -> None:
    with pytest.raises(InputError, match="between 0 and 1"):
        holm([0.5, p])


@pytest.mark.parametrize(("years", "z", "p"), [(1.0, 1.114, 0.265), (3.0, 1.929, 0.054)])
def test_a_sharpe_ratio_of_1_5_against_1_0_is_hard_to_tell(years: float, z: float, p: float) -> None:
    found = jobson_korkie(1.5, 1.0, correlation=0.9, years=years)
    assert [found.z, found.p] == pytest.approx([z, p], abs=6e-4)


def test_it_takes_more_than_six_years_and_with_half_the_correlation_over_thirty() -> None:
    assert sharpe_years(1.5, 1.0, correlation=0.9) == pytest.approx(6.33, abs=5e-3)
    assert sharpe_years(1.5, 1.0, correlation=0.5) == pytest.approx(31.6, abs=0.06)


def test_power_at_that_length_is_eight_in_ten() -> None:
    # After the years needed the difference measures 1.960 + .842 standard errors.
    assert reach() == pytest.approx(2.8016, abs=1e-4)
    assert jobson_korkie(1.5, 1.0, correlation=0.9, years=sharpe_years(1.5, 1.0, correlation=0.9)).z == pytest.approx(
        reach()
    )


def test_no_difference_is_never_found_and_a_certain_one_at_once() -> None:
    assert sharpe_years(1.0, 1.0, correlation=0.5) == math.inf
    assert years_needed(difference=0.0, error=0.0, years=1.0) == math.inf
    assert years_needed(difference=0.1, error=0.0, years=1.0) == 0.0
    assert jobson_korkie(1.0, 1.0, correlation=1.0, years=1.0).p == 1.0


def test_an_impossible_correlation_is_refused() -> None:
    with pytest.raises(InputError, match="correlation"):
        jobson_korkie(1.0, 0.5, correlation=1.2, years=1.0)
