"""Commands that read what is remembered: runs, orders, trades, replay and export."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from prudent.domain.errors import InputError, VerificationMismatch
from prudent.entrypoints.cli.answer import DONE, Answer, Problem, Table, moment, money, percent, quantity
from prudent.entrypoints.cli.border import Call, command
from prudent.entrypoints.cli.commands import comparing

if TYPE_CHECKING:
    from collections.abc import Sequence

    from prudent.bootstrap import Desk
    from prudent.ledger.rows import RunRow

AccountOption = Annotated[str | None, typer.Option("--account", help="Only this account.")]
RunOption = Annotated[int | None, typer.Option("--run", min=1, help="Only this run of the account.")]
LimitOption = Annotated[int, typer.Option("--limit", min=1, max=100_000, help="At most so many, newest first.")]
Kind = Literal["trades", "positions", "decisions"]
Form = Literal["csv", "json", "jsonl", "parquet"]


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    runs = typer.Typer(no_args_is_help=True, help="Numbered series of cycles with everything frozen in them.")
    app.add_typer(runs, name="runs")
    command(runs, "list", group="runs")(list_runs)
    command(runs, "show", group="runs")(show_run)
    comparing.register(runs)
    command(app, "trades")(trades)
    command(app, "replay")(replay)
    command(app, "export")(export)


def list_runs(call: Call, *, account: AccountOption = None, limit: LimitOption = 100) -> Answer:
    """List runs with their return and worst drawdown."""
    desk = call.open()
    page = desk.ledger.views.runs(call.account(desk, account) if account else None, limit=limit)
    return Answer(data=list(page.rows), blocks=[_runs_table(page.rows), _of(len(page.rows), page.total)])


def _runs_table(found: "Sequence[RunRow]") -> Table:
    return Table(
        title="Runs",
        columns=("run", "mode", "status", "strategy", "started", "ended", ">cycles", ">trades", ">value", ">return",
                 ">max drawdown"),
        rows=[
            (r.id, r.mode, r.status, r.strategy, moment(r.started), moment(r.ended), str(r.cycles), str(r.trades),
             money(r.final_value), percent(r.total_return), percent(r.max_drawdown))
            for r in found
        ],
        empty="none yet; start one with `invest run ACCOUNT`",
    )  # fmt: skip


def show_run(
    call: Call, run: Annotated[str, typer.Argument(metavar="RUN", help="ACCOUNT/RUN, or ACCOUNT/RUN/CYCLE.")]
) -> Answer:
    """Show one run with its cycles and what each guard stopped, or one cycle in full."""
    from prudent.entrypoints.cli.cycle_view import cycle_blocks, cycle_data
    from prudent.entrypoints.cli.waiting_view import waiting_answer
    from prudent.ports import RunRef

    desk = call.open()
    account, number, cycle = _parts(run)
    call.account(desk, account)
    views = desk.ledger.views
    if cycle is not None:
        if desk.ledger.cycle_row(run).status == "waiting":
            return waiting_answer(desk, run)
        record = desk.ledger.load_record(run)
        data = {**cycle_data(record), "reasoning": list(views.reasoning(run))}
        why = [f"{each.kind}: {each.text}" for each in views.reasoning(run)]
        return Answer(data=data, blocks=[*cycle_blocks(record), *why])
    row = views.run(RunRef(account=account, number=number))
    cycles = views.decisions(account, run=number, limit=100_000).rows
    guards = views.guard_counts(account, run=number)
    return Answer(
        data={"run": row, "cycles": list(cycles), "guards": list(guards)},
        blocks=[
            _runs_table([row]),
            Table(
                title="Cycles",
                columns=("cycle", "status", "started", "answer", ">orders", ">refused", "no trade because"),
                rows=[
                    (c.id, c.status, moment(c.started), c.answer, str(c.orders_planned), str(c.orders_refused),
                     ", ".join(c.no_trade_codes))
                    for c in cycles
                ],
            ),
            Table(
                title="Guards that acted",
                columns=("guard", "name", "layer", ">refusals", ">shrinks"),
                rows=[(g.guard, g.name, g.layer, str(g.refusals), str(g.shrinks)) for g in guards],
            ),
        ],
    )  # fmt: skip


def _parts(name: str) -> tuple[str, int, int | None]:
    pieces = name.split("/")
    if len(pieces) not in (2, 3) or not all(each.isdigit() for each in pieces[1:]):
        raise InputError(f"a run is ACCOUNT/RUN and a cycle ACCOUNT/RUN/CYCLE, was {name!r}; see `invest runs list`")
    return pieces[0], int(pieces[1]), int(pieces[2]) if len(pieces) == 3 else None


def orders(call: Call, *, account: AccountOption = None, run: RunOption = None, limit: LimitOption = 100) -> Answer:
    """List orders with their state and why they were made, newest first."""
    desk = call.open()
    page = desk.ledger.views.orders(_account_of_run(call, desk, account, run), run=run, limit=limit)
    return Answer(
        data=list(page.rows),
        blocks=[
            Table(
                title="Orders",
                columns=("cycle", "side", ">quantity", "symbol", "state", ">filled", "why", "message"),
                rows=[
                    (f"{o.account}/{o.run}/{o.cycle}", o.side, quantity(o.quantity), o.symbol, o.state,
                     quantity(o.filled), o.why, o.message)
                    for o in page.rows
                ],
            ),
            _of(len(page.rows), page.total),
        ],
    )  # fmt: skip


def trades(call: Call, *, account: AccountOption = None, run: RunOption = None, limit: LimitOption = 100) -> Answer:
    """List fills with price, commission and result, newest first."""
    desk = call.open()
    page = desk.ledger.views.trades(_account_of_run(call, desk, account, run), run=run, limit=limit)
    return Answer(
        data=list(page.rows),
        blocks=[
            Table(
                title="Trades",
                columns=("time", "account", "side", ">quantity", "symbol", ">price", ">commission", ">result",
                         "price is", "why"),
                rows=[
                    (moment(t.time), t.account, t.side, quantity(t.quantity), t.symbol, money(t.price),
                     money(t.commission), money(t.realised), str(t.quality).lower(), t.why)
                    for t in page.rows
                ],
            ),
            _of(len(page.rows), page.total),
        ],
    )  # fmt: skip


def _account_of_run(call: Call, desk: "Desk", account: str | None, run: int | None) -> str | None:
    if run is not None and account is None:
        raise InputError("--run needs the account whose run it is; add --account")
    return call.account(desk, account) if account else None


def _of(shown: int, total: int) -> str:
    return f"{shown} of {total}" if shown < total else f"{total} in all"


def replay(
    call: Call,
    name: Annotated[
        str, typer.Argument(metavar="CYCLE|RUN", help="ACCOUNT/RUN/CYCLE, or a whole run: ACCOUNT/RUN, ACCOUNT/bRUN.")
    ],
) -> Answer:
    """Rebuild decision, plan, verdicts and orders from the record alone and compare them byte for byte.

    Of a run every cycle; a backtest's window is also run again from what it was asked for, without asking a model.
    Exits 7 where anything differs, with the first difference named.
    """
    desk = call.open()
    return _replayed_run(desk, name) if name.count("/") == 1 else _replayed_cycle(desk, name)


def _replayed_run(desk: "Desk", name: str) -> Answer:
    from prudent.backtest.replayed import data_of, replay_run
    from prudent.entrypoints.cli.meter import metered

    with metered(f"replay of {name}") as progress:
        result = replay_run(desk, name, progress)
    problems = [Problem(code=VerificationMismatch.code, message=str(each)) for each in result.differences]
    blocks = [f"{result.cycles} cycles, {result.stages} stages rebuilt from their records"]
    if result.sessions:
        blocks.append(f"the window of {result.sessions} sessions run again: {result.rebuilt} (was {result.recorded})")
    blocks += [f"note: {each}" for each in result.notes]
    blocks.append(f"{name}: {'reproduced, byte for byte' if result.identical else 'DIFFERENT'}")
    return Answer(
        data=data_of(result), blocks=blocks, errors=problems,
        exit_code=VerificationMismatch.exit_code if problems else DONE,
    )  # fmt: skip


def _replayed_cycle(desk: "Desk", cycle: str) -> Answer:
    from prudent.pipeline.replay import replay as rebuild
    from prudent.registry import strategy_of

    record = desk.ledger.load_record(cycle)
    result = rebuild(record, strategy_of(record))
    problems = [
        Problem(
            code=VerificationMismatch.code,
            message=f"{each.stage} differs at {each.path}: recorded {each.recorded}, rebuilt {each.rebuilt}",
        )
        for each in result.differences
    ]
    verdict = "identical, byte for byte" if result.identical else "DIFFERENT"
    return Answer(
        data={
            "cycle": result.cycle, "identical": result.identical, "differences": list(result.differences),
            "stages": [{"stage": stage, "digest": digest} for stage, digest in result.stages],
        },
        blocks=[
            Table(title=f"Replay of {result.cycle}", columns=("stage", "digest"), rows=list(result.stages)),
            f"{result.cycle}: {verdict}",
        ],
        errors=problems, exit_code=VerificationMismatch.exit_code if problems else DONE,
    )  # fmt: skip


def export(
    call: Call, kind: Annotated[Kind, typer.Argument(help="What to write.")],
    *, account: AccountOption = None,
    form: Annotated[Form, typer.Option("--format", help="parquet needs the extra `parquet` and --output.")] = "csv",
    output: Annotated[Path | None, typer.Option("--output", "-o", help="A file; default standard output.")] = None,
) -> Answer:  # fmt: skip
    """Write all trades, positions or decisions for other programs."""
    from prudent.entrypoints.cli.exporting import exported

    desk = call.open()
    names = (call.account(desk, account),) if account else desk.account_ids()
    return exported(desk.ledger, kind, form, accounts=names, output=output)
