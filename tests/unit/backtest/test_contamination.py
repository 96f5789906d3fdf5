"""The contamination report tells a model that remembers from one that reads, and a backtest is stamped accordingly."""

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from tests.unit.backtest.masks import LISTED, MODEL, Told, config, home, play, request
from tests.unit.backtest.test_masked_decisions import analysis, answer, strongest, symbols, trade
from tests.unit.cli.running import invest

from prudent.backtest.contamination import Contamination, report
from prudent.backtest.counterfactual import changes_of
from prudent.backtest.evidence import Guesses
from prudent.backtest.masked import Asked, trail_of
from prudent.backtest.masked_names import Names
from prudent.backtest.places import folder_of
from prudent.backtest.recall import riddle, solved
from prudent.backtest.run import Playing, backtest, prepare
from prudent.bootstrap import Desk
from prudent.domain.errors import InputError
from prudent.domain.performance import EvidenceLevel
from prudent.domain.reasoning import Question

WINDOW: Mapping[str, Any] = {"first": date(2020, 3, 9), "last": date(2020, 3, 26)}
PROBES = 16
Says = Callable[[Question], str | None]


def honest(question: Question) -> str | None:
    """Reads figures; asked to guess, it names what is offered first."""
    return json.dumps({"symbol": offered(question)[0], "year": 1999}) if is_guess(question) else strongest(question)


def stubborn(question: Question) -> str | None:
    """Guesses blindly, but buys the first of the list whatever its figures say."""
    if is_guess(question):
        return honest(question)
    if question.purpose != "pass2":
        return analysis(question)
    return answer(trade(symbols(question)[0], "BUY", amount_usd=300))


@dataclass(frozen=True)
class Remembers:
    """Knows every company and the year by heart."""

    names: Names

    def __call__(self, question: Question) -> str | None:
        if not is_guess(question):
            return strongest(question)
        pseudonym = re.findall(r"Which company is (ASSET_\d+)\?", question.messages[-1].text)[0]
        return json.dumps({"symbol": self.names.real(pseudonym), "year": 2020})


def mute(question: Question) -> str | None:
    return "I would rather not say." if is_guess(question) else strongest(question)


def is_guess(question: Question) -> bool:
    return question.purpose == "probe"


def offered(question: Question) -> list[str]:
    return str(re.findall(r"One of: (.*)\.\n", question.messages[-1].text)[0]).split(", ")


def reported(desk: Desk, says: Says) -> tuple[Contamination, Told]:
    model = Told(says)
    asked = request(desk, "daily_momentum", anonymise=(), **WINDOW)
    return report(desk, prepare(desk, asked), Playing(model=model), probes=PROBES), model


@pytest.fixture(scope="session")
def read(tmp_path_factory: pytest.TempPathFactory) -> tuple[Contamination, Told, Desk]:
    desk = home(tmp_path_factory.mktemp("contamination") / "home", until="2020-03-17")
    return *reported(desk, honest), desk


def test_a_model_that_reads_and_guesses_blindly_passes(read: tuple[Contamination, Told, Desk]) -> None:
    found, _model, _desk = read
    assert found.probed is not None
    assert found.probed.symbols.answered == found.probed.years.answered == PROBES
    assert found.probed.symbols.right <= 2
    assert found.probed.years.right == 0
    assert found.probed.changes.share == 1.0
    assert found.evidence.level is EvidenceLevel.E2


def test_its_figures_open_and_masked_are_those_of_both_runs(read: tuple[Contamination, Told, Desk]) -> None:
    found, _model, desk = read
    rows = {row.id: row.summary for row in desk.ledger.backtests.listed("daily_momentum")}
    assert found.plain["total_return"] == rows[found.plain_id]["total_return"]
    assert found.masked["total_return"] == rows[found.masked_id]["total_return"]
    assert found.gap("total_return") == 0.0
    assert found.leaks == 0
    assert found.news_left_out > 0


def test_the_share_of_the_window_that_it_may_know_is_counted_in_sessions(
    read: tuple[Contamination, Told, Desk],
) -> None:
    """Seven of the fourteen sessions from 9 to 26 March 2020 are up to the 17th."""
    assert read[0].share_known == 7 / 14


def test_a_guess_offers_ten_of_a_kind_with_the_right_one_and_shows_nothing_else(
    read: tuple[Contamination, Told, Desk],
) -> None:
    _found, model, desk = read
    guesses = [each for each in model.asked if is_guess(each)]
    kinds = {each.symbol: each.kind for each in desk.instruments.all()}
    assert len(guesses) == PROBES
    for each in guesses:
        assert len(set(offered(each))) == 10
        assert len({kinds[symbol] for symbol in offered(each)}) == 1
        years = re.findall(r"Which year is it\? One of: (.*)\.", each.messages[-1].text)[0].split(", ")
        assert len(set(years)) == 10
        assert "2020" in years
        assert years == sorted(years)


