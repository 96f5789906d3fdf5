"""Starting: from a request's row to its workflow's first act, in a real engine process beside the one that asks."""

import json
import random
import subprocess
import sys
import tempfile
import threading
from datetime import datetime
from decimal import Decimal
from pathlib import Path

from prudent.bootstrap import Desk, open_desk
from prudent.entrypoints.cli.opening import Opening, open_account
from prudent.entrypoints.cli.starter import Wishes, create_home
from prudent.workflows import kinds
from prudent.workflows.beat import engine_beat
from prudent.workflows.requests import ask

ACCOUNT = "core"
COUNT = 300
SPACING_SECONDS = 0.06


def main() -> None:
    dice, pause = random.Random(3), threading.Event()
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder) / "home"
        create_home(home, Wishes())
        opening = Opening(account=ACCOUNT, cash=Decimal(1000), positions=None, mandate={"targets": "json/core.json"})
        open_account(open_desk(home), opening)
        engine = subprocess.Popen([sys.executable, "-m", "prudent", "engine", "--home", str(home)])
        while engine_beat(home).process() != engine.pid:
            pause.wait(0.01)
        desk = open_desk(home)
        asked = []
        for _ in range(COUNT):
            asked.append(ask(desk, kinds.CANCEL, {}, account=ACCOUNT))
            # At no fixed phase of the engine's looks.
            pause.wait(SPACING_SECONDS * (0.5 + dice.random()))
        pause.wait(2.0)
        engine.terminate()
        engine.wait()
        taken = sorted(_milliseconds(desk, home, asked))
    sys.stdout.write(json.dumps({
        "case": "start", "count": len(taken), "p50": taken[len(taken) // 2], "p99": taken[len(taken) * 99 // 100],
        "most": taken[-1],
    }) + "\n")  # fmt: skip


def _milliseconds(desk: Desk, home: Path, asked: list[str]) -> list[float]:
    """From the time at which each was asked to the line that its workflow logs first."""
    begun: dict[str, datetime] = {}
    for line in (home / "logs" / "engine.jsonl").read_text().splitlines():
        found = json.loads(line)
        if found["what"] == "request_begins":
            begun[found["request"]] = datetime.fromisoformat(found["at"])
    stored = {each: desk.ledger.requests.find(each) for each in asked}
    return [(begun[each] - row.created).total_seconds() * 1000 for each, row in stored.items() if row is not None]


if __name__ == "__main__":
    main()
