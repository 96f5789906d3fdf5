"""What every ledger keeps of people's words: armings, answers to plans that wait, states and latches."""

from dataclasses import replace
from datetime import timedelta

import pytest
from tests.contract.ledger_bench import LedgerBench
from tests.contract.ledger_build import ACCOUNT, MONDAY, SESSION, d, later

from prudent.domain.accounts import TradingState
from prudent.domain.cycles import Wait, WaitWhy
from prudent.domain.errors import BlockedError, InputError
from prudent.domain.interlocks import Arming
from prudent.ledger import LedgerStore
from prudent.ledger.approvals import PlanAnswer, Word
from prudent.ports import RunRef

PLAN = "a" * 64
ARMED = Arming(
    account=ACCOUNT, at=MONDAY, until=MONDAY + timedelta(days=30), by="anna", build="b1", config="c1", reason="go"
)


class PermissionsContract(LedgerBench):
    """A cycle of the account waits for a yes to `PLAN` from Monday on, for a day."""

    def wait(self, ledger: LedgerStore, run: RunRef) -> Wait:
        number = ledger.next_cycle(run, at=MONDAY)
        wait = Wait(
            cycle=f"{run.id}/{number}", why=WaitWhy.APPROVAL, until=later(days=1), plan_hash=PLAN, round=1
        )  # fmt: skip
        ledger.wait(wait, at=MONDAY)
        return wait

    def answer(self, wait: Wait, word: Word = Word.YES, **given: object) -> PlanAnswer:
        told = PlanAnswer(cycle=wait.cycle, plan_hash=PLAN, word=word, by="anna", reason="", at=later(hours=1))
        return replace(told, **given)  # type: ignore[arg-type]

    def test_an_arming_is_kept_replaced_and_ended(self, ledger: LedgerStore, run: RunRef) -> None:
        kept = ledger.permissions
        assert kept.arming(ACCOUNT) is None
        kept.arm(ARMED)
        assert kept.arming(ACCOUNT) == ARMED
        again = replace(ARMED, at=later(hours=1), by="ben")
        kept.arm(again)
        assert kept.armings() == (again,)
        assert kept.disarm(ACCOUNT, reason="enough", at=later(hours=2))
        assert not kept.disarm(ACCOUNT, reason="enough", at=later(hours=2))
        assert kept.arming(ACCOUNT) is None
        told = [row.event for row in ledger.views.audit(ACCOUNT).rows]
        assert (told.count("account_armed"), told.count("account_disarmed")) == (2, 1)

    def test_an_unknown_account_is_neither_armed_nor_disarmed(self, ledger: LedgerStore, run: RunRef) -> None:
        with pytest.raises(InputError):
            ledger.permissions.arm(replace(ARMED, account="stranger"))
        with pytest.raises(InputError):
            ledger.permissions.disarm("stranger", reason="x", at=MONDAY)

    def test_the_platforms_drawdown_limit_ends_an_arming(self, ledger: LedgerStore, run: RunRef) -> None:
        ledger.permissions.arm(ARMED)
        ledger.value(ACCOUNT, nlv=d("7501"), at=later(minutes=1), session=SESSION)
        assert ledger.permissions.arming(ACCOUNT) is not None
        ledger.value(ACCOUNT, nlv=d("7500"), at=later(minutes=2), session=SESSION)
        assert ledger.permissions.arming(ACCOUNT) is None
        kinds = [latch.kind for latch in ledger.permissions.latches(ACCOUNT)]
        assert kinds == ["daily_loss", "drawdown_halt"]
        assert all(latch.reason for latch in ledger.permissions.latches(ACCOUNT))

    @pytest.mark.parametrize("word", list(Word))
    def test_an_answer_is_kept_for_its_plan(self, ledger: LedgerStore, run: RunRef, word: Word) -> None:
        wait = self.wait(ledger, run)
        given = self.answer(wait, word)
        assert ledger.permissions.answer(wait.cycle, PLAN) is None
        ledger.permissions.decide(given)
        assert ledger.permissions.answer(wait.cycle, PLAN) == given
        assert ledger.permissions.answer(wait.cycle, "b" * 64) is None
        assert ledger.views.audit(ACCOUNT).rows[0].event == f"plan_{word}"

    def test_only_the_plan_that_waits_takes_an_answer_once_and_in_time(self, ledger: LedgerStore, run: RunRef) -> None:
        wait = self.wait(ledger, run)
        for wrong in ({"plan_hash": "b" * 64}, {"at": later(days=1)}):
            with pytest.raises(BlockedError):
                ledger.permissions.decide(self.answer(wait, **wrong))
        ledger.permissions.decide(self.answer(wait))
        with pytest.raises(BlockedError, match="must be answered once, was approved by anna"):
            ledger.permissions.decide(self.answer(wait, Word.NO, by="ben"))
        ledger.go_on(wait.cycle, at=later(hours=2))
        with pytest.raises(BlockedError, match="was running; it was approved by anna"):
            ledger.permissions.decide(self.answer(wait, Word.NO, by="ben"))
        assert ledger.permissions.answer(wait.cycle, PLAN) == self.answer(wait)

    def test_a_plan_that_waits_anew_takes_a_new_answer(self, ledger: LedgerStore, run: RunRef) -> None:
        wait = self.wait(ledger, run)
        ledger.permissions.decide(self.answer(wait))
        ledger.go_on(wait.cycle, at=later(hours=2))
        ledger.wait(replace(wait, round=2, until=later(days=2)), at=later(hours=2))
        given = self.answer(wait, Word.NO, by="ben", at=later(hours=3))
        ledger.permissions.decide(given)
        assert ledger.permissions.answer(wait.cycle, PLAN) == given

    def test_a_cycle_that_waits_for_the_market_takes_no_answer(self, ledger: LedgerStore, run: RunRef) -> None:
        wait = self.wait(ledger, run)
        ledger.go_on(wait.cycle, at=MONDAY)
        ledger.wait(replace(wait, why=WaitWhy.MARKET_OPEN), at=MONDAY)
        with pytest.raises(BlockedError, match="must wait for an answer"):
            ledger.permissions.decide(self.answer(wait))

    def test_the_same_wait_again_waits_on(self, ledger: LedgerStore, run: RunRef) -> None:
        wait = self.wait(ledger, run)
        ledger.go_on(wait.cycle, at=MONDAY)
        ledger.wait(wait, at=later(hours=1))
        assert ledger.cycle_row(wait.cycle).status == "waiting"
        kept = ledger.permissions.wait_of(wait.cycle)
        assert kept is not None
        assert kept.since == MONDAY

    def test_the_last_state_of_a_scope_is_told_with_its_time(self, ledger: LedgerStore, run: RunRef) -> None:
        assert ledger.permissions.state_row("") is None
        ledger.halt(ACCOUNT, reason="one", at=MONDAY)
        ledger.resume(ACCOUNT, reason="two", at=later(hours=1))
        ledger.resume(ACCOUNT, reason="two", at=later(hours=2))
        row = ledger.permissions.state_row(ACCOUNT)
        assert row is not None
        assert (row.state, row.reason, row.at) == (TradingState.ACTIVE, "two", later(hours=2))
