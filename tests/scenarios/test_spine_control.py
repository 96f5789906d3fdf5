"""Stopping, reducing, cancelling and the drawdown cut on the assembled desk: at once, and never more than asked."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from tests.scenarios.guard_stage import add_rule, prepared_home, stage_with, trade_at
from tests.scenarios.homes import ACCOUNT

from prudent.bootstrap import Desk, open_desk
from prudent.domain.accounts import AccountSnapshot, TradingState
from prudent.domain.cycles import CycleRecord, ResidualCause
from prudent.domain.errors import Temporary
from prudent.domain.orders import OpenOrder, OrderStatus, Side
from prudent.domain.proposals import ExitCause
from prudent.domain.quotes import Quote
from prudent.exchange.venue import VenueFaults
from prudent.pipeline.replay import replay
from prudent.registry import strategy
from prudent.workflows.advance import advance, next_sessions
from prudent.workflows.control import Scope, cancel_own, halt, resume
from prudent.workflows.cycle import at_work, run_account
from prudent.workflows.locks import locks

HERE = Scope(account=ACCOUNT)
SLOW = VenueFaults(delay=timedelta(hours=1))


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return prepared_home(tmp_path_factory.mktemp("control"))


def sent(record: CycleRecord) -> list[tuple[Side, str]]:
    return [(intent.side, intent.symbol) for phase in record.phases for intent in phase.intents]


def refusals(record: CycleRecord) -> set[str]:
    return {code.removeprefix("blocked:") for code in record.no_trade_codes}


def held(desk: Desk, symbol: str) -> Decimal:
    found = {p.symbol: p.quantity for p in desk.broker.snapshot(ACCOUNT).positions}
    return found.get(symbol, Decimal(0))


def move_on(desk: Desk) -> None:
    (moment,) = next_sessions(desk, 1)
    advance(desk, moment)


def test_a_halt_cancels_our_open_orders_and_a_resume_trades_again(prepared: Path, tmp_path: Path) -> None:
    stage = stage_with(prepared, tmp_path, {"AAPL": 10, "KO": 10})
    desk = stage.desk
    trade_at(desk, SLOW)
    stage.cycle()
    assert len(desk.broker.snapshot(ACCOUNT).open_orders) == 2
    answers = halt(desk, HERE, state=TradingState.HALTED, reason="a look at it")
    assert {answer.status for answer in answers} == {OrderStatus.CANCELLED}
    assert desk.broker.snapshot(ACCOUNT).open_orders == ()
    assert desk.ledger.pending_orders(ACCOUNT) == ()
    advance(desk, desk.clock.now() + timedelta(minutes=15))
    halted = stage.cycle()
    assert sent(halted) == []
    assert "M00" in refusals(halted)
    assert "a look at it" in halted.observation.history.state_reason
    resume(desk, HERE, reason="looked at")
    assert sent(stage.cycle()) == [(Side.BUY, "AAPL"), (Side.BUY, "KO")]


def test_a_halt_outlives_the_process(prepared: Path, tmp_path: Path) -> None:
    stage = stage_with(prepared, tmp_path, {"AAPL": 10})
    halt(stage.desk, Scope(), state=TradingState.HALTED, reason="fire drill")
    stage.desk.ledger.close()
    desk = open_desk(stage.desk.home)
    with at_work(desk):
        record = run_account(desk, ACCOUNT)
        assert sent(record) == []
        assert {"M00", "M04"} <= refusals(record)
        resume(desk, Scope(), reason="drill is over")
        assert sent(run_account(desk, ACCOUNT)) == [(Side.BUY, "AAPL")]


def test_reducing_lets_exits_through_and_nothing_else(prepared: Path, tmp_path: Path) -> None:
    stage = stage_with(prepared, tmp_path, {"AAPL": 10}, held={"KO": 100})
    assert halt(stage.desk, HERE, state=TradingState.REDUCING, reason="careful") == ()
    record = stage.cycle()
    assert sent(record) == [(Side.SELL, "KO")]
    assert held(stage.desk, "KO") == 0
    assert held(stage.desk, "AAPL") == 0


def test_foreign_orders_are_listed_and_left_alone(prepared: Path, tmp_path: Path) -> None:
    stage = stage_with(prepared, tmp_path, {"AAPL": 10})
    desk = stage.desk
    trade_at(desk, SLOW)

    def change(seen: AccountSnapshot) -> AccountSnapshot:
        foreign = OpenOrder(
            order_ref="BYHAND", symbol="KO", side=Side.BUY, remaining=Decimal(5), limit_price=Decimal(1), ours=False
        )
        return replace(seen, open_orders=(*seen.open_orders, foreign))

    stage.broker(change=change)
    record = stage.cycle()
    assert record.reconciliation is not None
    assert record.reconciliation.foreign_orders == ("BYHAND",)
    assert record.reconciliation.total_open_orders == 2
    ours = record.phases[0].intents[0].order_ref
    assert [answer.order_ref for answer in cancel_own(desk, (ACCOUNT,))] == [ours]
    left = [order.order_ref for order in desk.broker.snapshot(ACCOUNT).open_orders]
    assert left == ["BYHAND"]
    asked = [answer.order_ref for answer in cancel_own(desk, (ACCOUNT,), foreign_too=True)]
    assert asked == ["BYHAND"]


def test_an_order_that_still_rests_is_not_sent_again(prepared: Path, tmp_path: Path) -> None:
    stage = stage_with(prepared, tmp_path, {"AAPL": 10})
    trade_at(stage.desk, SLOW)
    first = stage.cycle()
    second = stage.cycle()
    assert len(sent(first)) == 1
    assert sent(second) == []
    assert second.no_trade_codes == ("open_orders",)
    assert {r.cause for r in first.reconciliation.residuals} >= {ResidualCause.UNFILLED}  # type: ignore[union-attr]
    advance(stage.desk, stage.desk.clock.now() + timedelta(hours=2))
    assert held(stage.desk, "AAPL") == first.phases[0].intents[0].quantity


def test_the_drawdown_cut_halves_once_and_latches(prepared: Path, tmp_path: Path) -> None:
    # KO is three quarters of the account; 30 % off its price is a drawdown between the cut of 20 % and the 25 % limit.
    stage = stage_with(
        prepared, tmp_path, {"KO": 75}, held={"KO": 5000}, limits={"max_position_weight": None, "max_daily_loss": "2%"}
    )
    desk = stage.desk
    level = Decimal(1)

    def change(quote: Quote) -> Quote:
        fields = ("price", "bid", "ask", "level")
        return replace(quote, **{name: getattr(quote, name) * level for name in fields})

    stage.market(change)
    trade_at(desk, VenueFaults())
    stage.cycle()
    before = held(desk, "KO")
    level = Decimal("0.7")
    cut = stage.cycle()
    assert [(e.symbol, e.cause, e.quantity) for e in cut.decision.exits] == [
        ("KO", ExitCause.DRAWDOWN_CUT, (before / 2).to_integral_value(rounding="ROUND_CEILING"))
    ]  # fmt: skip
    assert held(desk, "KO") == before - cut.decision.exits[0].quantity
    assert "drawdown" in desk.ledger.views.account(ACCOUNT).latches
    assert "drawdown cut made" in {each.lock for each in locks(desk)}
    again = stage.cycle()
    assert again.observation.history.drawdown_latched
    assert again.decision.exits == ()
    assert sent(again) == []  # the loss of the day lets no new risk in
    move_on(desk)
    next_day = stage.cycle()
    assert next_day.decision.exits == ()
    assert held(desk, "KO") == before - cut.decision.exits[0].quantity


def test_a_stop_and_a_target_of_user_rules_close_positions(prepared: Path, tmp_path: Path) -> None:
    # AMD trades a quarter below its cost of 100, AAPL two fifths above it.
    stage = stage_with(prepared, tmp_path, {"AAPL": 10, "AMD": 5}, held={"AMD": 50, "AAPL": 50})
    add_rule(stage.desk, {"stop_loss_pct": "10", "take_profit_pct": "30"})
    record = stage.cycle()
    assert [(e.symbol, e.cause) for e in record.decision.exits] == [
        ("AAPL", ExitCause.TAKE_PROFIT), ("AMD", ExitCause.STOP_LOSS)
    ]  # fmt: skip
    assert held(stage.desk, "AAPL") == 0
    assert held(stage.desk, "AMD") == 0


def test_an_order_that_certainly_did_not_leave_is_named_and_planned_anew(prepared: Path, tmp_path: Path) -> None:
    stage = stage_with(prepared, tmp_path, {"AAPL": 10})
    stage.broker(unreachable_for=1)
    record = stage.cycle()
    (report,) = record.phases[0].reports
    assert report.status is OrderStatus.NOT_SENT
    assert report.filled == 0
    assert record.reconciliation is not None
    assert ("AAPL", ResidualCause.BLOCKED) in {(r.symbol, r.cause) for r in record.reconciliation.residuals}
    again = stage.cycle()
    assert again.phases[0].intents[0].order_ref != report.order_ref
    assert held(stage.desk, "AAPL") == again.phases[0].intents[0].quantity


def test_a_source_lost_between_the_phases_loses_no_sale(prepared: Path, tmp_path: Path) -> None:
    stage = stage_with(prepared, tmp_path, {"AAPL": 10}, held={"KO": 100})
    desk, market = stage.desk, stage.desk.market

    def lost_once_sold(quote: Quote) -> Quote:
        if held(desk, "KO") == 0:
            raise Temporary("the source must be reachable, was not; try again")
        return quote

    stage.market(lost_once_sold)
    with pytest.raises(Temporary):
        stage.cycle()
    desk.market = market
    assert held(desk, "KO") == 0
    assert desk.ledger.views.money(ACCOUNT).cash == desk.broker.snapshot(ACCOUNT).cash
    assert [row.state for row in desk.ledger.views.orders(ACCOUNT).rows] == [OrderStatus.FILLED]
    with at_work(desk) as (finding,):
        assert "carried on to its record" in finding.resolved
    record = desk.ledger.load_record(f"{ACCOUNT}/1/1")
    assert sent(record) == [(Side.SELL, "KO"), (Side.BUY, "AAPL")]
    assert replay(record, strategy("target_weights")).identical
