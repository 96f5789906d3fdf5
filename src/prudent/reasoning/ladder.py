"""Asking one pass: the model, once more with what was wrong, its fallback, then what the mandate says of a failure.

The ladder runs the same over a live model and over the calls of a record, so that a decision replays without a model.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Generic, Protocol, TypeVar

from prudent.domain.errors import DeskError, OverBudget
from prudent.domain.mandate import Mandate
from prudent.domain.money import ZERO
from prudent.domain.reasoning import RULES_LABEL, RULES_MODEL, Analysis, Call, Finish, Message, Question, Speaker
from prudent.domain.records import Json, decode, encode
from prudent.domain.redaction import Redactor
from prudent.ports import LanguageModel
from prudent.reasoning.json_text import Unreadable

T = TypeVar("T")
_PLAIN = Redactor()
OVER_BUDGET = OverBudget.code
NO_MODEL = "no_model"
COMPLAINT_LENGTH_MAX = 400
ON_FAILURE = ("hold", "rules")


@dataclass(frozen=True, slots=True, kw_only=True)
class Ladder:
    """Who is asked, in this order: `model` (twice at most), `fallback`, and `rules` where `last` says so.

    An account of a pair has no fallback and no last rung: the other model in disguise would prove nothing.
    """

    model: str
    fallback: str | None = None
    last: str = "hold"

    @classmethod
    def of(cls, mandate: Mandate, model: LanguageModel | None) -> "Ladder":
        """The ladder of an account as its mandate and the configured models have it now."""
        if mandate.pair:
            return cls(model=mandate.model)
        said = mandate.parameters.get("on_failure")
        try:
            fallback = model.fallback(mandate.model) if model is not None else None
        except DeskError:
            # Nobody of that name: asking it will say so, and the account's forced exits run all the same.
            fallback = None
        # Rules that stand in for a model are the last rung, and its failure stays counted.
        usual = "rules" if fallback == RULES_MODEL else "hold"
        return cls(
            model=mandate.model,
            fallback=fallback if fallback not in (mandate.model, RULES_MODEL) else None,
            last=said if isinstance(said, str) and said in ON_FAILURE else usual,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """One call to make: of which pass, to which model, what was wrong with its last answer, and the pass before."""

    purpose: str
    model: str
    complaint: str = ""
    earlier: Analysis | None = None


def messages(turn: Turn, *, system: str, user: str) -> tuple[Message, ...]:
    """What a turn says: both texts, and what was wrong with the last answer where there was one."""
    said = [Message(speaker=Speaker.SYSTEM, text=system), Message(speaker=Speaker.USER, text=user)]
    if turn.complaint:
        again = f"Your last answer could not be used: {turn.complaint}. Answer again with the one JSON object only."
        said.append(Message(speaker=Speaker.USER, text=again))
    return tuple(said)


class Ask(Protocol):
    """Makes one call, or reads it back from a record; a failure stands in the call's `error`."""

    def __call__(self, turn: Turn) -> Call: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Rung(Generic[T]):
    """Where a pass ended: with a value and who gave it, or with the code of its last failure."""

    value: T | None
    model: str
    code: str = ""
    why: str = ""
    retries: int = 0
    failures: tuple[str, ...] = ()

    @property
    def over_budget(self) -> bool:
        return self.code == OVER_BUDGET


def climb(
    ask: Ask, ladder: Ladder, *, purpose: str, read: Callable[[str], T], earlier: Analysis | None = None
) -> Rung[T]:  # fmt: skip
    """Ask until an answer can be read; `read` raises `Unreadable` for one that cannot.

    What the budget does not allow ends the ladder at once; a model that gives no reply is not asked again.
    """
    failures: list[str] = []
    models = [ladder.model, *([ladder.fallback] if ladder.fallback else [])]
    for model in models:
        complaint = ""
        for _attempt in range(2 if model == ladder.model else 1):
            call = ask(Turn(purpose=purpose, model=model, complaint=complaint, earlier=earlier))
            found, code, why = _judged(call, read)
            if not code:
                return Rung(value=found, model=model, retries=len(failures), failures=tuple(failures))
            failures.append(f"{purpose} {model}: {code}: {why}")
            if code == OVER_BUDGET:
                return Rung(
                    value=None, model=model, code=code, why=why, retries=len(failures) - 1, failures=tuple(failures)
                )
            if call.reply is None:
                break
            complaint = why
    return Rung(value=None, model=models[-1], code=code, why=why, retries=len(failures) - 1, failures=tuple(failures))


