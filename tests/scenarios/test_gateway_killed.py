"""`kill -9` of an engine with orders in flight on the socket: none goes out twice, every fill is booked once."""

import json
import random
import sys
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from pathlib import Path

from tests.gateway_homes import ACCOUNT as VENUE_ACCOUNT
from tests.gateway_homes import StepGateway, step_gateway
from tests.scenarios.engines import until
from tests.scenarios.gateway_engine import DONE, LOG, NOT_NOW, Engines, engines
from tests.scenarios.homes import ACCOUNT
from tests.scenarios.kill9 import ALL, SYMBOLS, assert_on_target, booked

from prudent.bootstrap import Desk, open_desk
from prudent.clock import SimulatedClock
from prudent.domain.accounts import TradingState
from prudent.domain.orders import OrderStatus
from prudent.entrypoints.cli.starter import Wishes, create_home
from prudent.gateway.faults import Do, Fault, On
from prudent.workflows.advance import next_sessions

# So little that no order takes more than the hundred shares that the top of a book shows at least.
CASH = Decimal(20_000)
MANDATE = """\
broker: ibkr
ibkr: {account: DU1234567, style: market}
targets: json/heavy.json
limits: {max_turnover_per_cycle: 200%, max_daily_loss: 100%, drawdown_cut: 100%, drawdown_rearm: 99%}
"""
WEIGHTS = {"heavy": (17, 15, 13, 11, 9, 8, 7, 6, 5, 4), "light": (4, 5, 6, 7, 8, 9, 11, 13, 15, 17)}
# After so many orders at most a process is killed: it has about ten in a cycle, fewer where another was killed in it.
ORDERS_MAX = 6
FLIGHT_SECONDS = 0.08
TRIES_MAX = 40


def new_home(folder: Path, port: int) -> Path:
    """A home whose account trades at the gateway, with two portfolios of the same ten symbols."""
    home = folder / "home"
    config = create_home(home, Wishes(start="2021-06-01"))
    config.write_text(config.read_text() + f"\nibkr: {{port: {port}, client_id: 11}}\n")
    for name, weights in WEIGHTS.items():
        targets = [{"symbol": symbol, "weight": weight} for symbol, weight in zip(SYMBOLS, weights)]
        (home / "json" / f"{name}.json").write_text(json.dumps({"unit": "percent", "targets": targets}))
    (home / "config" / "accounts" / f"{ACCOUNT}.yaml").write_text(MANDATE)
    (home / "logs").mkdir(exist_ok=True)
    return home


def start_time(folder: Path) -> datetime:
    """Where the clock of such a home begins."""
    home = folder / "clock"
    create_home(home, Wishes(start="2021-06-01"))
    return open_desk(home).clock.now()


@dataclass
class Run:
    """Rebalances back and forth, each under a key, and kills the engine on the way."""

    home: Path
    gateway: StepGateway
    engines: Engines
    dice: random.Random
    kills: int = 0
    in_flight: int = 0
    cycles: int = 0
    not_now: int = 0
    seen: set[str] = field(default_factory=set)
    took: float = 1.0

    def desk(self) -> Desk:
        return open_desk(self.home)

    def rebalance(self, kills: int) -> None:
        """One cycle, with kills until there were that many in all, then to its record."""
        self.to_next_session()
        key, weights = f"cycle {self.cycles}", ("heavy", "light")[self.cycles % 2]
        desk = self.desk()
        for _ in range(TRIES_MAX):
            self.engines.start(self.home, weights, key)
            wants = self.kills < kills and self.dice.random() < 0.85
            if wants and self.reached():
                self.engines.kill()
            end = self.engines.ended()
            self.kills += end < 0
            self.not_now += end == NOT_NOW
            assert end < 0 or end in (DONE, NOT_NOW), self.log()
            self.look(desk, killed=end < 0)
            if end == DONE:
                break
        else:
            raise AssertionError(f"{key} did not end:\n{self.log()}")
        self.cycles += 1

    def reached(self) -> bool:
        """Wait until the gateway has heard some orders of this process, and a moment more; False if it ended first."""
        before, pause = self.heard, threading.Event()
        if self.dice.random() < 0.1:
            # While it starts, recovers or asks what became of orders.
            pause.wait(self.dice.uniform(0.0, self.took))
            return self.engines.lives
        wanted = before + self.dice.randint(1, ORDERS_MAX)
        until(lambda: self.heard >= wanted or not self.engines.lives, said=f"orders are heard\n{self.log()}")
        pause.wait(self.dice.uniform(0.0, FLIGHT_SECONDS))
        return self.engines.lives

    @property
    def heard(self) -> int:
        """How many orders have reached the gateway."""
        return self.gateway.paper.faults.all()[0].fired

    def look(self, desk: Desk, *, killed: bool) -> None:
        """What was left in flight; what is booked once must stay booked. The gateway's clock follows the desk's."""
        if killed:
            live = (OrderStatus.SENDING, OrderStatus.ACKED, OrderStatus.PARTIAL, OrderStatus.UNKNOWN)
            self.in_flight += any(each.state in live for each in desk.ledger.pending_orders(ACCOUNT))
        until(lambda: not self.gateway.paper.house.sessions, said="the gateway hears that it is gone")
        self.seen |= booked(desk)
        now = self.desk().clock.now()
        if now > self.gateway.clock.now():
            self.gateway.step_to(now)

    def to_next_session(self) -> None:
        desk = self.desk()
        (moment,) = next_sessions(desk, 1)
        assert isinstance(desk.clock, SimulatedClock)
        desk.clock.move_to(moment)
        self.gateway.step_to(moment)

    def log(self) -> str:
        path = self.home / "logs" / LOG
        return path.read_text()[-4000:] if path.exists() else ""


