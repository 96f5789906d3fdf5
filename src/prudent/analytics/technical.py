"""Moving averages, RSI, MACD, Bollinger bands and ADX as one-pass kernels: a history at once, or bar after bar.

A kernel reads `fields[f, t, i]` (field, bar, symbol), goes on from `carry[:, i]` and writes `out[o, t, i]`, which is
NaN until there are bars enough. A history cut anywhere and fed in pieces gives the same bits as the whole. Values must
be finite: a symbol with gaps is fed by itself, without them. Seeds and warm-up are those that TA-Lib has.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from prudent.ports import Floats

Periods = NDArray[np.int64]
Step = Callable[[Floats, Floats, Periods, Floats], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Kernel:
    """A step over bars, how many rows it carries for its periods, and what it reads and writes."""

    step: Step
    carried: Callable[[Sequence[int]], int]
    fields: int = 1
    outputs: Callable[[Sequence[int]], int]


class Stream:
    """One kernel with its carry, for bars that come one after another: `add` gives the values of the bars added."""

    def __init__(self, kernel: Kernel, periods: Sequence[int], *, symbols: int) -> None:
        if min(periods) < 1:
            raise ValueError(f"periods must be 1 or more, were {tuple(periods)}")
        self._kernel = kernel
        self._periods: Periods = np.array(periods, dtype=np.int64)
        self._outputs = kernel.outputs(periods)
        self._carry: Floats = np.zeros((kernel.carried(periods), symbols))

    def add(self, *fields: Floats) -> Floats:
        """The outputs `[o, t, i]` of some more bars `[t, i]` of each field."""
        stacked = np.stack(fields)
        out: Floats = np.full((self._outputs, *stacked.shape[1:]), np.nan)
        self._kernel.step(stacked, self._carry, self._periods, out)
        return out


def sma_rows(fields: Floats, carry: Floats, periods: Periods, out: Floats) -> None:
    """Simple moving averages of several periods; carried: for each a running sum and a ring, and the count (kernel)."""
    counts = carry[carry.shape[0] - 1]
    for t in range(fields.shape[1]):
        n = int(counts[0])
        value = fields[0, t]
        base = 0
        for p in range(len(periods)):
            period = periods[p]
            carry[base + 1 + n % period] = value
            total = carry[base] + value
            if n + 1 >= period:
                out[p, t] = total / period
                total = total - carry[base + 1 + (n + 1) % period]
            carry[base] = total
            base += 1 + period
        counts[0] = n + 1.0


def rsi_rows(fields: Floats, carry: Floats, periods: Periods, out: Floats) -> None:
    """Wilder's RSI, 0 to 100, and 50 where nothing ever moved; carried: last value, gain, loss, count (kernel)."""
    period = periods[0]
    for t in range(fields.shape[1]):
        n = int(carry[3, 0])
        value = fields[0, t]
        if n > 0:
            change = value - carry[0]
            gain = np.maximum(change, 0.0)
            loss = np.maximum(-change, 0.0)
            if n <= period:
                carry[1] = carry[1] + gain
                carry[2] = carry[2] + loss
                if n == period:
                    carry[1] = carry[1] / period
                    carry[2] = carry[2] / period
            else:
                carry[1] = (carry[1] * (period - 1) + gain) / period
                carry[2] = (carry[2] * (period - 1) + loss) / period
            if n >= period:
                moved = carry[1] + carry[2]
                out[0, t] = np.where(moved > 0.0, 100.0 * carry[1] / np.where(moved > 0.0, moved, 1.0), 50.0)
        carry[0] = value
        carry[3, 0] = n + 1.0


def macd_rows(fields: Floats, carry: Floats, periods: Periods, out: Floats) -> None:
    """MACD line, signal and histogram; carried: sums and averages of fast, slow and signal, and the count (kernel).

    Each average starts as a plain mean: the fast one of the bars just before the slow one's first value, the signal of
    the first lines.
    """
    fast, slow, smooth = periods[0], periods[1], periods[2]
    fast_part, slow_part, smooth_part = 2.0 / (fast + 1.0), 2.0 / (slow + 1.0), 2.0 / (smooth + 1.0)
    for t in range(fields.shape[1]):
        n = int(carry[3, 0]) + 1
        value = fields[0, t]
        carry[3, 0] = float(n)
        if n <= slow:
            carry[1] = carry[1] + value
            if n > slow - fast:
                carry[0] = carry[0] + value
            if n < slow:
                continue
            carry[0] = carry[0] / fast
            carry[1] = carry[1] / slow
        else:
            carry[0] = carry[0] + (value - carry[0]) * fast_part
            carry[1] = carry[1] + (value - carry[1]) * slow_part
        line = carry[0] - carry[1]
        lines = n - slow + 1
        if lines <= smooth:
            carry[2] = carry[2] + line
            if lines < smooth:
                continue
            carry[2] = carry[2] / smooth
        else:
            carry[2] = carry[2] + (line - carry[2]) * smooth_part
        out[0, t] = line
        out[1, t] = carry[2]
        out[2, t] = line - carry[2]


