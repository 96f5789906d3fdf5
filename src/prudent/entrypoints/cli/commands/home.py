"""Commands about the home as a whole: init, demo, doctor, status and version."""

import platform
import sys
from typing import Annotated, Literal

import typer

from prudent import __version__
from prudent.domain.errors import ConfirmationMissing
from prudent.entrypoints.cli.answer import Answer, Problem, Table, moment
from prudent.entrypoints.cli.border import Call, command

ModeName = Literal["dry_run", "paper"]
SourceName = Literal["sample", "yahoo"]
CashOption = Annotated[str, typer.Option("--cash", help="Opening cash of the first account.")]


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    command(app, "init")(init)
    command(app, "demo")(demo)
    command(app, "doctor")(doctor)
    command(app, "status")(status)
    command(app, "version")(version)


def init(
    call: Call, *, yes: Annotated[bool, typer.Option("--yes", help="Take the defaults; ask nothing.")] = False,
    mode: Annotated[ModeName, typer.Option("--mode", help="What the home is wired to.")] = "paper",
    source: Annotated[SourceName, typer.Option("--source", help="Where prices come from.")] = "sample",
    account: Annotated[str, typer.Option("--account", help="The first account's id.")] = "main",
    cash: CashOption = "100000",
) -> Answer:  # fmt: skip
    """Make a home with one funded paper account and a portfolio; it runs offline and never overwrites one."""
    from prudent.domain.money import parse_decimal
    from prudent.entrypoints.cli.opening import Opening, open_account
    from prudent.entrypoints.cli.starter import Wishes, create_home
    from prudent.settings import check_account_id

    if not yes:
        mode, source, account, cash = _asked(mode, source, account, cash)
    check_account_id(account)
    amount = parse_decimal(cash, "--cash")
    home = call.folder()
    create_home(home, Wishes(mode=mode, source=source))
    call.home = home
    opening = Opening(account=account, cash=amount, positions=None, mandate={"targets": "json/core.json"})
    open_account(call.open(), opening)
    steps = (f"export INVEST_HOME={home}", f"invest plan --account {account}", f"invest run {account}", "invest status")
    return Answer(
        data={"home": str(home), "mode": mode, "source": source, "account": account, "cash": amount},
        blocks=[
            f"made {home}: mode {mode}, prices {source}, account {account} with {amount}",
            "\n  ".join(("next:", *steps)),
        ],
    )


def _asked(mode: ModeName, source: SourceName, account: str, cash: str) -> tuple[ModeName, SourceName, str, str]:
    """Four questions at a terminal; Enter takes the default."""
    if not sys.stdin.isatty():
        raise ConfirmationMissing("init asks questions and nobody can answer here; add --yes to take the defaults")
    modes: dict[str, ModeName] = {"dry_run": "dry_run", "paper": "paper"}
    sources: dict[str, SourceName] = {"sample": "sample", "yahoo": "yahoo"}
    return (
        modes[_ask("mode: paper trades in a simulated book, dry_run only shows", mode, tuple(modes))],
        sources[_ask("prices: sample works offline, yahoo is live", source, tuple(sources))],
        _ask("first account's id", account, ()),
        _ask("its opening cash", cash, ()),
    )


def _ask(question: str, default: str, choices: tuple[str, ...]) -> str:
    while True:
        sys.stderr.write(f"{question} [{default}]: ")
        sys.stderr.flush()
        line = sys.stdin.readline()
        if not line:
            raise ConfirmationMissing("init was not answered to the end; nothing was made")
        answer = line.strip() or default
        if not choices or answer in choices:
            return answer
        sys.stderr.write(f"must be one of {', '.join(choices)}, was {answer!r}\n")


def demo(
    call: Call, *, reset: Annotated[bool, typer.Option("--reset", help="Make the demo of that folder anew.")] = False,
    sessions: Annotated[int, typer.Option("--sessions", min=1, max=60, help="Cycles after the first.")] = 21,
) -> Answer:  # fmt: skip
    """Trade a paper account over a month of real closes, offline, and keep the home to look around in.

    Without --home the home is a new folder beside other temporary files.
    """
    from prudent.entrypoints.cli.demonstration import demonstrate

    return demonstrate(call, reset=reset, sessions=sessions)


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
    lines += [f"cycle {each} was interrupted; the next run resolves it" for each in interrupted]
    return Answer(
        data={
            "home": str(desk.home), "mode": desk.mode, "now": now, "market_open": desk.calendar.is_open(now),
            "data_source": desk.market.source, "processes": processes_data(desk), "kill_switch": kill,
            "accounts": accounts, "states": stopped,
            "interrupted_cycles": list(interrupted), "locks": held, "waiting": [waiting_row(each) for each in waiting],
            "armings": desk.ledger.permissions.armings(), "next_runs": coming,
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
