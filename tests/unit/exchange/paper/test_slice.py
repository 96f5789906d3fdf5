"""The shortest way through the paper exchange: market and limit orders on a stock, cancelled or traded."""

from collections.abc import Sequence
from datetime import timedelta

import pytest
from tests.paper_floor import (
    AAPL,
    ACCOUNT,
    CASH,
    D,
    Desk,
    codes,
    executions,
    refusals,
    statuses,
    ticket,
    told_positions,
)

from prudent.domain.orders import Side
from prudent.exchange.paper.books import Row
from prudent.exchange.paper.floor import Floor
from prudent.exchange.paper.words import Kind, Margin, Status, Tif


def test_a_market_order_trades_at_the_ask_and_is_told_in_order() -> None:
    desk = Desk()
    events = desk.place(ticket(1, Side.BUY, 100))
    assert statuses(events) == [Status.SUBMITTED, Status.FILLED]
    (execution,) = executions(events)
    # 100 shares at 0.005 are 0.50, at least 1.00.
    assert (execution.price, execution.quantity, execution.commission) == (D("100.01"), D(100), D("1.00"))
    assert execution.realized is None
    (position,) = told_positions(events)
    # 10,001.00 and the commission of 1.00 over 100 shares.
    assert (position.quantity, position.average_cost) == (D(100), D("100.02"))
    kinds = ["order" if e.order else "execution" if e.execution else "position" for e in events]
    assert kinds == ["order", "execution", "position", "order"]
    assert desk.value("TotalCashValue") == CASH - D("10002.00")


def test_a_limit_order_away_from_the_market_rests_and_trades_at_its_limit_when_the_ask_comes() -> None:
    desk = Desk()
    assert statuses(desk.place(ticket(1, Side.BUY, 100, kind=Kind.LIMIT, limit="99.50"))) == [Status.SUBMITTED]
    assert desk.advance() == ()
    events = desk.show(AAPL, "99.30", "99.40", last="99.35")
    assert [e.price for e in executions(events)] == [D("99.50")]
    assert desk.status(1) is Status.FILLED


def test_a_print_at_the_limit_alone_fills_nothing() -> None:
    desk = Desk()
    desk.place(ticket(1, Side.BUY, 100, kind=Kind.LIMIT, limit="99.50"))
    assert executions(desk.show(AAPL, "99.60", "99.62", last="99.40")) == []


def test_a_marketable_limit_order_trades_at_the_quote() -> None:
    (execution,) = executions(Desk().place(ticket(1, Side.BUY, 100, kind=Kind.LIMIT, limit="101.00")))
    assert execution.price == D("100.01")


def test_a_sale_tells_what_it_realized() -> None:
    desk = Desk()
    desk.place(ticket(1, Side.BUY, 100))
    (execution,) = executions(desk.show(AAPL, "110.00", "110.02") or desk.place(ticket(2, Side.SELL, 100)))
    # 100 x 110.00 - 1.00 - (100 x 100.01 + 1.00)
    assert execution.realized == D("997.00")
    assert desk.floor.positions() == ()
    assert desk.value("TotalCashValue") == CASH + D("997.00")
    assert desk.value("RealizedPnL") == D("997.00")


def test_a_cancelled_order_is_told_with_202_and_trades_no_more() -> None:
    desk = Desk()
    desk.place(ticket(1, Side.BUY, 100, kind=Kind.LIMIT, limit="99.50"))
    events = desk.cancel(1)
    assert (statuses(events), codes(events)) == ([Status.CANCELLED], [202])
    assert executions(desk.show(AAPL, "99.00", "99.02")) == []
    assert codes(desk.cancel(1)) == [10148]
    assert codes(desk.cancel(7)) == [10147]


