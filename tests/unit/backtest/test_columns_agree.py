"""A backtest in columns and one cycle by cycle agree to the cent; what columns cannot do they refuse."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from pathlib import Path

import numpy as np
import pytest
from tests.daily_files import sessions_from, write_bars

from prudent.backtest import run_backtest
from prudent.backtest.columns import ColumnPlan, NeedsCycles, compiled_columns, simulate_columns, why_not_columns
from prudent.backtest.request import FillAt
from prudent.domain.errors import InputError
from prudent.domain.mandate import Exits, Mandate, Planning
from prudent.domain.performance import FillTable, Panel, RunBook

BEFORE, VOLUME, CASH = 25, 10_000_000, 100_000
SYMBOLS = ("AAPL", "CVX", "JNJ", "JPM", "KO", "PG", "WMT", "XOM")


@dataclass(frozen=True, kw_only=True)
class Case:
    """Random prices of a few symbols, written as files and given as columns."""

    panel: Panel
    plan: ColumnPlan
    days: list[date]
    cadence: str
    weights: dict[str, str]


def case(folder: Path, seed: int, fill: FillAt, sessions: int) -> Case:
    luck = np.random.default_rng(seed)
    symbols = tuple(sorted(luck.choice(SYMBOLS, 3 + seed % 6, replace=False).tolist()))
    shape = (BEFORE + sessions, len(symbols))
    # Enough for plans to be made anew now and then.
    daily = 0.01
    close = np.round(luck.uniform(20, 200, shape[1]) * np.exp(np.cumsum(luck.normal(0, daily, shape), axis=0)), 2)
    gap = luck.normal(0, luck.choice([0.004, 0.02]), shape)
    opened = np.round(np.vstack([close[:1], close[:-1]]) * np.exp(gap), 2)
    high, low = np.maximum(opened, close), np.minimum(opened, close)
    days = sessions_from(date(2015, 1, 2), shape[0])
    for i, symbol in enumerate(symbols):
        rows = np.stack([opened[:, i], high[:, i], low[:, i], close[:, i]], axis=1).tolist()
        write_bars(folder, symbol, days, [(a, b, c, d) for a, b, c, d in rows], volume=VOLUME)
    write_bars(folder, "SPY", days, [(200.0, 200.0, 200.0, 200.0)] * len(days))
    raw = luck.random(shape[1])
    weights = np.round(np.minimum(0.9 * raw / raw.sum(), 0.19), 4)
    cadence = str(luck.choice(["weekly", "monthly"]))
    inside = days[BEFORE:]
    period = [(day.year, day.month) if cadence == "monthly" else day.isocalendar()[:2] for day in inside]
    due = np.array([t for t in range(sessions - 1) if period[t + 1] != period[t]])
    dollars = np.array([np.round((close[t - 20 : t] * VOLUME).mean(axis=0), 2) for t in range(BEFORE, shape[0])])
    panel = Panel(
        symbols=symbols, days=np.array(inside, dtype="datetime64[D]"), open=opened[BEFORE:], high=high[BEFORE:],
        low=low[BEFORE:], close=close[BEFORE:], dividend=np.zeros((sessions, shape[1])),
        split=np.ones((sessions, shape[1])), total_return=False,
    )  # fmt: skip
    plan = ColumnPlan(
        panel=panel, days=due, weights=np.tile(weights, (len(due), 1)), dollars=dollars, sectors=symbols, fill=fill,
        cash=Decimal(CASH),
    )  # fmt: skip
    told = {symbol: str(weight) for symbol, weight in zip(symbols, weights)}
    return Case(panel=panel, plan=plan, days=inside, cadence=cadence, weights=told)


def by_cycles(folder: Path, given: Case, config: dict[str, object]) -> RunBook:
    return run_backtest(
        config, given.days[0], given.days[-1], targets=given.weights, data=str(folder), cadence=given.cadence,
        fill=str(given.plan.fill), initial_cash=CASH, path="rows",
    )  # fmt: skip


def rows(table: FillTable) -> list[tuple[str, str, float, float, float]]:
    return [
        (
            str(table.day[i]), table.symbols[table.symbol[i]], float(table.quantity[i]), float(table.price[i]),
            float(table.fees[i]),
        )
        for i in range(len(table))
    ]  # fmt: skip


CONFIGS: tuple[dict[str, object], ...] = (
    {"costs": "none", "slippage_bps": 5},
    {"costs": "ibkr_fixed", "slippage_bps": 0, "limits": {"max_turnover_per_cycle": "0.5"}},
    {"costs": "ibkr_tiered", "slippage_bps": 2, "planning": {"allocator": "floor", "buffer": "0.01"}},
)


@pytest.mark.parametrize("fill", [FillAt.NEXT_OPEN, FillAt.NEXT_CLOSE])
def test_columns_and_cycles_agree_to_the_cent(tmp_path: Path, fill: FillAt, scale: Callable[[int, int], int]) -> None:
    traded = 0
    for seed in range(scale(2, 12)):
        folder = tmp_path / str(seed)
        given = case(folder, seed * 2 + (fill is FillAt.NEXT_CLOSE), fill, sessions=scale(35, 90))
        book = by_cycles(folder, given, CONFIGS[seed % len(CONFIGS)])
        assert why_not_columns(book.mandate, book.rules) == ""
        result = simulate_columns(book.mandate, given.plan)
        assert rows(result.fills) == rows(book.fills), seed
        assert np.array_equal(result.nav.nav, book.nav.nav), seed
        assert np.array_equal(result.nav.cash, book.nav.cash), seed
        traded += len(book.fills)
    assert traded > 15


def test_a_guard_that_shrinks_shrinks_alike(tmp_path: Path) -> None:
    given = case(tmp_path, 7, FillAt.NEXT_OPEN, sessions=30)
    book = by_cycles(tmp_path, given, {"costs": "none", "limits": {"max_turnover_per_cycle": "0.05"}})
    result = simulate_columns(book.mandate, given.plan)
    assert rows(result.fills) == rows(book.fills)
    assert np.array_equal(result.nav.nav, book.nav.nav)


@pytest.mark.parametrize(("changed", "word"), [
    ({"strategy": "research"}, "strategy"), ({"exits": Exits(stop_loss=Decimal("0.1"))}, "forced exits"),
    ({"planning": Planning(band_absolute=Decimal("0.02"))}, "bands"), ({"planning": Planning(slices=2)}, "slices"),
    ({"planning": Planning(allow_short=True)}, "shorts"), ({"custom_rules": ("no tech",)}, "user rules"),
])  # fmt: skip
def test_an_account_that_is_not_plain_is_told_why(changed: dict[str, object], word: str) -> None:
    plain = Mandate(account="a")
    assert why_not_columns(plain) == ""
    assert word in why_not_columns(replace(plain, **changed))  # type: ignore[arg-type]


def test_a_missing_price_is_for_cycles(tmp_path: Path) -> None:
    given = case(tmp_path, 1, FillAt.NEXT_OPEN, sessions=8)
    given.panel.open[3, 0] = np.nan
    with pytest.raises(InputError, match="no price or volume"):
        simulate_columns(Mandate(account="a"), given.plan)


def test_a_price_at_which_cents_are_wide_is_for_cycles(tmp_path: Path) -> None:
    given = case(tmp_path, 1, FillAt.NEXT_OPEN, sessions=8)
    given.panel.close[3, 0] = 1.9
    with pytest.raises(NeedsCycles, match="limit orders"):
        simulate_columns(Mandate(account="a"), given.plan)


def test_a_fall_that_stops_an_account_is_for_cycles(tmp_path: Path) -> None:
    given = case(tmp_path, 1, FillAt.NEXT_OPEN, sessions=30)
    for prices in (given.panel.open, given.panel.close):
        prices[25:] *= 0.5
    with pytest.raises(InputError, match="cycle by cycle"):
        simulate_columns(Mandate(account="a"), given.plan)


def test_compiled_columns_give_the_same_bytes(tmp_path: Path, scale: Callable[[int, int], int]) -> None:
    seeds = range(scale(0, 3))
    if not seeds:
        pytest.skip("compiles for minutes; --prove does")
    kernels = compiled_columns(tmp_path / "machine_code")
    for seed in seeds:
        given = case(tmp_path / str(seed), seed, list(FillAt)[seed % 2], sessions=60)
        plain, fast = (simulate_columns(Mandate(account="a"), given.plan, each) for each in (None, kernels))
        for one, other in zip((*plain.log, plain.nav.nav, plain.ends), (*fast.log, fast.nav.nav, fast.ends)):
            assert one.tobytes() == other.tobytes()
    assert list((tmp_path / "machine_code").iterdir())
