"""The exact binomial interval against published values, and against its own definition."""

from math import comb

import pytest

from prudent.analytics.proportion import binomial_interval


@pytest.mark.parametrize(
    ("hits", "tries", "low", "high"),
    [(0, 10, 0.0, 0.3085), (10, 10, 0.6915, 1.0), (3, 10, 0.0667, 0.6525), (1, 20, 0.0013, 0.2487)],
)
def test_it_is_the_table_of_clopper_and_pearson(hits: int, tries: int, low: float, high: float) -> None:
    assert binomial_interval(hits, tries) == pytest.approx((low, high), abs=5e-5)


@pytest.mark.parametrize(("hits", "tries"), [(2, 7), (5, 40), (39, 40)])
def test_each_end_leaves_half_of_the_rest(hits: int, tries: int) -> None:
    def between(first: int, last: int, p: float) -> float:
        return sum(comb(tries, k) * p**k * (1 - p) ** (tries - k) for k in range(first, last + 1))

    low, high = binomial_interval(hits, tries, level=0.9)
    assert between(hits, tries, low) == pytest.approx(0.05, abs=1e-9)
    assert between(0, hits, high) == pytest.approx(0.05, abs=1e-9)


def test_nothing_tried_says_nothing() -> None:
    assert binomial_interval(0, 0) == (0.0, 1.0)


@pytest.mark.parametrize(("hits", "tries", "level"), [(3, 2, 0.95), (-1, 2, 0.95), (1, 2, 1.0)])
def test_what_cannot_be_counted_is_refused(hits: int, tries: int, level: float) -> None:
    with pytest.raises(ValueError, match="must be"):
        binomial_interval(hits, tries, level=level)
