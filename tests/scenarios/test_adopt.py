"""An account that exists at the broker: shown, left alone, then taken over as one entry that agrees with it."""

from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import pytest
from tests.scenarios.gateway_stage import ACCOUNT, GatewayStage, gateway_stage

from prudent.domain.errors import BlockedError, InputError
from prudent.workflows.adopt import adopt, look
from prudent.workflows.cycle import CycleWanted, at_work, begin
from prudent.workflows.reconcile import reconcile

D = Decimal


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[GatewayStage]:
    with gateway_stage(tmp_path) as stage:
        yield stage


def test_what_it_holds_is_shown_and_nothing_is_written(stage: GatewayStage) -> None:
    stage.trade("AAPL", 10)
    stage.rest("MSFT")
    stage.tomorrow()
    found = look(stage.desk, ACCOUNT)
    assert [(each.symbol, each.quantity) for each in found.opening.positions] == [("AAPL", D(10))]
    assert found.opening.cash == found.snapshot.cash < D(1_000_000)
    # Cost and cash make up what the account began with: its average cost has the commission in it.
    assert abs(found.cost + found.opening.cash - D(1_000_000)) < D("0.02")
    assert [(order.symbol, order.ours) for order in found.open_orders] == [("MSFT", False)]
    assert found.problems == ()
    assert found.today == ()
    assert stage.desk.ledger.accounts() == ()


def test_until_then_its_cycles_are_refused_with_what_to_do(stage: GatewayStage) -> None:
    with at_work(stage.desk), pytest.raises(BlockedError, match=r"must be adopted .* `invest ibkr adopt main`"):
        begin(stage.desk, CycleWanted(account=ACCOUNT))
    assert stage.desk.ledger.accounts() == ()


def test_adopting_books_one_sealed_entry_that_agrees_with_the_broker(stage: GatewayStage) -> None:
    stage.trade("AAPL", 10)
    stage.trade("MSFT", 3)
    stage.tomorrow()
    found = stage.adopted()
    desk = stage.desk
    assert stage.books_agree()
    assert desk.ledger.account(ACCOUNT).broker == "ibkr"
    rows = {row.symbol: row.average_cost for row in desk.ledger.views.positions(ACCOUNT)}
    for position in found.opening.positions:
        assert position.average_cost is not None
        assert abs((rows[position.symbol] or D(0)) - position.average_cost) < D("0.01")
    assert desk.ledger.verify_audit().holds
    assert [row.event for row in desk.ledger.views.audit(ACCOUNT).rows] == ["account_adopted"]
    with at_work(desk):
        report = reconcile(desk, ACCOUNT)
    assert (report.clean, report.findings) == (True, ())


def test_an_account_is_adopted_once_and_only_as_it_was_shown(stage: GatewayStage) -> None:
    shown = look(stage.desk, ACCOUNT)
    stage.trade("AAPL", 2)
    stage.trade("AAPL", -1)
    stage.tomorrow()
    with pytest.raises(BlockedError, match="has changed since it was shown"):
        adopt(stage.desk, ACCOUNT, shown=shown.digest)
    assert stage.desk.ledger.accounts() == ()
    stage.adopted()
    with pytest.raises(InputError, match="is open already"):
        look(stage.desk, ACCOUNT)


def test_what_was_traded_today_is_booked_once_as_the_executions_it_was(stage: GatewayStage) -> None:
    """The broker goes on telling today's executions: they are not in the opening, so reconciling books them."""
    stage.trade("AAPL", 10)
    stage.tomorrow()
    stage.trade("AAPL", 5)
    stage.trade("MSFT", 2)
    found = stage.adopted()
    assert [(each.symbol, each.quantity) for each in found.opening.positions] == [("AAPL", D(10))]
    assert len(found.today) == 2
    with at_work(stage.desk):
        first, second = reconcile(stage.desk, ACCOUNT), reconcile(stage.desk, ACCOUNT)
    assert stage.books_agree()
    assert first.clean
    assert second.findings == ()
    booked = stage.desk.ledger.views.trades(ACCOUNT).rows
    assert sorted((row.symbol, row.quantity) for row in booked) == [("AAPL", D(5)), ("MSFT", D(2))]


def test_shorts_are_not_taken_over_by_a_mandate_that_forbids_them(stage: GatewayStage) -> None:
    stage.trade("AAPL", -4)
    stage.tomorrow()
    found = look(stage.desk, ACCOUNT)
    assert len(found.problems) == 1
    assert "AAPL are held short" in found.problems[0]
    with pytest.raises(BlockedError, match="AAPL are held short"):
        adopt(stage.desk, ACCOUNT, shown=found.digest)
    assert stage.desk.ledger.accounts() == ()
