"""One cycle of one account: observe, decide, plan, guard, (approve), execute, verify, record."""

from datetime import datetime
from decimal import Decimal

from prudent.domain.cycles import CycleRecord, CycleStatus, Next, Observation, Reconciliation
from prudent.domain.errors import BlockedError
from prudent.domain.mandate import Mandate
from prudent.domain.valuation import net_asset_value
from prudent.pipeline.draft import agreed_draft
from prudent.pipeline.execute import execute
from prudent.pipeline.observe import observe
from prudent.pipeline.record import close_books, no_trade_codes
from prudent.pipeline.verify import verify
from prudent.pipeline.world import World
from prudent.ports import RunRef, Steps


def run_cycle(world: World, mandate: Mandate, run: RunRef, cycle: int, steps: Steps) -> CycleRecord:
    """The picture in code; every stage is a recorded step, and live, paper, dry-run and backtest all come here.

    Running it again with the same steps goes on where it stopped. Raises `CycleWaits` where its draft must wait.
    """
    started = steps.run("begin", world.clock.now, of=datetime)
    symbols = world.symbols(mandate)
    draft, consent = agreed_draft(world, mandate, run, cycle, steps, symbols=symbols)
    seen, plan, report = draft.observation, draft.plan, draft.report
    phases = () if consent.next is Next.END else execute(world, mandate, run, cycle, draft=draft, steps=steps)
    after = steps.run("observe_after", lambda: observe(world, mandate, symbols=symbols), of=Observation)
    checked = steps.run(
        "verify", lambda: verify(plan, after, phases=phases, report=report, mandate=mandate), of=Reconciliation
    )
    record = CycleRecord(
        account=mandate.account,
        run=run.number,
        cycle=cycle,
        mode=world.mode,
        mandate=mandate,
        code_version=world.code_version,
        started=started,
        finished=steps.run("finish", world.clock.now, of=datetime),
        status=CycleStatus.COMPLETED,
        observation=seen,
        decision_inputs=draft.inputs,
        decision=draft.decision,
        plan=plan,
        report=report,
        phases=phases,
        reconciliation=checked,
        nlv_after=_value_after(after),
        no_trade_codes=no_trade_codes(draft, consent, phases=phases),
        guarded=draft.guarded,
        consent=consent,
        rounds=draft.round,
    )
    return steps.run("record", lambda: close_books(world, record), of=CycleRecord)


def _value_after(after: Observation) -> Decimal | None:
    """The account's value once all was sent; None while a holding has no price, for the record must be kept anyway."""
    try:
        return net_asset_value(after)
    except BlockedError:
        return None
