"""Corporate actions in the journal: income and not a flow, shares at no cost, each booked once."""

from collections.abc import Iterator
from datetime import date

import pytest
from tests.contract.ledger_bench import LedgerBench, cash, holding
from tests.contract.ledger_build import ACCOUNT, SESSION, TUESDAY, d, fill, intent, later, report

from prudent.domain.corporate_actions import CorporateAction, Delisting, Dividend, Split
from prudent.domain.errors import InputError
from prudent.domain.orders import Effect, OrderStatus, Side
from prudent.ledger import LedgerStore, open_ledger
from prudent.ports import RunRef

BEFORE_OPEN = later(hours=22)
DIVIDEND = Dividend(symbol="AAPL", day=TUESDAY, amount=d("0.50"))
SPLIT = Split(symbol="AAPL", day=TUESDAY, ratio=d("1.25"), price=d("80"))
GONE = Delisting(symbol="AAPL", day=TUESDAY, price=d("0.25"))


class TestActions(LedgerBench):
    """Ten AAPL were bought on Monday at 100 with a commission of 1: cash 8,999, cost 1,000."""

    @pytest.fixture
    def ledger(self) -> Iterator[LedgerStore]:
        store = open_ledger(":memory:")
        yield store
        store.close()

    @pytest.fixture(autouse=True)
    def held(self, ledger: LedgerStore, run: RunRef) -> None:
        self.filled(ledger, run)

    def book(self, ledger: LedgerStore, *actions: CorporateAction) -> list[bool]:
        return [ledger.book_action(ACCOUNT, each, at=BEFORE_OPEN) for each in actions]

    def test_a_dividend_is_income_once_and_no_flow(self, ledger: LedgerStore) -> None:
        assert self.book(ledger, DIVIDEND, DIVIDEND) == [True, False]
        money = ledger.views.money(ACCOUNT)
        assert (money.cash, money.dividends, money.contributions) == (d("9004"), d("5"), d("10000"))
        assert (money.realised, holding(ledger)) == (d("0"), (d("10"), d("1000")))

    def test_a_dividend_counts_in_the_return(self, ledger: LedgerStore) -> None:
        ledger.value(ACCOUNT, nlv=d("10000"), at=later(hours=5), session=SESSION)
        self.book(ledger, DIVIDEND)
        ledger.value(ACCOUNT, nlv=d("10100"), at=later(hours=28), session=TUESDAY)
        assert ledger.views.account(ACCOUNT).unit_value == d("1.01")

    def test_a_split_moves_shares_at_no_cost_and_realises_only_the_rest(self, ledger: LedgerStore) -> None:
        # 10 x 1.25 = 12.5: half a share costs 1000 x 0.5 / 12.5 = 40 and is paid 40.
        assert self.book(ledger, SPLIT, SPLIT) == [True, False]
        assert holding(ledger) == (d("12"), d("960"))
        money = ledger.views.money(ACCOUNT)
        assert (money.cash, money.realised, money.contributions) == (d("9039"), d("0"), d("10000"))
        assert ledger.faults() == ()

    def test_a_split_that_leaves_no_rest_changes_no_amount(self, ledger: LedgerStore) -> None:
        before = ledger.views.money(ACCOUNT)
        self.book(ledger, Split(symbol="AAPL", day=TUESDAY, ratio=d("2"), price=d("50")))
        assert holding(ledger) == (d("20"), d("1000"))
        assert ledger.views.money(ACCOUNT) == before

    def test_a_split_makes_a_position_no_younger(self, ledger: LedgerStore) -> None:
        (before,) = ledger.views.positions(ACCOUNT)
        self.book(ledger, SPLIT)
        assert ledger.views.positions(ACCOUNT)[0].opened == before.opened

    def test_a_reverse_split_to_less_than_a_share_pays_the_position_out(self, ledger: LedgerStore) -> None:
        # 10 / 16 = 0.625 of a share at 1,500 = 937.50, for what had cost 1,000.
        self.book(ledger, Split(symbol="AAPL", day=TUESDAY, ratio=d("0.0625"), price=d("1500")))
        money = ledger.views.money(ACCOUNT)
        assert (money.cash, money.realised) == (d("9936.50"), d("-62.50"))
        assert ledger.views.positions(ACCOUNT) == ()

    def test_a_delisting_realises_the_loss(self, ledger: LedgerStore) -> None:
        assert self.book(ledger, GONE, GONE) == [True, False]
        money = ledger.views.money(ACCOUNT)
        assert (money.cash, money.realised, ledger.views.positions(ACCOUNT)) == (d("9001.50"), d("-997.50"), ())

    def test_what_is_not_held_books_nothing(self, ledger: LedgerStore) -> None:
        assert self.book(ledger, Dividend(symbol="MSFT", day=TUESDAY, amount=d("1"))) == [False]
        assert self.book(ledger, Dividend(symbol="AAPL", day=TUESDAY, amount=d("0.0001"))) == [False]
        assert cash(ledger) == d("8999")

    def test_another_action_under_the_same_name_is_refused(self, ledger: LedgerStore) -> None:
        self.book(ledger, DIVIDEND)
        with pytest.raises(InputError, match=r"is booked as dividend of 0\.5 a share of AAPL, was now given as"):
            self.book(ledger, Dividend(symbol="AAPL", day=TUESDAY, amount=d("0.51")))
        assert self.book(ledger, Dividend(symbol="AAPL", day=date(2022, 11, 30), amount=d("0.51"))) == [True]

    def test_a_sale_after_a_split_realises_against_the_new_cost(self, ledger: LedgerStore, run: RunRef) -> None:
        self.book(ledger, Split(symbol="AAPL", day=TUESDAY, ratio=d("2"), price=d("50")))
        self.sold(ledger, run, "5", "60")
        # Five of twenty: 300 received for 250 of cost.
        assert (holding(ledger), ledger.views.money(ACCOUNT).realised) == ((d("15"), d("750")), d("50"))

    def sold(self, ledger: LedgerStore, run: RunRef, quantity: str, price: str) -> None:
        order = intent(side=Side.SELL, quantity=quantity, effect=Effect.CLOSE, cycle="9")
        self.send(ledger, run, order)
        done = report(order, OrderStatus.FILLED, fill(order, quantity, price, at=later(days=1)))
        ledger.reported(ACCOUNT, done, at=later(days=1))

    def test_every_action_stands_in_the_audit_and_the_chain_holds(self, ledger: LedgerStore) -> None:
        self.book(ledger, DIVIDEND, SPLIT)
        rows = ledger.views.audit(ACCOUNT, event="action_booked").rows
        assert len(rows) == 2
        assert ledger.verify_audit().holds

    def test_an_unknown_account_is_named(self, ledger: LedgerStore) -> None:
        with pytest.raises(InputError, match="nobody"):
            ledger.book_action("nobody", DIVIDEND, at=BEFORE_OPEN)
