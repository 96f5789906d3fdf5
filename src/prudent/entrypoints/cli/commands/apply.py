"""The command that puts a changed configuration in force: its diff first, then the file, then the new accounts."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from prudent.domain.errors import ConfirmationMissing, InputError
from prudent.entrypoints.cli.answer import Answer
from prudent.entrypoints.cli.border import Call, command
from prudent.entrypoints.cli.confirm import require_yes

if TYPE_CHECKING:
    from prudent.entrypoints.cli.applied import Change
    from prudent.settings import Loaded

MAIN = "invest.yaml"


def register(app: typer.Typer) -> None:
    """Add the command of this module."""
    command(app, "apply")(apply)


def apply(
    call: Call,
    file: Annotated[Path | None, typer.Argument(metavar="FILE", help="Default: the home's own invest.yaml.")] = None,
    *, dry_run: Annotated[bool, typer.Option("--dry-run", help="Show what would change; change nothing.")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
) -> Answer:  # fmt: skip
    """Show what a configuration file changes, put it in force, and open the accounts that are new.

    A broken file is refused whole. An account that is no longer described keeps its book and its history. A changed
    mandate, rule or model starts the account's next run.
    """
    from prudent.entrypoints.cli.applied import applied, changes, last_applied, remember_applied
    from prudent.settings import load_settings

    home = call.folder()
    own = home / MAIN
    source = own if file is None else file
    if not own.is_file():
        raise InputError(f"{home} must be a home, has no {MAIN}; run `invest init` or set INVEST_HOME")
    if not source.is_file():
        raise InputError(f"{source} must be a configuration file, is none; give its path")
    is_own = source.resolve() == own.resolve()
    wanted = load_settings(home, main=source)
    _check_accounts(wanted)
    before = last_applied(home) if is_own else applied(load_settings(home))
    found = changes(before, applied(wanted)) if before is not None else ()
    unopened = _unopened(call, wanted)
    call.warnings += wanted.warnings
    if not found and not unopened:
        if not is_own and source.read_bytes() != own.read_bytes() and not dry_run:
            _put(source, own)
        remember_applied(wanted) if not dry_run else None
        return _answer(found, (), said="nothing to do", applied=False)
    if dry_run:
        return _answer(found, unopened, said="nothing was changed", applied=False)
    _agreed(found, unopened, yes=yes)
    if not is_own:
        _put(source, own)
    opened = _opened(call)
    remember_applied(load_settings(home))
    return _answer(found, opened, said=f"applied {source}", applied=True)


def _check_accounts(wanted: "Loaded") -> None:
    from prudent.registry import strategy

    for account in wanted.settings.accounts.values():
        if account.enabled:
            strategy(account.strategy)


def _unopened(call: Call, wanted: "Loaded") -> tuple[str, ...]:
    # Only now, for it brings numpy with it, which `invest --help` need not wait for.
    from prudent.venues import IBKR

    desk = call.open()
    described = wanted.settings.accounts
    return tuple(each for each in described if described[each].broker != IBKR and not desk.is_open_account(each))


def _opened(call: Call) -> tuple[str, ...]:
    from prudent.entrypoints.cli.opening import open_described

    return open_described(call.open())


def _agreed(found: "tuple[Change, ...]", unopened: tuple[str, ...], *, yes: bool) -> None:
    """The diff stands before the question."""
    if not yes and sys.stdin.isatty():
        sys.stderr.write("\n".join([*(each.line for each in found), *_openings(unopened)]) + "\n")
    try:
        require_yes("Apply this?", yes=yes)
    except ConfirmationMissing as error:
        lines = "\n  ".join(each.line for each in found)
        raise ConfirmationMissing(f"{error}; it would change\n  {lines}" if lines else str(error)) from error


def _openings(accounts: tuple[str, ...]) -> list[str]:
    return [f"account {account} is to be opened" for account in accounts]


def _put(source: Path, own: Path) -> None:
    """The file in the place of the home's, whole or not at all; what was there stays beside it."""
    text = source.read_bytes()
    own.with_suffix(".yaml.before").write_bytes(own.read_bytes())
    part = own.with_suffix(".part")
    part.write_bytes(text)
    part.replace(own)


def _answer(found: "tuple[Change, ...]", opened: tuple[str, ...], *, said: str, applied: bool) -> Answer:
    lines = [each.line for each in found]
    kept = [
        f"account {each.account} is no longer described; its book and history stay" for each in found
        if each.act == "removed" and not each.key
    ]  # fmt: skip
    opened_lines = [f"account {account} {'is open' if applied else 'would be opened'}" for account in opened]
    return Answer(
        data={"applied": applied, "changes": list(found), "opened": list(opened)},
        blocks=["\n".join([*lines, *kept, *opened_lines, said])],
    )
