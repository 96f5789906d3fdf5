"""Looks through a finished prompt for what a mask should have hidden, by other means than those that hid it."""

import re
from functools import cache

from prudent.backtest.masked_facts import Hidden, Mask
from prudent.backtest.masked_names import PREFIX
from prudent.domain.reasoning import Question
from prudent.reasoning.templates import Template
from prudent.strategies.intraday import prompting as intraday
from prudent.strategies.llm_portfolio import prompting as portfolio
from prudent.strategies.research import prompt as research

_YEAR = re.compile(r"\b(?:19|20)\d{2}\b")
_MONTH = re.compile(
    r"\b(?:january|february|march|april|june|july|august|september|october|november|december)\b|\bMay \d", re.IGNORECASE
)
_WEEKDAY = re.compile(r"\b(?:monday|tuesday|wednesday|thursday|friday|saturday|sunday)s?\b", re.IGNORECASE)
_LEVEL = re.compile(r"\b(?:vix|ten_year)\b[^\n]*?\blevel=")
# Tickers that are also a word of the facts; where they stand as a symbol they are found by that.
CODE_WORDS = frozenset(("ALL", "HIGH", "LOW", "NOW", "SO", "UP"))
_PARAMETER = re.compile(r"^- [a-z_]+:", re.MULTILINE)
_WORD = re.compile(r"[A-Za-z][A-Za-z.&]*")


def leaks_in(question: Question, mask: Mask) -> tuple[str, ...]:
    """What of the hidden stands in a masked question's messages all the same; empty where nothing does."""
    text = "\n".join(each.text for each in question.messages)
    found: list[str] = []
    if mask.hides(Hidden.DATES):
        found += [match[0] for pattern in (_YEAR, _MONTH, _WEEKDAY) for match in pattern.finditer(text)]
    if mask.hides(Hidden.DATES, Hidden.PRICES):
        found += [match[0] for match in _LEVEL.finditer(text)]
    if mask.hides(Hidden.TICKERS):
        found += [each for each in mask.names.named(text) if each not in prose() | CODE_WORDS]
        found += [f"symbol={each}" for each in mask.names.symbols if f"symbol={each} " in text]
    named = [name for name in (*mask.account, *mask.others) if name not in prose()]
    # `- stocks: 0.3` is the line of a parameter, which an account may be called like.
    told = _PARAMETER.sub("- :", text)
    found += [name for name in named if re.search(rf"(?<![\w-]){re.escape(name)}(?![\w-])", told)]
    return tuple(dict.fromkeys(each for each in found if not each.startswith(PREFIX)))


@cache
def prose() -> frozenset[str]:
    """The words of the templates themselves, which are there whatever is asked."""
    every: list[Template] = [*portfolio.templates().values(), *intraday.templates().values(), *research.templates()]
    return frozenset(word.rstrip(".") for each in every for word in _WORD.findall(each.text))
