"""`invest decisions` tells what was decided and why, from the record alone."""

import json
from pathlib import Path

import pytest
from tests.scenarios.model_homes import BUY_KO, answering, model_home
from tests.servers.openai import Fault, serving
from tests.unit.cli.running import invest

ACCOUNTS = {"alone": {"model": "qwen"}, "ruled": {"model": "rules"}, "broken": {"model": "nemotron"}}
ENORMOUS = {"symbol": "SPY", "action": "BUY", "amount_usd": 9000, "thesis": "all of it"}
UNKNOWN = {"symbol": "ZZZZ", "action": "BUY", "amount_usd": 500}


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home after `run-all`: one model answered, one is the rules, one is a server error, so it ends with 6."""
    good = answering(BUY_KO, ENORMOUS, UNKNOWN)
    with serving(answer=lambda asked: Fault.ERROR_500 if asked.model == "nemotron" else good(asked)) as server:
        folder = tmp_path_factory.mktemp("decisions")
        made = model_home(folder, server.url, ACCOUNTS, names=("qwen", "nemotron"))
        ended = invest("run-all", "--only", "[!c]*", "--home", str(made))
        assert ended.code == 6, ended.err
    return made


def told(home: Path, *words: str) -> str:
    ended = invest("decisions", *words, "--home", str(home))
    assert ended.code == 0, ended.err
    return ended.out


def document(home: Path, *words: str) -> dict[str, object]:
    found: dict[str, object] = json.loads(told(home, *words, "--json"))
    assert found["ok"] is True
    return found


def test_a_decision_is_told_in_the_order_it_was_made(home: Path) -> None:
    text = told(home, "show", "alone")
    places = [text.index(word) for word in ("Saw", "Thought", "Wanted", "Was allowed", "Did", "Calls of models")]
    assert places == sorted(places)
    assert "answered by qwen" in text
    assert "regime BULL, the rule says HIGH_VOLATILITY" in text
    assert "not used, " in text
    assert "ZZZZ" in text[: text.index("Was allowed")]
    assert "ZZZZ" not in text[text.index("Was allowed") :]
    assert "stop -9 %, target +20 %" in " ".join(text.split())


def test_raw_shows_prompt_and_reply_as_they_were(home: Path) -> None:
    text = told(home, "show", "alone/1/1", "--raw")
    assert "--- call 1, system ---" in text
    assert "--- call 2, reply ---" in text
    assert '"symbol": "KO"' in text
    assert "--- call" not in told(home, "show", "alone/1")


def test_rules_are_called_rules_and_a_failure_a_failure(home: Path) -> None:
    assert "answered by rules, no LLM" in told(home, "show", "ruled")
    failed = told(home, "show", "broken")
    assert "failed: no usable answer came (llm_failed" in failed
    assert "nothing was sent (llm_failed" in failed


def test_machines_read_the_same(home: Path) -> None:
    data = document(home, "show", "alone")["data"]
    assert isinstance(data, dict)
    assert list(data)[-7:] == ["saw", "thought", "wanted", "allowed", "did", "calls", "reasoning"]
    assert data["answered_by"] == "qwen"
    assert data["thought"]["analysis"]["regime"] == "BULL"
    assert [each["symbol"] for each in data["wanted"]["ideas"]] == ["KO", "SPY"]
    assert [each["purpose"] for each in data["calls"]] == ["pass1", "pass2"]
    assert all(each["planned"] and each["allowed"] for each in data["allowed"])
    assert data["saw"]["facts"]["account"]["alias"] == "ACC-1"


def test_the_list_counts_trade_hold_abstain_and_failed_apart(home: Path) -> None:
    found = document(home, "list")["data"]
    assert isinstance(found, list)
    answers = {row["account"]: row["answer"] for row in found}
    assert answers == {"alone": "TRADE", "ruled": "TRADE", "broken": "FAILED"}
    only = document(home, "list", "--account", "broken")["data"]
    assert isinstance(only, list)
    assert [row["no_trade_codes"][0] for row in only] == ["llm_failed"]


@pytest.mark.parametrize("cycle", ["alone/9", "alone/1/9", "nobody", "core"])
def test_what_is_not_there_is_said(home: Path, cycle: str) -> None:
    ended = invest("decisions", "show", cycle, "--home", str(home))
    assert ended.code == 2
    assert "must" in ended.err
