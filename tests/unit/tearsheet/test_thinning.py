"""Thinning keeps both ends and every extreme, whatever the series."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from prudent.domain.performance import Floats
from prudent.tearsheet.thinning import POINTS_MAX, kept_rows


def series(seed: int, count: int, holes: float = 0.0) -> Floats:
    luck = np.random.Generator(np.random.PCG64(seed))
    values = np.cumsum(luck.standard_normal(count))
    values[luck.random(count) < holes] = np.nan
    return np.asarray(values, dtype=np.float64)


def test_a_short_series_stays_whole() -> None:
    assert list(kept_rows(np.arange(1_500.0))) == list(range(1_500))


@given(st.integers(0, 10_000), st.integers(5, 3_000), st.integers(4, 200))
def test_no_extreme_is_lost_and_no_point_too_many_is_drawn(seed: int, count: int, most: int) -> None:
    values = series(seed, count)
    rows = kept_rows(values, most)
    assert len(rows) <= most
    assert np.all(np.diff(rows) > 0)
    assert (rows[0], rows[-1]) == (0, count - 1)
    assert values[rows].min() == values.min()
    assert values[rows].max() == values.max()


def test_each_stretch_keeps_its_own_extremes() -> None:
    values = series(3, 8_300)
    rows = kept_rows(values)
    # 749 stretches of about 11 rows: whatever 24 rows in a row hold, a kept one within them or beside them shows.
    for start in range(1, 8_276, 97):
        stretch = values[start : start + 24]
        near = values[rows[(rows >= start - 12) & (rows < start + 36)]]
        assert near.min() <= stretch.min()
        assert near.max() >= stretch.max()


def test_one_day_of_a_crash_among_thousands_is_drawn() -> None:
    values = np.zeros(8_300)
    values[4_321] = -0.5
    assert 4_321 in kept_rows(values)


@given(st.integers(0, 1_000), st.floats(0.05, 0.9))
def test_holes_do_not_hide_extremes(seed: int, holes: float) -> None:
    values = series(seed, 4_000, holes)
    rows = kept_rows(values)
    assert len(rows) <= POINTS_MAX
    assert np.nanmin(values[rows]) == np.nanmin(values)
    assert np.nanmax(values[rows]) == np.nanmax(values)


def test_a_long_hole_breaks_the_line() -> None:
    values = series(5, 8_300)
    values[4_000:5_000] = np.nan
    kept = values[kept_rows(values)]
    assert np.isnan(kept).any()
    assert np.isfinite(kept).sum() > 1_000
