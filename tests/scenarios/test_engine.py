"""The engine as a process: it takes requests, says what it met, stops in order, and is the only one at its home."""

import json
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import pytest
from tests.fakes_clock import SteppedClock
from tests.scenarios.crash import DIED
from tests.scenarios.engines import ROOT, Running, Starter, engine_at, forking, log_of, until
from tests.scenarios.homes import ACCOUNT, add_account, new_home, reopened, write_mandate
from tests.unit.cli.running import invest

from prudent.bootstrap import Desk
from prudent.clock import SystemClock
from prudent.domain.accounts import TradingState
from prudent.domain.errors import BlockedError
from prudent.ledger.engines import EngineStatus
from prudent.ledger.requests import Asked, RequestStatus
from prudent.workflows import kinds
from prudent.workflows.control import Scope, halt
from prudent.workflows.cycle import CycleWanted
from prudent.workflows.lease import LASTS, HeldLeases, home_lease
from prudent.workflows.requests import ask, hand_over, hand_over_all, live_engine


@pytest.fixture(scope="module")
def start() -> Iterator[Starter]:
    with forking() as starter:
        yield starter


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return new_home(tmp_path)


def ask_cycle(desk: Desk, account: str = ACCOUNT) -> str:
    return ask(desk, kinds.CYCLE, kinds.cycle_body(CycleWanted(account=account)), account=account)


def ended(desk: Desk, request: str) -> bool:
    found = desk.ledger.requests.find(request)
    return found is not None and found.over


def test_without_an_engine_nothing_is_handed_over(home: Path) -> None:
    desk = reopened(home)
    assert live_engine(desk) is None
    assert hand_over(desk, kinds.CANCEL, {}) is None
    assert desk.ledger.requests.new() == ()


def test_a_command_hands_its_cycle_to_the_engine(home: Path, start: Starter) -> None:
    with engine_at(home, start=start):
        answer = invest("run", ACCOUNT, "--home", str(home), "--json")
        assert answer.code == 0, answer.err
        assert answer.data["cycle"] == f"{ACCOUNT}/1/1"
        everyone = invest("run-all", "--home", str(home), "--json")
        assert [each["ok"] for each in everyone.data] == [True]
    desk = reopened(home)
    assert [cycle.rsplit("/", 1)[1] for cycle in desk.ledger.views.recorded_cycles()] == ["1", "2"]
    assert '"request_done"' in log_of(home)


def test_what_the_engine_met_is_told_as_if_it_had_been_met_here(home: Path, start: Starter) -> None:
    write_mandate(home, ACCOUNT, "targets: json/nowhere.json\n")
    alone = invest("run", ACCOUNT, "--home", str(home), "--json")
    with engine_at(home, start=start):
        handed = invest("run", ACCOUNT, "--home", str(home), "--json")
    assert (handed.code, handed.document["errors"]) == (alone.code, alone.document["errors"])
    assert handed.code == 2


def test_a_changed_mandate_is_read_by_the_running_engine(home: Path, start: Starter) -> None:
    with engine_at(home, start=start):
        assert invest("run", ACCOUNT, "--home", str(home)).code == 0
        assert invest("accounts", "add", "second", "--cash", "50000", "--targets", "json/core.json",
                      "--home", str(home)).code == 0  # fmt: skip
        answer = invest("run", "second", "--home", str(home), "--json")
        assert answer.code == 0, answer.err
        assert invest("cash", "deposit", ACCOUNT, "1000", "--home", str(home)).code == 0
        assert invest("reconcile", ACCOUNT, "--home", str(home)).code == 0
    assert reopened(home).ledger.views.money("second").cash < Decimal(50_000)


def test_a_second_process_at_a_home_is_refused_by_name(home: Path, start: Starter) -> None:
    with engine_at(home, start=start) as running:
        command = [sys.executable, "-m", "prudent", "engine", "--home", str(home)]
        second = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
        assert second.returncode == 4
        assert f"process {running.pid}" in second.stderr
        refused = invest("start", "--no-web", "--home", str(home))
        assert refused.code == 4
        assert f"process {running.pid}" in refused.err


def test_an_engine_told_to_stop_ends_in_order_and_its_work_goes_on_at_the_next(home: Path, start: Starter) -> None:
    desk = reopened(home)
    asked: list[str] = []
    # A cycle may be over just before the signal comes; then the next one is stopped.
    while not desk.ledger.interrupted_cycles():
        assert len(asked) < 5, "no stop fell between the steps of a cycle"
        with engine_at(home, start=start) as running:
            asked.append(ask_cycle(desk))
            until(lambda: desk.ledger.interrupted_cycles() or ended(desk, asked[-1]), said="the cycle begins")
            running.signal(signal.SIGTERM)
            until(lambda: not running.lives(), said="it ends", seconds=30)
    (row,) = desk.ledger.engines.all()
    assert row.status is EngineStatus.STOPPED
    assert all(lease.until <= row.beat for lease in desk.ledger.leases.all())
    with engine_at(home, start=start):
        until(lambda: ended(desk, asked[-1]), said="the next engine ends it")
    found = desk.ledger.requests.find(asked[-1])
    assert found is not None
    assert found.status is RequestStatus.DONE, found.error
    assert desk.ledger.interrupted_cycles() == ()
    assert len(desk.ledger.views.recorded_cycles()) == len(asked)


def test_a_desk_that_lost_its_lease_may_not_send(home: Path) -> None:
    desk = reopened(home)
    clock = SteppedClock(SystemClock().now())
    held = HeldLeases(desk.ledger.leases, "a", clock=clock)
    held.take([ACCOUNT])
    with desk.leased(held):
        permit = desk.permit(ACCOUNT)
        assert (permit.holder, permit.epoch) == ("a", 1)
        assert desk.holds(ACCOUNT)
        clock.set(clock.now() + LASTS)
        assert not desk.holds(ACCOUNT)
        with pytest.raises(BlockedError, match="lease"):
            desk.permit(ACCOUNT)
    held.close()


