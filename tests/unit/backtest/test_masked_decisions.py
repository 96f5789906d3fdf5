"""A mask changes what a model is shown and nothing of what its answers mean."""

import json
from dataclasses import replace
from datetime import date
from decimal import Decimal

import pytest
from tests.unit.backtest.masks import LISTED, Told, fills, folder, home, play, prompts, request, trail

from prudent.backtest.masked import names_of
from prudent.backtest.masked_names import Names
from prudent.backtest.masked_prompts import rendered
from prudent.backtest.stage import LEDGER_FILE
from prudent.bootstrap import Desk
from prudent.domain.cycles import CycleRecord
from prudent.domain.errors import InputError
from prudent.domain.performance import RunBook
from prudent.domain.reasoning import Question
from prudent.ledger import open_ledger
from prudent.reasoning.brief import brief_of
from prudent.registry import strategy_of


@pytest.fixture(scope="session")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Desk:
    return home(tmp_path_factory.mktemp("decisions") / "home")


def symbols(question: Question) -> list[dict[str, object]]:
    rows = question.facts["symbols"]
    assert isinstance(rows, list)
    return [dict(each) for each in rows if isinstance(each, dict)]


def analysis(question: Question) -> str | None:
    return '{"regime": "BULL", "sector_scores": []}' if question.purpose == "pass1" else None


def trade(row: dict[str, object], action: str, **amount: object) -> dict[str, object]:
    return {"index": row["index"], "symbol": row["symbol"], "action": action, "thesis": f"{row['symbol']}", **amount}


def answer(*trades: dict[str, object]) -> str:
    return json.dumps({"summary": "said", "trades": list(trades)})


def strongest(question: Question) -> str | None:
    """A reader of figures and of nothing else: buys the strongest month, leaves the weakest."""
    if question.purpose != "pass2":
        return analysis(question)
    rows = sorted(symbols(question), key=lambda row: float(str(row["indicators"]["return_21"])))  # type: ignore[index]
    weakest = [trade(row, "EXIT") for row in rows[:2] if row["held"] is True]
    return answer(*weakest, trade(rows[-1], "BUY", amount_pct=5), trade(rows[-2], "BUY", amount_usd=700))


def records(desk: Desk, book: RunBook) -> list[CycleRecord]:
    ledger = open_ledger(folder(desk, book) / LEDGER_FILE, owner=desk.ledger.owner, durable=False)
    try:
        return [ledger.load_record(each.cycle) for each in book.decisions]
    finally:
        ledger.close()


@pytest.mark.parametrize("account", ["weekly_balanced", "monthly_value", "daily_momentum", "intraday"])
def test_the_rules_decide_behind_the_mask_what_they_decide_without(desk: Desk, account: str) -> None:
    open_ = play(desk, request(desk, account, anonymise=()))
    masked = play(desk, request(desk, account))
    assert fills(open_)
    assert fills(masked) == fills(open_)
    assert masked.nav.nav.tolist() == open_.nav.nav.tolist()


def test_a_brief_by_the_rules_says_the_same_of_the_same_symbols(desk: Desk) -> None:
    """Ties of its views are broken by label, so only their set is the same where a brief has room for all."""
    found, closed = [], []
    for hidden in ((), ("dates", "tickers", "prices")):
        window = {"first": date(2020, 1, 16), "last": date(2020, 1, 23)}
        model = Told()
        book = play(desk, request(desk, "covid_crash_2020", anonymise=hidden, **window), model)
        closed.append("the exchange is closed" in prompts(model.asked))
        briefs = [brief_of(each) for each in records(desk, book)]
        found.append([
            (each.regime, each.sector_biases, each.avoid, {view.symbol: view.direction for view in each.views})
            for each in briefs if each is not None
        ])  # fmt: skip
    assert found[0]
    assert any(views for *_rest, views in found[0])
    assert [avoid for _regime, _biases, avoid, _views in found[0] if avoid]
    assert not all(avoid for _regime, _biases, avoid, _views in found[0])
    assert found[0] == found[1]
    # Martin Luther King's day, which would tell the month.
    assert closed == [True, False]


def test_other_labels_give_the_same_orders(desk: Desk) -> None:
    books = [play(desk, request(desk, "daily_momentum", seed=seed), Told(strongest)) for seed in (1, 2)]
    labels = [names_of(folder(desk, book)) for book in books]
    assert [labels[0][each] for each in LISTED] != [labels[1][each] for each in LISTED]
    assert all(sorted(each) == sorted(labels[0]) for each in labels)
    assert len(fills(books[0])) >= 4
    assert fills(books[0]) == fills(books[1])


def test_the_trail_begins_with_the_labels_that_the_run_s_seed_gives(desk: Desk) -> None:
    book = play(desk, request(desk, "daily_momentum", seed=1), Told(strongest))
    labels = names_of(folder(desk, book))
    assert labels == Names(LISTED, desk.instruments.all(), seed=1).pairs()
    assert len(set(labels.values())) == len(labels)


def test_shares_of_a_rebased_price_are_worth_what_they_are(desk: Desk) -> None:
    """Five shares at 100 are five hundred dollars, whatever a real share costs."""

    def shares(question: Question) -> str | None:
        if question.purpose != "pass2":
            return analysis(question)
        return answer(trade(symbols(question)[3], "BUY", shares=5))

    book = play(desk, request(desk, "weekly_balanced", seed=5), Told(shares))
    asked = next(each.question for each in trail(desk, book) if each.question.purpose == "pass2")
    worth = (5 * Decimal(str(symbols(asked)[3]["price"]))).quantize(Decimal("0.01"))
    first = records(desk, book)[0]
    assert f'"amount_usd": "{worth}"' in str(first.decision_inputs["calls"])
    assert first.decision.reasoning is not None
    idea = first.decision.reasoning.ideas[0]
    real = next(each.price for each in first.observation.quotes if each.symbol == LISTED[3])
    assert real is not None
    assert idea.symbol == LISTED[3]
    # Whole shares of the real price, as many as the money buys.
    assert worth - real < idea.amount <= worth


def test_a_model_that_names_the_real_company_is_not_followed_and_counted(desk: Desk) -> None:
    def knows(question: Question) -> str | None:
        if question.purpose != "pass2":
            return analysis(question)
        return answer({"index": 4, "symbol": "AAPL", "action": "BUY", "amount_usd": 500})

    book = play(desk, request(desk, "weekly_balanced", seed=8), Told(knows))
    assert fills(book) == []
    assert sum(each.recognised for each in trail(desk, book)) >= 3
    assert any("replies that named a company" in note for note in book.provenance.notes)


def test_a_masked_cycle_replays_from_its_record(desk: Desk) -> None:
    book = play(desk, request(desk, "daily_momentum", seed=1), Told(strongest))
    for record in records(desk, book):
        if record.decision_inputs:
            made = strategy_of(record).decide(record.observation, record.mandate, record.decision_inputs)
            assert made.targets == record.decision.targets


def test_a_strategy_whose_prompts_nobody_can_write_anew_is_refused(desk: Desk) -> None:
    asked = trail(desk, play(desk, request(desk, "weekly_balanced")))[0].question
    with pytest.raises(InputError, match="anonymise"):
        rendered(asked, asked.facts, replace(desk.mandate("weekly_balanced"), strategy="of_a_plugin"))
