"""W10c: what a decision costs beside its model: gather, decide, plan and guard with answers that are already there.

The nine accounts of a new home, three cycles into their books so that facts tell of holdings, past decisions and a
brief, decide again and again on what they then observe; nothing is sent and no time passes in a model. CPU of the
process, in milliseconds. An account must stay at or below 50.
"""

import json
import statistics
import sys
import tempfile
from collections.abc import Callable, Mapping
from decimal import Decimal
from pathlib import Path
from time import process_time
from typing import TypeVar

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from prudent.bootstrap import Desk, open_desk
from prudent.domain.accounts import Mode
from prudent.domain.reasoning import Question, Reply
from prudent.entrypoints.cli.opening import open_described
from prudent.entrypoints.cli.starter import Wishes, create_home
from prudent.entrypoints.cli.starting_servers import Servers
from prudent.guards.report import judge
from prudent.pipeline.decide import decide, gather
from prudent.pipeline.observe import observe
from prudent.pipeline.plan import make_plan
from prudent.workflows.abreast import run_all
from prudent.workflows.advance import advance, next_sessions
from prudent.workflows.cycle import at_work

REPEATS, CYCLES = 20, 3
MOST = 50.0
STAGES = ("gather", "decide", "plan", "guard")
T = TypeVar("T")


def trade(symbol: str, *, dollars: int) -> dict[str, object]:
    return {
        "symbol": symbol, "action": "BUY", "amount_usd": dollars, "amount_pct": None, "stop_loss_pct": None,
        "take_profit_pct": 60, "time_stop_days": None, "urgency": 4, "confidence": 0.8, "thesis": "the trend is up",
    }  # fmt: skip


VIEW = {
    "symbol": "XOM", "direction": "long", "conviction": 0.7, "sector": "Energy", "thesis": "strong",
    "catalyst": "winter", "evidence": ["S1"], "expires_days": 5,
}  # fmt: skip
ANSWERS = {
    "pass0": {"act": True, "confidence": 0.9, "reason": "XOM is above its noise area"},
    "pass1": {
        "regime": "SIDEWAYS", "sector_scores": [{"sector": "Energy", "score": 2}], "portfolio_health": "sound",
        "key_risks": ["rates"],
    },
    "pass2": {"summary": "as before", "trades": [trade("XOM", dollars=250), trade("SPY", dollars=420)]},
    "brief": {
        "regime": "BULL", "themes": ["energy"], "macro_events": [], "sector_biases": [], "geopolitical_risks": [],
        "avoid": ["KO"], "views": [VIEW],
    },
}  # fmt: skip
TEXTS = {purpose: json.dumps(answer) for purpose, answer in ANSWERS.items()}


class Ready:
    """`ports.LanguageModel` whose answers take no time."""

    def ask(self, question: Question) -> Reply:
        return Reply(
            text=TEXTS[question.purpose], model=question.model, tokens_in=1, tokens_out=1, cost=Decimal("0.001")
        )

    def fallback(self, model: str) -> str | None:
        return None


def timed(stage: Callable[[], T]) -> tuple[T, float]:
    began = process_time()
    return stage(), (process_time() - began) * 1000


def decision(desk: Desk, account: str) -> Mapping[str, float]:
    """One decision of the account up to its judged plan, by stage."""
    mandate = desk.mandate(account)
    world = desk.world(mandate, Mode.PAPER)
    seen, observed = timed(lambda: observe(world, mandate, symbols=world.symbols(mandate)))
    inputs, gathered = timed(lambda: gather(world, seen, mandate))
    decided, deciding = timed(lambda: decide(world.strategy, seen, mandate, inputs))
    plan, planned = timed(lambda: make_plan(seen, decided, mandate, cycle=f"{account}/bench"))
    _, judged = timed(lambda: judge(seen, plan.orders, mandate, plan_as_of=plan.as_of))
    if decided.reasoning is None or (account != "research" and not decided.reasoning.ideas):
        sys.exit(f"{account} must have decided on an answer, {decided.answer} {decided.code}: {decided.reasoning}")
    return dict(zip(("observe", *STAGES), (observed, gathered, deciding, planned, judged)))


def measured(desk: Desk, account: str) -> Mapping[str, object]:
    rows = [decision(desk, account) for _ in range(REPEATS)]
    sums = sorted(sum(row[stage] for stage in STAGES) for row in rows)
    return {
        "account": account, "median": round(statistics.median(sums), 1), "p95": round(sums[REPEATS * 95 // 100 - 1], 1),
        **{stage: round(statistics.median(row[stage] for row in rows), 1) for stage in ("observe", *STAGES)},
    }  # fmt: skip


def desk_of(folder: Path) -> tuple[Desk, list[str]]:
    """A desk whose enabled accounts have run a few cycles, a session apart, and stand in a session."""
    create_home(
        folder, Wishes(thirteen=True, servers=Servers(llm_url="http://127.0.0.1:9/v1", served=("qwen", "nemotron")))
    )
    open_described(open_desk(folder))
    desk = open_desk(folder)
    desk.__dict__["language"] = Ready()
    accounts = [each for each in desk.account_ids() if not desk.why_disabled(each)]
    with at_work(desk):
        for _ in range(CYCLES):
            for account in run_all(desk, accounts):
                if account.record is None:
                    sys.exit(f"{account.account} must run, did not: {account.error}")
            for moment in next_sessions(desk, 1):
                advance(desk, moment)
    return desk, accounts


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        desk, accounts = desk_of(Path(folder) / "home")
        with at_work(desk):
            rows = [measured(desk, account) for account in accounts]
    worst = max(float(str(row["median"])) for row in rows)
    sys.stdout.write(json.dumps({
        "case": "W10c", "repeats": REPEATS, "median": worst, "p95": max(float(str(row["p95"])) for row in rows),
        "most": MOST, "accounts": rows,
    }) + "\n")  # fmt: skip


if __name__ == "__main__":
    main()
