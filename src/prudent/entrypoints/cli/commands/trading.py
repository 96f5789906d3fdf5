"""Commands that plan and trade: plan, rebalance, run, run-all and verify."""

from fnmatch import fnmatchcase
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from prudent.domain.cycles import CycleWaits
from prudent.domain.errors import BlockedError, ConfirmationMissing, InputError, VerificationMismatch
from prudent.entrypoints.cli.answer import DONE, PARTIAL, Answer, Problem, Table, moment, money
from prudent.entrypoints.cli.border import Call, command
from prudent.entrypoints.cli.commands.planning import UnitOption
from prudent.entrypoints.cli.confirm import require_live_confirmation
from prudent.entrypoints.cli.screen import progress

if TYPE_CHECKING:
    from collections.abc import Callable

    from prudent.bootstrap import Desk
    from prudent.domain.accounts import Mode
    from prudent.domain.records import Json
    from prudent.workflows.cycle import Outcome
    from prudent.workflows.recovery import Finding

AccountArgument = Annotated[str, typer.Argument(metavar="ACCOUNT", help="The account's id.")]
DryRunOption = Annotated[bool, typer.Option("--dry-run", help="Show what would be sent; send and change nothing.")]
ConfirmOption = Annotated[
    str | None, typer.Option("--confirm", metavar="ACCOUNT", help="The account's id typed again; live orders need it.")
]


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    command(app, "rebalance")(rebalance)
    command(app, "run")(run)
    command(app, "run-all")(run_all)
    command(app, "verify")(verify)


def rebalance(
    call: Call,
    file: Annotated[Path | None, typer.Argument(metavar="FILE", help="Targets; else the mandate's own.")] = None,
    *, account: Annotated[str, typer.Option("--account", help="The account to rebalance.")], unit: UnitOption = None,
    dry_run: DryRunOption = False, confirm: ConfirmOption = None,
) -> Answer:  # fmt: skip
    """Trade an account to a target portfolio: plan, guard, execute, verify and record, once.

    Exits 0 when all was done or waits for the market to open, 5 when guards refused every order, 7 when the book
    contradicts what was sent, 8 when the plan waits for a person's yes.
    """
    given: dict[str, Json] = {"targets": str(file)} if file is not None else {}
    if unit is not None:
        given["unit"] = unit
    return _cycle(call, account, parameters=given, dry_run=dry_run, confirm=confirm)


def run(
    call: Call, account: AccountArgument, *, dry_run: DryRunOption = False, confirm: ConfirmOption = None
) -> Answer:
    """Run one cycle of an account as its mandate says.

    Exits 8 where the plan waits for a person's yes; on a closed market the plan waits for the open.
    """
    return _cycle(call, account, parameters={}, dry_run=dry_run, confirm=confirm)


def _cycle(
    call: Call, account: str, *, parameters: "dict[str, Json]", dry_run: bool, confirm: str | None
) -> Answer:
    require_live_confirmation(call.folder(), account, confirm, dry_run=dry_run)
    from prudent.entrypoints.cli.cycle_view import cycle_answer
    from prudent.entrypoints.cli.waiting_view import waits_answer
    from prudent.workflows.cycle import CycleWanted
    from prudent.workflows.wherever import cycle_wherever

    desk = call.open()
    account = call.account(desk, account)
    wanted = CycleWanted(account=account, mode=_mode(dry_run=dry_run), parameters=parameters)
    try:
        return cycle_answer(cycle_wherever(desk, wanted, found=_finder(call), tell=progress))
    except CycleWaits as waits:
        return waits_answer(desk, waits.wait)


def run_all(
    call: Call, *, only: Annotated[str, typer.Option("--only", metavar="GLOB", help="Only accounts like this.")] = "*",
    dry_run: DryRunOption = False, confirm: ConfirmOption = None,
) -> Answer:  # fmt: skip
    """Run one cycle of every account; one that fails does not stop the others, and the exit code is then 6.

    With live orders `--confirm all` is needed.
    """
    require_live_confirmation(call.folder(), "all", confirm, dry_run=dry_run)
    from prudent.workflows.wherever import cycles_wherever

    desk = call.open()
    matched = [each for each in desk.account_ids() if fnmatchcase(each, only)]
    why_not = {each: why for each in matched if (why := desk.why_disabled(each) or _why_unfunded(desk, each))}
    accounts = [each for each in matched if each not in why_not]
    if matched and not accounts:
        raise InputError(f"--only must match an account that may run, {matched[0]} is not: {why_not[matched[0]]}")
    call.warnings += [f"not run: {each}: {why}" for each, why in why_not.items() if not desk.why_disabled(each)]
    if not accounts:
        known = ", ".join(desk.account_ids()) or "no account yet; add one with `invest accounts add`"
        raise InputError(f"--only must match an account, {only!r} matched none of: {known}")
    outcomes = cycles_wherever(
        desk, accounts, mode=_mode(dry_run=dry_run), found=_finder(call), done=_tell, tell=progress
    )
    return _outcomes_answer(outcomes, dry_run=dry_run)


