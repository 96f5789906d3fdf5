"""Accounts beside each other: pairs decide on one moment, servers swap little, and nobody stops anybody else."""

import threading
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from tests.scenarios.homes import reopened
from tests.scenarios.model_homes import BUY_KO, answering, model_home
from tests.scenarios.reasoning_homes import RESEARCH, home_with
from tests.servers.openai import Asked, Fault, OpenAIServer, dead_url, serving

from prudent.bootstrap import Desk
from prudent.clock import SimulatedClock
from prudent.domain.accounts import Mode
from prudent.domain.cycles import CycleRecord
from prudent.domain.proposals import Answer
from prudent.domain.records import encode
from prudent.ledger.requests import Asked as Request
from prudent.pipeline.replay import replay
from prudent.reasoning.brief import brief_of
from prudent.registry import strategy
from prudent.workflows import kinds
from prudent.workflows.abreast import run_all
from prudent.workflows.cycle import CycleWanted, Outcome, at_work, begin, carry_on, run_account
from prudent.workflows.pairs import arms_of
from prudent.workflows.passing import attend
from prudent.workflows.requests import Work, kind_of
from prudent.workflows.steps import JournalSteps, LedgerStages

PAIR = {
    "weekly": {"model": "qwen", "pair": "weekly"}, "weekly_nemotron": {"model": "nemotron", "pair": "weekly"},
}  # fmt: skip
FOUR = {f"{name}{number}": {"model": name} for number in (1, 2) for name in ("qwen", "nemotron")}


@pytest.fixture
def server() -> Iterator[OpenAIServer]:
    with serving(answer=answering(BUY_KO)) as running:
        yield running


def all_of(desk: Desk, *accounts: str, mode: Mode | None = None) -> dict[str, Outcome]:
    with at_work(desk):
        return {each.account: each for each in run_all(desk, accounts, mode=mode)}


def record_of(outcome: Outcome) -> CycleRecord:
    assert outcome.record is not None, outcome.error
    return outcome.record


def test_a_pair_decides_on_one_moment_with_the_same_facts(tmp_path: Path, server: OpenAIServer) -> None:
    desk = reopened(model_home(tmp_path, server.url, PAIR))
    found = all_of(desk, "core", *PAIR)
    one, other = (record_of(found[account]) for account in PAIR)
    assert one.observation.as_of == other.observation.as_of
    assert encode(one.observation.quotes) == encode(other.observation.quotes)
    assert one.decision_inputs["facts"] == other.decision_inputs["facts"]
    assert [each.decision.reasoning.answered_by for each in (one, other) if each.decision.reasoning] == [
        "qwen", "nemotron",
    ]  # fmt: skip
    # What differs in what they were asked is the model alone.
    prompts = {name: [each.prompt for each in server.asked if each.model == name] for name in ("qwen", "nemotron")}
    assert prompts["qwen"] == prompts["nemotron"]
    assert all(replay(each, strategy(each.mandate.strategy)).identical for each in (one, other))


def test_an_arm_that_fails_has_failed_and_the_other_trades(tmp_path: Path, server: OpenAIServer) -> None:
    good = server.answer
    server.answer = lambda asked: Fault.ERROR_500 if asked.model == "nemotron" else good(asked)
    found = all_of(reopened(model_home(tmp_path, server.url, PAIR)), *PAIR)
    failed, traded = record_of(found["weekly_nemotron"]), record_of(found["weekly"])
    assert (failed.decision.answer, traded.decision.answer) == (Answer.FAILED, Answer.TRADE)
    assert "llm_failed" in failed.no_trade_codes
    assert failed.phases == ()
    assert failed.decision.reasoning is not None
    assert failed.decision.reasoning.answered_by != "qwen"


def test_who_is_asked_first_alternates_from_cycle_to_cycle(tmp_path: Path, server: OpenAIServer) -> None:
    desk = reopened(model_home(tmp_path, server.url, PAIR, slots=1))
    firsts = []
    for _cycle in range(4):
        server.asked.clear()
        all_of(desk, *PAIR, mode=Mode.DRY_RUN)
        firsts.append(server.asked[0].model)
    assert firsts == ["qwen", "nemotron", "qwen", "nemotron"]


def test_it_is_told_who_is_asked_and_who_is_done(tmp_path: Path, server: OpenAIServer) -> None:
    desk, lines = reopened(model_home(tmp_path, server.url, {"alone": {"model": "qwen"}})), list[str]()
    with at_work(desk):
        run_all(desk, ["core", "alone"], tell=lines.append, on_done=lambda each: lines.append(f"{each.account} done"))
    assert sorted(lines) == ["alone done", "alone: asking qwen ...", "core done"]
    assert lines.index("alone: asking qwen ...") < lines.index("alone done")


def test_a_pair_of_rules_takes_turns_too(tmp_path: Path) -> None:
    pair = {name: told | {"model": "rules"} for name, told in PAIR.items()}
    desk = reopened(model_home(tmp_path, dead_url(), pair, names=("qwen",)))
    lines: list[str] = []
    with at_work(desk):
        for _cycle in range(2):
            run_all(desk, [*PAIR], mode=Mode.DRY_RUN, tell=lines.append)
    assert [line.partition(":")[0] for line in lines] == [*PAIR, *reversed(PAIR)]


