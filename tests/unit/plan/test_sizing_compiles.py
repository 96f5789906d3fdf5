"""The sizing kernels compile as they stand, and a compiled run gives the same bits."""

import inspect
import types
from typing import Any

import numpy as np
from numpy.random import Generator

from prudent.domain import money
from prudent.exchange import fees
from prudent.pipeline.plan import sizing
from prudent.pipeline.plan.sizing import FLOOR, REMAINDER, LotColumns, SizingColumns, SizingRules, empty_lots

KERNELS: tuple[Any, ...] = (
    money.round_cents,
    fees.commission,
    *(
        each
        for name, each in inspect.getmembers(sizing, inspect.isfunction)
        if each.__module__ == sizing.__name__ and name != "empty_lots"
    ),
)


def compiled() -> dict[str, Any]:
    """Every kernel over globals in which every other kernel is compiled too; the code objects stay the same."""
    import numba

    scope: dict[str, Any] = {}
    for kernel in KERNELS:
        scope.update(kernel.__globals__)
    for kernel in KERNELS:
        scope[kernel.__name__] = numba.njit(types.FunctionType(kernel.__code__, scope, kernel.__name__))
    return scope


def random_book(random: Generator, count: int) -> SizingColumns:
    weight = random.dirichlet(np.ones(count)) * random.choice([-1.0, 0.0, 1.0, 1.0, 1.0], count)
    price = np.round(random.uniform(1.0, 500.0, count), 2)
    lot = random.choice([0.001, 1.0, 10.0], count)
    return SizingColumns(
        weight=weight,
        trades=random.integers(0, 2, count),
        unit=price * lot,
        price=price,
        multiplier=np.ones(count),
        lot=lot,
        held=np.round(random.uniform(-50.0, 200.0, count), 1),
        open_buy=np.floor(random.uniform(0.0, 5.0, count)),
        open_sell=np.floor(random.uniform(0.0, 5.0, count)),
    )


def run(scope: Any, columns: SizingColumns, rules: SizingRules) -> LotColumns:
    lots = empty_lots(len(columns.weight))
    scope["target_lots"](columns, rules.base, rules.allocator, lots.target)
    scope["size_orders"](columns, rules, lots)
    return lots


def test_compiled_and_plain_runs_are_bit_equal() -> None:
    fast, plain = compiled(), vars(sizing)
    random = np.random.default_rng(7)
    scaled = 0
    for case in range(200):
        columns = random_book(random, int(random.integers(1, 30)))
        rules = SizingRules(
            base=float(random.integers(1_000, 1_000_000)),
            cash=float(random.integers(0, 200_000)),
            minimum=float(random.choice([0.0, 100.0])),
            allocator=REMAINDER if case % 2 else FLOOR,
            model=case % 5,
        )
        ours, theirs = run(plain, columns, rules), run(fast, columns, rules)
        scaled += int((ours.add < ours.wanted).any())
        for one, other in zip(ours, theirs):
            assert one.tobytes() == other.tobytes()
    assert scaled > 20


def test_the_compiled_kernels_are_the_planners_own_code() -> None:
    scope = compiled()
    for kernel in KERNELS:
        assert scope[kernel.__name__].py_func.__code__ is kernel.__code__
