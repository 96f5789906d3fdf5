"""What is refused at the door, with the code a client knows; nothing refused there leaves an order."""

from dataclasses import replace
from datetime import timedelta

import pytest
from tests.paper_floor import AAPL, ACCOUNT, CALL, ES, EXPIRY, SPREAD, SPX, D, Desk, codes, statuses, ticket

from prudent.domain.orders import Side
from prudent.exchange.paper.words import Facts, Kind, Status, Ticket, Tif

BUY = Side.BUY
REFUSED = [
    (ticket(1, BUY, 1, replace(AAPL, con_id=99)), 200),
    (ticket(1, BUY, 1, SPX), 201),
    (ticket(1, BUY, "1.5"), 10243),
    (ticket(1, BUY, 0), 321),
    (ticket(1, BUY, "NaN"), 321),
    (ticket(1, BUY, 1, account="DU999"), 321),
    (ticket(1, BUY, 1, kind=Kind.LIMIT), 321),
    (ticket(1, BUY, 1, kind=Kind.LIMIT, limit="-1"), 321),
    (ticket(1, BUY, 1, kind=Kind.LIMIT, limit="NaN"), 321),
    (ticket(1, BUY, 1, kind=Kind.STOP), 321),
    (ticket(1, BUY, 1, kind=Kind.TRAIL), 321),
    (ticket(1, BUY, 1, kind=Kind.TRAIL_LIMIT, stop="1"), 321),
    (ticket(1, BUY, 1, kind=Kind.LIMIT, limit="100.001"), 110),
    (ticket(1, BUY, 1, ES, Kind.LIMIT, limit="5000.10"), 110),
    (ticket(1, BUY, 1, kind=Kind.STOP, stop="100.001"), 110),
    (ticket(1, BUY, 1, kind=Kind.MARKET_ON_CLOSE, tif=Tif.GTC), 113),
    (ticket(1, BUY, 1, kind=Kind.STOP, stop="101", tif=Tif.OPG), 111),
    (ticket(1, BUY, 1, SPREAD, Kind.STOP, stop="1"), 387),
    (ticket(1, BUY, 1, replace(SPREAD, legs=SPREAD.legs[:1])), 201),
    (ticket(1, BUY, 1, replace(SPREAD, legs=(SPREAD.legs[0], replace(SPREAD.legs[1], con_id=1)))), 201),
    (ticket(1, BUY, 1, replace(SPREAD, legs=(SPREAD.legs[0], replace(SPREAD.legs[1], con_id=99)))), 200),
    (ticket(1, BUY, 1, parent_id=77), 135),
    (ticket(0, BUY, 1), 103),
]


@pytest.mark.parametrize(("asked", "code"), REFUSED)
def test_nonsense_is_refused_with_its_code(asked: Ticket, code: int) -> None:
    desk = Desk()
    events = desk.place(asked)
    assert (codes(events), statuses(events)) == ([code], [])
    assert desk.floor.open_orders() == desk.floor.completed() == ()
    assert desk.floor.next_order_id(1) == 1


def test_the_account_may_be_left_out_where_there_is_one() -> None:
    assert codes(Desk().place(ticket(1, BUY, 1, account=""))) == []
    assert codes(Desk(accounts=(ACCOUNT, "DU200")).place(ticket(1, BUY, 1, account=""))) == [435]


def test_an_expired_contract_is_refused() -> None:
    desk = Desk()
    desk.at = EXPIRY
    assert codes(desk.place(ticket(1, BUY, 1, CALL))) == [201]


def test_ids_of_a_client_only_go_up_and_those_of_another_are_its_own() -> None:
    desk = Desk()
    desk.place(ticket(5, BUY, 1))
    assert desk.floor.next_order_id(1) == 6
    assert codes(desk.place(ticket(4, BUY, 1))) == [103]
    assert codes(desk.place(ticket(5, BUY, 1))) == [104]
    desk.place(ticket(6, BUY, 1, kind=Kind.LIMIT, limit="90"))
    desk.cancel(6)
    assert codes(desk.place(ticket(6, BUY, 1, kind=Kind.LIMIT, limit="91"))) == [103]
    assert codes(desk.place(ticket(1, BUY, 1, client_id=2))) == []
    assert desk.floor.next_order_id(2) == 2


