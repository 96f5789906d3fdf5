"""One account held against its broker: adopted, booked, locked, proved absent, and never traded for it."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from tests.scenarios.homes import ACCOUNT
from tests.scenarios.scripted_stage import ScriptedStage, locked, prepared_home, scripted_stage

from prudent.domain.accounts import TradingState
from prudent.domain.errors import BlockedError
from prudent.domain.orders import Effect, OrderIntent, OrderStatus, Side
from prudent.ledger.settlement import Fate, Word
from prudent.workflows.locks import locks
from prudent.workflows.orders import resolve_order, unlock_symbol
from prudent.workflows.reconcile import due, reconcile

S = OrderStatus
D = Decimal
StageOf = Callable[..., ScriptedStage]


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return prepared_home(tmp_path_factory.mktemp("reconcile"))


@pytest.fixture
def stage_of(prepared: Path, tmp_path: Path) -> StageOf:
    return lambda **how: scripted_stage(prepared, tmp_path, **how)


def by_hand(symbol: str = "KO", quantity: str = "5", side: Side = Side.BUY) -> OrderIntent:
    return OrderIntent(
        order_ref=f"TWS:{symbol}", account=ACCOUNT, symbol=symbol, side=side, quantity=D(quantity),
        effect=Effect.OPEN if side is Side.BUY else Effect.CLOSE,
    )  # fmt: skip


# What the broker shows is adopted


def test_an_order_that_arrived_in_silence_is_adopted_with_its_fills(stage_of: StageOf) -> None:
    stage = stage_of()
    order = stage.claimed()
    stage.broker.submit(order)
    report = stage.reconcile()
    assert stage.state(order) is S.FILLED
    assert report.clean
    assert stage.books_agree()
    assert [each.resolved for each in report.findings] == ["the broker's answer settles it: FILLED, filled 10"]
    assert stage.reconcile().findings == ()


def test_an_execution_that_only_the_list_of_executions_has_is_booked(stage_of: StageOf) -> None:
    stage = stage_of()
    order = stage.sent(limit="90")
    done = stage.broker.fill(ACCOUNT, order.order_ref, "4")
    kept = stage.broker.books[ACCOUNT].orders.pop(order.order_ref)
    other = stage.broker.place(replace(order, symbol="X"))
    other.fills, other.status = [done], S.ACKED
    listing = stage.broker.listing(ACCOUNT)
    stage.broker.listing = lambda account: replace(listing, orders=())  # type: ignore[method-assign]
    stage.reconcile()
    assert (stage.state(order), stage.known(order).filled) == (S.PARTIAL, D(4))
    assert kept.filled == 4


def test_a_held_order_is_not_accepted_and_locks_its_symbol(stage_of: StageOf) -> None:
    stage = stage_of(quiet_seconds=60)
    order = stage.claimed(limit="90")
    stage.broker.place(order, S.HELD)
    stage.reconcile()
    assert stage.state(order) is S.HELD
    assert locked(stage, "AAPL")
    stage.broker.order(ACCOUNT, order.order_ref).status = S.ACKED
    stage.reconcile()
    assert stage.state(order) is S.ACKED
    assert not locked(stage, "AAPL")


def test_a_correction_and_a_bust_are_found_by_the_timer(stage_of: StageOf) -> None:
    stage = stage_of()
    order = stage.sent()
    (done,) = stage.broker.order(ACCOUNT, order.order_ref).fills
    right = stage.broker.correct(ACCOUNT, order.order_ref, done, price=D("101"))
    assert stage.reconcile().clean
    assert stage.books_agree()
    stage.broker.correct(ACCOUNT, order.order_ref, right, busted=True)
    assert stage.reconcile().clean
    assert stage.books_agree()
    assert stage.known(order).fills == ()


# Absence


def lost_order(stage: ScriptedStage) -> OrderIntent:
    order = stage.claimed()
    stage.reconcile()
    assert stage.state(order) is S.UNKNOWN
    return order


def test_a_venue_without_quiet_time_settles_it_at_once(stage_of: StageOf) -> None:
    stage = stage_of()
    order = stage.claimed()
    report = stage.reconcile()
    assert stage.state(order) is S.NOT_SENT
    assert (report.clean, report.unknown) == (True, ())


def test_absence_is_proved_after_a_quiet_minute_and_two_rounds_and_not_before(stage_of: StageOf) -> None:
    stage = stage_of(quiet_seconds=60)
    order = lost_order(stage)
    stage.broker.reconnect("s2")
    asked = []
    for _ in range(9):
        stage.later(10)
        report = stage.reconcile()
        asked.append((stage.state(order), report.unknown))
    # 60 s of quiet on the new session; the rounds before it are the first of the two.
    assert asked[:5] == [(S.UNKNOWN, (order.order_ref,))] * 5
    assert asked[5] == (S.NOT_SENT, ())
    assert stage.audited("order_absent") == 1
    assert stage.broker.sent == []


def test_lists_that_do_not_end_prove_nothing(stage_of: StageOf) -> None:
    stage = stage_of(quiet_seconds=60)
    order = lost_order(stage)
    stage.broker.lists_end = False
    for _ in range(12):
        stage.later(20)
        assert not stage.reconcile().complete
    assert stage.state(order) is S.UNKNOWN


def test_empty_lists_after_a_restart_of_the_gateway_prove_nothing(stage_of: StageOf) -> None:
    stage = stage_of(quiet_seconds=60)
    order = stage.sent(limit="90")
    stage.broker.hidden.add(order.order_ref)
    stage.broker.reconnect("s2")
    for _ in range(2):
        stage.later(20)
        stage.reconcile()
    assert stage.state(order) is S.ACKED
    stage.broker.hidden.clear()
    stage.later(100)
    stage.reconcile()
    assert stage.state(order) is S.ACKED


def test_an_acknowledged_order_that_vanished_is_unknown_first_and_ends_as_cancelled(stage_of: StageOf) -> None:
    stage = stage_of(quiet_seconds=60)
    order = stage.sent(limit="90")
    del stage.broker.books[ACCOUNT].orders[order.order_ref]
    stage.later(100)
    stage.reconcile()
    assert stage.state(order) is S.UNKNOWN
    stage.later(35)
    stage.reconcile()
    assert stage.state(order) is S.CANCELLED


def test_a_position_that_only_the_order_explains_forbids_the_verdict(stage_of: StageOf) -> None:
    stage = stage_of(quiet_seconds=60)
    order = lost_order(stage)
    stage.broker.books[ACCOUNT].positions["AAPL"] = D(10)
    stage.broker.reconnect("s2")
    for _ in range(10):
        stage.later(20)
        stage.reconcile()
    assert stage.state(order) is S.UNKNOWN
    assert stage.desk.ledger.lock_of(ACCOUNT, "AAPL")[0] is TradingState.HALTED


def test_who_has_lost_the_lease_may_not_judge(stage_of: StageOf) -> None:
    stage = stage_of(quiet_seconds=60)
    order = lost_order(stage)
    stage.broker.reconnect("s2")
    stage.later(40)
    stage.reconcile()
    stage.later(40)
    ledger = stage.desk.ledger
    real = type(stage.desk).permit
    lasts = timedelta(seconds=15)
    (ours,) = ledger.leases.take((ACCOUNT,), "one", at=stage.clock.now(), lasts=lasts)
    permit = replace(real(stage.desk, ACCOUNT), holder="one", epoch=ours.epoch, at=stage.clock.now())
    stage.desk.permit = lambda account: permit  # type: ignore[method-assign]
    ledger.leases.release((ours,), at=stage.clock.now())
    ledger.leases.take((ACCOUNT,), "two", at=stage.clock.now(), lasts=lasts)
    stage.reconcile()
    assert stage.state(order) is S.UNKNOWN
    del stage.desk.permit
    stage.reconcile()
    assert stage.state(order) is S.NOT_SENT


def test_after_ten_minutes_a_person_is_called_once(stage_of: StageOf) -> None:
    stage = stage_of(quiet_seconds=60)
    order = lost_order(stage)
    stage.broker.lists_end = False
    for _ in range(4):
        stage.later(299)
        stage.reconcile()
    assert stage.audited("ticket_opened") == 1
    told = [row.notice for row in stage.desk.ledger.notices.listed().rows]
    assert [str(n.event) for n in told if str(n.event) == "ticket.opened"] == ["ticket.opened"]
    assert stage.known(order).message.startswith("ticket: ")
    word = Word(fate=Fate.NOT_SENT, reason="the broker has no such order")
    assert resolve_order(stage.desk, order.order_ref, word).status is S.NOT_SENT
    assert not locked(stage, "AAPL")


def test_an_unreachable_broker_leaves_what_was_sent_unknown_and_the_rest_working(stage_of: StageOf) -> None:
    stage = stage_of(quiet_seconds=60)
    order, never = stage.claimed(), stage.approved("KO")
    stage.desk.ledger.fail_cycle(f"{ACCOUNT}/1/2", reason="it died", at=stage.clock.now())
    stage.broker.unreachable = True
    report = stage.reconcile()
    assert (report.complete, report.clean, report.unknown) == (False, False, (order.order_ref,))
    assert (stage.state(order), stage.state(never)) == (S.UNKNOWN, S.NOT_SENT)
    last = stage.desk.ledger.last_reconciled(ACCOUNT)
    assert last is not None
    assert not last.clean


def test_an_order_that_was_never_claimed_waits_for_its_cycle_while_that_is_alive(stage_of: StageOf) -> None:
    stage = stage_of()
    order = stage.approved()
    stage.reconcile()
    assert stage.state(order) is S.APPROVED
    stage.desk.ledger.fail_cycle(f"{ACCOUNT}/1/1", reason="it died", at=stage.clock.now())
    stage.reconcile()
    assert stage.state(order) is S.NOT_SENT


# Orders of others


def test_an_order_of_somebody_else_locks_its_symbol_until_it_ends(stage_of: StageOf) -> None:
    stage = stage_of()
    foreign = stage.broker.place(by_hand())
    (found,) = stage.reconcile().findings
    assert ("placed by others" in found.found, "locked until it ends" in found.resolved) == (True, True)
    assert locked(stage, "KO")
    stage.broker.fill(ACCOUNT, "TWS:KO", "5")
    assert stage.reconcile().clean
    assert foreign.status is S.FILLED
    assert not locked(stage, "KO")
    assert stage.books_agree()


def test_an_order_of_somebody_else_that_is_gone_locks_no_more(stage_of: StageOf) -> None:
    stage = stage_of()
    stage.broker.place(by_hand())
    stage.reconcile()
    stage.broker.books[ACCOUNT].orders.clear()
    stage.reconcile()
    assert not locked(stage, "KO")


def test_a_person_unlocks_a_symbol_with_somebody_elses_order(stage_of: StageOf) -> None:
    stage = stage_of()
    stage.broker.place(by_hand())
    stage.reconcile()
    assert unlock_symbol(stage.desk, ACCOUNT, "KO", reason="that was me") == (
        "order TWS:KO, which nobody here placed",
    )  # fmt: skip
    stage.reconcile()
    assert not locked(stage, "KO")
    assert stage.audited("symbol_unlocked") == 1


def test_every_lock_of_the_order_path_is_shown_with_its_way_out(stage_of: StageOf) -> None:
    stage = stage_of(quiet_seconds=60)
    stage.broker.place(by_hand())
    held = stage.claimed("MSFT", limit="90")
    stage.broker.place(held, S.HELD)
    stage.claimed()
    stage.reconcile()
    shown = {lock.symbol: lock.way_out for lock in locks(stage.desk) if lock.account == ACCOUNT and lock.symbol}
    assert shown == {
        "AAPL": f"invest reconcile {ACCOUNT}", "MSFT": f"invest reconcile {ACCOUNT}",
        "KO": f"lifts when it ends, or invest unlock KO --account {ACCOUNT} --reason …",
    }  # fmt: skip


def test_an_order_under_a_ref_of_ours_that_is_not_in_the_ledger_is_told_as_such(stage_of: StageOf) -> None:
    stage = stage_of()
    stage.broker.place(replace(by_hand(), order_ref="A" * 24))
    (found,) = stage.reconcile().findings
    assert "has a ref of ours" in found.found


def test_a_trade_of_somebody_else_is_booked_and_locks_nothing(stage_of: StageOf) -> None:
    stage = stage_of()
    stage.broker.place(by_hand())
    stage.broker.fill(ACCOUNT, "TWS:KO", "5")
    assert stage.reconcile().clean
    assert not locked(stage, "KO")
    assert stage.books_agree()


def test_somebody_elses_order_without_a_trade_that_has_ended_is_no_news(stage_of: StageOf) -> None:
    stage = stage_of()
    stage.broker.place(by_hand(), S.CANCELLED)
    assert stage.reconcile().findings == ()
    assert stage.desk.ledger.views.orders().total == 0


# When to look


def test_an_account_is_due_at_the_start_each_minute_on_a_new_session_and_sooner_in_doubt(stage_of: StageOf) -> None:
    stage = stage_of(quiet_seconds=60)
    assert due(stage.desk, ACCOUNT)
    stage.reconcile()
    assert not due(stage.desk, ACCOUNT)
    stage.later(59)
    assert not due(stage.desk, ACCOUNT)
    stage.later(1)
    assert due(stage.desk, ACCOUNT)
    stage.reconcile()
    stage.broker.reconnect("s2")
    assert due(stage.desk, ACCOUNT)
    stage.reconcile()
    stage.claimed()
    stage.later(9)
    assert not due(stage.desk, ACCOUNT)
    stage.later(1)
    assert due(stage.desk, ACCOUNT)


def test_what_was_found_is_kept_for_the_interlock(stage_of: StageOf) -> None:
    stage = stage_of(quiet_seconds=60)
    stage.reconcile()
    last = stage.desk.ledger.last_reconciled(ACCOUNT)
    assert last is not None
    assert (last.clean, last.session, last.at, last.detail) == (True, "s1", stage.clock.now(), ())
    order = stage.claimed()
    stage.reconcile()
    last = stage.desk.ledger.last_reconciled(ACCOUNT)
    assert last is not None
    assert (last.clean, last.detail) == (False, (f"order {order.order_ref} is UNKNOWN",))


def test_a_report_that_nobody_claimed_halts_the_account(stage_of: StageOf) -> None:
    stage = stage_of()
    order = stage.approved(limit="90")
    stage.broker.place(order)
    stage.reconcile()
    state, reason = stage.desk.ledger.state(ACCOUNT)
    assert (state, "must be SENDING" in reason) == (TradingState.HALTED, True)
    with pytest.raises(BlockedError):
        stage.desk.ledger.reported(ACCOUNT, stage.broker.order(ACCOUNT, order.order_ref).report(), at=stage.clock.now())


def test_nothing_is_ever_sent_by_reconciling(stage_of: StageOf) -> None:
    stage = stage_of()
    stage.claimed()
    stage.claimed("KO")
    stage.broker.place(by_hand("MSFT"))
    stage.broker.books[ACCOUNT].positions["JPM"] = D(7)
    for _ in range(3):
        reconcile(stage.desk, ACCOUNT)
        stage.later(60)
    assert stage.broker.sent == []
    assert stage.broker.cancels == []
