"""The model that is none: reads the facts of a question and answers in its schema by fixed rules, the same every time.

It is the offline default, the baseline that a real model must beat, and the last rung of the ladder; whatever it says
is labelled `rules, no LLM`.
"""

import json
from collections.abc import Callable, Mapping
from decimal import Decimal

from prudent.domain.errors import InputError
from prudent.domain.reasoning import RULES_LABEL, RULES_MODEL, Question, Reply
from prudent.domain.records import Json
from prudent.llm import rules_intraday, rules_portfolio, rules_research

Answer = Callable[[Mapping[str, Json]], dict[str, Json]]


class RulesModel:
    """`ports.LanguageModel` without a model: nothing is sent anywhere, and nothing it is told in words is read."""

    def ask(self, question: Question) -> Reply:
        answer = _answer_to(question)
        return Reply(
            text=json.dumps(answer(question.facts), ensure_ascii=False), model=RULES_MODEL, served=RULES_LABEL,
            tokens_in=0, tokens_out=0, seconds=Decimal(0),
        )  # fmt: skip

    def fallback(self, model: str) -> str | None:
        del model
        return None


def _answer_to(question: Question) -> Answer:
    if question.purpose == "pass2":
        # A portfolio is shown its room; an intraday account its bars.
        return rules_portfolio.trades if "room" in question.facts else rules_intraday.trades
    answers: dict[str, Answer] = {
        "pass0": rules_intraday.pass0, "pass1": rules_portfolio.analysis, "brief": rules_research.brief,
        "test": lambda facts: {"answer": "4"},
    }  # fmt: skip
    if question.purpose not in answers:
        raise InputError(f"purpose of a question must be one of {', '.join(answers)}, was {question.purpose!r}")
    return answers[question.purpose]
