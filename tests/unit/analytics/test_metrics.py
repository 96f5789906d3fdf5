"""All figures of a run at once: edges, reasons for what is not defined, and what must hold of any account."""

import math
from datetime import date

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.analytics.run_columns import NAN, benchmark_of, day, fills_of, nav_from, nav_of

from prudent.analytics.metrics import measure
from prudent.analytics.returns import FlowAt, daily_returns, time_weighted
from prudent.domain.performance import Metrics

RETURNS = st.lists(st.floats(-0.3, 0.3), min_size=1, max_size=60)


def wave(n: int) -> list[float]:
    """Returns that rise and fall, a little more up than down."""
    return [0.001 + 0.01 * math.sin(k) for k in range(n)]


def figures(found: Metrics) -> dict[str, float]:
    names = (
        "total_return", "cagr", "money_weighted", "volatility", "sharpe", "sharpe_autocorrelation", "sortino",
        "max_drawdown", "calmar", "best_day", "worst_day", "win_days", "skew", "kurtosis", "value_at_risk",
        "expected_shortfall", "turnover", "gross_exposure",
    )  # fmt: skip
    return {name: value for name in names if (value := getattr(found, name)) is not None}


def test_an_empty_run_has_no_figures_and_says_why() -> None:
    found = measure(nav_of([]), fills_of())
    assert (found.sessions, found.profit, found.fees, found.max_drawdown) == (0, 0.0, 0.0, 0.0)
    assert figures(found) == {"max_drawdown": 0.0}
    assert found.notes["total_return"] == "no session with money in the account"
    assert found.notes["cagr"] == "needs a year (252 sessions), has 0"
    assert found.notes["trades"] == "no closed trades"


def test_one_session_has_a_return_and_little_else() -> None:
    found = measure(nav_of([110.0]), fills_of())
    assert found.total_return == pytest.approx(0.10)
    assert found.best_day == found.worst_day == found.total_return
    assert found.volatility is None
    assert found.cagr is None
    assert found.drawdowns == ()


def test_a_first_session_that_loses_falls_from_the_opening() -> None:
    found = measure(nav_of([90.0, 95.0, 101.0]), fills_of())
    assert found.max_drawdown == pytest.approx(-0.10)
    (fall,) = found.drawdowns
    assert (fall.peak, fall.trough, fall.recovered) == (date(2024, 1, 1), date(2024, 1, 2), date(2024, 1, 4))
    assert fall.sessions == 3


def test_a_total_loss_is_minus_one_hundred_per_cent_for_good() -> None:
    found = measure(nav_of([50.0, 0.0, *[0.0] * 300, 80.0, 90.0], flows={302: 80.0}), fills_of())
    assert found.total_return == -1.0
    assert found.max_drawdown == -1.0
    # Two sessions had money to earn on at first, two once more was paid in.
    assert found.sessions == 4


def test_the_yearly_rate_of_a_total_loss_is_minus_one_hundred_per_cent() -> None:
    found = measure(nav_from([*wave(299), -1.0]), fills_of())
    assert found.cagr == -1.0
    assert found.calmar == -1.0
    assert found.money_weighted is None
    assert "no rate" in found.notes["money_weighted"]


def test_sessions_before_the_first_money_do_not_count() -> None:
    found = measure(nav_of([0.0, 0.0, 110.0], opening=0.0, flows={2: 100.0}), fills_of())
    assert found.sessions == 1
    assert found.total_return == pytest.approx(0.10)
    assert found.profit == pytest.approx(10.0)


def test_a_missing_value_is_carried_with_the_flows_since() -> None:
    nav = nav_of([100.0, NAN, NAN, 165.0], flows={1: 50.0})
    returns = daily_returns(nav)
    assert returns.worth.tolist() == [100.0, 150.0, 150.0, 165.0]
    assert returns.value.tolist() == pytest.approx([0.0, 0.0, 0.0, 0.10])
    assert returns.carried.tolist() == [False, True, True, False]
    assert measure(nav, fills_of()).notes["valuation"] == "2 of 4 sessions valued at earlier prices"