def test_the_moment_of_a_pair_stands_while_time_goes_on(tmp_path: Path, server: OpenAIServer) -> None:
    desk = reopened(model_home(tmp_path, server.url, PAIR))
    assert isinstance(desk.clock, SimulatedClock)
    with at_work(desk):
        cycles = [begin(desk, CycleWanted(account=account)) for account in PAIR]
        arms = arms_of(desk, cycles, steps=lambda cycle: JournalSteps(LedgerStages(desk.ledger, cycle, desk.clock)))
        moments = []
        for arm in arms:
            moments.append(arm.look().as_of)
            desk.clock.move_to(desk.clock.now() + timedelta(minutes=1))
    assert moments[0] == moments[1]


def test_a_brief_that_is_written_while_one_arm_thinks_is_news_to_neither(tmp_path: Path) -> None:
    both: dict[str, object] = {
        "strategy": "llm_portfolio", "class": "autonomous", "pair": "p",
        "parameters": {"watchlist": ["KO", "XOM"], "research": "research"},
    }  # fmt: skip
    desk = home_with(tmp_path, "2022-11-22", research=RESEARCH, one=both, other=both)
    with at_work(desk):
        cycles = [begin(desk, CycleWanted(account=account)) for account in ("one", "other")]
        first, second = arms_of(
            desk, cycles, steps=lambda cycle: JournalSteps(LedgerStages(desk.ledger, cycle, desk.clock))
        )
        first.ask()
        assert brief_of(run_account(desk, "research")) is not None
        second.ask()
        seen = [carry_on(desk, cycle).decision_inputs["facts"] for cycle in cycles]
    assert seen[0] == seen[1]
    assert seen[0]["brief"] == {"status": "none"}  # type: ignore[index,call-overload]


def test_cycles_that_begin_together_have_looked_when_they_are_carried_on_later(
    tmp_path: Path, server: OpenAIServer
) -> None:  # fmt: skip
    desk = reopened(model_home(tmp_path, server.url, PAIR))
    assert isinstance(desk.clock, SimulatedClock)
    with at_work(desk):
        wanted = CycleWanted(account="weekly", key="due", beside=("weekly_nemotron",))
        began, cycle = desk.clock.now(), begin(desk, wanted)
        records = []
        for each in (cycle, begin(desk, CycleWanted(account="weekly_nemotron", key="due"))):
            desk.clock.move_to(desk.clock.now() + timedelta(minutes=1))
            records.append(carry_on(desk, each))
        assert begin(desk, wanted) == cycle
    assert [each.observation.as_of for each in records] == [began, began]


def test_a_server_loads_each_model_once(tmp_path: Path, server: OpenAIServer) -> None:
    # The second answer takes its time, and the other model is not asked while it is awaited.
    server.latency = lambda asked: 0.5 if len(server.asked) == 2 else 0.0
    accounts = ["qwen1", "nemotron1", "qwen2", "nemotron2"]
    found = all_of(reopened(model_home(tmp_path, server.url, FOUR, slots=2)), *accounts)
    assert [*found] == accounts
    assert all(each.record is not None for each in found.values())
    models = [each.model for each in server.asked]
    assert models == ["qwen"] * 4 + ["nemotron"] * 4
    assert server.swaps == 1


def test_models_are_asked_beside_each_other_within_the_slots(tmp_path: Path, server: OpenAIServer) -> None:
    """Each of the first two asks is answered only once both are there: one after another would never end."""
    both = threading.Barrier(2, timeout=20)
    good, left = server.answer, [2]

    def together(asked: Asked) -> object:
        if left[0] > 0:
            left[0] -= 1
            both.wait()
        return good(asked)

    server.answer = together  # type: ignore[assignment]
    accounts = {f"account{number}": {"model": "qwen"} for number in range(4)}
    found = all_of(reopened(model_home(tmp_path, server.url, accounts, slots=2)), *accounts)
    assert all(each.record is not None for each in found.values())
    assert server.busiest == 2


def test_one_that_fails_stops_nobody(tmp_path: Path, server: OpenAIServer) -> None:
    home = model_home(tmp_path, server.url, {**PAIR, "alone": {"model": "qwen"}})
    (home / "config" / "accounts" / "core.yaml").write_text("targets: json/gone.json\n")
    (home / "config" / "accounts" / "weekly.yaml").write_text(
        "strategy: llm_portfolio\nmodel: qwen\npair: weekly\nparameters: {watchlist: [AAPL], style: upside_down}\n"
    )
    found = all_of(reopened(home), "core", *PAIR, "alone")
    assert [account for account, each in found.items() if each.record is None] == ["core", "weekly"]
    assert "gone.json" in str(found["core"].error)
    assert "style" in str(found["weekly"].error)
    assert record_of(found["weekly_nemotron"]).decision.answer is Answer.TRADE


