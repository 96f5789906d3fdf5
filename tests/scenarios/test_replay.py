"""Replay rebuilds every cycle of a home from its record alone, and tells when a rule or a record has changed."""

import json
import math
import shutil
import subprocess
import sys
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from tests.scenarios.guard_stage import Scenario, add_rule, prepared_home, set_stage, write_targets
from tests.scenarios.homes import ACCOUNT

from prudent.bootstrap import Desk, open_desk
from prudent.domain.accounts import Mode, TradingState
from prudent.domain.cycles import CycleRecord
from prudent.domain.records import decode
from prudent.domain.verdicts import Outcome
from prudent.pipeline.replay import ReplayResult, replay
from prudent.registry import strategy
from prudent.workflows.advance import advance, next_sessions
from prudent.workflows.control import Scope, halt, resume
from prudent.workflows.cycle import at_work, run_account

SOURCE = Path(__file__).parents[2] / "src"
FIRST = {"AAPL": 25, "KO": 15, "JPM": 15, "RRC": 10}
MANDATE = {"exits": {"stop_loss": "10%"}, "universe": ["AAPL", "AMD", "JPM", "KO", "MSFT"]}
# AMD is held at a cost of 100 and trades at three quarters of it, so that its stop fires in the first cycle.
SCENE = Scenario(story="a month of one account", targets=FIRST, mandate=MANDATE, held={"AMD": 50})

# What a process needs to replay a file: no ledger, market, broker, settings or home can even be imported.
ALONE = """
import json, sys
from pathlib import Path
for name in ("ledger", "marketdata", "brokers", "bootstrap", "settings", "workflows", "registry"):
    sys.modules[f"prudent.{name}"] = None
from prudent.domain.cycles import CycleRecord
from prudent.domain.records import decode
from prudent.pipeline.replay import replay
from prudent.strategies.target_weights import TargetWeights
for path in sorted(Path(sys.argv[1]).glob("*.json")):
    result = replay(decode(CycleRecord, json.loads(path.read_text())), TargetWeights())
    print(result.cycle, result.identical, len(result.stages))
"""


def tomorrow(desk: Desk) -> None:
    (moment,) = next_sessions(desk, 1)
    advance(desk, moment)


def live_through(desk: Desk) -> None:
    """Nine cycles: a stop, a clip, a refusal, a quiet one, a rehearsal, a rule, a rebalance, REDUCING, a new rule."""
    home = desk.home
    run_account(desk, ACCOUNT)
    advance(desk, desk.clock.now() + timedelta(minutes=30))
    run_account(desk, ACCOUNT)
    run_account(desk, ACCOUNT, mode=Mode.DRY_RUN)
    tomorrow(desk)
    write_targets(home, {"AAPL": 5, "KO": 5, "MSFT": 15})
    add_rule(desk, {"max_position_pct": "10"})
    run_account(desk, ACCOUNT)
    tomorrow(desk)
    write_targets(home, {"JPM": 15, "KO": 15})
    run_account(desk, ACCOUNT)
    tomorrow(desk)
    halt(desk, Scope(account=ACCOUNT), state=TradingState.REDUCING, reason="careful")
    write_targets(home, {"MSFT": 10, "KO": 5})
    run_account(desk, ACCOUNT)
    resume(desk, Scope(account=ACCOUNT), reason="fine again")
    tomorrow(desk)
    run_account(desk, ACCOUNT)
    add_rule(desk, {"approved_symbols": "KO"}, rule_id="r2")
    tomorrow(desk)
    write_targets(home, {"AAPL": 8, "KO": 8})
    run_account(desk, ACCOUNT)
    run_account(desk, ACCOUNT, mode=Mode.DRY_RUN)


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("replay")
    desk = set_stage(SCENE, prepared_home(folder), folder).desk
    with at_work(desk):
        live_through(desk)
    desk.ledger.close()
    return desk.home


@pytest.fixture(scope="module")
def records(home: Path) -> tuple[CycleRecord, ...]:
    ledger = open_desk(home).ledger
    found = tuple(ledger.load_record(cycle) for cycle in ledger.views.recorded_cycles())
    ledger.close()
    return found


def rebuilt(record: CycleRecord) -> ReplayResult:
    return replay(record, strategy(record.mandate.strategy))


def with_phase(records: tuple[CycleRecord, ...]) -> CycleRecord:
    return next(record for record in records if record.phases and record.phases[0].intents)


