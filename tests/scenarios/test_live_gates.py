"""Real money on the assembled desk, with a venue that only counts: every interlock closed alone keeps every order."""

from collections.abc import Callable
from dataclasses import fields, replace
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from tests.scenarios.guard_stage import Stage, prepared_home, stage_with
from tests.scenarios.guard_world import edit_configuration, leave_an_order_in_doubt
from tests.scenarios.homes import ACCOUNT
from tests.scenarios.test_approvals import ask, bought, go_on, pass_hours, waits_again

from prudent.bootstrap import Desk
from prudent.clock import SimulatedClock
from prudent.domain.accounts import Mode
from prudent.domain.cycles import WaitWhy
from prudent.domain.errors import BlockedError, InputError
from prudent.domain.interlocks import LIVE_NEEDS
from prudent.domain.mandate import Limits
from prudent.ledger.valuations import DRAWDOWN_HALT
from prudent.settings import SwitchSettings
from prudent.workflows.approvals import approve
from prudent.workflows.arming import arm, disarm, end_armings_of_before, end_void_armings
from prudent.workflows.control import acknowledge_drawdown
from prudent.workflows.cycle import PROTECTION, CycleWanted, at_work, begin, carry_on, run_account
from prudent.workflows.loosening import DOWNWARD, UPWARD, WARNS, loosened


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return prepared_home(tmp_path_factory.mktemp("live"))


def switch(desk: Desk, **switches: bool) -> None:
    """The desk reads its settings again, with these switches."""
    on = {"dry_run": False, "allow_orders": True, "enable_order_exec": True, **switches}
    settings = desk.loaded.settings.model_copy(update={"mode": Mode.LIVE, "switches": SwitchSettings(**on)})
    desk.loaded = replace(desk.loaded, settings=settings)


def live_stage(
    prepared: Path, folder: Path, *, auto: bool = True, held: dict[str, int] | None = None, **mandate: object
) -> Stage:
    """A desk that is wired for real money in every respect, but that its venue is the simulated one."""
    stage = stage_with(prepared, folder, {"AAPL": 10, "KO": 10}, held=held, auto_trade=auto, **mandate)
    stage.market(lambda quote: replace(quote, second_price=quote.price, second_source="other"))
    desk = stage.desk
    desk.mode = desk.endpoint = Mode.LIVE
    switch(desk)
    arm(desk, ACCOUNT, days=30 if auto else None, by="anna", reason="go")
    return stage


def dont_hold_the_lease(stage: Stage) -> None:
    stage.holds_lease = False


def take_the_word_back(stage: Stage) -> None:
    disarm(stage.desk, ACCOUNT, reason="enough")


CLOSED: dict[str, Callable[[Stage], None]] = {
    "M01": lambda stage: setattr(stage.desk, "mode", Mode.PAPER),
    "M02": lambda stage: switch(stage.desk, allow_orders=False),
    "M03": lambda stage: switch(stage.desk, enable_order_exec=False),
    "M04": lambda stage: stage.desk.set_kill_file("enough"),
    "M06": take_the_word_back,
    "M07": lambda stage: setattr(stage.desk, "endpoint", Mode.PAPER),
    "M08": dont_hold_the_lease,
    "M09": leave_an_order_in_doubt,
    "M10": edit_configuration,
}


def sent(desk: Desk) -> list[str]:
    return [order.order_ref for order in desk.ledger.views.orders(ACCOUNT).rows if order.state == "FILLED"]


def cycle(stage: Stage) -> tuple[str, ...]:
    """One live cycle, whatever the desk's own mode is; gives why nothing was traded."""
    if not stage.holds_lease:
        return run_account(stage.desk, ACCOUNT, mode=Mode.LIVE).no_trade_codes
    with at_work(stage.desk):
        return run_account(stage.desk, ACCOUNT, mode=Mode.LIVE).no_trade_codes


