"""Real money over the socket of a gateway that passes for a real one: what may leave, and what keeps every order."""

import threading
from collections.abc import Callable, Iterator
from decimal import Decimal
from pathlib import Path

import pytest
from ib_async import LimitOrder
from tests.gateway_homes import connected, played, stock_of, until
from tests.scenarios.live_stage import ACCOUNT, UNLISTED, LiveGateway, LiveStage, live_gateway, live_stage
from tests.scenarios.people_homes import at, done

from prudent.domain.accounts import Mode
from prudent.domain.cycles import CycleWaits, WaitWhy
from prudent.domain.errors import BlockedError, InputError
from prudent.domain.interlocks import LIVE_NEEDS
from prudent.domain.orders import Effect, OrderIntent, OrderStatus, Side
from prudent.workflows.approvals import approve
from prudent.workflows.cycle import at_work, carry_on, run_account
from prudent.workflows.serving import serve

NOT_BY_ITSELF = "auto_trade: false"


@pytest.fixture(scope="module")
def gateway() -> Iterator[LiveGateway]:
    with live_gateway() as running:
        yield running


def test_armed_and_with_every_switch_on_a_rebalance_trades_and_is_verified(
    gateway: LiveGateway, tmp_path: Path
) -> None:
    with live_stage(gateway, tmp_path) as stage:
        stage.arm(days=1)
        record = stage.cycle()
        assert (record.mode, record.no_trade_codes) == (Mode.LIVE, ())
        assert stage.sent == 2
        assert record.reconciliation is not None
        assert record.reconciliation.attainable_accuracy > Decimal("0.99")
        assert record.reconciliation.missing_orders == ()
        assert {each.account for each in gateway.executions()} == {stage.there}
        assert done(at(stage.home, "replay", record.id)).data["identical"] is True


def no_word(stage: LiveStage) -> None:
    """Nothing is done on top of the environment."""


def kill(stage: LiveStage) -> None:
    stage.desk.set_kill_file("enough")


def edit(stage: LiveStage) -> None:
    with (stage.home / "invest.yaml").open("a") as handle:
        handle.write("# one more line\n")


def leave_one_in_doubt(stage: LiveStage) -> None:
    """A process died while it sent an order; so soon after, the gateway's silence proves nothing."""
    desk = stage.desk
    ledger, now = desk.ledger, desk.clock.now()
    run = ledger.open_run(desk.mandate(ACCOUNT), mode="live", rules=(), code_version=desk.code_version, at=now)
    number = ledger.next_cycle(run, at=now)
    intent = OrderIntent(
        order_ref="DOUBT", account=ACCOUNT, symbol="MSFT", side=Side.BUY, quantity=Decimal(1), effect=Effect.OPEN
    )
    ledger.approve(run, number, (intent,), at=now)
    ledger.sending(ACCOUNT, intent.order_ref, seal=intent.seal, at=now, permit=desk.permit(ACCOUNT))


# Each interlock closed alone: by a word of the environment, or by an act on a desk that is armed.
CLOSED: dict[str, tuple[dict[str, str], Callable[[LiveStage], None]]] = {
    "M02": ({"ALLOW_ORDERS": "true"}, no_word),
    "M03": ({"ENABLE_ORDER_EXEC": ""}, no_word),
    "M04": ({}, kill),
    "M06": ({}, no_word),
    "M08": ({}, no_word),
    "M09": ({}, leave_one_in_doubt),
    "M10": ({}, edit),
}


@pytest.mark.parametrize("lock", CLOSED)
def test_one_closed_interlock_keeps_every_order_off_the_wire(lock: str, gateway: LiveGateway, tmp_path: Path) -> None:
    switches, close = CLOSED[lock]
    with live_stage(gateway, tmp_path, **switches) as stage:
        if lock != "M06":
            stage.arm(days=1)
        close(stage)
        record = run_account(stage.desk, ACCOUNT) if lock == "M08" else stage.cycle()
        assert record.no_trade_codes == (f"blocked:{lock}",)
        assert stage.sent == 0
        stage.hang_up()
        rows = {row["name"]: row for row in at(stage.home, "doctor").data}
        # A one-shot command takes the lease with each run, so it is no complaint; the file is read anew by each.
        if lock not in ("M08", "M10"):
            assert lock in rows[f"interlocks of {ACCOUNT}"]["detail"]


def test_every_interlock_is_closed_in_a_test() -> None:
    """M01, M05 and M07 in tests of their own: a rehearsal, a plan that waits, a login that is another one."""
    assert {*CLOSED, "M01", "M05", "M07"} == set(LIVE_NEEDS)


