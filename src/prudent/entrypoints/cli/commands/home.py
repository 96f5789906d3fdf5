"""Commands about the home as a whole: demo, doctor, status and version."""

import platform
from typing import Annotated

import typer

from prudent import __version__
from prudent.domain.errors import InputError
from prudent.entrypoints.cli.answer import Answer, Problem, Table, moment
from prudent.entrypoints.cli.border import Call, command


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    command(app, "demo")(demo)
    command(app, "doctor")(doctor)
    command(app, "status")(status)
    command(app, "version")(version)


def demo(
    call: Call, *, reset: Annotated[bool, typer.Option("--reset", help="Make the demo of that folder anew.")] = False,
    sessions: Annotated[int, typer.Option("--sessions", min=1, max=60, help="Cycles after the first.")] = 21,
    history: Annotated[bool, typer.Option("--history/--no-history", help="Whether to test 33 years as well.")] = True,
    broker: Annotated[
        str, typer.Option("--broker", metavar="simulated|paper-gateway", help="What it trades at.")
    ] = "simulated",
) -> Answer:  # fmt: skip
    """Trade a paper account over a month of real closes and test twenty stocks over 33 years, offline.

    With --broker paper-gateway it trades one account over a socket instead, at a simulated gateway of this program.
    The home is kept to look around in.

    Without --home the home is a new folder beside other temporary files.
    """
    from prudent.entrypoints.cli.demonstration import demo_home, demonstrate

    if broker == "paper-gateway":
        from prudent.entrypoints.cli import demo_gateway

        return demo_gateway.demonstrate(call, demo_home(call, reset=reset))
    if broker != "simulated":
        raise InputError(f"--broker must be simulated or paper-gateway, was {broker!r}; correct it")
    return demonstrate(call, reset=reset, sessions=sessions, history=history)


def doctor(call: Call) -> Answer:
    """Check program, home, ledger, prices and limits; also every limit that can never fire, and why."""
    from prudent.entrypoints.cli.checks import Status, examine

    checks = list(examine(call.folder(), call.open))
    failed = [each for each in checks if each.status is Status.FAIL]
    return Answer(
        data=checks,
        blocks=[
            Table(
                title="Doctor", columns=("check", "status", "detail", "what to do"),
                rows=[(c.name, c.status, c.detail, c.fix) for c in checks],
            )
        ],
        errors=[Problem(code="check_failed", message=f"{each.name}: {each.detail}") for each in failed],
        exit_code=1 if failed else 0,
    )  # fmt: skip


def status(call: Call) -> Answer:
    """One screen: mode, time, accounts, every lock with what lifts it, and what waits or was interrupted."""
    from prudent.domain.accounts import TradingState
    from prudent.entrypoints.cli.commands.books import account_row, accounts_table
    from prudent.entrypoints.cli.process_view import processes_data, processes_lines
    from prudent.entrypoints.cli.waiting_view import waiting_row, waits_for
    from prudent.workflows.approvals import waiting_cycles
    from prudent.workflows.locks import locks
    from prudent.workflows.schedule import next_runs

    desk = call.open()
    now = desk.clock.now()
    accounts = [account_row(call, desk, account) for account in desk.account_ids()]
    stopped = [each for each in desk.ledger.views.states() if each.state is not TradingState.ACTIVE]
    interrupted = desk.ledger.interrupted_cycles()
    kill = desk.stop_reason("")
    market = "open" if desk.calendar.is_open(now) else "closed"
    lines = [f"STOPPED: {kill}"] if kill else []
    held, waiting = locks(desk), waiting_cycles(desk)
    lines += [each.line for each in held]
    lines += [waits_for(each) for each in waiting]
    lines += [
        f"{each.account} is armed until {moment(each.until)} UTC by {each.by}"
        for each in desk.ledger.permissions.armings()
    ]
    lines += processes_lines(desk)
    coming = next_runs(desk)
    lines += [
        f"{n.account} is due next {moment(n.due)} UTC ({n.spelled})" if n.due
        else f"{n.account}: {n.spelled} {n.paused or 'is never due'}"
        for n in coming
    ]
    disabled = {account: why for account in desk.account_ids() if (why := desk.why_disabled(account))}
    lines += [f"{account} is disabled: {why}" for account, why in disabled.items()]
    lines += [f"cycle {each} was interrupted; the next run resolves it" for each in interrupted]
    return Answer(
        data={
            "home": str(desk.home), "mode": desk.mode, "now": now, "market_open": desk.calendar.is_open(now),
            "data_source": desk.market.source, "processes": processes_data(desk), "kill_switch": kill,
            "accounts": accounts, "states": stopped,
            "interrupted_cycles": list(interrupted), "locks": held, "waiting": [waiting_row(each) for each in waiting],
            "armings": desk.ledger.permissions.armings(), "next_runs": coming,
            "disabled": disabled,
        },
        blocks=[
            f"{desk.home}   mode {desk.mode}   {moment(now)} UTC   market {market}   prices {desk.market.source}",
            accounts_table(accounts),
            *lines,
        ],
    )  # fmt: skip


def version() -> Answer:
    """Tell the version of the program."""
    return Answer(data={"version": __version__, "python": platform.python_version()}, blocks=[f"prudent {__version__}"])
