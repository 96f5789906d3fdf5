"""W3 a bar at a time in talipp; prints one JSON line with the values of the last bar, symbol by symbol."""

import json
import statistics
import sys
import time
from importlib.metadata import version

from indicators.closes import STREAM_TICKS, STREAMED, closes
from talipp.indicators import BB, MACD, RSI, SMA
from talipp.indicators.Indicator import Indicator

VALUES, TURNS = 10, 3


def of_one() -> tuple[Indicator, ...]:
    return SMA(20), SMA(50), SMA(200), RSI(14), MACD(12, 26, 9), BB(20, 2.0)


def add(objects: list[tuple[Indicator, ...]], bars: list[list[float]]) -> float:
    """CPU seconds of these bars in all symbols."""
    before = time.process_time()
    for row in bars:
        for value, several in zip(row, objects):
            for each in several:
                each.add(value)
    return time.process_time() - before


def now(several: tuple[Indicator, ...]) -> list[float]:
    """The ten values in the order of ours."""
    *plain, macd, band = (each[-1] for each in several)
    return [*plain, macd.macd, macd.signal, macd.histogram, band.ub, band.cb, band.lb]


def main() -> None:
    bars = closes()[:, :STREAMED].tolist()
    spent, last = [], []
    for _ in range(TURNS):
        objects = [of_one() for _ in range(STREAMED)]
        add(objects, bars[:-STREAM_TICKS])
        spent.append(add(objects, bars[-STREAM_TICKS:]))
        last = [now(several) for several in objects]
    cost = statistics.median(spent) * 1e9 / (STREAM_TICKS * STREAMED * VALUES)
    json.dump({"program": "talipp", "version": version("talipp"), "tick_ns": cost, "last": last}, sys.stdout)
    print()


if __name__ == "__main__":
    main()
