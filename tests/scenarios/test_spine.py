"""What the product promises of a rebalance, told on the assembled desk: cash, names for every gap, mirrors, shorts."""

import json
import sqlite3
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import pytest
import yaml
from tests.scenarios.guard_stage import (
    Scenario,
    add_rule,
    prepared_home,
    set_stage,
    stage_with,
    trade_at,
    write_targets,
)
from tests.scenarios.homes import ACCOUNT, add_account

from prudent.bootstrap import Desk, open_desk
from prudent.domain.accounts import Mode
from prudent.domain.cycles import CycleRecord, ResidualCause
from prudent.domain.orders import Effect, OrderStatus, Side
from prudent.exchange.venue import VenueFaults
from prudent.ledger.booking import FlowKind
from prudent.workflows.cycle import at_work, run_account


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return prepared_home(tmp_path_factory.mktemp("spine"))


def holdings(desk: Desk, account: str = ACCOUNT) -> dict[str, Decimal]:
    return {p.symbol: p.quantity for p in desk.broker.snapshot(account).positions}


def gaps(record: CycleRecord) -> dict[tuple[str, ResidualCause], Decimal]:
    assert record.reconciliation is not None
    return {(r.symbol, r.cause): r.quantity for r in record.reconciliation.residuals}


def tables(path: Path) -> dict[str, list[tuple[object, ...]]]:
    with sqlite3.connect(path) as rows:
        names = [name for (name,) in rows.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        return {name: rows.execute(f'SELECT * FROM "{name}"').fetchall() for name in names}


def changed(before: dict[str, list[tuple[object, ...]]], after: dict[str, list[tuple[object, ...]]]) -> set[str]:
    return {name for name in after if before[name] != after[name]}


def test_a_second_rebalance_right_after_trades_nothing_and_says_why(prepared: Path, tmp_path: Path) -> None:
    stage = stage_with(prepared, tmp_path, {"AAPL": 10, "KO": 10})
    first, second = stage.cycle(), stage.cycle()
    assert {fill.symbol for fill in first.fills} == {"AAPL", "KO"}
    assert second.phases == ()
    assert second.no_trade_codes == ("no_drift",)
    assert {cause for _symbol, cause in gaps(second)} == {ResidualCause.ROUNDING}


def test_sells_come_first_and_buys_spend_the_cash_they_brought(prepared: Path, tmp_path: Path) -> None:
    stage = stage_with(
        prepared, tmp_path, {"MSFT": 99}, held={"KO": 5000}, limits={"max_position_weight": None}
    )
    record = stage.cycle()
    sells, buys = record.phases
    assert [intent.side for intent in sells.intents] == [Side.SELL]
    assert [intent.side for intent in buys.intents] == [Side.BUY]
    brought = sum(fill.cash_effect for fill in sells.reports[0].fills)
    assert buys.observation.snapshot.cash == (Decimal(100_000) + brought).quantize(Decimal("0.01"))
    spent = -sum(fill.cash_effect for fill in buys.reports[0].fills)
    assert Decimal(100_000) < spent <= buys.observation.snapshot.cash
    assert set(holdings(stage.desk)) == {"MSFT"}


def test_buys_shrink_by_one_factor_to_the_cash_of_sells_that_filled_in_part(prepared: Path, tmp_path: Path) -> None:
    stage = stage_with(
        prepared, tmp_path, {"MSFT": 50, "PG": 49}, held={"KO": 5000},
        limits={"max_position_weight": None, "max_gross_exposure": "200%"},
    )  # fmt: skip
    trade_at(stage.desk, VenueFaults(partial={"KO": Decimal("0.5")}))
    record = stage.cycle()
    assert record.phases[0].reports[0].filled == 2500
    assert gaps(record)["KO", ResidualCause.PARTIAL] == 2500
    cash = record.phases[1].observation.snapshot.cash
    planned = {o.symbol: o for o in record.plan.orders if o.side is Side.BUY}
    bought = {i.symbol: i.quantity for i in record.phases[1].intents}
    spent = sum(bought[symbol] * order.reference_price for symbol, order in planned.items())
    assert Decimal("0.95") * cash < spent <= cash
    factors = [bought[symbol] / order.quantity for symbol, order in planned.items()]
    assert factors[0] < Decimal("0.7")
    # The guards trim the last buy to what the worst price, 1 % beyond the ask, leaves of the cash.
    assert abs(factors[0] - factors[1]) < Decimal("0.02")


def test_a_refusal_and_a_part_fill_are_named(prepared: Path, tmp_path: Path) -> None:
    stage = stage_with(prepared, tmp_path, {"AAPL": 10, "KO": 10, "JPM": 10})
    trade_at(stage.desk, VenueFaults(rejects=frozenset({"AAPL"}), partial={"KO": Decimal("0.25")}))
    record = stage.cycle()
    reports = {report.symbol: report for phase in record.phases for report in phase.reports}
    assert reports["AAPL"].status is OrderStatus.REJECTED
    assert reports["KO"].status is OrderStatus.PARTIAL
    found = gaps(record)
    assert found["AAPL", ResidualCause.REJECTED] == -reports["AAPL"].quantity
    open_part = found.get(("KO", ResidualCause.PARTIAL), found.get(("KO", ResidualCause.UNFILLED)))
    assert open_part == reports["KO"].filled - reports["KO"].quantity
    assert {cause for symbol, cause in found if symbol == "JPM"} <= {ResidualCause.ROUNDING, ResidualCause.PRICE_MOVE}
    assert holdings(stage.desk)["KO"] == reports["KO"].filled


def test_an_account_mirrors_the_targets_of_another(prepared: Path, tmp_path: Path) -> None:
    stage = stage_with(prepared, tmp_path, {"AAPL": 10, "KO": 5})
    stage.cycle()
    stage.desk.ledger.close()
    home = stage.desk.home
    add_account(home, "mirror", cash=Decimal(10_000), targets=f"account:{ACCOUNT}")
    desk = open_desk(home)
    with at_work(desk):
        record = run_account(desk, "mirror")
    assert {t.symbol: t.weight for t in record.decision.targets} == {"AAPL": Decimal("0.1"), "KO": Decimal("0.05")}
    assert set(holdings(desk, "mirror")) == {"AAPL", "KO"}
    nav = {row.symbol: row.reachable for row in record.plan.weights}
    assert Decimal("0.08") < nav["AAPL"] <= Decimal("0.1")


def test_a_mirror_follows_what_was_decided_and_not_what_protection_left(prepared: Path, tmp_path: Path) -> None:
    stage = stage_with(prepared, tmp_path, {"AAPL": 10, "KO": 5})
    stage.cycle()
    with at_work(stage.desk):
        run_account(stage.desk, ACCOUNT, started_by="protection")
    assert stage.desk.target_of(ACCOUNT) == {"AAPL": Decimal("0.1"), "KO": Decimal("0.05")}


def test_signals_become_capped_weights(prepared: Path, tmp_path: Path) -> None:
    signals = Scenario(story="", mandate={"targets": "signals:json/scores.json"})
    stage = set_stage(signals, prepared, tmp_path)
    scores = [{"symbol": "AAPL", "score": 3}, {"symbol": "KO", "score": 1}, {"symbol": "JPM", "score": -2}]
    (stage.desk.home / "json" / "scores.json").write_text(json.dumps({"signals": scores}))
    record = stage.cycle()
    # Shares of the positive scores are 75 % and 25 %, each cut at the position cap of 20 %.
    weights = {t.symbol: t.weight for t in record.decision.targets}
    assert weights == {"AAPL": Decimal("0.2"), "JPM": Decimal(0), "KO": Decimal("0.2")}
    assert set(holdings(stage.desk)) == {"AAPL", "KO"}


def test_a_short_is_opened_held_and_covered(prepared: Path, tmp_path: Path) -> None:
    stage = stage_with(prepared, tmp_path, {"AAPL": 10, "KO": -10}, planning={"allow_short": True})
    opened = stage.cycle()
    effects = {order.symbol: order.effect for order in opened.plan.orders}
    assert effects == {"AAPL": Effect.OPEN, "KO": Effect.SHORT}
    shorted = holdings(stage.desk)["KO"]
    assert shorted < 0
    assert stage.desk.broker.snapshot(ACCOUNT).cash > Decimal(100_000) - Decimal(10_000)
    stage.desk.clock.move_to(stage.desk.clock.now() + timedelta(minutes=30))  # type: ignore[union-attr]
    stage.targets({"AAPL": 10, "KO": 0})
    covered = stage.cycle()
    assert [(o.symbol, o.effect, o.quantity, o.phase) for o in covered.plan.orders if o.symbol == "KO"] == [
        ("KO", Effect.COVER, -shorted, 1)
    ]  # fmt: skip
    assert "KO" not in holdings(stage.desk)
    assert {p.symbol: p.quantity for p in stage.desk.ledger.views.positions(ACCOUNT)} == holdings(stage.desk)
    assert stage.desk.ledger.views.money(ACCOUNT).cash == stage.desk.broker.snapshot(ACCOUNT).cash


def move_money(desk: Desk, kind: FlowKind, amount: int) -> None:
    now = desk.clock.now()
    desk.own_venue(ACCOUNT).transfer(ACCOUNT, Decimal(amount), kind, ref=f"{kind}-{amount}", at=now)
    desk.ledger.flow(ACCOUNT, kind, Decimal(amount), at=now, ref=f"{kind}-{amount}")


def test_money_in_and_out_moves_neither_unit_value_nor_drawdown(prepared: Path, tmp_path: Path) -> None:
    stage = stage_with(prepared, tmp_path, {"AAPL": 10})
    stage.cycle()
    desk = stage.desk
    before = desk.ledger.views.account(ACCOUNT)
    move_money(desk, FlowKind.DEPOSIT, 50_000)
    stage.targets({"AAPL": 5})
    record = stage.cycle()
    # Everything below is within the fee and the spread of the sale: a few basis points of the account.
    flows = record.observation.history.flows_today
    assert flows == 50_000
    assert record.observation.history.unit_value == before.unit_value
    move_money(desk, FlowKind.WITHDRAW, 80_000)
    after = stage.cycle().observation.history
    assert after.flows_today == -30_000
    assert after.unit_value is not None
    assert before.unit_value is not None
    assert abs(after.unit_value - before.unit_value) < Decimal("0.0005")
    assert not after.daily_loss_latched
    assert not after.drawdown_latched


def test_a_dividend_is_a_return_and_no_flow(prepared: Path, tmp_path: Path) -> None:
    stage = stage_with(prepared, tmp_path, {"AAPL": 10})
    stage.cycle()
    before = stage.desk.ledger.views.account(ACCOUNT).unit_value
    move_money(stage.desk, FlowKind.DIVIDEND, 1_000)
    history = stage.cycle().observation.history
    assert history.flows_today == 0
    assert before is not None
    assert history.unit_value is not None
    assert Decimal("0.0099") < history.unit_value - before < Decimal("0.0101")


def test_a_rehearsal_writes_its_record_and_nothing_of_the_book(prepared: Path, tmp_path: Path) -> None:
    stage = stage_with(prepared, tmp_path, {"AAPL": 10, "KO": 10})
    data = stage.desk.home / "data"
    ledger, venue = tables(data / "ledger.sqlite"), tables(data / "venue.sqlite")
    with at_work(stage.desk):
        record = run_account(stage.desk, ACCOUNT, mode=Mode.DRY_RUN)
    assert record.mode is Mode.DRY_RUN
    assert {r.status for phase in record.phases for r in phase.reports} == {OrderStatus.WOULD_SEND}
    assert changed(venue, tables(data / "venue.sqlite")) == set()
    after = tables(data / "ledger.sqlite")
    rehearsed = {
        "records", "audit", "runs", "cycles", "reasoning", "orders", "order_events", "leases", "reconciliations",
    }  # fmt: skip
    assert changed(ledger, after) == rehearsed
    assert len(after["records"]) == 1
    assert stage.desk.ledger.views.trades(ACCOUNT).total == 0
    assert [path.name for path in (stage.desk.home / "audit").glob("*.json")] == [f"{ACCOUNT}-1-1.json"]
    # The real cycle that follows is not told of any order by the rehearsal.
    assert stage.cycle().observation.history.recent_orders == ()


def test_a_change_of_mandate_or_rule_starts_the_next_run(prepared: Path, tmp_path: Path) -> None:
    stage = stage_with(prepared, tmp_path, {"AAPL": 10})
    numbers = [stage.cycle().id, stage.cycle().id]
    add_rule(stage.desk, {"max_positions": "9"})
    numbers.append(stage.cycle().id)
    write_targets(stage.desk.home, {"AAPL": 12})  # targets are inputs of a cycle, not of the mandate
    numbers.append(stage.cycle().id)
    stage.desk.ledger.disable_rule(ACCOUNT, "r1", at=stage.desk.clock.now())
    numbers.append(stage.cycle().id)
    mandate = {"targets": "json/core.json", "limits": {"max_position_weight": "15%"}}
    (stage.desk.home / "config" / "accounts" / f"{ACCOUNT}.yaml").write_text(yaml.safe_dump(mandate))
    stage.desk.ledger.close()
    desk = open_desk(stage.desk.home)
    with at_work(desk):
        numbers.append(run_account(desk, ACCOUNT).id)
    assert numbers == [f"{ACCOUNT}/{run}" for run in ("1/1", "1/2", "2/1", "2/2", "3/1", "4/1")]
    statuses = {run.id: run.status for run in desk.ledger.views.runs(ACCOUNT).rows}
    assert [str(statuses[f"{ACCOUNT}/{n}"]) for n in (1, 2, 3, 4)] == ["completed", "completed", "completed", "running"]


def test_a_price_that_vanishes_after_the_orders_keeps_the_record(prepared: Path, tmp_path: Path) -> None:
    stage = stage_with(prepared, tmp_path, {"AAPL": 10})
    stage.quotes(when="settle phase 2", price=lambda quote: None)
    record = stage.cycle()
    assert record.fills
    assert record.nlv_after is None
    assert stage.desk.ledger.load_record(record.id) == record
