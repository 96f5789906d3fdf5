"""What a language model answered, given again to the same questions, so that a run after it asks nobody."""

from collections.abc import Iterable
from datetime import datetime

from prudent.backtest.traced import Difference, Diverged
from prudent.domain.cycles import CycleRecord
from prudent.domain.errors import BlockedError, ConfigError, DeskError, InputError, OverBudget, Permanent, Temporary
from prudent.domain.reasoning import RULES_MODEL, Call, Question, Reply
from prudent.domain.records import Json, decode, digest, encode
from prudent.pipeline.replay import first_difference
from prudent.ports import Clock, LanguageModel

Outcome = Reply | DeskError
_FAILURES = {kind.code: kind for kind in (Temporary, OverBudget, BlockedError, InputError, ConfigError)}
_SHOWN = 40


def key_of(question: Question) -> str:
    """Names what is sent. Facts are not: they are what the messages say, and a record keeps them apart."""
    return digest({
        "model": question.model, "messages": encode(question.messages), "schema": question.schema,
        "max_tokens": question.max_tokens,
    })  # fmt: skip


class Outcomes:
    """Replies and failures by question, given in the order in which they came; the last one is given from then on."""

    def __init__(self) -> None:
        self._all: dict[str, list[Outcome]] = {}

    def add(self, key: str, outcome: Outcome) -> None:
        self._all.setdefault(key, []).append(outcome)

    def nth(self, key: str, place: int) -> Outcome | None:
        found = self._all.get(key)
        return None if found is None else found[min(place, len(found) - 1)]


class _Teller:
    """Tells a question's outcomes one after the other."""

    def __init__(self, outcomes: Outcomes) -> None:
        self._outcomes = outcomes
        self._told: dict[str, int] = {}

    def next(self, question: Question) -> Reply | None:
        """The next outcome; None where the question is not known. A failure is raised as it was."""
        key = key_of(question)
        outcome = self._outcomes.nth(key, self._told.get(key, 0))
        self._told[key] = self._told.get(key, 0) + 1
        if isinstance(outcome, DeskError):
            raise outcome
        return outcome


class Remembering:
    """Implements `LanguageModel` over another one and keeps what it answered, and the questions in their order."""

    def __init__(self, model: LanguageModel) -> None:
        self._model = model
        self.outcomes = Outcomes()
        self.questions: list[Question] = []

    def ask(self, question: Question) -> Reply:
        self.questions.append(question)
        try:
            reply = self._model.ask(question)
        except DeskError as error:
            self.outcomes.add(key_of(question), error)
            raise
        self.outcomes.add(key_of(question), reply)
        return reply

    def fallback(self, model: str) -> str | None:
        return self._model.fallback(model)


class Remembered:
    """Implements `LanguageModel` out of what another run was answered; only the built-in rules answer anything new.

    A new question up to `until` ends the run, for something in a prompt is another. After it nobody answers one.

    Raises:
        Diverged: a question up to `until` is none of those that were asked.
        Temporary: there is no reply to it.
    """

    def __init__(self, known: Remembering, until: datetime) -> None:
        self._known = known
        self._teller = _Teller(known.outcomes)
        # The clock of the run that asks, once it is there.
        self.clock: Clock | None = None
        self._until = until
        self._asked = 0

    def ask(self, question: Question) -> Reply:
        place, self._asked = self._asked, self._asked + 1
        reply = self._teller.next(question)
        if reply is not None:
            return reply
        now = self._until if self.clock is None else self.clock.now()
        if now <= self._until:
            raise Diverged(self._other(place, question, now))
        if question.model == RULES_MODEL:
            from prudent.llm.rules import RulesModel

            return RulesModel().ask(question)
        raise Temporary(f"model {question.model} is not asked in a proof")

    def fallback(self, model: str) -> str | None:
        return self._known.fallback(model)

    def _other(self, place: int, question: Question, now: datetime) -> Difference:
        stage = f"question to {question.model} ({question.purpose})"
        if place >= len(self._known.questions):
            return Difference(at=now, cycle=question.account, stage=stage, path="", was="not asked", now="asked")
        before, after = encode(self._known.questions[place]), encode(question)
        path, _was, _now = first_difference(before, after)
        was, is_now = _around(_leaf(before, path), _leaf(after, path))
        return Difference(at=now, cycle=question.account, stage=stage, path=path, was=was, now=is_now)


class Recorded:
    """Implements `LanguageModel` out of the records of a run, as each reply came then; the rules answer anew.

    `others` are calls that its records do not hold in the words that were sent, such as masked ones.
    """

    def __init__(
        self, records: Iterable[CycleRecord], model: LanguageModel, *, others: Iterable[Call] = ()
    ) -> None:  # fmt: skip
        self._model = model
        outcomes = Outcomes()
        for call in (*_calls(records), *others):
            outcomes.add(key_of(call.question), call.reply if call.reply is not None else _failure(call.error))
        self._teller = _Teller(outcomes)

    def ask(self, question: Question) -> Reply:
        """The recorded reply; raises `Temporary` where this question was not asked then."""
        if question.model == RULES_MODEL:
            return self._model.ask(question)
        reply = self._teller.next(question)
        if reply is None:
            raise Temporary(f"the run did not ask model {question.model} this, and it is not asked anew")
        return reply

    def fallback(self, model: str) -> str | None:
        return self._model.fallback(model)


def _calls(records: Iterable[CycleRecord]) -> Iterable[Call]:
    for record in records:
        calls = record.decision_inputs.get("calls")
        for each in calls if isinstance(calls, list) else ():
            yield decode(Call, each)


def _failure(text: str) -> DeskError:
    """The failure that a record tells as `code: message`."""
    code, _, message = text.partition(": ")
    return _FAILURES.get(code, Permanent)(message)


def _leaf(data: Json, path: str) -> str:
    for part in path.replace("[", ".[").split("."):
        if part.startswith("[") and isinstance(data, list):
            data = data[int(part[1:-1])]
        elif part and isinstance(data, dict):
            data = data.get(part)
    return str(data)


def _around(was: str, now: str) -> tuple[str, str]:
    """What stands around the first character that differs."""
    at = next((i for i, (one, other) in enumerate(zip(was, now)) if one != other), min(len(was), len(now)))
    begin = max(0, at - _SHOWN)
    return was[begin : at + _SHOWN], now[begin : at + _SHOWN]
