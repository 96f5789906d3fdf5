"""The kill harness: an engine rebalances ten symbols back and forth while it is killed again and again.

Nothing is faked: real processes, real `kill -9` of the process group at random moments, real restarts. What the desk
acknowledged on the way is written down and looked for at the end.
"""

import json
import random
import signal
import threading
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic

from tests.scenarios.engines import Running, Starter, log_of, until
from tests.scenarios.homes import ACCOUNT, add_account, write_mandate

from prudent.bootstrap import Desk, open_desk
from prudent.domain.cycles import CycleRecord, ResidualCause
from prudent.domain.records import encode
from prudent.entrypoints.cli.starter import Wishes, create_home
from prudent.ledger.requests import RequestStatus
from prudent.workflows import kinds
from prudent.workflows.advance import next_sessions
from prudent.workflows.cycle import CycleWanted
from prudent.workflows.requests import Answer, ask

SYMBOLS = ("AAPL", "MSFT", "JPM", "JNJ", "PG", "XOM", "KO", "WMT", "HD", "LLY")
ALL = 1_000_000
LIMITS = """\
targets: json/{name}.json
limits: {{max_turnover_per_cycle: 200%, max_daily_loss: 100%, drawdown_cut: 100%, drawdown_rearm: 99%}}
"""


def ten_symbol_home(folder: Path, *, database: str | None = None) -> Path:
    """A home with one account and two portfolios of the same ten symbols, far from each other."""
    home = folder / "home"
    # The prices of the sample end with 2022, and each rebalance is a session after the one before.
    config = create_home(home, Wishes(start="2021-06-01"))
    if database is not None:
        config.write_text(config.read_text() + f"\ndatabase: {{url: {json.dumps(database)}}}\n")
    add_account(home, ACCOUNT)
    for name, weights in (("heavy", (17, 15, 13, 11, 9, 8, 7, 6, 5, 4)), ("light", (4, 5, 6, 7, 8, 9, 11, 13, 15, 17))):
        targets = [{"symbol": symbol, "weight": weight} for symbol, weight in zip(SYMBOLS, weights)]
        (home / "json" / f"{name}.json").write_text(json.dumps({"unit": "percent", "targets": targets}))
    write_mandate(home, ACCOUNT, LIMITS.format(name="heavy"))
    return home


@dataclass(slots=True)
class Acknowledged:
    """What was seen to be done: it must be there for ever."""

    requests: set[str] = field(default_factory=set)
    records: set[str] = field(default_factory=set)
    fills: set[str] = field(default_factory=set)

    def note(self, desk: Desk, request_id: str) -> None:
        """Take down whatever the ledger says at this moment."""
        request = desk.ledger.requests.find(request_id)
        if request is not None and request.status is RequestStatus.DONE:
            self.requests.add(request_id)
            cycle = request.result.get("cycle") if isinstance(request.result, dict) else None
            if isinstance(cycle, str):
                self.records.add(cycle)
        self.fills |= booked(desk)


@dataclass(slots=True)
class Report:
    """How a run of the harness went."""

    kills: int = 0
    midway: int = 0
    cycles: int = 0
    ready: list[float] = field(default_factory=list)
    acknowledged: Acknowledged = field(default_factory=Acknowledged)

    @property
    def words(self) -> str:
        return (
            f"{self.kills} kills ({self.midway} with a cycle under way) over {self.cycles} rebalances, "
            f"{len(self.acknowledged.fills)} fills; restart to ready p50 {percentile(self.ready, 50):.2f} s, "
            f"p95 {percentile(self.ready, 95):.2f} s"
        )


def booked(desk: Desk) -> set[str]:
    """The executions that the ledger has booked."""
    return {trade.exec_id for trade in desk.ledger.views.trades(ACCOUNT, limit=ALL).rows}


def percentile(values: list[float], share: int) -> float:
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, len(ordered) * share // 100)]


