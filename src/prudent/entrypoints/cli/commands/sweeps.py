"""The commands of `sweep`: the backtests of a grid on many processes, resumed, joined, listed and shown."""

import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated

import typer
from typer import _click
from typer.core import TyperGroup

from prudent.domain.errors import DeskError
from prudent.entrypoints.cli.answer import DONE, PARTIAL, Answer, Table
from prudent.entrypoints.cli.border import INTERRUPTED, Call, command
from prudent.entrypoints.cli.commands.backtests import CadenceName, FillName, SessionName

if TYPE_CHECKING:
    from prudent.backtest.run import Prepared
    from prudent.bootstrap import Desk
    from prudent.entrypoints.cli.meter import Progress
    from prudent.workflows.sweep_journal import SweepJournal
    from prudent.workflows.sweeps import Plan

NameArgument = Annotated[str, typer.Argument(metavar="NAME", help="The sweep, as `invest sweep list` shows it.")]
WorkersOption = Annotated[
    int | None, typer.Option("--workers", min=1, max=256, help="Worker processes here; else one for each core.")
]
YesOption = Annotated[bool, typer.Option("--yes", help="Go on although a model costs time or money.")]


class _RunsByDefault(TyperGroup):
    """`invest sweep ACCOUNT ...` is `invest sweep run ACCOUNT ...`."""

    def parse_args(self, ctx: _click.Context, args: list[str]) -> list[str]:
        if args and args[0] not in (*self.commands, "-h", "--help"):
            args = ["run", *args]
        return super().parse_args(ctx, args)


def register(app: typer.Typer) -> None:
    """Add the group `sweep`."""
    group = typer.Typer(
        cls=_RunsByDefault, no_args_is_help=True,
        help="Backtests of a grid of settings; `invest sweep ACCOUNT` is short for `invest sweep run ACCOUNT`.",
    )  # fmt: skip
    app.add_typer(group, name="sweep")
    command(group, "run", group="sweep")(run)
    command(group, "resume", group="sweep")(resume)
    command(group, "join", group="sweep")(join)
    command(group, "list", group="sweep")(list_sweeps)
    command(group, "show", group="sweep")(show)
    command(group, "work", group="sweep", hidden=True)(work)


def run(  # noqa: PLR0913 - a parameter is an option of the command line
    call: Call,
    account: Annotated[str, typer.Argument(metavar="ACCOUNT", help="The account whose settings are varied.")],
    *,
    grid: Annotated[
        list[str],
        typer.Option(
            "--grid", metavar="KEY=VALUE,VALUE", help="A key of the account, cadence, session or fill; repeatable."
        ),
    ],
    first: Annotated[str, typer.Option("--from", metavar="DAY", help="The first session, like 2015-01-01.")],
    last: Annotated[str, typer.Option("--to", metavar="DAY", help="The last session.")],
    cadence: Annotated[CadenceName, typer.Option("--cadence", help="How often it decides.")] = "account",
    session: Annotated[
        SessionName, typer.Option("--session", help="The part of the day in which a cadence of minutes decides.")
    ] = "regular",
    fill: Annotated[FillName, typer.Option("--fill", help="At which price of the next session.")] = "next_open",
    cash: Annotated[str, typer.Option("--initial-cash", help="What the account begins with.")] = "10000",
    benchmark: Annotated[str, typer.Option("--benchmark", help="What it is measured against.")] = "SPY",
    workers: WorkersOption = None,
    name: Annotated[str, typer.Option("--name", help="The sweep's name; else it follows from what it is.")] = "",
    yes: YesOption = False,
) -> Answer:
    """Backtest every combination of a grid; the same command goes on where a killed or cancelled one stopped."""
    from prudent.backtest.grid import combinations, parse_grid
    from prudent.entrypoints.cli.commands.backtests import _request
    from prudent.workflows.sweeps import keep, plan_of, prepared_all

    axes = parse_grid(grid)
    desk = call.open()
    base = _request(call, desk, account, first=first, last=last, cadence=cadence, fill=fill, cash=cash,
                    benchmark=benchmark, anonymise="", session=session)  # fmt: skip
    found = combinations(desk, base, axes)
    prepared = prepared_all(desk, found)
    _ask(desk, prepared, yes=yes)
    plan = plan_of(desk, axes, found, prepared, name)
    with _journal(desk) as journal:
        return _worked(call, desk, journal, keep(journal, plan), workers=workers, cancels=True)


