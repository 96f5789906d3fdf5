"""Falls from a peak: their dates, their depth, and a plain loop that finds the same."""

from datetime import date

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.analytics.run_columns import NAN, day, days_of

from prudent.analytics.drawdowns import drawdowns, intraday_drawdown, max_drawdown, underwater

DAYS = days_of([day(k) for k in range(1, 8)])


def returns_of(*levels: float) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    """Returns of levels that begin at 1."""
    path = np.array([1.0, *levels])
    moves: np.ndarray[tuple[int], np.dtype[np.float64]] = path[1:] / path[:-1] - 1.0
    return moves


def test_a_fall_has_a_peak_a_trough_and_a_recovery() -> None:
    # 1.2 on the 2nd, 0.9 on the 4th (-25 %), back above on the 6th; then 1.3 to 1.17 (-10 %) and still there.
    first, second = drawdowns(DAYS, returns_of(1.2, 1.0, 0.9, 1.0, 1.3, 1.17, 1.2))
    assert (first.peak, first.trough, first.recovered) == (date(2024, 1, 2), date(2024, 1, 4), date(2024, 1, 6))
    assert first.depth == pytest.approx(-0.25)
    assert first.sessions == 4
    assert (second.peak, second.trough, second.recovered) == (date(2024, 1, 6), date(2024, 1, 7), None)
    assert second.depth == pytest.approx(-0.10)
    assert second.sessions == 2


def test_the_worst_come_first_and_the_older_of_two_alike() -> None:
    path = returns_of(0.5, 1.0, 0.25, 1.0, 0.5, 1.0, 0.75)
    assert [fall.depth for fall in drawdowns(DAYS, path)] == pytest.approx([-0.75, -0.5, -0.5, -0.25])
    assert [fall.peak.day for fall in drawdowns(DAYS, path, worst=3)] == [3, 1, 5]


def test_reaching_the_peak_again_is_a_recovery() -> None:
    (fall,) = drawdowns(DAYS, returns_of(1.0, 0.5, 1.0))
    assert (fall.peak, fall.recovered) == (date(2024, 1, 2), date(2024, 1, 4))


def test_a_rising_account_never_falls() -> None:
    assert drawdowns(DAYS, returns_of(1.1, 1.2, 1.3)) == ()
    assert max_drawdown(returns_of(1.1, 1.2)) == 0.0
    assert max_drawdown(np.empty(0)) == 0.0
    assert drawdowns(DAYS[:0], np.empty(0)) == ()


def test_below_the_opening_counts_from_the_opening() -> None:
    assert underwater(returns_of(0.9, 0.95)).tolist() == pytest.approx([-0.10, -0.05])


def test_a_session_without_a_low_takes_its_close() -> None:
    # The second session falls 30 % by its close; of the first only is a least value known.
    assert intraday_drawdown(returns_of(1.0, 0.7), np.array([-0.2, NAN])) == pytest.approx(-0.30)
    assert intraday_drawdown(returns_of(1.0, 0.7), np.array([NAN, NAN])) is None


def test_a_session_without_a_low_falls_from_its_high_to_its_close() -> None:
    # 1.25 within the first session, 0.75 at its close; the second is never below 0.9.
    low, high = np.array([NAN, 0.2]), np.array([0.25, 0.4])
    assert intraday_drawdown(returns_of(0.75, 1.0), low, high) == pytest.approx(-0.40)


def test_a_low_above_its_close_hides_no_fall() -> None:
    assert intraday_drawdown(returns_of(1.0, 0.7), np.array([0.0, 0.0])) == pytest.approx(-0.30)


def test_a_low_below_nothing_is_a_total_loss() -> None:
    assert intraday_drawdown(returns_of(1.0), np.array([-1.4])) == -1.0


@given(st.lists(st.floats(-0.5, 0.5), max_size=40))
def test_a_plain_loop_finds_the_same_falls(moves: list[float]) -> None:
    level = peak = 1.0
    below, deepest, falls = 0.0, 0.0, []
    for move in moves:
        level *= 1.0 + move
        if level >= peak * (1.0 - 1e-12):
            falls.append(below)
            below = 0.0
        peak = max(peak, level)
        below = min(below, level / peak - 1.0) if level < peak * (1.0 - 1e-12) else below
        deepest = min(deepest, below)
    expected = sorted(each for each in [*falls, below] if each < 0.0)
    found = drawdowns(days_of([day(k + 1) for k in range(len(moves))]), np.array(moves), worst=100)
    assert [fall.depth for fall in found] == pytest.approx(expected, abs=1e-11)
    assert max_drawdown(np.array(moves)) == pytest.approx(deepest, abs=1e-11)
