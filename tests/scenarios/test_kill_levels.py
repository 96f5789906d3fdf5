"""K1 lets only exits through, K2 nothing, K3 closes all; each holds at once, over restarts, and has a way out."""

import subprocess
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from tests.scenarios.guard_stage import Stage, prepared_home, stage_with, trade_at
from tests.scenarios.homes import ACCOUNT, reopened
from tests.scenarios.test_approvals import bought
from tests.scenarios.test_closed_market import MONDAY_OPEN, SUNDAY, pass_until

from prudent.bootstrap import KILL_FILE, Desk
from prudent.domain.accounts import TradingState
from prudent.domain.cycles import CycleWaits
from prudent.domain.errors import BlockedError, StoreError
from prudent.domain.orders import OrderStatus, Side
from prudent.domain.proposals import ExitCause
from prudent.exchange.venue import VenueFaults
from prudent.ledger.valuations import DAILY_LOSS, DRAWDOWN_HALT
from prudent.pipeline.replay import replay
from prudent.registry import strategy_of
from prudent.workflows.advance import advance
from prudent.workflows.control import Scope, acknowledge_drawdown, halt, resume
from prudent.workflows.cycle import at_work, carry_on
from prudent.workflows.flatten import begin_flatten, flatten
from prudent.workflows.locks import locks

HERE = Scope(account=ACCOUNT)
HELD = {"KO": 100, "AMD": 50}


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return prepared_home(tmp_path_factory.mktemp("kill"))


def state(desk: Desk) -> TradingState:
    return desk.ledger.state(ACCOUNT)[0]


# K2: file, ledger and memory


def kill_file(desk: Desk) -> None:
    desk.set_kill_file("enough")


def kill_row(desk: Desk) -> None:
    desk.ledger.halt(reason="enough", at=desk.clock.now())


def kill_memory(desk: Desk) -> None:
    desk.kill_switch.stop(desk.ledger, "", "enough")


@pytest.mark.parametrize("kill", [kill_file, kill_row, kill_memory])
def test_any_one_of_file_row_and_memory_stops_every_order(
    kill: Callable[[Desk], None], prepared: Path, tmp_path: Path
) -> None:
    stage = stage_with(prepared, tmp_path, {"AAPL": 10})
    stage.after["judge phase 2"] = lambda: kill(stage.desk)
    record = stage.cycle()
    assert [report.status for report in record.phases[0].reports] == [OrderStatus.NOT_SENT]
    assert "enough" in record.phases[0].reports[0].message
    assert bought(stage.desk) == set()
    assert "blocked:M04" in stage.cycle().no_trade_codes


@pytest.mark.parametrize("unreadable", ["row", "file"])
def test_a_switch_that_cannot_be_read_counts_as_set(unreadable: str, prepared: Path, tmp_path: Path) -> None:
    stage = stage_with(prepared, tmp_path, {"AAPL": 10})
    desk = stage.desk
    if unreadable == "file":
        (desk.home / KILL_FILE).write_bytes(b"\xff\xfe")
    else:
        def fails(account: str) -> None:
            raise StoreError("the disk must be readable, was not; look at it")

        desk.ledger.permissions.state_row = fails  # type: ignore[method-assign]  # the row alone is lost
    assert desk.stop_reason(ACCOUNT) == "the kill switch cannot be read"
    assert "blocked:M04" in stage.cycle().no_trade_codes


def test_a_halt_holds_where_the_ledger_cannot_be_written(prepared: Path, tmp_path: Path) -> None:
    stage = stage_with(prepared, tmp_path, {"AAPL": 10})
    desk = stage.desk

    def full(*_given: object, **_named: object) -> None:
        raise StoreError("the disk must have room, was full; free some")

    desk.ledger.set_state = full  # type: ignore[method-assign]  # the disk is full
    with pytest.raises(StoreError, match="must have room"):
        halt(desk, Scope(), state=TradingState.HALTED, reason="enough")
    assert (desk.home / KILL_FILE).read_text() == "enough\n"
    assert "enough" in str(desk.stop_reason(""))
    (desk.home / KILL_FILE).unlink()
    assert "stopped in this process" in str(desk.stop_reason(""))


