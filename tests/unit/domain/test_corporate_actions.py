"""Dividends, splits and delistings on one holding, by hand."""

from datetime import date
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from prudent.domain.corporate_actions import Delisting, Dividend, Split, outcome
from prudent.domain.money import is_finite

D = Decimal
DAY = date(2024, 7, 3)


def split(ratio: str, price: str = "10", lot: str = "1") -> Split:
    return Split(symbol="ABC", day=DAY, ratio=D(ratio), price=D(price), lot=D(lot))


def test_a_dividend_pays_the_holder_and_costs_the_short() -> None:
    paid = Dividend(symbol="ABC", day=DAY, amount=D("0.375"))
    # 10 x 0.375 = 3.75; 3 x 0.375 = 1.125, to the cent 1.13.
    assert [outcome(D(q), paid).cash for q in (10, -10, 3, -3, 0)] == [
        D("3.75"), D("-3.75"), D("1.13"), D("-1.13"), D(0),
    ]  # fmt: skip
    assert outcome(D(10), paid).after == 10


@pytest.mark.parametrize(
    ("quantity", "ratio", "lot", "after", "paid_out", "cash"),
    [
        ("10", "2", "1", "20", "0", "0"),
        ("10", "1.5", "1", "15", "0", "0"),
        ("7", "1.5", "1", "10", "0.5", "5"),  # 10.5
        ("-7", "1.5", "1", "-10", "-0.5", "-5"),
        ("7", "1.5", "0.1", "10.5", "0", "0"),
        ("30", "0.033333", "1", "1", "0", "0"),  # one for thirty, as a source rounds it
        ("29", "0.1", "1", "2", "0.9", "9"),
        ("9", "0.1", "1", "0", "0.9", "9"),
        ("1000", "1.046", "1", "1046", "0", "0"),
        ("3", "0.333333", "1", "1", "0", "0"),
    ],
)
def test_a_split_keeps_whole_lots_and_pays_the_rest(
    quantity: str, ratio: str, lot: str, after: str, paid_out: str, cash: str
) -> None:
    done = outcome(D(quantity), split(ratio, lot=lot))
    assert (done.after, done.paid_out, done.cash) == (D(after), D(paid_out), D(cash))


@pytest.mark.parametrize(
    ("told", "meant"),
    [("2", "2"), ("0.033333", "1/30"), ("0.005", "1/200"), ("0.142857", "1/7"), ("1.046", "523/500"),
     ("1.0483", "10483/10000"), ("3.0000", "3"), ("0.066667", "1/15")],
)  # fmt: skip
def test_a_rounded_ratio_is_the_simple_one_that_was_meant(told: str, meant: str) -> None:
    assert split(told).exact == Fraction(meant)


def test_a_delisting_pays_all_out() -> None:
    gone = Delisting(symbol="ABC", day=DAY, price=D("0.615"))
    done = outcome(D(10), gone)
    assert (done.after, done.paid_out, done.cash) == (D(0), D(10), D("6.15"))
    assert outcome(D(-10), gone).cash == D("-6.15")


def test_an_action_is_named_by_symbol_day_and_kind() -> None:
    assert Dividend(symbol="ABC", day=DAY, amount=D(1)).ref == "ABC:2024-07-03:dividend"
    assert split("2").ref == "ABC:2024-07-03:split"
    assert Delisting(symbol="ABC", day=DAY, price=D(1)).ref == "ABC:2024-07-03:delisting"


@pytest.mark.parametrize("bad", [D(0), D(-1), D("NaN"), D("Infinity")])
def test_what_cannot_be_is_refused(bad: Decimal) -> None:
    with pytest.raises(ValueError, match="must be above 0"):
        Dividend(symbol="ABC", day=DAY, amount=bad)
    with pytest.raises(ValueError, match="must be above 0"):
        Delisting(symbol="ABC", day=DAY, price=bad)
    for ratio, price in ((bad, D(1)), (D(2), bad)):
        with pytest.raises(ValueError, match="must be above 0"):
            Split(symbol="ABC", day=DAY, ratio=ratio, price=price)


def test_a_split_of_one_for_one_is_none() -> None:
    with pytest.raises(ValueError, match="must change the number of shares"):
        split("1")


@given(
    st.decimals("-100000", "100000", places=6), st.sampled_from(["2", "3", "1.5", "0.1", "0.033333", "0.142857", "7"]),
    st.sampled_from(["1", "0.01", "0.000001"]),
)  # fmt: skip
def test_a_split_loses_nothing(quantity: Decimal, ratio: str, lot: str) -> None:
    change = split(ratio, lot=lot)
    done = outcome(quantity, change)
    assert done.quantity + done.grown - done.paid_out == done.after
    assert done.after % D(lot) == 0
    assert abs(done.paid_out) < D(lot)
    # Cut at twelve decimals, the sum is the exact one.
    assert abs(Fraction(done.after + done.paid_out) - Fraction(quantity) * change.exact) < Fraction(1, 10**11)
    assert is_finite(done.after)
    assert is_finite(done.grown)
