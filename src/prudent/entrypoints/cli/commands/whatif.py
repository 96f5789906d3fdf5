"""Commands that ask why a run came out as it did: `whatif`, with the shadow book, and `attribution`."""

from typing import TYPE_CHECKING, Annotated

import typer

from prudent.domain.errors import InputError
from prudent.entrypoints.cli.answer import Answer
from prudent.entrypoints.cli.border import Call, command

if TYPE_CHECKING:
    from prudent.bootstrap import Desk

RunArgument = Annotated[
    str, typer.Argument(metavar="RUN", help="ACCOUNT/bN of a backtest, ACCOUNT/N of a live or paper run.")
]


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    command(app, "whatif")(whatif)
    command(app, "attribution")(attribution)


def whatif(
    call: Call,
    run: RunArgument,
    *,
    rule: Annotated[
        list[str] | None,
        typer.Option("--rule", help="A rule that was not there, like 'max_position_pct=10 --symbols KO'; repeatable."),
    ] = None,
    without: Annotated[
        list[str] | None, typer.Option("--without", metavar="GUARD", help="A guard or rule to leave out; repeatable.")
    ] = None,
    shadow: Annotated[
        bool, typer.Option("--shadow", help="Instead, follow the orders that its guards held back, as if filled.")
    ] = False,
    open_seal: Annotated[bool, typer.Option("--open-seal", help="Look into the sealed last window.")] = False,
) -> Answer:
    """Play a run again from its recorded decisions under another rule or without a guard; no model is asked."""
    desk = call.open()
    call.account(desk, run.split("/")[0])
    if shadow:
        if rule or without:
            raise InputError("--shadow must stand alone, was given with --rule or --without; ask for one of both")
        return _shadow(desk, run)
    from prudent.backtest.whatif import Change
    from prudent.backtest.whatif import whatif as play
    from prudent.entrypoints.cli.commands.rules import rule_of
    from prudent.entrypoints.cli.meter import metered
    from prudent.entrypoints.cli.whatif_view import whatif_blocks, whatif_data

    rules = tuple(rule_of(text, f"what-if-{i}") for i, text in enumerate(rule or (), start=1))
    with metered(f"what if of {run}") as progress:
        found = play(
            desk, run, Change(rules=rules, without=tuple(without or ())), progress=progress, open_seal=open_seal
        )  # fmt: skip
    return Answer(data=whatif_data(found), blocks=whatif_blocks(found), warnings=found.warnings)


def _shadow(desk: "Desk", run: str) -> Answer:
    from prudent.backtest.recorded import panel_of, recording_of
    from prudent.backtest.shadow import shadow_book
    from prudent.entrypoints.cli.whatif_view import shadow_blocks, shadow_data

    recording = recording_of(desk, run)
    book = shadow_book(recording.records, panel_of(desk, recording))
    return Answer(data=shadow_data(run, book), blocks=shadow_blocks(run, book))


def attribution(call: Call, run: RunArgument) -> Answer:
    """Split the profit of a run into target choice, guards, rounding, execution, fees and more, to the cent."""
    from prudent.backtest.attributed import attribution_of
    from prudent.backtest.recorded import panel_of, recording_of
    from prudent.entrypoints.cli.whatif_view import attribution_blocks, attribution_data

    desk = call.open()
    call.account(desk, run.split("/")[0])
    recording = recording_of(desk, run)
    found = attribution_of(recording, panel_of(desk, recording), desk.calendar)
    return Answer(data=attribution_data(run, found), blocks=attribution_blocks(run, found))
