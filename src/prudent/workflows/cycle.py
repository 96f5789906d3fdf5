"""Start a cycle of one account and carry it on, with recovery first and the audit file after."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace

from prudent.bootstrap import Desk
from prudent.domain.accounts import Mode, TradingState
from prudent.domain.cycles import CycleRecord, CycleWaits, Reconciliation, Wait
from prudent.domain.errors import BlockedError, DeskError, InputError, Temporary
from prudent.domain.mandate import Mandate
from prudent.domain.margin import Margins
from prudent.domain.plans import OrderPlan
from prudent.domain.records import Json
from prudent.domain.verdicts import GuardReport
from prudent.guards.report import ALL_FEEDS, judge
from prudent.ledger import runs
from prudent.ledger.runs import FLATTEN, ONLY_EXITS, CycleRow
from prudent.pipeline.decide import decide, gather
from prudent.pipeline.margins import ask_margins, teller_of
from prudent.pipeline.observe import observe
from prudent.pipeline.plan import make_plan
from prudent.pipeline.run_cycle import run_cycle
from prudent.pipeline.verify import verify
from prudent.ports import Steps
from prudent.workflows.adopt import check_adopted
from prudent.workflows.approvals import due_waits
from prudent.workflows.arming import end_void_armings
from prudent.workflows.consent import answers
from prudent.workflows.lease import held_leases, home_lease
from prudent.workflows.notices import tell_begun
from prudent.workflows.pairs import freeze
from prudent.workflows.recovery import Finding, recover, settle_orders
from prudent.workflows.steps import JournalSteps, LedgerStages
from prudent.workflows.valuation import value_account

PREVIEW_CYCLE = "preview"
UNDER_WAY = ("running", "waiting")
PERSON, SCHEDULE, PROTECTION = runs.PERSON, runs.SCHEDULE, runs.PROTECTION


@dataclass(frozen=True, slots=True, kw_only=True)
class CycleWanted:
    """A cycle to begin; under a `key` (a scheduled time, a request) it begins once, whoever asks again.

    The accounts `beside` it begin under the same key and look at the same moment: the rest of its pair.
    """

    account: str
    mode: Mode | None = None
    parameters: Mapping[str, Json] = field(default_factory=dict)
    key: str | None = None
    started_by: str = PERSON
    beside: tuple[str, ...] = ()


@contextmanager
def at_work(desk: Desk) -> Iterator[tuple[Finding, ...]]:
    """Hold the home's lock and its accounts' leases, settle what a killed process left and finish its cycles.

    What was found is given. An account that another process trades (engines may share a database) is left alone.
    """
    with home_lease(desk.home), held_leases(desk) as leases:
        accounts = leases.take(tuple(each.id for each in desk.ledger.accounts()))
        with desk.leased(leases):
            end_void_armings(desk)
            yield (*recover(desk, accounts), *finish_interrupted(desk, accounts))


def finish_interrupted(desk: Desk, accounts: Sequence[str]) -> tuple[Finding, ...]:
    """Carry on every cycle of these accounts that was left between two steps, or whose wait is over; else mark it."""
    left = (*desk.ledger.interrupted_cycles(), *due_waits(desk))
    return tuple(_finished(desk, cycle_id) for cycle_id in left if cycle_id.rsplit("/", 2)[0] in accounts)


def _finished(desk: Desk, cycle_id: str) -> Finding:
    try:
        carry_on(desk, cycle_id)
        resolved = "carried on to its record from its finished steps"
    except CycleWaits as waits:
        resolved = str(waits)
    except Temporary as error:
        resolved = f"it could not be carried on yet: {error}"
    except DeskError as error:
        desk.ledger.fail_cycle(cycle_id, reason=str(error), at=desk.clock.now())
        resolved = f"it could not be carried on: {error}"
    return Finding(
        account=cycle_id.rsplit("/", 2)[0], subject=f"cycle {cycle_id}",
        found="it began and has no record: the process ended between two steps", resolved=resolved,
    )  # fmt: skip


def with_overrides(mandate: Mandate, parameters: Mapping[str, Json]) -> Mandate:
    """The mandate with some strategy parameters replaced; it then freezes into a run of its own.

    When everything is to be closed, one holding without a price must not keep the others.
    """
    if not parameters:
        return mandate
    planning = replace(mandate.planning, allow_partial=True) if FLATTEN in parameters else mandate.planning
    return replace(mandate, parameters={**mandate.parameters, **parameters}, planning=planning)


def run_account(
    desk: Desk, account: str, *, mode: Mode | None = None, parameters: Mapping[str, Json] | None = None,
    steps: Steps | None = None, started_by: str = PERSON,
) -> CycleRecord:  # fmt: skip
    """One cycle of one account in the desk's mode (or a rehearsal of it); the caller holds the lease.

    Raises:
        BlockedError: no NAV can be computed, or the desk's mode is off.
        CycleWaits: a person or the market must come first; the cycle is kept and goes on then.
        InputError: the account or its targets are wrong; nothing was stored or sent.
    """
    wanted = CycleWanted(account=account, mode=mode, parameters=parameters or {}, started_by=started_by)
    return carry_on(desk, begin(desk, wanted), steps=steps)


def begin(desk: Desk, wanted: CycleWanted) -> str:
    """Reserve the cycle and freeze its run; gives its id. One that was begun under the same key is given back.

    Those beside it begin too, whether or not it can.
    """
    found = begin_together(desk, wanted)[wanted.account]
    if isinstance(found, DeskError):
        raise found
    return found


def begin_together(desk: Desk, wanted: CycleWanted) -> dict[str, str | DeskError]:
    """Begin the account's cycle and those beside it, which then look at one moment; by account, the id or why not."""
    found: dict[str, str | DeskError] = {}
    for account in (wanted.account, *wanted.beside):
        try:
            found[account] = _begin(desk, replace(wanted, account=account, beside=()))
        except DeskError as error:
            found[account] = error
    if wanted.beside:
        freeze(desk, [each for each in found.values() if isinstance(each, str)])
    return found