def test_a_resume_elsewhere_lifts_what_this_process_holds_in_memory(prepared: Path, tmp_path: Path) -> None:
    desk = stage_with(prepared, tmp_path, {"AAPL": 10}).desk
    halt(desk, Scope(), state=TradingState.HALTED, reason="enough")
    other = reopened(desk.home)
    resume(other, Scope(), reason="looked at")
    assert desk.stop_reason("") is None
    other.ledger.close()


def test_a_stop_that_the_ledger_never_took_is_lifted_by_a_resume_too(prepared: Path, tmp_path: Path) -> None:
    desk = stage_with(prepared, tmp_path, {"AAPL": 10}).desk
    other = reopened(desk.home)
    resume(other, Scope(), reason="before")
    desk.kill_switch.stop(desk.ledger, "", "enough")
    assert "stopped in this process: enough" in str(desk.stop_reason(""))
    resume(other, Scope(), reason="looked at")
    assert desk.stop_reason("") is None
    other.ledger.close()


def test_a_halt_never_loosens(prepared: Path, tmp_path: Path) -> None:
    desk = stage_with(prepared, tmp_path, {"AAPL": 10}).desk
    for scope in (Scope(), HERE, Scope(symbol="AAPL")):
        halt(desk, scope, state=TradingState.HALTED, reason="enough")
        with pytest.raises(BlockedError, match="a halt only tightens"):
            halt(desk, scope, state=TradingState.REDUCING, reason="a little")
    assert (desk.home / KILL_FILE).exists()
    assert {row.state for row in desk.ledger.views.states()} == {TradingState.HALTED}


LOOP = """
import sys, time
from decimal import Decimal
from pathlib import Path
from prudent.bootstrap import open_desk
desk, log = open_desk(Path(sys.argv[1])), Path(sys.argv[2])
world = desk.world(desk.mandate("core"), desk.mode)
ends = time.monotonic() + 20
with log.open("a", buffering=1) as lines:
    while time.monotonic() < ends:
        if world.stop_reason("core") is not None:
            lines.write("stopped\\n")
            break
        lines.write(f"{time.time()}\\n")
"""


@pytest.mark.parametrize("scope", [Scope(), HERE])
def test_a_halt_from_another_process_stops_a_running_loop_of_submits_within_a_second(
    scope: Scope, prepared: Path, tmp_path: Path
) -> None:
    desk = stage_with(prepared, tmp_path, {"AAPL": 10}).desk
    log = tmp_path / "log"
    log.touch()
    loop = subprocess.Popen([sys.executable, "-c", LOOP, str(desk.home), str(log)])
    try:
        waited = threading.Event()
        for _ in range(200):
            if log.read_text().count("\n") > 50:
                break
            waited.wait(0.1)
        asked = time.time()
        halt(desk, scope, state=TradingState.HALTED, reason="enough")
        assert loop.wait(timeout=10) == 0
    finally:
        loop.kill()
    *submits, last = log.read_text().splitlines()
    assert last == "stopped"
    assert len(submits) > 50
    assert float(submits[-1]) - asked <= 1.0


# K3, to flatten


def flat(stage: Stage) -> None:
    with at_work(stage.desk):
        flatten(stage.desk, ACCOUNT, by="anna", reason="enough")


def test_flatten_sells_what_is_held_and_buys_nothing(prepared: Path, tmp_path: Path) -> None:
    stage = stage_with(prepared, tmp_path, {"AAPL": 10}, held=HELD, approval="always")
    desk = stage.desk
    with at_work(desk):
        record = flatten(desk, ACCOUNT, by="anna", reason="enough")
    assert [(order.side, order.symbol) for order in record.plan.orders] == [(Side.SELL, "AMD"), (Side.SELL, "KO")]
    assert {exit_.cause for exit_ in record.decision.exits} == {ExitCause.FLATTEN}
    assert bought(desk) == set()
    assert state(desk) is TradingState.HALTED
    assert record.consent is not None
    assert record.consent.by == "anna"
    assert record.run == 1
    assert replay(record, strategy_of(record)).identical
    resume(desk, HERE, reason="again")
    assert desk.stop_reason(ACCOUNT) is None


