"""Futures before the guards: months that may not be entered any more, and rolls of which one leg cannot go."""

from collections.abc import Sequence

from prudent.domain.cycles import Observation
from prudent.domain.futures import exchange_day
from prudent.domain.instruments import InstrumentKind
from prudent.domain.money import ZERO
from prudent.domain.plans import PlannedOrder
from prudent.domain.verdicts import GuardReport


def closing_months(observation: Observation, orders: Sequence[PlannedOrder]) -> frozenset[str] | None:
    """Contracts inside their window before notice or expiry, and those of unknown dates; None without any future."""
    terms = {each.symbol: each for each in observation.futures}
    months = [each.symbol for each in observation.instruments if each.kind is InstrumentKind.FUTURE]
    if not months and not any(order.roll for order in orders):
        return None
    return frozenset(each for each in months if each not in terms or not terms[each].takes_entries)


def half_rolls(observation: Observation, orders: Sequence[PlannedOrder], report: GuardReport) -> frozenset[str]:
    """Symbols of roll legs that must not go because the other leg cannot.

    On the last day on which the old month may be held it is closed all the same.
    """
    day = exchange_day(observation.as_of)
    last = {each.symbol for each in observation.futures if day >= each.held_until}
    bound: set[str] = set()
    for mark in sorted({order.roll for order in orders if order.roll}):
        closing = [order for order in orders if order.roll == mark and order.effect.reduces]
        opening = [order for order in orders if order.roll == mark and not order.effect.reduces]
        if not (closing and opening):
            continue
        opens = any(report.approved_quantity(each.order_ref) > ZERO for each in opening)
        closes = all(report.approved_quantity(each.order_ref) > ZERO for each in closing)
        if not opens:
            bound |= {each.symbol for each in closing} - last
        if not closes:
            bound |= {each.symbol for each in opening}
    return frozenset(bound)