def _begin(desk: Desk, wanted: CycleWanted) -> str:
    mode = desk.mode if wanted.mode is None else wanted.mode
    if mode is Mode.OFF:
        raise BlockedError("mode must be paper, live or dry_run to run a cycle, was off; set `mode` in invest.yaml")
    mandate = with_overrides(desk.mandate(wanted.account), wanted.parameters)
    check_adopted(desk, wanted.account)
    if wanted.started_by.partition(":")[0] not in ONLY_EXITS:
        check_enabled(desk, wanted.account)
    if wanted.key is not None and (begun := desk.ledger.cycle_by_key(wanted.account, wanted.key)) is not None:
        return begun
    if wanted.started_by.partition(":")[0] not in ONLY_EXITS:
        desk.world(mandate, mode).symbols(mandate)
    if mode is not Mode.DRY_RUN:
        settle_orders(desk, wanted.account)
        value_account(desk, wanted.account)
        desk.agree_terms(mandate)
    now = desk.clock.now()
    run = desk.ledger.open_run(
        mandate, mode=mode, rules=desk.ledger.rules(wanted.account), code_version=desk.code_version, at=now
    )
    number = desk.ledger.next_cycle(run, at=now, key=wanted.key, started_by=wanted.started_by)
    tell_begun(desk, f"{run.id}/{number}", mode=mode, by=wanted.started_by)
    return f"{run.id}/{number}"


def check_enabled(desk: Desk, account: str) -> None:
    """Refuse an account that the configuration lets not run; its exits are protected all the same."""
    why = desk.why_disabled(account)
    if why:
        raise InputError(f"account {account} must be enabled to run, is not: {why}; set `enabled: true` and apply it")


