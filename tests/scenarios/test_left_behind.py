"""What a process had judged and approved when it ended: nobody knows how old that is, so the next does not send it."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import pytest
from tests.scenarios.homes import ACCOUNT
from tests.scenarios.scripted_stage import ScriptedStage, prepared_home, scripted_stage

from prudent.domain.cycles import CycleRecord
from prudent.domain.orders import OrderIntent, OrderReport, OrderStatus
from prudent.ledger import LedgerStore
from prudent.ports import RunRef
from prudent.workflows.cycle import at_work

S = OrderStatus


@pytest.fixture
def stage(tmp_path: Path) -> ScriptedStage:
    return scripted_stage(prepared_home(tmp_path / "prepared"), tmp_path / "home")


def reports(record: CycleRecord) -> list[OrderReport]:
    return [report for phase in record.phases for report in phase.reports]


class Ledger:
    """A ledger at which a process ends."""

    def __init__(self, inner: LedgerStore) -> None:
        self._inner = inner

    def __getattr__(self, name: str) -> object:
        return getattr(self._inner, name)


class Dies(BaseException):
    """The end of a process."""


class DiesOnceApproved(Ledger):
    """A ledger whose process ends when the approval is durable."""

    def approve(self, run: RunRef, cycle: int, intents: Sequence[OrderIntent], *, at: datetime) -> None:
        self._inner.approve(run, cycle, intents, at=at)
        raise Dies


def test_what_a_process_approved_before_it_ended_is_not_sent_by_the_next_one(stage: ScriptedStage) -> None:
    living = stage.desk
    stage.desk = replace(living, ledger=DiesOnceApproved(living.ledger))  # type: ignore[arg-type]
    with pytest.raises(Dies):
        stage.cycle()
    # Young by the clock; but the dead process's clock may have stood ahead, and then it is old.
    stage.later(5)
    with at_work(replace(living)) as findings:
        assert any("carried on" in each.resolved for each in findings)
    record = living.ledger.load_record(f"{ACCOUNT}/1/1")
    (report,) = reports(record)
    assert (report.status, "the process that approved it ended" in report.message) == (S.NOT_SENT, True)
    assert stage.broker.sent == []


def test_what_it_had_judged_and_not_approved_is_judged_again_and_sent(stage: ScriptedStage) -> None:
    living = stage.desk

    class DiesBefore(Ledger):
        def approve(self, run: RunRef, cycle: int, intents: Sequence[OrderIntent], *, at: datetime) -> None:
            del run, cycle, intents, at
            raise Dies

    stage.desk = replace(living, ledger=DiesBefore(living.ledger))  # type: ignore[arg-type]
    with pytest.raises(Dies):
        stage.cycle()
    stage.later(5)
    with at_work(replace(living)):
        record = living.ledger.load_record(f"{ACCOUNT}/1/1")
    assert [report.status for report in reports(record)] == [S.FILLED]
    assert record.phases[0].observation.as_of == stage.clock.now()
