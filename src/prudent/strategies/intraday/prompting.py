"""Questions of both passes: the templates filled with the facts, the same bytes for the same facts."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

from prudent.domain.mandate import Mandate
from prudent.domain.reasoning import Question
from prudent.domain.records import Json, encode
from prudent.reasoning.ladder import Turn, messages
from prudent.reasoning.mandate_facts import owner_lines
from prudent.reasoning.prose import NONE, framed, line, listed, named, part, rows, spelt, within
from prudent.reasoning.schemas import TRADES
from prudent.reasoning.templates import Template, read_template
from prudent.strategies.intraday.params import Params
from prudent.strategies.intraday.passes import PASS_0, PASS_2, Scan, scan_schema

PACKAGE = "prudent.strategies.intraday"
PROMPT_CHARACTERS = 40_000
# What is cut first when a prompt is too long stands last.
CUT_ORDER = ("symbols", "positions", "past", "brief", "news")
SCAN_TOKENS, TRADES_TOKENS = 512, 2048


@cache
def templates() -> dict[str, Template]:
    return {name: read_template(PACKAGE, name) for name in ("system", PASS_0, PASS_2)}


def templates_label() -> str:
    """The templates with the digest of their bytes, for the record."""
    return ", ".join(each.label for each in templates().values())


@dataclass(slots=True)
class Composer:
    """Makes the question of a turn; `scan` is what pass 0 said, once it did."""

    mandate: Mandate
    params: Params
    facts: Mapping[str, Json]
    scan: Scan | None = None

    def scanned(self, scan: Scan) -> None:
        self.scan = scan

    def __call__(self, turn: Turn) -> Question:
        values = self._values()
        texts = {"system": templates()["system"].render(values), "user": templates()[turn.purpose].render(values)}
        first = turn.purpose == PASS_0
        return Question(
            account=self.mandate.account,
            purpose=turn.purpose,
            model=turn.model,
            messages=messages(turn, **texts),
            schema=scan_schema() if first else TRADES,
            facts={**self.facts, **({"scan": _scan(self.scan)} if self.scan is not None else {})},
            max_tokens=SCAN_TOKENS if first else TRADES_TOKENS,
        )

    def _values(self) -> dict[str, str]:
        facts, params = self.facts, self.params
        account, brief = part(facts, "account"), part(facts, "brief")
        known = brief if brief.get("status") != "none" else {}
        blocks = {
            "symbols": [f"{row.get('index')}. {row.get('symbol')} {_symbol(row)}" for row in rows(facts["symbols"])],
            "positions": listed(facts.get("positions")),
            "past": listed(facts.get("past")),
            "brief": [f"- {key}: {spelt(value)}" for key, value in known.items() if value not in ("", [], {})],
            "news": listed(part(facts, "news").get("items")),
        }
        fixed = {
            **owner_lines(facts),
            "alias": str(account.get("alias", "")),
            "currency": str(account.get("currency", "")),
            "clock": named({"as_of": facts["as_of"], "source": facts["source"], **part(facts, "clock")}),
            "account": named(account),
            "market": named(part(facts, "market")),
            "scan": f"- {line(_scan(self.scan))}" if self.scan is not None else "",
            "open_orders": "\n".join(listed(facts.get("open_orders"))) or NONE,
            "cooldowns": "\n".join(listed(facts.get("cooldowns"))) or NONE,
            "sure": str(params.pass0_confidence),
            "max_trades": str(params.max_trades),
            "min_trade": str(params.min_order),
            "stop_loss": str(params.stop_loss),
            "min_holding_minutes": str(params.min_holding_minutes),
        }
        taken = sum(len(each) for each in fixed.values())
        cut = within(blocks, CUT_ORDER, PROMPT_CHARACTERS - taken)
        cut["news"] = framed(cut["news"]) if blocks["news"] else NONE
        cut["brief"] = framed(cut["brief"]) if blocks["brief"] else ""
        return {**fixed, **cut}


def _scan(scan: Scan) -> dict[str, Json]:
    found = encode(scan)
    return found if isinstance(found, dict) else {}


def _symbol(row: Mapping[str, Json]) -> str:
    return line(row, leave_out=("index", "symbol", "name"))


