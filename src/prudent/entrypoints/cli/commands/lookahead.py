"""`lookahead`: the proof that no decision of an account hangs on what came after it."""

from datetime import date
from typing import TYPE_CHECKING, Annotated

import typer

from prudent.domain.errors import VerificationMismatch
from prudent.entrypoints.cli.answer import DONE, PARTIAL, Answer, Problem, Table, moment
from prudent.entrypoints.cli.border import Call, command
from prudent.entrypoints.cli.commands.backtests import CadenceName

if TYPE_CHECKING:
    from prudent.backtest.lookahead import Proof
    from prudent.backtest.run import Prepared
    from prudent.bootstrap import Desk


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    command(app, "lookahead")(lookahead)


def lookahead(  # noqa: PLR0913 - a parameter is an option of the command line
    call: Call,
    name: Annotated[
        str, typer.Argument(metavar="ACCOUNT|RUN", help="An account, or a run: its mandate, and a backtest's window.")
    ],
    *,
    first: Annotated[str, typer.Option("--from", metavar="DAY", help="The first session; else half a year.")] = "",
    last: Annotated[str, typer.Option("--to", metavar="DAY", help="The last session; else the newest one.")] = "",
    cuts: Annotated[int, typer.Option("--cuts", min=1, max=1000, help="After how many moments all is changed.")] = 8,
    seed: Annotated[int, typer.Option("--seed", min=0, help="Draws the moments and the changes.")] = 0,
    cadence: Annotated[CadenceName, typer.Option("--cadence", help="How often an account decides.")] = "account",
    yes: Annotated[bool, typer.Option("--yes", help="Go on although a model costs time or money.")] = False,
) -> Answer:
    """Change everything after many moments, run again, and show that no decision before any of them differs.

    Exits 7 where one differs, and 6 where nothing differs but too little was tried to prove anything.
    """
    from prudent.backtest.estimate import estimate
    from prudent.backtest.lookahead import Asked, prove
    from prudent.entrypoints.cli.confirm import require_yes
    from prudent.entrypoints.cli.meter import metered

    desk = call.open()
    prepared = _prepared(call, desk, name, first=first, last=last, cadence=cadence)
    expected = estimate(desk, prepared)
    if expected is not None:
        require_yes(f"This proof asks for {expected.in_words()}.", yes=yes)
    with metered(f"look-ahead proof of {name}") as progress:
        proof = prove(desk, prepared, Asked(cuts=cuts, seed=seed, progress=progress))
    return _answer(proof)


def _prepared(call: Call, desk: "Desk", name: str, *, first: str, last: str, cadence: str) -> "Prepared":
    from prudent.backtest.proving import Window, account_to_prove, run_to_prove
    from prudent.backtest.request import Cadence

    window = Window(first=_day(first, "--from"), last=_day(last, "--to"))
    if "/" in name:
        return run_to_prove(desk, name, window)
    return account_to_prove(desk, call.account(desk, name), window, Cadence(cadence))


def _day(text: str, option: str) -> date | None:
    from prudent.entrypoints.cli.commands.backtests import day_given

    return day_given(text, option) if text else None


def _answer(proof: "Proof") -> Answer:
    from prudent.backtest.lookahead import Verdict

    said = {
        Verdict.PROVED: "PROVED", Verdict.LEAK: "LEAK", Verdict.TOO_FEW: "NOT PROVED",
    }[proof.verdict]  # fmt: skip
    code = {Verdict.PROVED: DONE, Verdict.LEAK: VerificationMismatch.exit_code, Verdict.TOO_FEW: PARTIAL}[proof.verdict]
    problem = "look_ahead" if proof.verdict is Verdict.LEAK else "too_few_to_prove"
    return Answer(
        data={**_data(proof), "proved": proof.verdict is Verdict.PROVED},
        blocks=[
            Table(
                title=f"{proof.account}, {proof.first} to {proof.last}, {proof.source} data, seed {proof.seed}",
                columns=("all changed after", "known of that day", ">stages compared", ">decisions", ">that trade",
                         ">inputs changed", "differs later", "same until then"),
                rows=[
                    (moment(row.moment), row.known, str(row.stages), str(row.decisions), str(row.trading),
                     str(row.changed), _yes(row.noticed), _yes(row.same))
                    for row in proof.cuts
                ],
                empty="none was made",
            ),
            f"{proof.inputs_changed} inputs changed: "
            + (", ".join(f"{count} {kind}" for kind, count in proof.changed.items()) or "none"),
            f"{proof.decisions} decisions before the last cut, {proof.trading} of them trade",
            "each time it was run again under another wall clock",
            f"{said}: {proof.why}",
        ],
        errors=() if code == DONE else (Problem(code=problem, message=proof.why),), exit_code=code,
    )  # fmt: skip


def _data(proof: "Proof") -> dict[str, object]:
    return {
        "account": proof.account, "first": proof.first, "last": proof.last, "source": proof.source, "seed": proof.seed,
        "verdict": str(proof.verdict), "why": proof.why, "cuts": list(proof.cuts), "decisions": proof.decisions,
        "trading": proof.trading, "inputs_changed": proof.inputs_changed, "changed": dict(proof.changed),
        "leaks": list(proof.leaks),
    }  # fmt: skip


def _yes(value: bool) -> str:  # noqa: FBT001 - a cell of a table
    return "yes" if value else "no"
