"""Axes carry round numbers and round dates that hold every value."""

from datetime import date

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from prudent.tearsheet.scales import date_ticks, linear, logarithmic

NUMBERS = st.floats(-1e9, 1e9, allow_nan=False)


@given(values=st.lists(NUMBERS, min_size=1, max_size=20), with_zero=st.booleans())
def test_a_linear_scale_holds_every_value_between_its_ends(*, values: list[float], with_zero: bool) -> None:
    columns = np.array(values)
    scale = linear(columns, with_zero=with_zero)
    shares = scale.share(columns)
    assert shares.min() >= -1e-6
    assert shares.max() <= 1 + 1e-6
    assert 2 <= len(scale.ticks) <= 9
    assert scale.ticks == tuple(sorted(scale.ticks))


def test_ticks_are_round() -> None:
    # A range of 0.47 in about five steps: the next round step above 0.094 is 0.1.
    assert linear(np.array([0.03, 0.5])).ticks == (0.0, 0.1, 0.2, 0.3, 0.4, 0.5)
    assert linear(np.array([-0.51, 0.0]), ticks=4).ticks == (-0.6, -0.4, -0.2, 0.0)
    assert linear(np.array([np.nan, 3.0, np.nan, 8.0])).ticks == (3.0, 4.0, 5.0, 6.0, 7.0, 8.0)


def test_zeros_have_a_scale_of_their_own() -> None:
    assert linear(np.zeros(5)).low == 0.0
    assert linear(np.zeros(5)).high == 1.0


@given(st.lists(st.floats(1e-6, 1e9), min_size=1, max_size=20))
def test_a_logarithmic_scale_holds_every_value_above_zero(values: list[float]) -> None:
    scale = logarithmic(np.array([*values, 0.0, -5.0, np.nan]))
    shares = scale.share(np.array(values))
    assert shares.min() >= -1e-6
    assert shares.max() <= 1 + 1e-6
    assert 2 <= len(scale.ticks) <= 8


def test_equal_gains_are_equal_steps_on_a_logarithmic_scale() -> None:
    scale = logarithmic(np.array([0.7, 9.0]))
    assert scale.ticks == (0.5, 1.0, 2.0, 5.0, 10.0)
    shares = scale.share(np.array([1.0, 2.0, 4.0, 8.0]))
    assert np.allclose(np.diff(shares), np.diff(shares)[0])
    assert np.isnan(scale.share(np.array([0.0, -1.0]))).all()


@pytest.mark.parametrize(("first", "last", "labels"), [
    (date(1990, 1, 2), date(2021, 12, 31), ["1995", "2000", "2005", "2010", "2015", "2020"]),
    (date(2016, 3, 1), date(2021, 6, 1), ["2017", "2018", "2019", "2020", "2021"]),
    (date(2020, 11, 15), date(2021, 4, 2), ["Dec", "Jan 2021", "Feb", "Mar", "Apr"]),
    (date(2021, 1, 4), date(2021, 1, 8), ["01-04", "01-05", "01-06", "01-07", "01-08"]),
])  # fmt: skip
def test_dates_are_round_for_every_length(first: date, last: date, labels: list[str]) -> None:
    ticks = date_ticks(first, last)
    assert [label for _, label in ticks] == labels
    assert all(first <= day <= last for day, _ in ticks)


@given(st.dates(date(1900, 1, 1), date(2100, 1, 1)), st.integers(1, 60_000))
def test_no_axis_has_more_labels_than_fit(first: date, length: int) -> None:
    last = date.fromordinal(min(first.toordinal() + length, date(2200, 1, 1).toordinal()))
    assert len(date_ticks(first, last)) <= 12
