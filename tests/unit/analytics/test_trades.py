"""Campaigns and lots from fills; a queue of lots, one fill after another, must find the same."""

from collections import deque
from dataclasses import dataclass, field

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.analytics.run_columns import Fill, day, days_of, fills_of

from prudent.analytics.trades import closed_trades, open_trades, splits_of, trade_stats
from prudent.domain.performance import Panel


def test_a_campaign_runs_from_flat_to_flat() -> None:
    # 10 at 5 and 10 at 7, out 5 at 8 and 15 at 6: -50 - 70 + 40 + 90 = 10, less 4 of fees.
    fills = fills_of(
        (1, "AAA", 10.0, 5.0, 1.0), (3, "AAA", 10.0, 7.0, 1.0),
        (5, "AAA", -5.0, 8.0, 1.0), (11, "AAA", -15.0, 6.0, 1.0),
        causes=("target", "target", "target", "stop_loss"),
    )  # fmt: skip
    trades = closed_trades(fills)
    assert len(trades) == 1
    assert trades.pnl.tolist() == pytest.approx([6.0])
    assert trades.fees.tolist() == [4.0]
    assert trades.quantity.tolist() == [20.0]
    assert trades.result.tolist() == pytest.approx([6.0 / 120.0])
    assert trades.holding_days.tolist() == [10]
    assert fills.causes[trades.cause[0]] == "stop_loss"
    assert len(open_trades(fills)) == 0


def test_a_short_earns_where_the_price_falls() -> None:
    # Sold 10 at 8, bought back at 5: 30, less 2.
    trades = closed_trades(fills_of((1, "AAA", -10.0, 8.0, 1.0), (2, "AAA", 10.0, 5.0, 1.0)))
    assert (trades.pnl[0], trades.quantity[0]) == (pytest.approx(28.0), -10.0)
    assert trades.result[0] == pytest.approx(28.0 / 80.0)


def test_a_fill_through_nothing_ends_one_campaign_and_begins_another() -> None:
    # 15 sold of 10 held: two thirds of its fee belong to the close.
    fills = fills_of((1, "AAA", 10.0, 5.0, 0.0), (2, "AAA", -15.0, 6.0, 3.0), (4, "AAA", 5.0, 7.0, 0.0))
    trades = closed_trades(fills)
    assert trades.pnl.tolist() == pytest.approx([8.0, -6.0])
    assert trades.quantity.tolist() == [10.0, -5.0]
    assert trades.fees.tolist() == pytest.approx([2.0, 1.0])
    assert trades.holding_days.tolist() == [1, 2]


def test_what_closes_first_is_what_was_opened_first() -> None:
    # 15 of 10 at 5 and 10 at 7 go at 8: 10 x 3 + 5 x 1 = 35; the fees of those lots 1 + 0.5, of the sale 2.
    held = open_trades(fills_of((1, "AAA", 10.0, 5.0, 1.0), (2, "AAA", 10.0, 7.0, 1.0), (3, "AAA", -15.0, 8.0, 2.0)))
    assert held.quantity.tolist() == [5.0]
    assert held.cost.tolist() == pytest.approx([35.0])
    assert held.realised.tolist() == pytest.approx([31.5])
    assert held.fees.tolist() == pytest.approx([0.5])


def test_trades_come_in_the_order_in_which_they_closed() -> None:
    fills = fills_of(
        (1, "AAA", 1.0, 5.0, 0.0), (1, "BBB", 1.0, 5.0, 0.0), (2, "BBB", -1.0, 6.0, 0.0), (3, "AAA", -1.0, 6.0, 0.0)
    )
    assert [fills.symbols[k] for k in closed_trades(fills).symbol] == ["BBB", "AAA"]


def test_a_split_changes_shares_and_no_money() -> None:
    # 10 at 100 become 40; 30 go at 30, 10 at 20: -1,000 + 900 + 200 = 100.
    fills = fills_of((1, "AAA", 10.0, 100.0, 0.0), (5, "AAA", -30.0, 30.0, 0.0), (6, "AAA", -10.0, 20.0, 0.0))
    split = [(0, np.datetime64(day(5)), 4.0)]
    trades = closed_trades(fills, split)
    assert trades.pnl.tolist() == pytest.approx([100.0])
    assert trades.quantity.tolist() == pytest.approx([40.0])
    # Without it the first sale goes short.
    assert closed_trades(fills).quantity.tolist() == [10.0]


def test_a_trade_that_closed_before_a_split_is_told_in_its_own_shares() -> None:
    fills = fills_of((1, "AAA", 10.0, 5.0, 0.0), (2, "AAA", -10.0, 6.0, 0.0), (9, "BBB", 1.0, 5.0, 0.0))
    split = [(0, np.datetime64(day(5)), 4.0), (1, np.datetime64(day(5)), 7.0)]
    assert closed_trades(fills, split).quantity.tolist() == [10.0]
    assert open_trades(fills, split).quantity.tolist() == [1.0]


def test_what_is_held_through_a_split_is_told_in_new_shares() -> None:
    held = open_trades(fills_of((1, "AAA", 10.0, 100.0, 0.0)), [(0, np.datetime64(day(5)), 4.0)])
    assert (held.quantity[0], held.cost[0]) == (40.0, 1_000.0)


