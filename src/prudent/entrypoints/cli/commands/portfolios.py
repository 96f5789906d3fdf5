"""Commands about the saved target portfolios: list, show, add and remove."""

import json
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from prudent.domain.errors import InputError
from prudent.domain.instruments import CASH
from prudent.entrypoints.cli.answer import Answer, Table, percent, quantity
from prudent.entrypoints.cli.border import Call, command
from prudent.entrypoints.cli.commands.planning import UnitOption
from prudent.entrypoints.cli.confirm import require_yes
from prudent.entrypoints.cli.csv_tables import read_text

if TYPE_CHECKING:
    from prudent.strategies.target_weights import Portfolio

NameArgument = Annotated[str, typer.Argument(metavar="NAME", help="The portfolio's name, without .json.")]


def register(app: typer.Typer) -> None:
    """Add the group `portfolios`."""
    group = typer.Typer(no_args_is_help=True, help="Target portfolios saved in the home's json folder.")
    app.add_typer(group, name="portfolios")
    command(group, "list", group="portfolios")(list_portfolios)
    command(group, "show", group="portfolios")(show)
    command(group, "add", group="portfolios")(add)
    command(group, "remove", group="portfolios")(remove)


def list_portfolios(call: Call) -> Answer:
    """List the saved portfolios."""
    from prudent.entrypoints.cli import portfolios as saved

    data: list[dict[str, object]] = []
    for name in saved.names(call.folder()):
        try:
            found = _read(saved.path_of(call.folder(), name))
        except InputError as error:
            call.warnings.append(str(error))
            continue
        data.append({"name": name, "rows": len(found.rows) or len(found.signals), "sum": _sum(found)})
    return Answer(
        data=data,
        blocks=[
            Table(
                title="Portfolios", columns=("name", ">rows", ">sum"),
                rows=[(str(row["name"]), str(row["rows"]), percent(row["sum"])) for row in data],
                empty="none yet; add one with `invest portfolios add NAME FILE`",
            )
        ],
    )  # fmt: skip


def show(call: Call, name: NameArgument) -> Answer:
    """Show a saved portfolio's rows, weights as percent."""
    from prudent.entrypoints.cli import portfolios as saved

    found = _read(saved.path_of(call.folder(), name))
    if found.signals:
        rows = [(each.symbol, quantity(each.score)) for each in found.signals]
        data: dict[str, object] = {"name": name, "signals": list(found.signals)}
    else:
        rows = [(each.symbol, percent(each.weight)) for each in found.rows]
        data = {"name": name, "targets": list(found.rows), "sum": _sum(found)}
    columns = ("symbol", ">score" if found.signals else ">weight")
    return Answer(data=data, blocks=[Table(title=name, columns=columns, rows=rows)])


def add(
    call: Call, name: NameArgument,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The JSON to keep; `-` is standard input.")],
    *, unit: UnitOption = None,
    replace: Annotated[bool, typer.Option("--replace", help="Replace a portfolio of that name.")] = False,
) -> Answer:  # fmt: skip
    """Check a portfolio and save it; a wrong one is refused and nothing is written."""
    from prudent.domain.futures import ALIASES
    from prudent.entrypoints.cli import portfolios as saved
    from prudent.marketdata.instruments import InstrumentMaster

    text = read_text(file)
    found = _read(file, text=text, unit=unit)
    master = InstrumentMaster()
    unknown = [symbol for symbol in found.symbols if symbol not in ALIASES and master.find(symbol) is None]
    if unknown:
        raise InputError(f"{file}: symbols must be known instruments, {', '.join(unknown)} were not; correct the rows")
    path = saved.save(call.folder(), name, _with_unit(text, unit), replace=replace)
    rows = len(found.rows) or len(found.signals)
    return Answer(
        data={"name": path.stem, "path": str(path), "rows": rows, "sum": _sum(found)},
        blocks=[f"saved {path.stem} with {rows} rows as {path}"],
    )


def remove(
    call: Call, name: NameArgument, *, yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False
) -> Answer:
    """Delete a saved portfolio; one that an account follows is kept."""
    from prudent.entrypoints.cli import portfolios as saved
    from prudent.settings import load_settings

    home = call.folder()
    path = saved.path_of(home, name)
    users = [
        account
        for account, each in load_settings(home).settings.accounts.items()
        if each.targets is not None and Path(each.targets.removeprefix("signals:")).stem == path.stem
    ]
    if users:
        raise InputError(f"{path.stem} is the target of {', '.join(users)}; change the mandate's targets first")
    require_yes(f"Remove portfolio {path.stem}?", yes=yes)
    path.unlink()
    return Answer(data={"name": path.stem, "path": str(path)}, blocks=[f"removed {path}"])


def _read(path: Path, *, text: str | None = None, unit: str | None = None) -> "Portfolio":
    from prudent.domain.mandate import Mandate, Planning
    from prudent.strategies.target_weights import Unit, read_portfolio, targets_of

    found = read_portfolio(
        read_text(path) if text is None else text, name=path.name, unit=Unit(unit) if unit else None
    )
    targets_of(found, Mandate(account="any", planning=Planning(allow_short=True)))
    return found


def _with_unit(text: str, unit: str | None) -> str:
    """The file as given, or with the unit that the command line added."""
    content = json.loads(text)
    if unit is None or not isinstance(content, list):
        return text
    return json.dumps({"unit": unit, "targets": content}, indent=2) + "\n"


def _sum(found: "Portfolio") -> Decimal | None:
    return sum((row.weight for row in found.rows if row.symbol != CASH), Decimal(0)) if found.rows else None
