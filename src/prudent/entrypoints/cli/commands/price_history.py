"""Commands on price history: data download, list and verify."""

from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from prudent.domain.errors import InputError, VerificationMismatch
from prudent.domain.instruments import normalise_symbol
from prudent.entrypoints.cli.answer import DONE, Answer, Problem, Table
from prudent.entrypoints.cli.border import Call, command

if TYPE_CHECKING:
    from collections.abc import Sequence

    from prudent.bootstrap import Desk
    from prudent.marketdata.downloads import Kept
    from prudent.marketdata.inventory import Stock
    from prudent.marketdata.tape import ColumnSource

DAY = ["%Y-%m-%d"]
COLUMNS = ("symbol", "first", "last", ">rows", ">missing", "holes", "quality")


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    group = typer.Typer(help="Price history for backtests: download it, list it, verify it.", no_args_is_help=True)
    app.add_typer(group, name="data")
    command(group, "download", group="data")(download)
    command(group, "list", group="data")(list_)
    command(group, "verify", group="data")(verify)


def download(
    call: Call,
    symbols: Annotated[list[str], typer.Argument(metavar="SYMBOL...", help="What to ask for, e.g. AAPL BRK.B SPY.")],
    *, first: Annotated[datetime, typer.Option("--from", formats=DAY, metavar="DATE", help="First day.")],
    last: Annotated[
        datetime | None, typer.Option("--to", formats=DAY, metavar="DATE", help="Last day; default the last session.")
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace files that are there.")] = False,
) -> Answer:  # fmt: skip
    """Get raw daily prices, dividends and splits from Yahoo into the home's data/history.

    A file that holds the window is kept; an outage (exit 4) leaves whole files only.
    """
    from prudent.clock import SystemClock
    from prudent.marketdata.downloads import FOLDER, HistoryFolder

    desk = call.open()
    names = list(dict.fromkeys(normalise_symbol(each) for each in symbols))
    folder = HistoryFolder(desk.home / FOLDER, desk.calendar)
    done = folder.download(
        names, first.date(), None if last is None else last.date(), now=SystemClock().now(), force=force
    )
    call.warnings += [line for each in done.written for line in _oddities(each)]
    hint = [] if _reads(desk, folder.folder) else [f"to trade on it: `data: {{source: files, path: {FOLDER}}}`"]
    return Answer(
        data={"folder": str(folder.folder), "written": done.written, "kept": done.kept},
        blocks=[
            Table(
                title="Written", columns=("symbol", "first", "last", ">rows"), empty="nothing, all was there",
                rows=[(e.symbol, str(e.first), str(e.last), str(e.rows)) for e in done.written],
            ),
            *([f"kept: {', '.join(each.symbol for each in done.kept)}"] if done.kept else []),
            f"in {folder.folder}", *hint,
        ],
    )  # fmt: skip


def list_(
    call: Call,
    symbols: Annotated[list[str] | None, typer.Argument(metavar="SYMBOL...", help="Default: every symbol.")] = None,
) -> Answer:  # fmt: skip
    """Show what the home's source and its downloaded history have of each symbol."""
    from prudent.marketdata.inventory import inventory

    desk = call.open()
    wanted = {normalise_symbol(each) for each in symbols or ()}
    shown = {
        name: tuple(inventory(source, [s for s in known if not wanted or s in wanted], calendar=desk.calendar))
        for name, (source, known) in _sources(desk).items()
    }
    unknown = wanted - {stock.symbol for stocks in shown.values() for stock in stocks}
    if unknown:
        raise InputError(f"no source here has {', '.join(sorted(unknown))}; correct or download them")
    blocks: list[str | Table] = [_table(name, stocks) for name, stocks in shown.items()]
    if desk.loaded.settings.data.source == "yahoo":
        blocks.append("the home's source is yahoo, which is asked when it is needed")
    return Answer(data=shown, blocks=blocks or ["no price history here; get some with `invest data download`"])


def verify(
    call: Call,
    folder: Annotated[Path | None, typer.Argument(metavar="FOLDER", help="Default: all that the home reads.")] = None,
) -> Answer:  # fmt: skip
    """Check price files against their manifest, the calendar and plain sense; exits 7 where one is not sound."""
    from prudent.marketdata.soundness import check_folder

    desk = call.open()
    folders = [folder] if folder is not None else list(_folders(desk).values())
    if not folders:
        raise InputError("there must be price files to verify, the home has none; run `invest data download`")
    found = {str(each): check_folder(each, desk.calendar) for each in folders}
    problems = [
        Problem(code=VerificationMismatch.code, message=f"{Path(name) / each.file}: {fault}")
        for name, checked in found.items()
        for each in checked
        for fault in each.faults
    ]
    blocks = [
        Table(
            title=name, columns=("file", ">rows", "faults"),
            rows=[(each.file, str(each.rows), str(len(each.faults) or "none")) for each in checked],
        )
        for name, checked in found.items()
    ]  # fmt: skip
    return Answer(
        data=found, blocks=blocks, errors=problems,
        exit_code=VerificationMismatch.exit_code if problems else DONE,
    )  # fmt: skip


def _oddities(kept: "Kept") -> list[str]:
    said = [f"hole: {hole}" for hole in kept.holes]
    if kept.widened:
        said.append(f"{kept.symbol}: {kept.widened} rows had a price outside their range, which was widened")
    if kept.left_out:
        said.append(f"{kept.symbol}: {kept.left_out} rows were on no session or doubled and were left out")
    if kept.first > _next_week(kept.asked.first):
        said.append(f"{kept.symbol} begins on {kept.first}, was asked for from {kept.asked.first}")
    return said


def _next_week(day: date) -> date:
    return date.fromordinal(day.toordinal() + 7)


def _folders(desk: "Desk") -> dict[str, Path]:
    """Folders of price files by name: that of the source `files`, and downloaded history where it is another one."""
    from prudent.marketdata.downloads import FOLDER

    found: dict[str, Path] = {}
    settings = desk.loaded.settings.data
    if settings.source == "files" and settings.path is not None:
        found["files"] = desk.home / settings.path
    history = desk.home / FOLDER
    if history.is_dir() and not _reads(desk, history):
        found["history"] = history
    return found


def _reads(desk: "Desk", folder: Path) -> bool:
    settings = desk.loaded.settings.data
    path = settings.path
    return settings.source == "files" and path is not None and (desk.home / path).resolve() == folder.resolve()


def _sources(desk: "Desk") -> "dict[str, tuple[ColumnSource, Sequence[str]]]":
    from prudent.marketdata.raw_prices import RawFileSource
    from prudent.marketdata.sample_series import shipped_source

    found: dict[str, tuple[ColumnSource, Sequence[str]]] = {}
    if desk.loaded.settings.data.source == "sample":
        sample = shipped_source()
        found["sample"] = (sample, sample.symbols)
    for name, folder in _folders(desk).items():
        files = RawFileSource(desk.calendar, folder)
        found[name] = (files, files.symbols)
    return found


def _table(name: str, stocks: "Sequence[Stock]") -> Table:
    return Table(
        title=name, columns=COLUMNS,
        rows=[
            (s.symbol, str(s.first), str(s.last), str(s.rows), str(s.missing), "; ".join(s.holes) or "none",
             str(s.quality).lower())
            for s in stocks
        ],
        empty="no symbol",
    )  # fmt: skip
