"""W1 in bt: WeighTarget and Rebalance on the rebalance days, whole shares."""

import sys

import bt
import numpy as np
import pandas as pd
from portfolio.measure import report
from portfolio.panel import CASES, CASH, COST_BPS, Case, panel, target_weights


def simulate(close: pd.DataFrame, weights: pd.DataFrame) -> tuple[float, int]:
    strategy = bt.Strategy("w1", [bt.algos.WeighTarget(weights), bt.algos.Rebalance()])
    test = bt.Backtest(
        strategy, close, initial_capital=CASH, integer_positions=True, progress_bar=False,
        commissions=lambda quantity, price: abs(quantity) * price * COST_BPS / 1e4,
    )  # fmt: skip
    result = bt.run(test)
    return float(test.strategy.value), len(result.get_transactions())


def frames(case: Case) -> tuple[pd.DataFrame, pd.DataFrame]:
    names = [f"S{i:03d}" for i in range(case.symbols)]
    close = pd.DataFrame(panel(case).close, index=pd.bdate_range("2000-01-03", periods=case.days), columns=names)
    rows = np.array(list(case.rebalances))
    return close, pd.DataFrame(target_weights(case), index=close.index[rows], columns=names)


if __name__ == "__main__":
    prices, targets = frames(CASES[sys.argv[1]])
    report("bt", bt.__version__, lambda: simulate(prices, targets))
