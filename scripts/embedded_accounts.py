"""The nine accounts that reason, one cycle each, against a real small model in this process; prints a transcript.

Run by `make embedded`, which installs the runtime and the model's weights first. It needs no network after that, and
about a quarter of an hour of two quiet cores. The model is tiny: what is shown is that every rung of the ladder holds
against a real server and real answers, not that such a model invests well.
"""

import json
import sys
import tempfile
from collections import Counter
from pathlib import Path

import yaml

from prudent.bootstrap import Desk, open_desk
from prudent.domain.cycles import CycleRecord
from prudent.domain.reasoning import Call
from prudent.domain.records import Json, decode
from prudent.entrypoints.cli.decision_view import in_one_line
from prudent.entrypoints.cli.opening import open_described
from prudent.entrypoints.cli.starter import Wishes, create_home
from prudent.workflows.abreast import run_all
from prudent.workflows.cycle import Outcome, at_work

START = "2022-11-28"
SECONDS = 1800
# With more symbols the research agent's question is longer than what the model was trained with, 8,192 tokens.
WATCHED = 12


def home_of(folder: Path) -> Path:
    """A new home with the thirteen accounts, both of whose model names are the embedded model."""
    create_home(folder, Wishes(start=START, thirteen=True))
    path = folder / "invest.yaml"
    settings = yaml.safe_load(path.read_text())
    models = settings.setdefault("language", {}).setdefault("models", {})
    for name in models:
        models[name] = {
            "kind": "embedded", "seconds": SECONDS, "load_seconds": SECONDS, "fallback": "rules",
            "parameters": {"max_tokens": 700},
        }  # fmt: skip
    watchlist = settings["accounts"]["research"]["parameters"]["watchlist"]
    settings["accounts"]["research"]["parameters"]["watchlist"] = watchlist[:WATCHED]
    settings["language"]["cache"] = "none"
    settings["language"]["budget"] = {"seconds_per_call": SECONDS}
    path.write_text(yaml.safe_dump(settings, sort_keys=False))
    return folder


def told(record: CycleRecord) -> dict[str, object]:
    """What one account's cycle was asked, answered and did."""
    calls = [decode(Call, each) for each in _calls(record.decision_inputs)]
    reasoning = record.decision.reasoning
    return {
        "account": record.account, "decision": in_one_line(record), "answer": str(record.decision.answer),
        "answered_by": "" if reasoning is None else reasoning.answered_by,
        "calls": [
            {
                "asked": call.question.model, "served": "" if call.reply is None else call.reply.served,
                "finish": "" if call.reply is None else str(call.reply.finish),
                "tokens_in": None if call.reply is None else call.reply.tokens_in,
                "tokens_out": None if call.reply is None else call.reply.tokens_out,
                "seconds": None if call.reply is None else str(call.reply.seconds),
                "began": "" if call.reply is None else call.reply.text[:160], "error": call.error[:200],
            }
            for call in calls
        ],
        "orders": len(record.plan.orders), "fills": len(record.fills), "codes": list(record.no_trade_codes),
    }  # fmt: skip


def _calls(inputs: dict[str, Json]) -> list[Json]:
    found = inputs.get("calls", [])
    return found if isinstance(found, list) else []


def run(desk: Desk) -> list[dict[str, object]]:
    """One cycle of every account that may run, told as each ends."""
    found: list[dict[str, object]] = []

    def ended(outcome: Outcome) -> None:
        row: dict[str, object] = {"account": outcome.account, "error": str(outcome.error or outcome.wait)}
        found.append(row if outcome.record is None else told(outcome.record))
        print(json.dumps(found[-1], ensure_ascii=False), flush=True)

    accounts = [each for each in desk.account_ids() if not desk.why_disabled(each)]
    with at_work(desk):
        run_all(desk, accounts, on_done=ended)
    return found


def main() -> int:
    with tempfile.TemporaryDirectory(prefix="prudent-embedded-") as folder:
        home = home_of(Path(folder) / "home")
        open_described(open_desk(home))
        desk = open_desk(home)
        found = run(desk)
        sound = desk.ledger.verify_audit()
        answered = Counter(str(each.get("answered_by", "")) for each in found)
        print(json.dumps({"accounts": len(found), "answered_by": answered, "audit": str(sound)}))
    return 0 if all("error" not in each for each in found) else 1


if __name__ == "__main__":
    sys.exit(main())
