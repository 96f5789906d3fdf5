"""The one border of the command line: wires commands, and turns every failure into a message and an exit code."""

import difflib
import functools
import inspect
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from typer import _click

from prudent.domain.errors import ConfigError, ConfirmationMissing, DeskError, InputError, StoreError
from prudent.entrypoints.cli import screen
from prudent.entrypoints.cli.answer import CHANGES_PROPOSED, DONE, Answer, failed

if TYPE_CHECKING:
    from prudent.bootstrap import Desk

LOG = logging.getLogger("prudent.command")
INTERRUPTED = 130
# Mistakes of typing are answered and not logged.
_UNLOGGED = (DONE, CHANGES_PROPOSED, InputError.exit_code, ConfigError.exit_code, ConfirmationMissing.exit_code)


class LogFormat(StrEnum):
    TEXT = "text"
    JSON = "json"


HomeOption = Annotated[
    Path | None,
    typer.Option("--home", metavar="FOLDER", help="The home to use; else INVEST_HOME, else the platform's."),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Answer with one JSON document on stdout.")]
NoColorOption = Annotated[bool, typer.Option("--no-color", help="No colours; NO_COLOR does the same.")]
VerboseOption = Annotated[
    int, typer.Option("-v", "--verbose", count=True, show_default=False, help="Show what is logged; -vv all of it.")
]
QuietOption = Annotated[bool, typer.Option("-q", "--quiet", help="Say nothing but warnings and errors.")]
LogFormatOption = Annotated[LogFormat, typer.Option("--log-format", help="How -v shows what is logged, on stderr.")]


@dataclass(slots=True)
class Call:
    """What every command is given: the home option, its own name as it is typed, and where warnings gather.

    `as_json` is for commands that say something before they end.
    """

    home: Path | None
    warnings: list[str] = field(default_factory=list)
    verbosity: int = 0
    log_format: LogFormat = LogFormat.TEXT
    title: str = ""
    as_json: bool = False
    _opened: "list[Desk]" = field(default_factory=list)

    def open(self, **overrides: str) -> "Desk":
        """The desk of the home; the warnings of its configuration are shown with the answer."""
        from prudent.bootstrap import LOCAL, open_desk
        from prudent.entrypoints.cli.entitled import entitled
        from prudent.settings.secret_values import secret_values

        me = entitled(self.folder(), self.title)
        desk = open_desk(self.folder(), overrides=overrides, owner=LOCAL if me is None else me.owner)
        self._opened.append(desk)
        self.warnings += desk.loaded.warnings
        settings = desk.loaded.settings
        self.log(secrets=secret_values(settings), home=desk.home, level=settings.logs.level)
        return desk

    def hang_up(self) -> None:
        """End the connections to gateways that were made on the way."""
        for desk in self._opened:
            if desk.connections is not None:
                desk.connections.close()

    def log(self, *, secrets: Sequence[str] = (), home: Path | None = None, level: str = "info") -> None:
        """Log as the options say: into the home once it is known to be one, and on stderr with -v."""
        from prudent.logs import LogOptions, set_up

        as_json = self.log_format is LogFormat.JSON
        set_up(
            LogOptions(
                process="cli", home=home, verbosity=self.verbosity, level=level, as_json=as_json, secrets=secrets
            )
        )  # fmt: skip

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


def command(
    app: typer.Typer, name: str, *, group: str = "", title: str = "", hidden: bool = False
) -> Callable[[Action], Action]:
    """Register `action(call, **options) -> Answer` as a command with the options that every command has.

    Its answers carry `title`, which is group and name unless it is given.
    """
    title = title or f"{group} {name}".strip()

    def register(action: Action) -> Action:
        @functools.wraps(action)
        def run(
            *, home: Path | None, as_json: bool, no_color: bool, verbose: int, quiet: bool, log_format: LogFormat,
            **options: object,
        ) -> None:  # fmt: skip
            call = Call(home=home, verbosity=verbose, log_format=log_format, title=title, as_json=as_json)
            call.log()
            try:
                answer = _answer(lambda: action(call, **options) if takes_call else action(**options))
            finally:
                call.hang_up()
            answer = _marked(answer, call, dry_run=bool(options.get("dry_run")))
            _logged(title, answer)
            if as_json:
                screen.write_json(title, answer)
            else:
                screen.write_text(replace(answer, blocks=(), raw=None) if quiet else answer, no_color=no_color)
            if answer.exit_code:
                raise typer.Exit(answer.exit_code)

        own = inspect.signature(action, eval_str=True).parameters
        takes_call = "call" in own
        _set_signature(run, [p for p in own.values() if p.name != "call"])
        app.command(name, hidden=hidden)(run)
        return action

    return register


def _set_signature(run: Callable[..., None], own: Sequence[inspect.Parameter]) -> None:
    keyword = inspect.Parameter.KEYWORD_ONLY
    common = [
        inspect.Parameter("home", keyword, default=None, annotation=HomeOption),
        inspect.Parameter("as_json", keyword, default=False, annotation=JsonOption),
        inspect.Parameter("no_color", keyword, default=False, annotation=NoColorOption),
        inspect.Parameter("verbose", keyword, default=0, annotation=VerboseOption),
        inspect.Parameter("quiet", keyword, default=False, annotation=QuietOption),
        inspect.Parameter("log_format", keyword, default=LogFormat.TEXT, annotation=LogFormatOption),
    ]
    parameters = [*(p.replace(kind=keyword) for p in own), *common]
    run.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    run.__annotations__ = {p.name: p.annotation for p in parameters}


def _marked(answer: Answer, call: Call, *, dry_run: bool) -> Answer:
    warnings = tuple(dict.fromkeys((*call.warnings, *answer.warnings)))
    return replace(answer, warnings=warnings, dry_run=answer.dry_run or dry_run)


def _logged(title: str, answer: Answer) -> None:
    facts = {"command": title, "exit_code": answer.exit_code}
    if answer.exit_code in _UNLOGGED:
        LOG.debug("done", extra=facts)
    else:
        LOG.warning("failed", extra={**facts, "why": "; ".join(each.message for each in answer.errors)})


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
