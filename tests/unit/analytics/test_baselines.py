"""Baselines by hand and against plain loops over shares; none of them sees a price before it is there."""

import math
from dataclasses import replace

import numpy as np
import pytest
from tests.unit.analytics.panels import panel_of, random_panel, terms_of

from prudent.analytics.baselines import Dividends, buy_and_hold, cash, equal_weight, momentum, month_ends
from prudent.analytics.marks import Terms, marks_of
from prudent.analytics.random_trader import Pace, random_traders
from prudent.domain.errors import InputError
from prudent.domain.performance import Floats, Panel

NAN = math.nan


def column(*values: float) -> Floats:
    return np.array(values)[:, None]


def test_held_shares_are_bought_at_the_next_open() -> None:
    panel = panel_of(column(100, 110, 121), opens=column(99, 105, 112))
    found = buy_and_hold(terms_of(panel, [0]))
    # 1 / 105 shares from the second session on.
    assert found.level.tolist() == pytest.approx([1.0, 110 / 105, 121 / 105])
    assert (found.name, found.opening, len(found.days)) == ("S0 held", 1.0, 3)


def test_held_shares_are_bought_at_the_next_close_when_the_run_trades_there() -> None:
    panel = panel_of(column(100, 110, 121), opens=column(99, 105, 112))
    assert buy_and_hold(terms_of(panel, [0], fill="next_close")).level.tolist() == pytest.approx([1.0, 1.0, 1.1])


def test_the_entry_costs_as_much_as_the_run_pays() -> None:
    panel = panel_of(column(100, 100, 120))
    found = buy_and_hold(terms_of(panel, [0], cost_bps=50))
    # 1 buys 1/1.005 of shares: the cost is half a percent of what is bought.
    assert found.level.tolist() == pytest.approx([1.0, 1 / 1.005, 1.2 / 1.005])


def test_a_decision_at_the_close_before_the_run_buys_at_its_first_open() -> None:
    panel = panel_of(column(100, 110, 121), opens=column(99, 105, 112))
    found = buy_and_hold(terms_of(panel, [0], first=1))
    assert found.level.tolist() == pytest.approx([110 / 105, 121 / 105])


def test_a_dividend_is_reinvested_at_the_open_of_its_ex_date() -> None:
    panel = panel_of(column(100, 100, 99, 110), opens=column(100, 100, 98, 99), dividend=column(0, 0, 2, 0))
    found = buy_and_hold(terms_of(panel, [0]))
    # 2 of dividend buy 2/98 of a share.
    assert found.level.tolist() == pytest.approx([1.0, 1.0, 0.99 * (1 + 2 / 98), 1.1 * (1 + 2 / 98)])


def test_a_dividend_is_kept_as_cash_when_asked_for() -> None:
    panel = panel_of(column(100, 100, 99, 110), opens=column(100, 100, 98, 99), dividend=column(0, 0, 2, 0))
    found = buy_and_hold(terms_of(panel, [0]), dividends=Dividends.CASH)
    assert found.level.tolist() == pytest.approx([1.0, 1.0, 0.99 + 0.02, 1.1 + 0.02])


def test_who_buys_at_the_open_of_the_ex_date_gets_no_dividend() -> None:
    panel = panel_of(column(100, 98, 98), dividend=column(0, 2, 0))
    for kept in Dividends:
        assert buy_and_hold(terms_of(panel, [0]), dividends=kept).level.tolist() == pytest.approx([1.0, 1.0, 1.0])


@pytest.mark.parametrize("kept", list(Dividends))
def test_a_split_changes_nothing(kept: Dividends) -> None:
    whole = panel_of(column(100, 100, 100, 120), dividend=column(0, 0, 0, 4))
    halved = panel_of(column(100, 100, 50, 60), dividend=column(0, 0, 0, 2), split=column(1, 1, 2, 1))
    one, other = (buy_and_hold(terms_of(p, [0]), dividends=kept).level for p in (whole, halved))
    assert one.tolist() == pytest.approx(other.tolist())


def test_a_benchmark_without_a_price_is_bought_when_it_has_one() -> None:
    panel = panel_of(column(100, NAN, 110, 121), opens=column(100, NAN, 100, 112))
    assert buy_and_hold(terms_of(panel, [0])).level.tolist() == pytest.approx([1.0, 1.0, 1.1, 1.21])


def test_a_session_without_a_price_keeps_the_last_value() -> None:
    panel = panel_of(column(100, 100, NAN, 120))
    assert buy_and_hold(terms_of(panel, [0])).level.tolist() == pytest.approx([1.0, 1.0, 1.0, 1.2])


def test_cash_grows_by_its_rate() -> None:
    panel = panel_of(np.ones((253, 1)))
    assert set(cash(terms_of(panel, [0])).level.tolist()) == {1.0}
    assert cash(terms_of(panel, [0], first=1), rate=0.05).level[-1] == pytest.approx(1.05)


