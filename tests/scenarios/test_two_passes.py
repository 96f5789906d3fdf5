"""A two-pass account on the sample: whole cycles with the rules and with a scripted model, replayed from records."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from tests.scenarios.homes import ACCOUNT, new_home, write_mandate

from prudent.bootstrap import Desk, open_desk
from prudent.domain.accounts import Mode
from prudent.domain.cycles import CycleRecord
from prudent.domain.proposals import Answer
from prudent.domain.records import canonical, decode, encode
from prudent.domain.verdicts import Outcome
from prudent.llm.scripted import Scripted
from prudent.pipeline.replay import replay
from prudent.registry import strategy_of
from prudent.workflows.advance import advance, next_sessions
from prudent.workflows.cycle import at_work, run_account

MANDATE = """
class: autonomous
strategy: llm_portfolio
model: {model}
parameters:
  style: {style}
  watchlist: [AAPL, AMD, JPM, KO, MSFT, QQQ, SPY, XOM]
limits: {{cash_min: 10.5%, max_position_weight: 20%, max_sector_weight: 40%}}
strategy_limits: {{max_trades_per_cycle: 5, min_holding_days: 14}}
exits: {{stop_loss: 15%}}
"""
SERVER = """
language:
  models:
    main: {base_url: "http://127.0.0.1:9/v1"}
"""
ANALYSIS = (
    '{"regime": "Bullish (moderate)", "sector_scores": {"Energy": 2}, "portfolio_health": "new", "key_risks": []}'
)
TRADES = """Sure! ```json
{"summary": "Energy leads.", "trades": [
  {"index": 8, "symbol": "XOM", "action": "BUY", "amount_pct": 90, "stop_loss_pct": 40, "urgency": 5, "thesis": "up"},
  {"index": 4, "symbol": "$ko", "action": "accumulate", "amount": "$9,000", "take_profit_pct": "25%", "confidence": 70},
  {"index": 1, "symbol": "MSFT", "action": "BUY", "amount_usd": 9000},
  {"index": 3, "symbol": "JPM", "action": "SELL", "amount_pct": 50},
]}
```"""
# What a process needs to replay a file: no model, ledger, market, broker, settings or home can even be imported.
ALONE = """
import json, sys
from pathlib import Path
for name in ("llm", "ledger", "marketdata", "brokers", "bootstrap", "settings", "workflows", "registry"):
    sys.modules[f"prudent.{name}"] = None
from prudent.domain.cycles import CycleRecord
from prudent.domain.records import decode
from prudent.pipeline.replay import replay
from prudent.strategies.llm_portfolio import LlmPortfolio
result = replay(decode(CycleRecord, json.loads(Path(sys.argv[1]).read_text())), LlmPortfolio())
print(result.cycle, result.identical, len(result.stages))
"""
SOURCE = Path(__file__).parents[2] / "src"


def desk_of(folder: Path, *, style: str = "momentum", model: str = "rules") -> Desk:
    home = new_home(folder)
    write_mandate(home, ACCOUNT, MANDATE.format(style=style, model=model))
    with (home / "invest.yaml").open("a") as config:
        config.write(SERVER)
    return open_desk(home)


def refused(record: CycleRecord) -> list[str]:
    bad = (Outcome.REJECT, Outcome.CLIP)
    return [each.guard for each in record.report.verdicts() if each.outcome in bad]


@pytest.mark.parametrize("style", ["core_satellite", "value", "momentum"])
def test_a_month_of_weeks_by_the_rules_trades_within_the_guards_and_replays(tmp_path: Path, style: str) -> None:
    desk = desk_of(tmp_path, style=style)
    records = []
    with at_work(desk):
        for _ in range(4):
            records.append(run_account(desk, ACCOUNT))
            for moment in next_sessions(desk, 5):
                advance(desk, moment)
    assert records[0].decision.answer is Answer.TRADE
    assert records[0].fills
    for record in records:
        assert record.decision.reasoning is not None
        assert record.decision.reasoning.answered_by == "rules, no LLM"
        assert record.decision.reasoning.dropped == ()
        assert record.decision.answer in (Answer.TRADE, Answer.HOLD)
        assert refused(record) == []
        assert replay(record, strategy_of(record)).identical


def test_a_models_answer_is_bounded_recorded_and_replayed_without_a_model(tmp_path: Path) -> None:
    desk = desk_of(tmp_path, model="main")
    model = Scripted({"main": [ANALYSIS, TRADES]})
    desk.__dict__["language"] = model
    with at_work(desk):
        record = run_account(desk, ACCOUNT)
    reasoning = record.decision.reasoning
    assert reasoning is not None
    assert reasoning.answered_by == "main"
    assert {each.symbol: each.stop_loss for each in reasoning.ideas} == {
        "XOM": record.mandate.exits.stop_loss,
        "KO": None,
    }
    assert sorted(each.code for each in reasoning.dropped) == ["index_disagrees", "not_held"]
    # 90 % of equity was wished, a fifth of it is the limit.
    held = {order.symbol: order.notional for order in record.plan.orders}
    assert 19_000 < held["XOM"] <= 20_000
    assert 8_900 < held["KO"] <= 9_000
    assert refused(record) == []
    assert len(model.asked) == 2

    stored = desk.ledger.load_record(record.id)
    assert canonical(encode(stored)) == canonical(encode(record))
    calls = json.loads(canonical(encode(stored)))["decision_inputs"]["calls"]
    assert [call["question"]["facts"] for call in calls] == [{}, {}]
    file = tmp_path / "record.json"
    file.write_bytes(canonical(encode(stored)))
    alone = [sys.executable, "-c", ALONE, str(file)]
    done = subprocess.run(alone, capture_output=True, text=True, check=True, env={"PYTHONPATH": str(SOURCE)})
    assert done.stdout.split()[:2] == [record.id, "True"]

    changed = json.loads(file.read_text())
    changed["decision_inputs"]["calls"][1]["reply"]["text"] = '{"trades": []}'
    other = replay(decode(CycleRecord, changed), strategy_of(record))
    assert other.differences[0].stage == "decision"


def test_a_rehearsal_asks_and_changes_nothing(tmp_path: Path) -> None:
    desk = desk_of(tmp_path)
    with at_work(desk):
        before = desk.broker.snapshot(ACCOUNT)
        record = run_account(desk, ACCOUNT, mode=Mode.DRY_RUN)
        assert record.plan.orders
        assert desk.broker.snapshot(ACCOUNT).positions == before.positions == ()
