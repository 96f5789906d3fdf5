"""Traders by chance: as much traded as the run, nothing on credit, the same for a seed, and what a percentile says."""

import numpy as np
import pytest
from tests.unit.analytics.panels import START, panel_of, random_panel, terms_of

from prudent.analytics.random_trader import Pace, RandomTraders, pace_of, random_traders
from prudent.domain.errors import InputError
from prudent.domain.performance import FillTable, Floats, NavSeries


def pace(*rows: tuple[int, float, float, int]) -> Pace:
    session, bought, sold, names = zip(*rows)
    return Pace(
        session=np.array(session), bought=np.array(bought, dtype=np.float64),
        sold=np.array(sold, dtype=np.float64), names=np.array(names),
    )  # fmt: skip


def nav_of(values: list[float], *, flow: list[float] | None = None) -> NavSeries:
    n = len(values)
    zeros = np.zeros(n)
    return NavSeries(
        opening=values[0], days=START + np.arange(n), nav=np.array(values),
        flow=zeros if flow is None else np.array(flow), cash=zeros, gross=zeros, net=zeros,
        low=np.full(n, np.nan), stale=np.zeros(n, dtype=np.bool_),
    )  # fmt: skip


def fills_of(*rows: tuple[int, int, float, float]) -> FillTable:
    """(session, symbol, quantity, price)."""
    session, symbol, quantity, price = zip(*rows)
    n = len(rows)
    return FillTable(
        symbols=("A", "B", "C"), causes=("target",), day=START + np.array(session), symbol=np.array(symbol),
        quantity=np.array(quantity, dtype=np.float64), price=np.array(price, dtype=np.float64), fees=np.zeros(n),
        arrival=np.full(n, np.nan), cause=np.zeros(n, dtype=np.int64),
    )  # fmt: skip


def test_the_pace_of_a_run_is_what_it_traded_over_its_equity() -> None:
    nav = nav_of([1_000.0, 1_000.0, 2_000.0, 2_000.0], flow=[0.0, 0.0, 1_000.0, 0.0])
    found = pace_of(
        nav, fills_of((1, 0, 3, 100), (1, 1, 1, 100), (1, 0, 1, 100), (2, 0, -4, 100), (2, 2, 10, 20)), nav.days
    )
    assert found.session.tolist() == [1, 2]
    # 500 of 1,000, then 200 of the 1,000 and the deposit of 1,000.
    assert found.bought.tolist() == pytest.approx([0.5, 0.1])
    assert found.sold.tolist() == pytest.approx([0.0, 0.2])
    assert found.names.tolist() == [2, 1]


def test_fills_outside_the_sessions_are_left_out() -> None:
    nav = nav_of([1_000.0, 1_000.0])
    found = pace_of(nav, fills_of((1, 0, 1, 100), (7, 0, 1, 100)), nav.days)
    assert found.session.tolist() == [1]
    assert pace_of(nav, fills_of((1, 0, 1, 100)), nav.days[:1]).session.tolist() == []


def test_traders_in_one_symbol_are_the_run() -> None:
    panel = panel_of(np.array([[10.0], [10.0], [20.0], [20.0], [10.0]]))
    found = random_traders(terms_of(panel, []), pace((1, 0.5, 0.0, 1), (3, 0.0, 0.5, 1)), seed=1, draws=3)
    # Half of it doubles to 1.5; of that .75 is sold and .25 falls by half.
    assert found.level[0].tolist() == pytest.approx([1.0, 1.0, 1.5, 1.5, 1.375])
    assert np.ptp(found.level, axis=0).tolist() == [0.0] * 5
    assert found.returns[0].tolist() == pytest.approx([0.0, 0.0, 0.5, 0.0, 1.375 / 1.5 - 1.0])


def test_they_trade_as_much_as_the_run() -> None:
    steps = [(1, 0.9, 0.0, 5), *((s, 0.1, 0.12, 3) for s in range(10, 200, 10))]
    found = random_traders(terms_of(random_panel(200, 12, 3), []), pace(*steps), seed=1, draws=200)
    assert found.turnover == pytest.approx(0.9 + 19 * 0.22, rel=0.01)


def test_where_prices_stand_still_only_costs_are_lost() -> None:
    panel = panel_of(np.full((50, 6), 10.0))
    steps = [(1, 0.5, 0.0, 2), *((s, 0.2, 0.2, 2) for s in range(5, 45, 5))]
    found = random_traders(terms_of(panel, [], cost_bps=100), pace(*steps), seed=1, draws=50)
    # Half of 1 at 1 % first; then 8 times .2 sold and .2 bought of what is there.
    assert found.total_return == pytest.approx((1.0 - 0.005) * (1.0 - 0.004) ** 8 - 1.0)


