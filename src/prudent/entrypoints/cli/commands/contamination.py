"""The command `contamination`: how much of a model's backtest may be memory."""

from typing import TYPE_CHECKING, Annotated

import typer

from prudent.entrypoints.cli.answer import UNKNOWN, Answer, Table
from prudent.entrypoints.cli.border import Call, command
from prudent.entrypoints.cli.commands.backtests import CadenceName

if TYPE_CHECKING:
    from prudent.backtest.contamination import Contamination
    from prudent.backtest.evidence import Changes, Guesses
    from prudent.backtest.run import Prepared
    from prudent.bootstrap import Desk

PERCENT = frozenset(("total_return", "max_drawdown"))


def register(app: typer.Typer) -> None:
    """Add the command of this module."""
    command(app, "contamination")(contamination)


def contamination(  # noqa: PLR0913 - a parameter is an option of the command line
    call: Call,
    account: Annotated[str, typer.Argument(metavar="ACCOUNT", help="The account whose model is looked at.")],
    *,
    first: Annotated[str, typer.Option("--from", metavar="DAY", help="The first session, like 2015-01-01.")],
    last: Annotated[str, typer.Option("--to", metavar="DAY", help="The last session.")],
    cadence: Annotated[CadenceName, typer.Option("--cadence", help="How often it decides.")] = "account",
    probes: Annotated[
        int, typer.Option("--probes", min=0, max=1000, help="How many guesses and mirrored decisions; 0: none.")
    ] = 20,
    yes: Annotated[bool, typer.Option("--yes", help="Go on although a model costs time or money.")] = False,
) -> Answer:
    """Test an account on history twice, open and masked, and probe whether its model knows the window by heart."""
    from prudent.backtest.contamination import report
    from prudent.backtest.run import Playing, prepare
    from prudent.entrypoints.cli.commands.backtests import _request
    from prudent.entrypoints.cli.confirm import require_yes
    from prudent.entrypoints.cli.meter import metered

    desk = call.open()
    request = _request(call, desk, account, first=first, last=last, cadence=cadence, fill="next_open", cash="10000",
                       benchmark="SPY", anonymise="")  # fmt: skip
    prepared = prepare(desk, request)
    asked = _asked(desk, prepared, probes)
    if asked:
        require_yes(f"This report asks for {asked}.", yes=yes)
    with metered(f"contamination of {request.account}") as progress:
        found = report(desk, prepared, Playing(progress=progress), probes=probes)
    return Answer(data=_data(found), blocks=_blocks(found))


def _asked(desk: "Desk", prepared: "Prepared", probes: int) -> str:
    """What the report will ask for in words; empty where no model is asked that costs anything."""
    from dataclasses import replace

    from prudent.backtest.contamination import questions_of
    from prudent.backtest.estimate import estimate

    one = estimate(desk, prepared)
    if one is None:
        return ""
    more = questions_of(one.calls, probes) / max(one.calls, 1)
    return replace(
        one, calls=questions_of(one.calls, probes), seconds=one.seconds * more,
        cost=one.cost * questions_of(one.calls, probes) / max(one.calls, 1), tokens=int(one.tokens * more),
    ).in_words()  # fmt: skip


def _blocks(found: "Contamination") -> "list[str | Table]":
    from prudent.backtest.contamination import FIGURES

    cutoff = f"its cut-off {found.knowledge_until}" if found.knowledge_until else "a cut-off that is not known"
    known = UNKNOWN if found.share_known is None else f"{found.share_known:.0%}"
    figures = Table(
        title="The same window, open and masked",
        columns=("figure", f">open ({found.plain_id})", f">masked ({found.masked_id})", ">gap"),
        rows=[
            (name.replace("_", " "), _figure(name, found.plain.get(name)), _figure(name, found.masked.get(name)),
             _figure(name, found.gap(name)))
            for name in FIGURES
        ],
    )  # fmt: skip
    blocks: list[str | Table] = [
        f"{found.account} with {found.model}, {found.first} to {found.last}",
        f"part of the window up to {cutoff}: {known}",
        figures,
        (
            f"{found.prompts} masked prompts, {found.leaks} with a leak; {found.recognised} replies named a hidden "
            f"company; {found.news_left_out} headlines left out"
        ),
    ]
    if found.probed is not None:
        blocks.append(_probes_table(found))
    blocks.append(f"evidence {found.evidence.level}: {found.evidence.why}")
    return [*blocks, *(f"note: {each}" for each in found.notes)]


