"""The command `plan`: what an account would trade, or, with `--prices`, what files alone come to."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from prudent.domain.errors import InputError
from prudent.domain.mandate import Allocator, CostModel, Unlisted
from prudent.entrypoints.cli.answer import Answer
from prudent.entrypoints.cli.border import Call, command

if TYPE_CHECKING:
    from prudent.domain.records import Json

UnitOption = Annotated[
    Literal["percent", "fraction"] | None, typer.Option("--unit", help="The unit of the file's weights.")
]
CSV = "Calculator: CSV with the header "


def register(app: typer.Typer) -> None:
    """Add the command of this module."""
    command(app, "plan")(plan)


def plan(  # noqa: PLR0913 - a parameter is an option of the command line
    call: Call,
    file: Annotated[
        Path | None, typer.Argument(metavar="FILE", help="Targets as JSON; `-` is standard input.")
    ] = None,
    *,
    account: Annotated[str | None, typer.Option("--account", help="Plan for this account of the home.")] = None,
    unit: UnitOption = None,
    detailed: Annotated[
        bool, typer.Option("--detailed-exitcode", help="Exit 10, not 0, when there is something to do.")
    ] = False,
    prices: Annotated[Path | None, typer.Option("--prices", help=f"{CSV}symbol,price[,currency].")] = None,
    cash: Annotated[str | None, typer.Option("--cash", help="Calculator: the cash held, in USD.")] = None,
    positions: Annotated[Path | None, typer.Option("--positions", help=f"{CSV}symbol,quantity[,avg_cost].")] = None,
    open_orders: Annotated[Path | None, typer.Option("--open-orders", help=f"{CSV}symbol,side,quantity.")] = None,
    fx: Annotated[
        Path | None, typer.Option("--fx", help=f"{CSV}pair,rate: USD per unit of the pair's first currency.")
    ] = None,
    buffer: Annotated[
        str | None, typer.Option("--buffer", help="Calculator: share of NAV kept as cash, like 0.25%.")
    ] = None,
    unlisted: Annotated[
        Unlisted | None, typer.Option("--unlisted", help="Calculator: holdings that the targets do not name.")
    ] = None,
    allocator: Annotated[
        Allocator | None, typer.Option("--allocator", help="Calculator: how ideal quantities become lots.")
    ] = None,
    lot_size: Annotated[str | None, typer.Option("--lot-size", help="Calculator: the smallest quantity step.")] = None,
    bands: Annotated[
        str | None, typer.Option("--bands", help="Calculator: trade only outside ABSOLUTE/RELATIVE, like 5%/25%.")
    ] = None,
    rescale: Annotated[bool, typer.Option("--rescale", help="Calculator: lower a sum above 100 % to 100 %.")] = False,
    allow_partial: Annotated[
        bool, typer.Option("--allow-partial", help="Calculator: leave symbols without a price as they are.")
    ] = False,
    allow_short: Annotated[bool, typer.Option("--allow-short", help="Calculator: allow negative weights.")] = False,
    capital: Annotated[str | None, typer.Option("--capital", help="Calculator: plan with this much, not NAV.")] = None,
    fees: Annotated[
        CostModel | None, typer.Option("--fees", help="Calculator: the commission model; default none.")
    ] = None,
) -> Answer:
    """Show what would be traded and what the guards let through; nothing is stored, reserved or sent.

    With --account the mandate's own targets are used unless FILE names others. With --prices it is a calculator
    on files alone. Exits 0 whenever a plan exists, 5 when no net asset value can be computed.
    """
    options: dict[str, object] = {
        "buffer": buffer, "unlisted": unlisted, "allocator": allocator, "lot_size": lot_size, "bands": bands,
        "rescale": rescale or None, "allow_partial": allow_partial or None, "allow_short": allow_short or None,
        "capital_to_deploy": capital,
    }  # fmt: skip
    files = {"cash": cash, "positions": positions, "open_orders": open_orders, "fx": fx}
    if prices is None:
        given = [name for name, value in {**options, **files, "fees": fees}.items() if value is not None]
        if given:
            flags = ", ".join("--" + name.replace("_to_deploy", "").replace("_", "-") for name in given)
            raise InputError(f"{flags} belong to the calculator and need --prices; an account has its mandate")
        return _of_account(call, account, file, unit=unit, detailed=detailed)
    if account is not None:
        raise InputError("--account and --prices must not be given together; leave one out")
    if file is None:
        raise InputError("the calculator needs the file with the targets; run `invest plan FILE --prices prices.csv`")
    from prudent.entrypoints.cli.calculator import Files, calculate, planning_of
    from prudent.entrypoints.cli.plan_view import plan_answer

    found, report, mandate = calculate(
        Files(targets=file, prices=prices, cash=cash, positions=positions, open_orders=open_orders, fx=fx),
        planning_of(options), costs=fees or CostModel.NONE, unit=unit,
    )  # fmt: skip
    return plan_answer(found, report, detailed=detailed, limits=mandate.limits)


def _of_account(call: Call, account: str | None, file: Path | None, *, unit: str | None, detailed: bool) -> Answer:
    from prudent.entrypoints.cli.plan_view import plan_answer
    from prudent.workflows.cycle import preview

    desk = call.open()
    if account is None:
        if len(desk.account_ids()) != 1:
            known = ", ".join(desk.account_ids()) or "none yet; add one with `invest accounts add`"
            raise InputError(f"plan needs --account or --prices, had neither; accounts are {known}")
        account = desk.account_ids()[0]
    account = call.account(desk, account)
    parameters: dict[str, Json] = {}
    if file is not None:
        parameters["targets"] = str(file)
    if unit is not None:
        parameters["unit"] = unit
    found = preview(desk, account, parameters=parameters)
    return plan_answer(
        found.plan, found.report, detailed=detailed, limits=desk.mandate(account).limits, margins=found.margins
    )