def _why_unfunded(desk: "Desk", account: str) -> str:
    if desk.is_open_account(account):
        return ""
    from prudent.venues import IBKR

    way = "ibkr adopt" if desk.mandate(account).broker == IBKR else "accounts add"
    return f"it is configured and holds nothing yet; `invest {way} {account}`"


def verify(
    call: Call,
    account: Annotated[str | None, typer.Argument(metavar="ACCOUNT", help="Default: every account.")] = None,
    *, cycle: Annotated[str | None, typer.Option("--cycle", help="A recorded cycle instead of the book now.")] = None,
) -> Answer:  # fmt: skip
    """Ask the broker again whether the book is what the last plan left; exits 7 where it contradicts."""
    from prudent.entrypoints.cli.cycle_view import mismatches, verification_blocks
    from prudent.workflows.cycle import verify_account

    desk = call.open()
    if cycle is not None:
        recorded = desk.ledger.load_record(cycle).reconciliation
        checked = {} if recorded is None else {cycle: recorded}
    else:
        names = [call.account(desk, account)] if account else [a for a in desk.account_ids() if desk.ledger.last_run(a)]
        checked = {name: verify_account(desk, name) for name in names}
    if not checked:
        raise InputError("a cycle must have run before it can be verified, none has; run `invest run ACCOUNT`")
    problems = [
        Problem(code=VerificationMismatch.code, message=f"{name}: {line}")
        for name, each in checked.items()
        for line in mismatches(each)
    ]
    blocks: list[str | Table] = []
    for name, each in checked.items():
        blocks += [f"{name} as of {each.as_of:%Y-%m-%d %H:%M} UTC", *verification_blocks(each)]
    return Answer(
        data=checked if len(checked) > 1 or (account is None and cycle is None) else next(iter(checked.values())),
        blocks=blocks, errors=problems, exit_code=VerificationMismatch.exit_code if problems else DONE,
    )  # fmt: skip


def _finder(call: Call) -> "Callable[[tuple[Finding, ...]], None]":
    """Shows what a start found as warnings of the command."""
    return lambda findings: call.warnings.extend(found_lines(findings))


def found_lines(findings: "tuple[Finding, ...]") -> list[str]:
    """What a start found after a killed process, one line each."""
    return [f"found {each.subject}: {each.found}; {each.resolved}" for each in findings]


def _mode(*, dry_run: bool) -> "Mode | None":
    from prudent.domain.accounts import Mode

    return Mode.DRY_RUN if dry_run else None


def _tell(outcome: "Outcome") -> None:
    progress(f"{outcome.account}: {'failed' if outcome.error else 'waits' if outcome.wait else 'done'}")


def _outcomes_answer(outcomes: "tuple[Outcome, ...]", *, dry_run: bool) -> Answer:
    from prudent.entrypoints.cli.cycle_view import cycle_answer

    rows, data, problems = [], [], []
    for each in outcomes:
        if each.wait is not None:
            said = f"waits for {each.wait.why.replace('_', ' ')} until {moment(each.wait.until)} UTC"
            data.append({"account": each.account, "ok": True, "waits": each.wait})
            rows.append((each.account, "waits", "", "", f"{said}; see `invest approvals`"))
            continue
        if each.record is None:
            error = each.error or BlockedError("the cycle ended without a record")
            data.append({"account": each.account, "ok": False, "error": {"code": error.code, "message": str(error)}})
            rows.append((each.account, "failed", "", "", str(error)))
            problems.append(Problem(code=error.code, message=f"{each.account}: {error}"))
            continue
        answer = cycle_answer(each.record)
        # Refusing is a guard's work, and so is waiting for a person's word: no failure.
        failed = answer.exit_code not in (DONE, BlockedError.exit_code, ConfirmationMissing.exit_code)
        problems += [Problem(code=p.code, message=f"{each.account}: {p.message}") for p in answer.errors if failed]
        data.append({"account": each.account, "ok": not failed, "result": answer.data})
        sent = sum(len(phase.intents) for phase in each.record.phases)
        said = "; ".join(p.message for p in answer.errors) or ", ".join(each.record.no_trade_codes)
        rows.append((each.account, each.record.status, str(sent), money(each.record.nlv_after), said))
    return Answer(
        data=data,
        blocks=[Table(title="Cycles", columns=("account", "status", ">orders", ">NLV after", "note"), rows=rows)],
        errors=problems, exit_code=PARTIAL if problems else DONE, dry_run=dry_run,
    )  # fmt: skip
