"""What a contract was on a day, what one of it is worth, and the names that it goes by."""

from datetime import UTC, date, datetime
from decimal import Decimal

import pytest

from prudent.domain.errors import InputError
from prudent.domain.futures import exchange_day, names_of, point_value, root_of_contract, terms
from prudent.domain.instruments import InstrumentKind, normalise_symbol
from prudent.domain.orders import Fill, Side
from prudent.marketdata.instruments import InstrumentMaster

D = Decimal


@pytest.mark.parametrize(
    ("symbol", "on", "means", "alias", "takes_entries"),
    [
        ("ES1!", date(2022, 12, 7), "ESZ2", "ES1!", True), ("ES1!", date(2022, 12, 8), "ESH3", "ES1!", True),
        ("ESZ2", date(2022, 12, 7), "ESZ2", "ES1!", True), ("ESZ2", date(2022, 12, 8), "ESZ2", "", False),
        ("ESH3", date(2022, 12, 7), "ESH3", "", True), ("XAUUSD", date(2022, 11, 21), "GCZ2", "XAUUSD", True),
        ("XAUUSD", date(2022, 11, 22), "GCG3", "XAUUSD", True), ("GCZ2", date(2022, 11, 22), "GCZ2", "", False),
        ("MESZ2", date(2022, 12, 7), "MESZ2", "", True),
    ],
)  # fmt: skip
def test_the_terms_of_a_day(symbol: str, on: date, means: str, alias: str, *, takes_entries: bool) -> None:
    found = terms(symbol, on)
    assert found is not None
    assert (found.symbol, found.alias, found.takes_entries) == (means, alias, takes_entries)


def test_a_month_is_held_until_notice_or_the_business_day_before_its_last() -> None:
    gold, index = terms("GCZ2", date(2022, 11, 1)), terms("ESM6", date(2026, 6, 1))
    assert gold is not None
    assert index is not None
    # First notice is 2022-11-30, two business days before it the 28th.
    assert (gold.held_until, gold.roll) == (date(2022, 11, 28), date(2022, 11, 22))
    # Juneteenth is the third Friday: the 18th is the last day.
    assert (index.expiry, index.held_until) == (date(2026, 6, 18), date(2026, 6, 17))


def test_the_day_of_a_contract_is_new_yorks() -> None:
    assert exchange_day(datetime(2022, 12, 8, 4, 59, tzinfo=UTC)) == date(2022, 12, 7)
    assert exchange_day(datetime(2022, 12, 8, 5, 0, tzinfo=UTC)) == date(2022, 12, 8)


def test_what_is_no_future_has_no_terms_and_counts_once() -> None:
    for symbol in ("AAPL", "ESF3", "CLZ2", "ES", "EURUSD1"):
        assert terms(symbol, date(2022, 12, 7)) is None
        assert root_of_contract(symbol) is None
        assert point_value(symbol) == 1
        assert names_of(symbol) == {symbol}
    assert [point_value(each) for each in ("ESZ2", "6EZ2", "M6EZ22", "GCG3")] == [50, 125_000, 12_500, 100]
    assert names_of("6EZ2") == {"6EZ2", "EURUSD"}
    assert names_of("MESZ2") == {"MESZ2"}


def test_an_alias_is_a_symbol_and_nothing_else_of_its_kind_is() -> None:
    assert normalise_symbol(" es1! ") == "ES1!"
    for odd in ("CL1!", "ES2!", "AAPL!"):
        with pytest.raises(InputError):
            normalise_symbol(odd)


def test_the_instrument_master_knows_each_month_of_a_known_root() -> None:
    found = InstrumentMaster().find("6EH3")
    assert found is not None
    assert (found.kind, found.multiplier, found.tick, found.venue) == (
        InstrumentKind.FUTURE, D(125_000), D("0.00005"), "CME",
    )  # fmt: skip
    assert InstrumentMaster().find("ES1!") is None
    assert InstrumentMaster().find("CLZ2") is None
    assert all(each.kind is not InstrumentKind.FUTURE for each in InstrumentMaster().all())


def test_a_fill_of_a_future_is_worth_all_that_the_contract_stands_for() -> None:
    fill = Fill(
        exec_id="1", order_ref="r", account="a", symbol="ESZ2", side=Side.SELL, quantity=D(2), price=D("4000.25"),
        commission=D("4.50"), time=datetime(2022, 12, 1, tzinfo=UTC),
    )  # fmt: skip
    # 2 x 4,000.25 x 50, less what it cost
    assert (fill.notional, fill.cash_effect) == (D("400025.00"), D("400020.50"))
