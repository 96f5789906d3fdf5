"""Plans that wait for a person: a yes to exactly this plan sends it, everything else sends nothing and says why."""

import json
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from tests.scenarios.guard_stage import Scenario, Stage, prepared_home, set_stage, stage_with
from tests.scenarios.homes import ACCOUNT, reopened

from prudent.bootstrap import Desk
from prudent.clock import SimulatedClock
from prudent.domain.accounts import Mode
from prudent.domain.cycles import CycleRecord, CycleWaits, Next, Wait, WaitWhy
from prudent.domain.errors import BlockedError, InputError
from prudent.domain.quotes import Quote
from prudent.pipeline.replay import replay
from prudent.registry import strategy_of
from prudent.workflows.approvals import approve, due_waits, reject, waiting_cycle, waiting_cycles
from prudent.workflows.cycle import PROTECTION, SCHEDULE, CycleWanted, at_work, begin, carry_on, run_account

TARGETS = {"AAPL": 10, "KO": 10}


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return prepared_home(tmp_path_factory.mktemp("approvals"))


@pytest.fixture
def stage(prepared: Path, tmp_path: Path) -> Iterator[Stage]:
    stage = stage_with(prepared, tmp_path, TARGETS, approval="always")
    yield stage
    stage.desk.ledger.close()


def ask(desk: Desk, *, started_by: str = "person") -> Wait:
    """Begin a cycle, and give what it waits for."""
    with at_work(desk):
        cycle = begin(desk, CycleWanted(account=ACCOUNT, started_by=started_by))
        with pytest.raises(CycleWaits) as waits:
            carry_on(desk, cycle)
    return waits.value.wait


def go_on(desk: Desk, cycle: str) -> CycleRecord:
    with desk.leased():
        return carry_on(desk, cycle)


def waits_again(desk: Desk, cycle: str) -> Wait:
    with desk.leased(), pytest.raises(CycleWaits) as waits:
        carry_on(desk, cycle)
    return waits.value.wait


def pass_hours(desk: Desk, hours: float) -> None:
    assert isinstance(desk.clock, SimulatedClock)
    desk.clock.move_to(desk.clock.now() + timedelta(hours=hours))


def bought(desk: Desk) -> set[str]:
    return {position.symbol for position in desk.broker.snapshot(ACCOUNT).positions}


def test_a_yes_to_the_plan_sends_it_after_another_look(stage: Stage) -> None:
    desk = stage.desk
    wait = ask(desk)
    assert wait.why is WaitWhy.APPROVAL
    assert wait.until == desk.clock.now() + timedelta(hours=24)
    assert bought(desk) == set()
    assert due_waits(desk) == ()
    approve(desk, wait.cycle, by="anna", reason="looks right")
    assert due_waits(desk) == (wait.cycle,)
    record = go_on(desk, wait.cycle)
    assert bought(desk) == {"AAPL", "KO"}
    assert record.plan.plan_hash == wait.plan_hash
    assert record.consent is not None
    assert (record.consent.next, record.consent.by) == (Next.GO, "anna")
    assert record.rounds == 2
    assert record.guarded is not None
    assert replay(record, strategy_of(record)).identical
    events = [(row.event, json.loads(row.body)) for row in desk.ledger.views.audit(ACCOUNT).rows]
    (said,) = [facts for event, facts in events if event == "plan_approved"]
    assert (said["by"], said["plan"], said["reason"]) == ("anna", wait.plan_hash, "looks right")


def test_until_somebody_answers_the_cycle_shows_its_plan_and_how_to_send_it(stage: Stage) -> None:
    wait = ask(stage.desk)
    (found,) = waiting_cycles(stage.desk)
    assert {order.symbol for order in found.plan.orders} == {"AAPL", "KO"}
    assert {each.order_ref for each in found.report.approved} == {order.order_ref for order in found.plan.orders}
    assert found.goes_on_by == f"invest approve {wait.cycle} --plan {wait.plan_hash[:12]}"
    assert stage.desk.ledger.interrupted_cycles() == ()


