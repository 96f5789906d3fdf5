"""W2's input and rule: seeded bars, and a cross of two averages that flips one unit; run with a number, the truth."""

import json
import sys
from dataclasses import dataclass, field
from decimal import ROUND_HALF_UP, Decimal

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

BARS, SESSION, FAST, SLOW = 1_000_000, 390, 20, 60
CASH, COST_BPS = 1_000_000.0, 1.0


def prices(bars: int = BARS, seed: int = 42) -> Floats:
    """One-minute prices in cents from 100 on; a bar opens where the one before closed."""
    moves = np.random.default_rng(seed).normal(0.0, 0.0003, bars)
    return np.round(100.0 * np.exp(np.cumsum(moves - moves.mean())), 2)


@dataclass(slots=True)
class Cross:
    """The rule as a class that is called with each price, as a person writes it."""

    fast_part: float = 2.0 / (FAST + 1.0)
    slow_part: float = 2.0 / (SLOW + 1.0)
    fast: float = 0.0
    slow: float = 0.0
    seen: int = field(default=0)

    def __call__(self, price: float) -> float:
        if self.seen == 0:
            self.fast = self.slow = price
        self.fast += (price - self.fast) * self.fast_part
        self.slow += (price - self.slow) * self.slow_part
        self.seen += 1
        if self.seen <= SLOW:
            return 0.0
        return 1.0 if self.fast > self.slow else -1.0


def exact(series: Floats) -> tuple[Decimal, int]:
    """Final value and fills in exact decimals: no guard, no compiler, no column."""
    cash, held, fills, rule = Decimal(CASH), 0, 0, Cross()
    cent = Decimal("0.01")
    for price in series.tolist():
        wanted = int(rule(price))
        exact_price = Decimal(repr(price))
        while held != wanted and wanted:
            side = 1 if wanted > held else -1
            paid = exact_price * (1 + side * Decimal(COST_BPS) / 10_000)
            cash -= side * paid.quantize(Decimal("0.0001"), ROUND_HALF_UP).quantize(cent, ROUND_HALF_UP)
            held += side
            fills += 1
    return cash + held * Decimal(repr(float(series[-1]))), fills


if __name__ == "__main__":
    final, fills = exact(prices()[: int(sys.argv[1])])
    print(json.dumps({"final": float(final), "orders": fills}))
