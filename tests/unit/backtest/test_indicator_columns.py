"""Indicators in one pass give the bits of the live path, however the history is cut."""

import copy
from collections.abc import Callable

import numpy as np
import pytest

from prudent.analytics import technical
from prudent.backtest.compiled import CompiledKernels
from prudent.backtest.indicator_columns import (
    NAMES,
    empty_carry,
    indicator_rows,
    slide_bands,
    slide_lines,
    slide_mean,
    slide_rsi,
    slide_signal,
    write_bands,
)


def closes(symbols: int = 6, bars: int = 260) -> np.ndarray:
    luck = np.random.default_rng(5)
    prices = np.round(80.0 * np.exp(np.cumsum(luck.normal(0.0, 0.02, (bars, symbols)), axis=0)), 2)
    prices[:, 0] = 50.0  # a price that never moves
    return prices


def live(close: np.ndarray) -> np.ndarray:
    mean, deviation = technical.bollinger(close)
    return np.stack([
        *technical.sma(close, 20, 50, 200), technical.rsi(close), *technical.macd(close), mean + 2.0 * deviation, mean,
        mean - 2.0 * deviation,
    ])  # fmt: skip


@pytest.mark.parametrize("cuts", [(), (1,), (19, 20, 21), (14, 15, 33, 34, 35, 199, 200, 201)])
def test_loops_give_the_bits_of_the_live_path(cuts: tuple[int, ...]) -> None:
    close = closes()
    out, carry = np.empty((len(NAMES), *close.shape)), empty_carry(close.shape[1])
    for part in np.split(np.arange(len(close)), cuts):
        indicator_rows(close[part], carry, out[:, part[0] : part[-1] + 1])
    assert np.array_equal(out, live(close), equal_nan=True)
    assert np.isfinite(out[:, -1]).all()


@pytest.mark.parametrize("step", [slide_mean, slide_rsi, slide_lines, slide_signal, slide_bands, write_bands])
def test_a_compiled_step_gives_the_same_bits(step: Callable[..., None]) -> None:
    """The whole pass, compiled, is compared with the live path before W3 is timed."""
    luck = np.random.default_rng(9)
    arrays = [luck.uniform(0.0, 3.0, 17) for _ in range(6)]
    arrays[2][3] = arrays[1][3] = 0.0
    given: list[object] = list(arrays[: step.__code__.co_argcount])
    if step is slide_mean:
        given[3] = 20.0
    if step is write_bands:
        given[0] = luck.uniform(0.0, 3.0, (12, 17))
    plain, compiled = copy.deepcopy(given), copy.deepcopy(given)
    step(*plain)
    CompiledKernels(step, division="numpy")[step](*compiled)
    for one, other in zip(plain, compiled):
        assert np.array_equal(one, other)  # type: ignore[arg-type]
    assert any(not np.array_equal(one, other) for one, other in zip(plain, given))  # type: ignore[arg-type]
