"""A question behind the mask: its messages written anew from the masked facts, by the strategy's own templates."""

import re
from collections.abc import Callable, Mapping
from dataclasses import replace

from prudent.backtest.masked_facts import Hidden, Mask, masked_facts
from prudent.domain.errors import InputError
from prudent.domain.mandate import Mandate
from prudent.domain.reasoning import Analysis, Question
from prudent.domain.records import Json, decode
from prudent.reasoning.ladder import Turn, without_secrets
from prudent.reasoning.prose import part
from prudent.strategies.intraday import params as intraday_params
from prudent.strategies.intraday import prompting as intraday
from prudent.strategies.intraday.passes import Scan
from prudent.strategies.llm_portfolio import params as portfolio_params
from prudent.strategies.llm_portfolio import prompting as portfolio
from prudent.strategies.research import prompt as research

Composed = Callable[[Turn, Mapping[str, Json], Mandate], Question]
_YEARLIKE = re.compile(r"(?<![\w.])(-?)((?:19|20)\d{2})(?=\.\d|\b)|(?<=\.)((?:19|20)\d{2})(?!\w)")
# System and user; what follows is what was wrong with the last answer.
WRITTEN = 2


def masked_question(question: Question, mandate: Mandate, mask: Mask) -> Question:
    """The question as the model gets it; account and purpose, which are never sent, stay.

    Raises:
        InputError: nobody knows how the strategy's prompts are written.
    """
    facts = masked_facts(question.facts, mask)
    said = rendered(question, facts, mandate)
    later = tuple(replace(each, text=mask.text(each.text)) for each in question.messages[WRITTEN:])
    asked = replace(question, messages=(*said.messages[:WRITTEN], *later), facts=facts)
    return without_years(asked) if mask.hides(Hidden.DATES) else asked


def rendered(question: Question, facts: Mapping[str, Json], mandate: Mandate) -> Question:
    """The question of the same turn on other facts, without what looks like a secret."""
    check_masked(mandate)
    compose = _COMPOSERS[mandate.strategy]
    return without_secrets(compose(Turn(purpose=question.purpose, model=question.model), facts, mandate))


def _portfolio(turn: Turn, facts: Mapping[str, Json], mandate: Mandate) -> Question:
    earlier = part(facts, "analysis")
    turn = replace(turn, earlier=decode(Analysis, earlier) if earlier else None)
    return portfolio.Composer(mandate, portfolio_params.read_params(mandate), facts)(turn)


def _intraday(turn: Turn, facts: Mapping[str, Json], mandate: Mandate) -> Question:
    scan = part(facts, "scan")
    composer = intraday.Composer(mandate, intraday_params.read_params(mandate), facts)
    if scan:
        composer.scanned(decode(Scan, scan))
    return composer(turn)


_COMPOSERS: Mapping[str, Composed] = {"llm_portfolio": _portfolio, "intraday": _intraday, "research": research.question}


def check_masked(mandate: Mandate) -> None:
    """Refuse, as `rendered` does, a strategy whose prompts nobody here can write."""
    if mandate.strategy not in _COMPOSERS:
        known = ", ".join(_COMPOSERS)
        raise InputError(
            f"a strategy whose prompts can be anonymised must be one of {known}, was {mandate.strategy}; leave "
            "--anonymise out"
        )


def without_years(question: Question) -> Question:
    """Amounts that look like years are spelt with one more 0, before or after: no year is left, every number is."""
    messages = tuple(replace(each, text=_YEARLIKE.sub(_padded, each.text)) for each in question.messages)
    return replace(question, messages=messages)


def _padded(match: re.Match[str]) -> str:
    return f"{match[1]}0{match[2]}" if match[2] else f"{match[3]}0"
