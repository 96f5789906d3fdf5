"""Which forced exits may fire between two cycles: cheap to ask every session, and never late.

It only says that the pipeline should look; whether an exit fires, and what it sells, the pipeline decides.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal

from prudent.domain.accounts import Position
from prudent.domain.cycles import Observation
from prudent.domain.exits import Triggers, triggers_of
from prudent.domain.mandate import Mandate
from prudent.guards.user_rules import exit_rules

STEP = Decimal("0.0001")
# A drawdown is looked at from a little above the cut, for the value here is one of a close.
NEAR = Decimal("1.01")


@dataclass(frozen=True, slots=True, kw_only=True)
class Levels:
    """The prices at which one position is closed; None where there is no such trigger."""

    symbol: str
    long: bool
    stop: Decimal | None
    take: Decimal | None
    held_until: date | None

    def stop_touched(self, low: Decimal | None, high: Decimal | None) -> bool:
        if self.stop is None or low is None or high is None:
            return False
        return low <= self.stop if self.long else high >= self.stop

    def take_touched(self, low: Decimal | None, high: Decimal | None) -> bool:
        if self.take is None or low is None or high is None:
            return False
        return high >= self.take if self.long else low <= self.take


@dataclass(slots=True)
class Watch:
    """The triggers of an account's book as it was last observed; `stale` once the book may have changed."""

    levels: dict[str, Levels] = field(default_factory=dict)
    stale: bool = True

    def renew(self, seen: Observation, mandate: Mandate) -> None:
        """Take in the book and the triggers of an observation."""
        rules = exit_rules(seen)
        held = [each for each in seen.snapshot.positions if each.quantity != 0]
        self.levels = {
            each.symbol: _levels(each, seen, mandate, triggers_of(each, seen, mandate, rules)) for each in held
        }
        self.stale = False

    def symbols(self) -> tuple[str, ...]:
        return tuple(self.levels)

    def due(self, day: date) -> bool:
        """True when a time stop has come."""
        return any(each.held_until is not None and each.held_until <= day for each in self.levels.values())

    def priced(self) -> Iterable[Levels]:
        """The positions that a price can close."""
        return (each for each in self.levels.values() if each.stop is not None or each.take is not None)


def _levels(position: Position, seen: Observation, mandate: Mandate, triggers: Triggers) -> Levels:
    stop_loss, take_profit = triggers.stop_loss, triggers.take_profit
    long = position.quantity > 0
    cost = position.average_cost
    sign = Decimal(1) if long else Decimal(-1)
    stop = take = None
    if cost is not None and cost > 0:
        if stop_loss is not None:
            stop = (cost * (1 - sign * stop_loss)).quantize(STEP, ROUND_FLOOR if long else ROUND_CEILING)
        if take_profit is not None:
            take = (cost * (1 + sign * take_profit)).quantize(STEP, ROUND_CEILING if long else ROUND_FLOOR)
    return Levels(
        symbol=position.symbol, long=long, stop=stop if stop is None or stop > 0 else None,
        take=take if take is None or take > 0 else None, held_until=_held_until(position, seen, mandate),
    )  # fmt: skip


def _held_until(position: Position, seen: Observation, mandate: Mandate) -> date | None:
    """The day on which the first time stop comes."""
    terms = next((each for each in seen.history.terms if each.symbol == position.symbol), None)
    ends = []
    if mandate.exits.time_stop_days is not None and position.opened is not None:
        ends.append(position.opened.date() + timedelta(days=mandate.exits.time_stop_days))
    since = None if terms is None else terms.since or position.opened
    if terms is not None and terms.time_stop_days is not None and since is not None:
        ends.append(since.date() + timedelta(days=terms.time_stop_days))
    return min(ends, default=None)
