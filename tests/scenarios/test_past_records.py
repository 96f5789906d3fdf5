"""What a strategy may read of earlier cycles: real decisions, newest first, and rehearsals only while rehearsing."""

from functools import partial
from pathlib import Path

import pytest
from tests.scenarios.guard_stage import Stage, prepared_home, stage_with
from tests.scenarios.homes import ACCOUNT

from prudent.domain.accounts import Mode
from prudent.domain.cycles import CycleRecord
from prudent.edge import past_records
from prudent.ports import RecordsOf
from prudent.workflows.cycle import at_work, run_account


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return prepared_home(tmp_path_factory.mktemp("past"))


def cycle(stage: Stage, mode: Mode) -> CycleRecord:
    with at_work(stage.desk):
        return run_account(stage.desk, ACCOUNT, mode=mode)


def reader(stage: Stage, *, rehearsed: bool, own: str = "another") -> RecordsOf:
    return partial(past_records, stage.desk.ledger, own=own, rehearsed=rehearsed)


def test_an_account_that_never_decided_has_no_past(prepared: Path, tmp_path: Path) -> None:
    stage = stage_with(prepared, tmp_path, {"AAPL": 10, "KO": 10})
    assert reader(stage, rehearsed=True)(ACCOUNT, 3) == ()
    assert reader(stage, rehearsed=True)("nobody", 3) == ()


def test_the_last_records_come_newest_first(prepared: Path, tmp_path: Path) -> None:
    stage = stage_with(prepared, tmp_path, {"AAPL": 10, "KO": 10})
    first, second, third = (cycle(stage, Mode.PAPER) for _ in range(3))
    past = reader(stage, rehearsed=False)
    assert past(ACCOUNT, 2) == (third, second)
    assert past(ACCOUNT, 9) == (third, second, first)


def test_a_rehearsal_is_remembered_by_rehearsals_of_others_alone(prepared: Path, tmp_path: Path) -> None:
    stage = stage_with(prepared, tmp_path, {"AAPL": 10, "KO": 10})
    rehearsed = cycle(stage, Mode.DRY_RUN)
    assert reader(stage, rehearsed=False)(ACCOUNT, 3) == ()
    assert reader(stage, rehearsed=True)(ACCOUNT, 3) == (rehearsed,)
    assert reader(stage, rehearsed=True, own=ACCOUNT)(ACCOUNT, 3) == ()
    real = cycle(stage, Mode.PAPER)
    cycle(stage, Mode.DRY_RUN)
    assert reader(stage, rehearsed=True)(ACCOUNT, 3) == (real,)
