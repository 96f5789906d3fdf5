"""The research agent on the sample: where a brief stands, how a person reads it, and that it is dated."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from tests.scenarios.reasoning_homes import INTRADAY, RESEARCH, SYMBOLS, cycle_at, home_with

from prudent.bootstrap import Desk
from prudent.domain.cycles import CycleRecord
from prudent.domain.errors import OverBudget, Temporary
from prudent.domain.proposals import Answer
from prudent.entrypoints.cli.app import app
from prudent.entrypoints.cli.border import main
from prudent.llm import rules_research
from prudent.llm.scripted import Scripted
from prudent.pipeline.replay import replay
from prudent.reasoning.brief import brief_of
from prudent.registry import strategy_of

BEFORE_OPEN = "2022-11-23T13:00:00Z"
READER: dict[str, object] = {**INTRADAY, "parameters": {"research": "research"}}


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Desk:
    return home_with(tmp_path_factory.mktemp("research"), "2022-11-22", research=RESEARCH, intra=READER)


@pytest.fixture(scope="module")
def wrote(desk: Desk) -> CycleRecord:
    return cycle_at(desk, "research", BEFORE_OPEN)


def facts(record: CycleRecord) -> Any:
    return record.decision_inputs["facts"]


def test_it_holds_with_a_brief_by_rules_and_never_trades(wrote: CycleRecord) -> None:
    decision = wrote.decision
    assert (decision.answer, decision.code) == (Answer.HOLD, "research")
    assert decision.targets == ()
    assert wrote.plan.orders == ()
    assert decision.reasoning is not None
    assert decision.reasoning.answered_by == "rules, no LLM"
    brief = brief_of(wrote)
    assert brief is not None
    assert brief.views
    assert {view.symbol for view in brief.views} <= set(SYMBOLS)


def test_its_cycle_replays_byte_for_byte(wrote: CycleRecord) -> None:
    assert replay(wrote, strategy_of(wrote)).identical


def test_its_facts_speak_of_the_last_session_and_of_the_days_ahead(wrote: CycleRecord) -> None:
    rows = facts(wrote)
    assert {row["indicators"]["of"] for row in rows["symbols"]} == {"2022-11-22"}
    days = {(row["date"], row["text"]) for row in rows["events"] if not row["symbol"]}
    assert days == {("2022-11-24", "the exchange is closed"), ("2022-11-25", "the exchange closes early")}
    assert rows["screens"]
    assert all(row["symbol"] in SYMBOLS for row in rows["screens"])


def test_a_person_reads_it(desk: Desk, wrote: CycleRecord, capsys: pytest.CaptureFixture[str]) -> None:
    brief = brief_of(wrote)
    assert brief is not None
    assert main(app, ["research", "show", "--home", str(desk.home)]) == 0
    text = capsys.readouterr().out
    assert "by rules, no LLM" in text
    assert "read by intra" in text
    assert all(view.symbol in text and view.evidence[0] in text for view in brief.views)
    assert "STALE" not in text


def test_a_program_reads_it(desk: Desk, wrote: CycleRecord, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(app, ["research", "show", "research", "--json", "--home", str(desk.home)]) == 0
    data = json.loads(capsys.readouterr().out)["data"]
    assert (data["cycle"], data["status"], data["read_by"]) == (wrote.id, "fresh", ["intra"])
    assert data["brief"]["regime"] == facts(wrote)["market"]["regime"]["rule"]


def test_a_stale_brief_is_marked_for_readers_and_people(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    desk = home_with(tmp_path, "2022-11-22", research=RESEARCH, intra=READER)
    cycle_at(desk, "research", "2022-11-22T15:30:00Z")
    fresh = cycle_at(desk, "intra", "2022-11-22T17:00:00Z")
    stale = cycle_at(desk, "intra", "2022-11-23T17:00:00Z")
    assert [facts(each)["brief"]["status"] for each in (fresh, stale)] == ["fresh", "stale"]
    assert main(app, ["research", "show", "--home", str(desk.home)]) == 0
    assert "STALE" in capsys.readouterr().out


def test_without_a_brief_there_is_a_hint(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    desk = home_with(tmp_path, "2022-11-22", research=RESEARCH)
    assert main(app, ["research", "show", "--home", str(desk.home)]) == 0
    assert "invest run research" in capsys.readouterr().out


def test_without_a_research_account_the_command_says_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    desk = home_with(tmp_path, "2022-11-22", intra=INTRADAY)
    assert main(app, ["research", "show", "--home", str(desk.home)]) == 2
    assert "strategy research" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("failure", "parameters", "answer", "code", "by"),
    [
        (Temporary("down"), {"on_failure": "rules"}, Answer.FAILED, "llm_failed", "rules, no LLM"),
        (Temporary("down"), {"on_failure": "hold"}, Answer.FAILED, "llm_failed", None),
        (OverBudget("spent"), {"on_failure": "rules"}, Answer.ABSTAIN, "over_budget", None),
        ('{"regime": "BULL", "views": [', {"on_failure": "hold"}, Answer.FAILED, "llm_failed", None),
    ],
)
def test_a_model_that_fails_is_counted_whoever_writes_then(
    tmp_path: Path, failure: Any, parameters: dict[str, object], answer: Answer, code: str, by: str | None
) -> None:  # fmt: skip
    mandate = {**RESEARCH, "model": "big", "parameters": parameters}
    desk = home_with(tmp_path, "2022-11-22", research=mandate)
    model = Scripted({"big": [failure], "rules": [lambda question: json.dumps(rules_research.brief(question.facts))]})
    record = cycle_at(desk, "research", BEFORE_OPEN, model=model)
    assert (record.decision.answer, record.decision.code) == (answer, code)
    brief = brief_of(record)
    assert (brief.answered_by if brief is not None else None) == by
    assert replay(record, strategy_of(record)).identical


def test_its_prompt_knows_no_other_time_than_the_desks(wrote: CycleRecord) -> None:
    text = json.dumps(wrote.decision_inputs["calls"])
    assert f"{datetime.now(UTC):%Y-%m-%d}" not in text
    assert max(row["published"] for row in facts(wrote)["news"]["items"]) < BEFORE_OPEN
