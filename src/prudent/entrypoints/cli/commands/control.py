"""Commands that stop and let go: halt, resume and cancel-all."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from prudent.domain.errors import DeskError, InputError
from prudent.domain.instruments import normalise_symbol
from prudent.entrypoints.cli.answer import Answer, Problem, Table, quantity
from prudent.entrypoints.cli.border import Call, command
from prudent.entrypoints.cli.confirm import require_typed

if TYPE_CHECKING:
    from collections.abc import Sequence

    from prudent.bootstrap import Desk
    from prudent.domain.orders import OrderReport
    from prudent.workflows.control import Scope

AccountOption = Annotated[str | None, typer.Option("--account", help="Only this account.")]
SymbolOption = Annotated[str | None, typer.Option("--symbol", help="Only this symbol.")]
ReasonOption = Annotated[str, typer.Option("--reason", help="Why, for the audit.")]


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    command(app, "halt")(halt)
    command(app, "resume")(resume)
    command(app, "cancel-all")(cancel_all)


def halt(
    call: Call, *, account: AccountOption = None, symbol: SymbolOption = None,
    reduce_only: Annotated[bool, typer.Option("--reduce-only", help="Let orders that reduce risk still pass.")] = False,
    reason: ReasonOption = "halted by hand",
) -> Answer:  # fmt: skip
    """Stop trading at once and cancel our own orders; with --reduce-only nothing new may be opened.

    Without --account and --symbol it stops the whole platform, for every process of this home.
    """
    from prudent.access.authority import Act
    from prudent.domain.accounts import TradingState
    from prudent.entrypoints.cli.acting import acting
    from prudent.workflows.control import halt as stop

    try:
        desk = call.open()
    except DeskError as error:
        if account or symbol or reduce_only or not call.folder().is_dir():
            raise
        return _killed_only(call.folder(), reason, error)
    scope = _scope(call, desk, account, symbol)
    acting(desk, Act.HALT, scope.account)
    state = TradingState.REDUCING if reduce_only else TradingState.HALTED
    cancelled = stop(desk, scope, state=state, reason=reason)
    return Answer(
        data={"scope": str(scope), "state": state, "reason": reason, "cancelled": [_cancelled(c) for c in cancelled]},
        blocks=[
            f"{scope} is {state}: {reason}", _cancelled_table(cancelled),
            f"undo it with `invest resume{scope.options}`",
        ],
    )


def _killed_only(home: Path, reason: str, error: DeskError) -> Answer:
    """A home that cannot be opened is still stopped: every process looks at the file before each submit."""
    from prudent.bootstrap import KILL_FILE

    (home / KILL_FILE).write_text(reason + "\n", encoding="utf-8")
    return Answer(
        data={"scope": "the whole platform", "state": "HALTED", "reason": reason, "cancelled": []},
        blocks=[f"{home / KILL_FILE} is set, nothing more is sent; open orders were not cancelled"],
        errors=[Problem(code=error.code, message=str(error))],
        exit_code=error.exit_code,
    )


def resume(
    call: Call, *, account: AccountOption = None, symbol: SymbolOption = None,
    reason: ReasonOption = "resumed by hand",
    user: Annotated[str | None, typer.Option("--user", metavar="NAME", help="Who you are, by password.")] = None,
) -> Answer:  # fmt: skip
    """Back to ACTIVE in the scope given; other scopes keep their state, and latches of losses hold on."""
    from prudent.access.authority import Act
    from prudent.domain.accounts import TradingState
    from prudent.entrypoints.cli.acting import acting
    from prudent.workflows.control import resume as let_go
    from prudent.workflows.locks import locks

    desk = call.open()
    scope = _scope(call, desk, account, symbol)
    acting(desk, Act.RESUME, scope.account, user=user)
    let_go(desk, scope, reason=reason)
    left = [each for each in locks(desk) if scope.account in ("", each.account)]
    call.warnings += [f"still locked: {each.line}" for each in left]
    data = {"scope": str(scope), "state": TradingState.ACTIVE, "reason": reason}
    return Answer(data=data, blocks=[f"{scope} is ACTIVE: {reason}"])


def cancel_all(
    call: Call, *, account: AccountOption = None,
    everyones: Annotated[bool, typer.Option("--global", help="Also orders of other clients and by hand.")] = False,
    confirm: Annotated[str | None, typer.Option("--confirm", metavar="ACCOUNT", help="Needed with --global.")] = None,
) -> Answer:  # fmt: skip
    """Cancel our own live orders; --global cancels every client's and needs a typed confirmation."""
    from prudent.workflows.control import traded
    from prudent.workflows.wherever import cancel_wherever

    desk = call.open()
    accounts = (call.account(desk, account),) if account else traded(desk)
    if everyones:
        if len(accounts) != 1:
            raise InputError(f"--global must name one account, was asked for {len(accounts)}; add --account ID")
        require_typed(accounts[0], confirm, act=f"cancelling every order of {accounts[0]}, other people's too,")
    cancelled = cancel_wherever(desk, accounts, everyones=everyones)
    return Answer(data=[_cancelled(each) for each in cancelled], blocks=[_cancelled_table(cancelled)])


def _scope(call: Call, desk: "Desk", account: str | None, symbol: str | None) -> "Scope":
    from prudent.workflows.control import Scope

    return Scope(
        account=call.account(desk, account) if account else "", symbol=normalise_symbol(symbol) if symbol else ""
    )


def _cancelled(report: "OrderReport") -> dict[str, object]:
    return {
        "id": report.order_ref, "symbol": report.symbol, "side": report.side, "quantity": report.quantity,
        "filled": report.filled, "status": report.status, "message": report.message,
    }  # fmt: skip


def _cancelled_table(cancelled: "Sequence[OrderReport]") -> Table:
    return Table(
        title="Cancelled",
        columns=("order", "side", ">quantity", "symbol", "status", ">filled"),
        rows=[(r.order_ref, r.side, quantity(r.quantity), r.symbol, r.status, quantity(r.filled)) for r in cancelled],
        empty="no open order",
    )
