"""A cycle that is due while its market is closed decides then, and trades when the market opens."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from tests.scenarios.guard_stage import Scenario, Stage, prepared_home, set_stage, stage_with
from tests.scenarios.homes import ACCOUNT
from tests.scenarios.test_approvals import ask, bought, go_on, lifted

from prudent.bootstrap import Desk
from prudent.clock import SimulatedClock
from prudent.domain.accounts import Mode
from prudent.domain.cycles import WaitWhy
from prudent.pipeline.replay import replay
from prudent.registry import strategy_of
from prudent.workflows.advance import advance
from prudent.workflows.approvals import approve, due_waits, waiting_cycle
from prudent.workflows.cycle import PROTECTION, SCHEDULE, at_work, run_account
from prudent.workflows.passing import attend

TARGETS = {"AAPL": 10, "KO": 10}
SUNDAY = datetime(2022, 12, 4, 20, 0, tzinfo=UTC)
MONDAY_OPEN = datetime(2022, 12, 5, 14, 30, tzinfo=UTC)


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return prepared_home(tmp_path_factory.mktemp("closed"))


def stage_at(prepared: Path, folder: Path, moment: datetime, **mandate: object) -> Stage:
    stage = set_stage(Scenario(story="", targets=TARGETS, mandate=mandate), prepared, folder)
    advance(stage.desk, moment)
    return stage


def pass_until(desk: Desk, moment: datetime) -> list[str]:
    """Simulated time passes as with `invest clock advance`; what was done on the way is told."""
    done: list[str] = []
    with at_work(desk):
        advance(desk, moment, work=lambda at: attend(at, done=done.append))
    return done


def test_decided_on_sunday_sent_at_the_open_on_monday(prepared: Path, tmp_path: Path) -> None:
    desk = stage_at(prepared, tmp_path, SUNDAY).desk
    wait = ask(desk)
    assert (wait.why, wait.until) == (WaitWhy.MARKET_OPEN, MONDAY_OPEN)
    assert {order.symbol for order in waiting_cycle(desk, wait.cycle).plan.orders} == {"AAPL", "KO"}
    assert due_waits(desk) == ()
    assert bought(desk) == set()
    done = pass_until(desk, MONDAY_OPEN + timedelta(minutes=30))
    assert any(wait.cycle in line for line in done)
    assert bought(desk) == {"AAPL", "KO"}
    record = desk.ledger.load_record(wait.cycle)
    assert record.observation.as_of == SUNDAY
    assert record.guarded is not None
    assert record.guarded.as_of == MONDAY_OPEN
    assert {fill.time for fill in record.fills} == {MONDAY_OPEN}
    assert record.plan.plan_hash == wait.plan_hash
    assert replay(record, strategy_of(record)).identical


def test_a_price_that_opens_beyond_the_collar_is_planned_on_anew(prepared: Path, tmp_path: Path) -> None:
    stage = stage_at(prepared, tmp_path, SUNDAY)
    desk = stage.desk
    wait = ask(desk)
    assert isinstance(desk.clock, SimulatedClock)
    desk.clock.move_to(MONDAY_OPEN)
    stage.market(lifted("1.10"))
    record = go_on(desk, wait.cycle)
    assert record.rounds == 3
    assert record.plan.plan_hash != wait.plan_hash
    assert record.observation.as_of == MONDAY_OPEN
    assert bought(desk) == {"AAPL", "KO"}
    assert replay(record, strategy_of(record)).identical


@pytest.mark.parametrize(
    ("moment", "opens"),
    [
        # Thanksgiving, and the half day after it that ends at 18:00 UTC.
        (datetime(2023, 11, 23, 16, 0, tzinfo=UTC), datetime(2023, 11, 24, 14, 30, tzinfo=UTC)),
        (datetime(2023, 11, 24, 18, 0, tzinfo=UTC), datetime(2023, 11, 27, 14, 30, tzinfo=UTC)),
        # The evening before a session, and one second before its open.
        (datetime(2022, 12, 5, 23, 0, tzinfo=UTC), datetime(2022, 12, 6, 14, 30, tzinfo=UTC)),
        (datetime(2022, 12, 5, 14, 29, 59, tzinfo=UTC), MONDAY_OPEN),
    ],
)
def test_it_waits_for_the_next_open_over_holidays_and_half_days(
    prepared: Path, tmp_path: Path, moment: datetime, opens: datetime
) -> None:
    desk = stage_with(prepared, tmp_path, TARGETS).desk
    assert isinstance(desk.clock, SimulatedClock)
    desk.clock.move_to(moment)
    if desk.market.quotes(("AAPL",))[0].price is None:
        pytest.fail("the sample must have a price then")
    assert ask(desk).until == opens


def test_an_open_market_waits_for_nothing(prepared: Path, tmp_path: Path) -> None:
    desk = stage_at(prepared, tmp_path, MONDAY_OPEN).desk
    with at_work(desk):
        assert run_account(desk, ACCOUNT).rounds == 1
    assert bought(desk) == {"AAPL", "KO"}


def test_a_yes_on_sunday_and_the_open_on_monday_are_both_needed(prepared: Path, tmp_path: Path) -> None:
    desk = stage_at(prepared, tmp_path, SUNDAY).desk
    wait = ask(desk, started_by=SCHEDULE)
    assert wait.why is WaitWhy.APPROVAL
    approve(desk, wait.cycle, by="anna")
    pass_until(desk, SUNDAY + timedelta(hours=1))
    assert waiting_cycle(desk, wait.cycle).why is WaitWhy.MARKET_OPEN
    assert bought(desk) == set()
    pass_until(desk, MONDAY_OPEN + timedelta(minutes=1))
    record = desk.ledger.load_record(wait.cycle)
    assert record.consent is not None
    assert record.consent.by == "anna"
    assert bought(desk) == {"AAPL", "KO"}


def test_a_yes_that_comes_after_the_open_sends_it_then(prepared: Path, tmp_path: Path) -> None:
    desk = stage_at(prepared, tmp_path, SUNDAY).desk
    wait = ask(desk, started_by=SCHEDULE)
    pass_until(desk, MONDAY_OPEN + timedelta(minutes=5))
    assert bought(desk) == set()
    approve(desk, wait.cycle, by="anna")
    with at_work(desk):
        pass
    assert {fill.time for fill in desk.ledger.load_record(wait.cycle).fills} == {MONDAY_OPEN + timedelta(minutes=5)}


def test_a_strategy_within_the_day_skips_a_closed_market(prepared: Path, tmp_path: Path) -> None:
    desk = stage_at(prepared, tmp_path, SUNDAY, parameters={"intraday": True}).desk
    with at_work(desk):
        record = run_account(desk, ACCOUNT)
    assert record.no_trade_codes[0] == "market_closed"
    assert record.phases == ()
    pass_until(desk, MONDAY_OPEN + timedelta(minutes=30))
    assert bought(desk) == set()


def test_a_rehearsal_on_a_closed_market_waits_for_nothing(prepared: Path, tmp_path: Path) -> None:
    desk = stage_at(prepared, tmp_path, SUNDAY).desk
    with at_work(desk):
        record = run_account(desk, ACCOUNT, mode=Mode.DRY_RUN)
    assert "blocked:D04" in record.no_trade_codes
    assert due_waits(desk) == ()


def test_a_stop_that_fires_on_a_closed_market_sells_at_the_open(prepared: Path, tmp_path: Path) -> None:
    stage = stage_with(prepared, tmp_path, {}, held={"AMD": 50}, exits={"stop_loss": "10%"}, approval="always")
    advance(stage.desk, SUNDAY)
    assert ask(stage.desk, started_by=PROTECTION).until == MONDAY_OPEN
    pass_until(stage.desk, MONDAY_OPEN)
    assert bought(stage.desk) == set()


def test_a_halted_account_does_not_wait_for_an_open_that_would_change_nothing(prepared: Path, tmp_path: Path) -> None:
    desk = stage_at(prepared, tmp_path, SUNDAY).desk
    desk.ledger.halt(ACCOUNT, reason="a look at it", at=desk.clock.now())
    with at_work(desk):
        record = run_account(desk, ACCOUNT)
    assert "blocked:M00" in record.no_trade_codes
    assert desk.ledger.waiting() == ()


def test_an_account_that_is_halted_meanwhile_sends_nothing_at_the_open(prepared: Path, tmp_path: Path) -> None:
    desk = stage_at(prepared, tmp_path, SUNDAY).desk
    wait = ask(desk)
    desk.ledger.halt(ACCOUNT, reason="a look at it", at=desk.clock.now())
    pass_until(desk, MONDAY_OPEN + timedelta(minutes=30))
    record = desk.ledger.load_record(wait.cycle)
    assert record.no_trade_codes == ("blocked:M00",)
    assert bought(desk) == set()


def test_an_engine_that_slept_through_the_session_waits_for_the_next_open(prepared: Path, tmp_path: Path) -> None:
    desk = stage_at(prepared, tmp_path, SUNDAY).desk
    wait = ask(desk)
    assert isinstance(desk.clock, SimulatedClock)
    desk.clock.move_to(MONDAY_OPEN + timedelta(hours=9))
    assert due_waits(desk) == (wait.cycle,)
    with at_work(desk):
        assert waiting_cycle(desk, wait.cycle).waiting.wait.until == MONDAY_OPEN + timedelta(days=1)
    pass_until(desk, MONDAY_OPEN + timedelta(days=1, minutes=1))
    cash = desk.broker.snapshot(ACCOUNT).cash
    assert bought(desk) == {"AAPL", "KO"}
    assert Decimal(79_000) < cash < Decimal(81_000)
