"""Every guard says what the table expects: below, at and above its limit, and when it cannot know."""

from decimal import Decimal

import pytest
from tests.unit.guards.build import scene, verdict
from tests.unit.guards.cases import CASES
from tests.unit.guards.words import Case

from prudent.domain.verdicts import Outcome
from prudent.guards.catalogue import BUILT_IN
from prudent.guards.user_rules import LIMIT_NAMES

TABLE = [pytest.param(guard, case, id=f"{guard}: {case.name}") for guard, cases in CASES.items() for case in cases]


def label_of(guard: str) -> str:
    return guard.replace("rule:", "rule:r1:")


@pytest.mark.parametrize(("guard", "case"), TABLE)
def test_a_guard_says_what_the_table_expects(guard: str, case: Case) -> None:
    outcome, allowed = verdict(scene(*case.changes).judged(), label_of(guard))
    assert (outcome, allowed) == (case.outcome, Decimal(case.quantity))


@pytest.mark.parametrize("guard", CASES)
def test_a_guard_fires(guard: str) -> None:
    """Each guard has a case in which it does not simply pass."""
    assert any(case.outcome is not Outcome.PASS for case in CASES[guard])


@pytest.mark.parametrize(("guard", "case"), TABLE)
def test_every_verdict_that_is_no_pass_has_its_sentence(guard: str, case: Case) -> None:
    report = scene(*case.changes).judged()
    for row in report.verdicts():
        assert bool(row.reason) is (row.outcome is not Outcome.PASS), row
        assert row.guard == "D01" or "nan" not in row.reason


def test_the_table_has_every_guard_and_nothing_else() -> None:
    assert set(CASES) == {*BUILT_IN, *(f"rule:{name}" for name in LIMIT_NAMES)}
