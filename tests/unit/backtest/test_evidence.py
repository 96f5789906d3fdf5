"""What a result can prove: no model, rules, a known window, a masked one, one after the cut-off."""

from dataclasses import replace
from datetime import UTC, date, datetime

import pytest

from prudent.backtest.evidence import Changes, Guesses, Masking, Probed, evidence_of
from prudent.domain.performance import DecisionRow, EvidenceLevel
from prudent.domain.reasoning import RULES_LABEL

FIRST = date(2020, 3, 2)
BLIND = Guesses(asked=20, answered=20, right=3, chance=0.1)
PROBED = Probed(symbols=BLIND, years=BLIND, changes=Changes(asked=20, changed=8, silent=6))
MASKED = Masking(hidden=frozenset(("dates", "tickers", "prices")), probed=PROBED)


def decided(*by: str) -> list[DecisionRow]:
    at = datetime(2020, 3, 2, tzinfo=UTC)
    return [DecisionRow(cycle="a/1/1", at=at, answer="HOLD", answered_by=each) for each in by]


def level(*by: str, until: date | None = date(2022, 1, 1), masking: Masking = MASKED) -> EvidenceLevel:
    return evidence_of(decided(*by), first=FIRST, knowledge_until=until, masking=masking).level


def test_what_asked_no_model_is_e1_and_rules_are_e0() -> None:
    assert level("") is EvidenceLevel.E1
    assert level(RULES_LABEL, RULES_LABEL) is EvidenceLevel.E0


def test_rules_in_place_of_a_model_that_failed_do_not_make_it_none() -> None:
    assert level("teller", RULES_LABEL, until=date(2020, 3, 1)) is EvidenceLevel.E3


@pytest.mark.parametrize(("until", "found"), [(date(2020, 3, 1), "E3"), (FIRST, "E1"), (None, "E1")])
def test_only_a_window_wholly_after_the_cut_off_is_e3(until: date | None, found: str) -> None:
    assert level("teller", until=until, masking=Masking()) == found


@pytest.mark.parametrize("until", [date(2022, 1, 1), None])
def test_a_masked_and_probed_window_is_e2(until: date | None) -> None:
    assert level("teller", until=until) is EvidenceLevel.E2


@pytest.mark.parametrize(
    ("lacking", "why"),
    [
        (replace(MASKED, hidden=frozenset(("dates", "tickers"))), "prices were not hidden"),
        (replace(MASKED, leaks=1), "1 prompts showed"),
        (replace(MASKED, probed=None), "not probed"),
        (replace(MASKED, probed=replace(PROBED, symbols=replace(BLIND, right=4))), "symbol guessed 4 of 20"),
        (replace(MASKED, probed=replace(PROBED, years=replace(BLIND, right=4))), "year guessed 4 of 20"),
        (replace(MASKED, probed=replace(PROBED, symbols=replace(BLIND, answered=9, right=0))), "symbol guessed 0 of 9"),
        (replace(MASKED, probed=replace(PROBED, changes=Changes(asked=20, changed=9))), "9 of 20 decisions"),
        (replace(MASKED, probed=replace(PROBED, changes=Changes(asked=9, changed=9))), "9 of 9 decisions"),
    ],
)  # fmt: skip
def test_each_thing_that_is_missing_keeps_it_at_e1_and_is_named(lacking: Masking, why: str) -> None:
    found = evidence_of(decided("teller"), first=FIRST, knowledge_until=None, masking=lacking)
    assert found.level is EvidenceLevel.E1
    assert why in found.why
