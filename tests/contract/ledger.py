"""What every ledger promises, as one class: each implementation inherits it and opens itself."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import date, timedelta

import pytest
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
    mandate,
    record,
    report,
)

from prudent.domain.accounts import Position, TradingState
from prudent.domain.errors import BlockedError, InputError
from prudent.domain.orders import OrderIntent, OrderReport, OrderStatus, Side
from prudent.domain.proposals import Answer
from prudent.domain.records import digest, encode
from prudent.domain.rules import RuleCategory, UserRule
from prudent.domain.verdicts import Outcome
from prudent.ledger import LedgerStore
from prudent.ports import Ledger, RunRef

S = OrderStatus


class LedgerContract:
    """Numbers are by hand: the account opens with 10,000 in cash on Monday, 28 November 2022."""

    @pytest.fixture
    def ledger(self) -> Iterator[LedgerStore]:
        raise NotImplementedError

    @pytest.fixture
    def run(self, ledger: LedgerStore) -> RunRef:
        ledger.add_account(mandate(), cash=d("10000"), at=MONDAY)
        return self.open_run(ledger)

    def open_run(self, ledger: LedgerStore, mode: str = "paper", *, cash_max: str = "1") -> RunRef:
        return ledger.open_run(mandate(cash_max=cash_max), mode=mode, rules=(), code_version="1", at=MONDAY)

    def send(self, ledger: LedgerStore, run: RunRef, *intents: OrderIntent) -> int:
        """Bring intents to SENDING in a new cycle."""
        cycle = ledger.next_cycle(run, at=MONDAY)
        ledger.approve(run, cycle, intents, at=MONDAY)
        for each in intents:
            ledger.sending(ACCOUNT, each.order_ref, seal=each.seal, at=MONDAY)
        return cycle

    def state_of(self, ledger: LedgerStore, order_ref: str) -> OrderStatus:
        return next(row.state for row in ledger.views.orders().rows if row.order_ref == order_ref)

    def test_it_is_a_ledger(self, ledger: LedgerStore) -> None:
        port: Ledger = ledger
        assert port.rules(ACCOUNT) == ()

    # Accounts and money

    def test_opening_cash_and_positions_are_contributions(self, ledger: LedgerStore) -> None:
        held = Position(symbol="AAPL", quantity=d("10"), average_cost=d("140.55"))
        ledger.add_account(mandate(), cash=d("5000"), positions=(held,), at=MONDAY)
        money = ledger.views.money(ACCOUNT)
        assert (money.cash, money.contributions, money.positions_at_cost) == (d("5000"), d("6405.50"), d("1405.50"))
        (row,) = ledger.views.positions(ACCOUNT)
        assert (row.quantity, row.average_cost, row.opened) == (d("10"), d("140.55"), MONDAY)

    def test_an_account_is_opened_once_and_an_unknown_one_is_named(self, ledger: LedgerStore) -> None:
        ledger.add_account(mandate(), at=MONDAY)
        with pytest.raises(InputError, match="must be new"):
            ledger.add_account(mandate(), at=MONDAY)
        with pytest.raises(InputError, match=r"\(weekly\), was 'other'"):
            ledger.account("other")
        assert [each.id for each in ledger.accounts()] == [ACCOUNT]

    @pytest.mark.parametrize(
        ("cash", "position"),
        [
            ("-1", None),
            ("0.001", None),
            ("NaN", None),
            ("0", Position(symbol="A", quantity=d("-5"), average_cost=d("1"))),
            ("0", Position(symbol="A", quantity=d("5"))),
            ("0", Position(symbol="A", quantity=d("5"), average_cost=d("-1"))),
        ],
    )
    def test_a_bad_opening_leaves_nothing(self, ledger: LedgerStore, cash: str, position: Position | None) -> None:
        with pytest.raises(InputError):
            ledger.add_account(mandate(), cash=d(cash), positions=(position,) if position else (), at=MONDAY)
        assert ledger.accounts() == ()

    def test_a_flow_is_booked_once_per_ref(self, ledger: LedgerStore, run: RunRef) -> None:
        assert ledger.flow(ACCOUNT, "deposit", d("500"), at=MONDAY, ref="wire-1")
        assert not ledger.flow(ACCOUNT, "deposit", d("500"), at=MONDAY, ref="wire-1")
        assert ledger.views.money(ACCOUNT).cash == d("10500")
        with pytest.raises(InputError, match="already stands for deposit 500 USD"):
            ledger.flow(ACCOUNT, "deposit", d("600"), at=MONDAY, ref="wire-1")

    def test_a_withdrawal_beyond_the_cash_is_refused(self, ledger: LedgerStore, run: RunRef) -> None:
        with pytest.raises(InputError, match="must not exceed the cash of 10000"):
            ledger.flow(ACCOUNT, "withdraw", d("10000.01"), at=MONDAY, ref="out")
        assert ledger.flow(ACCOUNT, "withdraw", d("10000"), at=MONDAY, ref="out")
        assert ledger.views.money(ACCOUNT).cash == 0

    @pytest.mark.parametrize("amount", ["0", "-5", "1.001", "NaN", "Infinity"])
    def test_a_bad_amount_is_refused(self, ledger: LedgerStore, run: RunRef, amount: str) -> None:
        with pytest.raises(InputError, match="amount must be above 0"):
            ledger.flow(ACCOUNT, "deposit", d(amount), at=MONDAY, ref="x")
        with pytest.raises(InputError, match="deposit, withdraw or dividend"):
            ledger.flow(ACCOUNT, "gift", d("1"), at=MONDAY, ref="x")

    def test_a_dividend_is_income_and_no_flow(self, ledger: LedgerStore, run: RunRef) -> None:
        ledger.flow(ACCOUNT, "dividend", d("12.34"), at=MONDAY, ref="AAPL-div")
        money = ledger.views.money(ACCOUNT)
        assert (money.cash, money.dividends, money.contributions) == (d("10012.34"), d("12.34"), d("10000"))
        assert ledger.history(ACCOUNT, session=SESSION, at=MONDAY).flows_today == 0

    # Runs and cycles

    def test_an_unchanged_run_goes_on_and_any_change_starts_the_next(self, ledger: LedgerStore, run: RunRef) -> None:
        rule = UserRule(rule_id="r", rule_name="R", rule_category=RuleCategory.RISK)
        assert run.id == "weekly/1"
        assert self.open_run(ledger) == run
        assert self.open_run(ledger, cash_max="0.5").number == 2
        assert self.open_run(ledger).number == 3
        again = ledger.open_run(mandate(), mode="paper", rules=(rule,), code_version="1", at=MONDAY)
        newer = ledger.open_run(mandate(), mode="paper", rules=(rule,), code_version="2", at=MONDAY)
        live = ledger.open_run(mandate(), mode="live", rules=(rule,), code_version="2", at=MONDAY)
        assert (again.number, newer.number, live.number) == (4, 5, 6)
        statuses = [row.status for row in sorted(ledger.views.runs().rows, key=lambda row: row.run)]
        assert statuses == ["completed"] * 5 + ["running"]

    def test_a_dry_run_neither_ends_nor_is_ended_by_a_run_that_trades(self, ledger: LedgerStore, run: RunRef) -> None:
        dry = self.open_run(ledger, "dry_run")
        assert dry.number == 2
        assert self.open_run(ledger) == run
        assert self.open_run(ledger, "dry_run") == dry

    def test_cycle_numbers_are_never_reused(self, ledger: LedgerStore, run: RunRef) -> None:
        assert [ledger.next_cycle(run, at=MONDAY) for _ in range(3)] == [1, 2, 3]
        assert self.open_run(ledger, cash_max="0.5") != run
        with pytest.raises(BlockedError, match="must be running"):
            ledger.next_cycle(run, at=MONDAY)

    def test_cycles_without_a_record_are_found_and_marked(self, ledger: LedgerStore, run: RunRef) -> None:
        ledger.next_cycle(run, at=MONDAY)
        ledger.next_cycle(run, at=MONDAY)
        ledger.record(record(1, 2), why={})
        assert ledger.interrupted_cycles() == ("weekly/1/1",)
        ledger.resolve_interrupted("weekly/1/1", at=MONDAY)
        ledger.resolve_interrupted("weekly/1/2", at=MONDAY)
        assert ledger.interrupted_cycles() == ()
        assert [row.status for row in ledger.views.decisions().rows] == ["completed", "interrupted"]

    def test_a_failed_cycle_says_why(self, ledger: LedgerStore, run: RunRef) -> None:
        ledger.next_cycle(run, at=MONDAY)
        ledger.fail_cycle("weekly/1/1", reason="no price for AAPL", at=MONDAY)
        (row,) = ledger.views.decisions().rows
        assert (row.status, row.reason) == ("failed", "no price for AAPL")
        assert ledger.interrupted_cycles() == ()

    # Orders

    def test_an_order_passes_its_states_and_books_its_fills(self, ledger: LedgerStore, run: RunRef) -> None:
        buy = intent()
        self.send(ledger, run, buy)
        ledger.reported(ACCOUNT, report(buy, S.ACKED), at=MONDAY)
        ledger.reported(ACCOUNT, report(buy, S.PARTIAL, fill(buy, "4", "100")), at=MONDAY)
        both = (fill(buy, "4", "100"), fill(buy, "6", "101", number=2))
        ledger.reported(ACCOUNT, report(buy, S.FILLED, *both), at=MONDAY)
        steps = [event.after for event in ledger.views.order_events(ACCOUNT, buy.order_ref)]
        assert steps == [S.APPROVED, S.SENDING, S.ACKED, S.PARTIAL, S.FILLED]
        # 10,000 - 4 x 100 - 6 x 101 - 2 of commission
        assert ledger.views.money(ACCOUNT).cash == d("8992")
        (position,) = ledger.views.positions(ACCOUNT)
        assert (position.quantity, position.cost, position.average_cost) == (d("10"), d("1006"), d("100.6"))
        assert ledger.views.runs().rows[0].trades == 1

    def test_the_same_report_twice_changes_nothing(self, ledger: LedgerStore, run: RunRef) -> None:
        buy = intent()
        self.send(ledger, run, buy)
        for _ in range(3):
            ledger.reported(ACCOUNT, report(buy, S.FILLED, fill(buy, "10", "100")), at=MONDAY)
        assert ledger.views.trades().total == 1
        assert ledger.views.money(ACCOUNT).cash == d("8999")
        assert len(ledger.views.order_events(ACCOUNT, buy.order_ref)) == 4

    def test_a_sale_realises_its_result(self, ledger: LedgerStore, run: RunRef) -> None:
        buy, sell = intent(), intent(side=Side.SELL, quantity="4")
        self.send(ledger, run, buy, sell)
        ledger.reported(ACCOUNT, report(buy, S.FILLED, fill(buy, "10", "100")), at=MONDAY)
        ledger.reported(ACCOUNT, report(sell, S.FILLED, fill(sell, "4", "110", at=later(hours=1))), at=MONDAY)
        sale = ledger.views.trades().rows[0]
        assert (sale.symbol, sale.side, sale.realised) == ("AAPL", Side.SELL, d("40"))
        (position,) = ledger.views.positions(ACCOUNT)
        assert (position.quantity, position.cost, position.realised, position.opened) == (
            d("6"), d("600"), d("40"), MONDAY,
        )  # fmt: skip

    def test_sending_needs_the_approved_state_and_the_same_seal(self, ledger: LedgerStore, run: RunRef) -> None:
        buy = intent()
        with pytest.raises(BlockedError, match="was not known"):
            ledger.sending(ACCOUNT, buy.order_ref, seal=buy.seal, at=MONDAY)
        cycle = ledger.next_cycle(run, at=MONDAY)
        ledger.approve(run, cycle, (buy,), at=MONDAY)
        with pytest.raises(BlockedError, match="under another seal"):
            ledger.sending(ACCOUNT, buy.order_ref, seal=replace(buy, quantity=d("11")).seal, at=MONDAY)
        ledger.sending(ACCOUNT, buy.order_ref, seal=buy.seal, at=MONDAY)
        with pytest.raises(BlockedError, match="was SENDING"):
            ledger.sending(ACCOUNT, buy.order_ref, seal=buy.seal, at=MONDAY)

    def test_approving_twice_is_the_same_approval_and_never_another(self, ledger: LedgerStore, run: RunRef) -> None:
        buy = intent()
        cycle = ledger.next_cycle(run, at=MONDAY)
        ledger.approve(run, cycle, (buy,), at=MONDAY)
        ledger.approve(run, cycle, (buy,), at=MONDAY)
        assert ledger.views.orders().total == 1
        with pytest.raises(BlockedError, match="must be new"):
            ledger.approve(run, cycle, (replace(buy, quantity=d("11")),), at=MONDAY)
        with pytest.raises(BlockedError, match="must belong to a cycle"):
            ledger.approve(run, 99, (intent("MSFT"),), at=MONDAY)

    def test_an_approved_order_that_never_left_ends_as_not_sent(self, ledger: LedgerStore, run: RunRef) -> None:
        buy = intent()
        ledger.approve(run, ledger.next_cycle(run, at=MONDAY), (buy,), at=MONDAY)
        ledger.reported(ACCOUNT, report(buy, S.NOT_SENT, message="halted"), at=MONDAY)
        assert self.state_of(ledger, buy.order_ref) is S.NOT_SENT

    def test_a_broker_cannot_report_an_order_that_was_never_claimed(self, ledger: LedgerStore, run: RunRef) -> None:
        buy = intent()
        ledger.approve(run, ledger.next_cycle(run, at=MONDAY), (buy,), at=MONDAY)
        with pytest.raises(BlockedError, match="must be SENDING"):
            ledger.reported(ACCOUNT, report(buy, S.FILLED, fill(buy, "10", "100")), at=MONDAY)
        assert ledger.views.trades().total == 0

    def test_a_vanished_order_is_unknown_and_only_then_absent(self, ledger: LedgerStore, run: RunRef) -> None:
        buy = intent()
        self.send(ledger, run, buy)
        ledger.reported(ACCOUNT, report(buy, S.ACKED), at=MONDAY)
        ledger.reported(ACCOUNT, report(buy, S.NOT_SENT), at=MONDAY)
        assert self.state_of(ledger, buy.order_ref) is S.UNKNOWN
        assert ledger.history(ACCOUNT, session=SESSION, at=MONDAY).unknown_symbols == ("AAPL",)
        ledger.reported(ACCOUNT, report(buy, S.NOT_SENT), at=MONDAY)
        assert self.state_of(ledger, buy.order_ref) is S.NOT_SENT

    @pytest.mark.parametrize("late", [S.ACKED, S.HELD, S.PARTIAL, S.UNKNOWN, S.PEND_CANCEL])
    def test_late_news_of_a_finished_order_changes_nothing(
        self, ledger: LedgerStore, run: RunRef, late: OrderStatus
    ) -> None:
        buy = intent()
        self.send(ledger, run, buy)
        ledger.reported(ACCOUNT, report(buy, S.CANCELLED), at=MONDAY)
        ledger.reported(ACCOUNT, report(buy, late), at=MONDAY)
        assert self.state_of(ledger, buy.order_ref) is S.CANCELLED

    def test_a_fill_after_the_end_is_booked_and_halts_the_symbol(self, ledger: LedgerStore, run: RunRef) -> None:
        buy = intent()
        self.send(ledger, run, buy)
        ledger.reported(ACCOUNT, report(buy, S.CANCELLED), at=MONDAY)
        ledger.reported(ACCOUNT, report(buy, S.FILLED, fill(buy, "3", "100")), at=MONDAY)
        assert ledger.views.positions(ACCOUNT)[0].quantity == 3
        assert self.state_of(ledger, buy.order_ref) is S.CANCELLED
        symbols = ledger.history(ACCOUNT, session=SESSION, at=MONDAY).symbol_states
        assert symbols == (("AAPL", TradingState.HALTED),)

    def test_fills_beyond_the_order_or_changed_ones_halt_the_symbol(self, ledger: LedgerStore, run: RunRef) -> None:
        buy, other = intent(), intent("MSFT")
        self.send(ledger, run, buy, other)
        ledger.reported(ACCOUNT, report(buy, S.FILLED, fill(buy, "11", "100")), at=MONDAY)
        ledger.reported(ACCOUNT, report(other, S.FILLED, fill(other, "10", "100")), at=MONDAY)
        ledger.reported(ACCOUNT, report(other, S.FILLED, fill(other, "10", "99")), at=MONDAY)
        symbols = ledger.history(ACCOUNT, session=SESSION, at=MONDAY).symbol_states
        assert symbols == (("AAPL", TradingState.HALTED), ("MSFT", TradingState.HALTED))
        assert ledger.views.trades().total == 2

    def test_an_order_we_do_not_know_is_kept_as_an_orphan(self, ledger: LedgerStore, run: RunRef) -> None:
        foreign = OrderReport(
            order_ref="manual-1", symbol="TSLA", side=Side.BUY, quantity=d("5"), status=S.FILLED, filled=d("5"),
            fills=(fill(replace(intent("TSLA"), order_ref="manual-1"), "5", "180"),),
        )  # fmt: skip
        ledger.reported(ACCOUNT, replace(foreign, status=S.ACKED, filled=d("0"), fills=()), at=MONDAY)
        assert ledger.history(ACCOUNT, session=SESSION, at=MONDAY).unknown_symbols == ("TSLA",)
        ledger.reported(ACCOUNT, foreign, at=MONDAY)
        assert ledger.history(ACCOUNT, session=SESSION, at=MONDAY).unknown_symbols == ()
        assert ledger.views.positions(ACCOUNT)[0].quantity == 5

    def test_pending_orders_are_those_without_an_end(self, ledger: LedgerStore, run: RunRef) -> None:
        buy, other = intent(), intent("MSFT")
        self.send(ledger, run, buy, other)
        ledger.reported(ACCOUNT, report(buy, S.PARTIAL, fill(buy, "4", "100")), at=MONDAY)
        ledger.reported(ACCOUNT, report(other, S.REJECTED, message="no such thing"), at=MONDAY)
        (pending,) = ledger.pending_orders(ACCOUNT)
        assert (pending.order_ref, pending.state, pending.filled, pending.run, pending.cycle) == (
            buy.order_ref, S.PARTIAL, d("4"), 1, 1,
        )  # fmt: skip

    # History

    def test_history_of_a_fresh_account(self, ledger: LedgerStore, run: RunRef) -> None:
        seen = ledger.history(ACCOUNT, session=SESSION, at=MONDAY)
        assert (seen.nlv_open, seen.unit_value, seen.peak_unit_value) == (d("10000"), d("1"), d("1"))
        assert (seen.trades_today, seen.has_traded, seen.state) == (0, False, TradingState.ACTIVE)
        tomorrow = ledger.history(ACCOUNT, session=TUESDAY, at=later(days=1))
        assert tomorrow.nlv_open is None

    def test_history_counts_orders_of_the_session_and_lists_recent_ones(self, ledger: LedgerStore, run: RunRef) -> None:
        buy, other = intent(), intent("MSFT")
        self.send(ledger, run, buy, other)
        ledger.reported(ACCOUNT, report(other, S.NOT_SENT), at=MONDAY)
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
        self.send(ledger, dry, buy)
        ledger.reported(ACCOUNT, report(buy, S.WOULD_SEND), at=MONDAY)
        seen = ledger.history(ACCOUNT, session=SESSION, at=MONDAY)
        assert (seen.trades_today, seen.recent_orders, seen.unknown_symbols) == (0, (), ())

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
        ledger.value(ACCOUNT, nlv=d("9800"), at=MONDAY, session=SESSION)
        ledger.value(ACCOUNT, nlv=d("9990"), at=MONDAY, session=SESSION)
        assert ledger.history(ACCOUNT, session=SESSION, at=MONDAY).daily_loss_latched
        assert not ledger.history(ACCOUNT, session=TUESDAY, at=later(days=1)).daily_loss_latched

    def test_a_drawdown_cut_latches_until_recovery(self, ledger: LedgerStore, run: RunRef) -> None:
        cut = intent(side=Side.SELL, quantity="5")
        cycle = self.send(ledger, run, cut)
        ledger.record(record(1, cycle, orders=[cut], exits=[drawdown_cut()]), why={})
        assert ledger.history(ACCOUNT, session=SESSION, at=MONDAY).drawdown_latched
        ledger.value(ACCOUNT, nlv=d("8500"), at=later(days=1), session=TUESDAY)
        assert ledger.history(ACCOUNT, session=TUESDAY, at=later(days=1)).drawdown_latched
        ledger.value(ACCOUNT, nlv=d("8500.01"), at=later(days=2), session=TUESDAY)
        assert not ledger.history(ACCOUNT, session=TUESDAY, at=later(days=2)).drawdown_latched

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
        assert (listed["cap-apple"].refusals, listed["cap-apple"].shrinks, listed["z"].rule.is_active) == (1, 1, False)
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
