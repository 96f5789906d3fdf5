"""Small panels of prices for the tests of baselines."""

import numpy as np

from prudent.analytics.marks import Terms
from prudent.domain.performance import Floats, Ints, Panel

START = np.datetime64("2020-01-01")


def panel_of(
    close: Floats, *, opens: Floats | None = None, dividend: Floats | None = None, split: Floats | None = None
) -> Panel:
    """A panel of `close[t, i]`; opens are the closes where they are not given."""
    begun = close if opens is None else opens
    return Panel(
        symbols=tuple(f"S{i}" for i in range(close.shape[1])),
        days=START + np.arange(len(close)),
        open=begun,
        high=np.fmax(begun, close),
        low=np.fmin(begun, close),
        close=close,
        dividend=np.zeros_like(close) if dividend is None else dividend,
        split=np.ones_like(close) if split is None else split,
        total_return=False,
    )


def random_panel(sessions: int, count: int, seed: int, *, holes: float = 0.0) -> Panel:
    """Prices that wander, with a dividend or a split now and then, and a share of `holes`."""
    rng = np.random.Generator(np.random.PCG64(seed))
    split = np.where(rng.random((sessions, count)) < 0.005, 2.0, 1.0)
    split[0] = 1.0
    close = 100.0 * np.exp(np.cumsum(0.01 * rng.standard_normal((sessions, count)), axis=0)) / np.cumprod(split, axis=0)
    opens = close * np.exp(0.003 * rng.standard_normal((sessions, count)))
    paid = np.where(rng.random((sessions, count)) < 0.01, 0.01 * close, 0.0)
    missing = rng.random((sessions, count)) < holes
    return panel_of(
        np.where(missing, np.nan, close), opens=np.where(missing, np.nan, opens), dividend=paid, split=split
    )


def terms_of(
    panel: Panel, decided: list[int] | Ints, *, fill: str = "next_open", cost_bps: float = 0.0, first: int = 0
) -> Terms:
    """All symbols of the panel."""
    return Terms(
        panel=panel, columns=np.arange(len(panel.symbols)), first=first,
        decided=np.asarray(decided, dtype=np.int64), fill=fill, cost_bps=cost_bps,
    )  # fmt: skip
