"""A future by its alias: the front month trades at the paper gateway, rolls in one plan, and is not entered late."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from tests.scenarios.gateway_stage import ACCOUNT, GatewayStage, gateway_stage
from tests.scenarios.guard_stage import prepared_home, stage_with
from tests.unit.cli.running import invest

from prudent.domain.cycles import CycleRecord
from prudent.domain.errors import InputError
from prudent.domain.orders import OrderStatus
from prudent.domain.records import decode, encode
from prudent.pipeline.plan import make_plan
from prudent.pipeline.replay import replay
from prudent.registry import strategy
from prudent.workflows.cycle import at_work, run_account
from prudent.workflows.reconcile import reconcile

D = Decimal
# The front month of the sample's last day is March; June is the front one from 2023-03-09.
AFTER_THE_ROLL = timedelta(days=72)
TARGETS = '[{"symbol": "ES1!", "weight": 30}]'
LIMITS = "    limits: {max_position_weight: 49%}\n"


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[GatewayStage]:
    with gateway_stage(tmp_path_factory.mktemp("futures"), targets=TARGETS, mandate=LIMITS) as made:
        made.adopted()
        yield made


@pytest.fixture(scope="module")
def bought(stage: GatewayStage) -> CycleRecord:
    return cycle(stage)


@pytest.fixture(scope="module")
def late(stage: GatewayStage, bought: CycleRecord) -> CycleRecord:
    """The month itself is wanted, and more of it, once its window has begun."""
    stage.gateway.step_to(stage.gateway.clock.now() + AFTER_THE_ROLL)
    stage.reopen()
    wanting(stage, "ESH3", 49)
    return cycle(stage)


@pytest.fixture(scope="module")
def rolled(stage: GatewayStage, late: CycleRecord) -> CycleRecord:
    wanting(stage, "ES1!", 30)
    return cycle(stage)


def cycle(stage: GatewayStage) -> CycleRecord:
    with at_work(stage.desk):
        return run_account(stage.desk, ACCOUNT)


def wanting(stage: GatewayStage, symbol: str, weight: int) -> None:
    (stage.home / "json" / "core.json").write_text(f'[{{"symbol": "{symbol}", "weight": {weight}}}]')


def held(stage: GatewayStage) -> dict[str, Decimal]:
    snapshot = stage.desk.broker_of(ACCOUNT).snapshot(ACCOUNT)
    return {each.symbol: each.quantity for each in snapshot.positions}


def test_an_alias_buys_the_front_contract_at_its_whole_value(bought: CycleRecord) -> None:
    (order,) = bought.plan.orders
    assert (order.symbol, order.alias, order.quantity, order.roll) == ("ESH3", "ES1!", D(1), "")
    # A contract stands for fifty times its price.
    assert order.notional == order.reference_price * 50
    (target,) = bought.decision.targets
    assert target.symbol == "ES1!"
    (fill,) = bought.fills
    assert (fill.symbol, fill.quantity) == ("ESH3", D(1))
    assert bought.reconciliation is not None
    assert bought.reconciliation.missing_orders == ()
    # Equity after it: what the fill cost beyond the price, half a tick of 12.50 or more, and the commission.
    assert bought.nlv_after is not None
    assert D(999_900) < bought.nlv_after < D(1_000_000)


def test_a_month_within_its_window_is_not_entered_and_what_is_held_stays(late: CycleRecord) -> None:
    assert late.fills == ()
    assert late.no_trade_codes == ("blocked:D18",)
    (verdict,) = [each for each in late.report.verdicts() if each.guard == "D18"]
    assert "window before notice or expiry" in verdict.reason


def test_a_roll_is_one_plan_of_two_legs_the_close_first(rolled: CycleRecord) -> None:
    close, opened = rolled.plan.orders
    assert (close.symbol, close.effect, close.phase) == ("ESH3", "CLOSE", 1)
    assert (opened.symbol, opened.effect, opened.phase) == ("ESM3", "OPEN", 2)
    assert {order.roll for order in rolled.plan.orders} == {"ESH3>ESM3"}
    assert {order.alias for order in rolled.plan.orders} == {"ES1!"}
    assert [(fill.symbol, fill.side, fill.quantity) for fill in rolled.fills] == [
        ("ESH3", "SELL", D(1)), ("ESM3", "BUY", D(1)),
    ]  # fmt: skip
    first, second = rolled.phases
    assert [each.status for each in (*first.reports, *second.reports)] == [OrderStatus.FILLED] * 2
    # Two months that move as one are no pair of twins.
    assert rolled.observation.alike == ()


def test_the_books_agree_to_the_cent_after_moves_and_a_roll(stage: GatewayStage, rolled: CycleRecord) -> None:
    assert rolled.fills
    assert held(stage) == {"ESM3": D(1)}
    assert stage.books_agree()
    with at_work(stage.desk):
        assert reconcile(stage.desk, ACCOUNT).clean


def test_the_record_alone_tells_which_month_it_was(bought: CycleRecord, late: CycleRecord, rolled: CycleRecord) -> None:
    for record in (bought, late, rolled):
        again = decode(CycleRecord, encode(record))
        assert again == record
        assert replay(again, strategy(record.mandate.strategy)).identical
    # What was observed counts, not what a calendar says today.
    terms = tuple(replace(each, alias="ES1!" if each.symbol == "ESH3" else "") for each in rolled.observation.futures)
    told = replace(rolled.observation, futures=terms)
    other = make_plan(told, rolled.decision, rolled.mandate, cycle=rolled.id)
    assert {order.symbol for order in other.orders} <= {"ESH3"}


def test_the_journal_tells_alias_and_contract(stage: GatewayStage, rolled: CycleRecord) -> None:
    shown = invest("decisions", "show", rolled.id, "--home", str(stage.home))
    assert "ES1!" in shown.out
    assert "ESM3 (ES1!, roll ESH3>ESM3)" in shown.out
    whys = {row.symbol: row.why for row in stage.desk.ledger.views.orders(account=ACCOUNT, limit=2).rows}
    assert all("roll of ES1!, ESH3 into ESM3" in why for why in whys.values())


def test_the_simulated_venue_says_that_it_trades_no_futures(tmp_path: Path) -> None:
    desk = stage_with(prepared_home(tmp_path), tmp_path / "sim", {"ES1!": 10})
    with pytest.raises(InputError, match=r"trades stocks and funds, ES1! must be traded where futures are"):
        desk.cycle()
