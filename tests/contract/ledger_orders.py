"""What every ledger promises of the order path: the claim, reports in any order, corrections, doubt and proof."""

from dataclasses import replace
from datetime import timedelta

import pytest
from tests.contract.ledger_bench import LedgerBench, cash, holding
from tests.contract.ledger_build import ACCOUNT, MONDAY, SESSION, d, fill, intent, later, report

from prudent.domain.accounts import TradingState
from prudent.domain.errors import BlockedError, InputError
from prudent.domain.orders import Effect, Fill, OrderIntent, OrderReport, OrderStatus, Side
from prudent.ledger import LedgerStore
from prudent.ledger.settlement import Adjustment, Fate, Word
from prudent.ports import NO_PERMIT, Claim, Permit, RunRef

S = OrderStatus
PERMIT = Permit(holder="engine-1", epoch=1, session="s1")


class OrdersContract(LedgerBench):
    """Numbers are by hand: the account opens with 10,000 in cash; each fill costs 1 in commission."""

    def approve(self, ledger: LedgerStore, run: RunRef, *intents: OrderIntent) -> None:
        ledger.approve(run, ledger.next_cycle(run, at=MONDAY), intents, at=MONDAY)

    def claim(self, ledger: LedgerStore, order: OrderIntent, permit: Permit = NO_PERMIT, **when: int) -> Claim:
        return ledger.sending(ACCOUNT, order.order_ref, seal=order.seal, at=later(**when), permit=permit)

    # The claim

    def test_an_approval_lasts_thirty_seconds(self, ledger: LedgerStore, run: RunRef) -> None:
        buy, other = intent(), intent("MSFT")
        self.approve(ledger, run, buy, other)
        self.claim(ledger, other, seconds=30)
        with pytest.raises(BlockedError, match="at most 30 s old, was 31 s"):
            self.claim(ledger, buy, seconds=31)
        assert self.state_of(ledger, buy.order_ref) is S.APPROVED

    def test_order_ids_only_rise_whatever_the_venue_offers(self, ledger: LedgerStore, run: RunRef) -> None:
        orders = [intent(symbol) for symbol in ("A", "B", "C", "D", "E")]
        self.approve(ledger, run, *orders)
        offers = (1, 500, 7, 502, 1)
        ids = [
            self.claim(ledger, order, replace(PERMIT, epoch=0, next_order_id=offer)).order_id
            for order, offer in zip(orders[:4], offers)
        ]
        assert ids == [1, 500, 501, 502]
        other_endpoint = Permit(endpoint="paper", session="s1", next_order_id=3)
        assert self.claim(ledger, orders[4], other_endpoint).order_id == 3

    def test_a_claim_keeps_session_and_id_with_the_order(self, ledger: LedgerStore, run: RunRef) -> None:
        buy = intent()
        self.approve(ledger, run, buy)
        assert self.claim(ledger, buy, Permit(session="s7", next_order_id=41)) == Claim(order_id=41, session="s7")
        (order,) = ledger.pending_orders(ACCOUNT)
        assert (order.session, order.sent) == ("s7", MONDAY)

    def test_only_the_holder_of_the_living_lease_may_claim(self, ledger: LedgerStore, run: RunRef) -> None:
        first, second, third = intent("A"), intent("B"), intent("C")
        self.approve(ledger, run, first, second, third)
        with pytest.raises(BlockedError, match="was nobody's"):
            self.claim(ledger, first, PERMIT)
        lasts = timedelta(seconds=15)
        (lease,) = ledger.leases.take((ACCOUNT,), "engine-1", at=MONDAY, lasts=lasts)
        self.claim(ledger, first, replace(PERMIT, epoch=lease.epoch), seconds=14)
        with pytest.raises(BlockedError, match="ran out"):
            self.claim(ledger, second, replace(PERMIT, epoch=lease.epoch), seconds=15)
        ledger.leases.take((ACCOUNT,), "engine-2", at=later(seconds=16), lasts=lasts)
        with pytest.raises(BlockedError, match="engine-2 in epoch 2"):
            self.claim(ledger, second, replace(PERMIT, epoch=lease.epoch), seconds=17)
        # A desk on simulated time tells when it asked on the leases' own clock.
        asked = replace(PERMIT, holder="engine-2", epoch=2, at=later(seconds=20))
        self.claim(ledger, second, asked, seconds=0)
        with pytest.raises(BlockedError, match="ran out"):
            self.claim(ledger, third, replace(asked, at=later(seconds=31)))

    @pytest.mark.parametrize(
        ("scope", "state", "closes_too"),
        [
            (("", ""), TradingState.HALTED, True),
            ((ACCOUNT, ""), TradingState.HALTED, True),
            ((ACCOUNT, "AAPL"), TradingState.HALTED, True),
            (("", "AAPL"), TradingState.HALTED, True),
            ((ACCOUNT, ""), TradingState.REDUCING, False),
            ((ACCOUNT, "AAPL"), TradingState.REDUCING, False),
        ],
    )
    def test_a_trading_state_is_asked_again_at_the_claim(
        self, ledger: LedgerStore, run: RunRef, scope: tuple[str, str], state: TradingState, *, closes_too: bool
    ) -> None:
        self.filled(ledger, run)
        sell, buy = intent(side=Side.SELL, quantity="5", cycle="2"), intent(cycle="2", quantity="3")
        account, symbol = scope
        self.approve(ledger, run, sell, buy)
        ledger.set_state(account, state, reason="a look", at=MONDAY, symbol=symbol)
        with pytest.raises(BlockedError, match="must be ACTIVE"):
            self.claim(ledger, buy)
        if closes_too:
            with pytest.raises(BlockedError, match="must be ACTIVE"):
                self.claim(ledger, sell)
        else:
            self.claim(ledger, sell)

    @pytest.mark.parametrize("state", [S.SENDING, S.UNKNOWN, S.HELD])
    def test_an_order_of_unknown_fate_keeps_others_off_its_symbol(
        self, ledger: LedgerStore, run: RunRef, state: OrderStatus
    ) -> None:
        first, second, elsewhere = intent(), intent(cycle="2", quantity="3"), intent("MSFT")
        self.approve(ledger, run, first, second, elsewhere)
        self.claim(ledger, first)
        if state is not S.SENDING:
            ledger.reported(ACCOUNT, report(first, state), at=MONDAY)
        with pytest.raises(BlockedError, match=f"in state {state}"):
            self.claim(ledger, second)
        self.claim(ledger, elsewhere)

    def test_another_cycles_live_order_keeps_others_off_and_the_same_cycles_does_not(
        self, ledger: LedgerStore, run: RunRef
    ) -> None:
        first, slice_, later_one = intent(), intent(cycle="1b", quantity="3"), intent(cycle="2", quantity="4")
        self.approve(ledger, run, first, slice_)
        self.approve(ledger, run, later_one)
        self.claim(ledger, first)
        ledger.reported(ACCOUNT, report(first, S.ACKED), at=MONDAY)
        self.claim(ledger, slice_)
        ledger.reported(ACCOUNT, report(slice_, S.ACKED), at=MONDAY)
        with pytest.raises(BlockedError, match="no other order under way"):
            self.claim(ledger, later_one)

    def test_somebody_elses_order_locks_its_symbol_until_it_ends_or_is_unlocked(
        self, ledger: LedgerStore, run: RunRef
    ) -> None:
        foreign = OrderReport(
            order_ref="by-hand", symbol="AAPL", side=Side.BUY, quantity=d("5"), status=S.ACKED
        )  # fmt: skip
        ledger.reported(ACCOUNT, foreign, at=MONDAY)
        first = intent()
        self.approve(ledger, run, first)
        with pytest.raises(BlockedError, match="by-hand in state ORPHAN"):
            self.claim(ledger, first)
        assert ledger.unlock(ACCOUNT, "AAPL", reason="it is mine", at=MONDAY) == (
            "order by-hand, which nobody here placed",
        )  # fmt: skip
        assert ledger.history(ACCOUNT, session=SESSION, at=MONDAY).unknown_symbols == ()
        self.claim(ledger, first)
        assert "symbol_unlocked" in [row.event for row in ledger.views.audit().rows]

    def test_a_live_order_needs_its_account_armed(self, ledger: LedgerStore, run: RunRef) -> None:
        live = self.open_run(ledger, "live")
        buy = intent()
        self.approve(ledger, live, buy)
        with pytest.raises(BlockedError, match="must be armed"):
            self.claim(ledger, buy)

    def test_a_refused_claim_changes_nothing(self, ledger: LedgerStore, run: RunRef) -> None:
        buy = intent()
        self.approve(ledger, run, buy)
        ledger.set_state(ACCOUNT, TradingState.HALTED, reason="stop", at=MONDAY)
        before = ledger.audit_head()
        with pytest.raises(BlockedError):
            self.claim(ledger, buy)
        assert (ledger.audit_head(), self.state_of(ledger, buy.order_ref)) == (before, S.APPROVED)

    # What never left, what is in doubt, what is proved absent

    def test_only_its_own_claimant_may_say_that_an_order_never_left(self, ledger: LedgerStore, run: RunRef) -> None:
        first, second = intent(), intent("MSFT")
        self.approve(ledger, run, first, second)
        claim = self.claim(ledger, first)
        with pytest.raises(BlockedError, match="claimed here"):
            ledger.never_left(ACCOUNT, first.order_ref, reason="x", at=MONDAY)
        with pytest.raises(BlockedError, match="claimed here"):
            ledger.never_left(
                ACCOUNT, first.order_ref, reason="x", at=MONDAY, claim=replace(claim, order_id=claim.order_id + 1)
            )
        ledger.never_left(ACCOUNT, first.order_ref, reason="the line is dead", at=MONDAY, claim=claim)
        ledger.never_left(ACCOUNT, second.order_ref, reason="halted", at=MONDAY)
        assert [r.status for r in ledger.known(ACCOUNT, (first.order_ref, second.order_ref))] == [S.NOT_SENT] * 2

    def test_an_unknown_order_ends_absent_only_under_the_lease(self, ledger: LedgerStore, run: RunRef) -> None:
        buy = intent()
        self.send(ledger, run, buy)
        with pytest.raises(BlockedError, match="must be UNKNOWN"):
            ledger.absent(ACCOUNT, buy.order_ref, evidence={}, at=MONDAY)
        assert ledger.in_doubt(ACCOUNT, buy.order_ref, reason="no answer", at=MONDAY)
        assert not ledger.in_doubt(ACCOUNT, buy.order_ref, reason="no answer", at=MONDAY)
        with pytest.raises(BlockedError, match="lease"):
            ledger.absent(ACCOUNT, buy.order_ref, evidence={}, at=MONDAY, permit=PERMIT)
        assert ledger.absent(ACCOUNT, buy.order_ref, evidence={"proof": "two rounds"}, at=MONDAY) is S.NOT_SENT
        assert "two rounds" in ledger.known(ACCOUNT, (buy.order_ref,))[0].message

    def test_an_order_that_the_venue_had_shown_ends_there(self, ledger: LedgerStore, run: RunRef) -> None:
        buy = intent()
        self.send(ledger, run, buy)
        ledger.reported(ACCOUNT, report(buy, S.ACKED), at=MONDAY)
        ledger.in_doubt(ACCOUNT, buy.order_ref, reason="it vanished", at=MONDAY)
        assert ledger.absent(ACCOUNT, buy.order_ref, evidence={}, at=MONDAY) is S.CANCELLED

    def test_a_ticket_is_opened_once(self, ledger: LedgerStore, run: RunRef) -> None:
        buy = intent()
        self.send(ledger, run, buy)
        assert not ledger.open_ticket(ACCOUNT, buy.order_ref, reason="late", at=MONDAY)
        ledger.in_doubt(ACCOUNT, buy.order_ref, reason="no answer", at=MONDAY)
        assert ledger.open_ticket(ACCOUNT, buy.order_ref, reason="late", at=MONDAY)
        assert not ledger.open_ticket(ACCOUNT, buy.order_ref, reason="late", at=MONDAY)

    def test_what_may_be_at_the_venue_is_remembered_as_exposure(self, ledger: LedgerStore, run: RunRef) -> None:
        buy, other, done = intent(), intent("MSFT"), intent("KO")
        self.approve(ledger, run, intent("JPM"))
        self.send(ledger, run, buy, other, done)
        ledger.reported(ACCOUNT, report(other, S.PARTIAL, fill(other, "4", "50")), at=MONDAY)
        ledger.reported(ACCOUNT, report(done, S.CANCELLED), at=MONDAY)
        seen = ledger.history(ACCOUNT, session=SESSION, at=MONDAY).at_venue
        assert ledger.at_venue(ACCOUNT) == seen
        assert {(o.symbol, o.remaining, o.status) for o in seen} == {
            ("AAPL", d("10"), S.SENDING), ("MSFT", d("6"), S.PARTIAL)
        }  # fmt: skip

    # Reports in any order

    def test_an_end_is_believed_once_all_that_filled_is_told(self, ledger: LedgerStore, run: RunRef) -> None:
        buy = intent()
        self.send(ledger, run, buy)
        early = replace(report(buy, S.CANCELLED), filled=d("4"))
        ledger.reported(ACCOUNT, early, at=MONDAY)
        assert self.state_of(ledger, buy.order_ref) is S.ACKED
        ledger.reported(ACCOUNT, replace(early, fills=(fill(buy, "4", "100"),)), at=MONDAY)
        assert self.state_of(ledger, buy.order_ref) is S.CANCELLED
        assert ledger.history(ACCOUNT, session=SESSION, at=MONDAY).symbol_states == ()

    def test_reports_in_reverse_order_come_to_the_same(self, ledger: LedgerStore, run: RunRef) -> None:
        buy = intent()
        self.send(ledger, run, buy)
        four, six = fill(buy, "4", "100"), fill(buy, "6", "101", number=2)
        part, whole = report(buy, S.PARTIAL, four), report(buy, S.FILLED, four, six)
        told = (whole, part, report(buy, S.ACKED), report(buy, S.HELD))
        for _ in range(2):
            for each in told:
                ledger.reported(ACCOUNT, each, at=MONDAY)
        assert self.state_of(ledger, buy.order_ref) is S.FILLED
        assert (holding(ledger), cash(ledger)) == ((d("10"), d("1006")), d("8992"))

    def test_a_late_fill_completes_the_order_or_not(self, ledger: LedgerStore, run: RunRef) -> None:
        buy = intent()
        self.send(ledger, run, buy)
        ledger.reported(ACCOUNT, report(buy, S.CANCELLED), at=MONDAY)
        three, seven = fill(buy, "3", "100"), fill(buy, "7", "100", number=2)
        ledger.reported(ACCOUNT, report(buy, S.CANCELLED, three), at=MONDAY)
        assert self.state_of(ledger, buy.order_ref) is S.PARTIAL_LATE
        ledger.reported(ACCOUNT, report(buy, S.CANCELLED, three, seven), at=MONDAY)
        assert self.state_of(ledger, buy.order_ref) is S.FILLED_LATE
        assert ledger.lock_of(ACCOUNT, "AAPL")[0] is TradingState.HALTED
        ledger.unlock(ACCOUNT, "AAPL", reason="the broker confirmed it", at=MONDAY)
        assert ledger.lock_of(ACCOUNT, "AAPL")[0] is TradingState.ACTIVE

    def test_a_report_about_another_thing_moves_nothing_and_halts_the_account(
        self, ledger: LedgerStore, run: RunRef
    ) -> None:
        buy = intent()
        self.send(ledger, run, buy)
        ledger.reported(ACCOUNT, replace(report(buy, S.ACKED), symbol="TSLA"), at=MONDAY)
        assert self.state_of(ledger, buy.order_ref) is S.SENDING
        assert ledger.state(ACCOUNT)[0] is TradingState.HALTED

    def test_one_ref_under_two_ids_of_the_venue_halts_the_account(self, ledger: LedgerStore, run: RunRef) -> None:
        buy = intent()
        self.send(ledger, run, buy)
        ledger.reported(ACCOUNT, replace(report(buy, S.ACKED), venue_id="perm-1"), at=MONDAY)
        ledger.reported(ACCOUNT, replace(report(buy, S.PARTIAL, fill(buy, "1", "9")), venue_id="perm-2"), at=MONDAY)
        state, reason = ledger.state(ACCOUNT)
        assert (state, "stands twice" in reason) == (TradingState.HALTED, True)

    def test_a_refused_report_stays_in_the_inbox(self, ledger: LedgerStore, run: RunRef) -> None:
        buy = intent()
        self.approve(ledger, run, buy)
        with pytest.raises(BlockedError, match="must be SENDING"):
            ledger.reported(ACCOUNT, report(buy, S.ACKED), at=MONDAY)
        assert "report_refused" in [row.event for row in ledger.views.audit().rows]

    def test_what_was_said_before_a_cancel_does_not_take_it_back(self, ledger: LedgerStore, run: RunRef) -> None:
        buy = intent()
        self.send(ledger, run, buy)
        ledger.reported(ACCOUNT, report(buy, S.ACKED), at=MONDAY)
        assert ledger.cancelling(ACCOUNT, buy.order_ref, at=MONDAY) is S.PEND_CANCEL
        ledger.reported(ACCOUNT, report(buy, S.ACKED), at=MONDAY)
        assert self.state_of(ledger, buy.order_ref) is S.PEND_CANCEL
        ledger.reported(ACCOUNT, report(buy, S.ACKED, message="cancel rejected"), at=MONDAY)
        assert self.state_of(ledger, buy.order_ref) is S.ACKED
        ledger.cancelling(ACCOUNT, buy.order_ref, at=MONDAY)
        ledger.reported(ACCOUNT, report(buy, S.FILLED, fill(buy, "10", "100")), at=MONDAY)
        assert self.state_of(ledger, buy.order_ref) is S.FILLED
        assert ledger.cancelling(ACCOUNT, buy.order_ref, at=MONDAY) is S.FILLED

    # A person's word

    def test_a_person_says_filled_and_the_broker_says_it_better(self, ledger: LedgerStore, run: RunRef) -> None:
        buy = intent()
        self.send(ledger, run, buy)
        ledger.in_doubt(ACCOUNT, buy.order_ref, reason="no answer", at=MONDAY)
        word = Word(fate=Fate.FILLED, reason="seen on the statement", price=d("100"), commission=d("1"))
        assert ledger.resolve(ACCOUNT, buy.order_ref, word, at=MONDAY).status is S.FILLED
        assert (cash(ledger), holding(ledger)) == (d("8999"), (d("10"), d("1000")))
        ledger.reported(ACCOUNT, report(buy, S.FILLED, fill(buy, "10", "99", commission="2")), at=MONDAY)
        assert (cash(ledger), holding(ledger)) == (d("9008"), (d("10"), d("990")))
        assert ledger.views.trades().total == 1

    def test_a_person_says_not_sent_or_filled_in_part(self, ledger: LedgerStore, run: RunRef) -> None:
        buy, other = intent(), intent("MSFT")
        self.send(ledger, run, buy, other)
        gone = Word(fate=Fate.NOT_SENT, reason="the broker says so")
        assert ledger.resolve(ACCOUNT, buy.order_ref, gone, at=MONDAY).status is S.NOT_SENT
        part = Word(fate=Fate.FILLED, reason="statement", quantity=d("4"), price=d("50"))
        assert ledger.resolve(ACCOUNT, other.order_ref, part, at=MONDAY).status is S.CANCELLED
        assert holding(ledger, "MSFT") == (d("4"), d("200"))
        with pytest.raises(BlockedError, match="must be under way"):
            ledger.resolve(ACCOUNT, buy.order_ref, gone, at=MONDAY)

    @pytest.mark.parametrize(
        "word",
        [
            Word(fate=Fate.FILLED, reason="x"),
            Word(fate=Fate.FILLED, reason="x", price=d("0")),
            Word(fate=Fate.FILLED, reason="x", price=d("NaN")),
            Word(fate=Fate.FILLED, reason="x", price=d("1"), quantity=d("11")),
            Word(fate=Fate.FILLED, reason="x", price=d("1"), quantity=d("0")),
            Word(fate=Fate.FILLED, reason="x", price=d("1"), commission=d("-1")),
        ],
    )
    def test_a_word_that_cannot_be_changes_nothing(self, ledger: LedgerStore, run: RunRef, word: Word) -> None:
        buy = intent()
        self.send(ledger, run, buy)
        with pytest.raises(InputError, match="--"):
            ledger.resolve(ACCOUNT, buy.order_ref, word, at=MONDAY)
        assert self.state_of(ledger, buy.order_ref) is S.SENDING

    def test_unlocking_waits_for_our_own_unknown_order(self, ledger: LedgerStore, run: RunRef) -> None:
        buy = intent()
        self.send(ledger, run, buy)
        with pytest.raises(BlockedError, match="no order of unknown fate"):
            ledger.unlock(ACCOUNT, "AAPL", reason="now", at=MONDAY)
        with pytest.raises(InputError):
            ledger.unlock("nobody", "AAPL", reason="now", at=MONDAY)

    def test_a_difference_is_taken_over_as_one_balanced_entry(self, ledger: LedgerStore, run: RunRef) -> None:
        self.filled(ledger, run)
        split = Adjustment(symbol="AAPL", quantity=d("10"), cost=d("0"), cash=d("0"), kind="corporate action")
        ledger.adjust(ACCOUNT, split, reason="2:1", at=later(hours=1))
        assert holding(ledger) == (d("20"), d("1000"))
        gift = Adjustment(symbol="KO", quantity=d("5"), cost=d("300"), cash=d("-1"), kind="transfer")
        ledger.adjust(ACCOUNT, gift, reason="moved here", at=later(hours=2))
        assert (holding(ledger, "KO"), cash(ledger)) == ((d("5"), d("300")), d("8998"))
        assert ledger.views.money(ACCOUNT).contributions == d("10299")
        assert ledger.faults() == ()

    def test_what_others_traded_is_booked_without_a_lock(self, ledger: LedgerStore, run: RunRef) -> None:
        sold = OrderIntent(
            order_ref="TWS:9", account=ACCOUNT, symbol="AAPL", side=Side.SELL, quantity=d("3"), effect=Effect.CLOSE
        )
        self.filled(ledger, run)
        done: Fill = fill(sold, "3", "120", at=later(hours=1))
        ledger.reported(ACCOUNT, report(sold, S.FILLED, done), at=MONDAY)
        assert holding(ledger) == (d("7"), d("700"))
        assert ledger.history(ACCOUNT, session=SESSION, at=MONDAY).unknown_symbols == ()
