"""Commands that bring in what other programs keep: import invest-research."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from prudent.domain.errors import InputError
from prudent.entrypoints.cli.answer import Answer
from prudent.entrypoints.cli.border import Call, command

if TYPE_CHECKING:
    from prudent.entrypoints.cli.importing_research import Imported

HEAD = "# Imported from invest-research; every change starts the next run. Limits are written 5% or 0.05.\n"


def register(app: typer.Typer) -> None:
    """Add the group `import`."""
    group = typer.Typer(no_args_is_help=True, help="What other programs keep, brought in.")
    app.add_typer(group, name="import")
    command(group, "invest-research", group="import")(invest_research)


def invest_research(
    call: Call,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="Its config.yaml.")],
    *, dry_run: Annotated[bool, typer.Option("--dry-run", help="Show what would be written; write nothing.")] = False,
) -> Answer:  # fmt: skip
    """Turn the accounts of a configuration of invest-research into files under config/accounts.

    What was not understood is listed key by key. No money moves, and an account that exists is never overwritten.
    """
    from prudent.entrypoints.cli.importing_research import read_research
    from prudent.settings import load_settings

    home = call.folder()
    settings = load_settings(home).settings
    models = {name: each.model for name, each in settings.language.models.items()}
    found = read_research(file, models=models)
    there = [each.id for each in found.accounts if each.id in settings.accounts]
    if there:
        raise InputError(
            f"accounts must be new, {', '.join(there)} exist already; rename them in the file, or import into a home "
            "made with `invest init --empty`"
        )
    for each in found.accounts:
        _checked(each)
    paths = [home / "config" / "accounts" / f"{each.id}.yaml" for each in found.accounts]
    if not dry_run:
        for path, each in zip(paths, found.accounts):
            _write(path, each)
    left = [*found.left, *(f"{each.id}: {key}" for each in found.accounts for key in each.left)]
    notes = [f"{each.id}: {note}" for each in found.accounts for note in each.notes]
    said = "would be written" if dry_run else "written"
    return Answer(
        data={
            "accounts": [{"id": each.id, "path": str(path), "mandate": each.document}
                         for path, each in zip(paths, found.accounts)],
            "written": not dry_run, "not_understood": left, "notes": notes,
        },
        blocks=[
            "\n  ".join((f"{len(paths)} accounts {said}:", *map(str, paths))),
            "\n  ".join((f"not understood, and left out ({len(left)}):", *(left or ["nothing"]))),
            *(["\n  ".join(("to know:", *notes))] if notes else []),
            "next: look at the files, `invest config validate`, then `invest accounts add ID --cash AMOUNT` for each",
        ],
    )  # fmt: skip


def _checked(each: "Imported") -> None:
    """Nothing is written that our own settings refuse."""
    from pydantic import ValidationError

    from prudent.settings import AccountSettings

    try:
        AccountSettings.model_validate(each.document)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"])) or "the account"
        raise InputError(f"account {each.id}: {where} {first['msg']}; correct it in the file") from error


def _write(path: Path, each: "Imported") -> None:
    import yaml

    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_suffix(".part")
    part.write_text(HEAD + yaml.safe_dump(each.document, sort_keys=False, allow_unicode=True), encoding="utf-8")
    part.replace(path)
