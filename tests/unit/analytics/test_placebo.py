"""The placebo of shifted time, by hand, against plain loops, and on runs that know when to hold and that do not."""

from dataclasses import replace

import numpy as np
import pytest
from tests.unit.analytics.panels import panel_of, random_panel
from tests.unit.tearsheet.books import nav_of

from prudent.analytics.placebo import LEAST, shifted, weights_of
from prudent.domain.errors import InputError
from prudent.domain.performance import FillTable, Floats, Panel


def table(panel: Panel, *rows: tuple[int, int, float]) -> FillTable:
    """Fills of (session, symbol, signed quantity)."""
    count = len(rows)
    return FillTable(
        symbols=panel.symbols, causes=("target",), day=panel.days[[row[0] for row in rows]],
        symbol=np.array([row[1] for row in rows], dtype=np.int64), quantity=np.array([float(row[2]) for row in rows]),
        price=np.ones(count), fees=np.zeros(count), arrival=np.ones(count), cause=np.zeros(count, dtype=np.int64),
    )  # fmt: skip


def walked(weights: Floats, close: Floats, cost: float) -> float:
    """The same return, one session and symbol after the other."""
    value = 1.0 - cost * sum(abs(w) for w in weights[0])
    for t in range(1, len(close)):
        moves = [close[t][i] / close[t - 1][i] - 1.0 for i in range(len(close[t]))]
        earned = sum(w * m for w, m in zip(weights[t - 1], moves))
        drifted = [w * (1.0 + m) / (1.0 + earned) for w, m in zip(weights[t - 1], moves)]
        value *= 1.0 + earned
        value *= 1.0 - cost * sum(abs(w - d) for w, d in zip(weights[t], drifted))
    return float(value - 1.0)


def test_a_run_by_hand() -> None:
    # Eleven sessions at 100 but for the third, at 110: whoever holds the whole at the second close earns 10 %.
    close = np.full((11, 1), 100.0)
    close[2:] = 110.0
    weights = np.zeros((11, 1))
    weights[1] = 1.0
    found = shifted(weights, panel_of(close), cost=0.0)
    assert found.own == pytest.approx(0.10)
    assert found.sessions.tolist() == [5, 6]
    assert found.total.tolist() == [0.0, 0.0]
    assert found.percentile == 1.0
    # Buying and selling the whole at one in a hundred each: 1.1 x 0.99 x 0.99.
    assert shifted(weights, panel_of(close), cost=0.01).own == pytest.approx(1.1 * 0.99 * 0.99 - 1.0)


def test_every_shift_is_the_walk_of_the_moved_holdings() -> None:
    rng = np.random.Generator(np.random.PCG64(5))
    close = 50.0 * np.exp(np.cumsum(0.02 * rng.standard_normal((40, 3)), axis=0))
    weights = rng.dirichlet(np.ones(4), size=40)[:, :3]
    found = shifted(weights, panel_of(close), cost=0.002, shifts=7)
    assert len(found.sessions) == 7
    assert (found.sessions[0], found.sessions[-1]) == (LEAST, 40 - LEAST)
    for k, total in zip(found.sessions, found.total):
        assert total == pytest.approx(walked(np.roll(weights, k, axis=0), close, 0.002), abs=1e-12)
    assert found.own == pytest.approx(walked(weights, close, 0.002), abs=1e-12)


def test_holding_the_same_throughout_ranks_in_the_middle() -> None:
    panel = random_panel(120, 4, 3)
    found = shifted(np.full((120, 4), 0.25), panel, cost=0.001)
    assert found.percentile == 0.5


def test_whoever_knows_the_next_day_beats_its_own_shifts_and_luck_does_not() -> None:
    rng = np.random.Generator(np.random.PCG64(11))
    close = 50.0 * np.exp(np.cumsum(0.01 * rng.standard_normal((300, 1)), axis=0))
    moves = np.diff(close[:, 0])
    knows = np.concatenate((moves > 0.0, [False])).astype(np.float64)[:, None]
    assert shifted(knows, panel_of(close), cost=0.0).percentile == 1.0
    ranks = [
        shifted((rng.random((300, 1)) < 0.5).astype(np.float64), panel_of(close), cost=0.0).percentile
        for _ in range(40)
    ]
    assert 0.3 < float(np.mean(ranks)) < 0.7


def test_weights_are_read_from_fills_over_a_split() -> None:
    split = np.ones((12, 1))
    split[6] = 2.0
    close = np.where(np.arange(12)[:, None] < 6, 100.0, 50.0)
    panel = panel_of(close, split=split)
    # Ten shares of 100 in the second session, twenty of 50 from the split on, half of them sold in the tenth.
    fills = table(panel, (1, 0, 10.0), (9, 0, -10.0))
    held = np.array([0.0] + [1_000.0] * 8 + [500.0] * 3)
    nav = nav_of(np.full(12, 10_000.0), days=panel.days)
    nav = replace(nav, gross=held)
    found = weights_of(nav, fills, panel)
    assert found is not None
    assert found[:, 0].tolist() == pytest.approx((held / 10_000.0).tolist())


def test_what_fills_do_not_explain_has_no_weights() -> None:
    panel = panel_of(np.full((12, 1), 100.0))
    nav = nav_of(np.full(12, 10_000.0), days=panel.days)
    assert weights_of(nav, table(panel, (1, 0, 10.0)), panel) is None, "nine tenths are held, not one"
    other = replace(table(panel, (1, 0, 1.0)), symbols=("X",))
    assert weights_of(nav, other, panel) is None


def test_a_run_too_short_is_refused() -> None:
    with pytest.raises(InputError, match="more than 10 sessions"):
        shifted(np.zeros((10, 1)), panel_of(np.full((10, 1), 1.0)), cost=0.0)