def test_a_day_order_ends_at_the_close_and_a_gtc_order_does_not() -> None:
    desk = Desk()
    desk.place(ticket(1, Side.BUY, 1, kind=Kind.LIMIT, limit="90.00"))
    desk.place(ticket(2, Side.BUY, 1, kind=Kind.LIMIT, limit="90.00", tif=Tif.GTC))
    events = desk.advance(desk.at.replace(hour=21, minute=0))
    assert codes(events) == [202]
    assert (desk.status(1), desk.status(2)) == (Status.CANCELLED, Status.SUBMITTED)
    desk.market.show(AAPL, "89.00", "89.01")
    assert executions(desk.advance(desk.at.replace(hour=23))) == []
    assert len(executions(desk.advance(desk.at.replace(hour=15) + timedelta(days=1)))) == 1


def test_an_immediate_order_takes_what_is_there_and_is_cancelled() -> None:
    desk = Desk()
    desk.market.show(AAPL, "99.99", "100.01", size=30)
    desk.place(ticket(1, Side.BUY, 100, kind=Kind.LIMIT, limit="100.01", tif=Tif.IOC))
    assert (desk.filled(1), desk.status(1)) == (D(30), Status.CANCELLED)


def test_the_size_of_one_quote_is_traded_once() -> None:
    desk = Desk()
    desk.market.show(AAPL, "99.99", "100.01", size=150)
    desk.place(ticket(1, Side.BUY, 100))
    desk.place(ticket(2, Side.BUY, 100))
    desk.advance()
    assert (desk.filled(1), desk.filled(2)) == (D(100), D(50))
    desk.show(AAPL, "99.99", "100.02", size=150)
    view = desk.floor.order(1, 2)
    assert view is not None
    # 50 at 100.01 and 50 at 100.02
    assert (view.status, view.average_price) == (Status.FILLED, D("100.015"))
    # 0.005 x 100 is below the minimum of 1.00, which is paid once for the order.
    assert sum(e.commission for e in desk.floor.executions() if e.order_id == 2) == D("1.00")


def test_an_order_beyond_the_buying_power_is_refused_with_201_and_stays_inactive() -> None:
    desk = Desk(cash=D(10_000))
    events = desk.place(ticket(1, Side.BUY, 300))
    assert (statuses(events), codes(events)) == ([Status.INACTIVE], [201])
    assert "EQUITY WITH LOAN VALUE" in refusals(events)[0].text
    assert [view.ticket.order_id for view in desk.floor.completed()] == [1]


def test_what_if_tells_the_margin_and_changes_nothing() -> None:
    desk = Desk()
    before = desk.floor.state()
    margin = desk.floor.what_if(ticket(1, Side.BUY, 100), desk.at)
    assert isinstance(margin, Margin)
    # Half and a quarter of 100 x the middle of 100.00; the loan equity pays spread and commission.
    assert (margin.initial_after, margin.maintenance_after) == (D(5000), D(2500))
    assert (margin.commission, margin.equity_change) == (D("1.00"), D("-2.00"))
    assert desk.floor.state() == before


def test_a_question_is_not_placed() -> None:
    desk = Desk()
    with pytest.raises(ValueError, match="must not be placed"):
        desk.place(ticket(1, Side.BUY, 1, what_if=True))
    assert desk.floor.completed() == ()


def test_an_order_that_could_not_be_kept_leaves_no_trace_on_the_next_of_its_perm_id() -> None:
    desk, disk = Desk(), _Disk()
    desk.floor = Floor(desk.market, {ACCOUNT: CASH}, desk.at, keep=disk)
    disk.is_gone = True
    with pytest.raises(OSError, match="gone"):
        desk.place(ticket(7, Side.BUY, 1, kind=Kind.LIMIT, limit="90", oca_group="g", parent_id=0))
    disk.is_gone = False
    desk.place(ticket(8, Side.BUY, 1, kind=Kind.LIMIT, limit="90"))
    desk.place(ticket(9, Side.BUY, 1, oca_group="g"))
    assert desk.floor.order(1, 7) is None
    assert (desk.status(8), desk.status(9)) == (Status.SUBMITTED, Status.FILLED)


class _Disk:
    is_gone = False

    def __call__(self, rows: Sequence[Row]) -> None:
        if self.is_gone:
            raise OSError("the disk is gone")
