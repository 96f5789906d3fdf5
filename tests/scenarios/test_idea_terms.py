"""The stops of a model's idea are enforced by the protection monitor, without any model, and replay from the record."""

from datetime import timedelta
from pathlib import Path

import pytest
from tests.scenarios.homes import reopened
from tests.scenarios.model_homes import answering, model_home
from tests.servers.openai import serving

from prudent.bootstrap import Desk
from prudent.clock import SimulatedClock
from prudent.domain.cycles import CycleRecord
from prudent.domain.proposals import ExitCause
from prudent.domain.reasoning import Terms
from prudent.pipeline.replay import replay
from prudent.registry import strategy
from prudent.strategies.protection import NAME as PROTECTION
from prudent.workflows.abreast import run_all
from prudent.workflows.advance import advance
from prudent.workflows.cycle import at_work
from prudent.workflows.passing import attend

ACCOUNT = "alone"


def bought(tmp_path: Path, **stops: object) -> Desk:
    """A home whose model bought Coca-Cola on Monday, with these stops, and is gone since."""
    idea = {"symbol": "KO", "action": "BUY", "amount_usd": 1000, **stops}
    with serving(answer=answering(idea)) as server:
        desk = reopened(model_home(tmp_path, server.url, {ACCOUNT: {"model": "qwen"}}))
        with at_work(desk):
            (outcome,) = run_all(desk, [ACCOUNT])
    assert outcome.record is not None, outcome.error
    assert [fill.symbol for fill in outcome.record.fills] == ["KO"]
    return desk


def days_later(desk: Desk, days: int) -> list[CycleRecord]:
    """What the passing of time recorded, protection cycles among it."""
    assert isinstance(desk.clock, SimulatedClock)
    before = set(desk.ledger.views.recorded_cycles())
    with at_work(desk):
        advance(desk, desk.clock.now() + timedelta(days=days), work=attend)
        attend(desk)
    return [desk.ledger.load_record(each) for each in desk.ledger.views.recorded_cycles() if each not in before]


@pytest.mark.parametrize(
    ("stops", "cause"),
    [({"time_stop_days": 2}, ExitCause.TIME_STOP), ({"take_profit_pct": 1}, ExitCause.TAKE_PROFIT)],
)
def test_a_stop_of_an_idea_sells_without_any_model(
    tmp_path: Path, stops: dict[str, object], cause: ExitCause
) -> None:  # fmt: skip
    desk = bought(tmp_path, **stops)
    assert [each.symbol for each in terms(reopened(desk.home))] == ["KO"]
    (sold, *_none) = days_later(desk, 4)
    assert [(each.symbol, each.cause) for each in sold.decision.exits] == [("KO", cause)]
    assert [fill.symbol for fill in sold.fills] == ["KO"]
    assert replay(sold, strategy(PROTECTION)).identical
    assert desk.ledger.views.positions(ACCOUNT) == ()
    assert terms(desk) == ()
    (told,) = [each.text for each in desk.ledger.views.reasoning(sold.id) if each.kind == "reflection"]
    assert told.startswith("KO long ")
    assert told.endswith(": because")
    assert str(cause) in told


def test_without_stops_of_its_own_a_position_stays(tmp_path: Path) -> None:
    desk = bought(tmp_path)
    assert terms(desk) == ()
    assert days_later(desk, 4) == []


def terms(desk: Desk) -> tuple[Terms, ...]:
    now = desk.clock.now()
    return desk.ledger.history(ACCOUNT, session=desk.calendar.session_of(now).date, at=now).terms