def test_with_every_interlock_open_the_orders_leave(prepared: Path, tmp_path: Path) -> None:
    stage = live_stage(prepared, tmp_path)
    assert cycle(stage) == ()
    assert bought(stage.desk) == {"AAPL", "KO"}


@pytest.mark.parametrize("lock", CLOSED)
def test_one_closed_interlock_keeps_every_order(lock: str, prepared: Path, tmp_path: Path) -> None:
    stage = live_stage(prepared, tmp_path)
    CLOSED[lock](stage)
    assert f"blocked:{lock}" in cycle(stage)
    assert sent(stage.desk) == []


def test_every_interlock_is_closed_in_a_test() -> None:
    assert {*CLOSED, "M05"} == set(LIVE_NEEDS)  # M05 is the yes to a plan, below


@pytest.mark.parametrize("lock", ["M02", "M04", "M06", "M07", "M10"])
def test_a_switch_that_closes_between_two_orders_keeps_the_second(lock: str, prepared: Path, tmp_path: Path) -> None:
    stage = live_stage(prepared, tmp_path)
    desk = stage.desk
    submit = desk.broker.submit

    def submit_then_close(*given: object) -> object:
        report = submit(*given)  # type: ignore[arg-type]
        CLOSED[lock](stage)
        return report

    desk.broker.submit = submit_then_close  # type: ignore[method-assign,assignment]  # a person acts in between
    cycle(stage)
    assert len(sent(desk)) == 1


def test_without_auto_trade_a_yes_to_the_plan_sends_it_for_five_minutes(prepared: Path, tmp_path: Path) -> None:
    desk = live_stage(prepared, tmp_path, auto=False).desk
    wait = ask(desk)
    assert wait.why is WaitWhy.APPROVAL
    approve(desk, wait.cycle, by="anna")
    assert isinstance(desk.clock, SimulatedClock)
    desk.clock.move_to(desk.clock.now() + timedelta(minutes=5, seconds=1))
    assert waits_again(desk, wait.cycle).why is WaitWhy.APPROVAL
    assert bought(desk) == set()


def test_without_auto_trade_a_yes_in_time_sends_it(prepared: Path, tmp_path: Path) -> None:
    desk = live_stage(prepared, tmp_path, auto=False).desk
    wait = ask(desk)
    approve(desk, wait.cycle, by="anna")
    record = go_on(desk, wait.cycle)
    assert bought(desk) == {"AAPL", "KO"}
    assert record.consent is not None
    assert record.consent.by == "anna"


@pytest.mark.parametrize("excused", [True, False])
def test_a_stop_of_a_disarmed_account_sells_only_where_its_owner_said_so(
    excused: bool, prepared: Path, tmp_path: Path  # noqa: FBT001 - a parameter of the test
) -> None:
    desk = live_stage(
        prepared, tmp_path, auto=False, held={"AMD": 50}, exits={"stop_loss": "10%"},
        protective_exits_when_disarmed=excused,
    ).desk  # fmt: skip
    disarm(desk, ACCOUNT, reason="enough")
    with at_work(desk):
        record = carry_on(desk, begin(desk, CycleWanted(account=ACCOUNT, started_by=PROTECTION)))
    assert [each.symbol for each in record.decision.exits] == ["AMD"]
    assert bought(desk) == (set() if excused else {"AMD"})
    assert {each.id for each in record.observation.interlocks if not each.satisfied} == (
        set() if excused else {"M05", "M06"}
    )


# Arming


def test_an_arming_outlives_the_process_and_ends_with_its_time(prepared: Path, tmp_path: Path) -> None:
    desk = live_stage(prepared, tmp_path).desk
    assert end_void_armings(desk) == ()
    pass_hours(desk, 30 * 24)
    assert end_void_armings(desk) == (ACCOUNT,)
    assert desk.ledger.permissions.arming(ACCOUNT) is None


