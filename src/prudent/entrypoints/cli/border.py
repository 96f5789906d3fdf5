"""The one border of the command line: wires commands, and turns every failure into a message and an exit code."""

import difflib
import functools
import inspect
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from typer import _click

from prudent.domain.errors import DeskError, InputError, StoreError
from prudent.entrypoints.cli import screen
from prudent.entrypoints.cli.answer import Answer, failed

if TYPE_CHECKING:
    from prudent.bootstrap import Desk

INTERRUPTED = 130
HomeOption = Annotated[
    Path | None,
    typer.Option("--home", metavar="FOLDER", help="The home to use; else INVEST_HOME, else the platform's."),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Answer with one JSON document on stdout.")]
NoColorOption = Annotated[bool, typer.Option("--no-color", help="No colours; NO_COLOR does the same.")]


@dataclass(slots=True)
class Call:
    """What every command is given: the home option, and where warnings gather."""

    home: Path | None
    warnings: list[str] = field(default_factory=list)

    def open(self, **overrides: str) -> "Desk":
        """The desk of the home; the warnings of its configuration are shown with the answer."""
        from prudent.bootstrap import open_desk

        desk = open_desk(self.folder(), overrides=overrides)
        self.warnings += desk.loaded.warnings
        return desk

    def account(self, desk: "Desk", name: str) -> str:
        """`name` if the desk has such an account; else `InputError` with the nearest one."""
        known = desk.account_ids()
        if name not in known:
            near = difflib.get_close_matches(name, known, n=1)
            hint = f"did you mean {near[0]}?" if near else "add one with `invest accounts add`"
            listed = ", ".join(known) or "nothing yet"
            raise InputError(f"account must be one of {listed}, was {name!r}; {hint}")
        return name

    def folder(self) -> Path:
        """The home's folder, whether or not anything is there."""
        from prudent.settings import home_dir

        return home_dir(self.home)


Action = Callable[..., Answer]


def command(app: typer.Typer, name: str, *, group: str = "") -> Callable[[Action], Action]:
    """Register `action(call, **options) -> Answer` as a command with `--home`, `--json` and `--no-color`."""
    title = f"{group} {name}".strip()

    def register(action: Action) -> Action:
        @functools.wraps(action)
        def run(*, home: Path | None, as_json: bool, no_color: bool, **options: object) -> None:
            call = Call(home=home)
            answer = _answer(lambda: action(call, **options) if takes_call else action(**options))
            answer = _marked(answer, call, dry_run=bool(options.get("dry_run")))
            if as_json:
                screen.write_json(title, answer)
            else:
                screen.write_text(answer, no_color=no_color)
            if answer.exit_code:
                raise typer.Exit(answer.exit_code)

        own = inspect.signature(action, eval_str=True).parameters
        takes_call = "call" in own
        _set_signature(run, [p for p in own.values() if p.name != "call"])
        app.command(name)(run)
        return action

    return register


def _set_signature(run: Callable[..., None], own: Sequence[inspect.Parameter]) -> None:
    keyword = inspect.Parameter.KEYWORD_ONLY
    common = [
        inspect.Parameter("home", keyword, default=None, annotation=HomeOption),
        inspect.Parameter("as_json", keyword, default=False, annotation=JsonOption),
        inspect.Parameter("no_color", keyword, default=False, annotation=NoColorOption),
    ]
    parameters = [*(p.replace(kind=keyword) for p in own), *common]
    run.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    run.__annotations__ = {p.name: p.annotation for p in parameters}


def _marked(answer: Answer, call: Call, *, dry_run: bool) -> Answer:
    warnings = tuple(dict.fromkeys((*call.warnings, *answer.warnings)))
    return replace(answer, warnings=warnings, dry_run=answer.dry_run or dry_run)


def _answer(action: Callable[[], Answer]) -> Answer:
    try:
        return action()
    except DeskError as error:
        return failed(error)
    except BrokenPipeError:
        raise
    except OSError as error:
        where = f" {error.filename}" if error.filename else ""
        return failed(StoreError(f"the system refused{where}: {error.strerror or error}; check rights and free space"))


def main(app: typer.Typer, args: Sequence[str]) -> int:
    """Run the app on `args`; the exit code of the process."""
    try:
        code = app(args=list(args), prog_name="invest", standalone_mode=False)
    except _click.exceptions.ClickException as error:
        return _usage(error, args)
    except (typer.Abort, KeyboardInterrupt):
        screen.write_errors(["interrupted"])
        return INTERRUPTED
    return code if isinstance(code, int) else 0


def _usage(error: _click.exceptions.ClickException, args: Sequence[str]) -> int:
    """A wrong command, option or argument, and `invest` alone, which shows the help."""
    if isinstance(error, _click.exceptions.NoArgsIsHelpError):
        error.show()
        return InputError.exit_code
    context = error.ctx if isinstance(error, _click.exceptions.UsageError) else None
    path = context.command_path if context else "invest"
    message = f"{error.format_message()} See `{path} --help`."
    if "--json" in args:
        screen.write_json(path.removeprefix("invest").strip(), failed(InputError(message)))
    else:
        screen.write_errors([message])
    return error.exit_code