def bollinger_rows(fields: Floats, carry: Floats, periods: Periods, out: Floats) -> None:
    """Mean and population standard deviation of a window, which slide; carried: mean, squares, count, ring (kernel)."""
    period = periods[0]
    for t in range(fields.shape[1]):
        n = int(carry[2, 0])
        value = fields[0, t]
        mean = carry[0]
        if n < period:
            moved = mean + (value - mean) / (n + 1.0)
            squares = carry[1] + (value - mean) * (value - moved)
        else:
            oldest = carry[3 + n % period]
            moved = mean + (value - oldest) / period
            squares = carry[1] + (value - oldest) * ((value - moved) + (oldest - mean))
        squares = np.maximum(squares, 0.0)
        carry[3 + n % period] = value
        carry[2, 0] = n + 1.0
        carry[0] = moved
        carry[1] = squares
        if n + 1 >= period:
            out[0, t] = moved
            out[1, t] = np.sqrt(squares / period)


def adx_rows(fields: Floats, carry: Floats, periods: Periods, out: Floats) -> None:
    """ADX and ATR of high, low and close; carried: last bar, +DM, -DM, TR, sum or mean of DX, ATR, count (kernel)."""
    period = periods[0]
    for t in range(fields.shape[1]):
        n = int(carry[8, 0])
        high, low, close = fields[0, t], fields[1, t], fields[2, t]
        if n > 0:
            up = high - carry[0]
            down = carry[1] - low
            plus = np.where((up > down) & (up > 0.0), up, 0.0)
            minus = np.where((down > up) & (down > 0.0), down, 0.0)
            reach = np.maximum(np.maximum(high - low, np.abs(high - carry[2])), np.abs(low - carry[2]))
            if n < period:
                carry[3] = carry[3] + plus
                carry[4] = carry[4] + minus
                carry[5] = carry[5] + reach
            else:
                carry[3] = carry[3] - carry[3] / period + plus
                carry[4] = carry[4] - carry[4] / period + minus
                carry[5] = carry[5] - carry[5] / period + reach
                both = carry[3] + carry[4]
                apart = np.where(both > 0.0, 100.0 * np.abs(carry[3] - carry[4]) / np.where(both > 0.0, both, 1.0), 0.0)
                if n < 2 * period:
                    carry[6] = carry[6] + apart
                    if n == 2 * period - 1:
                        carry[6] = carry[6] / period
                else:
                    carry[6] = (carry[6] * (period - 1) + apart) / period
                if n >= 2 * period - 1:
                    out[0, t] = carry[6]
            if n <= period:
                carry[7] = carry[7] + reach
                if n == period:
                    carry[7] = carry[7] / period
            else:
                carry[7] = (carry[7] * (period - 1) + reach) / period
            if n >= period:
                out[1, t] = carry[7]
        carry[0], carry[1], carry[2] = high, low, close
        carry[8, 0] = n + 1.0


SMA = Kernel(step=sma_rows, carried=lambda periods: sum(periods) + len(periods) + 1, outputs=len)
RSI = Kernel(step=rsi_rows, carried=lambda periods: 4, outputs=lambda periods: 1)
MACD = Kernel(step=macd_rows, carried=lambda periods: 4, outputs=lambda periods: 3)
BOLLINGER = Kernel(step=bollinger_rows, carried=lambda periods: periods[0] + 3, outputs=lambda periods: 2)
ADX = Kernel(step=adx_rows, carried=lambda periods: 9, fields=3, outputs=lambda periods: 2)


def sma(values: Floats, *periods: int) -> Floats:
    """Simple moving averages `[period, t, i]` of `values[t, i]`."""
    return Stream(SMA, periods, symbols=values.shape[1]).add(values)


def rsi(values: Floats, period: int = 14) -> Floats:
    """Wilder's relative strength index `[t, i]`."""
    index: Floats = Stream(RSI, (period,), symbols=values.shape[1]).add(values)[0]
    return index


def macd(values: Floats, *, fast: int = 12, slow: int = 26, smooth: int = 9) -> Floats:
    """Line, signal and histogram `[3, t, i]`."""
    if not fast < slow:
        raise ValueError(f"fast must be below slow, was {fast} with {slow}")
    return Stream(MACD, (fast, slow, smooth), symbols=values.shape[1]).add(values)


def bollinger(values: Floats, period: int = 20) -> Floats:
    """Mean and standard deviation `[2, t, i]`; the bands are two deviations around the mean."""
    return Stream(BOLLINGER, (period,), symbols=values.shape[1]).add(values)


def adx(high: Floats, low: Floats, close: Floats, period: int = 14) -> Floats:
    """ADX and ATR `[2, t, i]`."""
    return Stream(ADX, (period,), symbols=close.shape[1]).add(high, low, close)