def test_a_value_missing_from_the_start_is_the_opening() -> None:
    assert daily_returns(nav_of([NAN, 105.0], flows={0: 5.0})).value.tolist() == pytest.approx([0.0, 0.0])


@pytest.mark.parametrize(("rows", "warned"), [((1, 2, 3), False), ((1, 2, 3, 4), True), ((1, 2, 4, 5, 6), False)])
def test_old_prices_may_stand_in_for_three_sessions_in_a_row(rows: tuple[int, ...], *, warned: bool) -> None:
    note = measure(nav_of([100.0] * 8, stale=rows), fills_of()).notes["valuation"]
    assert note.startswith("more than 3 sessions in a row from 2024-01-03") is warned


def test_a_year_is_needed_for_yearly_rates() -> None:
    almost, year = measure(nav_from(wave(251)), fills_of()), measure(nav_from(wave(252)), fills_of())
    assert (almost.cagr, almost.calmar, almost.money_weighted) == (None, None, None)
    assert almost.notes["cagr"] == "needs a year (252 sessions), has 251"
    assert year.cagr == pytest.approx(year.total_return)
    assert year.calmar == pytest.approx((year.total_return or 0.0) / -year.max_drawdown)
    assert year.money_weighted is not None


def test_an_account_that_never_moves_has_no_ratios_and_no_falls() -> None:
    found = measure(nav_of([100.0] * 300), fills_of())
    assert (found.volatility, found.max_drawdown, found.total_return) == (0.0, 0.0, 0.0)
    assert (found.sharpe, found.sortino, found.skew, found.win_days, found.calmar) == (None,) * 5
    assert found.notes["sharpe"] == "returns do not vary"
    assert found.notes["calmar"] == "no drawdown"
    assert found.notes["win_days"] == "no session gained or lost"


def test_returns_that_differ_by_rounding_only_have_no_sharpe_ratio() -> None:
    assert measure(nav_from([0.001] * 60), fills_of()).sharpe is None


def test_no_losing_trade_leaves_the_profit_factor_open() -> None:
    fills = fills_of((1, "AAA", 10.0, 5.0, 0.0), (2, "AAA", -10.0, 6.0, 0.0))
    found = measure(nav_of([100.0, 110.0]), fills)
    assert (found.trades.profit_factor, found.trades.payoff, found.trades.win_rate) == (None, None, 1.0)
    assert found.notes["profit_factor"] == found.notes["payoff"] == "no losing trades"


def test_trades_that_all_lost_or_all_broke_even_say_what_they_lack() -> None:
    lost = measure(nav_of([100.0]), fills_of((1, "AAA", 10.0, 5.0, 0.0), (2, "AAA", -10.0, 4.0, 0.0)))
    even = measure(nav_of([100.0]), fills_of((1, "AAA", 10.0, 5.0, 0.0), (2, "AAA", -10.0, 5.0, 0.0)))
    assert lost.notes["payoff"] == "no winning trades"
    assert "win_rate" not in lost.notes
    assert even.notes["win_rate"] == "every trade ended at breakeven"


def test_splits_reach_the_trades() -> None:
    # 10 become 40, and 40 go.
    fills = fills_of((1, "AAA", 10.0, 100.0, 0.0), (5, "AAA", -40.0, 30.0, 0.0))
    found = measure(nav_of([100.0]), fills, splits=[(0, np.datetime64(day(5)), 4.0)])
    assert (found.trades.closed, found.trades.open) == (1, 0)


def test_what_is_still_held_is_counted() -> None:
    assert measure(nav_of([100.0]), fills_of((1, "AAA", 10.0, 5.0, 0.0))).trades.open == 1


def test_two_rates_that_explain_the_flows_are_said() -> None:
    # -1,000, a year later +2,300, a year later -1,320 of which nothing is left.
    dates = [day(k) for k in (1, 365, 366, 730, 731)]
    nav = nav_of([1_000.0, 2_400.0, 100.0, 100.0, 0.0], opening=1_000.0, days=dates, flows={2: -2_300.0, 4: 1_320.0})
    found = measure(nav, fills_of(), periods=4)
    assert found.money_weighted == pytest.approx(0.10)
    assert found.notes["money_weighted"] == "2 rates explain the flows; the one nearest to 0 is shown"


