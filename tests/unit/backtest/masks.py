"""Homes with accounts of every style that reasons, their texts full of what tells, and runs of them with a fake."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import yaml

from prudent.backtest.masked import Asked, trail_of
from prudent.backtest.places import folder_of
from prudent.backtest.request import Cadence, Request
from prudent.backtest.run import Playing, backtest, prepare
from prudent.bootstrap import CONFIG_FILE, Desk, open_desk
from prudent.domain.performance import RunBook
from prudent.domain.reasoning import Question, Reply
from prudent.llm.rules import RulesModel
from prudent.ports import LanguageModel

EVERYTHING = ("dates", "tickers", "prices")
FIRST, LAST = date(2020, 3, 9), date(2020, 3, 12)
LISTED = ("SPY", "USMV", "MTUM", "AAPL", "MSFT", "JNJ", "JPM", "XOM")
TELLING = (
    "Apple crashed in March 2020 and AAPL fell below 280 on Monday 9 March; JPMorgan Chase reports in Q1 2020. "
    "Since 2008 the owner of covid_crash_2020 waits for May 2021 and Christmas. Put at most $2000 into one name."
)
STYLES: Mapping[str, dict[str, Any]] = {
    "weekly_balanced": {"strategy": "llm_portfolio", "parameters": {"style": "core_satellite"}},
    "monthly_value": {"strategy": "llm_portfolio", "parameters": {"style": "value"}},
    "daily_momentum": {"strategy": "llm_portfolio", "parameters": {"style": "momentum"}},
    "intraday": {"strategy": "intraday", "parameters": {"min_order": 50}},
    "covid_crash_2020": {"strategy": "research", "parameters": {}},
}
MODEL = "teller"


def config(*, until: str | None = None) -> dict[str, Any]:
    """A home whose accounts ask the model MODEL; `until` is its cut-off."""
    own = {"kind": "openai_compatible", "base_url": "http://127.0.0.1:9/v1", "key": ""}
    accounts = {
        name: {
            **style, "model": MODEL, "class": "autonomous", "custom_instructions": TELLING,
            "name": "The crash of March 2020", "custom_rules": ["never sell AAPL in May", "no purchases on Fridays"],
            "parameters": {**style["parameters"], "watchlist": list(LISTED)},
            "limits": {"cash_min": "10.5%"},
        }
        for name, style in STYLES.items()
    }  # fmt: skip
    return {
        "schema_version": 1, "mode": "paper", "data": {"source": "sample"}, "clock": {"start": "2022-11-28"},
        "backtest": {"sealed_days": 0}, "accounts": accounts,
        "language": {"models": {MODEL: own if until is None else {**own, "knowledge_until": until}}},
    }  # fmt: skip


def home(folder: Path, *, until: str | None = None) -> Desk:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / CONFIG_FILE).write_text(yaml.safe_dump(config(until=until)), encoding="utf-8")
    return open_desk(folder)


@dataclass
class Told:
    """Answers by the rules, or as `says` says where it says something, under the name of the model that was asked."""

    says: "Callable[[Question], str | None] | None" = None
    asked: list[Question] = field(default_factory=list)

    def ask(self, question: Question) -> Reply:
        self.asked.append(question)
        said = self.says(question) if self.says is not None else None
        text = RulesModel().ask(question).text if said is None else said
        return Reply(text=text, model=question.model, served=question.model)

    def fallback(self, model: str) -> str | None:
        del model
        return None


def request(desk: Desk, account: str, *, anonymise: tuple[str, ...] = EVERYTHING, **changes: Any) -> Request:
    cadence = Cadence.MINUTES_30 if account == "intraday" else Cadence.DAILY
    # Enough to hold something at the end, and for a day to follow on another within the session.
    last = FIRST + timedelta(days=1) if account == "intraday" else LAST
    made = {"first": FIRST, "last": last, "cadence": cadence, **changes}
    return Request(mandate=desk.mandate(account), anonymise=anonymise, **made)


def play(desk: Desk, asked: Request, model: LanguageModel | None = None) -> RunBook:
    return backtest(desk, prepare(desk, asked), Playing(model=model if model is not None else Told()))


def folder(desk: Desk, book: RunBook) -> Path:
    return folder_of(desk, book.account, int(book.id.rpartition("/b")[2]))


def trail(desk: Desk, book: RunBook) -> list[Asked]:
    return list(trail_of(folder(desk, book)))


def prompts(questions: list[Question]) -> str:
    """Everything that is sent, one text."""
    return "\n".join(each.text for question in questions for each in question.messages)


def fills(book: RunBook) -> list[tuple[str, str, float, float]]:
    rows = book.fills
    return [
        (str(rows.day[i]), rows.symbols[rows.symbol[i]], float(rows.quantity[i]), float(rows.price[i]))
        for i in range(len(rows))
    ]
