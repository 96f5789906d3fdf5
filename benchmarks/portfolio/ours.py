"""W1 in our day-batches: python benchmarks/portfolio/ours.py CASE; prints one JSON line."""

import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

import numpy as np

from portfolio.blobs import BlobWriter, read_blobs
from portfolio.day_batch import OrderLog, Work, trade_day, value_days
from portfolio.limits import (
    account_row,
    empty_scratch,
    empty_verdicts,
    guard_table,
    holdings_table,
    market_table,
    orders_table,
    rows,
)
from portfolio.measure import report
from portfolio.panel import CASES, CASH, Case, Floats, Panel, panel, target_weights
from prudent import __version__
from prudent.backtest.compiled import CompiledKernels
from prudent.exchange.matching import BookColumns, FillColumns, OrderColumns, QuoteColumns
from prudent.guards.evaluate import compilable_judge_by_kind, judge_by_kind, judge_funding, judge_layers
from prudent.pipeline.plan.sizing import SizingColumns, empty_lots

MACHINE_CODE = Path(tempfile.gettempdir()) / "prudent-machine-code"


def kernels(cache: Path | None = MACHINE_CODE) -> CompiledKernels:
    """The day-batch and the valuation with everything they call."""
    swaps = {judge_by_kind: compilable_judge_by_kind()}
    return CompiledKernels(trade_day, value_days, judge_layers, judge_funding, swaps=swaps, cache=cache)


def work_for(given: Panel) -> Work:
    """Columns for an account that holds nothing but cash."""
    n = given.close.shape[1]
    guards = guard_table()
    zeros, ones, counts = (lambda: np.zeros(n)), (lambda: np.ones(n)), (lambda: np.zeros(n, np.int64))
    return Work(
        size=SizingColumns(zeros(), counts() + 1, zeros(), zeros(), ones(), ones(), zeros(), zeros(), zeros()),
        lots=empty_lots(n),
        book=BookColumns(np.array([CASH]), zeros(), zeros()),
        quotes=QuoteColumns(zeros(), zeros(), zeros(), np.full(n, np.inf), ones(), ones()),
        orders=OrderColumns(counts(), counts(), zeros(), np.full(n, np.nan)),
        fills=FillColumns(counts(), zeros(), zeros(), zeros(), zeros()),
        market=market_table(given.sector),
        holdings=holdings_table(n),
        account=account_row(),
        table=orders_table(n),
        guards=guards,
        verdicts=empty_verdicts(n, len(guards.kind)),
        scratch=empty_scratch(n),
        log=OrderLog(counts(), zeros(), zeros(), zeros(), zeros(), zeros(), zeros(), counts()),
        value=np.array([CASH, CASH]),
    )


def simulate(case: Case, given: Panel, weights: Floats, compiled: CompiledKernels, path: Path) -> tuple[float, int]:
    """One backtest: the weights of the day are asked for once per rebalance, the batch's record goes to `path`."""
    work = work_for(given)
    trade, value = compiled[trade_day], compiled[value_days]
    curve = np.full(case.days, CASH)
    traded = 0
    with BlobWriter(path) as record:
        for row, day in enumerate(case.rebalances):
            count, filled = trade(work, given.close[day], given.close[day - 1], given.dollars[day], weights[row])
            traded += filled
            until = min(day + case.every, case.days) if day + case.every < case.days - 1 else case.days
            value(work, given.close[day:until], curve[day:until])
            record.append(day, work.log, count)
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