class Harness:
    """Kills engines of one home by a seeded plan."""

    def __init__(self, home: Path, start: Starter, *, seed: int) -> None:
        self._home = home
        self._start = start
        self._dice = random.Random(seed)
        self._engine: Running | None = None
        self._pause = threading.Event()
        self._took = 0.3
        self._kills = 0
        self.report = Report()

    def run(self, kills: int) -> Report:
        """Rebalance and let a session pass, in turns until that many engines were killed; then rebalance once more."""
        self._kills = kills
        while self.report.kills < kills:
            self._rebalance()
            target = next_sessions(open_desk(self._home), 1)[-1]
            self._done(kinds.CLOCK_ADVANCE, {"to": encode(target)}, "")
        # An order that a kill caught just before the wire is not sent again; the next cycle makes up for it.
        self._rebalance()
        self._up().signal(signal.SIGTERM)
        engine = self._up()
        until(lambda: not engine.lives(), said="the engine ends in order")
        return self.report

    def _rebalance(self) -> None:
        name = ("heavy", "light")[self.report.cycles % 2]
        body = kinds.cycle_body(CycleWanted(account=ACCOUNT, parameters={"targets": f"json/{name}.json"}))
        self._done(kinds.CYCLE, body, ACCOUNT)
        self.report.cycles += 1

    def _done(self, kind: str, body: Answer, account: str) -> None:
        """Ask for one thing and kill until it is done."""
        desk = open_desk(self._home)
        request = ask(desk, kind, body, account=account)
        while True:
            engine = self._up()
            goes_on = self.report.kills >= self._kills or self._dice.random() > 0.85
            if not goes_on and self._reach_a_moment(desk, request, kind):
                self.report.acknowledged.note(desk, request)
                engine.kill()
                self._engine = None
                self.report.kills += 1
                self.report.midway += bool(desk.ledger.interrupted_cycles())
                continue
            self._wait_answered(desk, request, kind)
            return

    def _reach_a_moment(self, desk: Desk, request: str, kind: str) -> bool:
        """Let a random while pass: from the start, or from where the cycle is under way; False when all was over."""
        if kind == kinds.CYCLE and self._dice.random() < 0.75:
            until(lambda: desk.ledger.interrupted_cycles() or _over(desk, request), said=f"{kind} begins")
        self._pause.wait(self._dice.uniform(0.0, self._took))
        return not _over(desk, request)

    def _wait_answered(self, desk: Desk, request: str, kind: str) -> None:
        until(
            lambda: desk.ledger.interrupted_cycles() or _over(desk, request), said=f"{kind}\n{log_of(self._home)}"
        )  # fmt: skip
        began = monotonic()
        until(lambda: _over(desk, request), said=f"{kind} is answered\n{log_of(self._home)}")
        if kind == kinds.CYCLE:
            # The next kills fall within what a cycle takes where it is left alone.
            self._took = min(2.0, max(0.05, monotonic() - began))
        self.report.acknowledged.note(desk, request)
        found = desk.ledger.requests.find(request)
        assert found is not None
        assert found.status is RequestStatus.DONE, found.error

    def _up(self) -> Running:
        """The engine; a new one is sometimes killed while it starts."""
        while self._engine is None:
            engine = self._start(self._home)
            if 0 < self.report.kills < self._kills and self._dice.random() < 0.1:
                self._pause.wait(self._dice.uniform(0.0, self.report.ready[-1] if self.report.ready else 0.5))
                engine.kill()
                self.report.kills += 1
                continue
            self.report.ready.append(engine.wait_ready())
            self._engine = engine
        return self._engine


def _over(desk: Desk, request: str) -> bool:
    found = desk.ledger.requests.find(request)
    return found is not None and found.over


def check(home: Path, report: Report) -> CycleRecord:
    """Everything that must hold after any number of kills; gives the last cycle's record."""
    desk = open_desk(home)
    fills = desk.broker.fills(ACCOUNT)
    orders = desk.ledger.views.orders(ACCOUNT, limit=ALL).rows
    assert max(Counter(fill.exec_id for fill in fills).values()) == 1
    # An order trades at most once: what the venue filled under a reference is never more than was ordered.
    filled = Counter[str]()
    for fill in fills:
        filled[fill.order_ref] += int(fill.quantity)
    ordered = {order.order_ref: int(order.quantity) for order in orders}
    assert all(quantity <= ordered[ref] for ref, quantity in filled.items())
    assert not desk.ledger.pending_orders(ACCOUNT)
    assert desk.ledger.interrupted_cycles() == ()
    snapshot = desk.broker.snapshot(ACCOUNT)
    assert desk.ledger.views.money(ACCOUNT).cash == snapshot.cash
    assert {p.symbol: p.quantity for p in desk.ledger.views.positions(ACCOUNT)} == {
        p.symbol: p.quantity for p in snapshot.positions
    }
    # Every acknowledged write is there, in the ledger and at the venue.
    kept = booked(desk)
    assert report.acknowledged.fills <= kept
    assert kept == {fill.exec_id for fill in fills}
    for request_id in report.acknowledged.requests:
        found = desk.ledger.requests.find(request_id)
        assert found is not None
        assert found.status is RequestStatus.DONE
    records = [desk.ledger.load_record(cycle) for cycle in sorted(report.acknowledged.records)]
    assert len(records) >= report.cycles
    assert desk.ledger.verify_audit().holds
    last = max(records, key=lambda record: (record.run, record.cycle))
    assert_on_target(last)
    return last


def assert_on_target(record: CycleRecord) -> None:
    """Every position is its target within a lot, but where a guard (of cash, at most two) shrank its order."""
    assert record.reconciliation is not None
    shrunk = {each.symbol for each in record.reconciliation.residuals if each.cause is ResidualCause.BLOCKED}
    checked = [each for each in record.reconciliation.symbols_verified if each.symbol not in shrunk]
    assert len(checked) >= len(SYMBOLS) - 2, record.no_trade_codes
    assert all(abs(each.target_quantity - each.actual_quantity) <= 1 for each in checked), record.reconciliation


