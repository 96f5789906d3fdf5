"""The few indicators that a quote carries, from daily closes."""

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
    changes = np.diff(closes)
    weights = _weights(len(changes), period)
    gain = float(np.sum(weights * np.maximum(changes, 0.0)))
    loss = float(np.sum(weights * np.maximum(-changes, 0.0)))
    return 100.0 * gain / (gain + loss) if gain + loss > 0.0 else 50.0


def _weights(count: int, period: int) -> Floats:
    decay = 1.0 - 1.0 / period
    ages = np.arange(count - 1, -1, -1, dtype=np.float64)
    weights: Floats = decay**ages / period
    weights[:period] = decay ** (count - period) / period
    return weights
