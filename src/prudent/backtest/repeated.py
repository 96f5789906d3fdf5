"""A repeat of a backtest asks its model anew: its number stands in every question, where replies are kept by it."""

from dataclasses import dataclass, replace

from prudent.domain.reasoning import REPEAT, Question, Reply
from prudent.ports import LanguageModel


@dataclass(frozen=True, slots=True)
class Repeated:
    """`ports.LanguageModel` whose questions carry the number of their repeat, so that no kept reply of another is used.

    The number is no part of what is sent.
    """

    model: LanguageModel
    number: int

    def ask(self, question: Question) -> Reply:
        return self.model.ask(replace(question, facts={**question.facts, REPEAT: self.number}))

    def fallback(self, model: str) -> str | None:
        return self.model.fallback(model)