def test_a_later_backtest_finds_the_probes_and_an_open_one_stays_e1(read: tuple[Contamination, Told, Desk]) -> None:
    desk = read[2]
    levels = {
        hidden: play(desk, request(desk, "daily_momentum", anonymise=hidden, seed=4, **WINDOW), Told(honest)).evidence
        for hidden in (("dates", "tickers", "prices"), ("dates", "tickers"))
    }
    assert [each.level for each in levels.values()] == ["E2", "E1"]
    shorter = {**WINDOW, "last": date(2020, 3, 11)}
    other = play(desk, request(desk, "daily_momentum", **shorter), Told(honest))
    assert "not probed" in other.evidence.why
    listed = {row.id: row.evidence for row in desk.ledger.backtests.listed("daily_momentum")}
    assert listed[read[0].masked_id] == "E2"


def test_a_run_from_before_the_probes_is_stamped_anew(read: tuple[Contamination, Told, Desk]) -> None:
    desk = read[2]
    again = backtest(desk, prepare(desk, request(desk, "daily_momentum", **WINDOW)))
    assert again.id == read[0].masked_id
    assert again.evidence.level is EvidenceLevel.E2


@pytest.fixture(scope="session")
def calls(read: tuple[Contamination, Told, Desk]) -> list[Asked]:
    found, _model, desk = read
    return list(trail_of(folder_of(desk, "daily_momentum", int(found.masked_id.rpartition("/b")[2]))))


def guessed(read: tuple[Contamination, Told, Desk], calls: list[Asked], says: Says) -> tuple[Guesses, Guesses]:
    desk = read[2]
    names = Names(LISTED, desk.instruments.all(), seed=0)
    real = {masked: name for name, masked in names.pairs().items()}
    draw = np.random.Generator(np.random.PCG64(3))
    riddles = [riddle(each, real, desk.instruments.all(), draw, latest=2024) for each in calls[:12]]
    return solved([each for each in riddles if each is not None], Told(says))


def test_a_model_that_remembers_is_found_out(read: tuple[Contamination, Told, Desk], calls: list[Asked]) -> None:
    names = Names(LISTED, read[2].instruments.all(), seed=0)
    symbols, years = guessed(read, calls, Remembers(names))
    assert (symbols.right, years.right) == (12, 12)
    assert not symbols.passed
    assert not years.passed


def test_a_model_that_will_not_guess_has_not_passed(read: tuple[Contamination, Told, Desk], calls: list[Asked]) -> None:
    symbols, years = guessed(read, calls, mute)
    assert (symbols.asked, symbols.answered, years.answered) == (12, 0, 0)
    assert not symbols.passed


def test_a_model_that_ignores_its_facts_does_not_change(
    read: tuple[Contamination, Told, Desk], calls: list[Asked]
) -> None:
    own = [replace(each, reply=replace(each.reply, text=stubborn(each.question) or "")) for each in calls]
    found = changes_of(own, read[2].mandate("daily_momentum"), Told(stubborn), 12)
    assert (found.answered, found.changed, found.passed) == (12, 0, False)


def test_what_wants_nothing_either_way_says_nothing(
    read: tuple[Contamination, Told, Desk], calls: list[Asked]
) -> None:
    def idle(question: Question) -> str | None:
        return answer() if question.purpose == "pass2" else analysis(question)

    own = [replace(each, reply=replace(each.reply, text=idle(each.question) or "")) for each in calls]
    found = changes_of(own, read[2].mandate("daily_momentum"), Told(idle), 12)
    assert (found.asked, found.silent, found.answered, found.passed) == (12, 12, 0, False)


def test_the_command_reports_on_an_account_of_the_rules(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    own = config()
    own["language"]["models"] = {MODEL: {"kind": "rules"}}
    (tmp_path / "invest.yaml").write_text(yaml.safe_dump(own), encoding="utf-8")
    monkeypatch.setenv("INVEST_HOME", str(tmp_path))
    window = ("--from", "2020-03-09", "--to", "2020-03-13", "--cadence", "daily")
    ended = invest("contamination", "daily_momentum", *window, "--probes", "4", "--json")
    assert ended.code == 0
    assert ended.data["evidence"]["level"] == "E0"
    assert ended.data["probes"]["company"]["asked"] == 0
    assert ended.data["probes"]["mirrored"]["asked"] > 0
    assert (ended.data["leaks"], ended.data["recognised"]) == (0, 0)
    assert ended.data["figures"]["total_return"]["gap"] is not None
    said = invest("contamination", "daily_momentum", *window, "--probes", "0")
    assert "evidence E0" in said.out


def test_an_account_that_asks_no_model_is_refused_before_anything_runs(
    read: tuple[Contamination, Told, Desk],
) -> None:
    desk = read[2]
    asked = request(desk, "daily_momentum", anonymise=(), **WINDOW)
    other = replace(asked, mandate=replace(asked.mandate, strategy="target_weights"))
    before = len(desk.ledger.backtests.listed())
    with pytest.raises(InputError, match="llm_portfolio, intraday, research"):
        report(desk, replace(prepare(desk, asked), request=other), Playing(), probes=0)
    assert len(desk.ledger.backtests.listed()) == before
