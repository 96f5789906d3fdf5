"""The book of a backtest: read out of its ledger when it ends, kept beside it, and read back for every report."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np

from prudent.domain.accounts import Mode
from prudent.domain.cycles import CycleRecord
from prudent.domain.errors import StoreError
from prudent.domain.mandate import Mandate
from prudent.domain.orders import Fill
from prudent.domain.performance import (
    Benchmark,
    DecisionRow,
    Evidence,
    FillTable,
    GuardCount,
    NavSeries,
    Provenance,
    RunBook,
)
from prudent.domain.proposals import ExitCause
from prudent.domain.reasoning import RULES_LABEL
from prudent.domain.records import canonical, decode, encode
from prudent.domain.rules import UserRule
from prudent.domain.verdicts import Outcome
from prudent.ledger import LedgerStore
from prudent.marketdata.calendars import NEW_YORK

RESULT_FILE, COLUMNS_FILE = "result.json", "columns.npz"
TARGET = "target"
_NAV = ("days", "nav", "flow", "cash", "gross", "net", "low", "stale")
_FILLS = ("day", "symbol", "quantity", "price", "fees", "arrival", "cause")


def records_of(ledger: LedgerStore, account: str, *, run: int | None = None) -> list[CycleRecord]:
    """Every recorded cycle of an account, oldest first."""
    rows = ledger.views.decisions(account, run=run, limit=2**31).rows
    return [ledger.load_record(row.id) for row in reversed(rows) if row.record_digest]


def late_fills(
    ledger: LedgerStore, account: str, records: Sequence[CycleRecord], *, run: int | None = None
) -> tuple[Fill, ...]:  # fmt: skip
    """What orders that were still live when their cycle was recorded traded afterwards."""
    reports = [each for record in records for phase in record.phases for each in phase.reports]
    live = {each.order_ref for each in reports if not each.status.is_done}
    if not live:
        return ()
    told = {fill.exec_id for each in reports for fill in each.fills}
    return tuple(
        Fill(
            exec_id=each.exec_id, order_ref=each.order_ref, account=account, symbol=each.symbol, side=each.side,
            quantity=each.quantity, price=each.price, commission=each.commission, time=each.time, quality=each.quality,
        )
        for each in ledger.views.trades(account, run=run, limit=2**31).rows
        if each.order_ref in live and each.exec_id not in told
    )  # fmt: skip


def fills_of(records: Sequence[CycleRecord], late: Sequence[Fill] = ()) -> FillTable:
    """The executions of these cycles and the `late` ones of their orders, in the order in which they happened."""
    causes = (TARGET, *(str(each) for each in ExitCause))
    found = []
    after: dict[str, list[Fill]] = {}
    for fill in late:
        after.setdefault(fill.order_ref, []).append(fill)
    for record in records:
        orders = {order.order_ref: order for order in record.plan.orders}
        exits = {each.symbol: str(each.cause) for each in record.decision.exits}
        for fill in (*record.fills, *(each for ref in orders for each in after.get(ref, ()))):
            order = orders.get(fill.order_ref)
            forced = order is not None and order.forced
            found.append((
                fill.time, fill.symbol, float(fill.quantity * fill.side.sign), float(fill.price),
                float(fill.commission), float(order.reference_price) if order is not None else float("nan"),
                causes.index(exits[fill.symbol]) if forced and fill.symbol in exits else 0,
            ))  # fmt: skip
    found.sort(key=lambda row: row[0])
    symbols = tuple(sorted({row[1] for row in found}))
    place = {symbol: i for i, symbol in enumerate(symbols)}
    columns = list(zip(*found)) if found else [()] * 7
    return FillTable(
        symbols=symbols, causes=causes,
        day=np.array([each.astimezone(NEW_YORK).date() for each in columns[0]], dtype="datetime64[D]"),
        symbol=np.array([place[each] for each in columns[1]], dtype=np.int64),
        quantity=np.array(columns[2], dtype=np.float64), price=np.array(columns[3], dtype=np.float64),
        fees=np.array(columns[4], dtype=np.float64), arrival=np.array(columns[5], dtype=np.float64),
        cause=np.array(columns[6], dtype=np.int64),
    )  # fmt: skip


def decision_row(record: CycleRecord) -> DecisionRow:
    """A cycle as a report lists it."""
    reports = (record.report, *(phase.report for phase in record.phases))
    outcomes: dict[str, set[Outcome]] = {}
    for verdict in (each for report in reports for each in report.verdicts()):
        outcomes.setdefault(verdict.order_ref, set()).add(verdict.outcome)
    refused = sum(bool(each & {Outcome.REJECT, Outcome.DEFER}) for each in outcomes.values())
    reasoning = record.decision.reasoning
    return DecisionRow(
        cycle=record.id, at=record.started, answer=str(record.decision.answer), codes=record.no_trade_codes,
        answered_by="" if reasoning is None else reasoning.answered_by, orders=len(record.plan.orders),
        refused=refused, shrunk=sum(Outcome.CLIP in each and not each & {Outcome.REJECT} for each in outcomes.values()),
        forced=tuple(f"{each.cause} {each.symbol}" for each in record.decision.exits),
        tokens=0 if reasoning is None else reasoning.tokens_in + reasoning.tokens_out,
        cost=Decimal(0) if reasoning is None else reasoning.cost,
        fallback=reasoning is not None and reasoning.answered_by not in (record.mandate.model, RULES_LABEL),
    )  # fmt: skip


def prompts_of(records: Sequence[CycleRecord]) -> tuple[str, ...]:
    """The templates that these cycles asked with."""
    found = {each.decision.reasoning.template for each in records if each.decision.reasoning is not None}
    return tuple(sorted(found - {""}))


def guard_counts(ledger: LedgerStore, account: str, *, run: int | None = None) -> tuple[GuardCount, ...]:
    return tuple(
        GuardCount(
            guard=each.guard, name=each.name, layer=str(each.layer), refusals=each.refusals, shrinks=each.shrinks
        )
        for each in ledger.views.guard_counts(account, run=run)
    )


# Kept beside the ledger


@dataclass(frozen=True, slots=True, kw_only=True)
class _Kept:
    """A book without its columns, as its file spells it."""

    id: str
    account: str
    mode: Mode
    mandate: Mandate
    rules: tuple[UserRule, ...]
    opening: str
    symbols: tuple[str, ...]
    causes: tuple[str, ...]
    decisions: tuple[DecisionRow, ...]
    guards: tuple[GuardCount, ...]
    evidence: Evidence
    provenance: Provenance
    benchmark: str
    warnings: tuple[str, ...]
    partial: str


def save(book: RunBook, folder: Path) -> None:
    """Keep a book in a folder; each file is whole or not there."""
    kept = _Kept(
        id=book.id, account=book.account, mode=book.mode, mandate=book.mandate, rules=book.rules,
        opening=repr(book.nav.opening), symbols=book.fills.symbols, causes=book.fills.causes,
        decisions=book.decisions, guards=book.guards, evidence=book.evidence, provenance=book.provenance,
        benchmark="" if book.benchmark is None else book.benchmark.name, warnings=book.warnings, partial=book.partial,
    )  # fmt: skip
    columns: dict[str, Any] = {f"nav_{name}": getattr(book.nav, name) for name in _NAV}
    columns |= {f"fill_{name}": getattr(book.fills, name) for name in _FILLS}
    if book.benchmark is not None:
        columns |= {
            "benchmark_days": book.benchmark.days, "benchmark_level": book.benchmark.level,
            "benchmark_opening": np.array([book.benchmark.opening]),
        }  # fmt: skip
    part = folder / (COLUMNS_FILE + ".part")
    with part.open("wb") as file:
        np.savez_compressed(file, **columns)
    part.replace(folder / COLUMNS_FILE)
    part = folder / (RESULT_FILE + ".part")
    part.write_bytes(canonical(encode(kept)))
    part.replace(folder / RESULT_FILE)


def load(folder: Path) -> RunBook:
    """The book that `save` kept.

    Raises:
        StoreError: it is not there, or cannot be read.
    """
    try:
        kept = decode(_Kept, json.loads((folder / RESULT_FILE).read_text(encoding="utf-8")))
        with np.load(folder / COLUMNS_FILE, allow_pickle=False) as file:
            columns = {name: file[name] for name in file.files}
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise StoreError(f"the result in {folder} must be readable, was not: {error}; run it again") from error
    benchmark = None
    if kept.benchmark:
        benchmark = Benchmark(
            name=kept.benchmark, days=columns["benchmark_days"], level=columns["benchmark_level"],
            opening=float(columns["benchmark_opening"][0]),
        )  # fmt: skip
    return RunBook(
        id=kept.id, account=kept.account, mode=kept.mode, mandate=kept.mandate, rules=kept.rules,
        nav=NavSeries(opening=float(kept.opening), **{name: columns[f"nav_{name}"] for name in _NAV}),
        fills=FillTable(
            symbols=kept.symbols, causes=kept.causes, **{name: columns[f"fill_{name}"] for name in _FILLS}
        ),
        decisions=kept.decisions, guards=kept.guards, evidence=kept.evidence, provenance=kept.provenance,
        benchmark=benchmark, warnings=kept.warnings, partial=kept.partial,
    )  # fmt: skip