def test_the_risk_free_rate_lowers_every_ratio() -> None:
    nav = nav_from(wave(60))
    plain, charged = measure(nav, fills_of()), measure(nav, fills_of(), risk_free=0.04)
    for name in ("sharpe", "sharpe_autocorrelation", "sortino"):
        assert getattr(charged, name) < getattr(plain, name)


def test_fees_and_profit_are_sums() -> None:
    fills = fills_of((1, "AAA", 10.0, 5.0, 1.25), (2, "BBB", 10.0, 6.0, 0.75))
    found = measure(nav_of([100.0, 180.0], flows={1: 50.0}), fills)
    assert found.fees == 2.0
    assert found.profit == pytest.approx(30.0)


def test_a_benchmark_without_a_common_session_is_said() -> None:
    away = benchmark_of([101.0], days=[day(400)])
    found = measure(nav_of([101.0, 102.0]), fills_of(), benchmark=away)
    assert found.benchmark is None
    assert found.notes["benchmark"] == "SPY has no session in common with the account"


def test_each_figure_beside_a_benchmark_that_is_missing_has_its_reason() -> None:
    moving, still = nav_from(wave(60)), nav_of([100.0] * 60)
    levels = moving.nav.tolist()
    short = measure(nav_from(wave(10)), fills_of(), benchmark=benchmark_of(levels)).notes
    flat = measure(moving, fills_of(), benchmark=benchmark_of([100.0] * 60)).notes
    idle = measure(still, fills_of(), benchmark=benchmark_of(levels)).notes
    same = measure(moving, fills_of(), benchmark=benchmark_of(levels)).notes
    assert short["benchmark"] == "needs 20 sessions in common with SPY"
    assert flat["beta"] == "SPY does not vary"
    assert idle["correlation"] == "the account does not vary"
    assert same["information_ratio"] == "the account never departs from SPY"


def test_every_figure_that_is_missing_has_its_reason() -> None:
    for run in (nav_of([]), nav_of([100.0]), nav_of([100.0] * 300), nav_from(wave(100)), nav_of([0.0], opening=0.0)):
        found = measure(run, fills_of())
        absent = {n for n in Metrics.__slots__ if getattr(found, n) is None} - {"benchmark"}
        assert absent <= set(found.notes)


@given(RETURNS, st.floats(0.01, 1e6))
def test_the_unit_of_money_changes_no_figure(returns: list[float], unit: float) -> None:
    one, other = measure(nav_from(returns), fills_of()), measure(nav_from(returns, opening=100.0 * unit), fills_of())
    assert figures(other) == pytest.approx(figures(one), rel=1e-6, abs=1e-9)


@given(RETURNS, st.data())
def test_money_that_earns_what_the_account_earns_changes_no_return(returns: list[float], data: st.DataObject) -> None:
    shares = data.draw(st.lists(st.floats(-0.5, 2.0), min_size=len(returns), max_size=len(returns)))
    value, values, flows = 100.0, [], {}
    for k, (r, share) in enumerate(zip(returns, shares, strict=True)):
        flows[k] = share * value
        value = (value + flows[k]) * (1.0 + r)
        values.append(value)
    found = daily_returns(nav_of(values, flows=flows))
    assert found.value.tolist() == pytest.approx(returns, abs=1e-9)
    assert time_weighted(found.value) == pytest.approx(math.prod(1.0 + r for r in returns) - 1.0, abs=1e-8)


@given(RETURNS)
def test_a_fall_is_never_above_nothing_and_never_below_everything(returns: list[float]) -> None:
    found = measure(nav_from(returns), fills_of())
    assert -1.0 <= found.max_drawdown <= 0.0
    assert found.max_drawdown <= min(0.0, found.total_return or 0.0) + 1e-12
    deepest = min((fall.depth for fall in found.drawdowns), default=0.0)
    assert deepest == pytest.approx(found.max_drawdown, abs=2e-12)


@given(RETURNS)
def test_without_flows_it_does_not_matter_when_they_would_count(returns: list[float]) -> None:
    nav = nav_from(returns)
    assert np.array_equal(daily_returns(nav).value, daily_returns(nav, FlowAt.CLOSE).value)