def test_flatten_covers_shorts_too(prepared: Path, tmp_path: Path) -> None:
    stage = stage_with(prepared, tmp_path, {"KO": -10}, planning={"allow_short": True})
    stage.cycle()
    assert bought(stage.desk) == {"KO"}
    flat(stage)
    assert bought(stage.desk) == set()


def test_live_orders_are_cancelled_before_anything_is_closed(prepared: Path, tmp_path: Path) -> None:
    stage = stage_with(prepared, tmp_path, {"AAPL": 10, "KO": 5}, held={"KO": 100})
    desk = stage.desk
    trade_at(desk, VenueFaults(delay=timedelta(hours=1)))
    stage.cycle()
    live = {order.symbol for order in desk.broker.snapshot(ACCOUNT).open_orders}
    assert live == {"AAPL", "KO"}
    with at_work(desk):
        cycle_id = begin_flatten(desk, ACCOUNT, by="anna", reason="enough")
        assert desk.broker.snapshot(ACCOUNT).open_orders == ()
        assert state(desk) is TradingState.REDUCING
        trade_at(desk, VenueFaults())
        carry_on(desk, cycle_id)
    assert bought(desk) == set()
    assert state(desk) is TradingState.HALTED


def test_flatten_on_a_closed_market_waits_for_the_open_and_lets_nothing_new_in(prepared: Path, tmp_path: Path) -> None:
    stage = stage_with(prepared, tmp_path, {"AAPL": 10}, held=HELD, approval="always")
    desk = stage.desk
    advance(desk, SUNDAY)
    with pytest.raises(CycleWaits) as waits:
        flat(stage)
    assert waits.value.wait.until == MONDAY_OPEN
    assert state(desk) is TradingState.REDUCING
    pass_until(desk, MONDAY_OPEN)
    assert bought(desk) == set()
    assert state(desk) is TradingState.HALTED


def test_flatten_is_refused_whole_where_exits_could_not_leave(prepared: Path, tmp_path: Path) -> None:
    stage = stage_with(prepared, tmp_path, {"AAPL": 10}, held=HELD)
    halt(stage.desk, Scope(), state=TradingState.HALTED, reason="enough")
    before = stage.desk.ledger.views.states()
    with pytest.raises(BlockedError, match="platform must not be stopped to flatten"):
        flat(stage)
    assert stage.desk.ledger.views.states() == before
    assert bought(stage.desk) == set(HELD)


def test_one_holding_without_a_price_does_not_keep_the_others(prepared: Path, tmp_path: Path) -> None:
    stage = stage_with(prepared, tmp_path, {"AAPL": 10}, held=HELD)
    stage.market(lambda q: replace(q, price=None, bid=None, ask=None, level=None) if q.symbol == "AMD" else q)
    flat(stage)
    assert bought(stage.desk) == {"AMD"}
    assert state(stage.desk) is TradingState.HALTED


KILLED = """
import os, signal, sys
from pathlib import Path
from prudent.bootstrap import open_desk
from prudent.workflows.cycle import at_work, carry_on
from prudent.workflows.flatten import begin_flatten
from prudent.workflows.steps import JournalSteps, LedgerStages
desk, point = open_desk(Path(sys.argv[1])), sys.argv[2]
desk.code_version = sys.argv[3]  # of the process that goes on, whoever edits the source meanwhile
def die(name):
    if name == point:
        os.kill(os.getpid(), signal.SIGKILL)
with at_work(desk):
    cycle = begin_flatten(desk, "core", by="anna", reason="enough")
    die("begun")
    carry_on(desk, cycle, steps=JournalSteps(LedgerStages(desk.ledger, cycle, desk.clock), after=die))
"""


@pytest.mark.parametrize("point", ["begun", "guard", "judge phase 1", "send phase 1", "verify"])
def test_a_process_killed_while_it_flattens_is_finished_by_the_next_start(
    point: str, prepared: Path, tmp_path: Path
) -> None:
    before = stage_with(prepared, tmp_path, {"AAPL": 10}, held=HELD).desk
    home = before.home
    command = [sys.executable, "-c", KILLED, str(home), point, before.code_version]
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    assert ended.returncode == -9, ended.stderr
    desk = reopened(home)
    assert state(desk) in (TradingState.REDUCING, TradingState.HALTED)
    with at_work(desk):
        assert bought(desk) == set()
        assert state(desk) is TradingState.HALTED
    assert len({o.order_ref for o in desk.ledger.views.orders(ACCOUNT).rows}) == 2
    desk.ledger.close()


