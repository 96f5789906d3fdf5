"""How much was at work and how much was turned over, by hand."""

import pytest
from tests.unit.analytics.run_columns import NAN, day, fills_of, nav_of

from prudent.analytics.exposure import exposure, one_way, turnover
from prudent.analytics.returns import daily_returns
from prudent.domain.performance import NavSeries


def of(nav: NavSeries, *fills: tuple[int, str, float, float, float]) -> list[float]:
    return [float(each) for each in one_way(daily_returns(nav), fills_of(*fills))]


def test_exposure_is_a_mean_over_sessions() -> None:
    nav = nav_of([100.0, 200.0, 100.0, 100.0], gross=[50.0, 200.0, 0.0, 150.0], net=[50.0, -200.0, 0.0, 50.0])
    found = exposure(nav, daily_returns(nav))
    # (0.5 + 1 + 0 + 1.5) / 4; (0.5 - 1 + 0 + 0.5) / 4; three sessions of four.
    assert (found.gross, found.net, found.invested) == (0.75, 0.0, 0.75)


def test_a_session_that_did_not_move_was_invested_all_the_same() -> None:
    nav = nav_of([100.0, 100.0], gross=[80.0, 80.0])
    assert exposure(nav, daily_returns(nav)).invested == 1.0


def test_sessions_without_money_or_with_unknown_holdings_do_not_count() -> None:
    nav = nav_of([0.0, *[100.0] * 3], gross=[0.0, NAN, 40.0, 90.0], net=[0.0, 20.0, 30.0, NAN])
    found = exposure(nav, daily_returns(nav))
    assert (found.gross, found.net, found.invested) == (0.4, 0.3, 1.0)
    empty = nav_of([])
    assert exposure(empty, daily_returns(empty)).gross is None


def test_t_reb_6_one_way_turnover_is_half_of_all_that_changed_cash_included() -> None:
    # {A .5, B .3, C .2} to {A .4, B .3, C .1, D .15, cash .05}: buys .15, sells .20, cash +.05, half the sum .20.
    found = of(nav_of([100.0]), (1, "A", -1.0, 10.0, 0.0), (1, "C", -1.0, 10.0, 0.0), (1, "D", 1.0, 15.0, 0.0))
    assert found == pytest.approx([0.20])


def test_a_purchase_sold_the_same_session_was_turned_over() -> None:
    assert of(nav_of([100.0]), (1, "A", 2.0, 10.0, 0.0), (1, "A", -2.0, 10.0, 0.0)) == [0.2]


def test_turnover_is_of_the_value_before_the_open_with_its_flow() -> None:
    # 50 bought of 100 + 100 paid in; then 50 of the 250 that the first session left.
    nav = nav_of([250.0, 300.0], flows={0: 100.0})
    assert of(nav, (1, "A", 5.0, 10.0, 0.0), (2, "B", 5.0, 10.0, 0.0)) == pytest.approx([0.25, 0.2])


def test_a_fill_on_a_day_without_a_row_counts_in_the_next_one() -> None:
    nav = nav_of([100.0, 100.0], days=[day(1), day(4)])
    assert of(nav, (2, "A", 1.0, 10.0, 0.0)) == pytest.approx([0.0, 0.1])
    assert of(nav, (9, "A", 1.0, 10.0, 0.0)) == pytest.approx([0.0, 0.1])


def test_a_year_of_daily_tenths_turns_the_account_over_twenty_five_times() -> None:
    nav = nav_of([100.0] * 40)
    fills = fills_of(*((k, "A", 1.0 if k % 2 else -1.0, 10.0, 0.0) for k in range(1, 41)))
    assert turnover(daily_returns(nav), fills) == pytest.approx(25.2)


def test_a_few_sessions_say_nothing_of_a_year() -> None:
    nav = nav_of([100.0] * 19)
    assert turnover(daily_returns(nav), fills_of((1, "A", 1.0, 10.0, 0.0))) is None
