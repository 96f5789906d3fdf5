"""A decision that grew old before it was sent is refused at the phase, by its age since it was made."""

from datetime import timedelta
from pathlib import Path

from tests.scenarios.homes import ACCOUNT, new_home, reopened

from prudent.clock import SimulatedClock
from prudent.domain.verdicts import Outcome
from prudent.pipeline.replay import replay
from prudent.registry import strategy
from prudent.workflows.cycle import at_work, run_account
from prudent.workflows.steps import JournalSteps


def test_two_days_between_plan_and_sending_refuse_every_purchase(tmp_path: Path) -> None:
    desk = reopened(new_home(tmp_path))
    clock = desk.clock
    assert isinstance(clock, SimulatedClock)

    def sleep_after(stage: str) -> None:
        if stage == "guard":
            clock.move_to(clock.now() + timedelta(days=2))

    with at_work(desk):
        record = run_account(desk, ACCOUNT, steps=JournalSteps(after=sleep_after))
    assert record.report.approved
    assert not record.fills
    late = [v for v in record.phases[0].report.verdicts() if (v.guard, v.outcome) == ("D16", Outcome.REJECT)]
    assert len(late) == len(record.plan.orders)
    assert replay(record, strategy(record.mandate.strategy)).identical
