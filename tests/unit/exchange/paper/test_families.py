"""Brackets and groups: what a fill or an end of one order means for the others."""

from dataclasses import replace

import pytest
from tests.paper_floor import AAPL, D, Desk, codes, executions, statuses, ticket

from prudent.domain.orders import Side
from prudent.exchange.paper.words import Kind, Status


def _bracket(desk: Desk, *, limit: str = "100.01", quantity: int = 100) -> None:
    """Parent 1 buys, 2 takes profit at 110, 3 stops at 95; the last one transmits all."""
    desk.place(ticket(1, Side.BUY, quantity, kind=Kind.LIMIT, limit=limit, transmit=False))
    desk.place(ticket(2, Side.SELL, quantity, kind=Kind.LIMIT, limit="110", parent_id=1, transmit=False))
    desk.place(ticket(3, Side.SELL, quantity, kind=Kind.STOP, stop="95", parent_id=1))


def _states(desk: Desk) -> list[Status]:
    return [desk.status(number) for number in (1, 2, 3)]


def test_an_order_that_is_not_transmitted_does_not_trade() -> None:
    desk = Desk()
    events = desk.place(ticket(1, Side.BUY, 10, transmit=False))
    assert (statuses(events), desk.advance()) == ([Status.PRE_SUBMITTED], ())
    desk.place(ticket(1, Side.BUY, 10))
    assert desk.status(1) is Status.FILLED


def test_the_last_of_a_bracket_transmits_all_and_the_parent_trades_first() -> None:
    desk = Desk()
    _bracket(desk)
    assert _states(desk) == [Status.FILLED, Status.SUBMITTED, Status.PRE_SUBMITTED]


def test_children_wait_for_their_parent() -> None:
    desk = Desk()
    _bracket(desk, limit="90.00")
    desk.show(AAPL, "111.00", "111.02", last="111.00")
    assert executions(desk.events) == []
    assert _states(desk) == [Status.SUBMITTED, Status.PRE_SUBMITTED, Status.PRE_SUBMITTED]


def test_the_child_that_fills_first_ends_the_other() -> None:
    desk = Desk()
    _bracket(desk)
    desk.show(AAPL, "110.00", "110.02", last="110.00")
    assert _states(desk) == [Status.FILLED, Status.FILLED, Status.CANCELLED]
    assert desk.held(AAPL) == 0


def test_a_partly_filled_child_leaves_the_other_no_more_than_the_rest() -> None:
    desk = Desk()
    _bracket(desk)
    desk.show(AAPL, "110.00", "110.02", last="110.00", size=30)
    view = desk.floor.order(1, 3)
    assert view is not None
    assert (view.ticket.quantity, view.status) == (D(70), Status.PRE_SUBMITTED)
    desk.show(AAPL, "94.00", "94.02", last="94.50")
    assert _states(desk) == [Status.FILLED, Status.CANCELLED, Status.FILLED]
    assert desk.held(AAPL) == 0


def test_two_targets_share_a_position_with_one_stop() -> None:
    desk = Desk()
    desk.place(ticket(1, Side.BUY, 100, transmit=False))
    desk.place(ticket(2, Side.SELL, 50, kind=Kind.LIMIT, limit="105", parent_id=1, transmit=False))
    desk.place(ticket(3, Side.SELL, 50, kind=Kind.LIMIT, limit="110", parent_id=1, transmit=False))
    desk.place(ticket(4, Side.SELL, 100, kind=Kind.STOP, stop="95", parent_id=1))
    desk.show(AAPL, "105.00", "105.02", last="105.00")
    view = desk.floor.order(1, 4)
    assert view is not None
    assert (desk.status(2), desk.status(3), view.ticket.quantity) == (Status.FILLED, Status.SUBMITTED, D(50))


def test_cancelling_the_parent_cancels_its_children() -> None:
    desk = Desk()
    _bracket(desk, limit="90.00")
    assert codes(desk.cancel(1)) == [202, 202, 202]
    assert _states(desk) == [Status.CANCELLED] * 3


