"""Budgets of calls, days and all accounts together; the slots of a server; and the breaker that spares it."""

import threading
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from tests.fakes_clock import SteppedClock
from tests.unit.llm.asking import limits, question, served

from prudent.domain.errors import OverBudget, Permanent, Temporary
from prudent.domain.reasoning import Call, Question, Reply
from prudent.llm.budgeted import Budget, Budgeted, MemoryPurse, Spent
from prudent.llm.gates import FAILURES_MAX, WITHIN_SECONDS, Gate, Gates
from prudent.llm.scripted import Line, Scripted

START = datetime(2022, 11, 28, 15, tzinfo=UTC)
# 1,000 tokens in and 100 out at $1 and $10 a million.
USED = Reply(text="{}", model="qwen", tokens_in=1_000, tokens_out=100, cost=Decimal("0.002"))


class Desk:
    """One model behind a budget and a gate, on a clock that the test moves."""

    def __init__(self, *lines: Line, slots: int = 3, **changes: Any) -> None:
        self.clock = SteppedClock(START)
        self.inner = Scripted({"qwen": lines or [USED]})
        self.purse = MemoryPurse()
        self.budget = Budget(limits(**changes), self.purse, today=lambda: self.clock.now().date())
        self.gate = Gate("http://here", slots=slots, elapsed=self.clock.monotonic)
        # Patience for a slot is the sum of the two.
        model = served("", seconds=0.1, load_seconds=0.1)
        self.model = Budgeted(self.inner, model, budget=self.budget, gate=self.gate)

    def ask(self, account: str = "main", **changes: Any) -> Reply:
        return self.model.ask(question(account=account, **changes))

    def refusal(self, **changes: Any) -> str:
        before = len(self.inner.asked)
        with pytest.raises(OverBudget) as caught:
            self.ask(**changes)
        assert len(self.inner.asked) == before
        assert caught.value.exit_code == 5
        return str(caught.value)

    def later(self, **passed: float) -> None:
        self.clock.set(self.clock.now() + timedelta(**passed))


def test_what_a_call_used_is_spent_for_its_account_and_for_all() -> None:
    desk = Desk()
    desk.ask("a")
    desk.ask("b")
    assert desk.purse.spent("a", START.date()) == Spent(tokens=1_100, money=Decimal("0.002"))
    assert desk.purse.spent(None, START.date()) == Spent(tokens=2_200, money=Decimal("0.004"))


def test_a_call_that_may_need_too_many_tokens_is_not_asked() -> None:
    assert "tokens_per_call" in Desk(tokens_per_call=63).refusal()
    assert "tokens_per_call" in Desk(tokens_per_call=2_000).refusal(text="x" * 10_000)
    assert Desk(tokens_per_call=2_000).ask(text="x" * 4_000)


def test_a_days_tokens_end() -> None:
    desk = Desk(tokens_per_day=2_300)
    desk.ask()
    desk.ask()
    assert "account main may use 2,300 tokens a day, used 2,200" in desk.refusal()
    desk.ask("other")


def test_a_days_money_ends() -> None:
    desk = Desk(money_per_day=Decimal("0.004"))
    desk.ask()
    desk.ask()
    assert "language.budget.money_per_day" in desk.refusal()


def test_the_day_of_all_accounts_ends() -> None:
    desk = Desk(platform_tokens_per_day=2_300)
    desk.ask("a")
    desk.ask("b")
    assert "language.budget.platform_tokens_per_day" in desk.refusal(account="c")
    desk = Desk(platform_money_per_day=Decimal("0.004"))
    desk.ask("a")
    desk.ask("b")
    assert "language.budget.platform_money_per_day" in desk.refusal(account="c")


def test_the_next_day_begins_anew() -> None:
    desk = Desk(tokens_per_day=1_150)
    desk.ask()
    desk.refusal()
    desk.later(days=1)
    desk.ask()


def test_a_model_without_a_price_needs_no_money() -> None:
    desk = Desk(money_per_day=Decimal(0))
    free = Budgeted(
        desk.inner, served("", price_in=Decimal(0), price_out=Decimal(0)), budget=desk.budget, gate=desk.gate
    )
    desk.purse.spend(Call(question=question(), reply=None), Spent(tokens=1, money=Decimal(5)), START.date())
    assert free.ask(question()) == USED
    desk.refusal()


def test_a_server_that_counts_nothing_is_counted_by_its_bytes() -> None:
    desk = Desk(Reply(text="x" * 400, model="qwen"))
    desk.ask()
    # 400 bytes are about 100 tokens; the question's 58 bytes and its schema come on top.
    assert desk.purse.spent("main", START.date()).tokens > 100


def test_a_failed_call_counts_with_what_was_sent() -> None:
    desk = Desk(Temporary("down"))
    with pytest.raises(Temporary):
        desk.ask(text="x" * 4_000)
    # 4,000 bytes are about 1,000 tokens, at $1 a million.
    spent = desk.purse.spent("main", START.date())
    assert spent.tokens > 1_000
    assert spent.money > Decimal("0.001")


