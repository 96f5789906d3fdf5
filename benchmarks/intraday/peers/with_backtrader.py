"""W2 in backtrader: orders at this close (cheat-on-close), one unit long or short."""

import sys

import backtrader as bt
import numpy as np
import pandas as pd
from intraday.bars import CASH, COST_BPS, Cross, prices
from portfolio.measure import report


class Flip(bt.Strategy):  # type: ignore[misc]
    def __init__(self) -> None:
        self.rule, self.answer, self.filled = Cross(), 0.0, 0

    def notify_order(self, order: bt.Order) -> None:
        # A flip is one order of two units here and two orders elsewhere.
        self.filled += int(abs(order.executed.size)) if order.status == order.Completed else 0

    def next(self) -> None:
        wanted = self.rule(self.data.close[0])
        if wanted != self.answer:
            self.answer = wanted
            self.order_target_size(target=wanted)


def simulate(frame: pd.DataFrame) -> tuple[float, int]:
    cerebro = bt.Cerebro(stdstats=False)
    cerebro.adddata(bt.feeds.PandasData(dataname=frame))
    cerebro.broker.setcash(CASH)
    cerebro.broker.setcommission(commission=COST_BPS / 1e4)
    cerebro.broker.set_coc(True)
    cerebro.addstrategy(Flip)
    (strategy,) = cerebro.run()
    return float(cerebro.broker.getvalue()), strategy.filled


if __name__ == "__main__":
    bars = int(sys.argv[1])
    close = prices()[:bars]
    opens = np.concatenate([close[:1], close[:-1]])
    given = pd.DataFrame(
        {"open": opens, "high": np.maximum(opens, close), "low": np.minimum(opens, close), "close": close,
         "volume": 1e9}, index=pd.date_range("2000-01-03", periods=bars, freq="1min"),
    )  # fmt: skip
    report("backtrader", bt.__version__, lambda: simulate(given), bars=float(bars))