def test_carried_on_too_early_it_waits_as_before(stage: Stage) -> None:
    desk = stage.desk
    wait = ask(desk)
    assert waits_again(desk, wait.cycle) == wait
    assert desk.ledger.interrupted_cycles() == ()
    approve(desk, wait.cycle, by="anna")
    go_on(desk, wait.cycle)
    assert bought(desk) == {"AAPL", "KO"}


def test_a_no_ends_the_cycle_without_orders(stage: Stage) -> None:
    desk = stage.desk
    wait = ask(desk)
    reject(desk, wait.cycle, by="anna", reason="not today")
    record = go_on(desk, wait.cycle)
    assert record.phases == ()
    assert record.no_trade_codes == ("approval_rejected",)
    assert desk.ledger.views.orders(ACCOUNT).rows[0].state == "DENIED"
    assert replay(record, strategy_of(record)).identical


def test_nobody_answers_three_plans_and_the_cycle_ends(stage: Stage) -> None:
    desk = stage.desk
    wait = ask(desk)
    for asked in (2, 3):
        pass_hours(desk, 24)
        assert due_waits(desk) == (wait.cycle,)
        again = waits_again(desk, wait.cycle)
        assert (again.why, again.round) == (WaitWhy.APPROVAL, asked)
        assert again.plan_hash != wait.plan_hash
    pass_hours(desk, 24)
    record = go_on(desk, wait.cycle)
    assert record.no_trade_codes[0] == "approval_expired"
    assert (record.rounds, record.phases) == (3, ())
    assert bought(desk) == set()
    assert replay(record, strategy_of(record)).identical


def test_a_late_yes_is_refused_and_the_next_plan_asks_again(stage: Stage) -> None:
    desk = stage.desk
    wait = ask(desk)
    pass_hours(desk, 24)
    with pytest.raises(BlockedError, match="must be answered before"):
        approve(desk, wait.cycle, by="anna")
    again = waits_again(desk, wait.cycle)
    approve(desk, wait.cycle, by="anna", plan=again.plan_hash)
    assert go_on(desk, wait.cycle).plan.plan_hash == again.plan_hash
    assert bought(desk) == {"AAPL", "KO"}


def test_a_yes_to_a_stale_plan_changes_nothing(stage: Stage) -> None:
    desk = stage.desk
    wait = ask(desk)
    pass_hours(desk, 24)
    waits_again(desk, wait.cycle)
    for stale in (wait.plan_hash, wait.plan_hash[:12], "0" * 64, wait.plan_hash[:4]):
        with pytest.raises(BlockedError, match="must name the plan that waits"):
            approve(desk, wait.cycle, by="anna", plan=stale)
    assert due_waits(desk) == ()
    assert waiting_cycle(desk, wait.cycle).answer is None


def test_an_unknown_cycle_and_one_that_does_not_wait_take_no_answer(stage: Stage) -> None:
    desk = stage.desk
    with pytest.raises(InputError):
        approve(desk, f"{ACCOUNT}/1/9", by="anna")
    wait = ask(desk)
    approve(desk, wait.cycle, by="anna")
    go_on(desk, wait.cycle)
    with pytest.raises(BlockedError, match="must wait for an answer to be given one, was completed"):
        approve(desk, wait.cycle, by="anna")


def test_the_first_answer_counts_whoever_comes_second(stage: Stage) -> None:
    desk = stage.desk
    wait = ask(desk)
    approve(desk, wait.cycle, by="anna")
    for late in ("anna", "ben"):
        with pytest.raises(BlockedError, match="must be answered once, was approved by anna"):
            approve(desk, wait.cycle, by=late)
    with pytest.raises(BlockedError, match="must be answered once, was approved by anna"):
        reject(desk, wait.cycle, by="ben", reason="no")
    assert go_on(desk, wait.cycle).consent.by == "anna"  # type: ignore[union-attr]


