"""The guards' word on a batch of orders: rows in, columns through the loop, a report out."""

import math
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from decimal import Decimal

from prudent.domain.accounts import TradingState
from prudent.domain.cycles import Observation
from prudent.domain.futures import names_of
from prudent.domain.mandate import Mandate
from prudent.domain.money import ZERO, from_float
from prudent.domain.plans import PlannedOrder
from prudent.domain.verdicts import Approved, GuardReport, Layer, Outcome
from prudent.guards.catalogue import GuardRow, Special, guard_rows
from prudent.guards.columns import (
    DEFER,
    EVERYWHERE,
    FACTS_WIDTH,
    NOWHERE,
    REJECT,
    SCOPED,
    STATE,
    GuardColumns,
    ScratchColumns,
    VerdictColumns,
)
from prudent.guards.evaluate import FUNDING_JUDGES, JUDGES, Judge, evaluate_batch
from prudent.guards.facts import start_account
from prudent.guards.feeds import ALL_FEEDS
from prudent.guards.from_rows import Crossing, columns_of
from prudent.guards.futures import closing_months, half_rolls
from prudent.guards.judges_book import rolls_together
from prudent.guards.judges_data import valid_order
from prudent.guards.judges_margin import max_initial_margin, min_excess_liquidity
from prudent.guards.user_rules import in_scope
from prudent.guards.wording import sentence

__all__ = ["ALL_FEEDS", "empty_columns", "guard_columns", "judge", "report_of"]

_OUTCOMES = tuple(Outcome)
_LAYERS = tuple(Layer)
_KINDS: dict[Judge, int] = {judge: kind for kind, judge in enumerate(JUDGES)}
_SEVERITY = (TradingState.ACTIVE, TradingState.REDUCING, TradingState.HALTED)
_OBSERVED_PLACES = 6
_MARGIN_JUDGES = (max_initial_margin, min_excess_liquidity)


def judge(
    observation: Observation, orders: Sequence[PlannedOrder], mandate: Mandate, *,
    feeds: frozenset[str] = ALL_FEEDS, plan_as_of: datetime | None = None,
) -> GuardReport:  # fmt: skip
    """Every guard of the account on every order, in the order given, and the quantities that all of them leave.

    `feeds` names the inputs that exist: a guard without its feed is not evaluated, while a datum missing from a
    feed that exists stops new risk. `plan_as_of` is when the decider saw the market; without it, now.
    """
    rows = guard_rows(
        mandate, observation.rules, mode=observation.mode, interlocks=observation.interlocks, at=observation.as_of,
        special=Special(closing=closing_months(observation, orders), margin=observation.margins is not None),
    )  # fmt: skip
    crossing = columns_of(observation, orders, mandate, feeds=feeds, plan_as_of=plan_as_of)
    report = report_of(crossing, orders, rows, feeds)
    bound = half_rolls(observation, orders, report)
    if not bound:
        return report
    rows = tuple(replace(row, symbols=bound) if row.judge is rolls_together else row for row in rows)
    return report_of(crossing, orders, rows, feeds)


def report_of(
    crossing: Crossing, orders: Sequence[PlannedOrder], rows: Sequence[GuardRow], feeds: frozenset[str]
) -> GuardReport:  # fmt: skip
    """Run the loop over the rows of a list and turn its columns into a report."""
    guards = guard_columns(crossing, rows, feeds)
    verdicts, scratch = empty_columns(crossing, len(orders), len(rows))
    evaluate_batch(crossing.columns, guards, verdicts, scratch)
    state, reason = _falls_to(crossing, rows, guards)
    numbers = [_Quantities(order, crossing.lots[crossing.columns.instrument[j]]) for j, order in enumerate(orders)]
    width, lines = len(rows), range(len(orders))
    spans = [range(j * width, (j + 1) * width) for j in lines]
    return GuardReport(
        guards=tuple(row.label for row in rows),
        order_refs=tuple(order.order_ref for order in orders),
        outcomes=tuple(tuple(_OUTCOMES[verdicts.outcome[at]] for at in span) for span in spans),
        allowed=tuple(tuple(numbers[j].row(verdicts.allowed[at]) for at in spans[j]) for j in lines),
        observed=tuple(tuple(_seen(verdicts.observed[at]) for at in span) for span in spans),
        reasons=_reasons(crossing, orders, rows, verdicts, guards),
        approved=tuple(
            Approved(
                order_ref=order.order_ref,
                quantity=numbers[j].row(verdicts.approved[j]),
                waits_for_sells=verdicts.waits[j] == 1,
            )
            for j, order in enumerate(orders)
            if verdicts.approved[j] > 0.0
        ),
        sets_state=state,
        sets_state_reason=reason,
    )


