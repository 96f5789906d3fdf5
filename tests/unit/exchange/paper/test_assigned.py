"""An option that is assigned before its time: it goes at nothing, and the shares move at its strike."""

from decimal import Decimal

import pytest
from tests.paper_floor import AAPL, ACCOUNT, CALL, PUT, Desk, executions, ticket

from prudent.domain.orders import Side
from prudent.exchange.paper.words import Contract

D = Decimal


@pytest.mark.parametrize(("option", "shares", "strike"), [(CALL, D(-100), D(100)), (PUT, D(100), D(90))])
def test_who_wrote_a_call_delivers_and_who_wrote_a_put_takes(
    option: Contract, shares: Decimal, strike: Decimal
) -> None:  # fmt: skip
    desk = Desk()
    desk.place(ticket(1, Side.SELL, 2, option))
    before = desk.value("TotalCashValue")
    told = executions(desk.floor.assign(ACCOUNT, option.con_id, D(1), desk.at))
    assert [(each.contract, each.quantity, each.price) for each in told] == [
        (option, D(1), D(0)), (AAPL, D(100), strike),
    ]  # fmt: skip
    assert (desk.held(option), desk.held(AAPL)) == (D(-1), shares)
    # Nothing but the shares is paid for.
    assert desk.value("TotalCashValue") == before - shares * strike


@pytest.mark.parametrize("quantity", [D(0), D(3)])
def test_more_than_is_short_is_not_assigned(quantity: Decimal) -> None:
    desk = Desk()
    desk.place(ticket(1, Side.SELL, 2, CALL))
    assert desk.floor.assign(ACCOUNT, CALL.con_id, quantity, desk.at) == ()
    assert desk.held(CALL) == D(-2)


def test_what_is_held_long_is_not_assigned() -> None:
    desk = Desk()
    desk.place(ticket(1, Side.BUY, 2, CALL))
    assert desk.floor.assign(ACCOUNT, CALL.con_id, D(1), desk.at) == ()
