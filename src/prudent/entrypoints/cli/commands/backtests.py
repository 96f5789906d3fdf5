"""Commands that test an account on history: `backtest`, and the list of what was tested."""

from datetime import date
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Annotated, Literal

import typer
from typer import _click
from typer.core import TyperGroup

from prudent.domain.errors import InputError
from prudent.entrypoints.cli.answer import PARTIAL, Answer, Table, moment
from prudent.entrypoints.cli.border import Call, command

if TYPE_CHECKING:
    from prudent.backtest.request import Request
    from prudent.backtest.run import Prepared
    from prudent.bootstrap import Desk
    from prudent.domain.performance import RunBook
    from prudent.ledger.backtests import BacktestRow

CadenceName = Literal["account", "daily", "weekly", "monthly", "30min", "5min", "1min"]
SessionName = Literal["pre", "regular", "after"]
FillName = Literal["next_open", "next_close"]
PathName = Literal["auto", "rows", "columns"]


class _ListsByDefault(TyperGroup):
    """`invest backtests [ACCOUNT]` is `invest backtests list [ACCOUNT]`."""

    def parse_args(self, ctx: _click.Context, args: list[str]) -> list[str]:
        given = args[0] if args else ""
        if given not in (*self.commands, "-h", "--help"):
            args = ["list", *args]
        return super().parse_args(ctx, args)


def register(app: typer.Typer) -> None:
    """Add `backtest`, and the group `backtests`."""
    from prudent.entrypoints.cli.commands import backtest_ledger

    command(app, "backtest")(backtest)
    group = typer.Typer(cls=_ListsByDefault, help="Every backtest that was begun; the list, and a look into one.")
    app.add_typer(group, name="backtests")
    command(group, "list", title="backtests")(backtests)
    backtest_ledger.register(group)


