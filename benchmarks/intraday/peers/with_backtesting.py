"""W2 in backtesting.py, in a process of its own: one unit long or short, trades at the close of the bar."""

import sys

import backtesting
import numpy as np
import pandas as pd
from backtesting import Backtest, Strategy
from intraday.bars import CASH, COST_BPS, Cross, prices
from portfolio.measure import report


class Flip(Strategy):  # type: ignore[misc]
    def init(self) -> None:
        self.rule, self.answer, self.sent = Cross(), 0.0, 0
        self.rule(float(self.data.Close[0]))

    def next(self) -> None:
        wanted = self.rule(float(self.data.Close[-1]))
        if wanted != self.answer:
            self.answer = wanted
            self.position.close()
            (self.buy if wanted > 0 else self.sell)(size=1)


def simulate(frame: pd.DataFrame) -> tuple[float, int]:
    test = Backtest(frame, Flip, cash=CASH, commission=COST_BPS / 1e4, trade_on_close=True, finalize_trades=True)
    result = test.run()
    return float(result["Equity Final [$]"]), 2 * int(result["# Trades"]) - 1


if __name__ == "__main__":
    bars = int(sys.argv[1])
    close = prices()[:bars]
    opens = np.concatenate([close[:1], close[:-1]])
    given = pd.DataFrame(
        {"Open": opens, "High": np.maximum(opens, close), "Low": np.minimum(opens, close), "Close": close},
        index=pd.date_range("2000-01-03", periods=bars, freq="1min"),
    )
    report("backtesting.py", backtesting.__version__, lambda: simulate(given), bars=float(bars))
