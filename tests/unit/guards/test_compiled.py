"""The guard loop compiles as it stands, and a compiled run gives the same bits as a plain one."""

import numpy as np
import pytest
from tests.unit.guards.random_columns import as_lists, random_columns, random_guards, room_for

from prudent.backtest.compiled import CompiledKernels
from prudent.guards import evaluate
from prudent.guards.columns import CLIP, LAYERS, ORDER_WIDTH, Columns, GuardColumns, VerdictColumns
from prudent.guards.evaluate import (
    JUDGES,
    any_waits,
    compilable_judge_by_kind,
    evaluate_batch,
    judge_by_kind,
    judge_funding,
    judge_layers,
    plan_again,
)
from prudent.guards.report import judge

BATCHES = 120


@pytest.fixture(scope="module")
def compiled() -> CompiledKernels:
    return CompiledKernels(evaluate_batch, swaps={judge_by_kind: compilable_judge_by_kind()})


def plain_run(columns: Columns, guards: GuardColumns) -> VerdictColumns:
    verdicts, scratch = room_for(columns, guards)
    evaluate_batch(columns, guards, verdicts, scratch)
    return verdicts


def same_bits(one: VerdictColumns, other: VerdictColumns) -> bool:
    return all(np.array_equal(a, b, equal_nan=True) for a, b in zip(map(np.asarray, one), map(np.asarray, other)))


def test_a_compiled_run_gives_the_same_bits(compiled: CompiledKernels) -> None:
    trimmed = waited = 0
    for seed in range(BATCHES):
        columns = random_columns(seed)
        guards = random_guards(seed, 12)
        verdicts, scratch = room_for(columns, guards)
        compiled[evaluate_batch](columns, guards, verdicts, scratch)
        plain = plain_run(as_lists(columns), guards)
        assert same_bits(verdicts, plain), seed
        trimmed += int(np.sum(np.asarray(verdicts.outcome) == CLIP))
        waited += int(np.sum(np.asarray(verdicts.waits)))
    assert trimmed > 100
    assert waited > 20


def test_every_judge_is_compiled_from_its_own_code(compiled: CompiledKernels) -> None:
    """What judges live orders and what runs in a backtest are the same functions."""
    assert {*JUDGES} <= {*compiled.kernels}
    assert compiled[evaluate_batch].py_func.__code__ is evaluate_batch.__code__  # type: ignore[attr-defined]
    for kernel in JUDGES:
        assert compiled[kernel].py_func.__code__ is kernel.__code__  # type: ignore[attr-defined]
    assert judge.__globals__["report_of"].__globals__["evaluate_batch"] is evaluate_batch
    assert evaluate.JUDGES is JUDGES


def layered_run(columns: Columns, guards: GuardColumns) -> VerdictColumns:
    """One pass a layer, always."""
    verdicts, scratch = room_for(columns, guards)
    plan_again(columns, verdicts)
    for layer in range(LAYERS):
        judge_layers(columns, guards, verdicts, scratch, (layer, layer + 1))
    if any_waits(guards, verdicts):
        judge_funding(columns, guards, verdicts, scratch)
    return verdicts


def test_one_pass_over_all_layers_answers_as_one_pass_a_layer() -> None:
    """Mode guards look at no running state, which is what makes the short way exact."""
    for seed in range(BATCHES):
        columns, guards = as_lists(random_columns(seed)), random_guards(seed, 12)
        kinds = [0 if g < guards.bounds[1] else guards.kind[g] for g in range(len(guards.kind))]
        moved = guards._replace(kind=kinds)
        assert same_bits(plain_run(columns, moved), layered_run(columns, moved)), seed


def test_what_is_approved_never_exceeds_what_was_planned() -> None:
    for seed in range(BATCHES):
        columns, guards = as_lists(random_columns(seed, lost=0.2)), random_guards(seed, 12)
        verdicts = plain_run(columns, guards)
        planned = np.asarray(columns.orders).reshape(-1, ORDER_WIDTH)[:, 0]
        assert np.all(np.asarray(verdicts.approved) <= planned)
        assert np.all(np.asarray(verdicts.approved) >= 0.0)