def test_children_of_a_partly_filled_parent_that_ends_close_what_it_opened() -> None:
    desk = Desk()
    desk.market.show(AAPL, "99.99", "100.01", size=40)
    _bracket(desk)
    desk.cancel(1)
    views = [desk.floor.order(1, number) for number in (2, 3)]
    assert [view.ticket.quantity for view in views if view] == [D(40), D(40)]
    desk.show(AAPL, "94.00", "94.02", last="94.50")
    assert (desk.held(AAPL), _states(desk)) == (D(0), [Status.CANCELLED, Status.CANCELLED, Status.FILLED])


def test_a_child_of_a_cancelled_parent_is_refused() -> None:
    desk = Desk()
    desk.place(ticket(1, Side.BUY, 1, kind=Kind.LIMIT, limit="90"))
    desk.cancel(1)
    assert codes(desk.place(ticket(2, Side.SELL, 1, kind=Kind.LIMIT, limit="110", parent_id=1))) == [135]


def _group(desk: Desk, oca_type: int) -> None:
    first = ticket(1, Side.BUY, 100, kind=Kind.LIMIT, limit="99", oca_group="g", oca_type=oca_type)
    desk.place(first)
    desk.place(replace(first, order_id=2, limit=D(98), quantity=D(50)))
    desk.place(replace(first, order_id=3, limit=D(97), quantity=D(10)))
    desk.place(replace(first, order_id=4, limit=D(97), oca_group="another"))


@pytest.mark.parametrize("oca_type", [0, 1, 2, 3])
def test_of_a_group_only_one_order_is_filled(oca_type: int) -> None:
    desk = Desk()
    _group(desk, oca_type)
    assert codes(desk.show(AAPL, "98.90", "99.00")) == [202, 202]
    assert [desk.status(number) for number in (1, 2, 3, 4)] == [
        Status.FILLED, Status.CANCELLED, Status.CANCELLED, Status.SUBMITTED,
    ]  # fmt: skip


def test_a_partial_fill_cancels_a_group_of_the_first_type() -> None:
    desk = Desk()
    _group(desk, 1)
    desk.show(AAPL, "98.90", "99.00", size=40)
    assert (desk.status(1), desk.status(2), desk.status(3)) == (Status.SUBMITTED, Status.CANCELLED, Status.CANCELLED)


@pytest.mark.parametrize("oca_type", [2, 3])
def test_a_partial_fill_reduces_the_others_of_a_group_in_proportion(oca_type: int) -> None:
    desk = Desk()
    _group(desk, oca_type)
    desk.show(AAPL, "98.90", "99.00", size=40)
    # 40 of 100 were filled: 40 % less of 50 and of 10.
    sizes = [view.ticket.quantity for view in desk.floor.open_orders()]
    assert sizes == [D(100), D(30), D(6), D(100)]
    desk.show(AAPL, "98.90", "99.00", size=30)
    # 30 of the 60 that were left: half of 30 and of 6.
    assert [view.ticket.quantity for view in desk.floor.open_orders()] == [D(100), D(15), D(3), D(100)]


def test_cancelling_all_reaches_the_orders_of_every_client_once() -> None:
    desk = Desk()
    _bracket(desk, limit="90.00")
    desk.place(ticket(1, Side.BUY, 1, kind=Kind.LIMIT, limit="90", client_id=2))
    assert codes(desk.floor.cancel_all(desk.at)) == [202] * 4
    assert desk.floor.open_orders() == ()


def test_an_order_that_leaves_its_group_is_no_longer_of_it() -> None:
    desk = Desk()
    _group(desk, 1)
    desk.place(ticket(2, Side.BUY, 50, kind=Kind.LIMIT, limit="98"))
    desk.show(AAPL, "98.90", "99.00")
    assert (desk.status(2), desk.status(3)) == (Status.SUBMITTED, Status.CANCELLED)