def lifted(by: str) -> Callable[[Quote], Quote]:
    """AAPL's price as it is, times `by`."""

    def change(quote: Quote) -> Quote:
        if quote.symbol != "AAPL":
            return quote
        prices = {name: getattr(quote, name) for name in ("price", "bid", "ask", "level", "previous_close")}
        return replace(quote, **{name: value * Decimal(by) for name, value in prices.items() if value is not None})

    return change


def test_a_price_beyond_the_collar_needs_a_yes_to_a_new_plan(stage: Stage) -> None:
    desk = stage.desk
    wait = ask(desk)
    approve(desk, wait.cycle, by="anna")
    stage.market(lifted("1.031"))
    again = waits_again(desk, wait.cycle)
    assert (again.why, again.round) == (WaitWhy.APPROVAL, 3)
    assert again.plan_hash != wait.plan_hash
    assert bought(desk) == set()
    approve(desk, wait.cycle, by="anna", plan=again.plan_hash)
    record = go_on(desk, wait.cycle)
    assert record.rounds == 4
    assert record.plan.plan_hash == again.plan_hash
    assert bought(desk) == {"AAPL", "KO"}
    assert replay(record, strategy_of(record)).identical


def test_a_price_inside_the_collar_does_not(stage: Stage) -> None:
    desk = stage.desk
    wait = ask(desk)
    approve(desk, wait.cycle, by="anna")
    stage.market(lifted("1.029"))
    assert go_on(desk, wait.cycle).plan.plan_hash == wait.plan_hash
    assert bought(desk) == {"AAPL", "KO"}


def test_a_book_that_changed_meanwhile_needs_a_yes_to_a_new_plan(stage: Stage) -> None:
    desk = stage.desk
    wait = ask(desk)
    approve(desk, wait.cycle, by="anna")
    now = desk.clock.now()
    desk.own_venue(ACCOUNT).transfer(ACCOUNT, Decimal(5000), "deposit", ref="d", at=now)
    desk.ledger.flow(ACCOUNT, "deposit", Decimal(5000), at=now, ref="d")
    again = waits_again(desk, wait.cycle)
    assert again.round == 3
    assert waiting_cycle(desk, wait.cycle).plan.nav == 105_000


def test_a_plan_that_was_changed_in_the_ledger_is_not_sent(stage: Stage) -> None:
    desk = stage.desk
    wait = ask(desk)
    approve(desk, wait.cycle, by="anna")
    kept = desk.ledger.find_stage

    def altered(cycle_id: str, name: str) -> object:
        found = kept(cycle_id, name)
        if name == "plan" and found is not None:
            return (json.loads(json.dumps(found[0]).replace('"symbol": "KO"', '"symbol": "MSFT"')),)
        return found

    desk.ledger.find_stage = altered  # type: ignore[method-assign,assignment]  # what an edited row would give
    with desk.leased(), pytest.raises(BlockedError, match="was changed in the ledger"):
        carry_on(desk, wait.cycle)
    assert bought(desk) == set()
    assert desk.ledger.cycle_row(wait.cycle).status == "failed"


def test_who_started_the_cycle_says_whether_it_asks(prepared: Path, tmp_path: Path) -> None:
    stage = stage_with(prepared, tmp_path, TARGETS)  # a directed account asks for what no person started
    assert ask(stage.desk, started_by=SCHEDULE).why is WaitWhy.APPROVAL
    with at_work(stage.desk):
        record = run_account(stage.desk, ACCOUNT)
    assert bought(stage.desk) == {"AAPL", "KO"}
    assert record.consent is not None
    assert record.consent.by == stage.desk.ledger.owner


