"""A desk at a scripted venue: a home of its own, one funded account, and time that moves when the test says so."""

import shutil
from dataclasses import dataclass, replace
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

from tests.scenarios.guard_stage import write_targets
from tests.scenarios.homes import ACCOUNT, CASH, new_home
from tests.scripted_broker import ScriptedBroker

from prudent.bootstrap import Desk, open_desk
from prudent.clock import SimulatedClock
from prudent.domain.accounts import Mode, TradingState
from prudent.domain.cycles import CycleRecord
from prudent.domain.orders import (
    Effect,
    OrderIntent,
    OrderReport,
    OrderStatus,
    OrderType,
    Side,
    order_ref,
)
from prudent.workflows.cycle import at_work, run_account
from prudent.workflows.reconcile import ReconcileReport, reconcile


@dataclass(kw_only=True)
class ScriptedStage:
    """The desk, its venue and its clock."""

    desk: Desk
    broker: ScriptedBroker
    clock: SimulatedClock
    number: int = 0

    def cycle(self) -> CycleRecord:
        with at_work(self.desk):
            return run_account(self.desk, ACCOUNT)

    def reconcile(self) -> ReconcileReport:
        return reconcile(self.desk, ACCOUNT)

    def later(self, seconds: float) -> None:
        self.clock.move_to(self.clock.now() + timedelta(seconds=seconds))

    def approved(self, symbol: str = "AAPL", quantity: str = "10", *, limit: str | None = None,
                 effect: Effect = Effect.OPEN) -> OrderIntent:  # fmt: skip
        """An order that is approved in a cycle of its own."""
        self.number += 1
        desk, now = self.desk, self.clock.now()
        mandate = desk.mandate(ACCOUNT)
        run = desk.ledger.open_run(mandate, mode=Mode.PAPER, rules=(), code_version=desk.code_version, at=now)
        cycle = desk.ledger.next_cycle(run, at=now)
        intent = OrderIntent(
            order_ref=order_ref(ACCOUNT, f"{run.id}/{cycle}", symbol, str(self.number), "decision"), account=ACCOUNT,
            symbol=symbol, side=Side.BUY if effect in (Effect.OPEN, Effect.COVER) else Side.SELL,
            quantity=Decimal(quantity), effect=effect,
            type=OrderType.MARKET if limit is None else OrderType.LIMIT,
            limit_price=None if limit is None else Decimal(limit),
        )  # fmt: skip
        desk.ledger.approve(run, cycle, (intent,), at=now)
        return intent

    def claimed(self, symbol: str = "AAPL", quantity: str = "10", *, limit: str | None = None) -> OrderIntent:
        """An order that was claimed for the wire, and then the process died."""
        intent = self.approved(symbol, quantity, limit=limit)
        permit = self.desk.permit(ACCOUNT)
        self.desk.ledger.sending(ACCOUNT, intent.order_ref, seal=intent.seal, at=self.clock.now(), permit=permit)
        return intent

    def sent(self, symbol: str = "AAPL", quantity: str = "10", *, limit: str | None = None) -> OrderIntent:
        """An order that was sent, with its answer taken in."""
        intent = self.claimed(symbol, quantity, limit=limit)
        self.desk.ledger.reported(ACCOUNT, self.broker.submit(intent), at=self.clock.now())
        return intent

    def state(self, intent: OrderIntent) -> OrderStatus:
        return self.known(intent).status

    def known(self, intent: OrderIntent) -> OrderReport:
        return self.desk.ledger.known(ACCOUNT, (intent.order_ref,))[0]

    def books_agree(self) -> bool:
        book = self.broker.books[ACCOUNT]
        held = {row.symbol: row.quantity for row in self.desk.ledger.views.positions(ACCOUNT)}
        return (self.desk.ledger.views.money(ACCOUNT).cash, held) == (book.cash, book.positions)

    def audited(self, event: str) -> int:
        return self.desk.ledger.views.audit(event=event).total


def prepared_home(folder: Path) -> Path:
    """What each scenario copies."""
    return new_home(folder)


def scripted_stage(prepared: Path, folder: Path, targets: dict[str, float] | None = None, *,
                   quiet_seconds: int = 0) -> ScriptedStage:  # fmt: skip
    """A copy of the prepared home, trading at a scripted venue."""
    home = folder / "home"
    shutil.copytree(prepared, home)
    write_targets(home, targets or {"AAPL": 10})
    desk = open_desk(home)
    assert isinstance(desk.clock, SimulatedClock)
    broker = ScriptedBroker(desk.clock, ACCOUNT, quiet_seconds=quiet_seconds)
    broker.books[ACCOUNT].cash = CASH
    desk = replace(desk, broker=broker, venue=None)
    return ScriptedStage(desk=desk, broker=broker, clock=desk.clock)  # type: ignore[arg-type]


def locked(stage: ScriptedStage, symbol: str) -> bool:
    """True while nothing new may be done in the symbol."""
    now = stage.clock.now()
    seen = stage.desk.ledger.history(ACCOUNT, session=stage.desk.calendar.session_of(now).date, at=now)
    return symbol in seen.unknown_symbols or dict(seen.symbol_states).get(symbol) is TradingState.HALTED
