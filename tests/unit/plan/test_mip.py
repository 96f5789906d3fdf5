"""The exact allocator against a search of every combination."""

from decimal import Decimal
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.plan.build import d, mandate, plan_of, planning, seen, told, wants

from prudent.domain.mandate import Allocator
from prudent.pipeline.plan import mip

Problem = list[tuple[Decimal, Decimal]]


def every_combination(problem: Problem, budget: Decimal) -> tuple[int, ...]:
    """The best by objective, then fewest lots above target, then more lots for the first symbols."""
    best: tuple[Decimal, int, tuple[int, ...]] | None = None
    for lots in product(*(range(int(t // u) + (1 if t % u else 0) + 1) for t, u in problem)):
        cost = sum((u * n for (_t, u), n in zip(problem, lots)), Decimal(0))
        if cost <= budget:
            gap = sum((abs(t - u * n) for (t, u), n in zip(problem, lots)), Decimal(0))
            above = sum(u * n > t for (t, u), n in zip(problem, lots))
            key = (gap + budget - cost, above, tuple(-n for n in lots))
            best = key if best is None else min(best, key)
    assert best is not None
    return tuple(-n for n in best[2])


def solve(problem: Problem, budget: Decimal) -> tuple[int, ...] | None:
    start = [int(t // u) for t, u in problem]
    return mip.allocate([t for t, _u in problem], [u for _t, u in problem], budget, start)


CENTS = st.integers(300, 3000).map(lambda n: Decimal(n) / 100)
TARGETS = st.integers(0, 12000).map(lambda n: Decimal(n) / 100)


@given(st.lists(st.tuples(TARGETS, CENTS), min_size=1, max_size=3))
def test_the_search_finds_the_best_of_all_combinations(problem: Problem) -> None:
    budget = sum((t for t, _u in problem), Decimal(0))
    assert solve(problem, budget) == every_combination(problem, budget)


def test_a_tie_gives_the_lot_to_the_first_symbol() -> None:
    # Half a share each: one lot for either costs the same and misses by the same.
    assert solve([(d(50), d(100)), (d(50), d(100))], d(100)) == (1, 0)


def test_a_tie_prefers_fewer_lots_above_target() -> None:
    # Two spare lots of 50 for the first symbols, or one of 100 for the last: the same distance and no cash left.
    problem = [(d(25), d(50)), (d(25), d(50)), (d(50), d(100))]
    assert solve(problem, d(100)) == every_combination(problem, d(100)) == (0, 0, 1)


def test_a_search_that_grows_too_large_gives_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mip, "NODES_MAX", 2)
    world = seen({"AAA": "173.00", "BBB": "91.50", "CCC": "37.25"}, cash="10000")
    weights = wants({"AAA": "0.50", "BBB": "0.30", "CCC": "0.20"})
    plan = plan_of(world, weights, mandate(planning(allocator=Allocator.MIP)))
    assert told(plan) == ["2 OPEN 29 AAA", "2 OPEN 32 BBB", "2 OPEN 54 CCC"]
    assert "gave up" in plan.warnings[0]


def test_more_symbols_than_the_search_takes_are_refused_at_once() -> None:
    many = [(d(10), d(3))] * (mip.SYMBOLS_MAX + 1)
    assert solve(many, d(10) * len(many)) is None


def test_fifty_symbols_are_allocated_exactly() -> None:
    prices = {f"S{k:02}": str(Decimal(2000 + 7919 * k % 47000) / 100) for k in range(50)}
    weights = wants(dict.fromkeys(prices, "0.02"))
    plan = plan_of(seen(prices, cash="100000"), weights, mandate(planning(allocator=Allocator.MIP)))
    near = plan_of(seen(prices, cash="100000"), weights)
    assert plan.warnings == ()
    assert plan.attainable_accuracy > near.attainable_accuracy
