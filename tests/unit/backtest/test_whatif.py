"""A run played again from its recorded decisions: unchanged it is the same to the cent, changed it is counted."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import numpy as np
import pytest
from tests.unit.backtest.why_home import CONFIG, FIRST, LAST, WEIGHTS, made_in, open_home

from prudent.backtest.books import run_book
from prudent.backtest.recorded import NobodyAsked, RecordedDecisions, prepared_of, recording_of
from prudent.backtest.request import Cadence, Request
from prudent.backtest.run import backtest, prepare
from prudent.backtest.shadow import held_back
from prudent.backtest.whatif import Change, WhatIf, checked, judge_without, left_out, trade_changes, whatif
from prudent.bootstrap import Desk
from prudent.clock import SimulatedClock
from prudent.domain.accounts import Mode
from prudent.domain.errors import BlockedError, InputError
from prudent.domain.performance import EvidenceLevel
from prudent.domain.rules import RuleCategory, UserRule
from prudent.ledger.backtests import BacktestStatus

SRC = Path(__file__).resolve().parents[3] / "src" / "prudent"


def rule(rule_id: str = "tight", **params: str) -> UserRule:
    return UserRule(
        rule_id=rule_id, rule_name=rule_id, rule_category=RuleCategory.RISK,
        enforcement_params={**params} if params else {"max_position_pct": "6"},
    )  # fmt: skip


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    found = open_home(tmp_path_factory.mktemp("whatif"), CONFIG, WEIGHTS)
    assert made_in(found) == "one/b1"
    yield found
    found.ledger.close()


@pytest.fixture(scope="module")
def tightened(desk: Desk) -> WhatIf:
    return whatif(desk, "one/b1", Change(rules=(rule(),)))


@pytest.fixture(scope="module")
def loosened(desk: Desk) -> WhatIf:
    return whatif(desk, "one/b1", Change(without=("MaxPositionWeight", "p24")))


def test_the_unchanged_run_is_reproduced_to_the_cent(desk: Desk, tightened: WhatIf, loosened: WhatIf) -> None:
    known = run_book(desk, "one/b1").nav
    assert len(known.nav) == 48
    for found in (tightened, loosened):
        assert found.check.exact
        assert found.check.sessions == 48
        assert np.array_equal(found.base.nav.nav, known.nav)
        assert found.warnings == ()
    # Not the values alone: the same decisions from the same inputs, and the same plans.
    recorded = recording_of(desk, "one/b1").records
    assert [each.decision.hash for each in tightened.base.records] == [each.decision.hash for each in recorded]
    assert [each.plan.plan_hash for each in tightened.base.records] == [each.plan.plan_hash for each in recorded]


def test_a_rule_holds_orders_back_and_changes_the_path(tightened: WhatIf) -> None:
    assert {each.order.guard for each in tightened.held} == {"rule:tight:max_position_pct"}
    # All that it let through of a symbol is worth 6 % at most when it is bought.
    assert tightened.changed.figures.gross_exposure is not None
    assert tightened.changed.figures.gross_exposure < 0.37
    assert tightened.difference != 0.0
    assert tightened.trades
    assert all(each.was != each.now for each in tightened.trades)


def test_missed_winners_are_those_that_gained_most_first(tightened: WhatIf) -> None:
    gains = [each.shown for each in tightened.missed]
    assert gains
    assert gains == sorted((each for each in gains if each is not None and each > 0.0), reverse=True)
    assert len(gains) < len(tightened.held)


def test_a_guard_that_is_left_out_says_nothing_and_what_it_held_back_trades(loosened: WhatIf) -> None:
    base = {each.guard for record in loosened.base.records for each in held_back(record)}
    assert {"P08", "P24"} <= base
    assert {each.order.guard for each in loosened.held} == {"P08", "P24"}
    changed = {label.id for record in loosened.changed.records for label in record.report.guards}
    assert not {"P08", "P24"} & changed
    assert {"P01", "D05"} <= changed
    held = {(each.order.day, each.order.symbol) for each in loosened.held}
    more = {(each.day, each.symbol) for each in loosened.trades if each.now > each.was}
    assert held & more


def test_it_counts_as_a_look_and_says_what_it_was(desk: Desk, tightened: WhatIf, loosened: WhatIf) -> None:
    rows = {row.id: row for row in desk.ledger.backtests.listed("one")}
    row = rows[tightened.changed.id]
    assert (row.status, row.sweep) == (BacktestStatus.COMPLETED, "whatif")
    assert row.note == "what if of one/b1: with max_position_pct 6"
    assert rows[loosened.changed.id].note == "what if of one/b1: without MaxPositionWeight, p24"
    assert run_book(desk, loosened.changed.id).provenance.trials >= 2
    assert run_book(desk, tightened.changed.id).evidence.level is EvidenceLevel.E1


def test_the_same_what_if_is_no_second_look(desk: Desk, tightened: WhatIf) -> None:
    before = len(desk.ledger.backtests.listed())
    again = whatif(desk, "one/b1", Change(rules=(rule(),)))
    assert again.changed.id == tightened.changed.id
    assert len(desk.ledger.backtests.listed()) == before
    assert again.trades == tightened.trades


def test_one_sentence_says_what_can_be_said(tightened: WhatIf) -> None:
    assert tightened.comparison.sentence.startswith("insufficient evidence (n=48)")
    assert tightened.comparison.mean is not None


def test_a_rule_of_the_run_can_be_left_out(tmp_path: Path) -> None:
    desk = open_home(tmp_path, CONFIG, WEIGHTS)
    request = Request(
        mandate=desk.mandate("one"), first=FIRST, last=LAST, cadence=Cadence.MONTHLY, cash=Decimal(50_000),
        rules=(rule("own", max_position_pct="5"),),
    )  # fmt: skip
    backtest(desk, prepare(desk, request))
    found = whatif(desk, "one/b1", Change(without=("own",)))
    assert found.check.exact
    assert {each.order.guard for each in found.held} == {"rule:own:max_position_pct"}
    assert not run_book(desk, found.changed.id).rules
    with pytest.raises(InputError, match="own is in force in one/b1 already"):
        whatif(desk, "one/b1", Change(rules=(rule("own"),)))
    desk.ledger.close()


def test_what_is_not_in_force_cannot_be_left_out(desk: Desk) -> None:
    recording = recording_of(desk, "one/b1")
    with pytest.raises(InputError, match=r"must be a guard or rule in force in one/b1, D01, .*; was P99"):
        left_out(recording, Change(without=("P99",)))
    # The account is a person's own, so that the platform's hard weight does not bind it.
    with pytest.raises(InputError, match="was P07"):
        left_out(recording, Change(without=("P07",)))


def test_nothing_changed_is_no_what_if() -> None:
    with pytest.raises(InputError, match="must change something"):
        Change()


def test_a_rule_that_nothing_enforces_is_refused() -> None:
    with pytest.raises(InputError, match="no code enforces"):
        Change(rules=(rule(colour="blue"),))


def test_a_what_if_of_a_what_if_is_refused(desk: Desk, tightened: WhatIf) -> None:
    with pytest.raises(InputError, match="is a what-if; name the run that it was made of"):
        whatif(desk, tightened.changed.id, Change(without=("P08",)))


def test_values_that_are_others_are_told(desk: Desk) -> None:
    recording = recording_of(desk, "one/b1")
    book = recording.book
    nav = book.nav.nav.copy()
    nav[7] += 0.01
    off = replace(recording, book=replace(book, nav=replace(book.nav, nav=nav)))
    found = checked(off, book.nav, prepared_of(desk, recording), desk.code_version)
    assert not found.exact
    assert found.day == book.nav.days[7].item()
    assert round(found.worst, 2) == 0.01
    other = checked(off, book.nav, prepared_of(desk, recording), "another")
    assert "the code is another one" in other.why


def test_guards_are_left_out_of_backtests_only(desk: Desk) -> None:
    record = recording_of(desk, "one/b1").records[0]
    silent = judge_without(frozenset({"P08"}))
    seen = record.observation
    assert "P08" not in {label.id for label in silent(seen, record.plan.orders, record.mandate).guards}
    for mode in set(Mode) - {Mode.BACKTEST}:
        with pytest.raises(BlockedError, match="thought experiment only"):
            silent(replace(seen, mode=mode), record.plan.orders, record.mandate)


def test_no_other_world_than_a_backtests_has_another_judge() -> None:
    outside = (path for path in SRC.rglob("*.py") if path.parent.name != "guards" and "judge=" in path.read_text())
    assert {path.relative_to(SRC).as_posix() for path in outside} == {"backtest/stage.py", "backtest/whatif.py"}


def test_nobody_is_asked_and_before_the_first_decision_there_is_none(desk: Desk) -> None:
    recording = recording_of(desk, "one/b1")
    early = RecordedDecisions(recording, SimulatedClock(datetime(2016, 1, 4, 14, 30, tzinfo=UTC)))
    first = recording.scheduled[0]
    with pytest.raises(InputError, match="must have been recorded by"):
        early.decide(replace(first.observation, as_of=datetime(2016, 1, 4, 14, 30, tzinfo=UTC)), first.mandate, {})
    assert early.decide(first.observation, first.mandate, {}).targets == first.decision.targets
    with pytest.raises(InputError, match="no model is asked"):
        NobodyAsked().ask(question=type("Q", (), {"model": "m"})())


def test_trades_are_compared_by_session_and_symbol(tightened: WhatIf) -> None:
    assert trade_changes(tightened.base.fills, tightened.base.fills) == ()
    own = {(each.day, each.symbol): each for each in tightened.trades}
    day, symbol = tightened.base.fills.day[0].item(), tightened.base.fills.symbols[tightened.base.fills.symbol[0]]
    assert own[day, symbol].was == tightened.base.fills.quantity[0]
