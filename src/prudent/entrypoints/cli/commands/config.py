"""Commands of the configuration: show, validate and schema."""

import json
from typing import TYPE_CHECKING, Annotated

import typer

from prudent.entrypoints.cli.answer import Answer, Table
from prudent.entrypoints.cli.border import Call, command

if TYPE_CHECKING:
    from collections.abc import Iterator

    from prudent.domain.records import Json
    from prudent.settings import Loaded


def register(app: typer.Typer) -> None:
    """Add the group `config`."""
    group = typer.Typer(no_args_is_help=True, help="invest.yaml, the environment, and what they come to.")
    app.add_typer(group, name="config")
    command(group, "show", group="config")(show)
    command(group, "validate", group="config")(validate)
    command(group, "schema", group="config")(schema)


def show(
    call: Call,
    *,
    origin: Annotated[bool, typer.Option("--origin", help="Also say where each value comes from.")] = False,
) -> Answer:
    """Show every setting in force, and of each custom rule what enforces it or that nothing does.

    Secrets show as REDACTED.
    """
    from prudent.settings import load_settings, rows

    loaded = load_settings(call.folder())
    found = [*rows(loaded), *_custom(loaded)]
    last = 3 if origin else 2
    columns = ("key", "value", "origin")[:last]
    data = [dict(zip(columns, row)) for row in found]
    shown = [(key, value if isinstance(value, str) else json.dumps(value), place)[:last] for key, value, place in found]
    return Answer(data=data, blocks=[Table(title="", columns=columns, rows=shown)], warnings=loaded.warnings)


def _custom(loaded: "Loaded") -> "Iterator[tuple[str, Json, str]]":
    """The custom rules of each account as what code makes of them."""
    from prudent.guards.wishes import wishes

    for account, own in loaded.settings.accounts.items():
        for number, wish in enumerate(wishes(own.mandate(account)), 1):
            yield f"accounts.{account}.custom_rules[{number}]", f"{wish.text} ({wish.mark})", "compiled"


def validate(call: Call) -> Answer:
    """Check the configuration; exits 3 with every problem at once, each with its file and line."""
    from prudent.registry import strategy
    from prudent.settings import load_settings

    loaded = load_settings(call.folder())
    settings = loaded.settings
    for account in settings.accounts.values():
        if account.enabled:
            strategy(account.strategy)
    named = ", ".join(settings.accounts) or "none"
    return Answer(
        data={"home": str(loaded.home), "mode": settings.effective_mode, "accounts": list(settings.accounts)},
        blocks=[f"the configuration of {loaded.home} is valid: mode {settings.effective_mode}, accounts {named}"],
        warnings=loaded.warnings,
    )


def schema() -> Answer:
    """Print the JSON Schema of invest.yaml, for editors."""
    from prudent.settings import json_schema

    found = json_schema()
    return Answer(data=json.loads(json.dumps(found), parse_float=str), raw=json.dumps(found, indent=2) + "\n")
