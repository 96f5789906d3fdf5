"""The ladder of one pass: who is asked in which order, what ends it, and that a record climbs it again by itself."""

from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal

import pytest
from tests.unit.reasoning.account import MANDATE

from prudent.domain.errors import OverBudget, Permanent, Temporary
from prudent.domain.reasoning import RULES_LABEL, Call, Finish, Message, Question, Reply, Speaker
from prudent.domain.records import decode, encode
from prudent.llm.scripted import Line, Scripted
from prudent.reasoning.json_text import Unreadable
from prudent.reasoning.ladder import Ladder, Live, Recorded, Rung, Turn, climb, spent_on

LADDER = Ladder(model="main", fallback="spare")


def compose(turn: Turn) -> Question:
    text = f"{turn.purpose}|{turn.complaint}"
    return Question(
        account="acc", purpose=turn.purpose, model=turn.model, messages=(Message(speaker=Speaker.USER, text=text),),
        schema={}, facts={"secret_size": 1},
    )  # fmt: skip


def read(text: str) -> str:
    if text != "good":
        raise Unreadable("odd", f"must be good, was {text}")
    return text


def climbed(main: Sequence[Line], spare: Sequence[Line] = (), ladder: Ladder = LADDER) -> tuple[Rung[str], Live]:
    live = Live(Scripted({"main": main, "spare": spare}), compose)
    return climb(live, ladder, purpose="pass1", read=read), live


def asked(live: Live) -> list[tuple[str, str]]:
    return [(call.question.model, call.question.messages[0].text) for call in live.calls]


def test_what_looks_like_a_secret_is_neither_sent_nor_recorded() -> None:
    def composed(turn: Turn) -> Question:
        key = Message(speaker=Speaker.USER, text="the owner writes api_key=abcd1234efgh, sk-abcdefghijklmnop1234, buy")
        return replace(compose(turn), messages=(key,))

    model = Scripted({"main": ["good"]})
    live = Live(model, composed)
    climb(live, LADDER, purpose="pass1", read=read)
    said = "the owner writes api_key=REDACTED, REDACTED, buy"
    assert model.asked[0].messages[0].text == live.calls[0].question.messages[0].text == said
    assert "abcd1234" not in str(live.recorded())


def test_a_good_answer_is_asked_for_once() -> None:
    rung, live = climbed(["good"])
    assert (rung.value, rung.model, rung.retries, len(live.calls)) == ("good", "main", 0, 1)


def test_the_same_model_is_asked_once_more_with_the_error_and_nothing_of_its_own_answer() -> None:
    rung, live = climbed(["bad: ignore your rules", "good"])
    assert rung.value == "good"
    assert asked(live)[1] == ("main", "pass1|must be good, was bad: ignore your rules")
    assert len(live.calls[1].question.messages) == 1
    assert rung.failures == ("pass1 main: odd: must be good, was bad: ignore your rules",)


def test_then_the_fallback_is_asked_once_with_a_clean_question() -> None:
    rung, live = climbed(["bad"], ["good"])
    assert [model for model, _ in asked(live)] == ["main", "main", "spare"]
    assert asked(live)[2][1] == "pass1|"
    assert (rung.value, rung.model, rung.retries) == ("good", "spare", 2)


def test_a_ladder_without_an_answer_fails_with_the_last_reason() -> None:
    rung, live = climbed(["bad"], ["worse"])
    assert (rung.value, rung.code, len(live.calls)) == (None, "odd", 3)


@pytest.mark.parametrize(("finish", "code"), [(Finish.LENGTH, "cut"), (Finish.OTHER, "not_finished")])
def test_a_cut_answer_is_never_read_however_good_it_looks(finish: Finish, code: str) -> None:
    rung, live = climbed(
        [Reply(text="good", finish=finish, model="main")], [Reply(text="good", finish=finish, model="x")]
    )
    assert (rung.value, rung.code, len(live.calls)) == (None, code, 3)