def backtest(  # noqa: PLR0913 - a parameter is an option of the command line
    call: Call,
    account: Annotated[str, typer.Argument(metavar="ACCOUNT", help="The account whose strategy is tested.")],
    *,
    first: Annotated[str, typer.Option("--from", metavar="DAY", help="The first session, like 2015-01-01.")],
    last: Annotated[str, typer.Option("--to", metavar="DAY", help="The last session.")],
    cadence: Annotated[CadenceName, typer.Option("--cadence", help="How often it decides.")] = "account",
    session: Annotated[
        SessionName, typer.Option("--session", help="The part of the day in which a cadence of minutes decides.")
    ] = "regular",
    fill: Annotated[FillName, typer.Option("--fill", help="Which price of the next session it gets.")] = "next_open",
    cash: Annotated[str, typer.Option("--initial-cash", help="What the account begins with.")] = "10000",
    benchmark: Annotated[str, typer.Option("--benchmark", help="What it is measured against.")] = "SPY",
    anonymise: Annotated[
        str, typer.Option("--anonymise", help="What is hidden from the model: dates,tickers,prices.")
    ] = "",
    seeds: Annotated[int, typer.Option("--seeds", min=1, max=100, help="Repeats, each with its own seed.")] = 1,
    cache: Annotated[
        Literal["prompt", "none"] | None, typer.Option("--cache", help="Whether unchanged prompts are asked again.")
    ] = None,
    path: Annotated[
        PathName, typer.Option("--path", help="Worked out in columns, or cycle by cycle in rows: the same to the cent.")
    ] = "auto",
    open_seal: Annotated[
        bool, typer.Option("--open-seal", help="Look into the sealed last window: once for a version of a strategy.")
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Go on although a model costs time or money.")] = False,
) -> Answer:
    """Test an account on history, with the pipeline that trades: decide on what was known, trade a session later.

    An account whose targets are the same on every day, without exits and rules, is worked out in columns: the same
    values and fills to the cent, sooner.
    """
    from prudent.backtest.estimate import check_budget, estimate
    from prudent.backtest.request import RunPath
    from prudent.backtest.run import Playing, with_seed
    from prudent.backtest.run import backtest as run
    from prudent.backtest.running import close_dead
    from prudent.entrypoints.cli.confirm import require_yes
    from prudent.entrypoints.cli.meter import metered

    desk = call.open(**({} if cache is None else {"language.cache": cache}))
    close_dead(desk)
    request = _request(call, desk, account, first=first, last=last, cadence=cadence, fill=fill, cash=cash,
                       benchmark=benchmark, anonymise=anonymise, session=session)  # fmt: skip
    prepared = _prepared(desk, request)
    expected = estimate(desk, prepared, repeats=seeds)
    if expected is not None:
        check_budget(desk, expected)
        require_yes(f"This backtest asks for {expected.in_words()}.", yes=yes)
    books = []
    for seed in range(seeds):
        with metered(f"backtest of {account}") as progress:
            playing = Playing(progress=progress, open_seal=open_seal, path=RunPath(path))
            books.append(run(desk, with_seed(prepared, desk, seed), playing))
    return _answer(desk, books)


def _request(  # noqa: PLR0913 - one keyword per option
    call: Call, desk: "Desk", account: str, *, first: str, last: str, cadence: str, fill: str, cash: str,
    benchmark: str, anonymise: str, session: str = "regular",
) -> "Request":  # fmt: skip
    from prudent.backtest.request import Cadence, FillAt, Request
    from prudent.marketdata.hours import Hours

    name = call.account(desk, account)
    return Request(
        mandate=desk.mandate(name), rules=desk.ledger.rules(name) if desk.is_open_account(name) else (),
        first=day_given(first, "--from"), last=day_given(last, "--to"), cadence=Cadence(cadence), fill=FillAt(fill),
        cash=_money(cash), benchmark=benchmark.upper(), anonymise=_hidden(anonymise),
        schedule=desk.loaded.settings.accounts[name].schedule, session=Hours(session),
    )  # fmt: skip


def _prepared(desk: "Desk", request: "Request") -> "Prepared":
    from prudent.backtest.run import prepare

    return prepare(desk, request)


def _answer(desk: "Desk", books: "list[RunBook]") -> Answer:
    from prudent.backtest.beside import beside_of
    from prudent.entrypoints.cli.backtest_view import (
        beside_data,
        book_blocks,
        book_data,
        noise_blocks,
        noise_of,
        repeats_blocks,
    )
    from prudent.entrypoints.cli.meter import metered

    with metered(f"the rules for {books[0].account}") as progress:
        beside = beside_of(desk, books[0], most=None, progress=progress)
    blocks = book_blocks(desk, books[0], beside)
    data: dict[str, object] = book_data(desk, books[0]) | beside_data(beside)
    if len(books) > 1:
        noise = noise_of(desk, books)
        blocks = [*blocks, *repeats_blocks(books), *noise_blocks(noise)]
        data = {"repeats": [book_data(desk, book) for book in books], "noise": noise, **beside_data(beside)}
    partial = any(book.partial for book in books)
    return Answer(
        data=data,
        blocks=blocks, warnings=tuple(dict.fromkeys(each for book in books for each in book.warnings)),
        exit_code=PARTIAL if partial else 0,
    )  # fmt: skip


def backtests(
    call: Call, account: Annotated[str | None, typer.Argument(metavar="ACCOUNT", help="Only this account.")] = None
) -> Answer:
    """List every backtest that was begun, newest first; none is ever taken away, for each counts as a look."""
    from prudent.backtest.running import close_dead

    desk = call.open()
    close_dead(desk)
    rows = desk.ledger.backtests.listed(call.account(desk, account) if account else None)
    return Answer(data=[row_data(each) for each in rows], blocks=[rows_table(rows)])


def rows_table(rows: "tuple[BacktestRow, ...]") -> Table:
    return Table(
        title="Backtests",
        columns=(
            "run", "status", "begun", "window", "cadence", ">return", ">Sharpe", ">max drawdown", "evidence", "note",
        ),
        rows=[
            (
                row.id, str(row.status), moment(row.created), f"{row.first} to {row.last}", row.cadence,
                _figure(row, "total_return", percent=True), _figure(row, "sharpe"),
                _figure(row, "max_drawdown", percent=True), row.evidence, row.note[:60],
            )
            for row in rows
        ],
        empty="none yet; run one with `invest backtest ACCOUNT --from DAY --to DAY`",
    )  # fmt: skip


def row_data(row: "BacktestRow") -> dict[str, object]:
    return {
        "id": row.id, "status": str(row.status), "created": row.created, "finished": row.finished, "source": row.source,
        "first": row.first, "last": row.last, "cadence": row.cadence, "fill": row.fill, "model": row.model,
        "strategy_version": row.strategy_version, "data_hash": row.data_hash, "evidence": row.evidence,
        "opened_seal": row.opened_seal, "note": row.note, "sweep": row.sweep, "summary": dict(row.summary),
    }  # fmt: skip


def _figure(row: "BacktestRow", name: str, *, percent: bool = False) -> str:
    value = row.summary.get(name)
    if not isinstance(value, str):
        return "—"
    return f"{float(value):.2%}" if percent else f"{float(value):.2f}"


def day_given(text: str, option: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise InputError(f"{option} must be a date like 2015-01-31, was {text!r}; correct it") from None


def _money(text: str) -> Decimal:
    try:
        return Decimal(text)
    except InvalidOperation:
        raise InputError(f"--initial-cash must be an amount like 10000, was {text!r}; correct it") from None


def _hidden(text: str) -> tuple[str, ...]:
    known = ("dates", "tickers", "prices")
    found = tuple(part.strip() for part in text.split(",") if part.strip())
    wrong = [part for part in found if part not in known]
    if wrong:
        raise InputError(f"--anonymise must name {', '.join(known)}, was {', '.join(wrong)!r}; correct it")
    return tuple(each for each in known if each in found)
