"""Sending: from a decision to the broker: plan, guards, consent, interlocks, approval and claim, each step durable.

One account rebalances ten stocks back and forth, a session apart, in workflows of the library on SQLite, with every
write to the ledger durable (synchronous=FULL). The clock starts when the decision's step has ended and stops when the
venue is given the first order. No model is asked.
"""

import json
import sys
import tempfile
import threading
from decimal import Decimal
from pathlib import Path
from time import perf_counter

from prudent.bootstrap import Desk, open_desk
from prudent.clock import SimulatedClock
from prudent.domain.orders import OrderIntent, OrderReport
from prudent.entrypoints.cli.opening import Opening, open_account
from prudent.entrypoints.cli.starter import Wishes, create_home
from prudent.ports import NO_CLAIM, Claim
from prudent.workflows.advance import mark, next_sessions
from prudent.workflows.cycle import CycleWanted, at_work, begin, carry_on
from prudent.workflows.durable import DbosSteps, Durable, place_of
from prudent.workflows.steps import LedgerStages

ACCOUNT = "core"
CYCLES = 200
SYMBOLS = ("AAPL", "MSFT", "JPM", "JNJ", "PG", "XOM", "KO", "WMT", "HD", "LLY")
MANDATE = """
targets: json/heavy.json
limits: {max_turnover_per_cycle: 200%, max_daily_loss: 100%, drawdown_cut: 100%, drawdown_rearm: 99%}
"""
WEIGHTS = (17, 15, 13, 11, 9, 8, 7, 6, 5, 4)


class Measured:
    """Runs one cycle per request and notes how long its first order took from the decision."""

    def __init__(self, home: Path) -> None:
        self.desk = open_desk(home)
        self.taken: list[float] = []
        self.done = threading.Event()
        self._decided = 0.0
        self._submit = self.desk.broker.submit
        self.desk.broker.submit = self._noting  # type: ignore[method-assign]

    def _noting(self, intent: OrderIntent, claim: Claim = NO_CLAIM) -> OrderReport:
        if self._decided:
            self.taken.append((perf_counter() - self._decided) * 1000)
            self._decided = 0.0
        return self._submit(intent, claim)

    def _after(self, name: str) -> None:
        if name.startswith("decide"):
            self._decided = perf_counter()

    def perform(self, _owner: str, request: str) -> None:
        name = ("heavy", "light")[int(request) % 2]
        wanted = CycleWanted(account=ACCOUNT, parameters={"targets": f"json/{name}.json"}, key=request)
        cycle = begin(self.desk, wanted)
        stages = LedgerStages(self.desk.ledger, cycle, self.desk.clock)
        carry_on(self.desk, cycle, steps=DbosSteps(stages, after=self._after))
        self.done.set()


def ten_stocks(folder: Path) -> Path:
    home = folder / "home"
    create_home(home, Wishes(start="2017-01-03"))
    for name, weights in (("heavy", WEIGHTS), ("light", tuple(reversed(WEIGHTS)))):
        targets = [{"symbol": symbol, "weight": weight} for symbol, weight in zip(SYMBOLS, weights)]
        (home / "json" / f"{name}.json").write_text(json.dumps({"unit": "percent", "targets": targets}))
    opening = Opening(account=ACCOUNT, cash=Decimal(1_000_000), positions=None, mandate={"targets": "json/heavy.json"})
    open_account(open_desk(home), opening)
    # Nothing but the market's own moves may keep an order back.
    (home / "config" / "accounts" / f"{ACCOUNT}.yaml").write_text(MANDATE)
    return home


def to_next_session(desk: Desk) -> None:
    clock = desk.clock
    assert isinstance(clock, SimulatedClock)
    clock.move_to(next_sessions(desk, 1)[-1])
    mark(desk)


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        home = ten_stocks(Path(folder))
        measured = Measured(home)
        durable = Durable(place_of(home, None), executor="measured", perform=measured.perform)
        durable.launch()
        with at_work(measured.desk):
            for number in range(CYCLES):
                measured.done.clear()
                durable.start(measured.desk.ledger.owner, str(number))
                if not measured.done.wait(60):
                    sys.exit(f"cycle {number} did not end")
                to_next_session(measured.desk)
        durable.close()
        # The first cycle reads the market's files.
        taken = sorted(measured.taken[1:])
    sys.stdout.write(json.dumps({
        "case": "send", "count": len(taken), "p50": taken[len(taken) // 2], "p99": taken[len(taken) * 99 // 100],
        "most": taken[-1],
    }) + "\n")  # fmt: skip


if __name__ == "__main__":
    main()