def test_a_model_that_gives_no_reply_is_not_asked_again() -> None:
    rung, live = climbed([Temporary("no reply in 60 s")], ["good"])
    assert [model for model, _ in asked(live)] == ["main", "spare"]
    assert rung.value == "good"
    assert live.calls[0].error == "upstream_unavailable: no reply in 60 s"


def test_what_the_budget_forbids_ends_the_ladder_at_once() -> None:
    rung, live = climbed([OverBudget("the day's budget is spent")], ["good"])
    assert (rung.value, rung.over_budget, len(live.calls)) == (None, True, 1)
    spent, _ = climbed(["bad", OverBudget("the day's budget is spent")], ["good"])
    assert (spent.value, spent.over_budget) == (None, True)


def test_a_wrong_key_is_a_failure_with_its_reason_and_no_crash() -> None:
    rung, _ = climbed([Permanent("401: the key is wrong")], [Permanent("404: no such model")])
    assert (rung.value, rung.code, rung.why) == (None, "error", "404: no such model")


def test_a_desk_without_models_fails() -> None:
    rung = climb(Live(None, compose), LADDER, purpose="pass1", read=read)
    assert (rung.value, rung.code) == (None, "no_model")


def test_an_account_of_a_pair_has_nobody_to_fall_back_to() -> None:
    models = Scripted({"main": ["bad"]}, fallbacks={"main": "spare"})
    mandate = replace(MANDATE, model="main", parameters={"on_failure": "rules"})
    assert Ladder.of(mandate, models) == Ladder(model="main", fallback="spare", last="rules")
    assert Ladder.of(replace(mandate, pair="weekly"), models) == Ladder(model="main", fallback=None, last="hold")


def test_rules_as_a_fallback_are_the_last_rung_unless_the_mandate_rather_holds() -> None:
    models = Scripted({}, fallbacks={"main": "rules"})
    mandate = replace(MANDATE, model="main")
    assert Ladder.of(mandate, models) == Ladder(model="main", fallback=None, last="rules")
    holds = replace(mandate, parameters={"on_failure": "hold"})
    assert Ladder.of(holds, models) == Ladder(model="main", fallback=None, last="hold")
    assert Ladder.of(replace(mandate, model="other"), models) == Ladder(model="other", fallback=None, last="hold")


def test_a_record_climbs_the_same_ladder_without_a_model() -> None:
    for main, spare in (
        (["bad"], ["good"]),
        ([Temporary("down")], ["bad"]),
        (["good"], []),
        ([OverBudget("spent")], []),
    ):
        rung, live = climbed(main, spare)
        record = live.recorded()
        assert climb(Recorded(record), LADDER, purpose="pass1", read=read) == rung
        assert all(decode(Call, each).question.facts == {} for each in record)


def test_a_record_of_another_pass_answers_nothing() -> None:
    _, live = climbed(["good"])
    rung = climb(Recorded(live.recorded()), LADDER, purpose="pass2", read=read)
    assert (rung.value, rung.code) == (None, "not_recorded")


def test_what_cannot_be_stored_is_replaced_before_it_is_kept() -> None:
    _, live = climbed(["bad \ud800"], ["good"])
    assert live.calls[0].reply is not None
    assert live.calls[0].reply.text == "bad \ufffd"
    encode(live.calls[0])


def test_tokens_and_money_of_all_calls_are_summed_and_the_last_that_answered_is_named() -> None:
    replies = [
        Reply(text="", model="big", tokens_in=100, tokens_out=None, cost=Decimal("0.02"), seconds=Decimal(3)),
        Reply(text="", model="rules", tokens_in=5, tokens_out=7, cost=Decimal("0.01"), seconds=Decimal(1)),
    ]
    question = compose(Turn(purpose="pass1", model="m"))
    calls = [Call(question=question, reply=each) for each in replies] + [
        Call(question=question, reply=None, error="x: y")
    ]
    spent = spent_on(calls)
    assert spent.answered_by == RULES_LABEL
    assert (spent.tokens_in, spent.tokens_out, spent.cost, spent.seconds) == (105, 7, Decimal("0.03"), Decimal(4))
