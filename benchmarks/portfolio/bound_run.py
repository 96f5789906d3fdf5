"""The bound: the plain loop compiled, without guards, cents or a record: python portfolio/bound_run.py CASE."""

import sys

import numba
import numpy as np

from portfolio.bound import plain_loop
from portfolio.measure import report
from portfolio.panel import CASES, panel, target_weights

if __name__ == "__main__":
    case = CASES[sys.argv[1]]
    close, weights = panel(case).close, target_weights(case)
    log = np.zeros((len(case.rebalances) * case.symbols, 4))
    loop = numba.njit(plain_loop)
    loop(close[:5], weights, case.every, log)
    report("plain loop", numba.__version__, lambda: loop(close, weights, case.every, log))
