"""What every ledger remembers: history, valuation and latches, records, rules, and the proof of it all."""

from datetime import date, timedelta

import pytest
from tests.contract.ledger_bench import LedgerBench
from tests.contract.ledger_build import (
    ACCOUNT,
    MONDAY,
    SESSION,
    TUESDAY,
    d,
    drawdown_cut,
    fill,
    intent,
    later,
    record,
    report,
    stop_loss,
)

from prudent.domain.accounts import Mode, StoppedOut, TradingState
from prudent.domain.errors import BlockedError, InputError
from prudent.domain.orders import OrderStatus, Side
from prudent.domain.proposals import Answer
from prudent.domain.records import digest, encode
from prudent.domain.rules import RuleCategory, UserRule
from prudent.domain.verdicts import Outcome
from prudent.ledger import LedgerStore
from prudent.ports import RunRef

S = OrderStatus


class MemoryContract(LedgerBench):
    """Numbers are by hand: the account opens with 10,000 in cash."""

    # History

    def test_history_of_a_fresh_account(self, ledger: LedgerStore, run: RunRef) -> None:
        seen = ledger.history(ACCOUNT, session=SESSION, at=MONDAY)
        assert (seen.nlv_open, seen.unit_value, seen.peak_unit_value) == (d("10000"), d("1"), d("1"))
        assert (seen.trades_today, seen.has_traded, seen.state) == (0, False, TradingState.ACTIVE)
        tomorrow = ledger.history(ACCOUNT, session=TUESDAY, at=later(days=1))
        assert tomorrow.nlv_open is None

    def test_history_counts_orders_of_the_session_and_lists_recent_ones(self, ledger: LedgerStore, run: RunRef) -> None:
        buy, other = intent(), intent("MSFT")
        ledger.approve(run, ledger.next_cycle(run, at=MONDAY), (other,), at=MONDAY)
        self.send(ledger, run, buy)
        ledger.never_left(ACCOUNT, other.order_ref, reason="halted", at=MONDAY)
        ledger.reported(ACCOUNT, report(buy, S.FILLED, fill(buy, "10", "100")), at=MONDAY)
        ledger.value(ACCOUNT, nlv=d("9999"), at=MONDAY, session=SESSION)
        seen = ledger.history(ACCOUNT, session=SESSION, at=later(minutes=9))
        assert (seen.trades_today, seen.has_traded) == (1, True)
        assert {each.symbol: each.status for each in seen.recent_orders} == {"AAPL": S.FILLED, "MSFT": S.NOT_SENT}
        assert ledger.history(ACCOUNT, session=SESSION, at=later(minutes=10)).recent_orders == ()
        assert ledger.history(ACCOUNT, session=TUESDAY, at=later(days=1)).trades_today == 0

    def test_orders_of_a_weekend_count_for_the_next_session(self, ledger: LedgerStore, run: RunRef) -> None:
        ledger.value(ACCOUNT, nlv=d("10000"), at=later(days=4), session=date(2022, 12, 2))
        saturday = later(days=5)
        ledger.approve(run, ledger.next_cycle(run, at=saturday), (intent(),), at=saturday)
        assert ledger.history(ACCOUNT, session=date(2022, 12, 5), at=saturday).trades_today == 1

    def test_a_dry_run_leaves_no_trace_in_history(self, ledger: LedgerStore, run: RunRef) -> None:
        dry = self.open_run(ledger, "dry_run")
        buy = intent()
        cycle = self.send(ledger, dry, buy)
        for status in (S.SENDING, S.WOULD_SEND):
            ledger.reported(ACCOUNT, report(buy, status), at=MONDAY)
            seen = ledger.history(ACCOUNT, session=SESSION, at=MONDAY)
            assert (seen.trades_today, seen.recent_orders, seen.unknown_symbols) == (0, (), ())
        ledger.record(record(2, cycle, orders=[buy], exits=[drawdown_cut()], mode=Mode.DRY_RUN), why={})
        assert not ledger.history(ACCOUNT, session=SESSION, at=MONDAY).drawdown_latched

    def test_the_severest_state_holds(self, ledger: LedgerStore, run: RunRef) -> None:
        ledger.set_state(ACCOUNT, TradingState.REDUCING, reason="loss", at=MONDAY)
        ledger.set_state(ACCOUNT, TradingState.HALTED, reason="odd fill", at=MONDAY, symbol="AAPL")
        seen = ledger.history(ACCOUNT, session=SESSION, at=MONDAY)
        assert (seen.state, seen.state_reason) == (TradingState.REDUCING, "loss")
        assert seen.symbol_states == (("AAPL", TradingState.HALTED),)
        ledger.halt(reason="kill switch", at=MONDAY)
        seen = ledger.history(ACCOUNT, session=SESSION, at=MONDAY)
        assert (seen.state, seen.state_reason) == (TradingState.HALTED, "platform: kill switch")
        ledger.resume(reason="checked", at=MONDAY)
        assert ledger.history(ACCOUNT, session=SESSION, at=MONDAY).state is TradingState.REDUCING
        assert ledger.state(ACCOUNT) == (TradingState.REDUCING, "loss")
        assert ledger.state() == (TradingState.ACTIVE, "checked")
        with pytest.raises(InputError):
            ledger.set_state("nobody", TradingState.HALTED, reason="x", at=MONDAY)

    def test_decider_failures_in_a_row_and_refused_share(self, ledger: LedgerStore, run: RunRef) -> None:
        answers = [Answer.FAILED, Answer.TRADE, Answer.TRADE, Answer.FAILED, Answer.FAILED]
        for number, answer in enumerate(answers, start=1):
            cycle = ledger.next_cycle(run, at=MONDAY)
            orders = [intent(cycle=str(number)), intent("MSFT", cycle=str(number))] if answer is Answer.TRADE else []
            refused = [[Outcome.REJECT, Outcome.PASS, Outcome.PASS], [Outcome.PASS, Outcome.REJECT, Outcome.PASS]]
            rows = refused if orders else None
            ledger.record(record(1, cycle, orders=orders, sent=(), outcomes=rows, answer=answer), why={})
            if number < 5:
                assert ledger.history(ACCOUNT, session=SESSION, at=MONDAY).refused_share_5_cycles == 0
        seen = ledger.history(ACCOUNT, session=SESSION, at=MONDAY)
        # Of four planned orders two were refused by P01; a refusal for the day's loss is not the decider's doing.
        assert (seen.decider_failures_in_row, seen.refused_share_5_cycles) == (2, d("0.5"))
        ledger.resume(ACCOUNT, reason="a person looked", at=later(minutes=1))
        assert ledger.history(ACCOUNT, session=SESSION, at=later(minutes=2)).decider_failures_in_row == 0

    def test_rules_that_stand_in_for_a_model_leave_its_failure_counted(self, ledger: LedgerStore, run: RunRef) -> None:
        counts = []
        for answer, code in (
            (Answer.HOLD, "llm_hold"), (Answer.FAILED, "llm_failed"), (Answer.TRADE, "llm_failed"),
            (Answer.HOLD, "llm_failed"), (Answer.ABSTAIN, "over_budget"), (Answer.TRADE, "llm_failed"),
        ):  # fmt: skip
            cycle = ledger.next_cycle(run, at=MONDAY)
            ledger.record(record(1, cycle, answer=answer, code=code), why={})
            counts.append(ledger.history(ACCOUNT, session=SESSION, at=MONDAY).decider_failures_in_row)
        assert counts == [0, 1, 2, 3, 0, 1]

    # Valuation and latches

    def test_unit_value_is_the_time_weighted_return(self, ledger: LedgerStore, run: RunRef) -> None:
        ledger.value(ACCOUNT, nlv=d("12000"), at=later(days=100), session=SESSION + timedelta(100))
        ledger.flow(ACCOUNT, "deposit", d("8000"), at=later(days=100), ref="more")
        ledger.value(ACCOUNT, nlv=d("18000"), at=later(days=365), session=SESSION + timedelta(365))
        seen = ledger.history(ACCOUNT, session=SESSION + timedelta(365), at=later(days=365))
        assert (seen.unit_value, seen.peak_unit_value) == (d("1.08"), d("1.2"))
        (row,) = ledger.views.runs().rows
        assert (row.total_return, row.max_drawdown, row.final_value) == (d("0.08"), d("-0.1"), d("18000"))

    def test_the_opening_value_of_a_session_is_its_first(self, ledger: LedgerStore, run: RunRef) -> None:
        for nlv in ("9900", "9950", "9910"):
            ledger.value(ACCOUNT, nlv=d(nlv), at=later(days=1), session=TUESDAY)
        ledger.flow(ACCOUNT, "withdraw", d("100"), at=later(days=1), ref="out")
        ledger.flow(ACCOUNT, "deposit", d("30"), at=later(days=1), ref="in")
        seen = ledger.history(ACCOUNT, session=TUESDAY, at=later(days=1))
        assert (seen.nlv_open, seen.flows_today) == (d("9900"), d("-70"))

    def test_a_daily_loss_latches_for_its_session_at_equality(self, ledger: LedgerStore, run: RunRef) -> None:
        ledger.value(ACCOUNT, nlv=d("9800.01"), at=MONDAY, session=SESSION)
        assert not ledger.history(ACCOUNT, session=SESSION, at=MONDAY).daily_loss_latched
        assert not ledger.daily_loss_latched(ACCOUNT, SESSION)
        ledger.value(ACCOUNT, nlv=d("9800"), at=MONDAY, session=SESSION)
        ledger.value(ACCOUNT, nlv=d("9990"), at=MONDAY, session=SESSION)
        assert ledger.history(ACCOUNT, session=SESSION, at=MONDAY).daily_loss_latched
        assert not ledger.history(ACCOUNT, session=TUESDAY, at=later(days=1)).daily_loss_latched
        assert ledger.daily_loss_latched(ACCOUNT, SESSION)
        assert not ledger.daily_loss_latched(ACCOUNT, TUESDAY)

    def test_a_drawdown_cut_latches_until_recovery(self, ledger: LedgerStore, run: RunRef) -> None:
        cut = intent(side=Side.SELL, quantity="5")
        cycle = self.send(ledger, run, cut)
        ledger.record(record(1, cycle, orders=[cut], exits=[drawdown_cut()]), why={})
        assert ledger.history(ACCOUNT, session=SESSION, at=MONDAY).drawdown_latched
        ledger.value(ACCOUNT, nlv=d("8500"), at=later(days=1), session=TUESDAY)
        assert ledger.history(ACCOUNT, session=TUESDAY, at=later(days=1)).drawdown_latched
        ledger.value(ACCOUNT, nlv=d("8500.01"), at=later(days=2), session=TUESDAY)
        assert not ledger.history(ACCOUNT, session=TUESDAY, at=later(days=2)).drawdown_latched

    def test_a_cut_that_the_broker_refused_does_not_latch(self, ledger: LedgerStore, run: RunRef) -> None:
        cut = intent(side=Side.SELL, quantity="5")
        cycle = self.send(ledger, run, cut)
        refused = record(1, cycle, orders=[cut], exits=[drawdown_cut()], answered=OrderStatus.REJECTED)
        ledger.record(refused, why={})
        assert not ledger.history(ACCOUNT, session=SESSION, at=MONDAY).drawdown_latched

    def test_nothing_is_bought_on_the_day_of_a_cut(self, ledger: LedgerStore, run: RunRef) -> None:
        cut = intent(side=Side.SELL, quantity="5")
        cycle = self.send(ledger, run, cut)
        ledger.record(record(1, cycle, orders=[cut], exits=[drawdown_cut()]), why={})
        assert ledger.history(ACCOUNT, session=SESSION, at=MONDAY).state is TradingState.REDUCING
        assert ledger.history(ACCOUNT, session=TUESDAY, at=later(days=1)).state is TradingState.ACTIVE

    def test_a_stop_that_the_broker_took_is_remembered_with_its_session(self, ledger: LedgerStore, run: RunRef) -> None:
        stop = intent(side=Side.SELL, quantity="5")
        cycle = self.send(ledger, run, stop)
        assert ledger.history(ACCOUNT, session=SESSION, at=MONDAY).stopped_out == ()
        ledger.record(record(1, cycle, orders=[stop], exits=[stop_loss()]), why={})
        seen = ledger.history(ACCOUNT, session=TUESDAY, at=later(days=1))
        assert seen.stopped_out == (StoppedOut(symbol="AAPL", session=SESSION),)
        assert ledger.views.account(ACCOUNT).latches == ()

    def test_a_cut_that_was_sent_before_a_crash_counts_as_made(self, ledger: LedgerStore, run: RunRef) -> None:
        ledger.value(ACCOUNT, nlv=d("8000"), at=MONDAY, session=SESSION)
        self.send(ledger, run, intent(side=Side.SELL, quantity="5"))
        ledger.resolve_interrupted("weekly/1/1", at=MONDAY)
        assert ledger.history(ACCOUNT, session=SESSION, at=MONDAY).drawdown_latched

    def test_the_platform_drawdown_latch_needs_a_person(self, ledger: LedgerStore, run: RunRef) -> None:
        ledger.value(ACCOUNT, nlv=d("7500"), at=MONDAY, session=SESSION)
        ledger.value(ACCOUNT, nlv=d("11000"), at=later(days=1), session=TUESDAY)
        assert ledger.history(ACCOUNT, session=TUESDAY, at=later(days=1)).drawdown_halt_latched
        ledger.value(ACCOUNT, nlv=d("9900"), at=later(days=1), session=TUESDAY)
        ledger.rearm(ACCOUNT, reason="reviewed", at=later(days=1))
        seen = ledger.history(ACCOUNT, session=TUESDAY, at=later(days=1))
        assert (seen.drawdown_halt_latched, seen.peak_unit_value) == (False, d("0.99"))

    # Records, reasoning, rules, settings

    def test_a_record_reads_back_equal(self, ledger: LedgerStore, run: RunRef) -> None:
        buy, refused = intent(), intent("MSFT")
        cycle = self.send(ledger, run, buy)
        outcomes = [[Outcome.PASS] * 3, [Outcome.PASS, Outcome.PASS, Outcome.REJECT]]
        inputs: dict[str, object] = {"reasoning": {"plan": "buy apples", "analysis": "cheap"}}
        told = record(1, cycle, orders=[buy, refused], sent=[buy], outcomes=outcomes, inputs=inputs)  # type: ignore[arg-type]
        name = ledger.record(told, why={buy.order_ref: "below target"})
        assert name == digest(encode(told))
        assert ledger.record(told, why={}) == name
        assert ledger.load_record("weekly/1/1") == told
        assert ledger.load_record("weekly/1") == told
        assert [row.kind for row in ledger.views.reasoning("weekly/1/1")] == ["analysis", "decision", "plan"]
        rows = {row.symbol: row for row in ledger.views.orders_of("weekly/1/1")}
        assert (rows["AAPL"].why, rows["AAPL"].reasoning) == ("below target", "weekly/1/1/decision")
        assert (rows["MSFT"].state, rows["MSFT"].message) == (S.DENIED, "max_position_pct refuses")
        assert ledger.history(ACCOUNT, session=SESSION, at=MONDAY).trades_today == 1

    def test_a_cycle_has_one_record(self, ledger: LedgerStore, run: RunRef) -> None:
        cycle = ledger.next_cycle(run, at=MONDAY)
        ledger.record(record(1, cycle), why={})
        with pytest.raises(BlockedError, match="must be recorded once"):
            ledger.record(record(1, cycle, answer=Answer.HOLD), why={})
        for unknown in ("weekly/1/9", "weekly/9", "nobody/1/1", "weekly", "weekly/x/1"):
            with pytest.raises(InputError):
                ledger.load_record(unknown)

    def test_the_last_run_is_the_newest_that_traded(self, ledger: LedgerStore, run: RunRef) -> None:
        assert ledger.last_run(ACCOUNT) is None
        dry = self.open_run(ledger, "dry_run")
        ledger.next_cycle(dry, at=MONDAY)
        ledger.record(record(2, 1), why={})
        assert ledger.last_run(ACCOUNT) == dry
        ledger.next_cycle(run, at=MONDAY)
        ledger.record(record(1, 1), why={})
        assert ledger.last_run(ACCOUNT) == run

    def test_rules_are_listed_by_priority_with_what_they_did(self, ledger: LedgerStore, run: RunRef) -> None:
        cap = UserRule(
            rule_id="cap-apple", rule_name="No more apples", rule_category=RuleCategory.POSITION_SIZING,
            enforcement_params={"max_position_pct": "10"}, applies_to_symbols=("AAPL",), created_at=MONDAY,
        )  # fmt: skip
        first = UserRule(rule_id="z", rule_name="Z", rule_category=RuleCategory.RISK, priority=1, created_at=MONDAY)
        ledger.add_rule(ACCOUNT, cap, at=MONDAY)
        ledger.add_rule(ACCOUNT, first, at=MONDAY)
        assert ledger.rules(ACCOUNT) == (first, cap)
        with pytest.raises(InputError, match="must be new"):
            ledger.add_rule(ACCOUNT, cap, at=MONDAY)
        cycle = ledger.next_cycle(run, at=MONDAY)
        orders = [intent(), intent("MSFT")]
        rows = [[Outcome.PASS, Outcome.PASS, Outcome.REJECT], [Outcome.PASS, Outcome.PASS, Outcome.CLIP]]
        ledger.record(record(1, cycle, orders=orders, sent=(), outcomes=rows), why={})
        ledger.disable_rule(ACCOUNT, "z", at=MONDAY)
        assert ledger.rules(ACCOUNT) == (cap,)
        listed = {row.rule.rule_id: row for row in ledger.views.rules(ACCOUNT)}
        assert (listed["cap-apple"].refusals, listed["cap-apple"].shrinks) == (1, 1)
        assert (listed["z"].refusals, listed["z"].shrinks, listed["z"].rule.is_active) == (0, 0, False)
        more = [intent(cycle="2"), intent("MSFT", cycle="2")]
        ledger.record(record(1, ledger.next_cycle(run, at=MONDAY), orders=more, sent=(), outcomes=rows), why={})
        self.open_run(ledger, cash_max="0.5")
        (again,) = [row for row in ledger.views.rules(ACCOUNT) if row.rule.rule_id == "cap-apple"]
        assert (again.refusals, again.refusals_total, again.shrinks_total) == (0, 2, 2)
        with pytest.raises(InputError, match=r"\(z, cap-apple\)"):
            ledger.disable_rule(ACCOUNT, "cap", at=MONDAY)

    def test_settings_keep_the_last_value(self, ledger: LedgerStore) -> None:
        assert ledger.setting("clock") is None
        ledger.set_setting("clock", "a", at=MONDAY)
        ledger.set_setting("clock", "b", at=MONDAY)
        assert ledger.setting("clock") == "b"

    # Proof

    def test_every_change_is_in_the_audit_chain(self, ledger: LedgerStore, run: RunRef) -> None:
        buy = intent()
        cycle = self.send(ledger, run, buy)
        ledger.reported(ACCOUNT, report(buy, S.FILLED, fill(buy, "10", "100")), at=MONDAY)
        ledger.record(record(1, cycle, orders=[buy]), why={})
        events = [row.event for row in reversed(ledger.views.audit().rows)]
        assert events == [
            "account_added", "run_started", "cycle_started", "orders_approved", "order_sending", "order_reported",
            "cycle_recorded",
        ]  # fmt: skip
        proof = ledger.verify_audit(anchor=ledger.audit_head())
        assert (proof.holds, proof.rows, proof.head) == (True, 7, ledger.audit_head())
        assert ledger.faults() == ()

    def test_a_refused_act_leaves_no_audit_row(self, ledger: LedgerStore, run: RunRef) -> None:
        before = ledger.audit_head()
        with pytest.raises(InputError):
            ledger.flow(ACCOUNT, "withdraw", d("99999"), at=MONDAY, ref="x")
        with pytest.raises(BlockedError):
            ledger.sending(ACCOUNT, "none", seal="", at=MONDAY)
        assert ledger.audit_head() == before
