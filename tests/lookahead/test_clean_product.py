"""The product's own strategies pass: nothing that they read, ask or trade hangs on what came after it."""

import json
import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest
from tests.lookahead.homes import SYMBOLS, home_of, prepared

from prudent.backtest.lookahead import Asked, Verdict, prove
from prudent.backtest.request import Cadence
from prudent.backtest.run import prepare
from prudent.bootstrap import Desk
from prudent.domain.reasoning import Question
from prudent.domain.records import digest, encode
from prudent.llm.scripted import Scripted

FEW = SYMBOLS[:4]
STYLES = ("core_satellite", "value", "momentum")
TARGETS = json.dumps({"unit": "percent", "targets": [{"symbol": each, "weight": 15} for each in FEW]})
ANALYSIS = {"regime": "BULL", "sector_scores": {}, "portfolio_health": "fine", "key_risks": []}
ACCOUNTS: dict[str, dict[str, object]] = {
    "holds": {"targets": "json/t.json", "exits": {"stop_loss": "3%"}},
    "tight": {"targets": "json/t.json", "exits": {"stop_loss": "2%"}},
    "intra": {
        "strategy": "intraday", "class": "autonomous", "model": "rules", "universe": FEW,
        "schedule": [{"at": "open+1h"}, {"at": "open+2h30m"}, {"at": "close-30m"}],
    },
    "brief": {"strategy": "research", "class": "autonomous", "model": "rules", "universe": FEW},
    **{
        style: {
            "strategy": "llm_portfolio", "model": "rules", "universe": [*FEW, "SPY"], "parameters": {"style": style}
        }
        for style in STYLES
    },
}  # fmt: skip
Scale = Callable[[int, int], int]


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Desk:
    return home_of(tmp_path_factory.mktemp("clean"), ACCOUNTS, {"t.json": TARGETS})


def reader(question: Question, names: Sequence[str] = FEW) -> str:
    """Buys a little each day of what a digest of all it was told points at: another prompt is another trade."""
    if question.purpose == "pass1":
        return json.dumps(ANALYSIS)
    told = digest(encode(question.messages))
    trade = {
        "symbol": names[int(told[:8], 16) % len(names)], "action": "BUY", "amount_usd": 150, "stop_loss_pct": 8,
        "take_profit_pct": 20, "urgency": 3, "confidence": 0.8, "thesis": told[:8],
    }  # fmt: skip
    return json.dumps({"summary": "by what it was told", "trades": [trade]})


@pytest.mark.parametrize("style", STYLES)
def test_a_portfolio_of_each_style_is_proved(style: str, desk: Desk, scale: Scale) -> None:
    ready = prepared(desk, style, last=date(2015, 3, 24))
    proof = prove(desk, ready, Asked(cuts=scale(2, 12), model=Scripted({"rules": [reader]})))
    assert proof.verdict is Verdict.PROVED, proof
    assert proof.trading >= 10


def test_a_mask_shows_a_model_nothing_of_what_comes_after(desk: Desk) -> None:
    plain = prepared(desk, "value", last=date(2015, 3, 20))
    ready = prepare(desk, replace(plain.request, anonymise=("dates", "tickers", "prices")))
    shown: list[Question] = []

    def masked_reader(question: Question) -> str:
        shown.append(question)
        return reader(question, re.findall(r"ASSET_\d+", question.messages[-1].text))

    proof = prove(desk, ready, Asked(cuts=1, model=Scripted({"rules": [masked_reader]})))
    assert proof.leaks == (), proof
    assert proof.trading > 3
    assert "2015" not in shown[-1].messages[-1].text


def test_target_weights_with_stops_are_proved(desk: Desk, scale: Scale) -> None:
    proof = prove(desk, prepared(desk, "holds"), Asked(cuts=scale(3, 16)))
    assert proof.verdict is Verdict.PROVED, proof


def test_an_intraday_account_is_proved_between_its_bars(desk: Desk, scale: Scale) -> None:
    ready = prepared(desk, "intra", last=date(2015, 3, 13), cadence=Cadence.ACCOUNT)
    proof = prove(desk, ready, Asked(cuts=scale(2, 12)))
    assert proof.leaks == (), proof
    assert "bar" in proof.changed
    assert proof.decisions > 20


def test_an_intraday_account_at_every_bar_is_proved(desk: Desk, scale: Scale) -> None:
    if scale(0, 1):
        proof = prove(desk, prepared(desk, "intra", last=date(2015, 4, 2), cadence=Cadence.MINUTES_30))
        assert proof.verdict is Verdict.PROVED, proof


def test_a_research_account_is_proved_by_its_briefs(desk: Desk, scale: Scale) -> None:
    proof = prove(desk, prepared(desk, "brief", last=date(2015, 3, 24)), Asked(cuts=scale(2, 12)))
    assert proof.verdict is Verdict.PROVED, proof
    assert (proof.trading, proof.decisions >= 10) == (0, True)


def test_an_account_with_stops_is_cut_where_its_stops_fire(desk: Desk) -> None:
    proof = prove(desk, prepared(desk, "tight", last=date(2015, 3, 24)), Asked(cuts=2))
    assert proof.leaks == ()
    assert "range" in {row.known for row in proof.cuts}


def test_a_quiet_account_is_not_called_proved(desk: Desk) -> None:
    proof = prove(desk, prepared(desk, "value", last=date(2015, 3, 20), cadence=Cadence.WEEKLY), Asked(cuts=1))
    assert proof.verdict is Verdict.TOO_FEW
    assert "must be 10 or more" in proof.why


def test_the_same_seed_gives_the_same_proof(desk: Desk) -> None:
    ready = prepared(desk, "holds", last=date(2015, 3, 20))
    assert prove(desk, ready, Asked(cuts=1, seed=5)) == prove(desk, ready, Asked(cuts=1, seed=5))


def test_a_proof_leaves_nothing_behind(desk: Desk) -> None:
    assert desk.ledger.backtests.listed() == ()
    assert not Path(desk.home / "backtests").exists()