def test_a_split_of_one_symbol_is_none_of_another() -> None:
    fills = fills_of((1, "AAA", 10.0, 5.0, 0.0), (1, "BBB", 10.0, 5.0, 0.0))
    assert open_trades(fills, [(0, np.datetime64(day(5)), 4.0)]).quantity.tolist() == [40.0, 10.0]
    assert open_trades(fills, [(1, np.datetime64(day(5)), 4.0)]).quantity.tolist() == [10.0, 40.0]


def test_the_splits_of_a_panel_are_those_of_the_symbols_that_traded() -> None:
    ones = np.ones((2, 3))
    split = np.array([[1.0, 2.0, np.nan], [3.0, 1.0, 0.5]])
    panel = Panel(
        symbols=("CCC", "AAA", "BBB"), days=days_of([day(1), day(2)]), open=ones, high=ones, low=ones, close=ones,
        dividend=0.0 * ones, split=split, total_return=False,
    )  # fmt: skip
    one, other = np.datetime64(day(1)), np.datetime64(day(2))
    assert splits_of(panel, ("AAA", "BBB")) == ((0, one, 2.0), (1, other, 0.5))


def test_fractions_of_shares_that_do_not_sum_to_nothing_are_flat() -> None:
    # 0.1 + 0.2 - 0.3 is 5.6e-17.
    fills = fills_of((1, "AAA", 0.1, 5.0, 0.0), (2, "AAA", 0.2, 5.0, 0.0), (3, "AAA", -0.3, 6.0, 0.0))
    assert len(closed_trades(fills)) == 1
    assert len(open_trades(fills)) == 0


def test_a_fill_of_nothing_is_no_trade() -> None:
    assert len(closed_trades(fills_of((1, "AAA", 0.0, 5.0, 0.0)))) == 0
    assert len(closed_trades(fills_of())) == 0
    assert len(open_trades(fills_of())) == 0


def test_no_trades_have_no_rates() -> None:
    found = trade_stats(np.empty(0), np.empty(0, dtype=np.int64), still_open=2)
    assert (found.closed, found.open) == (0, 2)
    assert (found.win_rate, found.profit_factor, found.expectancy, found.payoff, found.holding_days) == (None,) * 5


def test_only_losing_trades_have_a_profit_factor_of_nothing() -> None:
    found = trade_stats(np.array([-5.0, -1.0]), np.array([2, 4]))
    assert (found.win_rate, found.profit_factor, found.payoff, found.holding_days) == (0.0, 0.0, None, 3.0)


def test_under_half_a_cent_is_breakeven() -> None:
    found = trade_stats(np.array([0.0049, -0.0049, 0.005]), np.array([1, 1, 1]))
    assert (found.wins, found.losses, found.breakeven) == (1, 0, 2)


@dataclass
class Account:
    """One symbol's lots as a queue: (shares with a sign, price, fee)."""

    lots: deque[tuple[float, float, float]] = field(default_factory=deque)
    realised: float = 0.0
    closed: list[float] = field(default_factory=list)

    def fill(self, quantity: float, price: float, fee: float) -> None:
        each = fee / abs(quantity)
        while quantity and self.lots and self.lots[0][0] * quantity < 0:
            shares, paid, lot_fee = self.lots.popleft()
            taken = min(abs(shares), abs(quantity))
            side = 1.0 if shares > 0 else -1.0
            part = lot_fee * taken / abs(shares)
            self.realised += side * taken * (price - paid) - part - each * taken
            if abs(shares) > taken:
                self.lots.appendleft((shares - side * taken, paid, lot_fee - part))
            quantity += side * taken
            if not self.lots:
                self.closed.append(self.realised)
                self.realised = 0.0
        if quantity:
            self.lots.append((quantity, price, each * abs(quantity)))


FILLS = st.lists(
    st.tuples(
        st.integers(1, 30), st.sampled_from(("AAA", "BBB", "CCC")), st.integers(-9, 9).filter(bool).map(float),
        st.integers(1, 50).map(float), st.integers(0, 3).map(float),
    ),
    max_size=40,
)  # fmt: skip


@given(FILLS)
def test_a_queue_of_lots_finds_the_same(drawn: list[Fill]) -> None:
    ordered = sorted(drawn, key=lambda fill: fill[0])
    accounts: dict[str, Account] = {}
    for _, symbol, quantity, price, fee in ordered:
        accounts.setdefault(symbol, Account()).fill(quantity, price, fee)
    fills = fills_of(*ordered)
    trades, held = closed_trades(fills), open_trades(fills)
    assert sorted(trades.pnl) == pytest.approx(sorted(p for a in accounts.values() for p in a.closed))
    expected = {s: a for s, a in accounts.items() if a.lots}
    assert {fills.symbols[k] for k in held.symbol} == set(expected)
    for k, symbol in enumerate(held.symbol):
        one = expected[fills.symbols[symbol]]
        assert held.quantity[k] == pytest.approx(sum(lot[0] for lot in one.lots))
        assert held.cost[k] == pytest.approx(sum(lot[0] * lot[1] for lot in one.lots))
        assert held.realised[k] == pytest.approx(one.realised)


@given(FILLS, st.integers(1, 50))
def test_what_trades_earned_and_what_is_held_is_all_there_is(drawn: list[Fill], mark: int) -> None:
    fills = fills_of(*sorted(drawn, key=lambda fill: fill[0]))
    trades, held = closed_trades(fills), open_trades(fills)
    unrealised = float(np.sum(held.quantity * mark - held.cost - held.fees))
    whole = float(np.sum(fills.quantity * (mark - fills.price) - fills.fees))
    assert float(trades.pnl.sum() + held.realised.sum()) + unrealised == pytest.approx(whole)
