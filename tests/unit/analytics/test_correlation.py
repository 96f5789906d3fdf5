"""Series that move alike are found by the correlation of their log returns; what cannot be known is left out."""

import math

import numpy as np
import pytest

from prudent.analytics.correlation import alike

UP_DOWN = [100.0, 110.0, 99.0, 120.0]
NAMES = ("AAA", "BBB", "CCC")


def columns(*series: list[float]) -> np.ndarray[tuple[int, int], np.dtype[np.float64]]:
    return np.array(series, dtype=np.float64).T


def test_a_series_and_its_multiple_move_alike() -> None:
    found = list(alike(columns(UP_DOWN, [2 * x for x in UP_DOWN]), NAMES, threshold=0.9))
    assert [(one, other) for one, other, _ in found] == [("AAA", "BBB")]
    assert found[0][2] == pytest.approx(1.0)


def test_a_series_and_its_inverse_do_not() -> None:
    assert list(alike(columns(UP_DOWN, [1 / x for x in UP_DOWN]), NAMES, threshold=0.9)) == []


def test_the_threshold_is_reached_at_equality() -> None:
    # Returns (1, 0, 0) and (0, 1, 0) correlate at -0.5 whatever their size.
    one = [1.0, math.e, math.e, math.e]
    other = [1.0, 1.0, math.e, math.e]
    (pair,) = alike(columns(one, other), NAMES, threshold=-0.5 - 1e-12)
    assert pair[2] == pytest.approx(-0.5)
    assert list(alike(columns(one, other), NAMES, threshold=-0.49)) == []


@pytest.mark.parametrize("odd", [math.nan, 0.0, -5.0, math.inf])
def test_a_series_with_an_odd_price_is_in_no_pair(odd: float) -> None:
    assert list(alike(columns(UP_DOWN, [100.0, odd, 99.0, 120.0]), NAMES, threshold=-1.0)) == []


def test_a_series_that_never_moves_is_in_no_pair() -> None:
    assert list(alike(columns(UP_DOWN, [5.0] * 4), NAMES, threshold=-1.0)) == []


def test_pairs_come_strongest_first() -> None:
    noisy = [100.0, 110.0, 101.0, 118.0]
    found = list(alike(columns(UP_DOWN, noisy, [3 * x for x in UP_DOWN]), NAMES, threshold=0.5))
    assert [(one, other) for one, other, _ in found] == [("AAA", "CCC"), ("AAA", "BBB"), ("BBB", "CCC")]