def carry_on(desk: Desk, cycle_id: str, *, steps: Steps | None = None) -> CycleRecord:
    """Run a cycle that was begun to its end, from wherever it stopped; one that has its record is given back.

    An error before any order was approved ends the cycle as failed. After that it stays under way, and is carried on
    by the next start: what was sent must be in a record.

    Raises:
        BlockedError: the cycle ended without a record, or was begun by other code, whose steps cannot be read.
        CycleWaits: as `run_account`.
    """
    row = desk.ledger.cycle_row(cycle_id)
    if row.recorded:
        return desk.ledger.load_record(cycle_id)
    if row.status not in UNDER_WAY:
        raise BlockedError(f"cycle {cycle_id} must be under way to carry on, was {row.status}; start a new cycle")
    frozen = desk.ledger.frozen(row.run)
    desk.ledger.go_on(cycle_id, at=desk.clock.now())
    if frozen.code_version != desk.code_version:
        desk.ledger.resolve_interrupted(cycle_id, at=desk.clock.now())
        _halt_flattened(desk, row)
        raise BlockedError(
            f"cycle {cycle_id} must be carried on by the code that began it ({frozen.code_version}), is now "
            f"{desk.code_version}; its orders are settled, start a new cycle"
        )
    world = desk.world(frozen.mandate, Mode(frozen.mode), cycle=row)
    if desk.consent is None:
        world = replace(world, consent=answers(desk, row, frozen.mandate, mode=world.mode))
    steps = steps or JournalSteps(LedgerStages(desk.ledger, cycle_id, desk.clock))
    try:
        return run_cycle(world, frozen.mandate, row.run, row.number, steps)
    except CycleWaits as waits:
        desk.ledger.wait(waits.wait, at=desk.clock.now())
        raise
    except DeskError as error:
        fail(desk, cycle_id, error)
        raise


def fail(desk: Desk, cycle_id: str, error: Exception) -> None:
    """End a cycle in which nothing was approved; one with orders stays under way, for they must be in a record."""
    row = desk.ledger.cycle_row(cycle_id)
    if not row.has_orders:
        desk.ledger.fail_cycle(cycle_id, reason=str(error), at=desk.clock.now())
        _halt_flattened(desk, row)


def _halt_flattened(desk: Desk, row: CycleRow) -> None:
    """An account that could not be flattened stands still again, as one that was does from its record on."""
    if row.kind == FLATTEN:
        desk.ledger.set_state(
            row.run.account, TradingState.HALTED, reason=f"cycle {row.id} could not flatten it", at=desk.clock.now()
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Preview:
    """What would be traded now, what the guards say of it, and the venue's word on its margin, if it has one."""

    plan: OrderPlan
    report: GuardReport
    margins: Margins | None = None


def preview(desk: Desk, account: str, *, parameters: Mapping[str, Json] | None = None) -> Preview:
    """The plan and what the guards would let through now; nothing is stored, reserved or sent.

    The mode interlocks are not evaluated: they speak of sending, and a preview sends nothing.
    """
    check_enabled(desk, account)
    check_adopted(desk, account)
    mandate = with_overrides(desk.mandate(account), parameters or {})
    world = desk.world(mandate, Mode.DRY_RUN)
    seen = observe(world, mandate, symbols=world.symbols(mandate))
    decision = decide(world.strategy, seen, mandate, gather(world, seen, mandate))
    plan = make_plan(seen, decision, mandate, cycle=f"{account}/{PREVIEW_CYCLE}")
    teller = teller_of(world)
    if teller is not None:
        seen = replace(seen, margins=ask_margins(teller, plan.orders, mandate, seen=seen, nav=plan.nav))
    report = judge(seen, plan.orders, mandate, feeds=ALL_FEEDS - {"modes"}, plan_as_of=plan.as_of)
    return Preview(plan=plan, report=report, margins=seen.margins)


def verify_account(desk: Desk, account: str) -> Reconciliation:
    """Compare the book as it is now with the account's last plan."""
    record = desk.ledger.load_record(desk.last_cycle_id(account))
    world = desk.world(record.mandate, Mode.DRY_RUN)
    after = observe(world, record.mandate, symbols=tuple(row.symbol for row in record.plan.weights))
    return verify(record.plan, after, phases=record.phases, report=record.report, mandate=record.mandate)


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """One account of a run-all: its record, why it failed, or what it waits for."""

    account: str
    record: CycleRecord | None
    error: DeskError | None = None
    wait: Wait | None = None
