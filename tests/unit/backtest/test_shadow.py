"""What guards held back is followed as if filled: at the price of its moment, after the same costs."""

from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal

import numpy as np
import pytest

from prudent.backtest.shadow import FEW, HORIZONS, Followed, HeldBack, follow, prices_of
from prudent.domain.mandate import CostModel, Mandate
from prudent.domain.orders import Side
from prudent.domain.performance import Panel
from prudent.domain.quotes import Quality, Quote
from prudent.domain.verdicts import Outcome

D = Decimal
DAY = date(2020, 1, 6)
AT = datetime(2020, 1, 6, 14, 30, tzinfo=UTC)
# 100 on the day itself, then 102, 104 ... : 2 more each session.
RISING = 100.0 + 2.0 * np.arange(23)
FREE = Mandate(account="one", costs=CostModel.NONE, slippage_bps=D(0))


def quote(price: str = "100") -> Quote:
    return Quote(symbol="AAA", price=D(price), as_of=AT, source="test", quality=Quality.REAL)


ORDER = HeldBack(
    cycle="one/1/1", order_ref="A" * 24, at=AT, day=DAY, symbol="AAA", side=Side.BUY, quantity=D(10), planned=D(10),
    quote=quote(), guard="P08", name="MaxPositionWeight", layer="L1", outcome=Outcome.REJECT, reason="",
)  # fmt: skip


def panel(close: np.ndarray, **actions: tuple[int, float]) -> Panel:
    days = np.arange(np.datetime64(DAY), np.datetime64(DAY) + len(close))
    column = close.reshape(-1, 1).astype(float)
    fields = {"dividend": np.zeros_like(column), "split": np.ones_like(column)}
    for name, (row, value) in actions.items():
        fields[name][row] = value
    return Panel(
        symbols=("AAA",), days=days, open=column, high=column, low=column, close=column, total_return=False, **fields
    )  # fmt: skip


def one(order: HeldBack = ORDER, mandate: Mandate = FREE, prices: Panel | None = None) -> Followed:
    (found,) = follow([order], mandate, panel(RISING) if prices is None else prices)
    return found


def test_a_refused_purchase_would_have_made_what_the_price_rose() -> None:
    found = one()
    assert found.notional == 1000.0
    assert found.after == {1: 20.0, 5: 100.0, 20: 400.0}
    # To the last close, 144.
    assert found.to_date == 440.0


def test_a_refused_sale_would_have_saved_what_the_price_fell() -> None:
    sale = replace(ORDER, side=Side.SELL)
    assert one(sale).after[20] == -400.0
    assert one(sale, prices=panel(RISING[::-1] - 44.0)).after[1] == 20.0


def test_it_pays_the_costs_that_it_would_have_paid() -> None:
    # 100 and 100 bp are 101; the least commission is 1.
    dear = replace(FREE, costs=CostModel.IBKR_FIXED, slippage_bps=D(100))
    assert one(mandate=dear).after[1] == pytest.approx(20.0 - 10.0 - 1.0)
    assert one(replace(ORDER, side=Side.SELL), dear).after[1] == pytest.approx(-20.0 - 10.0 - 1.0)


def test_it_buys_at_the_ask_and_sells_at_the_bid() -> None:
    spread = replace(quote(), bid=D(99), ask=D(101))
    assert one(replace(ORDER, quote=spread)).notional == 1010.0
    assert one(replace(ORDER, quote=spread, side=Side.SELL)).notional == 990.0


def test_beyond_the_last_price_nothing_is_known() -> None:
    found = one(prices=panel(RISING[:6]))
    assert found.after == {1: 20.0, 5: 100.0, 20: None}
    assert found.to_date == 100.0
    assert one(replace(ORDER, day=date(2021, 1, 4))).to_date is None


def test_without_a_price_at_its_moment_it_is_counted_and_not_followed() -> None:
    for lost in (replace(ORDER, quote=None), replace(ORDER, quote=replace(quote(), price=None))):
        found = one(lost)
        assert (found.notional, found.after, found.to_date) == (None, dict.fromkeys(HORIZONS), None)
        assert prices_of([found])[0].orders == 1
    assert one(replace(ORDER, symbol="ZZZ")).shown is None


def test_a_session_without_a_price_keeps_the_last_one() -> None:
    gap = RISING.copy()
    gap[1] = np.nan
    assert one(prices=panel(gap)).after[1] == 0.0


def test_splits_and_dividends_count_after_its_day_only() -> None:
    halved = np.concatenate((RISING[:3], RISING[3:] / 2.0))
    assert one(prices=panel(halved, split=(3, 2.0))).after == one().after
    # 1.50 a share on the third day, and 99 on the day itself, when it was in the price.
    assert one(prices=panel(RISING, dividend=(2, 1.5))).after == {1: 20.0, 5: 115.0, 20: 415.0}
    assert one(prices=panel(RISING, dividend=(0, 99.0), split=(0, 2.0))).after == one().after


def test_what_a_guard_costs_is_the_sum_of_its_orders_and_few_are_marked() -> None:
    late = replace(ORDER, day=date(2020, 1, 20), guard="P24", name="ReentryWait")
    orders = tuple(follow([ORDER, ORDER, late], FREE, panel(RISING)))
    position, reentry = prices_of(orders)
    assert (position.guard, position.orders, position.notional, position.after[20]) == ("P08", 2, 2000.0, 800.0)
    assert (reentry.guard, reentry.orders, reentry.counted) == ("P24", 1, {1: 1, 5: 1, 20: 0})
    # Its own price of the moment is 100, its session's close 128: 130 one session later.
    assert (reentry.after[1], reentry.after[20], reentry.to_date) == (300.0, None, 440.0)
    assert position.few
    assert not prices_of([orders[0]] * FEW)[0].few
