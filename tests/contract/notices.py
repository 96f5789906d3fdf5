"""What a ledger promises of notices and of figures for monitoring, whatever database it lies in."""

from datetime import timedelta
from decimal import Decimal

import pytest
from tests.contract.ledger_build import ACCOUNT, MONDAY, d, fill, intent, later, mandate, record, report
from tests.unit.notify.build import notice

from prudent.domain.notices import Event, Routing, Severity
from prudent.domain.orders import OrderStatus, Side
from prudent.domain.verdicts import Outcome
from prudent.ledger import LedgerStore
from prudent.ledger.notices import Delivery

WINDOW = timedelta(minutes=5)
BOTH = frozenset({"json", "webhook"})
TOOK = Delivery(done=True, tries=1, at=MONDAY)


class NoticesContract:
    """Inherit and give the fixture `ledger`: an empty ledger."""

    @pytest.fixture
    def ledger(self) -> LedgerStore:
        raise NotImplementedError

    def test_what_was_kept_reads_back_whole(self, ledger: LedgerStore) -> None:
        kept = notice()
        assert ledger.notices.add(kept, window=WINDOW) == 1
        (row,) = ledger.notices.unsent()
        assert (row.number, row.notice, row.repeats, row.sent) == (1, kept, 0, None)
        assert row.notice.amount == Decimal("1500.25")

    def test_a_repeat_within_the_window_is_counted_and_not_told(self, ledger: LedgerStore) -> None:
        told = [ledger.notices.add(notice(minutes=m), window=WINDOW) for m in (0, 1, 4)]
        assert told == [1, None, None]
        (row,) = ledger.notices.unsent()
        assert row.repeats == 2

    def test_after_the_window_it_is_told_again(self, ledger: LedgerStore) -> None:
        told = [ledger.notices.add(notice(minutes=m), window=WINDOW) for m in (0, 4, 5)]
        # The window counts from the last that was told: five minutes after it, it is over.
        assert told == [1, None, 2]

    def test_the_first_of_every_key_is_told_whatever_came_before(self, ledger: LedgerStore) -> None:
        for _ in range(20):
            ledger.notices.add(notice(), window=WINDOW)
        assert ledger.notices.add(notice(subject="core/1/1/D05"), window=WINDOW) is not None
        assert ledger.notices.add(notice(Event.ORDER_UNKNOWN), window=WINDOW) is not None

    def test_an_older_clock_does_not_silence_for_ever(self, ledger: LedgerStore) -> None:
        assert ledger.notices.add(notice(minutes=60 * 24 * 365), window=WINDOW) is not None
        assert ledger.notices.add(notice(), window=WINDOW) is not None

    def test_silent_is_kept_and_never_waits_to_be_sent(self, ledger: LedgerStore) -> None:
        assert ledger.notices.add(notice(), window=WINDOW, routing=Routing.SILENT) == 1
        assert ledger.notices.unsent() == ()
        assert ledger.notices.listed().total == 1

    def test_off_keeps_nothing(self, ledger: LedgerStore) -> None:
        assert ledger.notices.add(notice(), window=WINDOW, routing=Routing.OFF) is None
        assert ledger.notices.listed().total == 0

    def test_a_notice_is_sent_once_every_channel_is_done(self, ledger: LedgerStore) -> None:
        number = ledger.notices.add(notice(), window=WINDOW)
        assert number is not None
        ledger.notices.delivered(number, "json", TOOK, waiting=BOTH)
        failed = Delivery(tries=1, at=MONDAY, error="it is down")
        ledger.notices.delivered(number, "webhook", failed, waiting=BOTH)
        (row,) = ledger.notices.unsent()
        assert row.deliveries == {"json": TOOK, "webhook": failed}
        ledger.notices.delivered(number, "webhook", Delivery(done=True, tries=2, at=later(minutes=3)), waiting=BOTH)
        assert ledger.notices.unsent() == ()
        assert ledger.notices.listed().rows[0].sent == later(minutes=3)

    def test_what_is_critical_comes_first_then_the_oldest(self, ledger: LedgerStore) -> None:
        for subject, event in (("a", Event.CYCLE_FAILED), ("b", Event.CYCLE_FAILED), ("c", Event.ORDER_UNKNOWN)):
            ledger.notices.add(notice(event, subject=subject), window=WINDOW)
        assert [row.notice.subject for row in ledger.notices.unsent()] == ["c", "a", "b"]
        assert [row.notice.subject for row in ledger.notices.unsent(limit=1)] == ["c"]

    def test_how_many_wait_and_since_when(self, ledger: LedgerStore) -> None:
        assert ledger.notices.unsent_count() == (0, None)
        ledger.notices.add(notice(minutes=3), window=WINDOW)
        ledger.notices.add(notice(subject="other", minutes=1), window=WINDOW)
        assert ledger.notices.unsent_count() == (2, later(minutes=1))
        assert ledger.notices.latest(Event.ORDER_BLOCKED) == later(minutes=3)
        assert ledger.notices.latest(Event.BACKUP_DONE) is None

    def test_a_list_is_narrowed_and_paged_newest_first(self, ledger: LedgerStore) -> None:
        for subject, event in (("a", Event.CYCLE_FAILED), ("b", Event.ORDER_UNKNOWN), ("c", Event.CYCLE_FAILED)):
            ledger.notices.add(notice(event, subject=subject), window=WINDOW)
        assert [row.number for row in ledger.notices.listed(limit=2).rows] == [3, 2]
        assert [row.number for row in ledger.notices.listed(event=Event.CYCLE_FAILED).rows] == [3, 1]
        assert [row.number for row in ledger.notices.listed(severity=Severity.CRITICAL).rows] == [2]
        assert ledger.notices.listed(account="nobody").total == 0

    def test_reading_marks_up_to_a_number_once(self, ledger: LedgerStore) -> None:
        for subject in "abc":
            ledger.notices.add(notice(subject=subject), window=WINDOW)
        assert ledger.notices.read(2, at=MONDAY) == 2
        assert ledger.notices.read(2**31 - 1, at=MONDAY) == 1
        assert all(row.read_at == MONDAY for row in ledger.notices.listed().rows)

    def test_without_a_channel_it_is_closed_and_stays_to_be_read(self, ledger: LedgerStore) -> None:
        number = ledger.notices.add(notice(), window=WINDOW)
        assert number is not None
        ledger.notices.nowhere_to_send(number, at=MONDAY)
        assert ledger.notices.unsent() == ()
        assert ledger.notices.listed().rows[0].deliveries == {}


