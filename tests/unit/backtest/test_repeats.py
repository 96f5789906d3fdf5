"""Repeats ask anew, each keeps its own replies, and what they decide differently is counted."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import date
from pathlib import Path
from statistics import stdev

import pytest
from tests.unit.backtest.masks import LISTED, MODEL, Told, folder, home, play, request
from tests.unit.backtest.test_masked_decisions import analysis, answer, records, strongest, symbols, trade

from prudent.backtest.repeated import Repeated
from prudent.backtest.repeats import IDENTICAL, Noise, decision_noise
from prudent.bootstrap import Desk
from prudent.domain.performance import RunBook
from prudent.domain.reasoning import Message, Question, Speaker
from prudent.llm.cached import Cached
from prudent.llm.rules import RulesModel
from prudent.llm.scripted import Scripted
from prudent.ports import LanguageModel

Says = Callable[[Question], str | None]


def question() -> Question:
    said = (Message(speaker=Speaker.USER, text="4?"),)
    return Question(account="a", purpose="test", model=MODEL, messages=said, schema={}, facts={"version": 1})


def test_a_repeat_is_asked_anew_once_and_sent_the_same(tmp_path: Path) -> None:
    inner = Scripted({MODEL: ["one", "two", "three"]})
    cached = Cached(inner, folder=tmp_path, identity={})
    repeats: list[LanguageModel] = [cached, Repeated(cached, 1), Repeated(cached, 2)]
    models = [*repeats, *repeats]
    assert [each.ask(question()).text for each in models] == ["one", "two", "three", "one", "two", "three"]
    assert len({each.messages for each in inner.asked}) == 1


def test_the_first_repeat_is_the_backtest_without_repeats(tmp_path: Path) -> None:
    """Replies that were kept before there were repeats are still found."""
    cached = Cached(Scripted({MODEL: ["one"]}), folder=tmp_path, identity={})
    assert cached.key(replace(question(), facts={"repeat": 0})) == cached.key(question())
    assert cached.key(replace(question(), facts={"repeat": 1})) != cached.key(question())


@pytest.fixture(scope="session")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Desk:
    return home(tmp_path_factory.mktemp("repeats") / "home")


def noise(desk: Desk, books: list[RunBook]) -> Noise:
    found = decision_noise(books, owner=desk.ledger.owner, folders=[folder(desk, each) for each in books])
    assert found is not None
    return found


def repeated(desk: Desk, says: list[Says], **changes: object) -> list[RunBook]:
    return [
        play(desk, request(desk, "daily_momentum", anonymise=(), seed=seed, **changes), Told(each))
        for seed, each in enumerate(says)
    ]


def test_a_model_that_says_the_same_has_no_noise(desk: Desk) -> None:
    found = noise(desk, repeated(desk, [strongest, strongest, strongest]))
    assert (found.repeats, found.agreement, found.spread, found.first, found.note) == (3, 1.0, 0.0, 1.0, "")
    assert found.moments == 3


def buys(place: int) -> Says:
    def says(asked: Question) -> str | None:
        if asked.purpose != "pass2":
            return analysis(asked)
        row = symbols(asked)[place]
        return answer() if row["held"] is True else answer(trade(row, "BUY", amount_pct=5))

    return says


def test_agreement_is_of_pairs_and_spread_of_weights(desk: Desk) -> None:
    """Two of three buy the first symbol, the third the second, once; later all hold, which is agreement."""
    last = date(2020, 3, 11)
    books = repeated(desk, [buys(1), buys(1), buys(2)], last=last)
    found = noise(desk, books)
    assert found.first == pytest.approx(1 / 3)
    assert found.moments == 2
    assert found.agreement == pytest.approx((1 / 3 + 1) / 2)
    wanted = [each[0].decision.targets for each in (records(desk, book) for book in books)]
    assert [each[0].symbol for each in wanted] == [LISTED[1], LISTED[1], LISTED[2]]
    weights = [float(each[0].weight) for each in wanted]
    spreads = stdev([weights[0], weights[1], 0.0]), stdev([0.0, 0.0, weights[2]])
    assert found.spread == pytest.approx(sum(spreads) / 2)
    assert min(weights) > 0.01


def test_the_rules_say_that_their_repeats_are_identical(desk: Desk) -> None:
    books = [play(desk, request(desk, "monthly_value", anonymise=(), seed=seed), RulesModel()) for seed in (0, 1)]
    assert noise(desk, books).note == IDENTICAL


def test_without_a_ledger_nothing_is_said_of_noise(desk: Desk, tmp_path: Path) -> None:
    books = repeated(desk, [strongest, strongest])
    assert decision_noise(books, owner=desk.ledger.owner, folders=[tmp_path, tmp_path]) is None


def every(asked: list[Question]) -> Iterator[object]:
    yield from (each.facts.get("repeat") for each in asked)


def test_a_backtest_numbers_its_questions_by_its_seed(desk: Desk) -> None:
    told = {seed: Told(strongest) for seed in (0, 3)}
    for seed, model in told.items():
        play(desk, request(desk, "weekly_balanced", seed=seed), model)
    assert set(every(told[0].asked)) == {None}
    assert set(every(told[3].asked)) == {3}
