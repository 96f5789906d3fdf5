"""A seed's world: it draws what there is, lets time pass, breaks what it can, and asks after each event what holds."""

import gc
import shutil
import tempfile
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cache
from pathlib import Path
from random import Random

from prudent.domain.cycles import CycleWaits
from prudent.domain.errors import DeskError
from prudent.domain.orders import OrderIntent
from prudent.marketdata.calendars import ExchangeCalendar
from prudent.marketdata.instruments import InstrumentMaster
from prudent.ports import Claim
from prudent.simulation import ending, engine_work, people
from prudent.simulation.faults import Weather
from prudent.simulation.owner import Owner, Task
from prudent.simulation.prices import TruePrices
from prudent.simulation.process import Crash, Process
from prudent.simulation.shape import Shape
from prudent.simulation.sides import Sides, VenueSide
from prudent.simulation.timeline import Timeline, Trace
from prudent.simulation.truth import Violation
from prudent.simulation.venue import VenueOrder
from prudent.simulation.wires import OWN, wire_kind

_AT_POINT = {
    "statement": ("crash_in_transaction",),
    "committed": ("crash_after_commit", "freeze_short", "freeze_long"),
    "before wire": ("crash_before_wire", "freeze_short", "freeze_long"),
    "after wire": ("crash_after_wire",),
    "ask": ("crash_while_asking",),
    "wait": ("crash_while_waiting", "freeze_short"),
    "before cancel": ("crash_before_wire",),
    "after cancel": ("crash_after_wire",),
}


@dataclass(slots=True)
class Verdict:
    """How a seed ended."""

    seed: int
    digest: str
    events: int
    hits: dict[str, int]
    points: int
    orders: int
    cycles: int
    violation: str = ""
    text: str = ""
    last: list[str] = field(default_factory=list)


@cache
def _shared() -> tuple[ExchangeCalendar, InstrumentMaster]:
    return ExchangeCalendar(), InstrumentMaster()


def scratch() -> Path:
    """Where ledgers are made: in memory where the machine has such a folder."""
    memory = Path("/dev/shm")
    return Path(tempfile.mkdtemp(prefix="invest-sim-", dir=memory if memory.is_dir() else None))


