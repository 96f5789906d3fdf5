"""Every planted leak is found and named as what it is; the same strategies without it pass."""

import json
from datetime import date

import pytest
from tests.lookahead.homes import SYMBOLS, home_of, prepared
from tests.lookahead.planted import LEAKS, Planted, Scored, honest

from prudent import registry
from prudent.backtest.lookahead import Asked, Proof, Verdict, prove
from prudent.bootstrap import Desk

ROWS = [{"symbol": each, "weight": 15} for each in ("AAPL", "AMD", "XOM")]
TARGETS = json.dumps({"unit": "percent", "targets": ROWS})
LIMITS = {"max_position_weight": "40%", "max_sector_weight": "80%"}
ACCOUNTS: dict[str, dict[str, object]] = {
    "scored": {"targets": "json/t.json", "limits": LIMITS},
    "stopped": {"targets": "json/t.json", "exits": {"stop_loss": "2%"}},
    "thinking": {"strategy": "llm_portfolio", "model": "rules", "universe": SYMBOLS[:4]},
}
SHORT, LONG = date(2015, 3, 24), date(2015, 4, 2)


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Desk:
    return home_of(tmp_path_factory.mktemp("planted"), ACCOUNTS, {"t.json": TARGETS})


def proof_of(desk: Desk, leak: Planted, monkeypatch: pytest.MonkeyPatch, last: date = LONG) -> Proof:
    if leak.score is not None:
        score = leak.score
        monkeypatch.setitem(registry.STRATEGIES, "target_weights", lambda: Scored(score))
    ready = prepared(desk, leak.account, last=last)
    with leak.engine():
        return prove(desk, ready, Asked(cuts=5, wrap=leak.wrap))


@pytest.mark.parametrize("name", LEAKS)
def test_a_planted_leak_is_found(name: str, desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    proof = proof_of(desk, LEAKS[name], monkeypatch, SHORT)
    assert proof.verdict is Verdict.LEAK, proof
    assert str(proof.leaks[0].kind) == LEAKS[name].kind, proof.why


def test_the_honest_strategy_beneath_them_is_proved(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    proof = proof_of(desk, Planted(score=honest), monkeypatch)
    assert proof.verdict is Verdict.PROVED, proof
    assert proof.trading >= 10
    assert proof.inputs_changed > 100
