"""Commands about when cycles run: schedule list, pause and resume."""

from typing import TYPE_CHECKING, Annotated

import typer

from prudent.domain.errors import InputError
from prudent.entrypoints.cli.answer import Answer, Table, moment
from prudent.entrypoints.cli.border import Call, command

if TYPE_CHECKING:
    from prudent.bootstrap import Desk

AccountArgument = Annotated[str, typer.Argument(metavar="ACCOUNT", help="The account's id.")]
ReasonOption = Annotated[str, typer.Option("--reason", help="Why, for the audit.")]


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    group = typer.Typer(help="When cycles run.", no_args_is_help=True)
    app.add_typer(group, name="schedule")
    command(group, "list", group="schedule")(listed)
    command(group, "pause", group="schedule")(pause)
    command(group, "resume", group="schedule")(resume)


def listed(
    call: Call,
    account: Annotated[str | None, typer.Argument(metavar="ACCOUNT", help="Default: every account.")] = None,
) -> Answer:
    """Show when each account is due next, and what became of its last due times."""
    from prudent.workflows.schedule import next_runs

    desk = call.open()
    if account is not None:
        call.account(desk, account)
    coming = [each for each in next_runs(desk) if account in (None, each.account)]
    past = [run for name in dict.fromkeys(each.account for each in coming) for run in desk.ledger.schedule_runs(name)]
    return Answer(
        data={"next": coming, "past": past},
        blocks=[
            Table(
                title="Due next", columns=("account", "schedule", "next (UTC)", "note"),
                rows=[(n.account, n.spelled, moment(n.due), n.paused) for n in coming],
                empty="no account has a schedule; add `schedule:` to its configuration",
            ),
            Table(
                title="Last due", columns=("account", "due (UTC)", "outcome", "cycle", "reason"),
                rows=[(r.account, moment(r.due), r.outcome, r.cycle or "", r.reason) for r in past],
                empty="nothing was due yet",
            ),
        ],
    )  # fmt: skip


def pause(call: Call, account: AccountArgument, *, reason: ReasonOption = "paused by hand") -> Answer:
    """Start no scheduled cycle of an account until it is resumed; its stops go on being watched."""
    from prudent.ledger.schedules import PAUSED

    return _set(call, account, PAUSED, reason)


def resume(call: Call, account: AccountArgument, *, reason: ReasonOption = "resumed by hand") -> Answer:
    """Let scheduled cycles of an account start again; what was due meanwhile is skipped with that reason."""
    from prudent.ledger.schedules import ACTIVE
    from prudent.workflows.schedule import start_due

    desk = call.open()
    call.account(desk, account)
    start_due(desk, start=_nothing)
    return _set(call, account, ACTIVE, reason, desk=desk)


def _nothing(wanted: object) -> str:
    raise InputError(f"{wanted} was due while its schedule was being resumed; the next due time starts it")


def _set(call: Call, account: str, state: str, reason: str, *, desk: "Desk | None" = None) -> Answer:
    desk = desk or call.open()
    account = call.account(desk, account)
    if not desk.loaded.settings.accounts[account].schedule:
        raise InputError(f"account {account} must have a schedule, has none; add `schedule:` to its configuration")
    desk.ledger.set_schedule(account, state, reason=reason, at=desk.clock.now())
    return Answer(
        data={"account": account, "state": state, "reason": reason}, blocks=[f"{account}: schedule {state}: {reason}"]
    )
