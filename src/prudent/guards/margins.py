"""Margin before the guards: which orders it must carry, and what is said where the venue's word is missing or no."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from prudent.domain.accounts import AccountClass
from prudent.domain.cycles import Observation
from prudent.domain.instruments import Instrument, InstrumentKind
from prudent.domain.mandate import Mandate
from prudent.domain.margin import MarginAnswer
from prudent.domain.orders import Effect
from prudent.domain.plans import PlannedOrder
from prudent.guards.columns import BOUND, COUNTED, NO_VENUE, REFUSED, UNCHECKED

_DERIVATIVES = (InstrumentKind.FUTURE, InstrumentKind.OPTION)
NOT_ASKED = "it was not asked about"


def needs_margin(order: PlannedOrder, kind: InstrumentKind | None, mandate: Mandate) -> bool:
    """New risk that is carried by margin: futures, options, short sales, and whatever a margin account opens."""
    if order.effect.reduces:
        return False
    return kind in _DERIVATIVES or order.effect is Effect.SHORT or mandate.account_class is AccountClass.MARGIN


class Stands(NamedTuple):
    """What stands of an order's margin: the code that guards judge by, the answer, and the sentence where it lacks."""

    code: float
    why: str = ""
    answer: MarginAnswer | None = None


def margins_stand(
    observation: Observation, orders: Sequence[PlannedOrder], mandate: Mandate, instruments: Mapping[str, Instrument]
) -> list[Stands]:  # fmt: skip
    """What stands of each order's margin, in their order."""
    if observation.margins is None:
        return [Stands(NO_VENUE)] * len(orders)
    answers = {each.order_ref: each for each in observation.margins.answers}
    kinds = {order.symbol: i.kind for order in orders if (i := instruments.get(order.symbol)) is not None}
    return [
        Stands(*_stands(order, kinds.get(order.symbol), mandate, answers.get(order.order_ref)),
               answers.get(order.order_ref))
        for order in orders
    ]  # fmt: skip


def _stands(
    order: PlannedOrder, kind: InstrumentKind | None, mandate: Mandate, answer: MarginAnswer | None
) -> tuple[float, str]:  # fmt: skip
    if answer is not None and answer.refused:
        return REFUSED, f"the venue would refuse it ({answer.refused}), must take it; correct the order or the account"
    silent = answer is None or not answer.checked
    why = NOT_ASKED if answer is None else answer.message
    if needs_margin(order, kind, mandate):
        must = "must be told before new risk that needs it; the next cycle asks again"
        return BOUND, f"margin unchecked: {why}; {must}" if silent else ""
    if answer is not None and silent:
        return UNCHECKED, f"margin unchecked: {why}; it is paid from cash and goes on"
    return COUNTED, ""
