"""An account that asks a loopback server: what was sent is what is recorded, and the record needs no server."""

from pathlib import Path

from tests.scenarios.homes import reopened
from tests.scenarios.model_homes import BUY_KO, answering, model_home
from tests.servers.openai import Fault, serving

from prudent.bootstrap import Desk
from prudent.domain.cycles import CycleRecord
from prudent.domain.proposals import Answer
from prudent.domain.reasoning import Call
from prudent.domain.records import decode
from prudent.pipeline.replay import replay
from prudent.registry import strategy_of
from prudent.workflows.cycle import at_work, run_account

ACCOUNT = "weekly"


def home_of(folder: Path, url: str) -> Path:
    return model_home(folder, url, {ACCOUNT: {"model": "qwen"}})


def cycle(desk: Desk) -> CycleRecord:
    with at_work(desk):
        return run_account(desk, ACCOUNT)


def calls_of(record: CycleRecord) -> list[Call]:
    found = record.decision_inputs["calls"]
    assert isinstance(found, list)
    return [decode(Call, each) for each in found]


def test_what_a_server_wants_is_bought_and_its_prompts_are_recorded(tmp_path: Path) -> None:
    with serving(answer=answering(BUY_KO)) as server:
        record = cycle(reopened(home_of(tmp_path, server.url)))
    assert record.decision.answer is Answer.TRADE
    assert [fill.symbol for fill in record.fills] == ["KO"]
    recorded = ["\n".join(each.text for each in call.question.messages) for call in calls_of(record)]
    assert recorded == server.prompts
    assert len(recorded) == 2


def test_the_record_replays_when_the_server_is_gone(tmp_path: Path) -> None:
    with serving(answer=answering(BUY_KO)) as server:
        record = cycle(reopened(home_of(tmp_path, server.url)))
    assert replay(record, strategy_of(record)).differences == ()


def test_a_server_that_fails_leaves_the_account_as_it_was(tmp_path: Path) -> None:
    with serving(answer=lambda asked: Fault.ERROR_500) as server:
        record = cycle(reopened(home_of(tmp_path, server.url)))
    assert record.decision.answer is Answer.FAILED
    assert record.fills == ()
    assert [call.reply for call in calls_of(record)] == [None]
    assert "out of memory" in calls_of(record)[0].error
    assert len(server.asked) == 1
