"""Do all implementations of a case agree? python benchmarks/portfolio/check.py CASE; prints one JSON line."""

import json
import sys

import numba
import numpy as np

from portfolio.bound import exact_loop, plain_loop
from portfolio.limits import SECTOR_WEIGHT_MAX
from portfolio.panel import CASES, panel, target_weights
from portfolio.reference import run_reference

if __name__ == "__main__":
    case = CASES[sys.argv[1]]
    given, weights = panel(case), target_weights(case)
    log = np.zeros((len(case.rebalances) * case.symbols, 4))
    plain, orders = numba.njit(plain_loop)(given.close, weights, case.every, log)
    exact, exact_orders = exact_loop(given.close, weights, case.every)
    judged = run_reference(case, given, weights, SECTOR_WEIGHT_MAX)
    answer = {
        "plain": plain, "plain_orders": orders, "exact": float(exact), "exact_orders": exact_orders,
        "final": float(judged.final), "orders": judged.traded, "changed": judged.changed,
    }  # fmt: skip
    json.dump(answer, sys.stdout)
    print()
