"""The command that writes the tear sheet of a run or an account."""

import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from prudent.domain.errors import InputError
from prudent.entrypoints.cli.answer import Answer
from prudent.entrypoints.cli.border import Call, command

if TYPE_CHECKING:
    from prudent.domain.performance import Metrics, RunBook
    from prudent.tearsheet import Extras

Form = Literal["html", "json", "md"]
REPORTS = "reports"
STANDARD_OUTPUT = Path("-")


def register(app: typer.Typer) -> None:
    """Add the command of this module."""
    command(app, "report")(report)


def report(
    call: Call,
    name: Annotated[str, typer.Argument(metavar="RUN|ACCOUNT", help="ACCOUNT/N, ACCOUNT/bN of a backtest, ACCOUNT.")],
    *,
    form: Annotated[Form, typer.Option("--format", help="A page to read or print, figures, or plain text.")] = "html",
    out: Annotated[
        Path | None, typer.Option("--out", "-o", metavar="FILE", help="Where to write; - is standard output.")
    ] = None,
) -> Answer:
    """Write the tear sheet of a run, or of an account, as one file that needs nothing else."""
    from prudent.analytics.metrics import measure
    from prudent.backtest.beside import extras_of
    from prudent.backtest.books import run_book
    from prudent.backtest.places import own_folder

    desk = call.open()
    call.account(desk, name.split("/")[0])
    book = run_book(desk, name)
    extras = extras_of(desk, book)
    figures = measure(book.nav, book.fills, benchmark=book.benchmark, splits=extras.splits)
    written = sheet_text(book, figures, extras, form)
    if out == STANDARD_OUTPUT:
        return Answer(data={"id": book.id, "format": form, "text": written}, raw=written)
    path = own_folder(desk) / REPORTS / file_name(book.id, form) if out is None else out
    return saved(path, written, book.id, form)


def sheet_text(book: "RunBook", figures: "Metrics", extras: "Extras", form: Form) -> str:
    """The tear sheet in one of its three forms."""
    from prudent.tearsheet import as_json, as_markdown, tear_sheet

    return {"html": tear_sheet, "json": as_json, "md": as_markdown}[form](book, figures, extras)


def file_name(run: str, form: Form) -> str:
    """`core/b1` as `core-b1.html`, and nothing that leads to another folder."""
    return f"{re.sub(r'[^A-Za-z0-9_.-]', '-', run).lstrip('.')}.{form}"


def saved(path: Path, written: str, run: str, form: Form) -> Answer:
    """Write the file whole and say where it is.

    Raises:
        InputError: the path is a folder.
        StoreError: the disk refuses; an older file is untouched.
    """
    from prudent.ledger.files import write_whole

    if path.is_dir():
        raise InputError(f"--out must be a file, was the folder {path}; add a name such as {file_name(run, form)}")
    content = written.encode()
    write_whole(path, content)
    return Answer(
        data={"id": run, "format": form, "path": str(path), "bytes": len(content)},
        blocks=[f"wrote the tear sheet of {run} to {path}"],
    )