def test_nobody_buys_on_credit_or_sells_what_is_not_held() -> None:
    panel = panel_of(np.array([[10.0, 10.0], [10.0, 10.0], [10.0, 10.0], [20.0, 20.0], [20.0, 20.0]]))
    found = random_traders(terms_of(panel, [], cost_bps=50), pace((1, 3.0, 0.0, 2), (4, 0.0, 9.0, 0)), seed=1, draws=9)
    held = 1.0 / 1.005
    assert found.level[:, -1] == pytest.approx(2.0 * held * 0.995)


def test_buys_go_to_as_many_names_as_the_run_bought() -> None:
    close = np.full((3, 10), 10.0)
    close[2] = np.arange(10) * 10.0 + 10.0
    found = random_traders(terms_of(panel_of(close), []), pace((1, 1.0, 0.0, 1)), seed=1, draws=2_000)
    # One name each: ten different outcomes, each about a tenth of the time.
    values, counts = np.unique(np.round(found.level[:, -1]), return_counts=True)
    assert values.tolist() == list(range(1, 11))
    assert np.abs(counts / 200.0 - 1.0).max() < 0.3


def test_sales_take_any_holding_first() -> None:
    close = np.full((4, 2), 10.0)
    close[3] = [20.0, 10.0]
    found = random_traders(terms_of(panel_of(close), []), pace((1, 1.0, 0.0, 2), (2, 0.0, 0.5, 0)), seed=1, draws=400)
    # Half is held in one of the two by then; only one of them doubles.
    values, counts = np.unique(np.round(found.level[:, -1], 6), return_counts=True)
    assert values.tolist() == [1.0, 1.5]
    assert abs(int(counts[0]) - 200) < 50


@pytest.mark.parametrize("missing", [1, 2])
def test_a_symbol_is_bought_with_a_price_now_and_at_the_close_before(missing: int) -> None:
    close = np.full((4, 2), 10.0)
    close[:missing, 1] = np.nan
    close[3] = [20.0, 50.0]
    found = random_traders(terms_of(panel_of(close), []), pace((1, 1.0, 0.0, 2)), seed=1, draws=50)
    assert set(found.level[:, -1].tolist()) == {2.0}


def test_the_same_seed_gives_the_same_traders() -> None:
    terms, steps = terms_of(random_panel(60, 5, 2), []), pace((1, 0.8, 0.0, 3), (30, 0.2, 0.2, 2))
    one, same, other = (random_traders(terms, steps, seed=seed, draws=30).level for seed in (1, 1, 2))
    assert np.array_equal(one, same)
    assert not np.array_equal(one, other)


def test_without_trades_everybody_keeps_the_money() -> None:
    empty = pace((1, 0.0, 0.0, 0))
    found = random_traders(terms_of(random_panel(60, 5, 2), []), empty, seed=1, draws=10)
    assert set(found.level.ravel().tolist()) == {1.0}


def traders(totals: Floats) -> RandomTraders:
    return RandomTraders(days=START + np.arange(1), level=1.0 + totals[:, None], turnover=np.zeros(len(totals)))


def test_a_percentile_is_the_share_of_traders_beaten() -> None:
    found = traders(np.array([0.0, 0.25, 0.5, 0.75]))
    assert [found.percentile(x) for x in (-0.1, 0.1, 0.5, 0.8)] == [0.0, 0.25, 0.625, 1.0]


def test_a_run_by_chance_is_anywhere_among_the_traders() -> None:
    terms, steps = terms_of(random_panel(120, 15, 6), []), pace((1, 0.9, 0.0, 4), (40, 0.3, 0.3, 2), (80, 0.3, 0.3, 2))
    many = random_traders(terms, steps, seed=1, draws=500)
    ranks = [many.percentile(float(x)) for x in random_traders(terms, steps, seed=2, draws=200).total_return]
    assert 0.42 < float(np.mean(ranks)) < 0.58
    assert float(np.mean(np.array(ranks) < 0.1)) == pytest.approx(0.1, abs=0.07)


def test_a_pace_outside_the_run_and_no_draws_are_refused() -> None:
    terms = terms_of(random_panel(60, 5, 2), [], first=10)
    with pytest.raises(InputError, match="its own sessions"):
        random_traders(terms, pace((5, 0.5, 0.0, 1)), seed=1)
    with pytest.raises(InputError, match="draws must be"):
        random_traders(terms, pace((15, 0.5, 0.0, 1)), seed=1, draws=0)
