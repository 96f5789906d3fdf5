"""One order from approval to its end, at a venue that answers badly: sent at most once, and never guessed about."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from tests.scenarios.homes import ACCOUNT
from tests.scenarios.scripted_stage import ScriptedStage, prepared_home, scripted_stage
from tests.scripted_broker import ScriptedOrder, dead_line, lost, silent

from prudent.bootstrap import Desk
from prudent.domain.accounts import AccountSnapshot, TradingState
from prudent.domain.cycles import CycleRecord, ResidualCause
from prudent.domain.errors import StoreError, Temporary
from prudent.domain.orders import Effect, OrderIntent, OrderReport, OrderStatus
from prudent.domain.records import decode, encode
from prudent.ledger import LedgerStore
from prudent.pipeline.observe import observe
from prudent.pipeline.replay import replay
from prudent.ports import Claim, Permit
from prudent.registry import strategy
from prudent.workflows.control import Scope, halt
from prudent.workflows.orders import cancel_order, stop_new_risk

S = OrderStatus
D = Decimal
StageOf = Callable[..., ScriptedStage]
# Stocks of the sample.
MANY = dict.fromkeys((
    "AAPL", "AMD", "BAC", "BBY", "CVX", "GE", "HD", "JNJ", "JPM", "KO", "LLY", "MRK", "MSFT", "PEP", "PFE", "PG", "UNH",
    "WMT", "XOM",
), 2.0)  # fmt: skip


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return prepared_home(tmp_path_factory.mktemp("orders"))


@pytest.fixture
def stage_of(prepared: Path, tmp_path: Path) -> StageOf:
    return lambda targets=None, **how: scripted_stage(prepared, tmp_path, targets, **how)


def reports(record: CycleRecord) -> list[OrderReport]:
    return [report for phase in record.phases for report in phase.reports]


def refs(stage: ScriptedStage) -> list[str]:
    return [ref for ref, _claim in stage.broker.sent]


def rejected(intent: OrderIntent, usual: Callable[[], OrderReport]) -> OrderReport:
    return OrderReport(
        order_ref=intent.order_ref, symbol=intent.symbol, side=intent.side, quantity=intent.quantity,
        status=S.REJECTED, message="no",
    )  # fmt: skip


def test_silence_after_an_order_arrived_is_unknown_and_not_sent_again(stage_of: StageOf) -> None:
    stage = stage_of(quiet_seconds=60)
    stage.broker.script = [silent]
    stage.broker.wait = lambda account, order_refs, *, seconds: ()  # type: ignore[method-assign]
    record = stage.cycle()
    (report,) = reports(record)
    assert report.status is S.UNKNOWN
    assert record.reconciliation is not None
    assert ("AAPL", ResidualCause.UNKNOWN) in {(r.symbol, r.cause) for r in record.reconciliation.residuals}
    again = stage.cycle()
    # The start of the next cycle adopted it; what that cycle sent are orders of its own.
    assert refs(stage)[0] == report.order_ref not in {each.order_ref for each in reports(again)}
    assert len(set(refs(stage))) == len(refs(stage))
    assert stage.books_agree()


def test_an_order_that_never_arrived_locks_its_symbol_until_it_is_proved_absent(stage_of: StageOf) -> None:
    stage = stage_of(quiet_seconds=60)
    stage.broker.script = [lost]
    (report,) = reports(stage.cycle())
    assert report.status is S.UNKNOWN
    blocked = stage.cycle()
    assert blocked.phases == () or not any(phase.intents for phase in blocked.phases)
    assert len(stage.broker.sent) == 1
    stage.broker.reconnect("s2")
    for _ in range(4):
        stage.later(40)
        stage.reconcile()
    assert stage.desk.ledger.known(ACCOUNT, (report.order_ref,))[0].status is S.NOT_SENT
    (anew,) = reports(stage.cycle())
    assert anew.status is S.FILLED
    assert len(set(refs(stage))) == len(refs(stage)) == 2
    assert stage.books_agree()


def test_silence_after_a_submit_that_stood_still_counts_from_its_return(stage_of: StageOf) -> None:
    stage = stage_of(quiet_seconds=60)

    def stood_still(intent: OrderIntent, usual: Callable[[], OrderReport]) -> OrderReport:
        stage.later(90)
        return lost(intent, usual)

    stage.broker.script = [stood_still]
    (report,) = reports(stage.cycle())
    states = []
    for _ in range(3):
        stage.later(31)
        stage.reconcile()
        states.append(stage.desk.ledger.known(ACCOUNT, (report.order_ref,))[0].status)
    # Its claim was two minutes old at the first of them.
    assert states == [S.UNKNOWN, S.NOT_SENT, S.NOT_SENT]


def test_one_empty_answer_does_not_settle_an_order_in_doubt(stage_of: StageOf) -> None:
    stage = stage_of(quiet_seconds=60)
    stage.broker.script = [silent]
    inner = stage.broker.reports
    stage.broker.wait = lambda account, order_refs, *, seconds: tuple(  # type: ignore[method-assign]
        replace(each, status=S.NOT_SENT, fills=(), filled=D(0), symbol="") for each in inner(account, order_refs)
    )
    (report,) = reports(stage.cycle())
    assert report.status is S.UNKNOWN


def test_a_kill_file_set_while_orders_leave_lets_no_further_one_leave(stage_of: StageOf) -> None:
    stage = stage_of(MANY)

    def killed(intent: OrderIntent, usual: Callable[[], OrderReport]) -> OrderReport:
        stage.desk.set_kill_file("enough")
        return usual()

    stage.broker.script = [killed]
    record = stage.cycle()
    assert len(stage.broker.sent) == 1
    assert {report.status for report in reports(record)} == {S.FILLED, S.NOT_SENT}


def test_what_certainly_did_not_leave_is_not_sent(stage_of: StageOf) -> None:
    stage = stage_of()
    stage.broker.script = [dead_line]
    (report,) = reports(stage.cycle())
    assert (report.status, "the line is dead" in report.message) == (S.NOT_SENT, True)
    assert stage.broker.books[ACCOUNT].orders == {}


def test_a_session_that_changed_since_the_claim_sends_nothing(stage_of: StageOf) -> None:
    stage = stage_of()
    real = stage.broker.submit

    def reconnected(intent: OrderIntent, claim: Claim) -> OrderReport:
        stage.broker.reconnect("s2")
        return real(intent, claim)

    stage.broker.submit = reconnected  # type: ignore[method-assign, assignment]
    (report,) = reports(stage.cycle())
    assert (report.status, stage.broker.sent) == (S.NOT_SENT, [])


def test_an_error_that_says_nothing_about_the_wire_leaves_the_order_unknown(stage_of: StageOf) -> None:
    stage = stage_of(quiet_seconds=60)

    def breaks(intent: OrderIntent, usual: Callable[[], OrderReport]) -> OrderReport:
        raise StoreError("the venue's file is full")

    stage.broker.script = [breaks]
    (report,) = reports(stage.cycle())
    assert (report.status, "is full" in report.message) == (S.UNKNOWN, True)


class Frozen:
    """A ledger whose claim takes a while: something happens between the commit and the wire."""

    def __init__(self, inner: LedgerStore, then: Callable[[], None]) -> None:
        self._inner = inner
        self._then = then

    def __getattr__(self, name: str) -> object:
        return getattr(self._inner, name)

    def sending(self, account: str, order_ref: str, *, seal: str, at: datetime, permit: Permit) -> Claim:
        claim = self._inner.sending(account, order_ref, seal=seal, at=at, permit=permit)
        self._then()
        return claim


def frozen(stage: ScriptedStage, then: Callable[[], None]) -> None:
    stage.desk = replace(stage.desk, ledger=Frozen(stage.desk.ledger, then))  # type: ignore[arg-type]


def test_a_process_that_stood_still_between_claim_and_wire_sends_nothing(stage_of: StageOf) -> None:
    stage = stage_of()
    frozen(stage, lambda: stage.later(31))
    (report,) = reports(stage.cycle())
    assert (report.status, "30 s old at the wire" in report.message) == (S.NOT_SENT, True)
    assert stage.broker.sent == []


def test_a_stop_between_claim_and_wire_is_obeyed(stage_of: StageOf) -> None:
    stage = stage_of()
    frozen(stage, lambda: stage.desk.set_kill_file("now"))
    (report,) = reports(stage.cycle())
    assert (report.status, "now" in report.message) == (S.NOT_SENT, True)
    assert stage.broker.sent == []


def test_a_claim_that_another_process_came_to_doubt_is_not_sent(stage_of: StageOf) -> None:
    stage = stage_of()

    def doubted() -> None:
        (order,) = stage.desk.ledger.pending_orders(ACCOUNT)
        stage.desk.ledger.in_doubt(ACCOUNT, order.order_ref, reason="it stood still", at=stage.clock.now())

    frozen(stage, doubted)
    (report,) = reports(stage.cycle())
    assert (report.status, "its claim must stand" in report.message) == (S.NOT_SENT, True)
    assert stage.broker.sent == []


def test_the_fifth_refusal_stops_the_account_before_the_sixth_order(stage_of: StageOf) -> None:
    stage = stage_of(MANY)
    stage.broker.script = [rejected] * 30
    record = stage.cycle()
    statuses = [report.status for report in reports(record)]
    assert statuses.count(S.REJECTED) == len(stage.broker.sent) == 5
    assert statuses.count(S.NOT_SENT) == len(statuses) - 5 >= 8
    state, reason = stage.desk.ledger.state(ACCOUNT)
    assert (state, reason.startswith("X06")) == (TradingState.HALTED, True)


def test_orders_leave_at_most_ten_in_any_second_and_all_of_them(stage_of: StageOf) -> None:
    stage = stage_of(MANY)
    times: list[datetime] = []
    real = stage.broker.submit

    def timed(intent: OrderIntent, claim: Claim) -> OrderReport:
        times.append(stage.clock.now())
        return real(intent, claim)

    stage.broker.submit = timed  # type: ignore[method-assign, assignment]
    record = stage.cycle()
    assert {report.status for report in reports(record)} == {S.FILLED}
    assert len(times) >= 13
    second = timedelta(seconds=1)
    assert max(sum(start <= each < start + second for each in times) for start in times) == 10


def test_orders_whose_turn_does_not_come_while_their_judgement_is_young_are_judged_again(stage_of: StageOf) -> None:
    stage = stage_of(MANY)
    stage.broker.price_of = lambda symbol: stage.desk.market.quotes((symbol,))[0].price or D(100)
    real = stage.broker.submit

    def slow(intent: OrderIntent, claim: Claim) -> OrderReport:
        stage.later(2.2)
        return real(intent, claim)

    stage.broker.submit = slow  # type: ignore[method-assign, assignment]
    record = stage.cycle()
    assert [phase.phase for phase in record.phases] == [2, 2]
    assert [len(phase.intents) for phase in record.phases] == [10, len(record.plan.orders) - 10]
    assert {report.status for report in reports(record)} == {S.FILLED}
    assert len(set(refs(stage))) == len(refs(stage))
    assert replay(decode(CycleRecord, encode(record)), strategy("target_weights")).identical
    # A round whose orders were left out without being judged again would be seen.
    cut = replace(record, phases=record.phases[:1])
    assert not replay(cut, strategy("target_weights")).identical


def test_an_order_in_doubt_counts_as_exposure_although_the_venue_does_not_show_it(stage_of: StageOf) -> None:
    stage = stage_of()
    order = stage.claimed("KO", "50")
    desk = stage.desk
    mandate = desk.mandate(ACCOUNT)
    seen = observe(desk.world(mandate, desk.mode), mandate, symbols=("KO",))
    (live,) = seen.snapshot.open_orders
    assert (live.order_ref, live.remaining, live.status) == (order.order_ref, D(50), S.SENDING)
    stage.broker.place(replace(order, symbol="KO"))
    again = observe(desk.world(mandate, desk.mode), mandate, symbols=("KO",))
    assert [o.status for o in again.snapshot.open_orders] == [S.ACKED]


# Cancelling


def test_a_cancel_is_written_before_it_is_asked(stage_of: StageOf) -> None:
    stage = stage_of()
    order = stage.sent(limit="90")
    seen: list[OrderStatus] = []
    stage.broker.on_cancel = lambda _order: seen.append(stage.state(order))
    assert cancel_order(stage.desk, ACCOUNT, order.order_ref).status is S.CANCELLED
    assert seen == [S.PEND_CANCEL]


def test_a_cancel_that_comes_too_late_or_is_refused_is_a_normal_answer(stage_of: StageOf) -> None:
    stage = stage_of()
    late, refused = stage.sent(limit="90"), stage.sent("KO", limit="50")

    def fills_first(order: ScriptedOrder) -> None:
        stage.broker.fill(ACCOUNT, order.intent.order_ref, str(order.intent.quantity))

    stage.broker.on_cancel = fills_first
    assert cancel_order(stage.desk, ACCOUNT, late.order_ref).status is S.FILLED
    assert stage.books_agree()
    assert cancel_order(stage.desk, ACCOUNT, late.order_ref).status is S.FILLED
    assert len(stage.broker.cancels) == 1
    answer = replace(stage.broker.order(ACCOUNT, refused.order_ref).report(), message="cancel rejected")
    stage.broker.cancel = lambda account, order_ref: answer  # type: ignore[method-assign]
    assert cancel_order(stage.desk, ACCOUNT, refused.order_ref).status is S.ACKED


def test_a_cancel_passes_every_stop_and_a_dead_line_leaves_it_asked_for(stage_of: StageOf) -> None:
    stage = stage_of()
    order = stage.sent(limit="90")

    def dead(account: str, order_ref: str) -> OrderReport:
        raise Temporary("the line is dead")

    real, stage.broker.cancel = stage.broker.cancel, dead  # type: ignore[method-assign]
    assert cancel_order(stage.desk, ACCOUNT, order.order_ref).status is S.PEND_CANCEL
    stage.broker.cancel = real  # type: ignore[method-assign]
    stage.desk.ledger.halt(reason="stop", at=stage.clock.now())
    stage.desk.set_kill_file("stop")
    assert cancel_order(stage.desk, ACCOUNT, order.order_ref).status is S.CANCELLED


def test_a_cancel_of_what_is_still_on_its_way_does_not_put_it_in_doubt(stage_of: StageOf) -> None:
    stage = stage_of()
    order = stage.claimed()
    assert cancel_order(stage.desk, ACCOUNT, order.order_ref).status is S.SENDING


def test_a_cancel_that_was_lost_is_seen_by_the_next_look(stage_of: StageOf) -> None:
    stage = stage_of()
    order = stage.sent(limit="90")
    stage.reconcile()
    real = stage.broker.cancel
    stage.broker.cancel = lambda account, order_ref: stage.broker.reports(account, (order_ref,))[0]  # type: ignore[method-assign]
    assert cancel_order(stage.desk, ACCOUNT, order.order_ref).status is S.PEND_CANCEL
    stage.broker.cancel = real  # type: ignore[method-assign]
    stage.later(1)
    stage.reconcile()
    assert stage.state(order) is S.ACKED
    assert cancel_order(stage.desk, ACCOUNT, order.order_ref).status is S.CANCELLED


def test_a_halt_also_cancels_what_the_venue_does_not_show(stage_of: StageOf) -> None:
    stage = stage_of(quiet_seconds=60)
    order = stage.sent(limit="90")
    stage.broker.snapshot = without_orders(stage.broker.snapshot)  # type: ignore[method-assign, assignment]
    halt(stage.desk, Scope(account=ACCOUNT), state=TradingState.HALTED, reason="look")
    assert stage.broker.cancels == [order.order_ref]
    assert stage.state(order) is S.CANCELLED


def without_orders(snapshot: Callable[[str], AccountSnapshot]) -> Callable[[str], AccountSnapshot]:
    return lambda account: replace(snapshot(account), open_orders=())


def test_a_daily_loss_cancels_resting_orders_that_add_risk(stage_of: StageOf) -> None:
    stage = stage_of()
    buy, sell = stage.sent(limit="90"), stage.sent("KO", "5")
    now = stage.clock.now()
    session = stage.desk.calendar.session_of(now).date
    assert stop_new_risk(stage.desk, ACCOUNT) == ()
    stage.desk.ledger.value(ACCOUNT, nlv=D(90_000), at=now, session=session)
    stage.reconcile()
    assert (stage.state(buy), stage.broker.cancels) == (S.CANCELLED, [buy.order_ref])
    assert stage.state(sell) is S.FILLED


def test_a_resting_exit_survives_a_daily_loss(stage_of: StageOf) -> None:
    stage = stage_of()
    stage.sent("KO", "5")
    exit_ = stage.approved("KO", "5", limit="200", effect=Effect.CLOSE)
    permit = stage.desk.permit(ACCOUNT)
    now = stage.clock.now()
    stage.desk.ledger.sending(ACCOUNT, exit_.order_ref, seal=exit_.seal, at=now, permit=permit)
    stage.desk.ledger.reported(ACCOUNT, stage.broker.submit(exit_), at=now)
    stage.desk.ledger.value(ACCOUNT, nlv=D(90_000), at=now, session=stage.desk.calendar.session_of(now).date)
    stage.reconcile()
    assert (stage.state(exit_), stage.broker.cancels) == (S.ACKED, [])


def test_the_desk_of_these_stories_is_the_real_one(stage_of: StageOf) -> None:
    stage = stage_of()
    assert isinstance(stage.desk, Desk)
    record = stage.cycle()
    assert [report.status for report in reports(record)] == [S.FILLED]
    assert stage.books_agree()