class World:
    """Everything around the desks of one seed. `crash_at` forces the end of the process at that numbered point."""

    def __init__(  # noqa: PLR0913 - what a seed may be told
        self, seed: int, kinds: frozenset[str], folder: Path, *, small: bool = False, crash_at: int | None = None,
        keep: int = 60, wire: str = OWN,
    ) -> None:  # fmt: skip
        calendar, instruments = _shared()
        self.seed = seed
        self.folder = folder
        self.calendar = calendar
        self.instruments = instruments
        kind = wire_kind(wire)
        self.trace = Trace(keep=keep)
        self.weather = Weather(self.chance("weather"), kinds, self.trace, kind.catalogue)
        self.shape: Shape = kind.shape(self.chance("shape"), calendar, small=small)
        self.timeline = Timeline(self.shape.start, self.trace)
        self.prices = TruePrices(str(seed), self.shape.symbols, self.timeline, calendar)
        self.sides: Sides = kind.build(self)
        self.venue: VenueSide = self.sides.venue
        self.venue.on_accept = self._accepted
        self.venue.on_change = self._changed
        self.luck = self.chance("people")
        self.points = 0
        self.point_names: list[str] = []
        self.crash_at = crash_at
        self.cycles_done = 0
        self.first_cycle_ends = 0
        self._busy: list[Process] = []
        template = folder.parent / f"{folder.parent.name}-template.sqlite"
        self.owners = tuple(
            Owner(
                name, folder, template, [each for each in self.shape.accounts if each.owner == name], self.timeline,
                self.weather, self.prices, self.sides, calendar, instruments, seed=str(seed),
                symbols=self.shape.symbols, quiet_seconds=self.shape.quiet_seconds,
            )
            for name in self.shape.owners
        )  # fmt: skip

    def chance(self, what: str) -> Random:
        """A stream of luck of its own, so that one part's draws do not move another's."""
        return Random(f"{self.seed}/{what}")

    # The run

    def run(self) -> Verdict:
        """Safety with faults, then heal, then liveness; a violation ends it."""
        verdict = Verdict(self.seed, "", 0, self.weather.hits, 0, 0, 0)
        try:
            self._live()
        except Violation as violation:
            verdict.violation, verdict.text = violation.invariant, violation.text
            verdict.last = list(self.trace.lines)
        finally:
            for owner in self.owners:
                owner.close()
            self.sides.close()
        verdict.digest, verdict.events, verdict.points = self.trace.digest(), self.trace.count, self.points
        verdict.orders = sum(len(owner.truth.sent) for owner in self.owners)
        verdict.cycles = self.cycles_done
        return verdict

    def _live(self) -> None:
        try:
            self._plan()
            self.work(self.shape.end)
            ending.heal_and_prove(self)
        except (Violation, Crash):
            raise
        except Exception as error:
            where = traceback.extract_tb(error.__traceback__)[-1]
            text = f"{type(error).__name__} at {Path(where.filename).name}:{where.lineno}: {error}"
            raise Violation("I0", text) from error

    def _plan(self) -> None:
        for owner in self.owners:
            self.start(owner)
        engine_work.plan(self)
        people.plan(self)

    def is_busy(self, process: Process) -> bool:
        """Whether some of its work is under way, further up."""
        return process in self._busy

    def owner_of(self, account: str) -> Owner:
        return next(owner for owner in self.owners if account in owner.accounts)

    def work(self, until: datetime) -> None:
        """Let the processes do what is waiting, and time pass, until that moment."""
        while True:
            owner = next((o for o in self.owners if o.queue and o.process is not None and o.process.alive), None)
            if owner is not None:
                name, act = owner.queue.popleft()
                self.perform(owner, name, act)
            elif not self.timeline.step(until):
                return

    def perform(self, owner: Owner, name: str, act: Task) -> None:
        """One piece of work of the owner's process, and what holds after it."""
        process = owner.process
        assert process is not None
        self.trace.add(f"{self.timeline.now:%d %H:%M:%S} {process.name} {name}")
        self._busy.append(process)
        try:
            act(process)
        except Crash as crash:
            if crash.args[0] != process.name:
                raise
            self.crashed(owner, process)
        except CycleWaits as waits:
            self.trace.add(f"  waits {waits.wait.why}")
        except DeskError as error:
            self.note(error)
            engine_work.failed(self, owner, name)
        finally:
            self._busy.pop()
            if name.startswith("cycle") and not self.first_cycle_ends:
                self.first_cycle_ends = self.points
        owner.truth.check()
        engine_work.keep_asking(self, owner)

    def note(self, error: DeskError) -> None:
        """What the desk said, without the folder's name, which is another in each run."""
        self.trace.add(f"  {type(error).__name__}: {str(error).replace(str(self.folder), '')}")

    # Lives and deaths

    def start(self, owner: Owner) -> None:
        """A new process of the owner, which begins with its start."""
        if owner.process is not None and owner.process.alive:
            return
        owner.lives += 1
        owner.process = Process(f"{owner.name}#{owner.lives}", owner.around, owner.home, self)
        owner.first("start", engine_work.start)

    def crashed(self, owner: Owner, process: Process) -> None:
        """The process is gone; its supervisor starts another."""
        self.trace.add(f"  {process.name} is dead")
        process.die(self.weather.seconds(10.0, 15.0))
        owner.queue = type(owner.queue)(each for each in owner.queue if each[0] != "start")
        if owner.process is process:
            slow = self.weather.strikes("restart_slow")
            wait = self.weather.seconds(60.0, 400.0) if slow else self.weather.seconds(0.5, 12.0)
            self.timeline.after(wait, f"{owner.name} restarts", lambda: self.start(owner))

    # Implements `Overseer`

    def pass_point(self, process: Process, name: str) -> None:
        self.points += 1
        self.trace.add(f"  . {self.points} {process.name} {name}")
        if self.crash_at is not None:
            self.point_names.append(name)
            if self.points == self.crash_at:
                raise Crash(process.name)
        kind = name if name in _AT_POINT else name.split(" ", 1)[0]
        fault = self.weather.one_of(*_AT_POINT.get(kind, ()))
        if fault is not None and process.starting and fault.startswith("crash"):
            fault = "crash_at_start" if self.weather.strikes("crash_at_start") else None
        if fault is None:
            if kind != "statement":
                people.meddle(self, process)
            return
        if fault.startswith("crash"):
            raise Crash(process.name)
        seconds = self.weather.seconds(0.5, 20.0) if fault == "freeze_short" else self.weather.seconds(20.0, 120.0)
        self.freeze(process, seconds)

    def _owner(self, process: Process) -> Owner:
        return next(owner for owner in self.owners if process.around is owner.around)

    def order_approved(self, process: Process, account: str, order_refs: Sequence[str]) -> None:
        self._owner(process).truth.approved(account, order_refs, self.timeline.now)

    def order_claimed(self, process: Process, account: str) -> None:
        """The process is about to claim an order: a stop that stands now must keep it from that."""
        self._owner(process).truth.claiming(process.name, process.holder, account, self.points)

    def stage_kept(self, process: Process, cycle_id: str, stage: str, *, again: bool) -> None:
        owner = self._owner(process)
        if again and not owner.copies:
            raise Violation("I15", f"stage {stage} of cycle {cycle_id} ran again although it had finished")

    def freeze(self, process: Process, seconds: float) -> None:
        """The process stands still while the world goes on, and perhaps another copy of it."""
        owner = self._owner(process)
        with process.standing_still(self.weather.seconds(10.0, 15.0)):
            if self.weather.strikes("second_copy"):
                engine_work.second_copy(self, owner, seconds)
            else:
                self.timeline.seconds(seconds)

    def order_leaves(self, process: Process, intent: OrderIntent, claim: Claim, stood: timedelta) -> None:
        owner = self._owner(process)
        self.trace.add(f"  > {intent.order_ref} {intent.side} {intent.quantity} {intent.symbol} id {claim.order_id}")
        owner.truth.leaves(process.name, intent, claim, self.timeline.now - stood, stood=bool(stood))

    def _changed(self, account: str) -> None:
        """Something traded: the timer, which looks every minute, will see it."""
        engine_work.look_within_a_minute(self, self.owner_of(account))

    def message_comes(self, process: Process, act: Callable[[], None]) -> None:
        """A message wakes an idle process; a busy one takes it in between two steps of what it does."""
        if process in self._busy:
            try:
                act()
            except DeskError as error:
                self.note(error)
            return
        owner = self._owner(process)
        if owner.process is process:
            owner.task("message", lambda _process: act())

    def _accepted(self, order: VenueOrder) -> None:
        self.trace.add(f"  accepted {order.order_ref}")
        self.owner_of(order.account).truth.accepted(order)


def run_seed(
    seed: int, kinds: frozenset[str], *, small: bool = False, crash_at: int | None = None, keep: int = 60,
    wire: str = OWN,
) -> tuple[Verdict, World]:
    """One seed from nothing to nothing: its files are gone when it returns."""
    root = scratch_root()
    folder = Path(tempfile.mkdtemp(prefix="seed-", dir=root))
    try:
        with _without_collecting():
            world = World(seed, kinds, folder, small=small, crash_at=crash_at, keep=keep, wire=wire)
            return world.run(), world
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def _without_collecting() -> Iterator[None]:
    """A world is small and soon over: looking for cycles in it while it runs costs time and frees next to nothing."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


@cache
def scratch_root() -> Path:
    """The folder of this process's seeds; it goes when the process ends."""
    import atexit

    root = scratch()
    atexit.register(shutil.rmtree, root, ignore_errors=True)
    return root
