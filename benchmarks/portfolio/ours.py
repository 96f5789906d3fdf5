"""W1 in our day-batches: python benchmarks/portfolio/ours.py CASE; prints one JSON line."""

import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from portfolio.limits import guard_table, rows
from portfolio.measure import report
from portfolio.panel import CASES, CASH, COST_BPS, SECTORS, Case, Floats, Panel, panel, target_weights
from prudent import __version__
from prudent.backtest.columnar import NAV, ColumnLedger, verify
from prudent.backtest.columnar_sql import asked
from prudent.backtest.columns import first_rows
from prudent.backtest.compiled import CompiledKernels
from prudent.backtest.day_batch import (
    SpanColumns,
    Terms,
    Work,
    compiled_day_batch,
    empty_log,
    empty_work,
    run_days,
    stand_day,
)
from prudent.exchange.fees import NONE
from prudent.exchange.matching import Costs
from prudent.pipeline.plan.sizing import FLOOR

# Batches worked out at a time, and kept as one block of the ledger.
AT_ONCE = 256
FIRST_DAY = np.datetime64("2000-01-03")
MACHINE_CODE = Path(tempfile.gettempdir()) / "prudent-machine-code"


def kernels(cache: Path | None = MACHINE_CODE) -> CompiledKernels:
    """The day-batch and the valuation with everything they call."""
    return compiled_day_batch(cache)


def work_for(given: Panel) -> Work:
    """Columns for an account that holds nothing but cash."""
    terms = Terms(costs=Costs(NONE, COST_BPS), allocator=FLOOR, buffer=0.0, share=0.0, minimum=0.0)
    return empty_work(terms, guard_table(), given.sector, SECTORS, CASH)


def simulate(case: Case, given: Panel, weights: Floats, compiled: CompiledKernels, path: Path) -> tuple[float, int]:
    """One backtest, some batches at a time; orders, values and their chain of digests go to the folder `path`."""
    work = work_for(given)
    run = compiled[run_days]
    compiled[stand_day](work)
    curve, days = np.full(case.days, CASH), FIRST_DAY + np.arange(case.days)
    day = np.array(case.rebalances)
    until = np.append(day[1:], case.days)
    at_once = min(AT_ONCE, len(day))
    log, end, traded = empty_log(at_once * case.symbols), np.zeros(at_once, np.int64), 0
    names = [f"S{i:03}" for i in range(case.symbols)]
    with ColumnLedger(path, symbols=names, guards=[row.label.id for row in rows()]) as ledger:
        for first in range(0, len(day), at_once):
            some = slice(first, first + at_once)
            span = SpanColumns(
                given.close, given.dollars, weights[some], day[some], until[some], curve, end[: len(day[some])]
            )
            traded += run(work, span, log)
            batch = first + np.repeat(np.arange(len(span.day)), np.diff(span.end, prepend=0))
            on = days[day[batch]]
            ledger.orders(first_rows(log, len(batch)), batch, on, on)
        ledger.table(NAV, {"day": days, "nav": curve})
    return float(curve[-1]), traded


def changed_by_guard(path: Path) -> dict[str, int]:
    """How many orders each guard refused or made smaller, read back from the ledger."""
    found = asked(path, "select guard, count(*) from orders where guard <> '' group by guard", most=1000)
    return dict(sorted((str(guard), int(count)) for guard, count in found.rows))


def main(name: str) -> None:
    case = CASES[name]
    given, weights = panel(case), target_weights(case)
    started = time.process_time()
    compiled = kernels()
    small = Case(name="warm", symbols=5, days=10, every=2)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "ledger"
        simulate(small, panel(small), target_weights(small), compiled, Path(folder) / "warm")
        start_up = time.process_time() - started
        report("prudent", __version__, lambda: simulate(case, given, weights, compiled, path), start_up=start_up,
               size_mb=lambda: verify(path).bytes / 2**20, changed=lambda: changed_by_guard(path))  # fmt: skip


if __name__ == "__main__":
    main(sys.argv[1])