@contextmanager
def killing(folder: Path, seed: int) -> Iterator[Run]:
    at = start_time(folder)
    with step_gateway(at=at, accounts={VENUE_ACCOUNT: CASH}) as gateway, engines() as started:
        home = new_home(folder, gateway.port)
        desk = open_desk(home)
        desk.ledger.add_account(desk.mandate(ACCOUNT), cash=CASH, at=desk.clock.now())
        faults = gateway.paper.faults
        # Each order is counted; half of the answers are on their way for a while.
        gateway.aside.call(lambda: faults.add(Fault(on=On.PLACE, do=Do.NOTE, times=None)))
        gateway.aside.call(lambda: faults.add(Fault(
            on=On.PLACE, do=Do.DELAY, args={"seconds": 0.005, "until": 0.05}, times=None, chance=0.5, seed=seed,
        )))  # fmt: skip
        yield Run(home, gateway, started, random.Random(seed))


def check(run: Run) -> None:
    """No order twice, every fill booked once, both books the same, the audit sound, the target reached."""
    desk, floor = run.desk(), run.gateway.paper.floor
    views = (*floor.open_orders(), *floor.completed())
    assert floor.open_orders() == ()
    there = Counter(view.ticket.order_ref for view in views)
    assert set(there.values()) == {1}
    ordered = {row.order_ref: row.quantity for row in desk.ledger.views.orders(ACCOUNT, limit=ALL).rows}
    filled = Counter[str]()
    for each in floor.executions():
        filled[each.order_ref] += int(each.quantity)
    assert all(quantity <= ordered[ref] for ref, quantity in filled.items())
    trades = [trade.exec_id for trade in desk.ledger.views.trades(ACCOUNT, limit=ALL).rows]
    assert max(Counter(trades).values()) == 1
    assert set(trades) == {each.exec_id.rpartition(".")[0] for each in floor.executions()}
    assert run.seen <= set(trades)
    assert not desk.ledger.pending_orders(ACCOUNT)
    assert desk.ledger.interrupted_cycles() == ()
    values = floor.account_values(VENUE_ACCOUNT, run.gateway.clock.now()).values
    cash = {name: value for name, value, _currency in values}
    assert desk.ledger.views.money(ACCOUNT).cash == Decimal(cash["TotalCashValue"])
    assert {p.symbol: p.quantity for p in desk.ledger.views.positions(ACCOUNT)} == {
        p.contract.symbol: p.quantity for p in floor.positions(VENUE_ACCOUNT)
    }
    assert desk.ledger.lock_of(ACCOUNT, "")[0] is TradingState.ACTIVE
    assert all(desk.ledger.lock_of(ACCOUNT, symbol)[0] is TradingState.ACTIVE for symbol in SYMBOLS)
    assert desk.ledger.verify_audit().holds
    assert_on_target(desk.ledger.load_record(desk.last_cycle_id(ACCOUNT)))


def test_an_engine_killed_with_orders_on_the_socket_sends_none_twice_and_books_every_fill_once(
    tmp_path: Path, scale: Callable[[int, int], int]
) -> None:
    kills = scale(20, 200)
    with killing(tmp_path, seed=1) as run:
        while run.kills < kills:
            run.rebalance(kills)
        # An order that a kill caught just before the wire is not sent again; the next cycle makes up for it.
        run.rebalance(kills)
        sys.stdout.write(
            f"{run.kills} kills ({run.in_flight} with orders in flight) over {run.cycles} rebalances, "
            f"{run.heard} orders, {len(run.seen)} fills, {run.not_now} starts that could not yet"
        )
        assert run.in_flight >= kills // 4
        check(run)
