"""Where the broker's book differs from ours: named, locked, taken over by a person, and never traded for."""

from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

import pytest
from tests.scenarios.homes import ACCOUNT
from tests.scenarios.scripted_stage import ScriptedStage, locked, prepared_home, scripted_stage
from tests.scripted_broker import ScriptedBook

from prudent.domain.accounts import TradingState
from prudent.domain.orders import OrderStatus
from prudent.pipeline.breaks import BreakKind
from prudent.workflows.orders import unlock_symbol

S = OrderStatus
D = Decimal
StageOf = Callable[..., ScriptedStage]


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return prepared_home(tmp_path_factory.mktemp("breaks"))


@pytest.fixture
def stage_of(prepared: Path, tmp_path: Path) -> StageOf:
    return lambda **how: scripted_stage(prepared, tmp_path, **how)


def test_a_position_break_halts_its_symbol_and_is_lifted_when_the_books_agree(stage_of: StageOf) -> None:
    stage = stage_of(quiet_seconds=60)
    stage.sent()
    assert stage.reconcile().clean
    stage.broker.books[ACCOUNT].positions["AAPL"] += 3
    stage.later(60)
    first = stage.reconcile()
    assert (first.breaks, first.clean) == ((), False)
    assert not locked(stage, "AAPL")
    stage.later(30)
    (found,) = stage.reconcile().breaks
    assert (found.symbol, found.gap, found.kind) == ("AAPL", D(3), BreakKind.TRANSFER)
    assert locked(stage, "AAPL")
    stage.broker.books[ACCOUNT].positions["AAPL"] -= 3
    stage.later(30)
    assert stage.reconcile().clean
    assert not locked(stage, "AAPL")
    assert stage.broker.sent == [(stage.broker.sent[0][0], stage.broker.sent[0][1])]


def test_a_difference_that_passes_within_half_a_minute_locks_nothing(stage_of: StageOf) -> None:
    stage = stage_of(quiet_seconds=60)
    stage.sent()
    stage.broker.books[ACCOUNT].positions["AAPL"] += 3
    stage.reconcile()
    stage.broker.books[ACCOUNT].positions["AAPL"] -= 3
    stage.later(30)
    assert stage.reconcile().clean
    stage.broker.books[ACCOUNT].positions["AAPL"] += 3
    stage.later(30)
    assert stage.reconcile().breaks == ()


@pytest.mark.parametrize(
    ("change", "kind", "cost"),
    [
        (lambda book: book.positions.update(AAPL=D(20)), BreakKind.CORPORATE_ACTION, D(1000)),
        (lambda book: book.positions.update(AAPL=D(13)), BreakKind.TRANSFER, D(1300)),
        (
            lambda book: (book.positions.update(AAPL=D(7)), book.add_cash(330)), BreakKind.FOREIGN_TRADE, D(670)
        ),
        (lambda book: book.positions.clear(), BreakKind.TRANSFER, None),
    ],
    ids=["split", "transfer", "trade", "all gone"],
)  # fmt: skip
def test_a_person_takes_a_difference_over_and_the_books_agree(
    stage_of: StageOf, change: Callable[[ScriptedBook], object], kind: BreakKind, cost: Decimal | None
) -> None:
    stage = stage_of()
    stage.sent()
    change(stage.broker.books[ACCOUNT])
    (found,) = stage.reconcile().breaks
    assert found.kind is kind
    assert locked(stage, "AAPL")
    lifted = unlock_symbol(stage.desk, ACCOUNT, "AAPL", reason="I checked the statement")
    assert len(lifted) == 2
    assert stage.reconcile().clean
    assert stage.books_agree()
    assert not locked(stage, "AAPL")
    costs = {row.symbol: row.cost for row in stage.desk.ledger.views.positions(ACCOUNT)}
    assert costs.get("AAPL") == cost
    assert stage.audited("difference_taken_over") == 1
    assert stage.desk.ledger.faults() == ()


def test_a_cash_break_stops_new_risk_until_a_person_takes_it_over(stage_of: StageOf) -> None:
    stage = stage_of()
    stage.reconcile()
    stage.broker.books[ACCOUNT].cash += 500
    (found,) = stage.reconcile().breaks
    assert (found.symbol, found.kind) == ("CASH", BreakKind.TRANSFER)
    assert stage.desk.ledger.state(ACCOUNT)[0] is TradingState.REDUCING
    unlock_symbol(stage.desk, ACCOUNT, "CASH", reason="a deposit at the broker")
    assert stage.desk.ledger.state(ACCOUNT)[0] is TradingState.ACTIVE
    assert stage.reconcile().clean
    assert stage.books_agree()


def test_a_symbol_that_a_person_stopped_stays_stopped_whatever_the_books_say(stage_of: StageOf) -> None:
    stage = stage_of()
    stage.sent()
    ledger = stage.desk.ledger
    ledger.set_state(ACCOUNT, TradingState.HALTED, reason="rumour", at=stage.clock.now(), symbol="AAPL")
    stage.broker.books[ACCOUNT].positions["AAPL"] += 3
    stage.reconcile()
    stage.broker.books[ACCOUNT].positions["AAPL"] -= 3
    stage.reconcile()
    assert ledger.lock_of(ACCOUNT, "AAPL") == (TradingState.HALTED, "rumour")


def test_executions_that_are_still_to_come_are_no_break(stage_of: StageOf) -> None:
    stage = stage_of()
    order = stage.sent(limit="90")
    stage.broker.fills_hidden = True
    stage.broker.fill(ACCOUNT, order.order_ref, "10")
    report = stage.reconcile()
    assert (report.breaks, report.clean) == ((), False)
    assert stage.state(order) is S.ACKED
    stage.broker.fills_hidden = False
    assert stage.reconcile().clean
    assert stage.books_agree()