def test_what_is_under_way_counts_as_spent() -> None:
    desk = Desk(tokens_per_day=3_000)
    inside: list[str] = []

    def answer(asked: Question) -> Reply:
        if not inside:
            inside.append("asked")
            with pytest.raises(OverBudget):
                desk.budget.holding("main", Spent(tokens=2_500)).__enter__()
        return USED

    desk.inner = Scripted({"qwen": [answer]})
    desk.model = Budgeted(desk.inner, served(""), budget=desk.budget, gate=desk.gate)
    desk.ask(max_tokens=1_000)
    assert inside == ["asked"]
    with desk.budget.holding("main", Spent(tokens=1_900)):
        pass


def test_what_was_set_aside_is_free_again_after_a_failure() -> None:
    desk = Desk(Permanent("never"), USED, tokens_per_day=1_300)
    with pytest.raises(Permanent):
        desk.ask()
    desk.ask()


def test_no_more_questions_than_slots_are_under_way() -> None:
    entered, go = threading.Semaphore(0), threading.Event()

    def answer(asked: Question) -> Reply:
        entered.release()
        assert go.wait(10)
        return USED

    desk = Desk(slots=2)
    # Asked without its own lock, so that only the gate can hold anybody back.
    inner = Unlocked(answer)
    model = Budgeted(inner, served("", seconds=5, load_seconds=5), budget=desk.budget, gate=desk.gate)
    threads = [threading.Thread(target=lambda: model.ask(question())) for _ in range(4)]
    for thread in threads:
        thread.start()
    assert entered.acquire(timeout=5)
    assert entered.acquire(timeout=5)
    assert not entered.acquire(timeout=0.1)
    go.set()
    for thread in threads:
        thread.join(5)
    assert inner.count == 4


def test_waiting_for_a_slot_ends() -> None:
    desk = Desk(slots=1)
    with desk.gate.passing("other", seconds=1), pytest.raises(Temporary, match="slots of http://here"):
        desk.ask()


def test_five_failures_within_five_minutes_open_the_breaker() -> None:
    desk = Desk(Temporary("down"))
    for _ in range(FAILURES_MAX):
        with pytest.raises(Temporary, match="down"):
            desk.ask()
    with pytest.raises(Temporary, match="failed 5 times"):
        desk.ask()
    assert len(desk.inner.asked) == FAILURES_MAX
    desk.later(seconds=WITHIN_SECONDS + 1)
    with pytest.raises(Temporary, match="down"):
        desk.ask()


def test_an_answer_forgives_the_failures_before_it() -> None:
    down = [Temporary("down")] * (FAILURES_MAX - 1)
    desk = Desk(*down, USED, *down, USED)
    for _ in range(2):
        for _failure in down:
            with pytest.raises(Temporary, match="down"):
                desk.ask()
        desk.ask()


def test_failures_far_apart_open_nothing() -> None:
    desk = Desk(Temporary("down"))
    for _ in range(3 * FAILURES_MAX):
        with pytest.raises(Temporary, match="down"):
            desk.ask()
        desk.later(seconds=WITHIN_SECONDS / 4 + 1)


def test_the_breaker_of_one_model_leaves_the_others() -> None:
    gate = Gate("http://here", slots=1, elapsed=SteppedClock(START).monotonic)
    for _ in range(FAILURES_MAX):
        with pytest.raises(Permanent), gate.passing("qwen3", seconds=1):
            raise Permanent("never")
    with gate.passing("nemotron", seconds=1):
        pass
    with pytest.raises(Temporary), gate.passing("qwen3", seconds=1):
        pass


def test_a_budget_that_is_used_up_is_no_failure_of_the_server() -> None:
    desk = Desk(tokens_per_call=1)
    for _ in range(FAILURES_MAX + 1):
        desk.refusal()


def test_desks_share_the_gate_of_a_server() -> None:
    gates = Gates(elapsed=SteppedClock(START).monotonic)
    assert gates.of("http://a", slots=2) is gates.of("http://a", slots=2)
    assert gates.of("http://a", slots=2) is not gates.of("http://b", slots=2)


class Unlocked:
    """A model that many may ask at once, and that counts them."""

    def __init__(self, answer: Any) -> None:
        self._answer = answer
        self.count = 0

    def ask(self, question: Question) -> Reply:
        reply: Reply = self._answer(question)
        self.count += 1
        return reply

    def fallback(self, model: str) -> str | None:
        return None


def test_the_day_is_the_desks() -> None:
    desk = Desk()
    desk.ask()
    assert desk.purse.spent("main", date(2022, 11, 28)).tokens == 1_100
    assert desk.purse.spent("main", date(2022, 11, 29)).tokens == 0
