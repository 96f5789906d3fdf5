"""One life of one desk's process: the real desk on a failing disk and a lying wire, until it is told to die."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Protocol

from prudent.bootstrap import Desk
from prudent.domain.accounts import Mode
from prudent.domain.errors import DeskError, Temporary
from prudent.domain.mandate import Mandate
from prudent.domain.orders import OrderIntent, OrderReport
from prudent.domain.records import Json
from prudent.ledger import LedgerStore
from prudent.ledger.database import Database
from prudent.ledger.leases import Leases
from prudent.ledger.runs import PERSON, SCHEDULE, CycleRow
from prudent.marketdata.calendars import ExchangeCalendar
from prudent.marketdata.instruments import InstrumentMaster
from prudent.pipeline.world import World
from prudent.ports import NO_PERMIT, BrokerTraits, Claim, Permit, RunRef
from prudent.settings import Loaded
from prudent.simulation.decider import Decider
from prudent.simulation.disk import FaultyFile
from prudent.simulation.faults import Weather
from prudent.simulation.prices import LyingMarket, TruePrices
from prudent.simulation.sides import GatewaySide, ProcessWire, VenueSide
from prudent.simulation.timeline import ProcessClock, Timeline
from prudent.workflows.consent import answers
from prudent.workflows.cycle import finish_interrupted
from prudent.workflows.lease import HeldLeases, home_holder, home_lease
from prudent.workflows.recovery import recover

CODE = "simulation"


class Crash(BaseException):
    """The process is gone: nothing of it runs any more but what the operating system does."""


class Overseer(Protocol):
    """The world, as a process meets it at each numbered point."""

    def pass_point(self, process: "Process", name: str) -> None: ...

    def order_leaves(
        self, process: "Process", intent: OrderIntent, claim: Claim, stood: timedelta
    ) -> None: ...

    def order_approved(self, process: "Process", account: str, order_refs: Sequence[str]) -> None: ...

    def order_claimed(self, process: "Process", account: str) -> None: ...

    def stage_kept(self, process: "Process", cycle_id: str, stage: str, *, again: bool) -> None: ...

    def message_comes(self, process: "Process", act: Callable[[], None]) -> None: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """What every process of one owner lives in."""

    owner: str
    timeline: Timeline
    weather: Weather
    prices: TruePrices
    venue: VenueSide
    gateway: GatewaySide
    calendar: ExchangeCalendar
    instruments: InstrumentMaster
    decider: Decider
    ledger_file: Path
    traits: BrokerTraits
    loaded: Callable[[], Loaded]


class TurnedLeases(HeldLeases):
    """Leases without a thread. While the process runs they are as if renewed every five seconds: they do not run out.

    `stand_still` is what becomes of them when it stops running, dead or frozen: nobody renews them any more.
    """

    def __init__(self, leases: Leases, holder: str, *, clock: ProcessClock) -> None:
        super().__init__(leases, holder, clock=clock, lasts=timedelta(days=30))

    def _keep_renewing(self) -> None:
        """Nothing runs beside the process here."""

    def stand_still(self, seconds: float) -> None:
        """From now on they have so many seconds left: fifteen, less the time since the last renewal."""
        left = timedelta(seconds=seconds)
        # What was taken in the very commit after which it died it does not know of; that runs out like the rest.
        unknown = [each for each in self._leases.all() if each.holder == self.holder and each.account not in self._held]
        self._leases.renew(unknown, at=self._clock.now(), lasts=left)
        self._extended(left)

    def run_again(self) -> None:
        """The process runs, and keeps what has not run out meanwhile."""
        self._extended(self._lasts)

    def _extended(self, lasts: timedelta) -> None:
        # Without the lock that `take` holds: what stands still may stand inside it.
        kept = self._leases.renew(tuple(self._held.values()), at=self._clock.now(), lasts=lasts)
        self._held = {lease.account: lease for lease in kept}


@dataclass(kw_only=True)
class SimulatedDesk(Desk):
    """The real desk with the decider of the seed; its build has one name, as a stored digest would."""

    decider: Decider

    @property
    def code_version(self) -> str:
        return CODE

    def world(self, mandate: Mandate, mode: Mode, *, cycle: CycleRow | None = None) -> World:
        world = super().world(mandate, mode, cycle=cycle)
        by_decider = cycle is None or cycle.started_by in ("", SCHEDULE, PERSON)
        return replace(world, strategy=self.decider) if by_decider else world

    def permit(self, account: str) -> Permit:
        return replace(super().permit(account), at=self.clock.now())


class LedgerWatch(Protocol):
    """Who is told what a process does with its ledger: what it has approved, is about to claim and to keep."""

    def approves(self, account: str, order_refs: Sequence[str]) -> None: ...

    def claims(self, account: str) -> None: ...

    def keeps(self, cycle_id: str, stage: str, *, again: bool) -> None: ...


class WatchedLedger(LedgerStore):
    """The real ledger, watched."""

    def __init__(self, database: Database, watch: LedgerWatch | None) -> None:
        super().__init__(database)
        self._watch = watch

    def approve(self, run: RunRef, cycle: int, intents: Sequence[OrderIntent], *, at: datetime) -> None:
        super().approve(run, cycle, intents, at=at)
        if self._watch is not None:
            self._watch.approves(run.account, tuple(intent.order_ref for intent in intents))

    def sending(
        self, account: str, order_ref: str, *, seal: str, at: datetime, permit: Permit = NO_PERMIT
    ) -> Claim:  # fmt: skip
        if self._watch is not None:
            self._watch.claims(account)
        return super().sending(account, order_ref, seal=seal, at=at, permit=permit)

    def keep_stage(self, cycle_id: str, name: str, output: Json, *, at: datetime) -> None:
        if self._watch is not None:
            self._watch.keeps(cycle_id, name, again=self.find_stage(cycle_id, name) is not None)
        super().keep_stage(cycle_id, name, output, at=at)


def make_desk(
    around: Surroundings, home: Path, file: FaultyFile, clock: ProcessClock, wire: ProcessWire,
    watch: LedgerWatch | None = None,
) -> SimulatedDesk:  # fmt: skip
    """The real desk over these parts; its cycles wait for people and for the market as they do everywhere."""
    seen = LyingMarket(around.prices, clock, around.calendar, around.weather)
    desk = SimulatedDesk(
        home=home, loaded=around.loaded(), mode=Mode.PAPER, clock=clock, calendar=around.calendar,
        instruments=around.instruments, market=wire.prices(seen),
        ledger=WatchedLedger(Database(file, around.owner), watch), broker=wire, venue=None,
        config_hash=config_hash(home),
        decider=around.decider,
    )  # fmt: skip
    desk.consent = lambda cycle, mandate: answers(desk, cycle, mandate, mode=Mode.PAPER)
    return desk


class Process:
    """Implements `Watcher`. `home` is its folder; another copy of the desk has a folder of its own."""

    def __init__(self, name: str, around: Surroundings, home: Path, overseer: Overseer) -> None:
        self.name = name
        self.around = around
        self.home = home
        self.alive = True
        self.starting = False
        self.frozen = False
        self.clock = ProcessClock(around.timeline)
        self._overseer = overseer
        self._stack = ExitStack()
        self.file = FaultyFile(str(around.ledger_file), around.timeline, around.weather, self.point)
        self._stack.callback(self.file.close)
        self.wire = around.gateway.wire(self.clock, self, around.weather, traits=around.traits)
        self.desk = make_desk(
            around, home, self.file, self.clock, self.wire, watch=self
        )
        self.leases: TurnedLeases | None = None
        self.accounts: tuple[str, ...] = ()

    # What the outside sees of it

    def point(self, name: str) -> None:
        if not self.alive:
            raise Crash(self.name)
        self._overseer.pass_point(self, name)

    def leaves(self, intent: OrderIntent, claim: Claim, stood: timedelta) -> None:
        self._overseer.order_leaves(self, intent, claim, stood)

    def heard(self, account: str, report: OrderReport) -> None:
        """A message that came by itself: the adapter gives it to the ledger, as it gives every answer."""
        if self.alive and not self.frozen and self.leases is not None:
            self._overseer.message_comes(self, lambda: self._take_in(account, report))

    def _take_in(self, account: str, report: OrderReport) -> None:
        self.desk.ledger.reported(account, report, at=self.clock.now())

    # Implements `LedgerWatch`

    def approves(self, account: str, order_refs: Sequence[str]) -> None:
        self._overseer.order_approved(self, account, order_refs)

    def claims(self, account: str) -> None:
        self._overseer.order_claimed(self, account)

    def keeps(self, cycle_id: str, stage: str, *, again: bool) -> None:
        self._overseer.stage_kept(self, cycle_id, stage, again=again)

    # Its life

    def start(self) -> None:
        """Take the home's lock and the leases, settle what was left, finish what was begun; as every start does."""
        self.starting = True
        if home_holder(self.home) is not None:
            # What `home_lease` says too, after it has waited a moment that is not ours to spend.
            raise Temporary(f"the desk at {self.home.name} must be used by one process at a time")
        self._stack.enter_context(home_lease(self.home))
        self.leases = TurnedLeases(
            self.desk.ledger.leases, self.holder, clock=self.clock
        )
        self.take_leases()
        self._stack.enter_context(self.desk.leased(self.leases))
        recover(self.desk, self.accounts)
        finish_interrupted(self.desk, self.accounts)
        self.starting = False

    @property
    def holder(self) -> str:
        """The name under which it holds leases: its home's, whichever life this is."""
        return f"{self.around.owner}-{self.home.name}"

    def take_leases(self) -> None:
        """Get the leases of the owner's accounts that nobody else holds; the engine's loop does so all the time."""
        if self.leases is not None:
            self.accounts = self.leases.take(tuple(each.id for each in self.desk.ledger.accounts()))

    @contextmanager
    def standing_still(self, seconds: float) -> Iterator[None]:
        """It is frozen: nothing of it runs, and its leases run out; afterwards it renews those it still has."""
        self.frozen = True
        with suppress(DeskError):
            self._leave_leases(seconds)
        try:
            yield
        finally:
            self.frozen = False
        if not self.alive:
            raise Crash(self.name)
        with suppress(DeskError), self.file.silence():
            if self.leases is not None:
                self.leases.run_again()

    def _leave_leases(self, seconds: float) -> None:
        if self.leases is None or self.file.driver.in_transaction:
            return
        with self.file.silence():
            self.leases.stand_still(seconds)

    def die(self, lease_seconds: float = 10.0) -> None:
        """The operating system takes back files, locks and the socket."""
        with suppress(DeskError):
            self._leave_leases(lease_seconds)
        self.alive = False
        self.around.gateway.closed_by(self.wire)
        self.desk._leased, self.desk._leases = False, None
        self._stack.close()

    def stop(self) -> None:
        """A person stops it: the leases are given back."""
        if self.leases is not None:
            self.leases.release()
        self.die()


def config_hash(home: Path) -> str:
    from prudent.settings.identity import files_hash

    return files_hash(home / "invest.yaml")
