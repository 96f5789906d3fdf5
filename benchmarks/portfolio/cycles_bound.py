"""The bound of W1r: the plain loop, compiled, on the twenty real closes of the sample at the same month starts."""

import tempfile
from pathlib import Path

import numba
import numpy as np

from portfolio.bound import plain_loop
from portfolio.measure import report
from portfolio.panel import Floats
from portfolio.through_cycles import FIRST, LAST, WEIGHT_PERCENT, months, opened, priced
from prudent.bootstrap import Desk
from prudent.clock import SimulatedClock
from prudent.marketdata.sample import SampleMarket


def month_starts(desk: Desk) -> Floats:
    """Closes of the first session of each month and of the last day; the first row stands twice, as day 0."""
    sessions = list(desk.calendar.sessions(FIRST, LAST))
    market = SampleMarket(SimulatedClock(sessions[-1].close), desk.calendar)
    close = market.daily(priced(desk), sessions=len(sessions)).fields["close"]
    wanted = {session.date for session in months(desk)}
    rows = [t for t, session in enumerate(sessions) if session.date in wanted]
    return np.ascontiguousarray(close[[rows[0], *rows, len(sessions) - 1]])


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        close = month_starts(opened(Path(folder) / "home"))
    weights = np.full((len(close), close.shape[1]), float(WEIGHT_PERCENT) / 100)
    log = np.zeros((weights.size, 4))
    loop = numba.njit(plain_loop)
    loop(close[:4], weights, 1, log)
    report("plain loop", numba.__version__, lambda: loop(close, weights, 1, log), cycles=float(len(close) - 2))


if __name__ == "__main__":
    main()
