"""Aliases of futures in a plan: targets by contract, and a month that is no longer the front one rolled into the next.

A roll is two legs of one plan: what is held of the old month is closed, and its target is sized anew in the front one.
Both legs carry the same mark, by which the guards let both go or neither.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal

from prudent.domain.cycles import Observation
from prudent.domain.money import ZERO
from prudent.domain.plans import PlannedOrder
from prudent.domain.proposals import Decision, ForcedExit, TargetWeight
from prudent.pipeline.plan.aims import Aim


@dataclass(frozen=True, slots=True, kw_only=True)
class Contracted:
    """A decision by contract: `aliases` tells what each contract was called, `rolls` the front of each old month."""

    decision: Decision
    aliases: Mapping[str, str]
    rolls: Mapping[str, str]

    def stay_out(self, aims: Iterable[Aim], exits: Sequence[ForcedExit]) -> tuple[Aim, ...]:
        """The aims without new risk where the old month of the same roll is under a forced exit."""
        closed = {self.rolls[each.symbol] for each in exits if each.symbol in self.rolls}
        return tuple(
            replace(aim, code="forced_exit") if aim.line.symbol in closed and not aim.code else aim for aim in aims
        )

    def marked(self, orders: Sequence[PlannedOrder]) -> tuple[PlannedOrder, ...]:
        """The orders with their aliases; where a roll has both its legs, both are marked and say so."""
        opened = {order.symbol for order in orders if not order.effect.reduces}
        closed = {order.symbol for order in orders if order.effect.reduces}
        marks: dict[str, str] = {}
        for old, new in self.rolls.items():
            if old in closed and new in opened:
                marks[old] = marks[new] = marks.get(new, f"{old}>{new}")
        return tuple(self._marked(order, marks.get(order.symbol, "")) for order in orders)

    def _marked(self, order: PlannedOrder, mark: str) -> PlannedOrder:
        alias = self.aliases.get(order.symbol, "")
        if not alias:
            return order
        words = f"; roll of {alias}, {mark.replace('>', ' into ')}" if mark else f"; {alias} means {order.symbol}"
        if not mark and order.symbol in self.rolls:
            words = f"; {alias} means {self.rolls[order.symbol]} now"
        return replace(order, alias=alias, roll=mark, reason=order.reason + words)


def contracted(observation: Observation, decision: Decision) -> Contracted:
    """The decision with each alias as the contract that it stood for, and 0 % for held months before it.

    A month that a target names by itself stays what that target says.
    """
    fronts = observation.fronts
    named = {target.symbol for target in decision.targets}
    targets = [replace(each, symbol=fronts.get(each.symbol, each.symbol)) for each in decision.targets]
    aliases = {front: alias for alias, front in fronts.items() if alias in named}
    rolls = {old: new for old, new in _older(observation, aliases).items() if old not in named}
    closing = [TargetWeight(symbol=old, weight=ZERO, reason=f"rolled into {new}") for old, new in rolls.items()]
    return Contracted(
        decision=replace(decision, targets=(*targets, *closing)) if aliases else decision,
        aliases={**aliases, **{old: aliases[new] for old, new in rolls.items()}},
        rolls=rolls,
    )


def _older(observation: Observation, aliases: Mapping[str, str]) -> dict[str, str]:
    """Months that are held and end before the front one of a targeted alias, each with that front one."""
    terms = {each.symbol: each for each in observation.futures}
    held = sorted({p.symbol for p in observation.snapshot.positions if p.quantity != 0})
    fronts = {terms[front].root: terms[front] for front in aliases}
    found: dict[str, str] = {}
    for symbol in held:
        month = terms.get(symbol)
        front = fronts.get(month.root) if month is not None else None
        if month is not None and front is not None and month.expiry < front.expiry:
            found[symbol] = front.symbol
    return found


def still_held(observation: Observation, orders: Iterable[PlannedOrder]) -> dict[str, Decimal]:
    """By roll: how many contracts of old months have not been closed, so many fewer of the new one are opened."""
    held: dict[str, Decimal] = {}
    for position in observation.snapshot.positions:
        held[position.symbol] = held.get(position.symbol, ZERO) + position.quantity
    closing = {(order.roll, order.symbol) for order in orders if order.roll and order.effect.reduces}
    left: dict[str, Decimal] = {}
    for mark, symbol in closing:
        left[mark] = left.get(mark, ZERO) + abs(held.get(symbol, ZERO))
    return left
