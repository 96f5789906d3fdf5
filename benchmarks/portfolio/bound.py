"""The plain definition without guards, twice: a bare loop for the compiler (the bound), and one for a reader."""

from decimal import Decimal

import numpy as np

from portfolio.panel import CASH, COST_BPS, Floats


def plain_loop(close: Floats, weights: Floats, every: int, log: Floats) -> tuple[float, int]:
    """Final equity and the number of orders; `log` gets (day, symbol, change, price) of each. Compiled: the bound."""
    days, symbols = close.shape
    held = np.zeros(symbols)
    target = np.zeros(symbols)
    cash, orders, row = CASH, 0, 0
    for t in range(1, days - 1, every):
        equity = cash
        for i in range(symbols):
            equity += held[i] * close[t, i]
        for i in range(symbols):
            target[i] = np.floor(weights[row, i] * equity / close[t, i])
        for side in (-1.0, 1.0):
            for i in range(symbols):
                change = target[i] - held[i]
                if change * side <= 0.0:
                    continue
                cost = COST_BPS / 1e4 * abs(change) * close[t, i]
                if change * close[t, i] + cost > cash:
                    continue
                cash -= change * close[t, i] + cost
                held[i] = target[i]
                log[orders, 0], log[orders, 1], log[orders, 2], log[orders, 3] = t, i, change, close[t, i]
                orders += 1
        row += 1
    equity = cash
    for i in range(symbols):
        equity += held[i] * close[days - 1, i]
    return equity, orders


def exact_loop(close: Floats, weights: Floats, every: int) -> tuple[Decimal, int]:
    """The same in exact decimals and lists: slow, and independent of floats and of the compiler."""
    days, symbols = close.shape
    held = [0] * symbols
    cash, orders, rate = Decimal(CASH), 0, Decimal(COST_BPS) / 10_000
    for row, t in enumerate(range(1, days - 1, every)):
        prices = [Decimal(repr(float(price))) for price in close[t]]
        equity = cash + sum(q * p for q, p in zip(held, prices))
        wanted = [int(Decimal(float(w)) * equity / p) for w, p in zip(weights[row], prices)]
        changes = [after - before for after, before in zip(wanted, held)]
        for i in sorted(range(symbols), key=lambda i: (changes[i] > 0, i)):
            paid = changes[i] * prices[i] + rate * abs(changes[i]) * prices[i]
            if changes[i] == 0 or paid > cash:
                continue
            cash -= paid
            held[i] += changes[i]
            orders += 1
    last = [Decimal(repr(float(price))) for price in close[days - 1]]
    return cash + sum(q * p for q, p in zip(held, last)), orders