def test_a_cycle_that_a_command_left_is_carried_on_by_the_engine(home: Path, start: Starter) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "tests.scenarios.crash", str(home), "after submit 5"], cwd=ROOT, check=False
    )
    assert done.returncode == DIED
    desk = reopened(home)
    with engine_at(home, start=start):
        until(lambda: not desk.ledger.interrupted_cycles(), said="the cycle is carried on")
    assert desk.ledger.load_record(f"{ACCOUNT}/1/1").phases


def test_a_request_is_done_once_however_often_it_is_asked(home: Path, start: Starter) -> None:
    desk = reopened(home)
    with engine_at(home, start=start):
        body = kinds.cycle_body(CycleWanted(account=ACCOUNT))
        same = {ask(desk, kinds.CYCLE, body, account=ACCOUNT, key="monday") for _ in range(3)}
        assert same == {"monday"}
        until(lambda: ended(desk, "monday"), said="it is done")
        ask(desk, kinds.CYCLE, body, account=ACCOUNT, key="monday")
    assert desk.ledger.views.recorded_cycles() == (f"{ACCOUNT}/1/1",)


def test_requests_for_one_account_go_one_after_another_and_others_beside_them(home: Path, start: Starter) -> None:
    for name in ("second", "third"):
        add_account(home, name)
    desk = reopened(home)
    with engine_at(home, start=start):
        asked = [
            Asked(id=f"{account}-{number}", kind=kinds.CYCLE, account=account,
                  body=kinds.cycle_body(CycleWanted(account=account)))
            for number in range(3) for account in (ACCOUNT, "second", "third")
        ]  # fmt: skip
        told = hand_over_all(desk, asked)
    assert told is not None
    assert [each.error for each in told] == [None] * 9
    cycles = [str(each.answer["cycle"]) for each in told]
    assert sorted(cycles) == sorted(f"{a}/1/{n}" for a in (ACCOUNT, "second", "third") for n in (1, 2, 3))
    assert desk.ledger.verify_audit().holds


def test_a_halt_by_another_process_has_the_engine_cancel_soon(home: Path, start: Starter) -> None:
    desk = reopened(home)
    desk.clock.move_to(desk.calendar.session_of(desk.clock.now()).close)  # type: ignore[union-attr]
    # Placed before the engine starts: what one sends without the account's lease, the engine may take for absent.
    order = resting_order(reopened(home))
    with engine_at(home, start=start):
        assert [each.order_ref for each in desk.broker.snapshot(ACCOUNT).open_orders] == [order]
        # The state alone: whoever set it has no connection to the venue.
        desk.ledger.set_state("", TradingState.HALTED, reason="by hand", at=desk.clock.now())
        until(lambda: not desk.broker.snapshot(ACCOUNT).open_orders, said="its orders are cancelled", home=home)


def resting_order(desk: Desk) -> str:
    """An order of ours that rests at the closed venue."""
    from prudent.domain.orders import Effect, OrderIntent, Side, order_ref

    run = desk.ledger.open_run(
        desk.mandate(ACCOUNT), mode="paper", rules=(), code_version=desk.code_version, at=desk.clock.now()
    )
    number = desk.ledger.next_cycle(run, at=desk.clock.now())
    intent = OrderIntent(
        order_ref=order_ref(ACCOUNT, f"{run.number}/{number}", "AAPL", Side.BUY, "decision"), account=ACCOUNT,
        symbol="AAPL", side=Side.BUY, quantity=Decimal(5), effect=Effect.OPEN,
    )  # fmt: skip
    now = desk.clock.now()
    desk.ledger.approve(run, number, (intent,), at=now)
    claim = desk.ledger.sending(ACCOUNT, intent.order_ref, seal=intent.seal, at=now, permit=desk.permit(ACCOUNT))
    desk.ledger.reported(ACCOUNT, desk.broker.submit(intent, claim), at=now)
    desk.ledger.fail_cycle(f"{run.id}/{number}", reason="left for the test", at=now)
    return intent.order_ref


def test_an_unknown_kind_of_request_is_refused_and_ends_nothing(home: Path, start: Starter) -> None:
    desk = reopened(home)
    with engine_at(home, start=start) as running:
        request = ask(desk, "make_coffee", {})
        until(lambda: ended(desk, request), said="it is refused")
        found = desk.ledger.requests.find(request)
        assert found is not None
        assert found.status is RequestStatus.FAILED
        assert "make_coffee" in json.dumps(found.error)
        assert running.lives()


def test_an_asker_whose_engine_dies_before_it_began_does_it_itself(home: Path, start: Starter) -> None:
    desk = reopened(home)
    running: Running = start(home)
    running.wait_ready()
    running.signal(signal.SIGSTOP)
    told: list[object] = []
    thread = threading.Thread(target=lambda: told.append(hand_over(desk, kinds.CANCEL, {})))
    thread.start()
    until(lambda: desk.ledger.requests.new(), said="it is asked")
    running.kill()
    thread.join(30)
    assert told == [None]
    assert desk.ledger.requests.new() == ()
    with home_lease(home):
        assert live_engine(desk) is None


def test_a_platform_halt_is_kept_over_a_restart_of_the_engine(home: Path, start: Starter) -> None:
    halt(reopened(home), Scope(), state=TradingState.HALTED, reason="by hand")
    with engine_at(home, start=start):
        answer = invest("run", ACCOUNT, "--home", str(home), "--json")
    assert answer.code == 5
    assert not reopened(home).broker.fills(ACCOUNT)
