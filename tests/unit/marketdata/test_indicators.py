"""Wilder's RSI against hand-made numbers and against the loop it unrolls."""

from itertools import pairwise

import numpy as np
import pytest

from prudent.marketdata.indicators import wilder_rsi


def looped(closes: list[float], period: int) -> float:
    changes = [b - a for a, b in pairwise(closes)]
    gain = sum(max(c, 0.0) for c in changes[:period]) / period
    loss = sum(max(-c, 0.0) for c in changes[:period]) / period
    for change in changes[period:]:
        gain = (gain * (period - 1) + max(change, 0.0)) / period
        loss = (loss * (period - 1) + max(-change, 0.0)) / period
    return 100.0 * gain / (gain + loss)


def test_two_periods_by_hand() -> None:
    # Changes +2 -1 +1: means 1 and 0.5, then (1 + 1) / 2 = 1 and 0.5 / 2 = 0.25; 100 x 1 / 1.25 = 80.
    assert wilder_rsi(np.array([10.0, 12.0, 11.0, 12.0]), period=2) == pytest.approx(80.0)


def test_it_equals_the_loop_over_many_closes() -> None:
    closes = [100.0 + 7.0 * ((n * 37) % 11) - 0.1 * n for n in range(251)]
    assert wilder_rsi(np.array(closes)) == pytest.approx(looped(closes, 14), rel=1e-12)


def test_only_gains_give_100_only_losses_0_and_no_change_50() -> None:
    rising = np.arange(1.0, 30.0)
    assert wilder_rsi(rising) == pytest.approx(100.0)
    assert wilder_rsi(rising[::-1].copy()) == pytest.approx(0.0)
    assert wilder_rsi(np.full(30, 5.0)) == 50.0


def test_too_few_or_missing_closes_give_none() -> None:
    assert wilder_rsi(np.arange(1.0, 15.0)) is None
    assert wilder_rsi(np.array([1.0] * 20 + [np.nan])) is None
