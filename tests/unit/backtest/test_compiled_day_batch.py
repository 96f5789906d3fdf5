"""The benchmark's day-batch is made of the product's own functions, agrees with its reference, and its record holds."""

import importlib
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any, TypeVar

import pytest

from prudent.backtest import day_batch
from prudent.backtest.columnar import verify
from prudent.backtest.columnar_sql import asked
from prudent.exchange import matching, venue
from prudent.guards import evaluate, report
from prudent.pipeline.plan import legs, sizing, spend

Kernel = TypeVar("Kernel")
BENCHMARKS = Path(__file__).parents[3] / "benchmarks"


class PlainKernels:
    """Stands for the compiled kernels: every kernel as the live path runs it."""

    def __getitem__(self, kernel: Kernel) -> Kernel:
        return kernel


@pytest.fixture(scope="module")
def portfolio() -> Iterator[dict[str, ModuleType]]:
    sys.path.insert(0, str(BENCHMARKS))
    names = ("panel", "ours", "reference", "limits")
    yield {name: importlib.import_module(f"portfolio.{name}") for name in names}
    sys.path.remove(str(BENCHMARKS))


def simulate(portfolio: dict[str, ModuleType], path: Path, symbols: int = 12, days: int = 40) -> tuple[Any, Any, Any]:
    panel = portfolio["panel"]
    case = panel.Case(name="small", symbols=symbols, days=days, every=3)
    given, weights = panel.panel(case), panel.target_weights(case)
    return case, given, portfolio["ours"].simulate(case, given, weights, PlainKernels(), path)


def test_the_benchmark_calls_the_functions_that_a_live_run_calls(portfolio: dict[str, ModuleType]) -> None:
    assert vars(portfolio["ours"])["run_days"] is day_batch.run_days
    batch = vars(day_batch)
    assert batch["evaluate_batch"] is evaluate.evaluate_batch is vars(report)["evaluate_batch"]
    assert batch["size_orders"] is sizing.size_orders is vars(legs)["size_orders"]
    assert batch["fit_to_cash"] is sizing.fit_to_cash is vars(spend)["fit_to_cash"]
    assert batch["match_batch"] is matching.match_batch
    assert vars(matching)["match_one"] is vars(venue)["match_one"]


def test_the_day_batch_agrees_with_exact_decimals_to_the_cent(portfolio: dict[str, ModuleType], tmp_path: Path) -> None:
    case, given, (final, orders) = simulate(portfolio, tmp_path / "orders")
    truth = portfolio["reference"].run_reference(
        case, given, portfolio["panel"].target_weights(case), portfolio["limits"].SECTOR_WEIGHT_MAX
    )
    assert (final, orders) == (float(truth.final), truth.traded)
    assert portfolio["ours"].changed_by_guard(tmp_path / "orders") == truth.changed
    assert len(truth.changed) >= 2


def test_the_ledger_reads_back_what_was_traded(portfolio: dict[str, ModuleType], tmp_path: Path) -> None:
    case, _, (final, orders) = simulate(portfolio, tmp_path / "orders")
    assert verify(tmp_path / "orders").rows["nav"] == case.days

    def only(query: str) -> tuple[Any, ...]:
        return asked(tmp_path / "orders", query, most=10).rows[0]

    assert only("select count(*) from fills") == (orders,)
    assert only("select max(batch) + 1, min(cash) >= 0 from orders") == (len(case.rebalances), True)
    assert only("select count(*) from orders where filled > approved or approved > abs(planned)") == (0,)
    assert only("select nav from nav order by day desc limit 1") == (final,)
