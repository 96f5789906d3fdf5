"""What every ledger promises of executions that a venue corrects, takes back, or tells the price of later."""

from dataclasses import replace

import pytest
from tests.contract.ledger_bench import LedgerBench, cash, holding
from tests.contract.ledger_build import ACCOUNT, MONDAY, d, fill, intent, later, report

from prudent.domain.orders import OrderStatus, Side
from prudent.ledger import LedgerStore
from prudent.ports import RunRef

S = OrderStatus


class CorrectionsContract(LedgerBench):
    """Numbers are by hand: the account opens with 10,000 in cash; each fill costs 1 in commission."""

    def test_a_correction_replaces_what_was_booked(self, ledger: LedgerStore, run: RunRef) -> None:
        buy = self.filled(ledger, run)
        right = replace(fill(buy, "10", "101"), version=2, commission=d("2"))
        ledger.reported(ACCOUNT, report(buy, S.FILLED, right), at=MONDAY)
        # 10,000 - 10 x 101 - 2
        assert (cash(ledger), holding(ledger)) == (d("8988"), (d("10"), d("1010")))
        assert ledger.known(ACCOUNT, (buy.order_ref,))[0].fills == (right,)
        (trade,) = ledger.views.trades().rows
        assert (trade.price, trade.commission) == (d("101"), d("2"))
        assert ledger.views.money(ACCOUNT).commission == d("2")
        kinds = [row.kind for row in ledger.views.journal(ACCOUNT).rows if row.ledger_account == "assets:cash"]
        assert kinds == ["opening", "fill", "reversal", "correction"]
        assert ledger.faults() == ()

    def test_an_older_version_after_a_newer_one_changes_nothing(self, ledger: LedgerStore, run: RunRef) -> None:
        buy = intent()
        self.send(ledger, run, buy)
        first, second = fill(buy, "10", "100"), replace(fill(buy, "10", "101"), version=2)
        for each in (second, first, second):
            ledger.reported(ACCOUNT, report(buy, S.FILLED, each), at=MONDAY)
        assert (cash(ledger), holding(ledger)) == (d("8989"), (d("10"), d("1010")))

    def test_both_versions_in_one_report_count_once(self, ledger: LedgerStore, run: RunRef) -> None:
        buy = intent()
        self.send(ledger, run, buy)
        both = (replace(fill(buy, "10", "101"), version=2), fill(buy, "10", "100"))
        ledger.reported(ACCOUNT, replace(report(buy, S.FILLED, *both), filled=d("10")), at=MONDAY)
        assert (cash(ledger), holding(ledger)) == (d("8989"), (d("10"), d("1010")))

    def test_a_busted_execution_is_booked_back_and_counts_no_more(self, ledger: LedgerStore, run: RunRef) -> None:
        buy = self.filled(ledger, run)
        bust = replace(fill(buy, "10", "100"), version=2, busted=True)
        for _ in range(2):
            ledger.reported(ACCOUNT, replace(report(buy, S.FILLED, bust), filled=d("0")), at=MONDAY)
        assert (cash(ledger), holding(ledger)) == (d("10000"), (d("0"), d("0")))
        (known,) = ledger.known(ACCOUNT, (buy.order_ref,))
        assert (known.filled, known.fills) == (d("0"), ())
        assert ledger.views.trades().total == 0
        assert ledger.views.positions(ACCOUNT) == ()

    def test_a_bust_that_comes_before_its_execution_lets_nothing_be_booked(
        self, ledger: LedgerStore, run: RunRef
    ) -> None:
        buy = intent()
        self.send(ledger, run, buy)
        bust = replace(fill(buy, "10", "100"), version=2, busted=True)
        ledger.reported(ACCOUNT, replace(report(buy, S.ACKED, bust), filled=d("0")), at=MONDAY)
        ledger.reported(ACCOUNT, replace(report(buy, S.ACKED, fill(buy, "10", "100")), filled=d("0")), at=MONDAY)
        assert cash(ledger) == d("10000")

    def test_a_correction_after_the_position_was_sold_moves_the_result(self, ledger: LedgerStore, run: RunRef) -> None:
        buy = self.filled(ledger, run)
        sell = intent(side=Side.SELL, quantity="10")
        self.send(ledger, run, sell)
        ledger.reported(ACCOUNT, report(sell, S.FILLED, fill(sell, "10", "110", at=later(hours=1))), at=MONDAY)
        assert ledger.views.money(ACCOUNT).realised == d("100")
        right = replace(fill(buy, "10", "101"), version=2)
        ledger.reported(ACCOUNT, report(buy, S.FILLED, right), at=MONDAY)
        money = ledger.views.money(ACCOUNT)
        # 10,000 - 1,010 + 1,100 - 2 of commission
        assert (money.realised, money.cash, money.positions_at_cost) == (d("90"), d("10088"), d("0"))
        assert ledger.views.positions(ACCOUNT) == ()
        assert sum(row.realised for row in ledger.views.trades().rows) == d("90")

    def test_a_bust_after_other_trades_leaves_no_cost_without_a_position(
        self, ledger: LedgerStore, run: RunRef
    ) -> None:
        first = self.filled(ledger, run)
        second = intent(cycle="2")
        self.send(ledger, run, second)
        ledger.reported(ACCOUNT, report(second, S.FILLED, fill(second, "10", "120")), at=MONDAY)
        sell = intent(side=Side.SELL, quantity="10")
        self.send(ledger, run, sell)
        ledger.reported(ACCOUNT, report(sell, S.FILLED, fill(sell, "10", "130", at=later(hours=1))), at=MONDAY)
        # Sold at an average cost of 110.
        assert ledger.views.money(ACCOUNT).realised == d("200")
        bust = replace(fill(first, "10", "100"), version=2, busted=True)
        ledger.reported(ACCOUNT, replace(report(first, S.FILLED, bust), filled=d("0")), at=MONDAY)
        money = ledger.views.money(ACCOUNT)
        # What remains is one purchase at 120 sold at 130.
        assert (money.realised, money.positions_at_cost, money.cash) == (d("100"), d("0"), d("10098"))

    @pytest.mark.parametrize("told", ["2.50", "0.35"])
    def test_a_commission_told_later_is_booked_for_itself(self, ledger: LedgerStore, run: RunRef, told: str) -> None:
        buy = intent()
        self.send(ledger, run, buy)
        free = fill(buy, "10", "100", commission="0")
        ledger.reported(ACCOUNT, report(buy, S.FILLED, free), at=MONDAY)
        dear = replace(free, commission=d(told))
        for each in (dear, free, dear):
            ledger.reported(ACCOUNT, report(buy, S.FILLED, each), at=MONDAY)
        money = ledger.views.money(ACCOUNT)
        assert (money.cash, money.commission) == (d("9000") - d(told), d(told))
        assert ledger.known(ACCOUNT, (buy.order_ref,))[0].fills == (dear,)
        right = replace(dear, price=d("101"), version=2)
        ledger.reported(ACCOUNT, report(buy, S.FILLED, right), at=MONDAY)
        money = ledger.views.money(ACCOUNT)
        assert (money.cash, money.commission) == (d("8990") - d(told), d(told))

    def test_an_older_commission_that_comes_again_does_not_return(self, ledger: LedgerStore, run: RunRef) -> None:
        buy = intent()
        self.send(ledger, run, buy)
        one, two = fill(buy, "10", "100"), fill(buy, "10", "100", commission="2")
        for each in (one, two, one):
            ledger.reported(ACCOUNT, report(buy, S.FILLED, each), at=MONDAY)
        assert ledger.views.money(ACCOUNT).commission == d("2")
