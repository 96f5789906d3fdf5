"""No prompt of a masked backtest tells when or of whom it is, whatever style asks and whatever the owner wrote."""

import json
import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest
from tests.unit.backtest.masks import EVERYTHING, LISTED, STYLES, TELLING, Told, home, play, prompts, request, trail

from prudent.backtest.leaks import leaks_in
from prudent.backtest.masked import masked_model
from prudent.backtest.masked_facts import Mask
from prudent.backtest.places import folder_of
from prudent.backtest.request import Request
from prudent.backtest.stage import LEDGER_FILE
from prudent.bootstrap import Desk
from prudent.domain.reasoning import Question, Reply
from prudent.ledger import open_ledger
from prudent.reasoning.templates import read_template

YEAR = re.compile(r"\b(19|20)\d{2}\b")
MONTH = re.compile(
    r"\b(January|February|March|April|June|July|August|September|October|November|December)\b|\bMay\b(?= \d|\.|,)"
)
WEEKDAY = re.compile(r"\b(?:Mon|Tues|Wednes|Thurs|Fri|Satur|Sun)days?\b")
COMPANIES = ("Apple", "Microsoft", "Johnson", "JPMorgan", "Exxon", "S&P", "SPDR", "iShares", "Christmas", "SPX")
TICKERS = re.compile(rf"(?<![\w]){'|'.join(f'(?:{each})' for each in LISTED)}(?![\w])")
LEVEL = re.compile(r"(?:vix|ten_year)[^\n]{0,80}\blevel=")


class Runs:
    """One masked run of each style, made when it is first asked for."""

    def __init__(self, desk: Desk) -> None:
        self.desk = desk
        self._models: dict[tuple[str, tuple[str, ...]], Told] = {}

    def model(self, account: str, *hidden: str) -> Told:
        key = (account, hidden)
        if key not in self._models:
            self._models[key] = Told()
            play(self.desk, request(self.desk, account, anonymise=hidden), self._models[key])
        return self._models[key]

    def text(self, account: str, *hidden: str) -> str:
        return prompts(self.model(account, *hidden).asked)


@pytest.fixture(scope="session")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Runs:
    return Runs(home(tmp_path_factory.mktemp("masked") / "home"))


@pytest.mark.parametrize("account", STYLES)
def test_no_prompt_tells_the_time_the_company_or_the_account(runs: Runs, account: str) -> None:
    text = runs.text(account, *EVERYTHING)
    assert len(runs.model(account, *EVERYTHING).asked) > 2
    for telling in (YEAR, MONTH, WEEKDAY, TICKERS, LEVEL):
        assert telling.findall(text) == []
    assert [name for name in (*COMPANIES, "covid", "_crash_", "The crash of") if name in text] == []
    assert "ASSET_0" in text
    assert "Day " in text or "Week " in text


@pytest.mark.parametrize("account", STYLES)
def test_without_a_mask_the_same_prompts_tell_all_of_it(runs: Runs, account: str) -> None:
    text = runs.text(account)
    for telling in (YEAR, MONTH, WEEKDAY, TICKERS):
        assert telling.search(text)
    assert "Apple" in text
    assert account == "intraday" or LEVEL.search(text)


def test_of_dates_tickers_and_prices_each_can_be_hidden_alone(runs: Runs) -> None:
    seen = {part: runs.text("weekly_balanced", part) for part in EVERYTHING}
    price = re.compile(r"average_cost=|price=(?:6\d|7\d)\.\d+")
    assert YEAR.findall(seen["dates"]) == []
    assert TICKERS.search(seen["dates"])
    assert TICKERS.findall(seen["tickers"]) == []
    assert YEAR.search(seen["tickers"])
    assert "level=" not in seen["prices"]
    assert YEAR.search(seen["prices"])
    assert TICKERS.search(seen["prices"])
    assert price.search(seen["dates"])
    assert {part: "volume_to_mean=" in text for part, text in seen.items()} == {
        "dates": False, "tickers": False, "prices": True,
    }  # fmt: skip


def test_prices_begin_at_a_hundred_and_values_stay(runs: Runs) -> None:
    masked = runs.model("weekly_balanced", *EVERYTHING).asked
    plain = runs.model("weekly_balanced").asked
    first = masked[0].facts["symbols"]
    assert isinstance(first, list)
    # Five sessions from the open of the first, in the fastest fall there was.
    assert all(isinstance(row, dict) and 60 < float(str(row["price"])) < 140 for row in first)
    held = [(one.facts["positions"], other.facts["positions"]) for one, other in zip(masked, plain)]
    listed = [(one, other) for one, other in held if isinstance(one, list) and isinstance(other, list)]
    rows = [pair for one, other in listed for pair in zip(one, other)]
    assert rows
    for one, other in rows:
        assert isinstance(one, dict)
        assert isinstance(other, dict)
        assert (one["value"], one["weight"], one["gain"], one["age_days"]) == (
            other["value"], other["weight"], other["gain"], other["age_days"],
        )  # fmt: skip
        worth = float(str(one["quantity"])) * float(str(one["price"]))
        assert worth == pytest.approx(float(str(other["value"])), rel=1e-4)
        assert one["quantity"] != other["quantity"]


