"""Typed confirmation of dangerous acts: a question at a terminal, `--confirm` in a script, otherwise a refusal."""

import sys
from pathlib import Path

from prudent.domain.accounts import Mode
from prudent.domain.errors import ConfirmationMissing


def require_typed(expected: str, given: str | None, *, act: str) -> None:
    """Return only if `expected` was given with `--confirm` or is typed now.

    Raises:
        ConfirmationMissing: another word was given, or nobody can be asked.
    """
    if given is None and sys.stdin.isatty():
        sys.stderr.write(f"{act}. Type {expected} to go on: ")
        sys.stderr.flush()
        given = sys.stdin.readline().strip()
    if given != expected:
        was = f"was {given!r}" if given else "nothing was typed"
        raise ConfirmationMissing(f"{act} must be confirmed by {expected!r}, {was}; add --confirm {expected}")


def require_yes(question: str, *, yes: bool) -> None:
    """Return only after `--yes` or a typed y."""
    if not yes and sys.stdin.isatty():
        sys.stderr.write(f"{question} [y/N] ")
        sys.stderr.flush()
        yes = sys.stdin.readline().strip().lower() in ("y", "yes")
    if not yes:
        raise ConfirmationMissing(f"{question} It must be confirmed, was not; add --yes")


def require_live_confirmation(home: Path, expected: str, given: str | None, *, dry_run: bool) -> None:
    """Live orders need every switch on and the account's name typed; paper and dry-run need neither.

    Raises:
        ConfirmationMissing: names each missing switch.
    """
    from prudent.settings import load_settings

    settings = load_settings(home).settings
    if dry_run or settings.effective_mode is not Mode.LIVE:
        return
    switches = settings.switches
    named = {"ALLOW_ORDERS": switches.allow_orders, "ENABLE_ORDER_EXEC": switches.enable_order_exec}
    off = [name for name, on in named.items() if not on]
    if off:
        raise ConfirmationMissing(f"live orders need {' and '.join(off)} set to 1, was off; set it and try again")
    require_typed(expected, given, act=f"sending live orders for {expected}")