def _judged(call: Call, read: Callable[[str], T]) -> tuple[T | None, str, str]:
    """What a call gave, or the code of its failure and the sentence that the model is told."""
    if call.reply is None:
        code, _, why = call.error.partition(": ")
        return None, code or "no_reply", why[:COMPLAINT_LENGTH_MAX]
    if call.reply.finish is Finish.LENGTH:
        return None, "cut", "the answer was cut at its length; answer shorter, with complete JSON"
    if call.reply.finish is not Finish.STOP:
        return None, "not_finished", "the answer did not end by itself"
    try:
        return read(call.reply.text), "", ""
    except Unreadable as trouble:
        return None, trouble.code, str(trouble)[:COMPLAINT_LENGTH_MAX]


Compose = Callable[[Turn], Question]


@dataclass(slots=True)
class Live:
    """Asks the desk's models and keeps every call as the record will have it."""

    model: LanguageModel | None
    compose: Compose
    calls: list[Call] = field(default_factory=list)

    def __call__(self, turn: Turn) -> Call:
        question = without_secrets(self.compose(turn))
        call = _asked(self.model, question)
        self.calls.append(call)
        return call

    def recorded(self) -> list[Json]:
        """The calls for the record; the facts stand once in it, beside them."""
        return [encode(replace(call, question=replace(call.question, facts={}))) for call in self.calls]


def without_secrets(question: Question) -> Question:
    """The question as it is sent and recorded: an adapter that takes secrets out must find none that looks like one."""
    messages = tuple(replace(each, text=_PLAIN.text(each.text)) for each in question.messages)
    return replace(question, messages=messages)


def _asked(model: LanguageModel | None, question: Question) -> Call:
    if model is None:
        return Call(question=question, reply=None, error=f"{NO_MODEL}: the desk has no language model")
    try:
        reply = model.ask(question)
    except DeskError as error:
        return Call(question=question, reply=None, error=f"{error.code}: {error}")
    return Call(question=question, reply=replace(reply, text=_storable(reply.text), thinking=_storable(reply.thinking)))


_HALF = re.compile("[\ud800-\udfff]")


def _storable(text: str) -> str:
    """`text` as UTF-8 can hold it: halves of surrogate pairs are replaced."""
    return _HALF.sub("\ufffd", text)


class Recorded:
    """Gives the calls of a record back, one after the other."""

    def __init__(self, calls: Json) -> None:
        self._calls = [decode(Call, each) for each in (calls if isinstance(calls, list) else [])]
        self._next = 0

    def __call__(self, turn: Turn) -> Call:
        """The next call; where the record has no more, or another one, nobody answered."""
        if self._next < len(self._calls):
            call = self._calls[self._next]
            if (call.question.purpose, call.question.model) == (turn.purpose, turn.model):
                self._next += 1
                return call
        question = Question(account="", purpose=turn.purpose, model=turn.model, messages=(), schema={})
        return Call(question=question, reply=None, error="not_recorded: the record has no such call")

    @property
    def made(self) -> Sequence[Call]:
        return self._calls[: self._next]


@dataclass(frozen=True, slots=True, kw_only=True)
class Spent:
    """What the calls of one decision took together."""

    answered_by: str
    tokens_in: int = 0
    tokens_out: int = 0
    cost: Decimal = ZERO
    seconds: Decimal = ZERO


def spent_on(calls: Sequence[Call]) -> Spent:
    """The sums over `calls`, and who really answered the last one that was answered."""
    replies = [call.reply for call in calls if call.reply is not None]
    last = replies[-1].model if replies else ""
    return Spent(
        answered_by=RULES_LABEL if last in (RULES_MODEL, RULES_LABEL) else last,
        tokens_in=sum(each.tokens_in or 0 for each in replies),
        tokens_out=sum(each.tokens_out or 0 for each in replies),
        cost=sum((each.cost for each in replies), ZERO),
        seconds=sum((each.seconds for each in replies), ZERO),
    )


def ladder_facts(ladder: Ladder) -> Json:
    """The ladder for the record."""
    return encode(ladder)


def ladder_of(inputs: Mapping[str, Json]) -> Ladder:
    return decode(Ladder, inputs["ladder"])
