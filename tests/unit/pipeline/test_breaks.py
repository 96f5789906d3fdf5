"""What kind of difference stands between two books."""

from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal

import pytest

from prudent.domain.accounts import AccountSnapshot, Position
from prudent.domain.orders import OpenOrder, Side
from prudent.pipeline.breaks import Break, BreakKind, breaks_between

D = Decimal
NOON = datetime(2024, 3, 4, 17, 0, tzinfo=UTC)


def seen(cash: str = "1000", **positions: str) -> AccountSnapshot:
    return AccountSnapshot(
        account="a", currency="USD", cash=D(cash), open_orders=(), as_of=NOON, source="x",
        positions=tuple(Position(symbol=symbol, quantity=D(held)) for symbol, held in positions.items()),
    )  # fmt: skip


def between(theirs: AccountSnapshot, *orders: OpenOrder, untold: str = "", **ours: str) -> tuple[Break, ...]:
    held = {symbol: D(quantity) for symbol, quantity in ours.items()}
    return breaks_between(held, D(1000), theirs, at_venue=orders, untold=frozenset(untold.split()))


def test_equal_books_have_no_break() -> None:
    assert between(seen(AAPL="10"), AAPL="10") == ()


@pytest.mark.parametrize(
    ("theirs", "ours", "kind"),
    [
        (seen(AAPL="20"), "10", BreakKind.CORPORATE_ACTION),
        (seen(AAPL="2"), "10", BreakKind.CORPORATE_ACTION),
        (seen(AAPL="13"), "10", BreakKind.TRANSFER),
        (seen(), "10", BreakKind.TRANSFER),
        (seen("700", AAPL="13"), "10", BreakKind.FOREIGN_TRADE),
        (seen("1300", AAPL="7"), "10", BreakKind.FOREIGN_TRADE),
        (seen("1300", AAPL="13"), "10", BreakKind.UNEXPLAINED),
        (seen("700", AAPL="20"), "10", BreakKind.FOREIGN_TRADE),
    ],
)
def test_a_difference_in_one_symbol_is_named(theirs: AccountSnapshot, ours: str, kind: BreakKind) -> None:
    (found,) = between(theirs, AAPL=ours)
    assert (found.symbol, found.kind) == ("AAPL", kind)


def test_what_an_order_of_ours_may_have_done_is_a_missing_fill() -> None:
    order = OpenOrder(order_ref="R", symbol="AAPL", side=Side.BUY, remaining=D(5))
    (found,) = between(seen("700", AAPL="13"), order, AAPL="10")
    assert found.kind is BreakKind.MISSING_FILL
    (other,) = between(seen("300", AAPL="17"), order, AAPL="10")
    assert other.kind is BreakKind.FOREIGN_TRADE


def test_cash_alone_is_a_transfer_and_beside_several_symbols_unexplained() -> None:
    (found,) = between(seen("1500", AAPL="10"), AAPL="10")
    assert (found.symbol, found.gap, found.kind) == ("CASH", D(500), BreakKind.TRANSFER)
    several = between(seen("1500", AAPL="11", KO="1"), AAPL="10")
    assert [each.symbol for each in several] == ["AAPL", "KO", "CASH"]
    assert several[-1].kind is BreakKind.UNEXPLAINED


def test_what_is_not_told_yet_is_no_break() -> None:
    assert between(seen("900", AAPL="13", KO="2"), untold="AAPL", AAPL="10", KO="2") == ()


def test_beside_futures_cash_may_differ_by_what_their_price_moves_between_two_answers() -> None:
    # 1 % of 2 x 4,000 x 50
    held = (Position(symbol="ESZ2", quantity=D(2), average_cost=D(4000)),)
    assert between(replace(seen("5000"), positions=held), ESZ2="2") == ()
    (found,) = between(replace(seen("5000.01"), positions=held), ESZ2="2")
    assert (found.symbol, found.cash) == ("CASH", D("4000.01"))
    # What a trade cost is told in full.
    (traded,) = between(replace(seen("800"), positions=held), ESZ2="1")
    assert (traded.symbol, traded.cash, traded.kind) == ("ESZ2", D(-200), BreakKind.FOREIGN_TRADE)
