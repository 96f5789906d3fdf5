"""Scheduled cycles on simulated time: each due time once, closed markets waited out, missed ones told, pauses kept."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from tests.scenarios.homes import ACCOUNT, new_home, reopened, write_mandate

from prudent.bootstrap import Desk
from prudent.domain.cycles import CycleRecord
from prudent.domain.errors import ConfigError
from prudent.ledger.schedules import ACTIVE, PAUSED
from prudent.workflows.advance import advance
from prudent.workflows.cycle import at_work
from prudent.workflows.passing import attend
from prudent.workflows.schedule import next_runs, start_due

# The home's clock stands at 2022-11-28 15:00 UTC, a Monday.
MONDAY = datetime(2022, 11, 28, 15, tzinfo=UTC)
AUTONOMOUS = "class: autonomous\ntargets: json/core.json\nplanning: {allow_partial: true}\n"


def desk_with(folder: Path, schedule: str, mandate: str = AUTONOMOUS) -> Desk:
    home = new_home(folder)
    write_mandate(home, ACCOUNT, f"{mandate}schedule: {schedule}\n")
    return reopened(home)


def pass_time(desk: Desk, to: datetime) -> None:
    with at_work(desk):
        attend(desk)
        advance(desk, to, work=attend)


def outcomes(desk: Desk) -> list[tuple[str, str]]:
    return [(f"{run.due:%m-%d %H:%M}", run.outcome) for run in reversed(desk.ledger.schedule_runs(ACCOUNT))]


def records(desk: Desk) -> list[CycleRecord]:
    return [desk.ledger.load_record(each) for each in desk.ledger.views.recorded_cycles()]


def test_cycles_run_half_an_hour_after_each_open_and_never_twice(tmp_path: Path) -> None:
    desk = desk_with(tmp_path, "[{at: open+45m}]")
    pass_time(desk, MONDAY + timedelta(days=3))
    assert outcomes(desk) == [("11-28 15:15", "started"), ("11-29 15:15", "started"), ("11-30 15:15", "started")]
    assert [f"{record.started:%m-%d %H:%M}" for record in records(desk)] == [
        "11-28 15:15", "11-29 15:15", "11-30 15:15",
    ]  # fmt: skip
    with at_work(desk):
        attend(desk)
    assert len(records(desk)) == 3


def test_a_cycle_due_on_a_sunday_decides_then_and_trades_at_mondays_open(tmp_path: Path) -> None:
    desk = desk_with(tmp_path, "[{cron: '0 18 * * sun', timezone: America/New_York}]")
    pass_time(desk, datetime(2022, 12, 4, 23, 30, tzinfo=UTC))
    assert outcomes(desk) == [("12-04 23:00", "started")]
    (waiting,) = desk.ledger.waiting()
    assert waiting.wait.until == datetime(2022, 12, 5, 14, 30, tzinfo=UTC)
    assert records(desk) == []
    # The process ends over night; the next one knows what waits.
    desk.ledger.close()
    desk = reopened(desk.home)
    pass_time(desk, datetime(2022, 12, 5, 15, tzinfo=UTC))
    (record,) = records(desk)
    assert record.observation.as_of == datetime(2022, 12, 4, 23, tzinfo=UTC)
    assert record.phases[0].observation.as_of == datetime(2022, 12, 5, 14, 30, tzinfo=UTC)
    assert record.fills
    assert desk.ledger.waiting() == ()


def test_a_missed_time_is_skipped_with_its_reason(tmp_path: Path) -> None:
    desk = desk_with(tmp_path, "[{at: open+45m}]")
    with at_work(desk):
        attend(desk)
    advance(desk, MONDAY + timedelta(days=2))
    with at_work(desk):
        runs = start_due(desk)
    assert [(f"{run.due:%m-%d}", run.outcome) for run in runs] == [("11-28", "skipped"), ("11-29", "skipped")]
    assert all("no engine ran" in run.reason for run in runs)
    assert desk.ledger.cycles_under_way() == ()


def test_of_several_missed_times_one_is_made_up_for(tmp_path: Path) -> None:
    desk = desk_with(tmp_path, "[{at: open+45m, missed: run_once}]")
    with at_work(desk):
        attend(desk)
    advance(desk, MONDAY + timedelta(days=2))
    with at_work(desk):
        assert [run.outcome for run in start_due(desk)] == ["skipped", "started"]
        assert len(desk.ledger.cycles_under_way()) == 1
        assert start_due(desk) == ()


def test_a_paused_schedule_starts_nothing_and_says_so(tmp_path: Path) -> None:
    desk = desk_with(tmp_path, "[{at: open+45m}]")
    with at_work(desk):
        attend(desk)
    desk.ledger.set_schedule(ACCOUNT, PAUSED, reason="on holiday", at=desk.clock.now())
    assert [(each.due, each.paused) for each in next_runs(desk)] == [(None, "paused: on holiday")]
    with at_work(desk):
        advance(desk, MONDAY + timedelta(days=1), work=attend)
        # A paused schedule is no stop for the clock; what it skipped is told at the next look.
        assert {run.outcome for run in desk.ledger.schedule_runs(ACCOUNT)} == {"skipped"}
    desk.ledger.set_schedule(ACCOUNT, ACTIVE, reason="back", at=desk.clock.now())
    assert [f"{each.due:%m-%d %H:%M}" for each in next_runs(desk) if each.due] == ["11-29 15:15"]


def test_a_schedule_in_an_impossible_time_zone_stops_the_start(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="did you mean Europe/London"):
        desk_with(tmp_path, "[{cron: '0 9 * * *', timezone: Europe/Londn}]")


def test_the_same_due_time_starts_one_cycle_whoever_asks(tmp_path: Path) -> None:
    desk = desk_with(tmp_path, "[{at: open+45m}]")
    with at_work(desk):
        attend(desk)
        advance(desk, MONDAY + timedelta(minutes=15))
        (first,) = start_due(desk)
        # Another engine that had looked at the same time before the first one wrote it down.
        desk.ledger.schedule_looked(ACCOUNT, until=MONDAY)
        other = start_due(desk)
    assert first.cycle is not None
    assert [run.cycle for run in other] in ([], [None])
    assert desk.ledger.cycles_under_way() == (first.cycle,)
