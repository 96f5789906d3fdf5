"""Writing an answer: one JSON document or tables on stdout, warnings, errors and progress on stderr."""

import json
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, TextIO

from prudent.domain.records import Json
from prudent.entrypoints.cli.answer import Answer, Table

if TYPE_CHECKING:
    from rich.console import Console

PIPE_WIDTH = 220
DRY_RUN = "DRY RUN"


def write_json(command: str, answer: Answer) -> None:
    """The envelope alone on stdout; the dry-run mark goes to stderr."""
    if answer.dry_run:
        _line(sys.stderr, DRY_RUN)
    document: Json = answer.envelope(command)
    _line(sys.stdout, json.dumps(document, ensure_ascii=False, indent=2 if sys.stdout.isatty() else None))
    if answer.dry_run:
        _line(sys.stderr, DRY_RUN)


def write_text(answer: Answer, *, no_color: bool) -> None:
    """Blocks on stdout, then warnings and errors on stderr."""
    if answer.raw is not None:
        sys.stdout.write(answer.raw)
    console = _console(sys.stdout, no_color=no_color)
    if answer.dry_run:
        console.print(DRY_RUN, style="bold", markup=False, highlight=False)
    for block in answer.blocks:
        if isinstance(block, Table):
            _print_table(console, block)
        else:
            console.print(block, markup=False, highlight=False, soft_wrap=True)
    if answer.dry_run:
        console.print(DRY_RUN, style="bold", markup=False, highlight=False)
    sys.stdout.flush()
    for warning in answer.warnings:
        _line(sys.stderr, f"warning: {warning}")
    write_errors([each.message for each in answer.errors])


def write_errors(messages: Sequence[str]) -> None:
    for message in messages:
        _line(sys.stderr, f"error: {message}")


def progress(message: str) -> None:
    """One line on stderr while something takes time; nothing where nobody watches."""
    if sys.stderr.isatty():
        _line(sys.stderr, message)


def _line(stream: TextIO, text: str) -> None:
    stream.write(text + "\n")
    stream.flush()


def _console(stream: TextIO, *, no_color: bool) -> "Console":
    from rich.console import Console

    width = None if stream.isatty() else PIPE_WIDTH
    return Console(file=stream, width=width, no_color=no_color or None, emoji=False, highlight=False)


def _print_table(console: "Console", table: Table) -> None:
    from rich import box
    from rich.table import Table as RichTable
    from rich.text import Text

    if not table.rows:
        console.print(f"{table.title}: {table.empty}", markup=False, soft_wrap=True)
        return
    shown = RichTable(title=Text(table.title) if table.title else None, box=box.SIMPLE_HEAD, title_justify="left")
    for column in table.columns:
        right = column.startswith(">")
        shown.add_column(Text(column.lstrip(">")), justify="right" if right else "left", overflow="fold")
    for row in table.rows:
        shown.add_row(*(Text(cell) for cell in row))
    console.print(shown)
