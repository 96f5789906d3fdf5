"""W2 in vectorbt: exponential averages as columns, signals at their crosses, one unit long or short."""

import sys

import numpy as np
import pandas as pd
import vectorbt as vbt
from intraday.bars import CASH, COST_BPS, FAST, SLOW, prices
from portfolio.measure import report


def simulate(close: pd.Series) -> tuple[float, int]:
    fast, slow = (close.ewm(span=span, adjust=False).mean() for span in (FAST, SLOW))
    known = np.arange(len(close)) >= SLOW
    above = ((fast > slow) & known).to_numpy()
    below = (~(fast > slow) & known).to_numpy()
    portfolio = vbt.Portfolio.from_signals(
        close, entries=above, short_entries=below, size=1.0, size_type="amount", fees=COST_BPS / 1e4,
        init_cash=CASH, freq="1min", upon_opposite_entry="reverse",
    )  # fmt: skip
    # A flip is one order of two units here and two orders elsewhere.
    return float(portfolio.value().iloc[-1]), 2 * int(portfolio.orders.count()) - 1


if __name__ == "__main__":
    bars = int(sys.argv[1])
    series = pd.Series(prices()[:bars], index=pd.date_range("2000-01-03", periods=bars, freq="1min"))
    simulate(series[:1000])
    report("vectorbt", vbt.__version__, lambda: simulate(series), bars=float(bars))
