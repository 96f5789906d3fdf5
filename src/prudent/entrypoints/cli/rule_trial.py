"""Tries a rule on the plan that an account would make now, beside the rules in force."""

from dataclasses import dataclass, replace
from decimal import Decimal

from prudent.bootstrap import Desk
from prudent.domain.accounts import Mode
from prudent.domain.rules import UserRule
from prudent.domain.verdicts import Layer, Outcome
from prudent.guards.report import ALL_FEEDS, judge
from prudent.pipeline.decide import decide, gather
from prudent.pipeline.observe import observe
from prudent.pipeline.plan import make_plan


@dataclass(frozen=True, slots=True, kw_only=True)
class Effect:
    """One order that a user rule would refuse, defer or shrink."""

    rule: str
    symbol: str
    outcome: Outcome
    wanted: Decimal
    allowed: Decimal
    reason: str


def trial(desk: Desk, account: str, tried: UserRule | None) -> tuple[Effect, ...]:
    """What user rules do to the plan of now; with `tried`, only what that one would add."""
    mandate = desk.mandate(account)
    world = desk.world(mandate, Mode.DRY_RUN)
    seen = observe(world, mandate, symbols=world.symbols(mandate))
    if tried is not None:
        seen = replace(seen, rules=(*seen.rules, tried))
    plan = make_plan(
        seen, decide(world.strategy, seen, mandate, gather(world, seen, mandate)), mandate, cycle=f"{account}/trial"
    )
    report = judge(seen, plan.orders, mandate, feeds=ALL_FEEDS - {"modes"}, plan_as_of=plan.as_of)
    return tuple(
        Effect(
            rule=verdict.name, symbol=plan.order(verdict.order_ref).symbol, outcome=verdict.outcome,
            wanted=plan.order(verdict.order_ref).quantity, allowed=verdict.quantity, reason=verdict.reason,
        )
        for verdict in report.verdicts()
        if verdict.layer is Layer.USER
        and verdict.outcome in (Outcome.REJECT, Outcome.CLIP, Outcome.DEFER)
        and (tried is None or verdict.guard.startswith(f"rule:{tried.rule_id}:"))
    )  # fmt: skip
