"""The workload's inputs: a seeded one-factor panel of closes in cents with volumes and sectors, and target weights."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

CASH = 1e8
INVESTED = 0.95
COST_BPS = 5.0
SECTORS = 11


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Panel:
    """`close[t, i]` in cents; the open of a day is the close before it, so that closes are all there is to trade at.

    `dollars` is the mean of close x volume over the 20 days before each day.
    """

    close: Floats
    dollars: Floats
    sector: Ints


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """`symbols` over `days`, rebalanced every `every` days from day 1 on, never on the last."""

    name: str
    symbols: int
    days: int
    every: int

    @property
    def rebalances(self) -> range:
        return range(1, self.days - 1, self.every)


CASES = {
    case.name: case
    for case in (
        Case(name="W1a", symbols=500, days=2520, every=21),
        Case(name="W1b", symbols=500, days=2520, every=1),
        Case(name="W1c", symbols=500, days=252, every=1),
        Case(name="W1d", symbols=50, days=504, every=21),
        Case(name="W1e", symbols=500, days=252, every=21),
    )
}


def panel(case: Case, seed: int = 42) -> Panel:
    """Prices from 20 to 300, betas from 0.5 to 1.5, daily market 0.05 % +- 0.25 %, own noise 1.2 %."""
    rng = np.random.default_rng(seed)
    start = rng.uniform(20.0, 300.0, case.symbols)
    beta = rng.uniform(0.5, 1.5, case.symbols)
    market = rng.normal(0.0005, 0.0025, case.days)
    own = rng.normal(-0.5 * 0.012**2, 0.012, (case.days, case.symbols))
    close = np.maximum(np.round(start * np.exp(np.cumsum(market[:, None] * beta + own, axis=0)), 2), 0.01)
    return Panel(close=close, dollars=_mean_dollars(rng, close), sector=rng.integers(0, SECTORS, case.symbols))


def target_weights(case: Case, seed: int = 7) -> Floats:
    """One row per rebalance: fresh random weights that sum to 95 %, which turns over about a third."""
    raw = np.random.default_rng(seed).random((len(case.rebalances), case.symbols))
    return INVESTED * raw / raw.sum(axis=1, keepdims=True)


def _mean_dollars(rng: np.random.Generator, close: Floats, window: int = 20) -> Floats:
    # Volumes in whole shares; the days before the first have its price.
    history = np.vstack([np.repeat(close[:1], window, axis=0), close])
    usual = rng.lognormal(np.log(3e7), 1.2, close.shape[1])
    traded = history * np.round(usual / history * rng.lognormal(0.0, 0.3, history.shape))
    sums = np.cumsum(np.vstack([np.zeros((1, close.shape[1])), traded]), axis=0)
    return np.round((sums[window:-1] - sums[: -window - 1]) / window, 2)
