"""The few indicators that a quote carries, from daily closes."""

from functools import cache

import numpy as np

from prudent.ports import Floats

RSI_PERIOD = 14
RSI_CLOSES = 251


def wilder_rsi(closes: Floats, *, period: int = RSI_PERIOD) -> float | None:
    """Wilder's relative strength index of the last close, 0 to 100; `None` with fewer than `period` + 1 closes.

    The averages start as plain means of the first `period` changes and decay by 1 - 1/`period` after. Unrolled, that
    is one weight a change, which needs no loop. Without any loss the index is 100, without any change 50.
    """
    if len(closes) <= period or not np.isfinite(closes).all():
        return None
    changes = closes[1:] - closes[:-1]
    weights = _weights(len(changes), period)
    gained = float(weights @ np.maximum(changes, 0.0))
    moved = float(weights @ np.abs(changes))
    return 100.0 * gained / moved if moved > 0.0 else 50.0


@cache
def _weights(count: int, period: int) -> Floats:
    decay = 1.0 - 1.0 / period
    ages = np.arange(count - 1, -1, -1, dtype=np.float64)
    weights: Floats = decay**ages / period
    weights[:period] = decay ** (count - period) / period
    return weights