def change_build(desk: Desk) -> None:
    desk.__dict__["code_version"] = "0.2.0+other"


def change_model(desk: Desk) -> None:
    own = desk.loaded.settings.accounts[ACCOUNT].model_copy(update={"parameters": {"model": "another"}})
    settings = desk.loaded.settings.model_copy(update={"accounts": {ACCOUNT: own}})
    desk.loaded = replace(desk.loaded, settings=settings)
    desk.__dict__.pop("arming_config", None)


@pytest.mark.parametrize("change", [change_build, change_model])
def test_an_arming_ends_for_good_when_what_it_pins_changes(
    change: Callable[[Desk], None], prepared: Path, tmp_path: Path
) -> None:
    desk = live_stage(prepared, tmp_path).desk
    change(desk)
    found = {each.id: each for each in desk.interlocks(ACCOUNT, Mode.LIVE)}
    assert not found["M06"].satisfied
    assert end_void_armings(desk) == (ACCOUNT,)
    ends = [row.body for row in desk.ledger.views.audit(ACCOUNT, event="account_disarmed").rows]
    assert "another" in ends[0]


def test_the_platforms_drawdown_limit_ends_it_until_a_person_acknowledges(prepared: Path, tmp_path: Path) -> None:
    desk = live_stage(prepared, tmp_path).desk
    now = desk.clock.now()
    session = desk.calendar.session_of(now).date
    desk.ledger.value(ACCOUNT, nlv=desk.broker.snapshot(ACCOUNT).cash * 7 / 10, at=now, session=session)
    assert desk.ledger.permissions.arming(ACCOUNT) is None
    assert [each.kind for each in desk.ledger.permissions.latches(ACCOUNT)][-1] == DRAWDOWN_HALT
    with pytest.raises(BlockedError, match="must be acknowledged before it is armed"):
        arm(desk, ACCOUNT, days=1, by="anna", reason="again")
    acknowledge_drawdown(desk, ACCOUNT, reason="seen")
    assert arm(desk, ACCOUNT, days=1, by="anna", reason="again").by == "anna"


def armed_until(desk: Desk) -> datetime:
    arming = desk.ledger.permissions.arming(ACCOUNT)
    assert arming is not None
    return arming.until


def test_without_days_it_is_armed_for_eight_hours_and_never_past_the_close(prepared: Path, tmp_path: Path) -> None:
    desk = live_stage(prepared, tmp_path, auto=False).desk
    assert isinstance(desk.clock, SimulatedClock)
    # The home stands half an hour into a session of six and a half hours.
    session = desk.calendar.session_of(desk.clock.now())
    assert armed_until(desk) == session.close == desk.clock.now() + timedelta(hours=6)
    # After the close eight hours end long before the next one.
    desk.clock.move_to(session.close)
    arm(desk, ACCOUNT, by="anna", reason="again")
    assert armed_until(desk) == session.close + timedelta(hours=8)
    desk.clock.move_to(session.close + timedelta(hours=8))
    found = {each.id: each for each in desk.interlocks(ACCOUNT, Mode.LIVE)}
    assert "armed until" in found["M06"].detail
    assert not found["M06"].satisfied


def test_an_engine_that_starts_takes_over_what_was_armed_for_days_alone(prepared: Path, tmp_path: Path) -> None:
    desk = live_stage(prepared, tmp_path).desk
    assert end_armings_of_before(desk) == ()
    arm(desk, ACCOUNT, by="anna", reason="for today")
    assert end_void_armings(desk) == ()
    assert end_armings_of_before(desk) == (ACCOUNT,)
    assert desk.ledger.permissions.arming(ACCOUNT) is None
    ends = [row.body for row in desk.ledger.views.audit(ACCOUNT, event="account_disarmed").rows]
    assert "the engine has started again" in ends[0]


