"""A run is made again as a whole: each cycle from its record, a backtest's window from what it was asked for."""

import json
import re
from dataclasses import replace
from datetime import date
from pathlib import Path

import numpy as np
import pytest
from tests.lookahead.homes import SYMBOLS, home_of, prepared
from tests.unit.cli.running import Ended, invest

from prudent.backtest.book import COLUMNS_FILE
from prudent.backtest.kept import REQUEST_FILE, kept_request
from prudent.backtest.places import folder_of
from prudent.backtest.replayed import replay_run
from prudent.backtest.request import Cadence
from prudent.backtest.run import Playing, backtest, prepare
from prudent.bootstrap import Desk
from prudent.domain.errors import InputError, Temporary
from prudent.domain.reasoning import Question, Reply
from prudent.llm.scripted import Scripted

TARGETS = json.dumps({"unit": "percent", "targets": [{"symbol": each, "weight": 15} for each in SYMBOLS[:4]]})
ACCOUNTS: dict[str, dict[str, object]] = {
    "holds": {"targets": "json/t.json", "exits": {"stop_loss": "3%"}, "schedule": [{"at": "close-30m"}]},
    "thinks": {
        "strategy": "llm_portfolio", "model": "big", "universe": [*SYMBOLS[:3], "SPY"],
        "parameters": {"on_failure": "hold"},
    },
}  # fmt: skip
ANALYSIS = json.dumps({"regime": "BULL", "sector_scores": {}, "portfolio_health": "fine", "key_risks": []})
TRADE = {"symbol": "AAPL", "action": "BUY", "amount_usd": 300, "urgency": 3, "confidence": 0.8, "thesis": "it is cheap"}
TRADES = json.dumps({"summary": "s", "trades": [{**TRADE, "stop_loss_pct": 8, "take_profit_pct": 20}]})
SPAN = (date(2015, 3, 2), date(2015, 3, 20))


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Desk:
    """One backtest of rules alone, and one that a model answered that is no longer there, once not at all."""
    desk = home_of(tmp_path_factory.mktemp("whole"), ACCOUNTS, {"t.json": TARGETS})
    backtest(desk, prepared(desk, "holds", last=SPAN[1], cadence=Cadence.ACCOUNT))

    def answer(question: Question) -> Reply | Temporary:
        if "2015-03-13" in question.messages[-1].text:
            return Temporary("big is down")
        text = ANALYSIS if question.purpose == "pass1" else TRADES
        return Reply(text=text, model="big", served="big-1", tokens_in=1000, tokens_out=50)

    model = Scripted({"big": [answer]})
    thinks = prepared(desk, "thinks", last=SPAN[1], cadence=Cadence.WEEKLY)
    book = backtest(desk, thinks, Playing(model=model))
    assert [each.answer for each in book.decisions] == ["TRADE", "FAILED"]
    masked = replace(thinks.request, anonymise=("dates", "tickers", "prices"))
    backtest(desk, prepare(desk, masked), Playing(model=Scripted({"big": [in_pseudonyms]})))
    return desk


def in_pseudonyms(question: Question) -> Reply:
    """Buys the first asset that it is shown, by the only name that it knows."""
    shown = re.search(r"ASSET_\d+", question.messages[-1].text)
    assert shown is not None
    trades = json.dumps({"summary": "s", "trades": [{**TRADE, "symbol": shown.group()}]})
    text = ANALYSIS if question.purpose == "pass1" else trades
    return Reply(text=text, model="big", served="big-1", tokens_in=1000, tokens_out=50)


def replayed(desk: Desk, name: str) -> Ended:
    return invest("replay", name, "--home", str(desk.home), "--json")


def test_a_backtest_is_reproduced_byte_for_byte(desk: Desk) -> None:
    ended = replayed(desk, "holds/b1")
    assert ended.code == 0, ended.err
    data = ended.data
    assert data["identical"] is True
    assert data["sessions"] == 15
    assert data["cycles"] >= 14
    assert data["stages"] > 3 * data["cycles"]
    assert data["recorded"] == data["rebuilt"] != ""


def test_the_request_of_a_backtest_comes_back_as_it_was(desk: Desk) -> None:
    kept = kept_request(folder_of(desk, "holds", 1))
    assert kept == prepared(desk, "holds", last=SPAN[1], cadence=Cadence.ACCOUNT).request
    assert kept is not None
    assert kept.schedule[0].at == "close-30m"


def test_a_model_is_not_asked_again_and_its_failures_are_as_they_were(desk: Desk) -> None:
    result = replay_run(desk, "thinks/b1")
    assert result.identical, result.differences
    assert result.cycles >= 2


def test_a_masked_run_is_made_again_from_what_the_model_saw(desk: Desk) -> None:
    result = replay_run(desk, "thinks/b2")
    assert result.identical, result.differences
    assert result.cycles == 2


def test_a_backtest_whose_request_was_not_kept_is_made_again_from_its_book(desk: Desk) -> None:
    path = folder_of(desk, "thinks", 1) / REQUEST_FILE
    kept = path.read_bytes()
    path.unlink()
    try:
        result = replay_run(desk, "thinks/b1")
    finally:
        path.write_bytes(kept)
    assert result.identical, result.differences
    assert "was not kept" in result.notes[0]


def test_a_value_that_was_changed_afterwards_is_found_and_named(desk: Desk) -> None:
    path = folder_of(desk, "holds", 1) / COLUMNS_FILE
    kept = path.read_bytes()
    with np.load(path) as file:
        columns = {name: file[name] for name in file.files}
    columns["nav_nav"][7] += 0.01
    np.savez_compressed(path, **columns)
    try:
        ended = replayed(desk, "holds/b1")
    finally:
        path.write_bytes(kept)
    assert ended.code == 7
    assert [each["path"] for each in ended.data["differences"]] == ["nav.nav[7]"]
    assert "nav.nav[7]" in ended.document["errors"][0]["message"]


def test_other_data_are_told_and_not_compared(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("prudent.backtest.tape.Tape.hash", lambda self, symbols, first, last: "other")
    result = replay_run(desk, "holds/b1")
    assert [(each.stage, each.path) for each in result.differences] == [("data", "data_hash")]
    assert result.sessions == 0


def test_another_rounding_is_found_in_the_cycles_and_in_the_window(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("prudent.pipeline.plan.sizing.whole_lots", lambda lots: float(round(lots) + 1))
    result = replay_run(desk, "holds/b1")
    assert result.differences[0].where == "holds/1/1"
    assert result.differences[0].stage == "plan"
    assert result.differences[-1].stage == "run again"
    assert result.recorded != result.rebuilt


def test_a_live_run_replays_every_cycle_of_it(tmp_path: Path) -> None:
    home = str(tmp_path / "home")
    assert invest("init", "--yes", "--account", "main", "--home", home).code == 0
    for _ in range(2):
        assert invest("run", "main", "--home", home).code == 0
    ended = invest("replay", "main/1", "--home", home, "--json")
    assert (ended.code, ended.data["cycles"], ended.data["identical"]) == (0, 2, True)
    assert invest("replay", "main/1/2", "--home", home).code == 0
    assert invest("replay", "main/9", "--home", home).code == 2


def test_what_is_no_run_is_refused(desk: Desk) -> None:
    for name in ("holds", "holds/b99", "nobody/1"):
        with pytest.raises(InputError):
            replay_run(desk, name)
