"""Questions of both passes: the templates filled with the facts, the same bytes for the same facts."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

from prudent.domain.mandate import Mandate
from prudent.domain.reasoning import Analysis, Question
from prudent.domain.records import Json, encode
from prudent.reasoning.ladder import Turn, messages
from prudent.reasoning.mandate_facts import owner_lines
from prudent.reasoning.prose import NONE, framed, line, listed, named, part, rows, spelt, within
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
        texts = {"system": templates()["system"].render(values), "user": templates()[turn.purpose].render(values)}
        return Question(
            account=self.mandate.account,
            purpose=turn.purpose,
            model=turn.model,
            messages=messages(turn, **texts),
            schema=SCHEMAS[turn.purpose],
            facts={**self.facts, "analysis": analysis},
            max_tokens=self.params.max_tokens,
        )

    def _values(self, analysis: Analysis | None) -> dict[str, str]:
        if self._spelt is None:
            self._spelt = self._of_facts()
        blocks, fixed = self._spelt
        fixed = {**fixed, "analysis": named(_object(encode(analysis))) if analysis is not None else NONE}
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
        brief = part(facts, "brief")
        blocks = {
            "symbols": [_symbol(row) for row in rows(facts.get("symbols"))],
            "positions": listed(facts.get("positions")),
            "past": listed(facts.get("past")),
            "alike": listed(facts.get("alike")),
            "fundamentals": listed(part(facts, "fundamentals").get("items")),
            "brief": [f"- {key}: {spelt(value)}" for key, value in brief.items()],
            "news": listed(part(facts, "news").get("items")),
        }
        fixed = {
            "alias": str(account.get("alias", "")),
            "currency": str(account.get("currency", "")),
            "mandate": named(part(facts, "mandate")),
            **owner_lines(facts),
            "account": named(account | _moment(facts)),
            "market": named(part(facts, "market")),
            "sectors": ", ".join(shown_sectors(facts)) or "none",
            "room": named(part(facts, "room")),
            "open_orders": _texts(listed(facts.get("open_orders"))),
            "cooldowns": _texts(listed(facts.get("cooldowns"))),
        }
        return blocks, fixed


def _object(value: Json) -> dict[str, Json]:
    return value if isinstance(value, dict) else {}


def _moment(facts: Mapping[str, Json]) -> dict[str, Json]:
    return {name: facts[name] for name in ("as_of", "session", "market_open", "source", "warnings") if name in facts}



def _texts(lines: list[str]) -> str:
    return "\n".join(lines) or NONE



def _symbol(row: Mapping[str, Json]) -> str:
    flat = {**row, **part(row, "indicators"), "indicators": None}
    return f"{row.get('index')}. {row.get('symbol')} {line(flat, leave_out=('index', 'symbol', *_QUIET))}"
