"""The calculator's CSV files: what is read, and that each refusal names its file and line."""

from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

import pytest

from prudent.domain.accounts import Position
from prudent.domain.errors import InputError
from prudent.domain.orders import Side
from prudent.entrypoints.cli import csv_tables


def file(folder: Path, text: str) -> Path:
    path = folder / "rows.csv"
    path.write_text(text, encoding="utf-8")
    return path


def test_positions_are_read_with_or_without_cost(tmp_path: Path) -> None:
    found = csv_tables.positions(file(tmp_path, "symbol,quantity,avg_cost\naapl,10,150.5\nBRK B,2\nMSFT,0,\n"))
    assert found == (
        Position(symbol="AAPL", quantity=Decimal(10), average_cost=Decimal("150.5")),
        Position(symbol="BRK.B", quantity=Decimal(2)),
    )


def test_a_byte_order_mark_blank_lines_spaces_and_column_order_do_not_matter(tmp_path: Path) -> None:
    found = csv_tables.positions(file(tmp_path, "\ufeffQuantity , Symbol\r\n\r\n 10 , AAPL \r\n"))
    assert found == (Position(symbol="AAPL", quantity=Decimal(10)),)


def test_a_short_needs_permission(tmp_path: Path) -> None:
    path = file(tmp_path, "symbol,quantity\nAAPL,-5\n")
    with pytest.raises(InputError, match=r"rows\.csv:2: AAPL is held short"):
        csv_tables.positions(path)
    assert csv_tables.positions(path, shorts=True)[0].quantity == -5


def test_prices_keep_what_is_no_usable_price_for_the_planner_to_judge(tmp_path: Path) -> None:
    rows = csv_tables.prices(file(tmp_path, "symbol,price,currency\nA,1.5,EUR\nB,,\nC,NaN,\nD,-1,\nE,0,\n"), base="USD")
    assert [row.symbol for row in rows] == ["A", "B", "C", "D", "E"]
    assert [row.currency for row in rows] == ["EUR", "USD", "USD", "USD", "USD"]
    assert rows[0].price == Decimal("1.5")
    assert rows[1].price is None
    assert rows[2].price is not None
    assert rows[2].price.is_nan()
    assert [row.price for row in rows[3:]] == [-1, 0]


def test_open_orders_are_read(tmp_path: Path) -> None:
    (order,) = csv_tables.open_orders(file(tmp_path, "symbol,side,quantity\nAAPL,buy,3\n"))
    assert (order.symbol, order.side, order.remaining) == ("AAPL", Side.BUY, Decimal(3))


@pytest.mark.parametrize("pair", ["EURUSD", "EUR/USD", "eur.usd"])
def test_a_rate_is_dollars_per_unit_of_the_first_currency(tmp_path: Path, pair: str) -> None:
    (rate,) = csv_tables.fx_rates(file(tmp_path, f"pair,rate\n{pair},1.08\n"), base="USD")
    assert (rate.currency, rate.rate) == ("EUR", Decimal("1.08"))


READERS: dict[str, Callable[[Path], object]] = {
    "positions": csv_tables.positions,
    "prices": lambda path: csv_tables.prices(path, base="USD"),
    "orders": csv_tables.open_orders,
    "fx": lambda path: csv_tables.fx_rates(path, base="USD"),
}


@pytest.mark.parametrize(
    ("kind", "text", "said"),
    [
        ("positions", "", ":1: the header must be symbol,quantity[,avg_cost], was empty"),
        ("positions", "symbol,qty\nA,1", ":1: the header must be symbol,quantity[,avg_cost], was symbol,qty"),
        ("positions", "symbol,quantity,quantity\n", ":1: the header must be"),
        ("positions", "symbol,quantity\nA,1,2", ":2: a row must have 2 cells, had 3"),
        ("positions", "symbol,quantity\nA", ":2: a row must have 2 cells, had 1"),
        ("positions", "symbol,quantity\nA,ten", ":2: quantity must be a number, was 'ten'"),
        ("positions", "symbol,quantity\nA,NaN", ":2: quantity must be a finite number"),
        ("positions", "symbol,quantity\nA,1\nA,2", ":3: A is there twice"),
        ("positions", "symbol,quantity\nBRK.B,1\nBRK-B,2", ":3: BRK.B is there twice"),
        ("positions", "symbol,quantity\n,1", ":2: symbol must be a ticker"),
        ("positions", "symbol,quantity\nCASH,1", ":2: cash is given with --cash"),
        ("positions", "symbol,quantity,avg_cost\nA,1,-2", ":2: avg_cost must be 0 or above, was -2"),
        ("prices", "symbol,price\nA,abc", ":2: price must be a number, was 'abc'"),
        ("prices", "symbol,price\nA,1\na,2", ":3: A is there twice"),
        ("prices", "symbol,price,currency\nA,1,EURO", ":2: a currency is three letters"),
        ("orders", "symbol,side,quantity\nA,hold,1", ":2: side must be BUY or SELL, was 'hold'"),
        ("orders", "symbol,side,quantity\nA,buy,0", ":2: quantity must be above 0, was 0"),
        ("fx", "pair,rate\nUSDEUR,1", ":2: pair must be a currency and USD, like EURUSD"),
        ("fx", "pair,rate\nUSDUSD,1", ":2: pair must be"),
        ("fx", "pair,rate\nEURUSD,0", ":2: rate must be above 0, was 0"),
        ("fx", "pair,rate\nEURUSD,1\nEUR/USD,1", ":3: EURUSD is there twice"),
    ],
)
def test_a_wrong_row_is_refused_with_its_place(tmp_path: Path, kind: str, text: str, said: str) -> None:
    with pytest.raises(InputError) as caught:
        READERS[kind](file(tmp_path, text))
    assert f"rows.csv{said}" in str(caught.value)


def test_a_file_that_is_not_there_or_no_text_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="must be a readable text file"):
        csv_tables.read_text(tmp_path / "none.csv")
    (tmp_path / "binary").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(InputError, match="it is not UTF-8 text"):
        csv_tables.read_text(tmp_path / "binary")
