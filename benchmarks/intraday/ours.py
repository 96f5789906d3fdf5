"""W2 in ours: python benchmarks/intraday/ours.py callback|declared; prints one JSON line."""

import sys
import tempfile
import time
from decimal import Decimal
from pathlib import Path
from types import SimpleNamespace

import numpy as np
from intraday.bars import CASH, COST_BPS, FAST, SESSION, SLOW, Cross, Floats, exact, prices
from portfolio.measure import report

from prudent import __version__
from prudent.backtest.compiled import CompiledKernels
from prudent.backtest.intraday_kernel import (
    BarColumns,
    BarLog,
    call_bars,
    compiled_bars,
    cross_bars,
    empty_bar_log,
    empty_bar_work,
)
from prudent.domain.accounts import Mode
from prudent.domain.mandate import CostModel, Limits, Mandate, Planning
from prudent.exchange.fees import NONE
from prudent.exchange.matching import Costs
from prudent.guards import feeds
from prudent.guards.catalogue import guard_rows
from prudent.guards.columns import GuardColumns
from prudent.guards.report import guard_columns

MACHINE_CODE = Path(tempfile.gettempdir()) / "prudent-machine-code"
MANDATE = Mandate(
    account="w2", costs=CostModel.NONE, slippage_bps=Decimal(str(COST_BPS)), planning=Planning(allow_short=True),
    limits=Limits(max_trades_per_day=150, max_sector_weight=Decimal(1)),
)  # fmt: skip
FEEDS = frozenset({
    feeds.MODES, feeds.MARKET_HOURS, feeds.AGE, feeds.PREVIOUS_CLOSE, feeds.LEVEL, feeds.VOLUME, feeds.SECTOR,
    feeds.HISTORY, feeds.COUNTS,
})  # fmt: skip


def guards() -> GuardColumns:
    rows = [row for row in guard_rows(MANDATE, mode=Mode.BACKTEST) if row.told and not row.feeds - FEEDS]
    table = guard_columns(SimpleNamespace(symbols=(), kinds=()), rows, FEEDS)
    whole = ("bounds", "kind", "scope", "applies", "funding")
    return GuardColumns(**{
        name: np.array(column, np.int64 if name in whole else np.float64) for name, column in table._asdict().items()
    })  # fmt: skip


def run(kernels: CompiledKernels, way: str, series: Floats) -> tuple[float, BarLog]:
    """Final value and the log of one backtest of a new account."""
    sessions = np.arange(len(series)) // SESSION * SESSION
    bars, log = BarColumns(series, sessions), empty_bar_log(len(series) // 10 + 100)
    work = empty_bar_work(Costs(NONE, COST_BPS), guards(), CASH, dollars=1e9)
    if way == "declared":
        return kernels[cross_bars](work, bars, log, FAST, SLOW), log
    return call_bars(kernels, work, bars, log, Cross()), log


def main(way: str) -> None:
    series = prices()
    before = time.process_time()
    kernels = compiled_bars(MACHINE_CODE)
    for each in ("declared", "callback"):
        run(kernels, each, series[:2000])
    start_up = time.process_time() - before
    kept: list[BarLog] = []

    def work() -> tuple[float, int]:
        final, log = run(kernels, way, series)
        kept.append(log)
        return final, int((log.filled[: log.used[0]] != 0).sum())

    truth, fills = exact(series)
    report(
        f"prudent {way}", __version__, work, start_up=start_up, bars=float(len(series)), true=float(truth),
        true_orders=float(fills), lowered=lambda: int((kept[-1].guard[: kept[-1].used[0]] >= 0).sum()),
    )  # fmt: skip


if __name__ == "__main__":
    main(sys.argv[1])
