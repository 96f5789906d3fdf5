"""Indicators: TA-Lib agrees, pieces give the bits of the whole, and compiled code gives them too."""

from collections.abc import Callable
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from prudent.analytics import technical
from prudent.analytics.technical import ADX, BOLLINGER, MACD, RSI, SMA, Kernel, Stream
from prudent.ports import Floats

CASES = [(SMA, (3, 20, 50)), (RSI, (14,)), (MACD, (12, 26, 9)), (BOLLINGER, (20,)), (ADX, (14,))]
IDS = ["sma", "rsi", "macd", "bollinger", "adx"]
TOLERANCE = 1e-10


def walk(seed: int, *, bars: int, symbols: int = 3) -> tuple[Floats, Floats, Floats]:
    """High, low and close of a seeded walk around 100."""
    draw = np.random.default_rng(seed)
    close = 100 * np.exp(np.cumsum(draw.normal(0, 0.02, (bars, symbols)), axis=0))
    return close * (1 + draw.uniform(0, 0.02, close.shape)), close * (1 - draw.uniform(0, 0.02, close.shape)), close


def fields(kernel: Kernel, seed: int, bars: int) -> tuple[Floats, ...]:
    return walk(seed, bars=bars)[-kernel.fields :]


def agrees(ours: Floats, theirs: Floats) -> None:
    assert np.array_equal(np.isnan(ours), np.isnan(theirs))
    assert np.nanmax(np.abs(ours - theirs)) <= TOLERANCE


@pytest.mark.parametrize("seed", range(5))
def test_talib_says_the_same(seed: int) -> None:
    import talib
    highs, lows, closes = walk(seed, bars=600, symbols=1)
    high, low, close = highs[:, 0], lows[:, 0], closes[:, 0]
    for period, ours in zip((20, 50, 200), technical.sma(closes, 20, 50, 200)[:, :, 0]):
        agrees(ours, talib.SMA(close, period))
    agrees(technical.rsi(closes)[:, 0], talib.RSI(close, 14))
    for ours, theirs in zip(technical.macd(closes)[:, :, 0], talib.MACD(close)):
        agrees(ours, theirs)
    mean, spread = technical.bollinger(closes)[:, :, 0]
    for ours, theirs in zip((mean + 2 * spread, mean, mean - 2 * spread), talib.BBANDS(close, 20, 2.0, 2.0)):
        agrees(ours, theirs)
    trend, reach = technical.adx(highs, lows, closes)[:, :, 0]
    agrees(trend, talib.ADX(high, low, close, 14))
    agrees(reach, talib.ATR(high, low, close, 14))


@pytest.mark.parametrize(("kernel", "periods"), CASES, ids=IDS)
@given(seed=st.integers(0, 10_000), bars=st.integers(1, 120), cuts=st.lists(st.integers(0, 120), max_size=6))
def test_pieces_give_the_bits_of_the_whole(
    kernel: Kernel, periods: tuple[int, ...], seed: int, bars: int, cuts: list[int]
) -> None:
    given_fields = fields(kernel, seed, bars)
    whole = Stream(kernel, periods, symbols=3).add(*given_fields)
    stream = Stream(kernel, periods, symbols=3)
    edges = sorted({0, bars, *(min(cut, bars) for cut in cuts)})
    pieces = [stream.add(*(each[a:b] for each in given_fields)) for a, b in pairwise(edges)]
    assert np.concatenate(pieces, axis=1).tobytes() == whole.tobytes()


@pytest.mark.parametrize(("kernel", "periods"), CASES, ids=IDS)
def test_bar_by_bar_gives_the_bits_of_the_whole(kernel: Kernel, periods: tuple[int, ...]) -> None:
    given_fields = fields(kernel, 7, 90)
    stream = Stream(kernel, periods, symbols=3)
    steps = [stream.add(*(each[t : t + 1] for each in given_fields)) for t in range(90)]
    assert np.concatenate(steps, axis=1).tobytes() == Stream(kernel, periods, symbols=3).add(*given_fields).tobytes()


@pytest.mark.parametrize(("kernel", "periods"), CASES, ids=IDS)
def test_a_symbol_does_not_see_its_neighbours(kernel: Kernel, periods: tuple[int, ...]) -> None:
    given_fields = fields(kernel, 11, 90)
    together = Stream(kernel, periods, symbols=3).add(*given_fields)
    alone = Stream(kernel, periods, symbols=1).add(*(each[:, 1:2] for each in given_fields))
    assert together[:, :, 1:2].tobytes() == alone.tobytes()


def test_compiled_code_gives_the_same_bits(scale: Callable[[int, int], int]) -> None:
    numba = pytest.importorskip("numba")
    for kernel, periods in CASES[: scale(1, len(CASES))]:
        stacked = np.stack(fields(kernel, 5, 80))
        results = []
        for step in (kernel.step, numba.njit(kernel.step)):
            carry = np.zeros((kernel.carried(periods), 3))
            out = np.full((kernel.outputs(periods), 80, 3), np.nan)
            step(stacked, carry, np.array(periods, dtype=np.int64), out)
            results.append(out.tobytes())
        assert results[0] == results[1]


def test_an_average_of_three_by_hand() -> None:
    # (1+2+6)/3 = 3, (2+6+4)/3 = 4, (6+4+2)/3 = 4
    values = np.array([[1.0], [2.0], [6.0], [4.0], [2.0]])
    assert technical.sma(values, 3)[0, 2:, 0].tolist() == [3.0, 4.0, 4.0]
    assert np.isnan(technical.sma(values, 3)[0, :2, 0]).all()


def test_rsi_is_50_where_nothing_moved_and_100_where_nothing_fell() -> None:
    flat, rising = np.full(20, 10.0), np.arange(1.0, 21.0)
    assert technical.rsi(np.stack((flat, rising), axis=1))[-1].tolist() == [50.0, 100.0]


def test_a_flat_series_has_no_width() -> None:
    jumped = np.concatenate((np.full(5, 1e6), np.full(60, 3.0)))[:, None]
    mean, spread = technical.bollinger(jumped)[:, -1, 0]
    assert mean == pytest.approx(3.0, abs=1e-8)
    assert 0.0 <= spread < 0.05


def test_periods_below_one_and_a_fast_average_that_is_not_fast_are_refused() -> None:
    with pytest.raises(ValueError, match="1 or more"):
        technical.sma(np.ones((3, 1)), 0)
    with pytest.raises(ValueError, match="below slow"):
        technical.macd(np.ones((3, 1)), fast=26, slow=12)
