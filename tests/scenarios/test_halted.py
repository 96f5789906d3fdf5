"""What a halt cancels: all that the venue shows of ours, asked for again while something is left, owner by owner."""

from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from tests.fakes_clock import SteppedClock
from tests.scenarios.homes import ACCOUNT, write_mandate
from tests.scenarios.mirror_stage import StageOf
from tests.scenarios.scripted_stage import ScriptedStage, locked
from tests.unit.cli.running import invest

from prudent.bootstrap import open_desk
from prudent.clock import SystemClock
from prudent.domain.accounts import TradingState
from prudent.domain.errors import Temporary
from prudent.domain.orders import OrderIntent, OrderReport, OrderStatus, order_ref
from prudent.workflows.control import Scope, halt, traded
from prudent.workflows.halted import LEFT_SECONDS, HaltedScopes
from prudent.workflows.wherever import cancel_wherever

S = OrderStatus


def arrived_after_all(stage: ScriptedStage) -> OrderIntent:
    """An order that was proved absent and rests at the venue: its sender stood still between claim and wire."""
    order = stage.claimed(limit="90")
    stage.reconcile()
    stage.later(1)
    stage.reconcile()
    assert stage.state(order) is S.NOT_SENT
    stage.broker.submit(order)
    return order


def halted(stage: ScriptedStage, wall: SteppedClock | None = None) -> tuple[HaltedScopes, SteppedClock]:
    """The engine's look at a desk that another process has halted."""
    stage.desk.ledger.set_state("", TradingState.HALTED, reason="by hand", at=stage.clock.now())
    wall = SteppedClock(SystemClock().now()) if wall is None else wall
    return HaltedScopes(wall), wall  # type: ignore[arg-type]


def step(wall: SteppedClock, seconds: float = LEFT_SECONDS) -> None:
    wall.set(wall.now() + timedelta(seconds=seconds))


def test_a_halt_cancels_what_the_venue_shows_although_the_ledger_holds_it_for_ended(stage_of: StageOf) -> None:
    stage = stage_of()
    order = arrived_after_all(stage)
    answers = halt(stage.desk, Scope(), state=TradingState.HALTED, reason="look")
    assert stage.broker.cancels == [order.order_ref]
    assert [(each.order_ref, each.status) for each in answers] == [(order.order_ref, S.CANCELLED)]
    assert stage.state(order) is S.NOT_SENT


def test_an_order_that_ended_and_lives_at_the_venue_locks_its_symbol_and_is_told_once(stage_of: StageOf) -> None:
    stage = stage_of()
    order = arrived_after_all(stage)
    (found,) = stage.reconcile().findings
    assert found.found == "left in state NOT_SENT"
    assert "is live at the broker" in found.resolved
    assert locked(stage, "AAPL")
    told = [each for each in stage.desk.ledger.notices.listed().rows if "that had ended" in each.notice.title]
    assert len(told) == 1
    stage.later(1)
    assert stage.reconcile().findings == ()
    # A fill of it is booked, as every fact is.
    stage.broker.fill(ACCOUNT, order.order_ref, "10")
    stage.later(1)
    stage.reconcile()
    assert stage.state(order) is S.FILLED_LATE
    assert stage.books_agree()


def test_an_answer_of_before_the_end_locks_nothing(stage_of: StageOf) -> None:
    """The listing was asked before the cancel was confirmed; asked once more, the venue calls it ended."""
    stage = stage_of()
    order = stage.sent(limit="90")
    real = stage.broker.listing

    def late(account: str) -> Any:
        listing = real(account)
        stage.broker.cancel(account, order.order_ref)
        stage.desk.ledger.reported(ACCOUNT, stage.broker.reports(account, (order.order_ref,))[0],
                                   at=stage.clock.now())  # fmt: skip
        return listing

    stage.broker.listing = late  # type: ignore[method-assign]
    stage.reconcile()
    assert stage.state(order) is S.CANCELLED
    assert not locked(stage, "AAPL")


def test_one_cancel_that_fails_keeps_no_other(stage_of: StageOf) -> None:
    stage = stage_of()
    first, second = stage.approved(limit="90"), stage.sent("KO", limit="50")
    # The first stands at the venue although nobody has claimed it: its report cannot be taken in.
    stage.broker.submit(first)
    with pytest.raises(Temporary, match="must be SENDING"):
        halt(stage.desk, Scope(), state=TradingState.HALTED, reason="look")
    assert sorted(stage.broker.cancels) == sorted((first.order_ref, second.order_ref))
    assert stage.state(second) is S.CANCELLED