def test_equal_weight_buys_alike_and_brings_back_to_alike() -> None:
    panel = panel_of(np.array([[10.0, 10.0], [10.0, 10.0], [20.0, 10.0], [20.0, 10.0], [20.0, 20.0]]))
    found = equal_weight(terms_of(panel, [0, 2]))
    # 1.5 after the first doubles, back to .75 each, then the second doubles.
    assert found.level.tolist() == pytest.approx([1.0, 1.0, 1.5, 1.5, 2.25])


def test_a_symbol_without_a_price_at_the_decision_is_not_bought() -> None:
    panel = panel_of(np.array([[10.0, NAN], [10.0, 10.0], [20.0, 10.0]]))
    assert equal_weight(terms_of(panel, [0])).level.tolist() == pytest.approx([1.0, 1.0, 2.0])


def test_a_symbol_that_cannot_trade_stays_and_the_rest_makes_room() -> None:
    close = np.array([[10.0, 10.0], [10.0, 10.0], [10.0, 40.0], [10.0, NAN], [20.0, 40.0]])
    found = equal_weight(terms_of(panel_of(close), [0, 2]))
    # .5 and 2.0: half would be 1.25, but the second one cannot be sold, so .5 is left for the first one.
    assert found.level.tolist() == pytest.approx([1.0, 1.0, 2.5, 2.5, 3.0])


def test_a_symbol_that_is_gone_becomes_cash_at_its_last_value() -> None:
    close = np.full((12, 2), 10.0)
    close[4:, 1] = NAN
    close[11, 0] = 20.0
    found = equal_weight(terms_of(panel_of(close), [0, 9]))
    # All of it is in the first symbol by then, which doubles.
    assert found.level[-1] == pytest.approx(2.0)


def test_each_rebalancing_costs_what_it_trades() -> None:
    panel = panel_of(np.array([[10.0, 10.0], [10.0, 10.0], [30.0, 10.0], [30.0, 10.0]]))
    found = equal_weight(terms_of(panel, [0, 2], cost_bps=100))
    start = 1.0 / 1.01
    # Values 1.5 and .5 of `start`; w each after costs: 2 w = 2 - .01 ((1.5 - w) + (w - .5)) = 1.99.
    assert found.level.tolist() == pytest.approx([1.0, start, 2.0 * start, 1.99 * start])


def loops_over_shares(panel: Panel, decided: list[int], cost: float, *, at_open: bool) -> list[float]:
    """Equal weight with a book of shares and money; no dividends, no holes."""
    count = len(panel.symbols)
    shares, money, level = [0.0] * count, 1.0, []
    for t in range(len(panel.days)):
        shares = [q * float(panel.split[t, i]) for i, q in enumerate(shares)]
        price = [float(p) for p in (panel.open if at_open else panel.close)[t]]
        if t - 1 in decided:
            worth = money + sum(q * p for q, p in zip(shares, price))
            left = worth
            for _ in range(50):
                left = worth - cost * sum(abs(left / count - q * p) for q, p in zip(shares, price))
            money, shares = 0.0, [left / count / p for p in price]
        level.append(money + sum(q * float(c) for q, c in zip(shares, panel.close[t])))
    return level


@pytest.mark.parametrize("fill", ["next_open", "next_close"])
def test_loops_over_shares_give_the_same_levels(fill: str) -> None:
    panel = random_panel(120, 5, 1)
    panel = replace(panel, dividend=np.zeros_like(panel.close))
    decided = [3, 20, 21, 60, 118, 119]
    found = equal_weight(terms_of(panel, decided, fill=fill, cost_bps=20))
    slow = loops_over_shares(panel, decided, 0.002, at_open=fill == "next_open")
    assert found.level.tolist() == pytest.approx(slow, rel=1e-12)


def test_momentum_holds_the_better_half_of_the_year_before_the_last_month() -> None:
    close = np.full((300, 5), 100.0)
    # From session 0 to 231 the last three have risen, which half of five is; the last month of the others is not seen.
    close[5:, 2:] = 120.0
    close[240:, :2] = 500.0
    close[254:, 4] = 240.0
    found = momentum(terms_of(panel_of(close), [252], first=252))
    # A third of the money doubles.
    assert found.level[:3].tolist() == pytest.approx([1.0, 1.0, 4 / 3])


def test_momentum_changes_after_the_last_session_of_a_month() -> None:
    close = np.full((300, 2), 100.0)
    close[10:, 1] = 110.0
    close[240:, 0] = 110.0
    found = momentum(terms_of(panel_of(close), [252], first=252, cost_bps=100))
    # The second is ahead until session 10 leaves the year; session 273 is the last one of September 2020.
    costs = 252 + np.flatnonzero(np.diff(found.level, prepend=1.0) < 0.0)
    assert costs.tolist() == [253, 274]


def test_momentum_waits_as_cash_without_a_year_of_history() -> None:
    found = momentum(terms_of(random_panel(252, 4, 2), [0]))
    assert set(found.level.tolist()) == {1.0}


