"""Returns by calendar month, and rates from dated amounts."""

import math
from datetime import date

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.analytics.run_columns import days_of

from prudent.analytics.money_weighted import brent, modified_dietz, xirr
from prudent.analytics.returns import cagr, growth, monthly_returns, time_weighted


def test_months_link_their_sessions_and_years_their_months() -> None:
    days = days_of([date(2023, 12, 28), date(2023, 12, 29), date(2024, 2, 1), date(2024, 3, 1), date(2024, 3, 4)])
    found = monthly_returns(days, np.array([0.10, 0.10, -0.50, 0.20, 0.0]))
    assert found.years == (2023, 2024)
    # 1.1 x 1.1; 0.5; 1.2; the year 0.5 x 1.2.
    assert found.table[0, 11] == pytest.approx(0.21)
    assert found.table[1, [1, 2]].tolist() == pytest.approx([-0.50, 0.20])
    assert np.isnan(found.table[1, 0])
    assert int(np.isfinite(found.table).sum()) == 3
    assert found.total.tolist() == pytest.approx([0.21, -0.40])


def test_a_year_without_a_session_has_no_row() -> None:
    assert monthly_returns(days_of([date(2020, 5, 4), date(2022, 5, 4)]), np.zeros(2)).years == (2020, 2022)


def test_months_of_nothing_are_none() -> None:
    found = monthly_returns(days_of([]), np.empty(0))
    assert (found.years, found.table.shape) == ((), (0, 12))


def test_a_missing_return_moves_nothing_and_a_ruin_is_for_good() -> None:
    assert growth(np.array([0.1, np.nan, -1.5, 0.2])).tolist() == pytest.approx([1.1, 1.1, 0.0, 0.0])
    assert time_weighted(np.array([np.nan])) is None


def test_a_yearly_rate_compounds_to_the_total() -> None:
    # 1.21 over two years.
    assert cagr(0.21, 504) == pytest.approx(0.10)
    assert cagr(0.21, 251) is None
    assert cagr(-1.0, 504) == -1.0
    assert cagr(-1.2, 504) == -1.0


def test_amounts_of_one_sign_have_no_rate() -> None:
    assert xirr(np.array([-100.0, -5.0]), np.array([0, 365])).rate is None
    assert xirr(np.array([-100.0, 0.0]), np.array([0, 365])).rate is None
    assert xirr(np.empty(0), np.empty(0, dtype=np.int64)).rate is None


def test_amounts_of_one_day_are_one_amount() -> None:
    # -100 and +100 of the first day are nothing.
    assert xirr(np.array([-100.0, 100.0, -50.0, 55.0]), np.array([0, 0, 0, 365])).rate == pytest.approx(0.10)


def test_a_rate_beyond_the_bracket_is_not_shown() -> None:
    assert xirr(np.array([-1.0, 12.5]), np.array([0, 365])).rate is None
    assert xirr(np.array([-1.0, 10.5]), np.array([0, 365])).rate == pytest.approx(9.5)


def test_eighty_years_do_not_overflow() -> None:
    found = xirr(np.array([-1.0, 1.05**80]), np.array([0, 80 * 365]))
    assert found.rate == pytest.approx(0.05, abs=1e-10)


def test_no_money_at_work_has_no_dietz_return() -> None:
    assert modified_dietz(0.0, 10.0, np.empty(0), np.empty(0, dtype=np.int64), length=365) is None


@given(st.floats(-0.9, 5.0), st.lists(st.tuples(st.floats(1.0, 1e6), st.integers(0, 3_000)), min_size=1, max_size=8))
def test_the_rate_that_made_the_end_is_found(rate: float, paid: list[tuple[float, int]]) -> None:
    end = 3_001
    worth = math.fsum(amount * (1.0 + rate) ** ((end - day) / 365.0) for amount, day in paid)
    amounts = np.array([*(-amount for amount, _ in paid), worth])
    found = xirr(amounts, np.array([*(day for _, day in paid), end]))
    assert found.rate == pytest.approx(rate, abs=1e-7)
    assert len(found.roots) == 1


def test_a_smooth_function_takes_few_steps() -> None:
    asked: list[float] = []

    def of(x: float) -> float:
        asked.append(x)
        return math.expm1(x - 0.3)

    # Halving 11 down to 1e-13 would take 47.
    assert brent(of, -1.0, 10.0) == pytest.approx(0.3, abs=1e-12)
    assert len(asked) <= 25


@pytest.mark.parametrize("root", [-3.7, 0.0, 1e-9, 0.25, 7.9])
def test_a_root_is_found_where_a_line_would_miss_it(root: float) -> None:
    assert brent(lambda x: math.expm1(3.0 * (x - root)), -8.0, 8.0) == pytest.approx(root, abs=1e-9)
    assert brent(lambda x: (x - root) ** 3, -8.0, 8.0) == pytest.approx(root, abs=1e-4)
