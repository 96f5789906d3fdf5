"""W1 in our day-batches: python benchmarks/portfolio/ours.py CASE; prints one JSON line."""

import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

import numpy as np

from portfolio.blobs import BlobWriter, read_blobs
from portfolio.limits import guard_table, rows
from portfolio.measure import report
from portfolio.panel import CASES, CASH, COST_BPS, SECTORS, Case, Floats, Panel, panel, target_weights
from prudent import __version__
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

AT_ONCE = 32
MACHINE_CODE = Path(tempfile.gettempdir()) / "prudent-machine-code"


def kernels(cache: Path | None = MACHINE_CODE) -> CompiledKernels:
    """The day-batch and the valuation with everything they call."""
    return compiled_day_batch(cache)


def work_for(given: Panel) -> Work:
    """Columns for an account that holds nothing but cash."""
    terms = Terms(costs=Costs(NONE, COST_BPS), allocator=FLOOR, buffer=0.0, share=0.0, minimum=0.0)
    return empty_work(terms, guard_table(), given.sector, SECTORS, CASH)


def simulate(case: Case, given: Panel, weights: Floats, compiled: CompiledKernels, path: Path) -> tuple[float, int]:
    """One backtest, some batches at a time; each batch's record goes to `path`."""
    work = work_for(given)
    run = compiled[run_days]
    compiled[stand_day](work)
    curve = np.full(case.days, CASH)
    day = np.array(case.rebalances)
    until = np.append(day[1:], case.days)
    log, end, traded = empty_log(AT_ONCE * case.symbols), np.zeros(AT_ONCE, np.int64), 0
    with BlobWriter(path) as record:
        for first in range(0, len(day), AT_ONCE):
            some = slice(first, first + AT_ONCE)
            span = SpanColumns(
                given.close, given.dollars, weights[some], day[some], until[some], curve, end[: len(day[some])]
            )
            traded += run(work, span, log)
            start = 0
            for t, stop in zip(span.day, span.end):
                record.append(t, log, start, stop)
                start = stop
    return float(curve[-1]), traded


def changed_by_guard(path: Path) -> dict[str, int]:
    """How many orders each guard refused or made smaller, read back from the record."""
    counts: Counter[str] = Counter()
    names = [row.label.id for row in rows()]
    for batch in read_blobs(path):
        counts.update(names[g] for g in batch.columns.guard if g >= 0)
    return dict(sorted(counts.items()))


def main(name: str) -> None:
    case = CASES[name]
    given, weights = panel(case), target_weights(case)
    started = time.process_time()
    compiled = kernels()
    small = Case(name="warm", symbols=5, days=10, every=2)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "orders.blob"
        simulate(small, panel(small), target_weights(small), compiled, path)
        start_up = time.process_time() - started
        report("prudent", __version__, lambda: simulate(case, given, weights, compiled, path), start_up=start_up,
               size_mb=lambda: path.stat().st_size / 2**20, changed=lambda: changed_by_guard(path))  # fmt: skip


if __name__ == "__main__":
    main(sys.argv[1])