def test_a_dead_server_leaves_every_account_with_a_record_that_says_so(tmp_path: Path) -> None:
    found = all_of(reopened(model_home(tmp_path, dead_url(), FOUR)), *FOUR)
    assert {record_of(each).decision.answer for each in found.values()} == {Answer.FAILED}
    assert all(record_of(each).phases == () for each in found.values())


def test_a_cycle_that_was_cut_off_asks_no_model_a_second_time(tmp_path: Path, server: OpenAIServer) -> None:
    home = model_home(tmp_path, server.url, PAIR)
    desk = reopened(home)
    with at_work(desk):
        cycle = begin(desk, CycleWanted(account="weekly"))

        def stop(name: str) -> None:
            if name == "gather":
                raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            carry_on(desk, cycle, steps=JournalSteps(LedgerStages(desk.ledger, cycle, desk.clock), after=stop))
    asked = len(server.asked)
    with at_work(reopened(home)) as findings:
        assert "carried on to its record" in findings[0].resolved
    assert (asked, len(server.asked)) == (2, 2)


def test_what_calls_cost_is_in_the_ledger_beside_their_cycle(tmp_path: Path, server: OpenAIServer) -> None:
    desk = reopened(model_home(tmp_path, server.url, PAIR))
    made = record_of(all_of(desk, *PAIR)["weekly"])
    calls = desk.ledger.model_calls.of_cycle("weekly", made.run, made.cycle)
    assert [(each.purpose, each.answered_by, each.outcome) for each in calls] == [
        ("pass1", "qwen", "answered"), ("pass2", "qwen", "answered"),
    ]  # fmt: skip
    assert sum(each.tokens_in for each in calls) > 1000
    again = reopened(desk.home).ledger.model_calls.spent(None, desk.clock.now().date())
    assert again.calls == 4


# Schedules and engines


def test_a_pair_is_due_together_and_looks_at_one_moment(tmp_path: Path, server: OpenAIServer) -> None:
    on_time = {
        "weekly": PAIR["weekly"] | {"schedule": "[{at: open+45m}]", "class": "autonomous"},
        "weekly_nemotron": PAIR["weekly_nemotron"] | {"schedule": "[{at: open+65m}]", "class": "autonomous"},
    }
    desk = reopened(model_home(tmp_path, server.url, on_time))
    assert isinstance(desk.clock, SimulatedClock)
    with at_work(desk):
        attend(desk)
        # The home stands at 15:00 UTC, half an hour after the open.
        desk.clock.move_to(desk.clock.now() + timedelta(minutes=15))
        lines: list[str] = []
        attend(desk, done=lines.append)
        assert [line.split()[1] for line in lines] == ["weekly/1/1", "weekly_nemotron/1/1"]
        one, other = (desk.ledger.load_record(f"{account}/1/1") for account in PAIR)
        assert one.observation.as_of == other.observation.as_of
        # At its own time the second one is not due again.
        desk.clock.move_to(desk.clock.now() + timedelta(minutes=20))
        later: list[str] = []
        attend(desk, done=later.append)
        assert later == []


def test_an_arm_that_cannot_begin_leaves_the_other_at_an_engine_too(tmp_path: Path, server: OpenAIServer) -> None:
    home = model_home(tmp_path, server.url, PAIR)
    (home / "config" / "accounts" / "weekly.yaml").write_text(
        "strategy: llm_portfolio\nmodel: qwen\npair: weekly\nparameters: {watchlist: [AAPL], style: upside_down}\n"
    )
    desk = reopened(home)
    with at_work(desk):
        told = kinds.together_of(kind_of(kinds.CYCLE).act(asked_of_an_engine(desk)))
    assert "style" in str(told["weekly"]["error"])
    assert desk.ledger.load_record(str(told["weekly_nemotron"]["cycle"])).decision.answer is Answer.TRADE


def asked_of_an_engine(desk: Desk) -> Work:
    body = kinds.cycle_body(CycleWanted(account="weekly", beside=("weekly_nemotron",)))
    return Work(
        desk=desk, asked=Request(id="r1", kind=kinds.CYCLE, account="weekly", by="local", body=body),
        steps=lambda cycle: JournalSteps(LedgerStages(desk.ledger, cycle, desk.clock)),
    )  # fmt: skip


def test_an_engine_runs_a_pair_as_one_request(tmp_path: Path, server: OpenAIServer) -> None:
    good = server.answer
    server.answer = lambda asked: Fault.ERROR_500 if asked.model == "qwen" else good(asked)
    desk = reopened(model_home(tmp_path, server.url, PAIR))
    with at_work(desk):
        answer = kind_of(kinds.CYCLE).act(asked_of_an_engine(desk))
        again = kind_of(kinds.CYCLE).act(asked_of_an_engine(desk))
    assert answer == again
    told = kinds.together_of(answer)
    assert [*told] == [*PAIR]
    one, other = (desk.ledger.load_record(str(told[account]["cycle"])) for account in PAIR)
    assert one.observation.as_of == other.observation.as_of
    assert (one.decision.answer, other.decision.answer) == (Answer.FAILED, Answer.TRADE)
