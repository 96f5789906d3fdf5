"""The nine accounts of a new home through a loopback server that serves both model families: bytes, parse, failures."""

import io
import json
import shutil
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from tests.scenarios.homes import reopened
from tests.scenarios.thirteen import VARIABLES
from tests.servers.openai import Asked, Fault, OpenAIServer, Said, serving
from tests.unit.cli.running import Ended, invest

from prudent.domain.cycles import CycleRecord
from prudent.domain.proposals import Answer
from prudent.domain.reasoning import Call
from prudent.domain.records import decode, digest
from prudent.pipeline.replay import replay
from prudent.reasoning.brief import brief_of
from prudent.registry import strategy_of

SERVED = {"qwen3_next": "Qwen3-Next-80B-A3B", "nemotron": "NVIDIA-Nemotron-Nano-9B"}
PAIRS = {name: f"{name}_nemotron" for name in ("weekly_balanced", "monthly_value", "daily_momentum")}
INTRADAY = {"intraday_momentum": "intraday_momentum_nemotron"}
ALL_PAIRS = PAIRS | INTRADAY
NINE = [account for pair in ALL_PAIRS.items() for account in pair] + ["research"]
PASSES = {**dict.fromkeys(PAIRS, ("pass1", "pass2")), **dict.fromkeys(INTRADAY, ("pass0", "pass2"))}
# What each family wants; the sample has no ZZZZ, and nobody holds JPM.
WANTED = {SERVED["qwen3_next"]: "XOM", SERVED["nemotron"]: "SPY"}


def trade(symbol: str, action: str, **more: object) -> dict[str, object]:
    return {
        "symbol": symbol, "action": action, "amount_usd": 900, "amount_pct": None, "stop_loss_pct": 2,
        "take_profit_pct": 6, "time_stop_days": None, "urgency": 4, "confidence": 0.8, "thesis": "the trend is up",
        **more,
    }  # fmt: skip


def canned(asked: Asked) -> Said:
    """A sensible answer to each purpose, in the habits of each family: thinking apart, or a fence around the JSON."""
    answers: Mapping[str, object] = {
        "pass0": {"act": True, "confidence": 0.9, "reason": "XOM and SPY are above their noise areas"},
        "pass1": {
            "regime": "SIDEWAYS", "sector_scores": [{"sector": "Energy", "score": 2}],
            "portfolio_health": "all in cash", "key_risks": ["rates"],
        },
        "pass2": {
            "summary": "energy leads",
            "trades": [trade(WANTED[asked.model], "BUY"), trade("ZZZZ", "BUY"), trade("JPM", "SELL")],
        },
        "brief": {
            "regime": "BULL", "themes": ["energy leads"], "macro_events": [], "geopolitical_risks": [], "avoid": ["KO"],
            "sector_biases": [{"sector": "Energy", "score": 1}],
            "views": [{
                "symbol": "XOM", "direction": "long", "conviction": 0.7, "sector": "Energy", "thesis": "strong",
                "catalyst": "winter", "evidence": ["S1"], "expires_days": 5,
            }],
        },
    }  # fmt: skip
    text = json.dumps(answers[purpose(asked)])
    if asked.model == SERVED["nemotron"]:
        return Said(text=f"```json\n{text}\n```")
    return Said(text=text, reasoning="Let me look at the trend.")


def purpose(asked: Asked) -> str:
    return str(asked.document["response_format"]["json_schema"]["name"])


@pytest.fixture(scope="module")
def server() -> Iterator[OpenAIServer]:
    with serving(models=tuple(SERVED.values()), answer=canned) as running:
        yield running


@pytest.fixture(scope="module")
def fresh(tmp_path_factory: pytest.TempPathFactory, server: OpenAIServer) -> Iterator[Path]:
    """A home as `init` leaves it beside that server; copied, never changed."""
    with pytest.MonkeyPatch.context() as patch:
        for name in VARIABLES:
            patch.delenv(name, raising=False)
        patch.setattr(sys, "stdin", io.StringIO(""))
        home = tmp_path_factory.mktemp("nine") / "home"
        ended = invest("init", "--yes", "--llm-url", server.url, "--home", str(home), "--json")
        assert ended.code == 0, ended.out + ended.err
        yield home


@pytest.fixture
def home(fresh: Path, tmp_path: Path, server: OpenAIServer) -> Iterator[Path]:
    own = tmp_path / "home"
    shutil.copytree(fresh, own)
    server.asked.clear()
    yield own
    server.answer = canned


def run_all(home: Path, *more: str) -> Ended:
    return invest("run-all", "--home", str(home), "--json", *more)


def record_of(home: Path, account: str) -> CycleRecord:
    return reopened(home).ledger.load_record(f"{account}/1/1")


def calls_of(record: CycleRecord) -> list[Call]:
    found = record.decision_inputs["calls"]
    assert isinstance(found, list)
    return [decode(Call, each) for each in found]


def sent(messages: object) -> bytes:
    """Messages as they stand in the bytes of a request."""
    return json.dumps(messages, ensure_ascii=False, separators=(",", ":")).encode()


class Ran:
    """One `run-all` of the nine: how it ended, what the server was asked, and the records."""

    def __init__(self, home: Path, server: OpenAIServer) -> None:
        server.asked.clear()
        self.ended = run_all(home)
        self.asked = list(server.asked)
        desk = reopened(home)
        self.records = {account: desk.ledger.load_record(f"{account}/1/1") for account in NINE}
        self.calls = {account: calls_of(record) for account, record in self.records.items()}