def test_momentum_of_a_fifth_holds_one_of_five() -> None:
    close = np.full((300, 5), 100.0)
    close[100:, 3] = 120.0
    close[260:, 3] = 240.0
    assert momentum(terms_of(panel_of(close), [252], first=252), share=0.2).level[-1] == pytest.approx(2.0)


def test_months_end_before_another_one_begins() -> None:
    panel = panel_of(np.ones((65, 1)))
    # 2020: 31 days of January, 29 of February; March has not ended.
    assert month_ends(panel.days).tolist() == [30, 59]


def everything(terms: Terms) -> dict[str, Floats]:
    """The levels of all baselines, `[t]` or `[trader, t]`, that come from one panel."""
    alone = replace(terms, columns=np.array([0]))
    when = terms.decided + 1
    when = when[when < len(terms.panel.days)]
    part = np.full(len(when), 0.3)
    pace = Pace(session=when, bought=part, sold=part / 2.0, names=np.full(len(when), 2))
    return {
        "held": buy_and_hold(alone).level,
        "held, dividends as cash": buy_and_hold(alone, dividends=Dividends.CASH).level,
        "equal weight": equal_weight(terms).level,
        "momentum": momentum(terms).level,
        "cash": cash(terms).level,
        "random": random_traders(terms, pace, seed=3, draws=20).level,
    }


def scrambled(panel: Panel, t: int, seed: int) -> Panel:
    """The panel with everything after session `t` replaced."""
    rng = np.random.Generator(np.random.PCG64(seed))
    prices = {}
    for name in ("open", "high", "low", "close"):
        field = getattr(panel, name).copy()
        field[t + 1 :] = np.where(
            rng.random(field[t + 1 :].shape) < 0.2, NAN, 1.0 + 500.0 * rng.random(field[t + 1 :].shape)
        )
        prices[name] = field
    dividend, split = panel.dividend.copy(), panel.split.copy()
    dividend[t + 1 :] = rng.random(dividend[t + 1 :].shape)
    split[t + 1 :] = 3.0
    return replace(panel, dividend=dividend, split=split, **prices)


@pytest.mark.parametrize("fill", ["next_open", "next_close"])
@pytest.mark.parametrize("t", [260, 275, 300, 333])
def test_nothing_up_to_a_session_depends_on_what_comes_after(fill: str, t: int) -> None:
    panel = random_panel(400, 6, 7, holes=0.03)
    terms = terms_of(panel, list(range(254, 400, 4)), fill=fill, cost_bps=10, first=255)
    before = everything(terms)
    after = everything(replace(terms, panel=scrambled(panel, t, 8)))
    for name, level in before.items():
        known = t - terms.first + 1
        assert np.array_equal(level[..., :known], after[name][..., :known]), name
        # The scrambled prices must have mattered, or this proves nothing.
        assert name == "cash" or not np.array_equal(level, after[name]), name


def test_a_decision_does_not_trade_in_its_own_session() -> None:
    panel = random_panel(300, 4, 9)
    for fill in ("next_open", "next_close"):
        for name, level in everything(terms_of(panel, [270], fill=fill, first=260)).items():
            assert set(np.ravel(level[..., :11]).tolist()) == {1.0}, name


def test_marks_of_total_return_prices_are_the_prices() -> None:
    close = random_panel(50, 3, 4).close
    marks = marks_of(panel_of(close), np.arange(3))
    assert marks.close == pytest.approx(close / close[0])


def test_a_price_of_nothing_is_none() -> None:
    panel = panel_of(column(100, 100, 0, -5, 120))
    assert buy_and_hold(terms_of(panel, [0])).level.tolist() == pytest.approx([1.0, 1.0, 1.0, 1.0, 1.2])


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"fill": "same_close"}, "next_open or next_close"),
        ({"first": 3}, "must begin inside"),
        ({"columns": np.array([1])}, "one symbol of the panel"),
        ({"columns": np.array([], dtype=np.int64)}, "one symbol of the panel"),
        ({"decided": np.array([1, 1])}, "must ascend"),
        ({"decided": np.array([5])}, "must ascend"),
        ({"first": 2, "decided": np.array([0])}, "from the close before the run"),
        ({"cost_bps": -1.0}, "cost_bps"),
    ],
)
def test_terms_that_cannot_be_are_refused(wrong: dict[str, object], words: str) -> None:
    terms = terms_of(panel_of(column(100, 100, 100)), [0])
    with pytest.raises(InputError, match=words):
        replace(terms, **wrong)  # type: ignore[arg-type]


def test_a_run_that_never_decides_leaves_its_baselines_in_cash() -> None:
    terms = terms_of(random_panel(300, 3, 1), [], first=280)
    assert set(equal_weight(terms).level.tolist()) == {1.0}
    assert set(buy_and_hold(replace(terms, columns=np.array([0]))).level.tolist()) == {1.0}
