"""Commands about language models: models list and models test."""

from typing import TYPE_CHECKING, Annotated

import typer

from prudent.domain.errors import Temporary
from prudent.entrypoints.cli.answer import UNKNOWN, Answer, Problem, Table
from prudent.entrypoints.cli.border import Call, command

if TYPE_CHECKING:
    from prudent.workflows.models import Probe

OfferedOption = Annotated[bool, typer.Option("--offered", help="Also ask each server which models it serves.")]
NameArgument = Annotated[str | None, typer.Argument(metavar="MODEL", help="Default: every configured model.")]


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    group = typer.Typer(help="Language models that accounts may ask.", no_args_is_help=True)
    app.add_typer(group, name="models")
    command(group, "list", group="models")(listed)
    command(group, "test", group="models")(ask_each)


def listed(call: Call, *, offered: OfferedOption = False) -> Answer:
    """Show the configured models, who asks them, and with --offered what their servers serve."""
    from prudent.workflows.models import models, offers

    desk = call.open()
    rows = models(desk)
    found = list(offers(desk)) if offered else []
    blocks: list[str | Table] = [
        Table(
            title="Models",
            columns=("model", "kind", "served as", "server", "fallback", ">$/M in", ">$/M out", "asked by"),
            rows=[
                (
                    m.name, m.kind, m.served, m.server or "here", m.fallback or UNKNOWN, f"{m.price_in:f}",
                    f"{m.price_out:f}", ", ".join(m.accounts) or UNKNOWN,
                )
                for m in rows
            ],
        )
    ]  # fmt: skip
    if offered:
        lines = [(o.server, ", ".join(o.models) or o.why_not or "no model") for o in found]
        blocks.append(
            Table(title="Offered", columns=("server", "models"), rows=lines, empty="no model names a server")
        )
    return Answer(data={"models": rows, "offered": found}, blocks=blocks)


def ask_each(call: Call, model: NameArgument = None) -> Answer:
    """Ask each configured model one tiny question; exit code 4 if one of them gives no answer that can be read."""
    from prudent.workflows.models import models, probe

    desk = call.open()
    names = [row.name for row in models(desk)] if model is None else [model]
    found = [probe(desk, name) for name in names]
    failed = [each for each in found if each.why_not]
    return Answer(
        data=found,
        blocks=[
            Table(
                title="One tiny question", rows=[_row(each) for each in found],
                columns=("model", "answered by", "2 + 2", ">seconds", ">tokens in", ">out", "why not"),
            )
        ],
        errors=[Problem(code=each.code, message=f"{each.model}: {each.why_not}") for each in failed],
        exit_code=Temporary.exit_code if failed else 0,
    )  # fmt: skip


def _row(each: "Probe") -> tuple[str, ...]:
    counts = (each.seconds, each.tokens_in, each.tokens_out)
    numbers = (UNKNOWN if count is None else str(count) for count in counts)
    return (each.model, each.answered_by or UNKNOWN, each.answer or UNKNOWN, *numbers, each.why_not)
