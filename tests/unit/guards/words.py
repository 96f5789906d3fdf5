"""The words of the guard table: a case, what it expects, and situations that many cases share."""

from dataclasses import dataclass
from datetime import timedelta

from tests.unit.guards.build import (
    NOW,
    Change,
    D,
    asked,
    cash,
    holding,
    observed,
    remembered,
    selling,
)

from prudent.domain.accounts import RecentOrder as Recent
from prudent.domain.cycles import Interlock
from prudent.domain.orders import OrderStatus, Side
from prudent.domain.verdicts import Outcome

NAN = D("NaN")
PASS, WARN, CLIP, DEFER, REJECT = Outcome.PASS, Outcome.WARN, Outcome.CLIP, Outcome.DEFER, Outcome.REJECT


@dataclass(frozen=True, slots=True)
class Case:
    name: str
    changes: tuple[Change, ...]
    outcome: Outcome
    quantity: int = 10


def passes(name: str, *changes: Change, quantity: int = 10) -> Case:
    return Case(name, changes, PASS, quantity)


def warns(name: str, *changes: Change, quantity: int = 10) -> Case:
    return Case(name, changes, WARN, quantity)


def refuses(name: str, *changes: Change) -> Case:
    return Case(name, changes, REJECT, 0)


def trims(name: str, quantity: int, *changes: Change) -> Case:
    return Case(name, changes, CLIP, quantity)


def without_interlock(name: str) -> Change:
    kept = tuple(Interlock(id=f"M{i:02}", name="hand", satisfied=True) for i in range(1, 11) if f"M{i:02}" != name)
    return observed(interlocks=kept)


def unsatisfied(name: str) -> Change:
    return observed(
        interlocks=tuple(Interlock(id=f"M{i:02}", name="hand", satisfied=f"M{i:02}" != name) for i in range(1, 11))
    )


def recent(seconds: float, quantity: int = 10, **fields: object) -> Recent:
    row = Recent(
        order_ref="old", symbol="AAA", side=Side.BUY, quantity=D(quantity), at=NOW - timedelta(seconds=seconds),
        status=OrderStatus.FILLED,
    )  # fmt: skip
    for name, value in fields.items():
        object.__setattr__(row, name, value)
    return row


def history(*orders: Recent) -> Change:
    return remembered(recent_orders=orders)


SOLD = (holding(AAA=10), selling(10))
EXIT = (*SOLD, asked(forced=True))
FRESH = remembered(has_traded=False, nlv_open=None, unit_value=None, peak_unit_value=None)
HELD_TECH = (holding(BBB=400), cash("80000"))
