"""Matching kernels by hand-made numbers."""

import math

import numpy as np
import pytest

from prudent.exchange import fees
from prudent.exchange.matching import (
    FILLED,
    NO_CASH,
    NO_PRICE,
    PARTIAL,
    RESTING,
    BookColumns,
    Costs,
    FillColumns,
    OrderColumns,
    QuoteColumns,
    TakerQuote,
    cash_effect,
    cost_after,
    match_batch,
    match_one,
    reference_price,
    round_price,
)

NAN = float("nan")
INF = float("inf")
BUY, SELL = 1, -1


def quote(price: float = 100.0, bid: float = NAN, ask: float = NAN, cap: float = INF, lot: float = 1.0) -> TakerQuote:
    return TakerQuote(price, bid, ask, cap, lot)


def test_a_buy_meets_the_ask_and_a_sell_the_bid() -> None:
    assert reference_price(BUY, quote(bid=99.0, ask=101.0)) == 101.0
    assert reference_price(SELL, quote(bid=99.0, ask=101.0)) == 99.0


@pytest.mark.parametrize("unknown", [NAN, 0.0, -1.0])
def test_an_unknown_side_of_the_quote_falls_to_the_price(unknown: float) -> None:
    assert reference_price(BUY, quote(ask=unknown)) == 100.0
    assert reference_price(SELL, quote(bid=unknown)) == 100.0


@pytest.mark.parametrize("unknown", [NAN, 0.0, -1.0])
def test_nothing_trades_without_a_price(unknown: float) -> None:
    assert match_one(BUY, 10.0, NAN, quote(unknown), 2.0)[0] == 0.0


def test_slippage_moves_against_the_taker() -> None:
    assert match_one(BUY, 10.0, NAN, quote(), 5.0) == (10.0, 100.05)
    assert match_one(SELL, 10.0, NAN, quote(), 5.0) == (10.0, 99.95)


def test_a_limit_is_never_passed() -> None:
    assert match_one(BUY, 10.0, 100.02, quote(), 5.0) == (10.0, 100.02)
    assert match_one(SELL, 10.0, 99.98, quote(), 5.0) == (10.0, 99.98)
    assert match_one(BUY, 10.0, 99.99, quote(), 5.0)[0] == 0.0
    assert match_one(SELL, 10.0, 100.01, quote(), 5.0)[0] == 0.0
    assert match_one(BUY, 10.0, 100.0, quote(), 5.0) == (10.0, 100.0)


def test_a_cap_fills_whole_lots_below_it() -> None:
    assert match_one(BUY, 10.0, NAN, quote(cap=7.9), 0.0) == (7.0, 100.0)
    assert match_one(BUY, 10.0, NAN, quote(cap=7.9, lot=5.0), 0.0) == (5.0, 100.0)
    assert match_one(BUY, 10.0, NAN, quote(cap=0.9), 0.0)[0] == 0.0
    assert match_one(BUY, 10.0, NAN, quote(cap=10.0), 0.0) == (10.0, 100.0)


def test_prices_have_four_decimals_from_one_and_six_below() -> None:
    assert round_price(37.137426) == 37.1374
    assert round_price(1.00005) == 1.0001
    assert round_price(0.05123449) == 0.051234


def test_cash_is_rounded_to_the_cent_once_per_amount() -> None:
    # 3 x 33.3333 = 99.9999 -> 100.00
    assert cash_effect(BUY, 3.0, 33.3333, 1.0, 1.0) == -101.0
    assert cash_effect(SELL, 3.0, 33.3333, 1.0, 1.0) == 99.0


@pytest.mark.parametrize(
    ("held", "cost", "change", "after"),
    [
        (0.0, 0.0, 10.0, 50.0),
        (10.0, 40.0, 10.0, 45.0),
        (10.0, 40.0, -4.0, 40.0),
        (10.0, 40.0, -10.0, 0.0),
        (-10.0, 40.0, -10.0, 45.0),
        (-10.0, 40.0, 4.0, 40.0),
    ],
)
def test_average_cost_moves_only_when_a_position_grows(held: float, cost: float, change: float, after: float) -> None:
    assert cost_after(held, cost, change, 50.0) == after


def batch(rows: list[tuple[int, int, float, float]]) -> OrderColumns:
    instruments, sides, quantities, limits = zip(*rows)
    return OrderColumns(
        np.array(instruments, np.int64), np.array(sides, np.int64), np.array(quantities), np.array(limits)
    )


def log(n: int) -> FillColumns:
    return FillColumns(np.zeros(n, np.int64), np.zeros(n), np.zeros(n), np.zeros(n), np.zeros(n))


def test_a_batch_trades_in_its_order_and_logs_every_row() -> None:
    quotes = QuoteColumns(
        price=np.array([100.0, 50.0, NAN]), bid=np.full(3, NAN), ask=np.full(3, NAN),
        cap=np.array([INF, 30.0, INF]), lot=np.ones(3), multiplier=np.ones(3),
    )  # fmt: skip
    book = BookColumns(np.array([1000.0]), np.array([20.0, 0.0, 0.0]), np.array([90.0, 0.0, 0.0]))
    orders = batch([
        (0, SELL, 10.0, NAN),
        (1, BUY, 40.0, NAN),
        (1, BUY, 10.0, NAN),
        (0, BUY, 1.0, 99.0),
        (2, BUY, 1.0, NAN),
    ])
    fills = log(5)
    assert match_batch(orders, quotes, book, fills, Costs(fees.IBKR_FIXED, 0.0)) == 2
    assert fills.status.tolist() == [FILLED, PARTIAL, NO_CASH, RESTING, NO_PRICE]
    # sells 10 x 100 - 1.00; buys 30 x 50 + 1.00 of 40 wanted; then 498.00 is short of 501.00
    assert fills.cash.tolist() == [1999.0, 498.0, 498.0, 498.0, 498.0]
    assert fills.quantity.tolist() == [10.0, 30.0, 0.0, 0.0, 0.0]
    assert fills.commission.tolist() == [1.0, 1.0, 0.0, 0.0, 0.0]
    assert book.quantity.tolist() == [10.0, 30.0, 0.0]
    assert book.cost.tolist() == [90.0, 50.0, 0.0]
    assert book.cash.tolist() == [498.0]
    assert math.isnan(fills.price[4])


def test_a_buy_may_spend_all_cash_to_the_cent_and_no_more() -> None:
    quotes = QuoteColumns(*(np.array([x]) for x in (100.0, NAN, NAN, INF, 1.0, 1.0)))
    for cash, status in ((1000.0, FILLED), (999.99, NO_CASH)):
        book, fills = BookColumns(np.array([cash]), np.zeros(1), np.zeros(1)), log(1)
        match_batch(batch([(0, BUY, 10.0, NAN)]), quotes, book, fills, Costs(fees.NONE, 0.0))
        assert fills.status[0] == status


def test_a_cover_may_leave_cash_below_zero() -> None:
    quotes = QuoteColumns(*(np.array([x]) for x in (100.0, NAN, NAN, INF, 1.0, 1.0)))
    book, fills = BookColumns(np.array([10.0]), np.array([-1.0]), np.array([50.0])), log(1)
    match_batch(batch([(0, BUY, 1.0, NAN)]), quotes, book, fills, Costs(fees.NONE, 0.0))
    assert (book.cash[0], book.quantity[0]) == (-90.0, 0.0)
