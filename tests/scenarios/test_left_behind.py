"""What a process had judged and approved when it ended: nobody knows how old that is, so the next does not send it."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import pytest
from tests.scenarios.guard_stage import write_targets
from tests.scenarios.homes import ACCOUNT
from tests.scenarios.scripted_stage import ScriptedStage, prepared_home, scripted_stage

from prudent.domain.cycles import CycleRecord
from prudent.domain.errors import StoreError, Temporary
from prudent.domain.orders import OrderIntent, OrderReport, OrderStatus
from prudent.ledger import LedgerStore
from prudent.ports import RunRef
from prudent.workflows.cycle import CycleWanted, at_work, begin, carry_on, run_account

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


def test_what_was_approved_before_another_cycle_went_on_is_not_sent(stage: ScriptedStage) -> None:
    """The cash that it had seen may be spent by then."""
    desk, living = stage.desk, stage.desk.ledger

    class FailsOnceApproved(Ledger):
        def approve(self, run: RunRef, cycle: int, intents: Sequence[OrderIntent], *, at: datetime) -> None:
            self._inner.approve(run, cycle, intents, at=at)
            raise Temporary("the disk is full")

    with at_work(desk):
        left = begin(desk, CycleWanted(account=ACCOUNT))
        desk.ledger = FailsOnceApproved(living)  # type: ignore[assignment]
        with pytest.raises(Temporary):
            carry_on(desk, left)
        desk.ledger = living
        write_targets(desk.home, {"MSFT": 10})
        (bought,) = reports(run_account(desk, ACCOUNT))
        (report,) = reports(carry_on(desk, left))
    assert bought.status is S.FILLED
    assert (report.status, "another cycle went on" in report.message) == (S.NOT_SENT, True)
    assert [ref for ref, _claim in stage.broker.sent] == [bought.order_ref]


def test_what_was_approved_before_a_short_failure_is_sent(stage: ScriptedStage) -> None:
    desk, living = stage.desk, stage.desk.ledger

    class Full(Ledger):
        def sending(self, *args: object, **kwargs: object) -> object:
            raise StoreError("the disk is full")

    with at_work(desk):
        left = begin(desk, CycleWanted(account=ACCOUNT))
        desk.ledger = Full(living)  # type: ignore[assignment]
        with pytest.raises(StoreError):
            carry_on(desk, left)
        desk.ledger = living
        (report,) = reports(carry_on(desk, left))
    assert report.status is S.FILLED
    assert [ref for ref, _claim in stage.broker.sent] == [report.order_ref]
