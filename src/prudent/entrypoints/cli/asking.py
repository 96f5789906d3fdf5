"""Secret lines from a person: unseen at a terminal, from standard input in a script, never from an option."""

import getpass
import sys

from prudent.domain.errors import ConfirmationMissing, InputError

STDIN_HELP = "Read what is asked for from standard input, one line each."


def secret_line(asked: str, *, from_stdin: bool) -> str:
    """One line that is not echoed.

    Raises:
        ConfirmationMissing: nobody can answer here and standard input was not named.
        InputError: standard input ended before it.
    """
    if from_stdin:
        line = sys.stdin.readline()
        if not line:
            raise InputError(f"standard input must hold a line for {asked}, had ended; give one line each")
        return line.rstrip("\r\n")
    if not sys.stdin.isatty():
        raise ConfirmationMissing(f"{asked} must be typed at a terminal, there is none; add --stdin in a script")
    try:
        return getpass.getpass(f"{asked}: ", stream=sys.stderr)
    except EOFError as error:
        raise ConfirmationMissing(f"{asked} was not typed; nothing was changed") from error


def secret_twice(asked: str, *, from_stdin: bool) -> str:
    """A line that is chosen now: at a terminal it is asked for twice.

    Raises:
        InputError: the two differ.
    """
    line = secret_line(asked, from_stdin=from_stdin)
    if not from_stdin and secret_line(f"{asked}, again", from_stdin=False) != line:
        raise InputError(f"{asked} must be typed the same twice, was not; try again")
    return line