def guard_columns(crossing: Crossing, rows: Sequence[GuardRow], feeds: frozenset[str]) -> GuardColumns:
    """The list as columns, in the order of its rows (which is that of the layers)."""
    layers = [_LAYERS.index(row.label.layer) for row in rows]
    return GuardColumns(
        bounds=[sum(layer < k for layer in layers) for k in range(len(_LAYERS) + 1)],
        kind=[_KINDS[row.judge] for row in rows],
        limit=[row.limit for row in rows],
        second=[row.second for row in rows],
        scope=[_scope(row, feeds) for row in rows],
        applies=[cell for row in rows for cell in _applies(row, crossing)],
        funding=[g for g, row in enumerate(rows) if row.judge in FUNDING_JUDGES],
    )


def empty_columns(crossing: Crossing, orders: int, guards: int) -> tuple[VerdictColumns, ScratchColumns]:
    """Room for the answers, and for what the loop works on."""
    cells, instruments, sectors = orders * guards, len(crossing.symbols), max(1, crossing.sector_count)
    return (
        VerdictColumns([0] * cells, [0.0] * cells, [0.0] * cells, [0.0] * orders, [0] * orders),
        ScratchColumns([0.0] * instruments, [0.0] * instruments, [0.0] * sectors, [0.0] * sectors, [0.0] * FACTS_WIDTH),
    )


def _scope(row: GuardRow, feeds: frozenset[str]) -> int:
    if not row.told or row.feeds - feeds:
        return NOWHERE
    return EVERYWHERE if row.rule is None and row.symbols is None else SCOPED


def _applies(row: GuardRow, crossing: Crossing) -> list[int]:
    if row.symbols is not None:
        return [int(symbol in row.symbols) for symbol in crossing.symbols]
    if row.rule is None:
        return [1] * len(crossing.symbols)
    return [
        int(
            row.approved.isdisjoint(names_of(symbol))
            and in_scope(row.rule, symbol, kind)
            and (not row.only or not row.only.isdisjoint((*names_of(symbol), sector, kind)))
        )
        for symbol, kind, sector in zip(crossing.symbols, crossing.kinds, crossing.sectors)
    ]


class _Quantities:
    """An order's column quantities as rows: its own number where untouched, else whole lots, exact."""

    __slots__ = ("_known", "_lot")

    def __init__(self, order: PlannedOrder, lot: Decimal) -> None:
        self._lot = lot
        self._known = {0.0: ZERO}
        if order.quantity.is_finite():
            self._known[float(order.quantity)] = order.quantity

    def row(self, quantity: float) -> Decimal:
        found = self._known.get(quantity)
        if found is None:
            found = self._known[quantity] = round(quantity / float(self._lot)) * self._lot
        return found


def _seen(value: float) -> Decimal | None:
    return None if math.isnan(value) else from_float(round(value, _OBSERVED_PLACES) + 0.0)


def _reasons(
    crossing: Crossing, orders: Sequence[PlannedOrder], rows: Sequence[GuardRow], verdicts: VerdictColumns,
    guards: GuardColumns,
) -> dict[str, str]:  # fmt: skip
    """A sentence for each verdict that is not PASS, under `order_ref|guard id`."""
    reasons: dict[str, str] = {}
    for j, order in enumerate(orders):
        for g, row in enumerate(rows):
            at = j * len(rows) + g
            if _OUTCOMES[verdicts.outcome[at]] is Outcome.PASS:
                continue
            text = crossing.faults[j] if row.judge is valid_order else ""
            if row.judge in _MARGIN_JUDGES:
                text = crossing.unmargined[j]
            if guards.scope[g] == NOWHERE:
                text = _missing(row)
            text = text or sentence(row.judge, row.limit, verdicts.observed[at])
            if verdicts.outcome[at] == DEFER and row.judge in FUNDING_JUDGES:
                text += "; it waits for this plan's exits to fill"
            reasons[f"{order.order_ref}|{row.label.id}"] = f"{order.symbol}: {text}"
    return reasons


def _missing(row: GuardRow) -> str:
    return f"not evaluated: no {' and no '.join(sorted(row.feeds))} given"


def _falls_to(
    crossing: Crossing, rows: Sequence[GuardRow], guards: GuardColumns
) -> tuple[TradingState | None, str]:  # fmt: skip
    """The strictest state that guards on the account ask for, with orders or without, if it is stricter than today's.

    A guard that lacks its input stops new risk but moves no state.
    """
    facts = [0.0] * FACTS_WIDTH
    start_account(facts, crossing.columns.account)
    strictest, reasons = int(facts[STATE]), list[str]()
    for g, row in enumerate(rows):
        if row.sets is None or guards.scope[g] == NOWHERE:
            continue
        code, _, seen = row.judge(facts, row.limit, row.second)
        if code == REJECT and not math.isnan(seen) and _SEVERITY.index(row.sets) > int(facts[STATE]):
            reasons.append(f"{row.label.id} {row.label.name}: {sentence(row.judge, row.limit, seen)}")
            strictest = max(strictest, _SEVERITY.index(row.sets))
    return (_SEVERITY[strictest], "; ".join(reasons)) if reasons else (None, "")
