"""What every ledger promises of its acts: accounts and money, runs and cycles, orders and fills."""

from dataclasses import replace

import pytest
from tests.contract.ledger_bench import LedgerBench
from tests.contract.ledger_build import (
    ACCOUNT,
    MONDAY,
    SESSION,
    d,
    fill,
    intent,
    later,
    mandate,
    record,
    report,
)

from prudent.domain.accounts import Position, TradingState
from prudent.domain.errors import BlockedError, InputError
from prudent.domain.orders import OrderReport, OrderStatus, Side
from prudent.domain.rules import RuleCategory, UserRule
from prudent.ledger import LedgerStore
from prudent.ports import Ledger, RunRef

S = OrderStatus


class ActsContract(LedgerBench):
    """Numbers are by hand: the account opens with 10,000 in cash."""

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
        self.send(ledger, run, buy)
        ledger.reported(ACCOUNT, report(buy, S.FILLED, fill(buy, "10", "100")), at=MONDAY)
        self.send(ledger, run, sell)
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
        state, reason = ledger.state()
        assert (state, "R03" in reason) == (TradingState.HALTED, True)
        ledger.resume(reason="looked", at=MONDAY)
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

    def test_a_vanished_order_is_unknown_however_often_it_is_not_found(self, ledger: LedgerStore, run: RunRef) -> None:
        buy = intent()
        self.send(ledger, run, buy)
        ledger.reported(ACCOUNT, report(buy, S.ACKED), at=MONDAY)
        ledger.reported(ACCOUNT, report(buy, S.NOT_SENT), at=MONDAY)
        assert self.state_of(ledger, buy.order_ref) is S.UNKNOWN
        assert ledger.history(ACCOUNT, session=SESSION, at=MONDAY).unknown_symbols == ("AAPL",)
        ledger.reported(ACCOUNT, report(buy, S.NOT_SENT), at=MONDAY)
        assert self.state_of(ledger, buy.order_ref) is S.UNKNOWN

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
        assert self.state_of(ledger, buy.order_ref) is S.PARTIAL_LATE
        symbols = ledger.history(ACCOUNT, session=SESSION, at=MONDAY).symbol_states
        assert symbols == (("AAPL", TradingState.HALTED),)

    def test_a_changed_fill_halts_the_symbol_and_one_too_many_the_account(
        self, ledger: LedgerStore, run: RunRef
    ) -> None:
        buy, other = intent(), intent("MSFT")
        self.send(ledger, run, buy, other)
        ledger.reported(ACCOUNT, report(buy, S.FILLED, fill(buy, "11", "100")), at=MONDAY)
        ledger.reported(ACCOUNT, report(other, S.FILLED, fill(other, "10", "100")), at=MONDAY)
        ledger.reported(ACCOUNT, report(other, S.FILLED, fill(other, "10", "99")), at=MONDAY)
        seen = ledger.history(ACCOUNT, session=SESSION, at=MONDAY)
        assert (seen.state, seen.symbol_states) == (TradingState.HALTED, (("MSFT", TradingState.HALTED),))
        assert "more than was sent" in seen.state_reason
        assert ledger.views.trades().total == 2

    def test_an_order_whose_answer_is_missing_is_unknown_from_the_start(self, ledger: LedgerStore, run: RunRef) -> None:
        self.send(ledger, run, intent())
        assert ledger.history(ACCOUNT, session=SESSION, at=MONDAY).unknown_symbols == ("AAPL",)

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
