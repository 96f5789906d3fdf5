"""Runs the command line in this process and keeps what it wrote and how it ended."""

import io
import json
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from typing import Any

import typer

from prudent.entrypoints.cli.app import app as invest_app
from prudent.entrypoints.cli.border import main


@dataclass(frozen=True)
class Ended:
    """How a command ended."""

    code: int
    out: str
    err: str

    @property
    def document(self) -> dict[str, Any]:
        """The one JSON document on standard output."""
        found = json.loads(self.out)
        assert isinstance(found, dict)
        return found

    @property
    def data(self) -> Any:
        return self.document["data"]


def run(app: typer.Typer, *args: str) -> Ended:
    out, err = io.StringIO(), io.StringIO()
    with redirect_stdout(out), redirect_stderr(err):
        code = main(app, args)
    return Ended(code, out.getvalue(), err.getvalue())


def invest(*args: str) -> Ended:
    """`invest` with these arguments."""
    return run(invest_app, *args)
