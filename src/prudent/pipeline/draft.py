"""DRAFT: observe, decide, plan and guard as recorded steps, again where a plan had to wait and no longer holds."""

from dataclasses import dataclass, replace

from prudent.domain.cycles import Consent, Draft, Next, Observation
from prudent.domain.mandate import Mandate
from prudent.domain.margin import Margins
from prudent.domain.plans import OrderPlan
from prudent.domain.proposals import Decision
from prudent.domain.records import Json
from prudent.domain.verdicts import GuardReport
from prudent.pipeline.decide import decide, gather
from prudent.pipeline.margins import ask_margins, teller_of
from prudent.pipeline.observe import observe
from prudent.pipeline.plan import make_plan
from prudent.pipeline.world import World
from prudent.ports import RunRef, Steps


@dataclass(frozen=True, slots=True, kw_only=True)
class _Pass:
    """What every stage of one cycle is given."""

    world: World
    mandate: Mandate
    cycle: str
    steps: Steps
    symbols: tuple[str, ...]


def agreed_draft(
    world: World, mandate: Mandate, run: RunRef, cycle: int, steps: Steps, *, symbols: tuple[str, ...]
) -> tuple[Draft, Consent]:  # fmt: skip
    """The draft that may be executed, or the last one of a cycle that ends without orders, with the answer to it.

    Raises:
        CycleWaits: a person or the market must come first; running the cycle again goes on from here.
    """
    one = _Pass(world=world, mandate=mandate, cycle=f"{run.id}/{cycle}", steps=steps, symbols=symbols)
    draft = _fresh(one, number=1)
    while True:
        consent = _asked(one, draft)
        if consent.next in (Next.GO, Next.END):
            return draft, consent
        draft = _judged_again(one, draft) if consent.next is Next.REGUARD else _fresh(one, number=draft.round + 1)


def named(stage: str, number: int) -> str:
    """The step's name: the stage alone in the first round, `stage@2` and so on after it."""
    return stage if number == 1 else f"{stage}@{number}"


def _asked(one: _Pass, draft: Draft) -> Consent:
    return one.steps.run(named("consent", draft.round), lambda: one.world.consent(draft), of=Consent)


def _observed(one: _Pass, number: int) -> Observation:
    name = named("observe", number)
    return one.steps.run(name, lambda: observe(one.world, one.mandate, symbols=one.symbols), of=Observation)


def _with_margins(one: _Pass, seen: Observation, plan: OrderPlan, number: int) -> Observation:
    """The observation with the venue's word on the plan's margin, where its venue has one."""
    teller = teller_of(one.world)
    if teller is None:
        return seen
    margins = one.steps.run(
        named("margin", number),
        lambda: ask_margins(teller, plan.orders, one.mandate, seen=seen, nav=plan.nav), of=Margins,
    )  # fmt: skip
    return replace(seen, margins=margins)


def _fresh(one: _Pass, *, number: int) -> Draft:
    world, mandate, steps = one.world, one.mandate, one.steps
    seen = _observed(one, number)
    inputs = steps.run(named("gather", number), lambda: gather(world, seen, mandate), of=dict[str, Json])
    decision = steps.run(named("decide", number), lambda: decide(world.strategy, seen, mandate, inputs), of=Decision)
    plan = steps.run(named("plan", number), lambda: make_plan(seen, decision, mandate, cycle=one.cycle), of=OrderPlan)
    seen = _with_margins(one, seen, plan, number)
    report = steps.run(
        named("guard", number), lambda: world.judge(seen, plan.orders, mandate, plan_as_of=plan.as_of), of=GuardReport
    )
    return Draft(round=number, observation=seen, inputs=inputs, decision=decision, plan=plan, report=report)


def _judged_again(one: _Pass, draft: Draft) -> Draft:
    number = draft.round + 1
    seen = _with_margins(one, _observed(one, number), draft.plan, number)
    report = one.steps.run(
        named("guard", number),
        lambda: one.world.judge(seen, draft.plan.orders, one.mandate, plan_as_of=seen.as_of), of=GuardReport,
    )  # fmt: skip
    return replace(draft, round=number, report=report, guarded=seen)
