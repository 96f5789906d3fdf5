"""A purchase of what moves like a holding is noted: found from 60 sessions of returns, not from a list of names."""

import json
from pathlib import Path

from tests.scenarios.homes import ACCOUNT, new_home, reopened

from prudent.domain.cycles import CycleRecord
from prudent.domain.verdicts import Outcome
from prudent.pipeline.replay import replay
from prudent.registry import strategy
from prudent.workflows.cycle import at_work, run_account


def cycle_with(home: Path, *symbols: str) -> CycleRecord:
    targets = [{"symbol": symbol, "weight": 10} for symbol in symbols]
    (home / "json" / "core.json").write_text(json.dumps({"unit": "percent", "targets": targets}))
    desk = reopened(home)
    with at_work(desk):
        return run_account(desk, ACCOUNT)


def warned(record: CycleRecord) -> set[str]:
    found = [v for v in record.report.verdicts() if v.guard == "P21" and v.outcome is Outcome.WARN]
    return {record.plan.order(v.order_ref).symbol for v in found}


def test_two_funds_of_one_index_are_noted_and_two_unlike_stocks_are_not(tmp_path: Path) -> None:
    home = new_home(tmp_path)
    assert warned(cycle_with(home, "AAPL", "XOM")) == set()
    record = cycle_with(home, "AAPL", "XOM", "SPY", "VOO")
    assert {(a.one, a.other) for a in record.observation.alike} >= {("SPY", "VOO")}
    assert len(warned(record)) == 1
    assert record.fills  # it is a note: both were bought
    assert replay(record, strategy(record.mandate.strategy)).identical