def outcomes(records: tuple[CycleRecord, ...]) -> set[tuple[str, Outcome]]:
    return {(v.guard, v.outcome) for record in records for v in record.report.verdicts()}


def test_the_home_has_a_stop_a_clip_a_refusal_a_rule_and_a_rehearsal(records: tuple[CycleRecord, ...]) -> None:
    assert len(records) == 9
    assert [exit_.symbol for exit_ in records[0].decision.exits] == ["AMD"]
    assert {("P08", Outcome.CLIP), ("D03", Outcome.REJECT), ("M00", Outcome.REJECT)} <= outcomes(records)
    assert {("rule:r1:max_position_pct", Outcome.CLIP), ("rule:r2:approved_symbols", Outcome.REJECT)} <= outcomes(
        records
    )
    assert sum(record.mode is Mode.DRY_RUN for record in records) == 2
    assert {len(record.phases) for record in records} == {1, 2}
    assert any(not any(phase.intents for phase in record.phases) for record in records)


def test_every_cycle_replays_to_the_same_bytes(records: tuple[CycleRecord, ...]) -> None:
    for record in records:
        result = rebuilt(record)
        assert result.identical, result.differences
        assert len(result.stages) == 3 + 2 * len(record.phases)


def test_a_cycle_replays_from_its_audit_file_alone(home: Path, tmp_path: Path) -> None:
    alone = tmp_path / "alone"
    shutil.copytree(home / "audit", alone)
    done = subprocess.run(
        [sys.executable, "-B", "-c", ALONE, str(alone)], cwd=alone, env={"PYTHONPATH": str(SOURCE)},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    told = [line.split() for line in done.stdout.splitlines()]
    assert len(told) == 9
    assert {identical for _cycle, identical, _stages in told} == {"True"}


def test_the_audit_file_is_the_record(home: Path, records: tuple[CycleRecord, ...]) -> None:
    for record in records:
        path = home / "audit" / f"{record.account}-{record.run}-{record.cycle}.json"
        assert decode(CycleRecord, json.loads(path.read_text())) == record


def test_another_rounding_rule_is_reported(
    records: tuple[CycleRecord, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    def rounded_up(lots: float) -> float:
        return math.copysign(math.ceil(abs(lots) - 1e-9), lots)

    monkeypatch.setattr("prudent.pipeline.plan.sizing.whole_lots", rounded_up)
    result = rebuilt(records[0])
    assert not result.identical
    assert result.differences[0].stage == "plan"
    assert result.differences[0].path
    assert result.differences[0].recorded != result.differences[0].rebuilt


def test_a_tampered_order_is_reported_and_never_used(records: tuple[CycleRecord, ...]) -> None:
    record = with_phase(records)
    phase = record.phases[0]
    intent = phase.intents[0]
    forged = replace(phase, intents=(replace(intent, quantity=intent.quantity + 1), *phase.intents[1:]))
    result = rebuilt(replace(record, phases=(forged, *record.phases[1:])))
    assert [(d.stage, d.path) for d in result.differences] == [
        (f"orders of phase {phase.phase}", "[0].quantity")
    ]  # fmt: skip
    assert Decimal(result.differences[0].rebuilt) == intent.quantity
    assert Decimal(result.differences[0].recorded) == intent.quantity + 1
    assert result.stages == rebuilt(record).stages


def test_no_recorded_output_is_an_input(records: tuple[CycleRecord, ...]) -> None:
    """All outputs are emptied; what is rebuilt stays the same, and each emptied stage is reported."""
    record = with_phase(records)
    emptied = replace(
        record,
        decision=replace(record.decision, targets=(), exits=()),
        plan=replace(record.plan, orders=(), weights=()),
        report=replace(record.report, approved=(), order_refs=(), outcomes=()),
        phases=tuple(
            replace(phase, intents=(), report=replace(phase.report, approved=(), order_refs=(), outcomes=()))
            for phase in record.phases
        ),
    )
    result = rebuilt(emptied)
    assert result.stages == rebuilt(record).stages
    assert {d.stage for d in result.differences} == {name for name, _digest in result.stages}


def test_a_tampered_price_is_reported(records: tuple[CycleRecord, ...]) -> None:
    record = with_phase(records)
    seen = record.observation
    quotes = tuple(replace(q, price=q.price and q.price * 2) for q in seen.quotes)
    result = rebuilt(replace(record, observation=replace(seen, quotes=quotes)))
    assert "plan" in {d.stage for d in result.differences}