def resume(call: Call, name: NameArgument, *, workers: WorkersOption = None) -> Answer:
    """Go on with a sweep: what is done stays, what failed is tried again."""
    from prudent.workflows.sweeps import load

    desk = call.open()
    with _journal(desk) as journal:
        return _worked(call, desk, journal, load(journal, name), workers=workers, cancels=True)


def join(call: Call, name: NameArgument, *, workers: WorkersOption = None) -> Answer:
    """Help with a sweep that was begun elsewhere; Ctrl-C ends this help and not the sweep.

    Another machine needs a home with the same `database.url`, the same program and the same data.
    """
    from prudent.workflows.sweeps import load

    desk = call.open()
    with _journal(desk) as journal:
        return _worked(call, desk, journal, load(journal, name), workers=workers, cancels=False)


def list_sweeps(call: Call) -> Answer:
    """List every sweep with how far it is."""
    desk = call.open()
    with _journal(desk) as journal:
        heads = journal.heads()
        rows = [(name, head, journal.under_way(name)) for name, head in heads.items()]
    return Answer(
        data=[{"name": name, **head, "batches_under_way": waits} for name, head, waits in rows],
        blocks=[
            Table(
                title="Sweeps", columns=("name", "begun", "account", "window", "varied", ">combinations", "under way"),
                rows=[
                    (name, head["begun"][:16].replace("T", " "), head["account"], f"{head['first']} to {head['last']}",
                     ", ".join(head["keys"]), str(head["count"]), f"{waits} batches" if waits else "—")
                    for name, head, waits in rows
                ],
                empty="none yet; begin one with `invest sweep ACCOUNT --grid KEY=VALUE,VALUE --from DAY --to DAY`",
            )
        ],
    )  # fmt: skip


def show(call: Call, name: NameArgument) -> Answer:
    """Show the results of a sweep as far as it is, by Sharpe ratio, and what the search proves."""
    from prudent.workflows.sweeps import load

    desk = call.open()
    with _journal(desk) as journal:
        return _shown(desk, journal, load(journal, name), code=DONE)


def work(
    call: Call, name: NameArgument, *,
    owner: Annotated[str, typer.Option("--owner", help="Whose sweep it is.")],
    parent: Annotated[int | None, typer.Option("--parent", help="End when this process is gone.")] = None,
) -> Answer:  # fmt: skip
    """Be one worker of a sweep until told to stop; `invest sweep` runs this."""
    from prudent.logs import LogOptions, set_up_long
    from prudent.settings import load_settings
    from prudent.settings.secret_values import secret_values
    from prudent.workflows.beat import end_with_parent
    from prudent.workflows.sweep_worker import work as serve

    home, over = call.folder(), threading.Event()
    settings = load_settings(home).settings
    set_up_long(
        LogOptions(
            process="sweep", home=home, verbosity=call.verbosity, level=settings.logs.level,
            secrets=secret_values(settings),
        )
    )  # fmt: skip
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda _signum, _frame: over.set())
    if parent is not None:
        end_with_parent(parent, over.set)
    serve(home, owner, name, stop=over)
    if any(not each.daemon and each is not threading.main_thread() for each in threading.enumerate()):
        # A combination that does not end in time must not keep the process: it goes back to the queue.
        os._exit(DONE)
    return Answer()


