"""The protection monitor: stops fire between cycles, on two readings where time is real, without any model."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from tests.scenarios.guard_stage import Stage, prepared_home, stage_with
from tests.scenarios.homes import ACCOUNT

from prudent.bootstrap import Desk
from prudent.domain.cycles import CycleRecord
from prudent.domain.orders import Side
from prudent.domain.proposals import Answer, ExitCause
from prudent.domain.quotes import Quote
from prudent.pipeline.replay import replay
from prudent.registry import strategy_of
from prudent.workflows.advance import advance
from prudent.workflows.cycle import PROTECTION, at_work, carry_on
from prudent.workflows.passing import attend
from prudent.workflows.protection import protect


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return prepared_home(tmp_path_factory.mktemp("protection"))


class WallTime:
    """Time that is not simulated: two readings are needed."""

    def __init__(self, now: datetime) -> None:
        self.at = now

    def now(self) -> datetime:
        return self.at

    def monotonic(self) -> float:
        return self.at.timestamp()

    def pause(self, seconds: float) -> None:
        self.at += timedelta(seconds=seconds)


def holding(prepared: Path, folder: Path) -> Stage:
    """An account that holds 100 AAPL at a cost of 100 with a stop at 10 %, and wants to keep them."""
    return stage_with(prepared, folder, {"AAPL": 14}, held={"AAPL": 100}, exits={"stop_loss": "10%"})


def falls(stage: Stage, price: str) -> None:
    def fallen(quote: Quote) -> Quote:
        low = Decimal(price)
        return replace(quote, price=low, bid=low, ask=low, level=low, previous_close=low, previous_level=low)

    stage.market(fallen)


def record_of(desk: Desk, cycle: str | None) -> CycleRecord:
    assert cycle is not None
    return carry_on(desk, cycle)


def test_a_stop_fires_between_cycles_and_sells_the_whole_position(prepared: Path, tmp_path: Path) -> None:
    stage = holding(prepared, tmp_path)
    falls(stage, "90")
    with at_work(stage.desk):
        watched = protect(stage.desk, ACCOUNT)
        record = record_of(stage.desk, watched.cycle)
    assert record.decision.answer is Answer.HOLD
    assert [(e.symbol, e.cause) for e in record.decision.exits] == [("AAPL", ExitCause.STOP_LOSS)]
    assert [(f.side, f.symbol, f.quantity) for f in record.fills] == [(Side.SELL, "AAPL", Decimal(100))]
    assert replay(record, strategy_of(record)).identical


def test_a_price_above_the_stop_starts_nothing(prepared: Path, tmp_path: Path) -> None:
    stage = holding(prepared, tmp_path)
    falls(stage, "90.01")
    with at_work(stage.desk):
        assert protect(stage.desk, ACCOUNT).cycle is None
    assert stage.desk.ledger.cycles_under_way() == ()


def test_a_broken_targets_file_does_not_stop_the_protection(prepared: Path, tmp_path: Path) -> None:
    stage = holding(prepared, tmp_path)
    falls(stage, "80")
    (stage.desk.home / "json" / "core.json").write_text("{")
    with at_work(stage.desk):
        assert record_of(stage.desk, protect(stage.desk, ACCOUNT).cycle).fills


def on_wall_time(stage: Stage) -> WallTime:
    clock = WallTime(stage.desk.clock.now())
    stage.desk.clock = clock  # type: ignore[assignment]  # a clock that nobody moves by command
    return clock


def test_on_wall_time_a_stop_needs_a_second_reading(prepared: Path, tmp_path: Path) -> None:
    stage = holding(prepared, tmp_path)
    falls(stage, "85")
    clock = on_wall_time(stage)
    with at_work(stage.desk):
        first = protect(stage.desk, ACCOUNT)
        assert (first.exits, [e.symbol for e in first.first_readings], first.cycle) == ((), ["AAPL"], None)
        clock.at += timedelta(seconds=9)
        assert protect(stage.desk, ACCOUNT).cycle is None
        clock.at += timedelta(seconds=1)
        second = protect(stage.desk, ACCOUNT)
        assert [e.symbol for e in second.exits] == ["AAPL"]
        assert record_of(stage.desk, second.cycle).fills


def test_a_spike_between_two_readings_begins_anew(prepared: Path, tmp_path: Path) -> None:
    stage = holding(prepared, tmp_path)
    clock = on_wall_time(stage)
    with at_work(stage.desk):
        for price, seconds in (("85", 0), ("99", 8), ("85", 8)):
            falls(stage, price)
            clock.at += timedelta(seconds=seconds)
            assert protect(stage.desk, ACCOUNT).cycle is None
        (breach,) = stage.desk.ledger.breaches(ACCOUNT)
        assert breach.first_at == clock.at


def test_while_a_protection_cycle_is_under_way_no_second_one_begins(prepared: Path, tmp_path: Path) -> None:
    stage = holding(prepared, tmp_path)
    falls(stage, "80")
    with at_work(stage.desk):
        first = protect(stage.desk, ACCOUNT)
        assert first.cycle is not None
        assert stage.desk.ledger.cycle_row(first.cycle).started_by == PROTECTION
        assert protect(stage.desk, ACCOUNT).cycle is None


def test_time_that_passes_watches_the_stops_at_each_open_and_close(prepared: Path, tmp_path: Path) -> None:
    stage = holding(prepared, tmp_path)
    with at_work(stage.desk):
        attend(stage.desk)
        assert stage.desk.ledger.views.recorded_cycles() == ()
        falls(stage, "70")
        advance(stage.desk, datetime(2022, 11, 29, 16, tzinfo=UTC), work=attend)
    (cycle,) = stage.desk.ledger.views.recorded_cycles()
    assert stage.desk.ledger.load_record(cycle).fills[0].symbol == "AAPL"


def test_a_holding_without_a_price_is_told(prepared: Path, tmp_path: Path) -> None:
    stage = holding(prepared, tmp_path)

    def gone(quote: Quote) -> Quote:
        return replace(quote, price=None, bid=None, ask=None)

    stage.market(gone)
    with at_work(stage.desk):
        assert protect(stage.desk, ACCOUNT).blind == ("AAPL",)
    titles = [row.notice.title for row in stage.desk.ledger.notices.listed().rows]
    assert any("protection is blind" in title for title in titles)
