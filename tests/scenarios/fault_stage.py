"""The stage of the faults: one paper gateway, and for each test new brokers on books that begin anew."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from decimal import Decimal
from functools import partial
from itertools import count
from threading import Event
from time import monotonic
from typing import Any

from tests.contract.broker import hand_market
from tests.contract.broker_fakes import NOON, intent
from tests.contract.broker_ibkr import ACCOUNTS, Floor, gateway

from prudent.brokers.ibkr.broker import IbkrBroker
from prudent.brokers.ibkr.states import State
from prudent.domain.orders import Effect, Fill, OrderIntent
from prudent.exchange.paper.words import Execution, OrderView
from prudent.gateway.faults import Do, Fault, Fired, Match, On

D = Decimal
CASH = D(10_000)
PATIENCE_SECONDS = 60.0


def eventually(fact: Callable[[], object], *, said: str = "it") -> None:
    """Return once `fact` holds; a machine that is busy may take its time."""
    ends, pause = monotonic() + PATIENCE_SECONDS, Event()
    while not fact():
        assert monotonic() < ends, f"{said}: not within {PATIENCE_SECONDS:g} s"
        pause.wait(0.01)


@dataclass
class Stage:
    """The gateway with its faults; refs are given once, for its lists show all of a day."""

    floor: Floor
    _numbers: Iterator[int] = field(default_factory=count)

    def ref(self) -> str:
        return f"stage-{next(self._numbers)}"

    def order(self, quantity: str = "10", *, limit: str | None = None, effect: Effect = Effect.OPEN) -> OrderIntent:
        return intent(self.ref(), effect, quantity, limit=limit)

    def fault(self, on: On, do: Do, match: Match | None = None, *, times: int | None = 1, **args: Any) -> None:
        made = Fault(on=on, do=do, match=match or Match(), args=args, times=times)
        self.floor.aside.call(lambda: self.floor.paper.faults.add(made))

    def clear(self) -> None:
        self.floor.aside.call(self.floor.paper.faults.clear)

    @property
    def log(self) -> tuple[Fired, ...]:
        return self.floor.aside.call(lambda: self.floor.paper.faults.log)

    def orders(self, ref: str) -> list[OrderView]:
        """The exchange's own word on what it has of that ref."""
        floor = self.floor.paper.floor
        views = self.floor.aside.call(lambda: (*floor.open_orders(), *floor.completed()))
        return [view for view in views if view.ticket.order_ref == ref]

    def executions(self, ref: str) -> list[Execution]:
        done = self.floor.aside.call(self.floor.paper.floor.executions)
        return [each for each in done if each.order_ref == ref]

    def has_once(self, broker: IbkrBroker, ref: str, quantity: str) -> None:
        """The exchange has one order of that ref; what it traded is told once, to the cent and to the share."""
        assert len(self.orders(ref)) == 1
        done = self.executions(ref)
        assert sum(each.quantity for each in done) == D(quantity)
        told = [each for each in broker.fills("acc") if each.order_ref == ref]
        assert sorted(map(_as_told, told)) == sorted(map(_as_done, done))
        assert ref not in [each.order_ref for each in broker.fills("margin")]

    def has_nothing(self, ref: str) -> None:
        assert (self.orders(ref), self.executions(ref)) == ([], [])

    def back(self, broker: IbkrBroker, before: str = "") -> None:
        """Wait until the broker is connected again, on another session than `before`."""
        eventually(lambda: self.state(broker) is State.UP and broker.session.orders.session != before, said="it is up")

    def state(self, broker: IbkrBroker) -> State:
        return broker.session.conditions()[0].state

    def begin(self) -> None:
        """No faults, the first prices, and both accounts with cash alone."""
        self.clear()
        self.floor.market.prices = hand_market().prices
        self.floor.clock.at = NOON
        house = self.floor.paper.house
        for account in ACCOUNTS.values():
            self.floor.aside.call(partial(house.act, partial(house.floor.reset, account, CASH)))

    def end(self) -> None:
        for broker in self.floor.brokers:
            broker.session.close()
        self.floor.brokers.clear()


def _as_told(of: Fill) -> tuple[str, Decimal, Decimal, Decimal]:
    return of.exec_id, of.quantity, of.price, of.commission


def _as_done(of: Execution) -> tuple[str, Decimal, Decimal, Decimal]:
    return of.exec_id.rpartition(".")[0], of.quantity, of.price, of.commission


@contextmanager
def stage() -> Iterator[Stage]:
    with gateway() as running:
        yield Stage(running)