@pytest.fixture(scope="module")
def ran(fresh: Path, server: OpenAIServer, tmp_path_factory: pytest.TempPathFactory) -> Ran:
    own = tmp_path_factory.mktemp("ran") / "home"
    shutil.copytree(fresh, own)
    return Ran(own, server)


def test_every_account_completes_and_says_who_answered(ran: Ran) -> None:
    assert ran.ended.code == 0, ran.ended.out + ran.ended.err
    assert [(row["account"], row["ok"]) for row in ran.ended.data] == [(account, True) for account in NINE]
    for account, record in ran.records.items():
        assert record.decision.reasoning is not None
        assert record.decision.reasoning.answered_by == record.mandate.model
        assert record.decision.answer is (Answer.HOLD if account == "research" else Answer.TRADE)
        assert replay(record, strategy_of(record)).identical


def test_the_bytes_that_were_sent_are_those_that_the_records_hold(ran: Ran) -> None:
    recorded = [
        (SERVED[call.question.model], call.question.purpose,
         sent([{"role": str(each.speaker), "content": each.text} for each in call.question.messages]))
        for calls in ran.calls.values() for call in calls
    ]  # fmt: skip
    asked = [(each.model, purpose(each), sent(each.document["messages"])) for each in ran.asked]
    assert sorted(recorded) == sorted(asked)
    assert len(asked) == 2 * 2 * len(ALL_PAIRS) + 1
    assert all(messages in each.body for each, (_, _, messages) in zip(ran.asked, asked))


def test_a_pair_asks_both_models_about_the_same_observation(ran: Ran) -> None:
    for pair in ALL_PAIRS.items():
        one, other = (ran.records[account] for account in pair)
        assert one.observation.as_of == other.observation.as_of
        assert digest(one.decision_inputs["facts"]) == digest(other.decision_inputs["facts"])
        assert [ran.calls[account][0].question.model for account in pair] == list(SERVED)
        for mine, theirs in zip(*(ran.calls[account] for account in pair), strict=True):
            assert mine.question.messages == theirs.question.messages
        assert tuple(call.question.purpose for call in ran.calls[pair[0]]) == PASSES[pair[0]]


def test_the_record_shows_what_was_made_of_an_answer(ran: Ran) -> None:
    for account in NINE[:-1]:
        record = ran.records[account]
        reasoning = record.decision.reasoning
        assert reasoning is not None
        assert [each.symbol for each in reasoning.ideas] == [WANTED[SERVED[record.mandate.model]]]
        listed = record.mandate.parameters["watchlist"]
        assert isinstance(listed, list)
        jpm = "not_held" if "JPM" in listed else "unknown_symbol"
        assert [each.code for each in reasoning.dropped] == ["unknown_symbol", jpm]
        assert [fill.symbol for fill in record.fills] == [reasoning.ideas[0].symbol]
        assert sum(fill.notional for fill in record.fills) <= 900
        thinking = {call.reply.thinking for call in ran.calls[account] if call.reply is not None}
        assert thinking == {"" if record.mandate.model == "nemotron" else "Let me look at the trend."}


def test_research_is_asked_once_and_its_brief_stands(ran: Ran) -> None:
    assert [each.model for each in ran.asked if purpose(each) == "brief"] == [SERVED["qwen3_next"]]
    brief = brief_of(ran.records["research"])
    assert brief is not None
    assert (brief.answered_by, [view.symbol for view in brief.views]) == ("qwen3_next", ["XOM"])
    assert ran.records["research"].decision.reason.startswith("brief by qwen3_next: BULL")


def test_both_families_are_loaded_once(ran: Ran) -> None:
    models = [each.model for each in ran.asked]
    assert models == sorted(models, key=list(dict.fromkeys(models)).index)


def test_a_rehearsal_of_what_did_not_change_asks_nobody(home: Path, server: OpenAIServer) -> None:
    # The others read the brief of a rehearsed research account, so it comes first.
    assert invest("run", "research", "--dry-run", "--home", str(home), "--json").code == 0
    assert run_all(home, "--dry-run").code == 0
    assert len(server.asked) == 2 * 2 * len(ALL_PAIRS) + 1
    server.asked.clear()
    again = run_all(home, "--dry-run")
    assert (again.code, server.asked) == (0, [])
    assert {row["account"]: bool(row["result"]["plan"]["orders"]) for row in again.data} == {
        account: account != "research" for account in NINE
    }


def test_a_dead_model_fails_its_own_accounts_and_no_other(home: Path, server: OpenAIServer) -> None:
    server.answer = lambda asked: Fault.DEAD if asked.model == SERVED["nemotron"] else canned(asked)
    ended = run_all(home)
    assert ended.code == 6
    assert {row["account"]: row["ok"] for row in ended.data} == {
        account: not account.endswith("_nemotron") for account in NINE
    }
    errors: list[dict[str, Any]] = ended.document["errors"]
    assert {each["code"] for each in errors} == {"upstream_unavailable"}
    assert sorted(each["message"].partition(":")[0] for each in errors) == sorted(ALL_PAIRS.values())
    for account in NINE[:-1]:
        record = record_of(home, account)
        failed = account.endswith("_nemotron")
        assert record.decision.answer is (Answer.FAILED if failed else Answer.TRADE)
        assert bool(record.fills) is not failed
    failed_calls = calls_of(record_of(home, "weekly_balanced_nemotron"))
    assert [(call.question.model, call.reply) for call in failed_calls] == [("nemotron", None)]
