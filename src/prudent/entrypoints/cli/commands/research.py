"""The command that shows what the research account wrote last: `invest research show`."""

from typing import TYPE_CHECKING, Annotated

import typer

from prudent.domain.errors import InputError
from prudent.entrypoints.cli.answer import Answer, Table, moment, percent
from prudent.entrypoints.cli.border import Call, command

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import timedelta

    from prudent.bootstrap import Desk
    from prudent.reasoning.brief import Brief

AccountArgument = Annotated[
    str | None, typer.Argument(metavar="[ACCOUNT]", help="The research account, where there are several.")
]


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    group = typer.Typer(no_args_is_help=True, help="Briefs of the research account, which other accounts read.")
    app.add_typer(group, name="research")
    command(group, "show", group="research")(show)


def show(call: Call, account: AccountArgument = None) -> Answer:
    """Show the last research brief: what it says, on which evidence, how old it is, and who reads it."""
    from prudent.edge import past_records
    from prudent.reasoning.brief import RECORDS_MAX, STALE_HOURS, brief_of

    desk = call.open()
    name = _research_account(call, desk, account)
    records = past_records(desk.ledger, name, RECORDS_MAX, rehearsed=True)
    found = next(((each, brief) for each in records if (brief := brief_of(each)) is not None), None)
    if found is None:
        return Answer(data=None, blocks=[f"{name} has written no brief yet; run `invest run {name}`"])
    record, brief = found
    age = desk.clock.now() - brief.written
    stale = age.total_seconds() > STALE_HOURS * 3600
    readers = _readers(desk, name)
    facts = record.decision_inputs["facts"]
    evidence = _evidence(facts if isinstance(facts, dict) else {})
    return Answer(
        data={
            "cycle": record.id, "status": "stale" if stale else "fresh", "age_hours": round(_hours(age), 1),
            "brief": brief, "evidence": evidence, "read_by": list(readers),
        },
        blocks=[
            f"Research brief of {name} for {record.observation.session}, by {brief.answered_by} (cycle {record.id})",
            f"written {moment(brief.written)} UTC, {_hours(age):.1f} hours ago"
            + (": STALE, what happened since is not in it" if stale else ""),
            *_lines(brief),
            _views(brief),
            *_sources(brief, evidence),
            f"read by {', '.join(readers) or 'no account'}; it is data to them and changes no limit",
        ],
    )  # fmt: skip


def _research_account(call: Call, desk: "Desk", given: str | None) -> str:
    from prudent.reasoning.brief import RESEARCH

    if given is not None:
        return call.account(desk, given)
    accounts = desk.loaded.settings.accounts
    known = [each for each in desk.account_ids() if accounts[each].strategy == RESEARCH]
    if len(known) != 1:
        was = ", ".join(known) or "none"
        raise InputError(f"there must be one account with the strategy {RESEARCH}, were {was}; name one, or add it")
    return known[0]


def _readers(desk: "Desk", name: str) -> tuple[str, ...]:
    accounts = desk.loaded.settings.accounts
    return tuple(each for each in desk.account_ids() if accounts[each].parameters.get("research") == name)


def _hours(age: "timedelta") -> float:
    return age.total_seconds() / 3600


def _lines(brief: "Brief") -> list[str]:
    biases = ", ".join(f"{sector} {score:+d}" for sector, score in brief.sector_biases.items())
    named = (
        ("themes", "; ".join(brief.themes)), ("macro events", "; ".join(brief.macro_events)),
        ("sectors", biases), ("geopolitical risks", "; ".join(brief.geopolitical_risks)),
        ("avoid", ", ".join(brief.avoid)),
    )  # fmt: skip
    return [f"regime: {brief.regime.value}", *(f"{name}: {text or 'nothing'}" for name, text in named)]


def _views(brief: "Brief") -> Table:
    return Table(
        title="Views",
        columns=("symbol", "direction", ">conviction", "sector", "thesis", "catalyst", "evidence", "expires"),
        rows=[
            (v.symbol, v.direction.value, percent(v.conviction), v.sector, v.thesis, v.catalyst or "none named",
             ", ".join(v.evidence) or "none", moment(v.expires))
            for v in brief.views
        ],
        empty="no symbol stood out",
    )  # fmt: skip


def _evidence(facts: "Mapping[str, object]") -> dict[str, str]:
    """The text behind each id that a view can name."""
    news = facts.get("news")
    parts = (facts.get("screens"), facts.get("events"), news.get("items") if isinstance(news, dict) else None)
    rows = [row for rows in parts if isinstance(rows, list) for row in rows if isinstance(row, dict)]
    return {str(row.get("id")): f"{row.get('text')} ({row.get('source', 'screen')})" for row in rows}


def _sources(brief: "Brief", evidence: dict[str, str]) -> list[str]:
    named = dict.fromkeys(each for view in brief.views for each in view.evidence)
    return [f"{each}: {evidence[each]}" for each in named if each in evidence]
