"""The question for a brief: facts as lines, outside text in its frame, all of it in one order."""

from collections.abc import Mapping
from functools import cache

from prudent.domain.mandate import Mandate
from prudent.domain.reasoning import Question
from prudent.domain.records import Json
from prudent.reasoning.brief import PURPOSE, brief_schema
from prudent.reasoning.ladder import Turn, messages
from prudent.reasoning.mandate_facts import owner_lines
from prudent.reasoning.prose import NONE, bullets, framed, line, listed, part, rows, within
from prudent.reasoning.templates import Template, read_template

PACKAGE = "prudent.strategies.research"
LENGTH_MAX = 40_000
# What falls first when it gets too long stands last.
PRIORITY = ("events", "screens", "symbols", "news")
_LEFT_OUT = ("index", "name", "level", "as_of", "age_seconds", "source", "quality", "held", "tradable")


@cache
def templates() -> tuple[Template, Template]:
    """The system's and the user's template."""
    return read_template(PACKAGE, "system"), read_template(PACKAGE, "brief")


def question(turn: Turn, facts: Mapping[str, Json], mandate: Mandate) -> Question:
    """The question of one turn; a complaint about the last answer follows the facts."""
    system, user = templates()
    said = messages(turn, system=system.render({}), user=user.render(_values(facts)))
    return Question(
        account=mandate.account, purpose=PURPOSE, model=turn.model, messages=said, schema=brief_schema(),
        facts=dict(facts),
    )  # fmt: skip


def _values(facts: Mapping[str, Json]) -> dict[str, str]:
    news = part(facts, "news")
    cut = within(
        {
            "symbols": [f"- {line(row, leave_out=_LEFT_OUT)}" for row in rows(facts["symbols"])],
            "screens": listed(facts["screens"]),
            "events": listed(facts["events"]),
            "news": listed(news.get("items")),
        },
        PRIORITY, LENGTH_MAX,
    )  # fmt: skip
    warnings = [*_texts(facts.get("warnings")), *_texts(news.get("warnings"))]
    return {
        "session": str(facts["session"]),
        "as_of": str(facts["as_of"]),
        "source": str(facts["source"]),
        "warnings": "; ".join(warnings),
        "market": bullets([{name: each} for name, each in part(facts, "market").items()]) or NONE,
        **cut,
        "news": framed(cut["news"]),
        **owner_lines(facts),
    }


def _texts(value: Json) -> list[str]:
    return [str(each) for each in value] if isinstance(value, list) else []
