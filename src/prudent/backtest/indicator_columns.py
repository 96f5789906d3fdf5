"""The usual ten indicators of many symbols in one pass: `analytics.technical` as loops for a compiler (kernels).

Live, `analytics.technical` computes a bar of all symbols with whole-row arithmetic; here the same operations stand in
the same order, symbol by symbol, so that both give the same bits. One bar and a whole history are the same call: a
history that is cut anywhere and fed in pieces gives the same bits as the whole. Values must be finite.
"""

from typing import NamedTuple

import numpy as np

from prudent.exchange.matching import Floats, Ints

SMA_PERIODS = (20, 50, 200)
RSI_PERIOD, FAST, SLOW, SMOOTH, BAND_PERIOD, BAND_WIDTH = 14, 12, 26, 9, 20, 2.0
NAMES = (
    "sma20", "sma50", "sma200", "rsi14", "macd", "macd_signal", "macd_histogram", "band_upper", "band_middle",
    "band_lower",
)  # fmt: skip
# The longest window; the last so many bars are all that is ever looked back at.
RING = max(*SMA_PERIODS, BAND_PERIOD + 1)
TOTALS, LAST, GAIN, LOSS, FAST_MEAN, SLOW_MEAN, SIGNAL, MEAN, SQUARES, CARRIED = 0, 3, 4, 5, 6, 7, 8, 9, 10, 11


class IndicatorCarry(NamedTuple):
    """What goes on from bar to bar: `rows[k, i]` of symbol i, the last bars `ring[n % RING, i]`, `seen[0]` bars."""

    rows: Floats
    ring: Floats
    seen: Ints


def empty_carry(symbols: int) -> IndicatorCarry:
    """Before the first bar."""
    return IndicatorCarry(np.zeros((CARRIED, symbols)), np.zeros((RING, symbols)), np.zeros(1, np.int64))


def slide_mean(total: Floats, value: Floats, oldest: Floats, period: float, out: Floats) -> None:
    """A moving average of a full window."""
    for i in range(len(value)):
        sum_ = total[i] + value[i]
        out[i] = sum_ / period
        total[i] = sum_ - oldest[i]


def fill_mean(total: Floats, value: Floats, out: Floats) -> None:
    """A moving average whose window is not full yet."""
    for i in range(len(value)):
        total[i] = total[i] + value[i]
        out[i] = np.nan


def start_rsi(carry: IndicatorCarry, value: Floats, n: int, out: Floats) -> None:
    """The plain sums of the first `RSI_PERIOD` changes; the last of them gives the first index."""
    last, gain, loss = carry.rows[LAST], carry.rows[GAIN], carry.rows[LOSS]
    for i in range(len(value)):
        out[i] = np.nan
        if n > 0:
            change = value[i] - last[i]
            gain[i] = gain[i] + max(change, 0.0)
            loss[i] = loss[i] + max(-change, 0.0)
        if n == RSI_PERIOD:
            gain[i] = gain[i] / RSI_PERIOD
            loss[i] = loss[i] / RSI_PERIOD
            moved = gain[i] + loss[i]
            out[i] = 100.0 * gain[i] / moved if moved > 0.0 else 50.0
        last[i] = value[i]


def slide_rsi(last: Floats, gain: Floats, loss: Floats, value: Floats, out: Floats) -> None:
    """Wilder's smoothing of gains and losses."""
    for i in range(len(value)):
        change = value[i] - last[i]
        up = (gain[i] * (RSI_PERIOD - 1) + max(change, 0.0)) / RSI_PERIOD
        down = (loss[i] * (RSI_PERIOD - 1) + max(-change, 0.0)) / RSI_PERIOD
        moved = up + down
        divisor = moved if moved > 0.0 else 1.0
        index = 100.0 * up / divisor
        out[i] = index if moved > 0.0 else 50.0
        gain[i] = up
        loss[i] = down
        last[i] = value[i]


