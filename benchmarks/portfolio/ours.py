"""W1 in our day-batches: python benchmarks/portfolio/ours.py CASE; prints one JSON line."""

import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

import numpy as np

from portfolio.blobs import BlobWriter, read_blobs
from portfolio.day_batch import OrderLog, Work, trade_day, value_days
from portfolio.limits import account_row, guard_columns, holdings_table, market_table, orders_table
from portfolio.measure import report
from portfolio.panel import CASES, CASH, SECTORS, Case, Floats, Panel, panel, target_weights
from prudent import __version__
from prudent.backtest.compiled import CompiledKernels
from prudent.exchange.matching import BookColumns, FillColumns, OrderColumns, QuoteColumns
from prudent.guards.columns import FACTS_WIDTH, MARKET_START, MARKET_WIDTH, SECTOR, ScratchColumns, VerdictColumns
from prudent.guards.evaluate import JUDGES, dispatch_source, judge_by_kind
from prudent.pipeline.plan.sizing import SizingColumns, empty_lots

MACHINE_CODE = Path(tempfile.gettempdir()) / "prudent-machine-code"


def kernels(cache: Path | None = MACHINE_CODE) -> CompiledKernels:
    """The day-batch and the valuation with everything they call."""
    names: dict[str, object] = {f"judge_{i}": judge for i, judge in enumerate(JUDGES)}
    exec(dispatch_source(), names)
    return CompiledKernels(trade_day, value_days, swaps={judge_by_kind: names["judge_by_kind"]}, cache=cache)


def work_for(given: Panel) -> Work:
    """Columns for an account that holds nothing but cash."""
    n = given.close.shape[1]
    guards = guard_columns(n)
    judged = n * len(guards.kind)
    market = market_table(n)
    market[SECTOR - MARKET_START :: MARKET_WIDTH] = given.sector
    zeros, ones, counts = (lambda: np.zeros(n)), (lambda: np.ones(n)), (lambda: np.zeros(n, np.int64))
    return Work(
        size=SizingColumns(zeros(), counts() + 1, zeros(), zeros(), ones(), ones(), zeros(), zeros(), zeros()),
        lots=empty_lots(n),
        book=BookColumns(np.array([CASH]), zeros(), zeros()),
        quotes=QuoteColumns(zeros(), zeros(), zeros(), np.full(n, np.inf), ones(), ones()),
        orders=OrderColumns(counts(), counts(), zeros(), np.full(n, np.nan)),
        fills=FillColumns(counts(), zeros(), zeros(), zeros(), zeros()),
        market=market,
        holdings=holdings_table(n),
        account=account_row(),
        table=orders_table(n),
        guards=guards,
        verdicts=VerdictColumns(np.zeros(judged, np.int64), np.zeros(judged), np.zeros(judged), zeros(), counts()),
        scratch=ScratchColumns(zeros(), zeros(), np.zeros(SECTORS), np.zeros(FACTS_WIDTH)),
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


def changed_by_guard(path: Path) -> dict[int, int]:
    """How many orders each guard refused or made smaller, by its place in the list."""
    counts: Counter[int] = Counter()
    for batch in read_blobs(path):
        counts.update(batch.columns.guard[batch.columns.guard >= 0].tolist())
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
