"""Commissions by hand, and the kernel against the exact row."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from prudent.domain.mandate import CostModel
from prudent.exchange.fees import commission, commission_row, model_code

D = Decimal


@pytest.mark.parametrize(
    ("model", "quantity", "price", "fee"),
    [
        (CostModel.NONE, "100", "10", "0.00"),
        (CostModel.IBKR_FIXED, "100", "10", "1.00"),
        (CostModel.IBKR_FIXED, "200", "10", "1.00"),
        (CostModel.IBKR_FIXED, "1000", "10", "5.00"),
        (CostModel.IBKR_FIXED, "1000", "0.20", "2.00"),
        (CostModel.IBKR_FIXED, "3", "10", "0.30"),
        (CostModel.IBKR_TIERED, "100", "10", "0.35"),
        (CostModel.IBKR_TIERED, "1000", "10", "3.50"),
        (CostModel.IBKR_TIERED, "2", "10", "0.20"),
        (CostModel.XTB, "100", "10", "0.80"),
        (CostModel.CRYPTO, "0.5", "20000", "10.00"),
    ],
)
def test_each_cost_model_by_hand(model: CostModel, quantity: str, price: str, fee: str) -> None:
    assert commission_row(model, D(quantity), D(price)) == D(fee)
    assert commission_row(model, -D(quantity), D(price)) == D(fee)
    assert commission(model_code(model), float(quantity), float(price), 1.0) == float(fee)


@pytest.mark.parametrize(
    ("model", "fee"),
    [(CostModel.IBKR_FIXED, "6.75"), (CostModel.IBKR_TIERED, "6.75"), (CostModel.NONE, "0"), (CostModel.XTB, "480")],
)
def test_a_future_pays_by_the_contract(model: CostModel, fee: str) -> None:
    # 3 x 2.25 at Interactive Brokers; a share of the value, 3 x 4,000 x 50, elsewhere.
    assert commission_row(model, D(-3), D(4_000), D(50)) == D(fee)
    assert commission(model_code(model), -3.0, 4_000.0, 50.0) == float(fee)


def test_the_maximum_wins_over_the_minimum() -> None:
    # One share of 5.00: the minimum is 1.00, the maximum 1 % of 5.00.
    assert commission_row(CostModel.IBKR_FIXED, D(1), D(5)) == D("0.05")


@given(
    st.sampled_from(CostModel),
    st.integers(1, 10**7).map(lambda n: D(n) / 1000),
    st.integers(1, 10**7).map(lambda n: D(n) / 100),
    st.sampled_from((D(1), D(50), D(100))),
)
def test_kernel_and_row_agree_to_the_cent(model: CostModel, quantity: D, price: D, multiplier: D) -> None:
    kernel = commission(model_code(model), float(quantity), float(price), float(multiplier))
    assert D(repr(kernel)) == commission_row(model, quantity, price, multiplier)