def start_macd(carry: IndicatorCarry, value: Floats, n: int, out: Floats) -> None:
    """Plain sums for the first averages, and for the signal of the first lines; `n` counts this bar. `out[3, i]`."""
    fast, slow, signal = carry.rows[FAST_MEAN], carry.rows[SLOW_MEAN], carry.rows[SIGNAL]
    fast_part, slow_part = 2.0 / (FAST + 1.0), 2.0 / (SLOW + 1.0)
    for i in range(len(value)):
        out[0, i] = out[1, i] = out[2, i] = np.nan
        if n <= SLOW:
            slow[i] = slow[i] + value[i]
            if n > SLOW - FAST:
                fast[i] = fast[i] + value[i]
            if n < SLOW:
                continue
            fast[i] = fast[i] / FAST
            slow[i] = slow[i] / SLOW
        else:
            fast[i] = fast[i] + (value[i] - fast[i]) * fast_part
            slow[i] = slow[i] + (value[i] - slow[i]) * slow_part
        line = fast[i] - slow[i]
        signal[i] = signal[i] + line
        if n - SLOW + 1 == SMOOTH:
            signal[i] = signal[i] / SMOOTH
            out[0, i] = line
            out[1, i] = signal[i]
            out[2, i] = line - signal[i]


def slide_lines(fast: Floats, slow: Floats, value: Floats, line: Floats) -> None:
    """The two averages and their difference."""
    fast_part, slow_part = 2.0 / (FAST + 1.0), 2.0 / (SLOW + 1.0)
    for i in range(len(value)):
        quick = fast[i] + (value[i] - fast[i]) * fast_part
        calm = slow[i] + (value[i] - slow[i]) * slow_part
        line[i] = quick - calm
        fast[i] = quick
        slow[i] = calm


def slide_signal(signal: Floats, line: Floats, smooth: Floats, histogram: Floats) -> None:
    """The signal of the line, and how far the line is from it."""
    part = 2.0 / (SMOOTH + 1.0)
    for i in range(len(line)):
        after = signal[i] + (line[i] - signal[i]) * part
        smooth[i] = after
        histogram[i] = line[i] - after
        signal[i] = after


def start_bands(mean: Floats, squares: Floats, value: Floats, n: int) -> None:
    """Mean and squares of a window that is not full yet; `n` bars came before."""
    for i in range(len(value)):
        moved = mean[i] + (value[i] - mean[i]) / (n + 1.0)
        squares[i] = max(squares[i] + (value[i] - mean[i]) * (value[i] - moved), 0.0)
        mean[i] = moved


def slide_bands(mean: Floats, squares: Floats, value: Floats, oldest: Floats) -> None:
    """Mean and squares of a full window that moves on by one bar."""
    for i in range(len(value)):
        before = mean[i]
        moved = before + (value[i] - oldest[i]) / BAND_PERIOD
        squares[i] = max(squares[i] + (value[i] - oldest[i]) * ((value[i] - moved) + (oldest[i] - before)), 0.0)
        mean[i] = moved


def write_bands(rows: Floats, upper: Floats, middle: Floats, lower: Floats) -> None:
    """Two deviations above the mean, the mean, two below."""
    mean, squares = rows[MEAN], rows[SQUARES]
    for i in range(len(mean)):
        reach = BAND_WIDTH * np.sqrt(squares[i] / BAND_PERIOD)
        upper[i] = mean[i] + reach
        middle[i] = mean[i]
        lower[i] = mean[i] - reach


def indicator_rows(value: Floats, carry: IndicatorCarry, out: Floats) -> None:
    """Some more bars `value[t, i]`: their `out[o, t, i]` in the order of `NAMES`, NaN until there are bars enough."""
    rows = carry.rows
    for t in range(value.shape[0]):
        n, now = carry.seen[0], value[t]
        if n < BAND_PERIOD:
            start_bands(rows[MEAN], rows[SQUARES], now, n)
        else:
            slide_bands(rows[MEAN], rows[SQUARES], now, carry.ring[(n - BAND_PERIOD) % RING])
        if n + 1 >= BAND_PERIOD:
            write_bands(rows, out[7, t], out[8, t], out[9, t])
        else:
            out[7:10, t] = np.nan
        carry.ring[n % RING] = now
        for p in range(len(SMA_PERIODS)):
            period = SMA_PERIODS[p]
            if n + 1 >= period:
                slide_mean(rows[TOTALS + p], now, carry.ring[(n + 1 - period) % RING], float(period), out[p, t])
            else:
                fill_mean(rows[TOTALS + p], now, out[p, t])
        if n <= RSI_PERIOD:
            start_rsi(carry, now, n, out[3, t])
        else:
            slide_rsi(rows[LAST], rows[GAIN], rows[LOSS], now, out[3, t])
        if n + 1 < SLOW + SMOOTH:
            start_macd(carry, now, n + 1, out[4:7, t])
        else:
            slide_lines(rows[FAST_MEAN], rows[SLOW_MEAN], now, out[4, t])
            slide_signal(rows[SIGNAL], out[4, t], out[5, t], out[6, t])
        carry.seen[0] = n + 1
