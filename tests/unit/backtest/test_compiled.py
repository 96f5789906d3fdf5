"""Compiled kernels are the product's own functions, and give the same bits."""

import builtins
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from prudent.backtest.compiled import CompiledKernels
from prudent.domain.errors import ConfigError
from prudent.domain.money import floor_lots, round_cents
from prudent.exchange import fees, venue
from prudent.exchange.matching import (
    KERNELS,
    BookColumns,
    Costs,
    FillColumns,
    OrderColumns,
    QuoteColumns,
    match_batch,
    match_one,
)


def log(n: int) -> FillColumns:
    return FillColumns(np.zeros(n, np.int64), np.zeros(n), np.zeros(n), np.zeros(n), np.zeros(n))


def batch(seed: int, n: int, instruments: int) -> tuple[OrderColumns, QuoteColumns, BookColumns]:
    rng = np.random.default_rng(seed)
    price = np.round(rng.uniform(0.2, 400.0, instruments), 2)
    price[rng.random(instruments) < 0.1] = np.nan
    limit = np.where(rng.random(n) < 0.3, np.round(rng.uniform(0.2, 400.0, n), 2), np.nan)
    orders = OrderColumns(
        rng.integers(0, instruments, n), rng.choice(np.array([-1, 1]), n),
        rng.integers(1, 500, n).astype(np.float64), limit,
    )  # fmt: skip
    quotes = QuoteColumns(
        price=price, bid=price - 0.01, ask=np.where(rng.random(instruments) < 0.5, price + 0.01, np.nan),
        cap=np.where(rng.random(instruments) < 0.5, 120.5, np.inf), lot=np.ones(instruments),
        multiplier=np.ones(instruments),
    )  # fmt: skip
    return orders, quotes, BookColumns(np.array([3e5]), np.zeros(instruments), np.zeros(instruments))


@pytest.fixture(scope="module")
def compiled(tmp_path_factory: pytest.TempPathFactory) -> CompiledKernels:
    return CompiledKernels(match_batch, cache=tmp_path_factory.mktemp("machine_code"))


def test_what_is_compiled_is_the_code_that_the_live_path_runs(compiled: CompiledKernels) -> None:
    for kernel in KERNELS:
        function: Any = compiled[kernel]
        assert function is not kernel
        assert function.py_func.__code__ is kernel.__code__
    assert vars(venue)["match_one"] is match_one


def test_all_that_a_kernel_calls_is_compiled_with_it(compiled: CompiledKernels) -> None:
    assert {*compiled.kernels} ^ {*KERNELS} == set()
    assert compiled.kernels[-1] is match_batch


def test_the_originals_stay_as_they_are(compiled: CompiledKernels) -> None:
    assert match_batch.__globals__["match_one"] is match_one
    assert not hasattr(match_one, "py_func")
    assert compiled[match_one] is not match_one


@pytest.mark.parametrize("model", range(5))
def test_compiled_and_plain_are_equal_bit_for_bit(compiled: CompiledKernels, model: int) -> None:
    statuses: set[int] = set()
    for seed in range(6):
        orders, quotes, plain = batch(seed, 400, 25)
        fast = BookColumns(*(column.copy() for column in plain))
        plain_log, fast_log = log(400), log(400)
        costs = Costs(model, 2.5)
        assert match_batch(orders, quotes, plain, plain_log, costs) == compiled[match_batch](
            orders, quotes, fast, fast_log, costs
        )
        for ours, theirs in zip((*plain, *plain_log), (*fast, *fast_log)):
            assert ours.tobytes() == theirs.tobytes()
        statuses |= set(plain_log.status.tolist())
    assert statuses == {0, 1, 2, 3, 4}


def test_a_stand_in_takes_the_place_of_what_cannot_be_compiled() -> None:
    names: dict[str, Any] = {}
    exec("def whole(x):\n    return float(int(x))", names)
    compiled = CompiledKernels(fees.commission, swaps={round_cents: names["whole"]})
    # 25 x 100.00 x 0.08 % = 2.00, 24 x 100.00 x 0.08 % = 1.92
    assert compiled[fees.commission](fees.XTB, 25.0, 100.0, 1.0) == 2.0
    assert compiled[fees.commission](fees.XTB, 24.0, 100.0, 1.0) == 1.0
    assert fees.commission(fees.XTB, 24.0, 100.0, 1.0) == 1.92


def test_changed_code_gets_another_folder_of_machine_code(tmp_path: Path) -> None:
    names: dict[str, Any] = {"floor_lots": floor_lots}
    exec("def one(x):\n    return floor_lots(x, 1.0)", names)
    exec("def two(x):\n    return floor_lots(x, 2.0)", names)
    for stand_in in ("one", "two", "one"):
        CompiledKernels(fees.commission, swaps={round_cents: names[stand_in]}, cache=tmp_path)[fees.commission](
            fees.XTB, 10.0, 100.0, 1.0
        )
    assert len(list(tmp_path.iterdir())) == 2


def test_without_the_compiler_the_message_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    real = builtins.__import__

    def without(name: str, *args: Any, **kwargs: Any) -> ModuleType:
        if name == "numba":
            raise ImportError(name)
        return real(name, *args, **kwargs)

    monkeypatch.delitem(sys.modules, "numba")
    monkeypatch.setattr(builtins, "__import__", without)
    monkeypatch.setattr(sys, "path", [])
    monkeypatch.setattr(sys, "meta_path", [])
    with pytest.raises(ConfigError, match="extra `fast`"):
        CompiledKernels(round_cents)


def test_compiled_kernels_hold_on_to_no_array(compiled: CompiledKernels) -> None:
    orders, quotes, book = batch(1, 50, 5)
    fills = log(50)
    compiled[match_batch](orders, quotes, book, fills, Costs(fees.NONE, 0.0))
    before = [sys.getrefcount(column) for column in (*orders, *quotes, *book, *fills)]
    for _ in range(20):
        compiled[match_batch](orders, quotes, book, fills, Costs(fees.NONE, 0.0))
    assert [sys.getrefcount(column) for column in (*orders, *quotes, *book, *fills)] == before
