"""Every call of a model is a row at once: what an account and everybody spent is known over restarts."""

from datetime import timedelta
from pathlib import Path

from tests.contract.ledger_build import ACCOUNT, MONDAY, d, later, mandate, record

from prudent.domain.reasoning import Call, Finish, Question, Reply
from prudent.ledger import LedgerStore, open_ledger
from prudent.ledger.model_calls import ANSWERED, CUT, FAILED, Spent


def call(
    account: str = ACCOUNT, *, model: str = "qwen", by: str = "", out: int | None = 40, finish: Finish = Finish.STOP
) -> Call:  # fmt: skip
    question = Question(account=account, purpose="pass1", model=model, messages=(), schema={})
    reply = Reply(
        text="{}", model=by or model, tokens_in=100, tokens_out=out, seconds=d("2.5"), cost=d("0.01"), finish=finish
    )
    return Call(question=question, reply=reply)


def ledger(path: Path) -> LedgerStore:
    store = open_ledger(path / "ledger.sqlite")
    store.add_account(mandate(), cash=d("10000"), at=MONDAY)
    return store


def test_what_was_spent_on_a_day_is_known_after_a_restart(tmp_path: Path) -> None:
    store = ledger(tmp_path)
    midnight = MONDAY.replace(hour=0)
    for at in (midnight - timedelta(microseconds=1), midnight, MONDAY, midnight + timedelta(days=1)):
        store.model_calls.spend(call(), tokens=140, cost=d("0.01"), at=at)
    store.model_calls.spend(call("other"), tokens=60, cost=d("0.005"), at=MONDAY)
    store.close()
    again = open_ledger(tmp_path / "ledger.sqlite").model_calls
    # Two of the four lie on Monday in UTC.
    assert again.spent(ACCOUNT, MONDAY.date()) == Spent(calls=2, tokens=280, cost=d("0.02"), seconds=d("5.0"))
    assert again.spent(None, MONDAY.date()) == Spent(calls=3, tokens=340, cost=d("0.025"), seconds=d("7.5"))
    assert again.spent("nobody", MONDAY.date()) == Spent()
    assert again.spent_by(ACCOUNT).calls == 4


def test_a_row_counts_what_the_budget_counts_whatever_the_server_said(tmp_path: Path) -> None:
    calls = ledger(tmp_path).model_calls
    calls.spend(call(out=None), tokens=140, cost=d("0"), at=MONDAY)
    calls.spend(call(out=500), tokens=140, cost=d("0"), at=MONDAY)
    assert [each.tokens_in + each.tokens_out for each in calls.newest(ACCOUNT)] == [140, 140]


def test_calls_tell_who_answered_and_how_they_ended(tmp_path: Path) -> None:
    calls = ledger(tmp_path).model_calls
    calls.spend(call(by="nemotron"), tokens=140, cost=d("0.01"), at=MONDAY)
    calls.spend(call(finish=Finish.LENGTH), tokens=140, cost=d("0.02"), at=MONDAY)
    question = call().question
    calls.spend(Call(question=question, reply=None, error="source_unavailable"), tokens=100, cost=d("0"), at=MONDAY)
    newest = calls.newest(ACCOUNT)
    assert [(each.model, each.answered_by, each.outcome) for each in newest] == [
        ("qwen", "qwen", FAILED), ("qwen", "qwen", CUT), ("qwen", "nemotron", ANSWERED),
    ]  # fmt: skip
    assert (newest[0].number, newest[0].error, newest[0].cycle) == (3, "source_unavailable", None)
    assert [(each.model, each.outcome, each.calls) for each in calls.tally()] == [
        ("nemotron", ANSWERED, 1), ("qwen", CUT, 1), ("qwen", FAILED, 1),
    ]  # fmt: skip
    assert calls.costs() == {"nemotron": d("0.01"), "qwen": d("0.02")}


def test_a_recorded_cycle_names_the_calls_that_were_made_for_it(tmp_path: Path) -> None:
    store = ledger(tmp_path)
    run = store.open_run(mandate(), mode="paper", rules=(), code_version="1", at=MONDAY)
    spend = store.model_calls.spend
    spend(call(), tokens=1, cost=d("0"), at=later(minutes=-1))
    number = store.next_cycle(run, at=MONDAY)
    spend(call(), tokens=2, cost=d("0"), at=later(seconds=1))
    store.record(record(1, number, inputs={"calls": []}), why={})
    spend(call(), tokens=3, cost=d("0"), at=later(seconds=2))
    assert [each.tokens_in + each.tokens_out for each in store.model_calls.of_cycle(ACCOUNT, 1, number)] == [2]
    assert [each.cycle for each in store.model_calls.newest(ACCOUNT)] == [None, f"{ACCOUNT}/1/1", None]
    # A strategy that asks no model takes nobody's calls.
    store.record(record(1, store.next_cycle(run, at=MONDAY)), why={})
    assert store.model_calls.newest(ACCOUNT)[0].cycle is None
