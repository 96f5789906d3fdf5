"""What every implementation of `ports.LanguageModel` promises."""

import threading
from dataclasses import replace
from decimal import Decimal

import pytest

from prudent.domain.errors import Permanent
from prudent.domain.reasoning import Call, Finish, Question, Reply
from prudent.domain.records import canonical, decode, encode
from prudent.ports import LanguageModel

THREADS = 6


class LanguageModelContract:
    """A class that inherits gives the fixtures `model` and `question`, one that the model answers.

    `falls_back_to` is the fallback that the fixture `model` was given.
    """

    falls_back_to: str | None = None

    def test_a_question_gets_a_finished_reply(self, model: LanguageModel, question: Question) -> None:
        reply = model.ask(question)
        assert reply.text
        assert reply.finish is Finish.STOP

    def test_a_reply_names_who_answered(self, model: LanguageModel, question: Question) -> None:
        reply = model.ask(question)
        assert reply.model == question.model
        assert reply.served

    def test_what_a_reply_cost_is_counted(self, model: LanguageModel, question: Question) -> None:
        reply = model.ask(question)
        assert isinstance(reply.cost, Decimal)
        assert isinstance(reply.seconds, Decimal)
        assert min(reply.cost, reply.seconds) >= 0
        assert min(reply.tokens_in or 0, reply.tokens_out or 0) >= 0

    def test_a_call_comes_out_of_a_record_as_it_went_in(self, model: LanguageModel, question: Question) -> None:
        call = Call(question=replace(question, facts={}), reply=model.ask(question))
        assert canonical(encode(call))
        assert decode(Call, encode(call)) == call

    def test_many_may_ask_at_once(self, model: LanguageModel, question: Question) -> None:
        replies: list[Reply] = []
        threads = [threading.Thread(target=lambda: replies.append(model.ask(question))) for _ in range(THREADS)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(120)
        assert [reply.finish for reply in replies] == [Finish.STOP] * THREADS

    def test_a_model_that_is_not_configured_is_refused(self, model: LanguageModel, question: Question) -> None:
        with pytest.raises(Permanent):
            model.ask(replace(question, model="nobody"))

    def test_the_fallback_is_what_was_configured(self, model: LanguageModel, question: Question) -> None:
        assert model.fallback(question.model) == self.falls_back_to