class MeasuresContract:
    """Inherit and give the fixture `ledger`: an empty ledger."""

    @pytest.fixture
    def ledger(self) -> LedgerStore:
        raise NotImplementedError

    @pytest.fixture
    def worked(self, ledger: LedgerStore) -> LedgerStore:
        """Two cycles of two seconds each; a filled order, one without an answer, and one that a guard refused."""
        ledger.add_account(mandate(), cash=d("10000"), at=MONDAY)
        run = ledger.open_run(mandate(), mode="paper", rules=(), code_version="1", at=MONDAY)
        buy, sell = intent(), intent("KO", Side.SELL, "3")
        denied = intent("XOM", cycle="denied")
        ok, refuses = [Outcome.PASS] * 3, [Outcome.PASS, Outcome.PASS, Outcome.REJECT]
        for number, orders, outcomes in ((1, (buy, sell, denied), [ok, ok, refuses]), (2, (), [])):
            assert ledger.next_cycle(run, at=later(minutes=number - 1)) == number
            sent = [each for each in orders if each is not denied]
            ledger.approve(run, number, sent, at=MONDAY)
            for each in sent:
                ledger.sending(ACCOUNT, each.order_ref, seal=each.seal, at=later(seconds=1))
            cycle = record(run.number, number, orders=orders, sent=sent, outcomes=outcomes, at=later(minutes=number))
            ledger.record(cycle, why={each.order_ref: "" for each in orders})
        ledger.reported(ACCOUNT, report(buy, OrderStatus.FILLED, fill(buy, "10", "100")), at=MONDAY)
        ledger.reported(ACCOUNT, report(sell, OrderStatus.UNKNOWN), at=MONDAY)
        return ledger

    def test_nothing_measures_as_nothing(self, ledger: LedgerStore) -> None:
        measures = ledger.measures
        assert (measures.cycles(), measures.orders(), measures.refusals(), measures.unsettled()) == ((), (), (), ())
        assert (measures.reconciled(), measures.last_cycle("nobody"), measures.finished("nobody")) == ((), None, ())

    def test_cycles_orders_and_refusals_are_counted(self, worked: LedgerStore) -> None:
        assert [(t.account, t.kind, t.count) for t in worked.measures.cycles()] == [(ACCOUNT, "completed", 2)]
        assert {(t.kind, t.count) for t in worked.measures.orders()} == {("FILLED", 1), ("UNKNOWN", 1), ("DENIED", 1)}
        refused = {t.kind: t.count for t in worked.measures.refusals()}
        assert refused["rule:cap-apple:max_position_pct"] == 1

    def test_an_order_without_an_answer_is_aged_from_when_it_was_sent(self, worked: LedgerStore) -> None:
        (found,) = worked.measures.unsettled()
        assert (found.account, found.count, found.since) == (ACCOUNT, 1, later(seconds=1))

    def test_finished_cycles_go_on_from_a_moment(self, worked: LedgerStore) -> None:
        every = worked.measures.finished(ACCOUNT)
        assert [each.place for each in every] == [(1, 1), (1, 2)]
        assert [(each.finished - each.started).total_seconds() for each in every] == [2, 2]
        assert [each.place for each in worked.measures.finished(ACCOUNT, since=every[1].finished)] == [(1, 2)]
        assert worked.measures.finished(ACCOUNT, since=later(days=1)) == ()

    def test_the_last_cycle_says_when_it_was_due_and_when_it_began(self, worked: LedgerStore) -> None:
        last = worked.measures.last_cycle(ACCOUNT)
        assert last is not None
        assert (last.id, last.scheduled, last.started) == (f"{ACCOUNT}/1/2", later(minutes=1), later(minutes=2))
        assert last.recorded

    def test_the_audit_counts_its_rows(self, worked: LedgerStore) -> None:
        assert worked.measures.audit_rows() == worked.audit_head().seq > 5