def test_headlines_are_left_out_and_counted(runs: Runs) -> None:
    news = [each.facts["news"] for each in runs.model("weekly_balanced", *EVERYTHING).asked]
    plain = [each.facts["news"] for each in runs.model("weekly_balanced").asked]
    counts = [len(each["items"]) for each in plain if isinstance(each, dict) and isinstance(each["items"], list)]
    assert sum(counts) > 0
    for count, shown in zip(counts, news):
        assert isinstance(shown, dict)
        assert shown["items"] == []
        assert str(shown["note"]).startswith(f"{count} headlines") == (count > 0)


def test_the_record_keeps_the_real_names_and_the_trail_what_was_sent(runs: Runs) -> None:
    book = play(runs.desk, request(runs.desk, "monthly_value"))
    kept = trail(runs.desk, book)
    ledger = open_ledger(_ledger(runs.desk, book.account, book.id), owner=runs.desk.ledger.owner, durable=False)
    try:
        record = ledger.load_record(book.decisions[0].cycle)
    finally:
        ledger.close()
    calls = record.decision_inputs["calls"]
    assert isinstance(calls, list)
    assert "AAPL" in str(calls)
    assert "ASSET_" not in str(calls)
    assert [each.leaks for each in kept] == [()] * len(kept)
    assert "AAPL" not in prompts([each.question for each in kept])


def test_the_guard_against_leaks_finds_what_it_is_for(runs: Runs) -> None:
    desk = runs.desk
    asked = request(desk, "weekly_balanced")
    sent = runs.model("weekly_balanced", *EVERYTHING).asked[0]
    mask = _mask(desk, asked)
    planted: Mapping[str, str] = {
        "in 2020": "2020", "since March": "March", "on Monday": "Monday", "AAPL": "AAPL", "Apple rose": "Apple",
        "symbol=SPY price": "SPY", "- vix: level=54.46": "vix: level=", "harmless words": "",
        "weekly_balanced": "weekly_balanced", "- weekly_balanced: 0.3": "",
    }  # fmt: skip
    for text, found in planted.items():
        last = replace(sent.messages[-1], text=f"{sent.messages[-1].text}\n{text}")
        leaks = leaks_in(replace(sent, messages=(*sent.messages[:-1], last)), mask)
        assert (found in leaks) if found else (leaks == ()), text


def test_texts_of_the_owner_lose_what_tells_and_keep_what_is_asked(runs: Runs) -> None:
    mask = _mask(runs.desk, request(runs.desk, "covid_crash_2020"))
    said = mask.text(TELLING)
    apple = mask.names.symbol("AAPL")
    assert said.count(apple) == 2
    assert mask.names.symbol("JPM") in said
    assert "$2000" in said
    assert "ACC-1" in said
    assert YEAR.findall(said.replace("$2000", "")) == []
    assert "at most" in said


def test_a_prompt_is_written_by_the_strategy_s_own_template(runs: Runs) -> None:
    system = read_template("prudent.strategies.llm_portfolio", "system").render({"alias": "ACC-1"})
    assert runs.model("weekly_balanced", *EVERYTHING).asked[0].messages[0].text == system


def test_a_repeated_question_stays_masked_where_the_parser_complains(runs: Runs) -> None:
    class Stumbles(Told):
        def ask(self, question: Question) -> Reply:
            reply = super().ask(question)
            pass2 = question.purpose == "pass2" and len(question.messages) == 2
            both = [{"symbol": _first_symbol(question), "action": each, "amount_usd": 300} for each in ("BUY", "SELL")]
            return replace(reply, text=json.dumps({"summary": "", "trades": both})) if pass2 else reply

    model = Stumbles()
    play(runs.desk, request(runs.desk, "daily_momentum", seed=7), model)
    again = [each for each in model.asked if len(each.messages) > 2]
    assert again
    assert all(f"{_first_symbol(each)} has BUY and SELL" in each.messages[-1].text for each in again)
    assert TICKERS.findall(prompts(again)) == []


def _first_symbol(question: Question) -> object:
    rows = question.facts["symbols"]
    assert isinstance(rows, list)
    assert isinstance(rows[0], dict)
    return rows[0]["symbol"]


def _mask(desk: Desk, asked: Request) -> Mask:
    return masked_model(
        Told(), asked, symbols=LISTED, instruments=desk.instruments, calendar=desk.calendar, market=desk.market,
        opened_at=lambda symbol: None, first=asked.first, trail=None,
    ).mask  # fmt: skip


def _ledger(desk: Desk, account: str, name: str) -> Path:
    return folder_of(desk, account, int(name.rpartition("/b")[2])) / LEDGER_FILE
