"""W1 in vectorbt: target percentages on the rebalance days, sells before buys, one shared cash."""

import sys

import numpy as np
import pandas as pd
import vectorbt as vbt
from portfolio.measure import report
from portfolio.panel import CASES, CASH, COST_BPS, Case, panel, target_weights


def simulate(case: Case, close: pd.DataFrame, weights: np.ndarray) -> tuple[float, int]:
    size = np.full(close.shape, np.nan)
    size[list(case.rebalances)] = weights
    portfolio = vbt.Portfolio.from_orders(
        close, size=size, size_type="targetpercent", group_by=True, cash_sharing=True, call_seq="auto",
        fees=COST_BPS / 1e4, init_cash=CASH, size_granularity=1.0, freq="1D",
    )  # fmt: skip
    return float(portfolio.value().iloc[-1]), int(portfolio.orders.count())


def frame(case: Case) -> pd.DataFrame:
    return pd.DataFrame(panel(case).close, index=pd.bdate_range("2000-01-03", periods=case.days))


if __name__ == "__main__":
    wanted = CASES[sys.argv[1]]
    small = Case(name="warm", symbols=5, days=10, every=2)
    simulate(small, frame(small), target_weights(small))
    data, targets = frame(wanted), target_weights(wanted)
    report("vectorbt", vbt.__version__, lambda: simulate(wanted, data, targets))
