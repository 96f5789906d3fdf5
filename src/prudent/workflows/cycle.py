"""Start cycles: one account now, many in turn, with recovery first and the audit file after."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace

from prudent.bootstrap import Desk
from prudent.domain.accounts import Mode
from prudent.domain.cycles import CycleRecord, Reconciliation
from prudent.domain.errors import BlockedError, DeskError
from prudent.domain.mandate import Mandate
from prudent.domain.plans import OrderPlan
from prudent.domain.records import Json
from prudent.domain.verdicts import GuardReport
from prudent.guards.report import ALL_FEEDS, judge
from prudent.pipeline.decide import decide, gather
from prudent.pipeline.observe import observe
from prudent.pipeline.plan import make_plan
from prudent.pipeline.run_cycle import run_cycle
from prudent.pipeline.verify import verify
from prudent.ports import Steps
from prudent.workflows.lease import home_lease
from prudent.workflows.recovery import Finding, recover, settle_orders
from prudent.workflows.steps import JournalSteps
from prudent.workflows.valuation import value_account

PREVIEW_CYCLE = "preview"


@contextmanager
def at_work(desk: Desk) -> Iterator[tuple[Finding, ...]]:
    """Hold the home's lease and settle what a killed process left; what was found is given to the caller."""
    with home_lease(desk.home), desk.leased():
        yield recover(desk)


def with_overrides(mandate: Mandate, parameters: Mapping[str, Json]) -> Mandate:
    """The mandate with some strategy parameters replaced; it then freezes into a run of its own."""
    return replace(mandate, parameters={**mandate.parameters, **parameters}) if parameters else mandate


def run_account(
    desk: Desk, account: str, *, mode: Mode | None = None, parameters: Mapping[str, Json] | None = None,
    steps: Steps | None = None,
) -> CycleRecord:  # fmt: skip
    """One cycle of one account in the desk's mode (or a rehearsal of it); the caller holds the lease.

    Raises:
        BlockedError: no NAV can be computed, or the desk's mode is off.
        InputError: the account or its targets are wrong; nothing was stored or sent.
    """
    mode = desk.mode if mode is None else mode
    if mode is Mode.OFF:
        raise BlockedError("mode must be paper, live or dry_run to run a cycle, was off; set `mode` in invest.yaml")
    mandate = with_overrides(desk.mandate(account), parameters or {})
    world = desk.world(mandate, mode)
    now = desk.clock.now()
    world.symbols(mandate)
    if mode is not Mode.DRY_RUN:
        settle_orders(desk, account)
        value_account(desk, account)
        desk.agree_terms(mandate)
    run = desk.ledger.open_run(
        mandate, mode=mode, rules=desk.ledger.rules(account), code_version=world.code_version, at=now
    )
    cycle = desk.ledger.next_cycle(run, at=now)
    try:
        return run_cycle(world, mandate, run, cycle, steps or JournalSteps())
    except DeskError as error:
        desk.ledger.fail_cycle(f"{run.id}/{cycle}", reason=str(error), at=desk.clock.now())
        raise


def preview(
    desk: Desk, account: str, *, parameters: Mapping[str, Json] | None = None
) -> tuple[OrderPlan, GuardReport]:
    """The plan and what the guards would let through now; nothing is stored, reserved or sent.

    The mode interlocks are not evaluated: they speak of sending, and a preview sends nothing.
    """
    mandate = with_overrides(desk.mandate(account), parameters or {})
    world = desk.world(mandate, Mode.DRY_RUN)
    seen = observe(world, mandate, symbols=world.symbols(mandate))
    decision = decide(world.strategy, seen, mandate, gather(world, seen, mandate))
    plan = make_plan(seen, decision, mandate, cycle=f"{account}/{PREVIEW_CYCLE}")
    return plan, judge(seen, plan.orders, mandate, feeds=ALL_FEEDS - {"modes"}, plan_as_of=plan.as_of)


def verify_account(desk: Desk, account: str) -> Reconciliation:
    """Compare the book as it is now with the account's last plan."""
    record = desk.ledger.load_record(desk.last_cycle_id(account))
    world = desk.world(record.mandate, Mode.DRY_RUN)
    after = observe(world, record.mandate, symbols=tuple(row.symbol for row in record.plan.weights))
    return verify(record.plan, after, phases=record.phases, report=record.report, mandate=record.mandate)


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """One account of a run-all: its record, or why it failed."""

    account: str
    record: CycleRecord | None
    error: DeskError | None = None


def run_all(
    desk: Desk, accounts: Sequence[str], *, mode: Mode | None = None,
    on_done: Callable[[Outcome], None] | None = None,
) -> tuple[Outcome, ...]:  # fmt: skip
    """Each account in turn; one that fails does not stop the others."""
    done: list[Outcome] = []
    for account in accounts:
        try:
            outcome = Outcome(account=account, record=run_account(desk, account, mode=mode))
        except DeskError as error:
            outcome = Outcome(account=account, record=None, error=error)
        done.append(outcome)
        if on_done is not None:
            on_done(outcome)
    return tuple(done)