# Ways out


def drop(desk: Desk, share: str) -> None:
    """The account is worth so much of what it was."""
    now = desk.clock.now()
    nlv = desk.broker.snapshot(ACCOUNT).cash * Decimal(share)
    desk.ledger.value(ACCOUNT, nlv=nlv, at=now, session=desk.calendar.session_of(now).date)


def test_a_resume_does_not_acknowledge_a_drawdown(prepared: Path, tmp_path: Path) -> None:
    stage = stage_with(prepared, tmp_path, {"AAPL": 10})
    desk = stage.desk
    drop(desk, "0.7")
    held = {latch.kind for latch in desk.ledger.permissions.latches(ACCOUNT)}
    assert held == {DRAWDOWN_HALT, DAILY_LOSS}
    resume(desk, HERE, reason="go on")
    assert {latch.kind for latch in desk.ledger.permissions.latches(ACCOUNT)} == held
    assert desk.ledger.views.account(ACCOUNT).drawdown == Decimal("-0.3")
    assert acknowledge_drawdown(desk, ACCOUNT, reason="seen") == (DRAWDOWN_HALT,)
    assert {latch.kind for latch in desk.ledger.permissions.latches(ACCOUNT)} == {DAILY_LOSS}
    assert desk.ledger.views.account(ACCOUNT).drawdown == 0
    events = [row.event for row in desk.ledger.views.audit(ACCOUNT).rows]
    assert {"latch_lifted", "peak_renewed"} <= set(events)
    with pytest.raises(BlockedError, match="none does"):
        acknowledge_drawdown(desk, ACCOUNT, reason="again")


def test_every_lock_is_told_with_what_lifts_it(prepared: Path, tmp_path: Path) -> None:
    desk = stage_with(prepared, tmp_path, {"AAPL": 10}).desk
    assert locks(desk) == ()
    drop(desk, "0.7")
    halt(desk, Scope(), state=TradingState.HALTED, reason="one")
    halt(desk, HERE, state=TradingState.REDUCING, reason="two")
    halt(desk, Scope(account=ACCOUNT, symbol="KO"), state=TradingState.HALTED, reason="three")
    found = {(each.account, each.symbol, each.lock): each.way_out for each in locks(desk)}
    assert found == {
        ("", "", f"kill switch ({KILL_FILE} in the home)"): "invest resume --reason …",
        ("", "", "HALTED"): "invest resume --reason …",
        (ACCOUNT, "", "REDUCING"): f"invest resume --account {ACCOUNT} --reason …",
        (ACCOUNT, "KO", "HALTED"): f"invest resume --account {ACCOUNT} --symbol KO --reason …",
        (ACCOUNT, "", "daily loss"): "lifts with the next session",
        (ACCOUNT, "", "drawdown limit of the platform"): f"invest drawdown acknowledge {ACCOUNT} --reason …",
    }
    assert {each.reason for each in locks(desk)} >= {"one", "two", "three"}
    resume(desk, Scope(), reason="x")
    resume(desk, HERE, reason="x")
    resume(desk, Scope(account=ACCOUNT, symbol="KO"), reason="x")
    acknowledge_drawdown(desk, ACCOUNT, reason="x")
    assert [each.lock for each in locks(desk)] == ["daily loss"]


def test_a_suspended_decider_is_told_and_let_go_by_the_same_resume_twice(prepared: Path, tmp_path: Path) -> None:
    stage = stage_with(prepared, tmp_path, {"AAPL": 10})
    desk = stage.desk
    resume(desk, HERE, reason="resumed by hand")
    stage.past(lambda past: replace(past, decider_failures_in_row=99))
    assert [(each.lock, each.way_out) for each in locks(desk)] == [
        ("decider suspended", f"invest resume --account {ACCOUNT} --reason …")
    ]
    before = desk.ledger.permissions.state_row(ACCOUNT)
    advance(desk, desk.clock.now() + timedelta(minutes=1))
    resume(desk, HERE, reason="resumed by hand")
    after = desk.ledger.permissions.state_row(ACCOUNT)
    assert before is not None
    assert after is not None
    assert after.at > before.at
