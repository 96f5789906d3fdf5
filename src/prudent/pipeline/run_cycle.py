"""One cycle of one account: observe, decide, plan, guard, execute, verify, record."""

from decimal import Decimal

from prudent.domain.cycles import CycleRecord, CycleStatus, Observation
from prudent.domain.errors import BlockedError
from prudent.domain.mandate import Mandate
from prudent.domain.valuation import net_asset_value
from prudent.guards.report import judge
from prudent.pipeline.decide import decide, gather
from prudent.pipeline.execute import execute
from prudent.pipeline.observe import observe
from prudent.pipeline.plan import make_plan
from prudent.pipeline.record import close_books, no_trade_codes
from prudent.pipeline.verify import verify
from prudent.pipeline.world import World
from prudent.ports import RunRef, Steps


def run_cycle(world: World, mandate: Mandate, run: RunRef, cycle: int, steps: Steps) -> CycleRecord:
    """The picture in code; every stage is a recorded step, and live, paper, dry-run and backtest all come here."""
    started = world.clock.now()
    symbols = world.symbols(mandate)
    seen = steps.run("observe", lambda: observe(world, mandate, symbols=symbols))
    inputs = steps.run("gather", lambda: gather(world, seen, mandate))
    decision = steps.run("decide", lambda: decide(world.strategy, seen, mandate, inputs))
    plan = steps.run("plan", lambda: make_plan(seen, decision, mandate, cycle=f"{run.id}/{cycle}"))
    report = steps.run("guard", lambda: judge(seen, plan.orders, mandate, plan_as_of=plan.as_of))
    phases = steps.run("execute", lambda: execute(world, mandate, run, cycle, plan=plan, report=report))
    after = steps.run("observe_after", lambda: observe(world, mandate, symbols=symbols))
    checked = steps.run("verify", lambda: verify(plan, after, phases=phases, report=report, mandate=mandate))
    record = CycleRecord(
        account=mandate.account,
        run=run.number,
        cycle=cycle,
        mode=world.mode,
        mandate=mandate,
        code_version=world.code_version,
        started=started,
        finished=world.clock.now(),
        status=CycleStatus.COMPLETED,
        observation=seen,
        decision_inputs=inputs,
        decision=decision,
        plan=plan,
        report=report,
        phases=phases,
        reconciliation=checked,
        nlv_after=_value_after(after),
        no_trade_codes=no_trade_codes(decision, plan, report, phases=phases),
    )
    return steps.run("record", lambda: close_books(world, record))


def _value_after(after: Observation) -> Decimal | None:
    """The account's value once all was sent; None while a holding has no price, for the record must be kept anyway."""
    try:
        return net_asset_value(after)
    except BlockedError:
        return None
