"""Asks a model again with mirrored prices: whoever reads the facts decides otherwise, whoever remembers does not."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from prudent.backtest.evidence import Changes
from prudent.backtest.masked import Asked
from prudent.backtest.masked_prompts import rendered, without_years
from prudent.backtest.mirrored import mirrored_facts
from prudent.domain.errors import DeskError
from prudent.domain.mandate import Mandate
from prudent.domain.reasoning import Finish, Question
from prudent.domain.records import Json, encode
from prudent.ports import LanguageModel
from prudent.reasoning.answers import TRADE_KEYS, read_analysis, read_trades
from prudent.reasoning.brief import KEYS
from prudent.reasoning.json_text import Unreadable, read_json
from prudent.reasoning.mandate_facts import listed_of
from prudent.reasoning.words import said
from prudent.strategies.intraday.passes import PASS_0, read_scan
from prudent.strategies.llm_portfolio.shown import shown_sectors
from prudent.strategies.llm_portfolio.strategy import PASS_1, PASS_2

BRIEF = "brief"
# What says what to do; a first look counts where nothing more was ever asked.
DECIDING = (PASS_2, BRIEF)
Said = frozenset[tuple[str, str]]
NOTHING: Said = frozenset((("act", "False"),))


def changes_of(trail: Sequence[Asked], mandate: Mandate, model: LanguageModel, count: int) -> Changes:
    """How many decisions of a masked run change on mirrored prices; at most `count`, first those that want a trade."""
    deciding = [each for each in trail if each.question.purpose in DECIDING] or list(trail)
    known = [(each, _said(each.question, each.reply.text)) for each in deciding if each.reply.finish is Finish.STOP]
    wanting = _spread([each for each in known if _wants(each[1])], count)
    picked = wanting + _spread([each for each in known if not _wants(each[1])], count - len(wanting))
    changed = unusable = silent = 0
    for asked, before in picked:
        after = _asked_again(asked.question, mandate, model)
        unusable += before is None or after is None
        silent += before is not None and after is not None and not _wants(before) and not _wants(after)
        changed += before is not None and after is not None and before != after
    return Changes(asked=len(picked), changed=changed, unusable=unusable, silent=silent)


def _spread(every: list[tuple[Asked, Said | None]], count: int) -> list[tuple[Asked, Said | None]]:
    """At most `count` of them, evenly over the run."""
    return [every[i * len(every) // count] for i in range(count)] if len(every) > count else every


def _wants(what: Said | None) -> bool:
    return bool(what) and what != NOTHING


def _asked_again(question: Question, mandate: Mandate, model: LanguageModel) -> Said | None:
    facts = mirrored_facts(question.facts)
    if question.purpose == PASS_2 and "analysis" in facts:
        # What the first pass made of the real prices must not stand beside mirrored ones.
        facts["analysis"] = _analysis(replace(question, purpose=PASS_1), facts, mandate, model)
    return _said(question, _answer(question, facts, mandate, model))


def _analysis(question: Question, facts: Mapping[str, Json], mandate: Mandate, model: LanguageModel) -> Json:
    text = _answer(question, {**facts, "analysis": {}}, mandate, model)
    try:
        return encode(read_analysis(text, sectors=frozenset(shown_sectors(facts)), rule=None).analysis)
    except Unreadable:
        return {}


def _answer(question: Question, facts: Mapping[str, Json], mandate: Mandate, model: LanguageModel) -> str:
    asked = without_years(rendered(question, facts, mandate))
    try:
        reply = model.ask(asked)
    except DeskError:
        return ""
    return reply.text if reply.finish is Finish.STOP else ""


def _said(question: Question, text: str) -> Said | None:
    """What an answer wants done, without amounts; None where it cannot be read."""
    if not text:
        return None
    try:
        if question.purpose == PASS_0:
            return frozenset((("act", str(read_scan(text).act)),))
        if question.purpose == BRIEF:
            return _views(text)
        wishes = read_trades(text, listed_of(question.facts)).wishes
    except Unreadable:
        return None
    return frozenset((each.symbol, str(each.side)) for each in wishes)


def _views(text: str) -> Said | None:
    value = read_json(text, keys=KEYS | TRADE_KEYS).value
    views = value.get("views") if isinstance(value, dict) else None
    if not isinstance(views, list):
        return None
    rows = [each for each in views if isinstance(each, dict)]
    return frozenset((said(each.get("symbol")), said(each.get("direction"))) for each in rows)
