"""`invest` and `python -m prudent`: the command line, and the short forms `--once ACCOUNT` and `--all`."""

import io
import sys

_SHORT = {"--once": "run", "--all": "run-all"}


def spelled_out(args: list[str]) -> list[str]:
    """`--once main --dry-run` as `run main --dry-run`, `--all` as `run-all`; `--home` may stand before a command."""
    if args[:1] == ["--home"] and len(args) > 2 and not args[2].startswith("-"):
        return [*args[2:], *args[:2]]
    for flag, command in _SHORT.items():
        if flag in args:
            at = args.index(flag)
            rest = [*args[:at], *args[at + 1 :]]
            named = [args[at + 1]] if flag == "--once" and at + 1 < len(args) else []
            return [command, *named, *(rest[:at] + rest[at + len(named) :])]
    return list(args)


def main() -> None:
    """Run the command line on the process's arguments and end with its exit code."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")
    from prudent.entrypoints.cli.app import app
    from prudent.entrypoints.cli.border import main as run

    args = sys.argv[1:]
    sys.exit(run(app, spelled_out(args) if args[:1] and args[0].startswith("-") else args))


if __name__ == "__main__":
    main()