def test_an_order_is_changed_under_its_ids_and_keeps_its_perm_id() -> None:
    desk = Desk()
    desk.place(ticket(1, BUY, 10, kind=Kind.LIMIT, limit="90"))
    (before,) = desk.floor.open_orders()
    assert statuses(desk.place(ticket(1, BUY, 20, kind=Kind.LIMIT, limit="91"))) == [Status.SUBMITTED]
    (view,) = desk.floor.open_orders()
    assert (view.ticket.quantity, view.ticket.limit, view.perm_id) == (D(20), D(91), before.perm_id)
    desk.place(ticket(1, BUY, 20, kind=Kind.LIMIT, limit="100.01"))
    assert desk.status(1) is Status.FILLED


@pytest.mark.parametrize(
    ("change", "code"),
    [
        (ticket(1, Side.SELL, 10, kind=Kind.LIMIT, limit="90"), 105),
        (ticket(1, BUY, 10, ES, Kind.LIMIT, limit="90"), 105),
        (ticket(1, BUY, 10, kind=Kind.LIMIT, limit="90.001"), 110),
        (ticket(1, BUY, "10.5", kind=Kind.LIMIT, limit="90"), 10243),
        (ticket(1, BUY, 1_000_000, kind=Kind.LIMIT, limit="90"), 201),
    ],
)
def test_a_change_that_is_refused_leaves_the_order_as_it_was(change: Ticket, code: int) -> None:
    desk = Desk()
    desk.place(ticket(1, BUY, 10, kind=Kind.LIMIT, limit="90"))
    before = desk.floor.open_orders()
    assert codes(desk.place(change)) == [code]
    assert desk.floor.open_orders() == before


def test_an_order_cannot_shrink_below_what_was_filled() -> None:
    desk = Desk()
    desk.market.show(AAPL, "99.99", "100.01", size=60)
    asked = ticket(1, BUY, 100, kind=Kind.LIMIT, limit="100.01")
    desk.place(asked)
    assert codes(desk.place(replace(asked, quantity=D(60)))) == [201]
    assert codes(desk.place(replace(asked, quantity=D(61)))) == []
    desk.show(AAPL, "99.99", "100.01")
    assert (desk.filled(1), desk.status(1)) == (D(61), Status.FILLED)


def test_after_the_close_out_a_future_may_only_be_closed() -> None:
    desk = Desk()
    desk.place(ticket(1, BUY, 2, ES))
    facts = desk.market.known[4]
    desk.market.known[4] = Facts(
        contract=ES, ticks=facts.ticks, initial_margin=facts.initial_margin, maintenance_margin=D(1),
        close_out=desk.at,
    )  # fmt: skip
    assert codes(desk.place(ticket(2, BUY, 1, ES))) == [201]
    assert codes(desk.place(ticket(3, Side.SELL, 5, ES))) == [201]
    assert codes(desk.place(ticket(4, Side.SELL, 2, ES))) == []
    desk.at += timedelta(seconds=1)
    assert codes(desk.place(ticket(5, Side.SELL, 1, ES))) == [201]


def test_a_fill_that_the_account_can_no_longer_carry_ends_the_order() -> None:
    desk = Desk(cash=D(10_000))
    for number in (1, 2):
        asked = ticket(number, BUY, 150, kind=Kind.LIMIT, limit="90.00")
        assert codes(desk.place(asked)) == []
    events = desk.show(AAPL, "89.99", "90.00")
    assert (desk.status(1), desk.status(2)) == (Status.FILLED, Status.CANCELLED)
    assert codes(events) == [202]
