"""W3: ten indicators of 500 symbols, a history at once and bar after bar, beside TA-Lib; prints one JSON line."""

import json
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numba
import numpy as np
import talib
from indicators.closes import BARS, STREAM_TICKS, STREAMED, SYMBOLS, Floats, closes
from talib import stream

from prudent import __version__
from prudent.analytics import technical
from prudent.backtest.compiled import CompiledKernels
from prudent.backtest.indicator_columns import NAMES, IndicatorCarry, empty_carry, indicator_rows

Step = Callable[[Floats, IndicatorCarry, Floats], None]

REPEATS, TICKS = 7, 400
ERROR_MAX = 1e-10
MACHINE_CODE = Path(tempfile.gettempdir()) / "prudent-machine-code"


def with_talib(columns: list[Floats]) -> list[tuple[Floats, ...]]:
    return [
        (
            *(talib.SMA(each, period) for period in (20, 50, 200)), talib.RSI(each, 14), *talib.MACD(each, 12, 26, 9),
            *talib.BBANDS(each, 20, 2.0, 2.0),
        )
        for each in columns
    ]  # fmt: skip


def live_path(close: Floats) -> Floats:
    """What the live path computes of the same bars, uncompiled."""
    middle, deviation = technical.bollinger(close)
    return np.stack([
        *technical.sma(close, 20, 50, 200), technical.rsi(close), *technical.macd(close), middle + 2.0 * deviation,
        middle, middle - 2.0 * deviation,
    ])  # fmt: skip


def largest_error(ours: Floats, theirs: list[tuple[Floats, ...]]) -> float:
    """Relative to the value, or to 1 where that is smaller; both must have values at the same places."""
    worst = 0.0
    for i, outputs in enumerate(theirs):
        for o, other in enumerate(outputs):
            there = np.isfinite(other)
            assert np.array_equal(there, np.isfinite(ours[o, :, i])), (NAMES[o], i)
            apart = np.abs(ours[o, there, i] - other[there]) / np.maximum(np.abs(other[there]), 1.0)
            worst = max(worst, float(apart.max()))
    return worst


def bar_by_bar(step: Step, close: Floats) -> tuple[Floats, list[float]]:
    """The whole history a bar at a time, and the CPU seconds of each of the last ticks together."""
    carry, out, bar = empty_carry(SYMBOLS), np.empty((len(NAMES), BARS, SYMBOLS)), np.empty((len(NAMES), 1, SYMBOLS))
    for t in range(BARS):
        step(close[t : t + 1], carry, bar)
        out[:, t] = bar[:, 0]
    spent = []
    for _ in range(REPEATS):
        before = time.process_time()
        for t in range(TICKS):
            step(close[t : t + 1], carry, bar)
        spent.append((time.process_time() - before) / TICKS)
    return out, spent


def streamed(close: Floats) -> float:
    """CPU seconds of one value of TA-Lib's stream objects."""
    history = [np.ascontiguousarray(close[:-STREAM_TICKS, i]) for i in range(STREAMED)]
    objects = [
        (
            *(stream.SMA(each, period) for period in (20, 50, 200)), stream.RSI(each, 14),
            stream.MACD(each, 12, 26, 9), stream.BBANDS(each, 20, 2.0, 2.0),
        )
        for each in history
    ]  # fmt: skip
    bars = close[-STREAM_TICKS:, :STREAMED].tolist()
    before = time.process_time()
    for row in bars:
        for value, several in zip(row, objects):
            for each in several:
                each.update(value)
    return (time.process_time() - before) / (STREAM_TICKS * STREAMED * len(NAMES))


def timed(work: Callable[[], object]) -> float:
    before = time.process_time()
    work()
    return time.process_time() - before


def main() -> None:
    close = closes()
    columns = [np.ascontiguousarray(close[:, i]) for i in range(SYMBOLS)]
    step = CompiledKernels(indicator_rows, cache=MACHINE_CODE, division="numpy")[indicator_rows]
    out = np.empty((len(NAMES), BARS, SYMBOLS))
    step(close, empty_carry(SYMBOLS), out)
    live, ticks = bar_by_bar(step, close)
    assert np.array_equal(out, live, equal_nan=True), "a bar at a time must give the bits of the whole history"
    assert np.array_equal(out, live_path(close), equal_nan=True), "compiled must give the bits of the live path"
    error = largest_error(out, with_talib(columns))
    assert error <= ERROR_MAX, error
    ours, theirs = [], []
    for _ in range(REPEATS):
        ours.append(timed(lambda: step(close, empty_carry(SYMBOLS), out)))
        theirs.append(timed(lambda: with_talib(columns)))
    values = out.size
    row = {
        "case": "W3", "version": __version__, "numba": numba.__version__, "talib": talib.__version__,
        "values": values, "error": error, "repeats": REPEATS,
        "batch_ns": statistics.median(ours) * 1e9 / values, "talib_batch_ns": statistics.median(theirs) * 1e9 / values,
        "last": out[:, -1, :STREAMED].T.tolist(),
        "tick_us": statistics.median(ticks) * 1e6,
        "stream_ns": statistics.median(streamed(close) for _ in range(3)) * 1e9,
    }  # fmt: skip
    print(json.dumps(row))


if __name__ == "__main__":
    main()
