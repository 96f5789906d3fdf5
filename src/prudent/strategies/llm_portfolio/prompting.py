"""Questions of both passes: the templates filled with the facts, the same bytes for the same facts."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

from prudent.domain.mandate import Mandate
from prudent.domain.reasoning import Analysis, Message, Question, Speaker
from prudent.domain.records import Json, encode
from prudent.reasoning.ladder import Turn
from prudent.reasoning.mandate_facts import owner_lines
from prudent.reasoning.prose import NONE, framed, line, part, rows, spelt, within
from prudent.reasoning.schemas import ANALYSIS, TRADES
from prudent.reasoning.templates import Template, read_template
from prudent.strategies.llm_portfolio.params import Params
from prudent.strategies.llm_portfolio.shown import shown_sectors

PACKAGE = "prudent.strategies.llm_portfolio"
SCHEMAS = {"pass1": ANALYSIS, "pass2": TRADES}
# What is cut first when a prompt is too long stands last.
CUT_ORDER = ("symbols", "positions", "past", "alike", "brief", "fundamentals", "news")
_QUIET = ("source", "quality", "as_of", "age_seconds", "tradable")


@cache
def templates() -> dict[str, Template]:
    return {name: read_template(PACKAGE, name) for name in ("system", "pass1", "pass2")}


def templates_label() -> str:
    """The templates with the digest of their bytes, for the record."""
    return ", ".join(each.label for each in templates().values())


@dataclass(slots=True)
class Composer:
    """Makes the question of a turn; what every turn shows is spelt once."""

    mandate: Mandate
    params: Params
    facts: Mapping[str, Json]
    _spelt: tuple[dict[str, list[str]], dict[str, str]] | None = None

    def __call__(self, turn: Turn) -> Question:
        analysis = encode(turn.earlier) if turn.earlier is not None else {}
        values = self._values(turn.earlier)
        messages = [
            Message(speaker=Speaker.SYSTEM, text=templates()["system"].render(values)),
            Message(speaker=Speaker.USER, text=templates()[turn.purpose].render(values)),
        ]
        if turn.complaint:
            again = f"Your last answer could not be used: {turn.complaint}. Answer again with the one JSON object only."
            messages.append(Message(speaker=Speaker.USER, text=again))
        return Question(
            account=self.mandate.account,
            purpose=turn.purpose,
            model=turn.model,
            messages=tuple(messages),
            schema=SCHEMAS[turn.purpose],
            facts={**self.facts, "analysis": analysis},
            max_tokens=self.params.max_tokens,
        )

    def _values(self, analysis: Analysis | None) -> dict[str, str]:
        if self._spelt is None:
            self._spelt = self._of_facts()
        blocks, fixed = self._spelt
        fixed = {**fixed, "analysis": _named(_object(encode(analysis))) if analysis is not None else NONE}
        taken = sum(len(each) for each in fixed.values())
        cut = within(blocks, CUT_ORDER, self.params.prompt_characters - taken)
        for name in ("news", "brief"):
            cut[name] = framed(cut[name]) if blocks[name] else (NONE if name == "news" else "")
        cut["fundamentals"] = cut["fundamentals"] if blocks["fundamentals"] else ""
        return {**fixed, **cut}

    def _of_facts(self) -> tuple[dict[str, list[str]], dict[str, str]]:
        """The blocks of lines that may be cut, and the texts that never are."""
        facts = self.facts
        account = part(facts, "account")
        news = [f"- {line(row)}" for row in rows(part(facts, "news").get("items"))]
        brief = part(facts, "brief")
        blocks = {
            "symbols": [_symbol(row) for row in rows(facts.get("symbols"))],
            "positions": _lines(facts.get("positions")),
            "past": _lines(facts.get("past")),
            "alike": _lines(facts.get("alike")),
            "fundamentals": _lines(part(facts, "fundamentals").get("items")),
            "brief": [f"- {key}: {spelt(value)}" for key, value in brief.items()],
            "news": news,
        }
        fixed = {
            "alias": str(account.get("alias", "")),
            "currency": str(account.get("currency", "")),
            "mandate": _named(part(facts, "mandate")),
            **owner_lines(facts),
            "account": _named(account | _moment(facts)),
            "market": _named(part(facts, "market")),
            "sectors": ", ".join(shown_sectors(facts)) or "none",
            "room": _named(part(facts, "room")),
            "open_orders": _texts(_lines(facts.get("open_orders"))),
            "cooldowns": _texts(_lines(facts.get("cooldowns"))),
        }
        return blocks, fixed


def _object(value: Json) -> dict[str, Json]:
    return value if isinstance(value, dict) else {}


def _moment(facts: Mapping[str, Json]) -> dict[str, Json]:
    return {name: facts[name] for name in ("as_of", "session", "market_open", "source", "warnings") if name in facts}


def _lines(value: Json) -> list[str]:
    return [f"- {line(row)}" for row in rows(value)]


def _texts(lines: list[str]) -> str:
    return "\n".join(lines) or NONE


def _named(row: Mapping[str, Json]) -> str:
    return "\n".join(
        f"- {key}: {line(value) if isinstance(value, dict) else spelt(value)}"
        for key, value in row.items()
        if value not in (None, "", [], {})
    ) or NONE  # fmt: skip


def _symbol(row: Mapping[str, Json]) -> str:
    flat = {**row, **part(row, "indicators"), "indicators": None}
    return f"{row.get('index')}. {row.get('symbol')} {line(flat, leave_out=('index', 'symbol', *_QUIET))}"