def _ask(desk: "Desk", prepared: "list[Prepared]", *, yes: bool) -> None:
    """Tell what the models of all combinations would cost before anything is begun."""
    from prudent.backtest.estimate import estimate
    from prudent.entrypoints.cli.confirm import require_yes

    if all(not desk.loaded.settings.language.models.get(each.request.mandate.model) for each in prepared):
        return
    found = [expected for each in prepared if (expected := estimate(desk, each)) is not None]
    if found:
        calls, cost = sum(each.calls for each in found), sum(each.cost for each in found)
        hours = sum(each.seconds for each in found) / 3600
        names = ", ".join(sorted({each.model for each in found}))
        require_yes(
            f"This sweep asks for {calls} calls of {names}, about {hours:.1f} hours one after another and "
            f"{cost:.2f} USD.", yes=yes,
        )  # fmt: skip


@contextmanager
def _journal(desk: "Desk") -> "Iterator[SweepJournal]":
    """The journal for a process that gives and reads work; it takes none itself."""
    from prudent.workflows.lease import engine_id
    from prudent.workflows.sweep_journal import journal_of, opened

    place = journal_of(desk.home, desk.loaded.settings.database.url)
    with opened(place, desk.ledger.owner, executor=f"{engine_id(desk.home)}:giver:{os.getpid()}") as journal:
        yield journal


def _worked(
    call: Call, desk: "Desk", journal: "SweepJournal", plan: "Plan", *, workers: int | None, cancels: bool
) -> Answer:
    from prudent.entrypoints.cli.meter import metered
    from prudent.workflows.sweep_crew import Post, conduct
    from prudent.workflows.sweeps import enqueue_missing

    count = workers or len(os.sched_getaffinity(0))
    if cancels:
        enqueue_missing(journal, plan, workers=count)
    waiting = journal.under_way(plan.name)
    post = Post(
        home=desk.home, owner=desk.ledger.owner, name=plan.name, workers=count if workers else min(count, waiting)
    )  # fmt: skip
    try:
        with metered(f"sweep {plan.name}") as progress:
            conduct(journal, post, watch=_watch(desk, journal, plan, progress), cancels=cancels)
    except KeyboardInterrupt:
        call.warnings.append(
            f"stopped; what was done is kept, and `invest sweep resume {plan.name}` goes on"
            if cancels else f"this machine left sweep {plan.name}; the sweep goes on elsewhere"
        )  # fmt: skip
        return _shown(desk, journal, plan, code=INTERRUPTED)
    except DeskError:
        call.warnings.append(f"what was done of sweep {plan.name} is kept; see `invest sweep show {plan.name}`")
        raise
    return _shown(desk, journal, plan, code=None)


def _watch(
    desk: "Desk", journal: "SweepJournal", plan: "Plan", progress: "Progress | None"
) -> "Callable[[], None]":
    """Tells how far the sweep is, where somebody watches."""
    from prudent.workflows.sweep_headway import Headway

    if progress is None:
        return lambda: None
    headway = Headway(plan, journal, lambda: desk.ledger.backtests.ended(plan.account, plan.name))

    def tell() -> None:
        far = headway.look()
        progress(far.done, far.done + far.left, f"{far.failed} failed" if far.failed else "")

    return tell


def _shown(desk: "Desk", journal: "SweepJournal", plan: "Plan", *, code: int | None) -> Answer:
    """Results as far as they are; without a `code` it follows from them."""
    from prudent.backtest.searched import COMPLETED
    from prudent.entrypoints.cli.sweep_view import sweep_blocks, sweep_data
    from prudent.workflows.sweeps import judged, results_of

    tried = results_of(desk, journal, plan)
    found = judged(desk, plan, tried)
    incomplete = any(each.status != COMPLETED for each in tried)
    return Answer(
        data=sweep_data(plan, tried, found), blocks=sweep_blocks(plan, tried, found),
        exit_code=code if code is not None else PARTIAL if incomplete else DONE,
    )  # fmt: skip
