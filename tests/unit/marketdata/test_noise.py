"""Numbered noise is the published SplitMix64, and keeps its bounds."""

import numpy as np

from prudent.marketdata.noise import bells, counters, seed, uniform, uniforms


def test_the_first_numbers_are_those_of_splitmix64() -> None:
    published = [0xE220A8397B1DCDAF, 0x6E789E6AA1B965F4, 0x06C45D188009454F]
    assert uniforms(0, counters(np.arange(3))).tolist() == [(each >> 11) * 2.0**-53 for each in published]


def test_one_number_is_the_same_as_in_an_array() -> None:
    start = seed("AAPL", "open")
    assert [uniform(start, n) for n in range(50)] == uniforms(start, counters(np.arange(50))).tolist()


def test_bells_have_mean_0_and_deviation_1_within_bounds() -> None:
    drawn = bells(seed("bells"), counters(np.arange(40_000)))
    assert abs(float(drawn.mean())) < 0.02
    assert abs(float(drawn.std()) - 1.0) < 0.02
    assert float(np.abs(drawn).max()) <= 3.47


def test_seeds_differ_by_word_boundaries() -> None:
    assert len({seed("ab", "c"), seed("a", "bc"), seed("abc")}) == 3
