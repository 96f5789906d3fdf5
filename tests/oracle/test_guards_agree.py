"""The guards and the oracle agree on random batches: what may go of each order, to the lot, and what waits."""

from collections.abc import Callable

import pytest
from tests.oracle.guard_cases import GuardCase, calculator_case, guard_case
from tests.oracle.guards import Ruling, rulings

from prudent.domain.verdicts import GuardReport
from prudent.guards.report import judge

SHARDS = 8


def differences(report: GuardReport, rules: tuple[Ruling, ...]) -> list[str]:
    """Where more or less may go than the rules say, or waits differently; one line each."""
    ours = {approved.order_ref: (approved.quantity, approved.waits_for_sells) for approved in report.approved}
    found = []
    for rule in rules:
        quantity, waits = ours.get(rule.order_ref, (0, False))
        if (quantity, waits) != (rule.quantity, rule.waits):
            found.append(
                f"{rule.order_ref}: {quantity}, waits {waits}; must be {rule.quantity}, waits {rule.waits} {rule.gates}"
            )
    return found


def judged(case: GuardCase) -> GuardReport:
    return judge(case.seen, case.orders, case.mandate, feeds=case.feeds, plan_as_of=case.seen.as_of)


@pytest.mark.parametrize("shard", range(SHARDS))
def test_guards_and_oracle_agree_on_random_batches(shard: int, scale: Callable[[int, int], int]) -> None:
    for seed in range(shard, scale(1_000, 100_000), SHARDS):
        case = guard_case(seed)
        found = differences(judged(case), rulings(case.seen, case.orders, case.mandate, feeds=case.feeds))
        assert not found, f"seed {seed}: {found}"


@pytest.mark.parametrize("shard", range(SHARDS))
def test_guards_and_oracle_agree_where_only_files_are_known(shard: int, scale: Callable[[int, int], int]) -> None:
    for seed in range(shard, scale(400, 40_000), SHARDS):
        case = calculator_case(seed)
        found = differences(judged(case), rulings(case.seen, case.orders, case.mandate, feeds=case.feeds))
        assert not found, f"seed {seed}: {found}"


def test_the_cases_make_every_gate_speak() -> None:
    """A generator that never meets a limit would prove less than it says."""
    spoken = {
        gate.split(".")[-1]
        for seed in range(1_200)
        for case in [guard_case(seed)]
        for rule in rulings(case.seen, case.orders, case.mandate, feeds=case.feeds)
        for gate in rule.gates
    }
    assert spoken >= {
        "mode", "state", "latch", "D04", "D08", "D11", "D12", "D13", "P01", "P02", "P03", "P04", "P05", "P06", "P07",
        "P08", "P09", "P11", "P12", "P16", "P17", "P18", "P20", "P23", "R01", "R04", "X01", "X03", "max_position_pct",
        "max_position_dollars", "approved_symbols", "rsi_max_entry", "price_min_entry", "price_max_entry",
        "min_adv_dollars_entry", "min_cash_reserve_pct", "max_positions", "max_trades_per_session",
    }  # fmt: skip