def _probes_table(found: "Contamination") -> Table:
    assert found.probed is not None, "there are probes to show"
    probed = found.probed
    return Table(
        title="Probes", columns=("probe", ">asked", ">answered", ">found", ">95 % interval", ">needed", "passed"),
        rows=[
            _guesses("company guessed right", probed.symbols), _guesses("year guessed right", probed.years),
            _changes("decision changed on mirrored prices", probed.changes),
        ],
    )  # fmt: skip


def _guesses(name: str, found: "Guesses") -> tuple[str, ...]:
    from prudent.backtest.evidence import CHANCE_MARGIN

    return (
        name, str(found.asked), str(found.answered), _figure("share", found.accuracy),
        _interval(found.right, found.answered), f"at most {found.chance + CHANCE_MARGIN:.0%}", _yes(found.passed),
    )  # fmt: skip


def _changes(name: str, found: "Changes") -> tuple[str, ...]:
    from prudent.backtest.evidence import CHANGES_MIN

    return (
        name, str(found.asked), str(found.answered), _figure("share", found.share),
        _interval(found.changed, found.answered), f"at least {CHANGES_MIN:.0%}", _yes(found.passed),
    )  # fmt: skip


def _yes(passed: bool) -> str:  # noqa: FBT001 - a word for a value
    return "yes" if passed else "no"


def _interval(hits: int, tries: int) -> str:
    from prudent.analytics.proportion import binomial_interval

    if not tries:
        return UNKNOWN
    low, high = binomial_interval(hits, tries)
    return f"{low:.0%} to {high:.0%}"


def _figure(name: str, value: object) -> str:
    if value is None:
        return UNKNOWN
    number = float(str(value))
    return f"{number:.2%}" if name in PERCENT or name == "share" else f"{number:.2f}"


def _data(found: "Contamination") -> dict[str, object]:
    from prudent.backtest.contamination import FIGURES

    probed = found.probed
    return {
        "account": found.account, "model": found.model, "first": found.first, "last": found.last,
        "knowledge_until": found.knowledge_until, "share_known": found.share_known, "open": found.plain_id,
        "masked": found.masked_id,
        "figures": {
            name: {"open": found.plain.get(name), "masked": found.masked.get(name), "gap": found.gap(name)}
            for name in FIGURES
        },
        "prompts": found.prompts, "leaks": found.leaks, "recognised": found.recognised,
        "news_left_out": found.news_left_out,
        "probes": None if probed is None else {
            "company": _guesses_data(probed.symbols), "year": _guesses_data(probed.years),
            "mirrored": {
                "asked": probed.changes.asked, "answered": probed.changes.answered, "silent": probed.changes.silent,
                "changed": probed.changes.changed,
                "share": probed.changes.share, "interval": _bounds(probed.changes.changed, probed.changes.answered),
                "passed": probed.changes.passed,
            },
        },
        "evidence": found.evidence, "notes": list(found.notes),
    }  # fmt: skip


def _guesses_data(found: "Guesses") -> dict[str, object]:
    return {
        "asked": found.asked, "answered": found.answered, "right": found.right, "chance": found.chance,
        "accuracy": found.accuracy, "interval": _bounds(found.right, found.answered), "passed": found.passed,
    }  # fmt: skip


def _bounds(hits: int, tries: int) -> list[float] | None:
    from prudent.analytics.proportion import binomial_interval

    return [*binomial_interval(hits, tries)] if tries else None
