"""Asks a model what it was not told: which company a masked prompt is about, and in which year it plays."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from prudent.backtest.evidence import Guesses
from prudent.backtest.masked import Asked
from prudent.domain.errors import DeskError
from prudent.domain.instruments import Instrument
from prudent.domain.reasoning import Finish, Message, Question, Speaker
from prudent.domain.records import Json
from prudent.ports import LanguageModel
from prudent.reasoning.json_text import Unreadable, read_json
from prudent.reasoning.prose import rows

PURPOSE = "probe"
CHOICES = 10
YEARS_BACK = 30
TOKENS_MAX = 512
SYSTEM = (
    "You are shown what a trading model was shown, with dates, companies and prices replaced. Guess which company and "
    "which year it is from all that you remember. Answer with one JSON object only."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Riddle:
    """One probe: the question, and both right answers."""

    question: Question
    symbol: str
    year: int


@dataclass(slots=True)
class _Score:
    asked: int = 0
    answered: int = 0
    right: int = 0

    def guesses(self) -> Guesses:
        return Guesses(asked=self.asked, answered=self.answered, right=self.right, chance=1.0 / CHOICES)


def riddle(
    asked: Asked, real: Mapping[str, str], instruments: Sequence[Instrument], draw: np.random.Generator, *, latest: int
) -> Riddle | None:
    """A probe about one symbol of a masked prompt; None where it lists none.

    `real` gives the symbol of each pseudonym. The right symbol stands among nine others of its kind, the right year
    among nine others of the thirty years up to `latest`, all drawn.
    """
    kinds = {each.symbol: each.kind for each in instruments}
    shown = [str(row["symbol"]) for row in rows(asked.question.facts.get("symbols"))]
    listed = [each for each in shown if real.get(each) in kinds]
    if not listed:
        return None
    masked = listed[int(draw.integers(len(listed)))]
    symbol = real[masked]
    alike = sorted(each for each in kinds if kinds[each] == kinds[symbol] and each != symbol)
    symbols = _choices(symbol, alike, draw)
    year = asked.session.year
    years = _choices(year, [each for each in range(latest - YEARS_BACK + 1, latest + 1) if each != year], draw)
    text = (
        f"{asked.question.messages[1].text}\n\n# Task: guess\n\n"
        f"Which company is {masked}? One of: {', '.join(symbols)}.\n"
        f"Which year is it? One of: {', '.join(sorted(years))}.\n"
        'Answer with one JSON object with the keys "symbol" and "year", each one of those given, and nothing else.'
    )
    fields: dict[str, Json] = {"symbol": {"type": "string"}, "year": {"type": "integer"}}
    question = Question(
        account=asked.question.account, purpose=PURPOSE, model=asked.question.model,
        messages=(Message(speaker=Speaker.SYSTEM, text=SYSTEM), Message(speaker=Speaker.USER, text=text)),
        schema={"type": "object", "properties": fields, "required": list(fields), "additionalProperties": False},
        max_tokens=TOKENS_MAX,
    )  # fmt: skip
    return Riddle(question=question, symbol=symbol, year=year)


def solved(riddles: Sequence[Riddle], model: LanguageModel) -> tuple[Guesses, Guesses]:
    """What the model guesses of the symbols and of the years; a reply that cannot be read is no answer."""
    symbols, years = _Score(), _Score()
    for each in riddles:
        symbol, year = _answer(each.question, model)
        for score, said, right in ((symbols, symbol, each.symbol), (years, year, str(each.year))):
            score.asked += 1
            score.answered += bool(said)
            score.right += said == right
    return symbols.guesses(), years.guesses()


def _answer(question: Question, model: LanguageModel) -> tuple[str, str]:
    try:
        reply = model.ask(question)
        if reply.finish is not Finish.STOP:
            return "", ""
        value = read_json(reply.text, keys=frozenset(("symbol", "year"))).value
    except (DeskError, Unreadable):
        return "", ""
    if not isinstance(value, dict):
        return "", ""
    return str(value.get("symbol") or "").strip().lstrip("$").upper(), str(value.get("year") or "").strip()


def _choices(right: str | int, others: Sequence[str] | Sequence[int], draw: np.random.Generator) -> list[str]:
    """The right one among nine others, in a drawn order."""
    picked = draw.permutation(len(others))[: CHOICES - 1]
    every = [str(right), *(str(others[int(i)]) for i in picked)]
    return [every[int(i)] for i in draw.permutation(len(every))]