def test_a_cancel_that_was_lost_is_asked_again_until_nothing_is_left(stage_of: StageOf) -> None:
    stage = stage_of()
    order = stage.sent(limit="90")
    scopes, wall = halted(stage)
    real = stage.broker.cancel
    asked: list[str] = []

    def dead(account: str, order_ref: str) -> OrderReport:
        asked.append(order_ref)
        raise Temporary("the line is dead")

    stage.broker.cancel = dead  # type: ignore[method-assign]
    scopes.look(stage.desk)
    scopes.look(stage.desk)
    assert (len(asked), stage.state(order)) == (1, S.PEND_CANCEL)
    step(wall)
    scopes.look(stage.desk)
    assert len(asked) == 2
    stage.broker.cancel = real  # type: ignore[method-assign]
    step(wall)
    scopes.look(stage.desk)
    assert stage.state(order) is S.PEND_CANCEL, "each time it is asked after twice as long"
    step(wall)
    scopes.look(stage.desk)
    assert stage.state(order) is S.CANCELLED
    snapshot = stage.broker.snapshot
    stage.broker.snapshot = lambda account: pytest.fail(f"{account} has nothing left to ask for")  # type: ignore[method-assign]
    step(wall)
    scopes.look(stage.desk)
    # A halt that is set anew is a scope of its own.
    stage.broker.snapshot = snapshot  # type: ignore[method-assign]
    stage.desk.ledger.set_state("", TradingState.ACTIVE, reason="on", at=stage.clock.now())
    scopes.look(stage.desk)
    stage.later(1)
    other = stage.sent("KO", limit="50")
    halted(stage, wall)
    scopes.look(stage.desk)
    assert stage.state(other) is S.CANCELLED


def test_a_scope_that_fails_keeps_no_other_and_is_asked_ever_less_often(stage_of: StageOf) -> None:
    stage = stage_of()
    order = stage.sent(limit="90")
    real = stage.broker.snapshot
    asked: list[str] = []

    def first_fails(account: str) -> Any:
        asked.append(account)
        if len(asked) % 2:
            raise Temporary("its venue does not answer")
        return real(account)

    stage.broker.snapshot = first_fails  # type: ignore[method-assign]
    for symbol in ("AAA", "AAPL"):
        stage.desk.ledger.set_state(ACCOUNT, TradingState.HALTED, reason="x", at=stage.clock.now(), symbol=symbol)
    wall = SteppedClock(SystemClock().now())
    scopes = HaltedScopes(wall)  # type: ignore[arg-type]
    with pytest.raises(Temporary, match="does not answer"):
        scopes.look(stage.desk)
    assert (stage.state(order), len(asked)) == (S.CANCELLED, 2)
    scopes.look(stage.desk)
    assert len(asked) == 2
    looks = 0
    while len(asked) < 5:
        asked += [""] * (len(asked) % 2)
        step(wall, 0.25)
        with suppress(Temporary):
            scopes.look(stage.desk)
        looks += 1
    # After a quarter of a second, then half of one.
    assert looks == 3


def test_a_symbol_that_stood_stopped_already_keeps_its_reason_and_a_person_is_called(stage_of: StageOf) -> None:
    stage = stage_of()
    arrived_after_all(stage)
    stage.desk.ledger.set_state(ACCOUNT, TradingState.HALTED, reason="mine", at=stage.clock.now(), symbol="AAPL")
    assert stage.reconcile().findings == ()
    assert stage.desk.ledger.lock_of(ACCOUNT, "AAPL") == (TradingState.HALTED, "mine")
    assert any("that had ended" in each.notice.title for each in stage.desk.ledger.notices.listed().rows)


def test_the_halt_of_one_owner_is_not_taken_for_handled_when_anothers_was(stage_of: StageOf) -> None:
    stage = stage_of()
    order = stage.sent(limit="90")
    scopes, _wall = halted(stage)
    stage.desk.set_kill_file("stop")
    scopes.look(stage.desk)
    assert stage.state(order) is S.CANCELLED
    stage.broker.submit(replace(order, order_ref=order_ref(ACCOUNT, "1/9", "AAPL", "9", "decision")))
    scopes.look(stage.desk)
    assert len(stage.broker.cancels) == 1
    scopes.look(of_another_owner(stage))
    assert len(stage.broker.cancels) == 2


def of_another_owner(stage: ScriptedStage) -> Any:
    """The same desk under another owner's name, which is all that the looks tell apart."""

    class Ledger:
        owner = "ann"

        def __getattr__(self, name: str) -> Any:
            return getattr(stage.desk.ledger, name)

    return replace(stage.desk, ledger=Ledger())  # type: ignore[arg-type]


def test_one_account_that_cannot_be_asked_keeps_no_other(stage_of: StageOf) -> None:
    stage = stage_of()
    order = stage.sent(limit="90")
    real = stage.broker.snapshot

    def snapshot(account: str) -> Any:
        if account == "far":
            raise Temporary("its venue does not answer")
        return real(account)

    stage.broker.snapshot = snapshot  # type: ignore[method-assign]
    with pytest.raises(Temporary, match="does not answer"):
        cancel_wherever(stage.desk, ("far", ACCOUNT), everyones=False)
    assert stage.state(order) is S.CANCELLED


def test_an_account_that_is_only_configured_has_nothing_to_cancel_and_keeps_no_other(stage_of: StageOf) -> None:
    stage = stage_of()
    order = stage.sent(limit="90")
    write_mandate(stage.desk.home, "aa", "targets: json/core.json\n")
    desk = replace(open_desk(stage.desk.home), broker=stage.broker, venue=None)
    assert (desk.account_ids(), traded(desk)) == (("aa", ACCOUNT), (ACCOUNT,))
    told = invest("cancel-all", "--home", str(stage.desk.home), "--json")
    assert told.code == 0
    assert [each["id"] for each in told.data] == [order.order_ref]
