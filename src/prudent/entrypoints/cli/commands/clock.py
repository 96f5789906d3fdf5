"""Commands of the simulated clock: show and advance."""

import re
from dataclasses import replace
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Annotated

import typer

from prudent.domain.errors import InputError
from prudent.entrypoints.cli.answer import Answer
from prudent.entrypoints.cli.border import Call, command
from prudent.entrypoints.cli.screen import progress

if TYPE_CHECKING:
    from prudent.bootstrap import Desk

_DATE = re.compile(r"\d{4}-\d{2}-\d{2}")


def register(app: typer.Typer) -> None:
    """Add the group `clock`."""
    group = typer.Typer(no_args_is_help=True, help="The clock of a desk on sample or file data.")
    app.add_typer(group, name="clock")
    command(group, "show", group="clock")(show)
    command(group, "advance", group="clock")(advance)


def show(call: Call) -> Answer:
    """Tell the desk's time, and whether the market is open then."""
    return _time(call.open())


def advance(
    call: Call, *, to: Annotated[str | None, typer.Option("--to", metavar="DATE|TIME", help="Until then.")] = None,
    sessions: Annotated[int | None, typer.Option("--sessions", min=1, max=2600, help="By so many sessions.")] = None,
) -> Answer:  # fmt: skip
    """Let simulated time pass, as an engine would live through it: orders fill, stops fire, what is due or waits runs.

    A date means half an hour after that session's open.
    """
    from prudent.entrypoints.cli.commands.trading import found_lines
    from prudent.workflows.advance import next_sessions
    from prudent.workflows.wherever import advance_wherever

    if (to is None) == (sessions is None):
        raise InputError("clock advance must be told how far, with one of --to and --sessions; add one")
    desk = call.open()
    target = next_sessions(desk, sessions)[-1] if sessions is not None else moment(desk, to or "")
    done = advance_wherever(
        desk, target, found=lambda each: call.warnings.extend(found_lines(each)), tell=progress
    )  # fmt: skip
    return replace(_time(desk), blocks=[*done, *_time(desk).blocks])


def moment(desk: "Desk", text: str) -> datetime:
    """A date as half an hour after its session's open, or a full time with its zone."""
    from prudent.workflows.advance import after_open

    try:
        if _DATE.fullmatch(text):
            noon = datetime.combine(date.fromisoformat(text), datetime.min.time(), UTC).replace(hour=17)
            return after_open(desk.calendar.session_of(noon))
        found = datetime.fromisoformat(text)
    except ValueError as error:
        raise InputError(f"a time must be like 2022-12-28 or 2022-12-28T15:00:00Z, was {text!r}; correct it") from error
    if found.tzinfo is None:
        raise InputError(f"a time must name its zone, was {text!r}; write {text}Z for UTC")
    return found


def _time(desk: "Desk") -> Answer:
    now = desk.clock.now()
    session = desk.calendar.session_of(now)
    is_open = desk.calendar.is_open(now)
    simulated = desk.loaded.settings.data.source != "yahoo"
    kind, state = "simulated" if simulated else "wall time", "open" if is_open else "closed"
    return Answer(
        data={
            "now": now, "simulated": simulated, "session": session.date, "market_open": is_open,
            "open": session.open, "close": session.close,
        },
        blocks=[f"{now:%Y-%m-%d %H:%M} UTC, {kind}; session {session.date}, market {state}"],
    )  # fmt: skip
