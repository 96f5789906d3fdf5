"""Runs a backtest in columns and keeps its ledger: the same values and fills that its cycles would give."""

import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from prudent.backtest.columnar import DECISIONS, FOLDER, NAV, VERDICTS, ColumnLedger, polars
from prudent.backtest.columnar_plan import column_plan, decided_at
from prudent.backtest.columns import (
    ColumnPlan,
    ColumnResult,
    batch_of,
    compiled_columns,
    first_rows,
    judging_guards,
    simulate_columns,
)
from prudent.backtest.compiled import CompiledKernels, can_compile
from prudent.backtest.day_batch import OrderLog, rest_of
from prudent.backtest.next_price import NOT_ASKED, WINDOW_OVER
from prudent.backtest.outcome import Outcome
from prudent.backtest.request import RunPath
from prudent.bootstrap import Desk
from prudent.domain.performance import DecisionRow
from prudent.domain.proposals import Answer
from prudent.guards.catalogue import GuardRow
from prudent.ports import RunRef

if TYPE_CHECKING:
    from prudent.backtest.run import Prepared

NOTE = (
    "run in columns: a guard is counted where it had the last word on an order; the cycles are played when "
    "attribution, a what-if or a replay asks for them"
)
MACHINE_CODE = "machine_code"
# Rows of orders in one block, at least; it ends with a day-batch.
BLOCK_ROWS = 100_000
# Orders and values from which compiled code is worth loading, and worth making.
WORTH_LOADING, WORTH_COMPILING = 300_000, 20_000_000
BECAME = ("not_asked", "no_orders", "traded", "made_anew", "window_over")


def run_columns(desk: Desk, prepared: "Prepared", folder: Path) -> Outcome:
    """Run it and write its ledger into `folder`, which is made new.

    Raises:
        NeedsCycles: the account or the window needs cycles; nothing was written.
        ConfigError: the package that writes columns is not installed.
    """
    polars()
    plan = column_plan(desk, prepared)
    result = simulate_columns(prepared.request.mandate, plan, _kernels(desk, plan))
    guards = judging_guards(prepared.request.mandate)
    decisions = _decisions(prepared, plan, result, guards)
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    return Outcome(
        path=RunPath.COLUMNS, nav=result.nav, fills=result.fills, guards=result.guards,
        decisions=decisions, notes=(NOTE,), ledger=_write(folder / FOLDER, plan, result, guards),
    )  # fmt: skip


def _kernels(desk: Desk, plan: ColumnPlan) -> CompiledKernels | None:
    """Compiled code where the window is large enough for it; it gives the same bits."""
    sessions, symbols = plan.panel.close.shape
    work = symbols * (sessions + 10 * len(plan.days))
    place = desk.home / MACHINE_CODE
    if not can_compile() or work < (WORTH_LOADING if place.is_dir() else WORTH_COMPILING):
        return None
    return compiled_columns(place)


def _decisions(
    prepared: "Prepared", plan: ColumnPlan, result: ColumnResult, guards: Sequence[GuardRow]
) -> tuple[DecisionRow, ...]:
    """A cycle for each batch that was asked for, as a walk would have numbered and told it."""
    found: list[DecisionRow] = []
    run = RunRef(account=prepared.request.account, number=1)
    for r, at in enumerate(decided_at(prepared, plan)):
        if result.became[r] == NOT_ASKED:
            continue
        log = _batch(result, r)
        by = [guards[g].label.id for g in dict.fromkeys(log.guard[(log.guard >= 0) & (log.approved == 0)].tolist())]
        refused = int(((log.guard >= 0) & (log.approved == 0)).sum())
        sent = bool((log.approved > 0).any())
        found.append(DecisionRow(
            cycle=f"{run.id}/{len(found) + 1}", at=at, answer=str(Answer.TRADE),
            codes=() if sent else _codes(int(result.became[r]), by), orders=int(result.orders[r]), refused=refused,
            shrunk=int((log.guard >= 0).sum()) - refused,
        ))  # fmt: skip
    return tuple(found)


def _codes(became: int, refused_by: Sequence[str]) -> tuple[str, ...]:
    """Why nothing was sent, in the words of `pipeline.record`."""
    if became == WINDOW_OVER:
        return (BECAME[WINDOW_OVER],)
    return tuple(f"blocked:{each}" for each in refused_by) or ("no_orders",)


def _batch(result: ColumnResult, r: int) -> OrderLog:
    first = int(result.ends[r - 1]) if r else 0
    return first_rows(rest_of(result.log, first), int(result.ends[r]) - first)


def _write(folder: Path, plan: ColumnPlan, result: ColumnResult, guards: Sequence[GuardRow]) -> str:
    days, nav = plan.panel.days, result.nav
    traded = np.where(result.traded_on >= 0, days[result.traded_on], np.datetime64("NaT"))
    batch = batch_of(result.ends, len(result.log.filled))
    ledger = ColumnLedger(folder, symbols=plan.panel.symbols, guards=[row.label.id for row in guards])
    with ledger:
        for first, last in blocks(result.ends):
            mine = batch[first:last]
            some = first_rows(rest_of(result.log, first), last - first)
            ledger.orders(some, mine, days[plan.days[mine]], traded[mine])
        ledger.table(DECISIONS, {
            "batch": np.arange(len(plan.days), dtype=np.int32), "decided": days[plan.days], "traded": traded,
            "became": [BECAME[each] for each in result.became], "orders": result.orders,
        })  # fmt: skip
        ledger.table(NAV, {
            "day": nav.days, "nav": nav.nav, "cash": nav.cash, "gross": nav.gross, "net": nav.net, "low": nav.low,
        })  # fmt: skip
        ledger.table(VERDICTS, {
            "guard": [each.guard for each in result.guards], "name": [each.name for each in result.guards],
            "layer": [each.layer for each in result.guards], "refusals": [each.refusals for each in result.guards],
            "shrinks": [each.shrinks for each in result.guards],
        })  # fmt: skip
    return ledger.link


def blocks(ends: Sequence[int] | np.ndarray, least: int = BLOCK_ROWS) -> list[tuple[int, int]]:
    """Row spans of whole day-batches, each of `least` rows or a few more but the last; one at least."""
    found, first = [], 0
    for end in ends:
        if end - first >= least:
            found.append((first, int(end)))
            first = int(end)
    last = int(ends[-1]) if len(ends) else 0
    return [*found, (first, last)] if last > first or not found else found
