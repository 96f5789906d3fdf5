"""Futures in double entry: a contract is booked at its whole value, and its result is the move times the multiplier."""

from datetime import UTC, datetime
from decimal import Decimal

from prudent.domain.accounts import Position
from prudent.domain.orders import Fill, Side
from prudent.ledger.booking import CASH, Book, adopted_lines, fill_lines, realised_of

D = Decimal
NOON = datetime(2022, 12, 1, 17, 0, tzinfo=UTC)


def fill(side: Side, quantity: str, price: str) -> Fill:
    return Fill(
        exec_id=f"{side}{price}", order_ref="r", account="a", symbol="ESZ2", side=side, quantity=D(quantity),
        price=D(price), commission=D("4.50"), time=NOON,
    )  # fmt: skip


def booked(book: Book, *fills: Fill) -> list[Decimal]:
    """The results of the fills, one after the other."""
    results = []
    for number, each in enumerate(fills, 1):
        lines = fill_lines(book, each)
        results.append(realised_of(lines))
        for line in lines:
            book.add(number, line, NOON)
    return results


def test_a_round_trip_moves_cash_by_the_move_times_the_multiplier() -> None:
    book = Book()
    results = booked(book, fill(Side.BUY, "2", "4000.00"), fill(Side.SELL, "2", "4010.25"))
    # 2 x 10.25 x 50
    assert results == [D(0), D("1025.00")]
    assert book.balance(CASH) == D("1025.00") - 2 * D("4.50")
    assert book.holdings == {}


def test_the_average_cost_of_a_holding_is_a_price() -> None:
    book = Book()
    booked(book, fill(Side.BUY, "1", "4000.00"), fill(Side.BUY, "1", "4010.00"))
    held = book.holdings["ESZ2"]
    assert (held.cost, held.average_cost) == (D(400_500), D(4005))


def test_a_future_is_taken_over_at_its_whole_cost() -> None:
    lines = adopted_lines(D(100), [Position(symbol="ESZ2", quantity=D(2), average_cost=D("4000.045"))])
    (line,) = [each for each in lines if each.symbol == "ESZ2"]
    assert line.amount == D("400004.50")