def limit(desk: Desk, **limits: object) -> None:
    """The desk reads its settings again, with these limits."""
    own = desk.loaded.settings.accounts[ACCOUNT]
    changed = own.model_copy(update={"limits": own.limits.model_copy(update=limits)})
    settings = desk.loaded.settings.model_copy(update={"accounts": {ACCOUNT: changed}})
    desk.loaded = replace(desk.loaded, settings=settings)
    desk.__dict__.pop("arming_config", None)


def test_looser_limits_wait_a_day_from_when_an_engine_first_reads_them(prepared: Path, tmp_path: Path) -> None:
    desk = live_stage(prepared, tmp_path).desk
    limit(desk, max_position_weight=Decimal("0.25"), cash_min=Decimal("0.10"))
    assert end_armings_of_before(desk) == (ACCOUNT,)
    pass_hours(desk, 23)
    words = r"loosened \(max_position_weight from 0.2 to 0.25\): real money waits 24 hours"
    with pytest.raises(BlockedError, match=words):
        arm(desk, ACCOUNT, days=1, by="anna", reason="x")
    pass_hours(desk, 1)
    assert arm(desk, ACCOUNT, days=1, by="anna", reason="x").by == "anna"


def test_taking_looser_limits_back_begins_their_day_anew(prepared: Path, tmp_path: Path) -> None:
    desk = live_stage(prepared, tmp_path).desk
    limit(desk, max_order_notional=Decimal(1000))
    arm(desk, ACCOUNT, days=1, by="anna", reason="tighter at once")
    limit(desk, max_order_notional=None)
    with pytest.raises(BlockedError, match=r"max_order_notional from 1000 to none"):
        arm(desk, ACCOUNT, days=1, by="anna", reason="x")
    limit(desk, max_order_notional=Decimal(1000))
    pass_hours(desk, 24)
    arm(desk, ACCOUNT, days=1, by="anna", reason="back at the old ones")
    limit(desk, max_order_notional=None)
    with pytest.raises(BlockedError, match=r"max_order_notional from 1000 to none"):
        arm(desk, ACCOUNT, days=1, by="anna", reason="x")


def test_every_limit_of_an_account_is_known_to_loosen_somewhere() -> None:
    assert {*UPWARD, *DOWNWARD, *WARNS} == {each.name for each in fields(Limits)}
    assert loosened(dict.fromkeys((*UPWARD, *DOWNWARD), "0.1"), Limits())[-1] == "cash_min from 0.1 to -1.00"


def test_books_of_play_money_are_never_armed(prepared: Path, tmp_path: Path) -> None:
    desk = live_stage(prepared, tmp_path).desk
    now = desk.clock.now()
    desk.ledger.open_run(desk.mandate(ACCOUNT), mode="dry_run", rules=(), code_version=desk.code_version, at=now)
    arm(desk, ACCOUNT, by="anna", reason="a rehearsal is no trading")
    desk.ledger.open_run(desk.mandate(ACCOUNT), mode="paper", rules=(), code_version=desk.code_version, at=now)
    with pytest.raises(BlockedError, match="it has traded play money"):
        arm(desk, ACCOUNT, by="anna", reason="x")


def test_arming_is_refused_for_longer_and_for_strangers(prepared: Path, tmp_path: Path) -> None:
    desk = live_stage(prepared, tmp_path).desk
    for days in (0, 31):
        with pytest.raises(InputError, match="1 to 30 days"):
            arm(desk, ACCOUNT, days=days, by="anna", reason="x")
    with pytest.raises(InputError, match="account must be one of"):
        arm(desk, "stranger", days=1, by="anna", reason="x")


def test_an_account_that_asks_for_each_plan_is_not_armed_for_days(prepared: Path, tmp_path: Path) -> None:
    desk = live_stage(prepared, tmp_path, auto=False).desk
    with pytest.raises(InputError, match="must trade by itself to be armed for days"):
        arm(desk, ACCOUNT, days=1, by="anna", reason="x")