def test_a_dry_run_of_a_live_home_reads_the_live_account_and_would_send(gateway: LiveGateway, tmp_path: Path) -> None:
    with live_stage(gateway, tmp_path) as stage:
        stage.arm(days=1)
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("DRY_RUN", "1")
            stage.reopen()
        record = stage.cycle()
        assert record.mode is Mode.DRY_RUN
        assert {each.status for phase in record.phases for each in phase.reports} == {OrderStatus.WOULD_SEND}
        assert stage.sent == 0


def test_without_auto_trade_a_plan_waits_for_its_yes(gateway: LiveGateway, tmp_path: Path) -> None:
    with live_stage(gateway, tmp_path, account=NOT_BY_ITSELF) as stage:
        stage.arm()
        with pytest.raises(CycleWaits) as caught:
            stage.cycle()
        wait = caught.value.wait
        assert (wait.why, stage.sent) == (WaitWhy.APPROVAL, 0)
        approve(stage.desk, wait.cycle, by="anna")
        with at_work(stage.desk):
            carry_on(stage.desk, wait.cycle)
        assert stage.sent == 2


def test_the_command_says_that_the_arming_is_missing_and_then_trades(gateway: LiveGateway, tmp_path: Path) -> None:
    with live_stage(gateway, tmp_path) as stage:
        stage.hang_up()
        unarmed = at(stage.home, "run", ACCOUNT, "--confirm", ACCOUNT)
        assert (unarmed.code, stage.sent) == (8, 0)
        assert "blocked:M06" in str(unarmed.document["errors"][0]["message"])
        done(at(stage.home, "arm", ACCOUNT, "--confirm", ACCOUNT))
        done(at(stage.home, "run", ACCOUNT, "--confirm", ACCOUNT))
        assert stage.sent == 2


def test_books_that_were_taken_over_from_another_account_are_not_armed(gateway: LiveGateway, tmp_path: Path) -> None:
    other = gateway.fresh()
    with live_stage(gateway, tmp_path) as stage:
        stage.rewrite(stage.there, other)
        stage.reopen()
        with pytest.raises(BlockedError, match=rf"must be those of {other}, were taken over from {stage.there}"):
            stage.arm(days=1)


def rest_elsewhere(gateway: LiveGateway) -> None:
    """Somebody has a live order in the account that is not on the list."""

    async def story() -> None:
        async with connected(gateway.port) as ib:
            order = LimitOrder("BUY", 1, 5.0, tif="GTC", account=UNLISTED)
            trade = ib.placeOrder(await stock_of(ib, "MSFT"), order)
            await until(lambda: trade.orderStatus.status in ("Submitted", "PreSubmitted"))

    played(story())


def test_an_account_that_is_not_on_the_list_is_not_touched(gateway: LiveGateway, tmp_path: Path) -> None:
    rest_elsewhere(gateway)
    with live_stage(gateway, tmp_path) as stage:
        assert stage.desk.connections is not None
        session = stage.desk.connections.broker(sends=False).session
        assert UNLISTED in session.orders.accounts
        session.call(session.refreshed)
        assert UNLISTED not in {row.account for row in session.table}
        stage.hang_up()
        shown = {row["account"] for row in done(at(stage.home, "ibkr", "accounts")).data}
        assert shown == {stage.there}
        assert at(stage.home, "ibkr", "positions", UNLISTED).code == InputError.exit_code
        everything = at(stage.home, "ibkr", "cancel-everything", "--confirm", "EVERYTHING")
        assert everything.code == BlockedError.exit_code
        assert f"{UNLISTED} is not" in str(everything.document["errors"][0]["message"])
        assert UNLISTED in {order.ticket.account for order in gateway.live_orders()}


def test_the_start_of_an_engine_ends_what_was_armed_for_hours(gateway: LiveGateway, tmp_path: Path) -> None:
    with live_stage(gateway, tmp_path) as stage:
        stage.arm()
        # The next command is no restart.
        stage.reopen()
        assert stage.desk.ledger.permissions.arming(ACCOUNT) is not None
        stage.hang_up()
        stopped = threading.Event()
        stopped.set()
        assert serve(stage.home, stop=stopped) == 0
        assert stage.desk.ledger.permissions.arming(ACCOUNT) is None
        assert stage.cycle().no_trade_codes == ("blocked:M06",)
        assert stage.sent == 0
