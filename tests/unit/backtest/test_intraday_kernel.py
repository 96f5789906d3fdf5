"""A strategy bar after bar: the books to the cent, guards asked at each change, declared and called alike."""

import importlib
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import TypeVar

import numpy as np
import pytest

from prudent.backtest.intraday_kernel import BarColumns, empty_bar_log, empty_bar_work, move_to
from prudent.exchange.fees import NONE
from prudent.exchange.matching import Costs
from prudent.guards import judges_data, judges_loss
from prudent.guards.evaluate import JUDGES

Kernel = TypeVar("Kernel")
BENCHMARKS = Path(__file__).parents[3] / "benchmarks"


class PlainKernels:
    """Stands for the compiled kernels: every kernel as it is written."""

    def __getitem__(self, kernel: Kernel) -> Kernel:
        return kernel


@pytest.fixture(scope="module")
def intraday() -> Iterator[dict[str, ModuleType]]:
    sys.path.insert(0, str(BENCHMARKS))
    yield {name: importlib.import_module(f"intraday.{name}") for name in ("bars", "ours")}
    sys.path.remove(str(BENCHMARKS))


@pytest.mark.parametrize("way", ["declared", "callback"])
def test_the_books_are_those_of_exact_decimals(intraday: dict[str, ModuleType], way: str) -> None:
    series = intraday["bars"].prices(4000)
    final, log = intraday["ours"].run(PlainKernels(), way, series)
    truth, fills = intraday["bars"].exact(series)
    used = slice(0, log.used[0])
    assert (final, int((log.filled[used] != 0).sum())) == (float(truth), fills)
    assert fills > 100
    assert (log.guard[used] == -1).all()


def test_declared_and_called_leave_the_same_log(intraday: dict[str, ModuleType]) -> None:
    series = intraday["bars"].prices(3000)
    one, two = (intraday["ours"].run(PlainKernels(), way, series)[1] for way in ("declared", "callback"))
    assert all(np.array_equal(a, b) for a, b in zip(one, two))


def account(intraday: dict[str, ModuleType], prices: list[float], *, dollars: float = 1e9) -> tuple:  # type: ignore[type-arg]
    bars = BarColumns(np.array(prices), np.zeros(len(prices), np.int64))
    work = empty_bar_work(Costs(NONE, 0.0), intraday["ours"].guards(), 10_000.0, dollars=dollars)
    return work, bars, empty_bar_log(50)


def test_a_flip_closes_before_it_opens(intraday: dict[str, ModuleType]) -> None:
    work, bars, log = account(intraday, [100.0, 101.0])
    assert move_to(work, bars, log, 0, 2.0) == 2.0
    assert move_to(work, bars, log, 1, -3.0) == -3.0
    assert log.filled[:3].tolist() == [2.0, -2.0, -3.0]
    assert log.cash[:3].tolist() == [9800.0, 10_002.0, 10_305.0]


def test_a_guard_lowers_an_order_and_is_named(intraday: dict[str, ModuleType]) -> None:
    # 5 % of 8,000 dollars a day are 400: four shares of 100.
    work, bars, log = account(intraday, [100.0], dollars=8000.0)
    assert move_to(work, bars, log, 0, 6.0) == 0.0
    thin = JUDGES.index(judges_data.average_volume)
    assert work.guards.kind[log.guard[0]] == thin
    work, bars, log = account(intraday, [100.0], dollars=200_000.0)
    assert move_to(work, bars, log, 0, 150.0) == 19.0  # at most a fifth of 10,000 less what they may lose at once


def test_a_loss_since_the_last_order_stops_new_risk(intraday: dict[str, ModuleType]) -> None:
    """What happened between two orders counts: 19 shares that lose 11 are 2.09 % of 10,000."""
    work, bars, log = account(intraday, [100.0, 95.0, 89.0, 89.0])
    move_to(work, bars, log, 0, 19.0)
    assert move_to(work, bars, log, 2, 20.0) == 19.0
    assert work.guards.kind[log.guard[1]] == JUDGES.index(judges_loss.max_daily_loss)
    assert move_to(work, bars, log, 3, 0.0) == 0.0  # an exit may always go


def test_a_fall_from_a_peak_between_two_orders_counts(intraday: dict[str, ModuleType]) -> None:
    """8,100 and 19 shares: 15,700 at 400, then 11,900 at 200, which is 24 % less, and more than the day began with."""
    work, bars, log = account(intraday, [100.0, 400.0, 200.0])
    move_to(work, bars, log, 0, 19.0)
    assert move_to(work, bars, log, 2, 20.0) == 19.0
    assert work.guards.kind[log.guard[1]] == JUDGES.index(judges_loss.drawdown_cut)
