"""Commands of a person's word about real money and ways out: arm, disarm, flatten and drawdown acknowledge."""

from typing import Annotated

import typer

from prudent.domain.cycles import CycleWaits
from prudent.domain.errors import BlockedError
from prudent.entrypoints.cli.answer import Answer, moment
from prudent.entrypoints.cli.border import Call, command
from prudent.entrypoints.cli.confirm import require_typed
from prudent.entrypoints.cli.screen import progress

AccountArgument = Annotated[str, typer.Argument(metavar="ACCOUNT", help="The account's id.")]
ConfirmOption = Annotated[
    str | None, typer.Option("--confirm", metavar="ACCOUNT", help="The account's id typed again.")
]
UserOption = Annotated[
    str | None, typer.Option("--user", metavar="NAME", help="Who you are, by password, where a token is not enough.")
]


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    command(app, "arm")(arm)
    command(app, "disarm")(disarm)
    command(app, "flatten")(flatten)
    group = typer.Typer(no_args_is_help=True, help="The drawdown of an account.")
    app.add_typer(group, name="drawdown")
    command(group, "acknowledge", group="drawdown")(acknowledge)


def arm(
    call: Call, account: AccountArgument, *,
    days: Annotated[
        int | None, typer.Option("--days", min=1, max=30, help="For how many days, if it trades by itself.")
    ] = None,
    confirm: ConfirmOption = None, user: UserOption = None,
    reason: Annotated[str, typer.Option("--reason", help="Why, for the audit.")] = "armed by hand",
) -> Answer:  # fmt: skip
    """Let an account trade real money: for 8 hours and until the close at most, or for days with --days.

    Any change of program, configuration or model ends it; without --days the engine's next start does too. Days are for
    an account with auto_trade. Paper and dry runs need no arming.
    """
    from prudent.access.authority import Act
    from prudent.entrypoints.cli.acting import acting
    from prudent.workflows.arming import arm as give_word

    desk = call.open()
    account = call.account(desk, account)
    by = acting(desk, Act.ARM, account, user=user)
    time = "until the close, for 8 hours at most" if days is None else f"for {days} days"
    require_typed(account, confirm, act=f"arming {account} {time}")
    arming = give_word(desk, account, days=days, by=by, reason=reason)
    said = f"{account} is armed until {moment(arming.until)} UTC, for this program and configuration alone"
    return Answer(data=arming, blocks=[f"{said}; undo it with `invest disarm {account}`"])


def disarm(
    call: Call, account: AccountArgument, *,
    reason: Annotated[str, typer.Option("--reason", help="Why, for the audit.")] = "disarmed by hand",
) -> Answer:  # fmt: skip
    """Take the word back: the account trades no real money from now on. It ends no order that is live."""
    from prudent.access.authority import Act
    from prudent.entrypoints.cli.acting import acting
    from prudent.workflows.arming import disarm as take_back

    desk = call.open()
    account = call.account(desk, account)
    acting(desk, Act.DISARM, account)
    was = take_back(desk, account, reason=reason)
    said = f"{account} is disarmed: {reason}" if was else f"{account} was not armed"
    return Answer(data={"account": account, "was_armed": was, "reason": reason}, blocks=[said])


def flatten(
    call: Call, account: AccountArgument, *, confirm: ConfirmOption = None,
    reason: Annotated[str, typer.Option("--reason", help="Why, for the audit.")] = "flattened by hand",
) -> Answer:  # fmt: skip
    """Cancel an account's orders, close every position through the guards, and leave the account HALTED."""
    from prudent.access.authority import Act
    from prudent.entrypoints.cli.acting import acting
    from prudent.entrypoints.cli.commands.trading import found_lines
    from prudent.entrypoints.cli.cycle_view import cycle_answer
    from prudent.entrypoints.cli.waiting_view import waits_answer
    from prudent.workflows.wherever import flatten_wherever

    desk = call.open()
    account = call.account(desk, account)
    by = acting(desk, Act.TRADE, account)
    require_typed(account, confirm, act=f"closing every position of {account}")
    try:
        record = flatten_wherever(
            desk, account, by=by, reason=reason, found=lambda each: call.warnings.extend(found_lines(each)),
            tell=progress,
        )  # fmt: skip
    except CycleWaits as waits:
        return waits_answer(desk, waits.wait)
    answer = cycle_answer(record)
    left = [f"{p.quantity} {p.symbol}" for p in desk.broker_of(account).snapshot(account).positions if p.quantity != 0]
    call.warnings.append(f"{account} is HALTED; let it trade again with `invest resume --account {account}`")
    if left:
        call.warnings.append(f"{account} still holds {', '.join(left)}")
    return answer


def acknowledge(
    call: Call, account: AccountArgument, *,
    reason: Annotated[str, typer.Option("--reason", help="Why, for the audit.")], user: UserOption = None,
) -> Answer:  # fmt: skip
    """Say that you have seen the drawdown: its latches lift and the peak starts anew from the value now."""
    from prudent.access.authority import Act
    from prudent.entrypoints.cli.acting import acting
    from prudent.workflows.control import acknowledge_drawdown

    desk = call.open()
    account = call.account(desk, account)
    acting(desk, Act.LOOSEN, account, user=user)
    if not reason.strip():
        raise BlockedError("a drawdown is acknowledged with a reason, was empty; say why in --reason")
    lifted = acknowledge_drawdown(desk, account, reason=reason)
    said = f"{account}: {', '.join(lifted)} lifted, the peak starts anew; `invest status` shows what still holds"
    return Answer(data={"account": account, "lifted": list(lifted), "reason": reason}, blocks=[said])