def test_an_account_of_a_model_asks_only_where_its_mandate_says_so(prepared: Path, tmp_path: Path) -> None:
    stage = set_stage(Scenario(story="", targets=TARGETS, mandate={"class": "autonomous"}), prepared, tmp_path)
    with at_work(stage.desk):
        run_account(stage.desk, ACCOUNT, started_by=SCHEDULE)
    assert bought(stage.desk) == {"AAPL", "KO"}


def test_exits_that_protect_do_not_wait_for_anybody(prepared: Path, tmp_path: Path) -> None:
    # AMD stands a quarter below its cost.
    stage = stage_with(prepared, tmp_path, TARGETS, held={"AMD": 50}, exits={"stop_loss": "10%"}, approval="always")
    with at_work(stage.desk):
        record = run_account(stage.desk, ACCOUNT, started_by=PROTECTION)
    assert [order.symbol for order in record.plan.orders] == ["AMD"]
    assert "AMD" not in bought(stage.desk)


def test_a_rehearsal_and_an_empty_plan_ask_nobody(stage: Stage) -> None:
    desk = stage.desk
    with at_work(desk):
        assert run_account(desk, ACCOUNT, mode=Mode.DRY_RUN).phases[0].reports[0].status == "WOULD_SEND"
    wait = ask(desk)
    approve(desk, wait.cycle, by="anna")
    go_on(desk, wait.cycle)
    with at_work(desk):
        assert run_account(desk, ACCOUNT).no_trade_codes == ("no_drift",)


def test_a_stopped_account_asks_nobody_for_what_cannot_go(stage: Stage) -> None:
    stage.desk.ledger.halt(ACCOUNT, reason="a look at it", at=stage.desk.clock.now())
    record = stage.cycle()
    assert record.no_trade_codes == ("blocked:M00",)


def test_an_answered_cycle_is_carried_on_by_the_next_start(stage: Stage) -> None:
    wait = ask(stage.desk)
    approve(stage.desk, wait.cycle, by="anna")
    with at_work(stage.desk) as findings:
        assert [found.subject for found in findings] == [f"cycle {wait.cycle}"]
    assert bought(stage.desk) == {"AAPL", "KO"}


KILLED = """
import os, signal, sys
from pathlib import Path
from prudent.bootstrap import open_desk
from prudent.workflows.approvals import approve
from prudent.workflows.cycle import at_work, carry_on
from prudent.workflows.steps import JournalSteps, LedgerStages
desk, cycle, point = open_desk(Path(sys.argv[1])), sys.argv[2], sys.argv[3]
desk.code_version = sys.argv[4]  # of the process that began the cycle, whoever edits the source meanwhile
def die(name):
    if name == point:
        os.kill(os.getpid(), signal.SIGKILL)
approve(desk, cycle, by="anna")
die("approved")
with desk.leased():
    carry_on(desk, cycle, steps=JournalSteps(LedgerStages(desk.ledger, cycle, desk.clock), after=die))
"""


@pytest.mark.parametrize("point", ["approved", "consent", "guard@2", "consent@2", "judge phase 2", "send phase 2"])
def test_a_process_killed_after_the_yes_sends_it_once_when_the_next_one_starts(stage: Stage, point: str) -> None:
    wait = ask(stage.desk)
    home = stage.desk.home
    ended = subprocess.run(
        [sys.executable, "-c", KILLED, str(home), wait.cycle, point, stage.desk.code_version],
        capture_output=True, text=True, check=False,
    )
    assert ended.returncode == -signal.SIGKILL, ended.stderr
    desk = reopened(home)
    with at_work(desk):
        record = desk.ledger.load_record(wait.cycle)
    assert bought(desk) == {"AAPL", "KO"}
    refs = [order.order_ref for order in desk.ledger.views.orders(ACCOUNT).rows]
    assert sorted(refs) == sorted(order.order_ref for order in record.plan.orders)
    assert replay(record, strategy_of(record)).identical
    desk.ledger.close()
