"""Every guard has a case in which it fires, and a line on the page that tells people about it."""

from tests.architecture.guard_table import PAGE, every_guard, page_with_table, words
from tests.unit.guards.cases import CASES

from prudent.domain.verdicts import Outcome
from prudent.guards.catalogue import BUILT_IN
from prudent.guards.user_rules import LIMIT_NAMES


def test_every_guard_has_a_case_in_which_it_fires() -> None:
    known = {*BUILT_IN, *(f"rule:{name}" for name in LIMIT_NAMES)}
    silent = {Outcome.PASS, Outcome.NOT_EVALUATED}
    firing = {guard for guard, cases in CASES.items() if any(case.outcome not in silent for case in cases)}
    assert known - firing == set()


def test_no_case_is_about_a_guard_that_does_not_exist() -> None:
    assert set(CASES) - {*BUILT_IN, *(f"rule:{name}" for name in LIMIT_NAMES)} == set()


def test_the_page_about_risk_shows_the_list_as_it_is() -> None:
    page = PAGE.read_text(encoding="utf-8")
    assert page == page_with_table(page), "run `python -m tests.architecture.guard_table`"


def test_the_page_about_risk_shows_every_guard_with_its_rule() -> None:
    rows = every_guard()
    assert {row.label.id for row in rows} == set(BUILT_IN)
    assert [row.label.id for row in rows if not words(row)] == []
