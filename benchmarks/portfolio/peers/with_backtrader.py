"""W1 in backtrader: orders at this close (cheat-on-close), sells before buys, whole shares."""

import math
import sys

import backtrader as bt
import numpy as np
import pandas as pd
from portfolio.measure import report
from portfolio.panel import CASES, CASH, COST_BPS, Case, panel, target_weights


class Rebalance(bt.Strategy):  # type: ignore[misc]
    params = (("case", None), ("weights", None))

    def __init__(self) -> None:
        self.sent = 0
        self.rows = {day: row for row, day in enumerate(self.p.case.rebalances)}

    def next(self) -> None:
        row = self.rows.get(len(self) - 1)
        if row is None:
            return
        equity = self.broker.getvalue()
        changes = [
            (math.floor(weight * equity / data.close[0]) - self.getposition(data).size, data)
            for weight, data in zip(self.p.weights[row], self.datas)
        ]
        for sign in (-1, 1):
            for change, data in changes:
                if change * sign > 0:
                    (self.buy if sign > 0 else self.sell)(data=data, size=abs(change))
                    self.sent += 1


def simulate(case: Case, close: np.ndarray, weights: np.ndarray) -> tuple[float, int]:
    cerebro = bt.Cerebro(stdstats=False)
    index = pd.bdate_range("2000-01-03", periods=case.days)
    for i in range(case.symbols):
        prices = close[:, i]
        opens = np.concatenate([prices[:1], prices[:-1]])
        frame = pd.DataFrame(
            {"open": opens, "high": np.maximum(opens, prices), "low": np.minimum(opens, prices), "close": prices,
             "volume": 1e9}, index=index,
        )  # fmt: skip
        cerebro.adddata(bt.feeds.PandasData(dataname=frame))
    cerebro.broker.setcash(CASH)
    cerebro.broker.setcommission(commission=COST_BPS / 1e4)
    cerebro.broker.set_coc(True)
    cerebro.addstrategy(Rebalance, case=case, weights=weights)
    (strategy,) = cerebro.run()
    return float(cerebro.broker.getvalue()), strategy.sent


if __name__ == "__main__":
    wanted = CASES[sys.argv[1]]
    inputs = panel(wanted), target_weights(wanted)
    report("backtrader", bt.__version__, lambda: simulate(wanted, inputs[0].close, inputs[1]))
