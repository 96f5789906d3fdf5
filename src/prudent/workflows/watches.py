"""What an engine looks after by itself: each watch has its period, runs in a thread of its own and never twice at once.

A watch that fails is logged and runs again at its next time: one that cannot do its work must not end the others.
"""

import logging
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, replace
from datetime import timedelta

from prudent.bootstrap import Desk
from prudent.clock import SystemClock
from prudent.domain.errors import DeskError
from prudent.ledger.requests import Request
from prudent.workflows import kinds
from prudent.workflows.approvals import due_waits
from prudent.workflows.arming import end_armings_of_before
from prudent.workflows.backup import anchor_if_due, daily_checks, last_backup, nightly, opening_checks
from prudent.workflows.courier import Courier
from prudent.workflows.cycle import CycleWanted, begin
from prudent.workflows.desks import Desks
from prudent.workflows.failover import Failover
from prudent.workflows.halted import HaltedScopes
from prudent.workflows.links import LinkWatch
from prudent.workflows.machine import LOOK_SECONDS as MACHINE_SECONDS
from prudent.workflows.machine import MachineWatch
from prudent.workflows.mirror import MirrorWatch
from prudent.workflows.notices import channels_of
from prudent.workflows.protection import period_seconds, protect
from prudent.workflows.reconcile import due as reconcile_is_due
from prudent.workflows.reconcile import reconcile
from prudent.workflows.requests import ask
from prudent.workflows.schedule import start_due
from prudent.workflows.turns import Busy
from prudent.workflows.volatility import store_volatilities

LOG = logging.getLogger("prudent.engine")
STOPS_SECONDS = 0.25
WAITS_SECONDS = 1.0
UNFINISHED_SECONDS = 5.0
SCHEDULE_SECONDS = 5.0
RECONCILE_SECONDS = 2.0
LINK_SECONDS = 2.0
ENGINES_SECONDS = 2.0
ANCHOR_SECONDS = 60.0
DAY = 24 * 3600.0
CHECKS_DELAY = 300.0
BACKUP_LOOK_SECONDS = 600.0
BACKUP_EVERY = timedelta(hours=24)
START_SECONDS = 30.0
MIRROR_SECONDS = 10.0
VOLATILITY_SECONDS = 900.0
THREADS = 6


@dataclass(frozen=True, slots=True, kw_only=True)
class Watch:
    """`look` is called for every owner; `everywhere` on each engine, else only on the first of those that share.

    Its first time comes `delay` seconds after the start.
    """

    name: str
    seconds: float
    look: Callable[[str], None]
    everywhere: bool = False
    delay: float = 0.0


class Watches:
    """The watches of one engine."""

    def __init__(
        self, desks: Desks, *, engine: str, failover: Failover, restart: Callable[[str], None]
    ) -> None:
        self._desks = desks
        self._engine = engine
        self._failover = failover
        self._wall = SystemClock()
        self._pool = ThreadPoolExecutor(max_workers=THREADS, thread_name_prefix="watch")
        self._open = ExitStack()
        self._next: dict[str, float] = {}
        self._running: dict[str, Future[None]] = {}
        self._asked: dict[str, str] = {}
        self._halted = HaltedScopes(self._wall)
        self._links = LinkWatch()
        first = desks.first
        self._courier = Courier(
            lambda: [desks.ledger(owner).notices for owner in desks.owners()] if failover.is_first() else [],
            channels_of(first.loaded.settings, self._wall), clock=self._wall, dated=first.clock,
        )  # fmt: skip
        self._mirrors = MirrorWatch()
        self._machine = MachineWatch(first, restart=restart, courier=self._courier, others=desks.opened)
        self._watches = self._all(first)

    def _all(self, first: Desk) -> tuple[Watch, ...]:
        return (
            Watch(name="stops", seconds=STOPS_SECONDS, look=self._cancel_where_halted, everywhere=True),
            Watch(name="waits", seconds=WAITS_SECONDS, look=self._carry_on_waiting),
            Watch(name="unfinished", seconds=UNFINISHED_SECONDS, look=self._carry_on_unfinished),
            Watch(name="schedules", seconds=SCHEDULE_SECONDS, look=self._start_due),
            Watch(name="protection", seconds=period_seconds(first), look=self._protect),
            Watch(name="reconcile", seconds=RECONCILE_SECONDS, look=self._reconcile),
            Watch(name="links", seconds=LINK_SECONDS, look=self._look_at_links),
            Watch(name="engines", seconds=ENGINES_SECONDS, look=self._look_at_engines, everywhere=True),
            Watch(name="anchor", seconds=ANCHOR_SECONDS, look=self._anchor, delay=ANCHOR_SECONDS),
            Watch(name="checks", seconds=DAY, look=self._check, delay=CHECKS_DELAY),
            Watch(name="backup", seconds=BACKUP_LOOK_SECONDS, look=self._back_up, delay=BACKUP_LOOK_SECONDS),
            Watch(name="volatility", seconds=VOLATILITY_SECONDS, look=self._store_volatilities),
            Watch(name="mirror", seconds=MIRROR_SECONDS, look=self._mirror),
            Watch(name="machine", seconds=MACHINE_SECONDS, look=self._look_at_machine, everywhere=True),
        )

    def settle(self) -> None:
        """Before any request: look at the files, and ask the venue about every order an earlier life left under way."""
        self._guarded_look("files", self._check_files, self._desks.first.ledger.owner)
        for owner in self._desks.owners():
            self._guarded_look("armings", self._end_armings, owner)
            self._guarded_look("reconcile", self._settle, owner)

    def _end_armings(self, owner: str) -> None:
        end_armings_of_before(self._desks.of(owner))

    def _settle(self, owner: str) -> None:
        self._each_free(owner, "reconcile", reconcile)

    def start(self) -> None:
        """Begin to send notices."""
        self._courier.start()
        self._open.callback(self._courier.stop)

    def look(self) -> None:
        """Start what is due; returns at once."""
        now = self._wall.monotonic()
        for watch in self._watches:
            under_way = self._running.get(watch.name)
            is_due = now >= self._next.setdefault(watch.name, now + watch.delay)
            if not is_due or (under_way is not None and not under_way.done()):
                continue
            self._next[watch.name] = now + watch.seconds
            if watch.everywhere or self._failover.is_first():
                self._running[watch.name] = self._pool.submit(self._guarded, watch)

    def _guarded(self, watch: Watch) -> None:
        for owner in self._desks.owners():
            self._guarded_look(watch.name, watch.look, owner)

    def _guarded_look(self, name: str, look: Callable[[str], None], owner: str) -> None:
        try:
            look(owner)
        except Exception as error:  # the border of a watch
            odd = not isinstance(error, DeskError)
            LOG.error("watch_failed", extra={"watch": name, "why": str(error)}, exc_info=odd)

    def stop(self) -> None:
        """Start nothing more, send what there is to tell, and let what runs end."""
        self._pool.shutdown(wait=False, cancel_futures=True)
        self._open.close()

    # Stops

    def _cancel_where_halted(self, owner: str) -> None:
        self._halted.look(self._desks.of(owner))

    # Cycles that wait, or were left

    def _carry_on_waiting(self, owner: str) -> None:
        desk = self._desks.of(owner)
        for cycle_id in due_waits(desk):
            self._ask_carry_on(desk, cycle_id)

    def _carry_on_unfinished(self, owner: str) -> None:
        """A cycle that nobody works on and that has no record goes on: its process ended between two steps."""
        desk = self._desks.of(owner)
        now = self._wall.now()
        held = {each.account for each in desk.ledger.leases.all() if each.lives(now)}
        for cycle_id in desk.ledger.interrupted_cycles():
            account = cycle_id.rsplit("/", 2)[0]
            if account not in held and self._desks.turns.is_free([(owner, account)]):
                self._ask_carry_on(desk, cycle_id)

    def _ask_carry_on(self, desk: Desk, cycle_id: str) -> None:
        """Once at a time for each cycle."""
        before = self._asked.get(cycle_id)
        known: Request | None = desk.ledger.requests.find(before) if before is not None else None
        if known is None or known.over:
            account = cycle_id.rsplit("/", 2)[0]
            self._asked[cycle_id] = ask(desk, kinds.CARRY_ON, {"cycle": cycle_id}, account=account, by=self._engine)

    # Cycles that begin by themselves

    def _start_due(self, owner: str) -> None:
        desk = self._desks.of(owner)
        start_due(desk, start=lambda wanted: self._begin(owner, wanted))

    def _begin(self, owner: str, wanted: CycleWanted) -> str:
        """Begin a cycle here and let a workflow run it."""
        try:
            with self._desks.working(owner, (wanted.account, *wanted.beside), seconds=START_SECONDS) as desk:
                return self._begun(desk, wanted)
        except Busy:
            if not wanted.beside:
                raise
            # One of its pair is at work on something else; that one misses this moment, the others do not.
            return self._begin(owner, replace(wanted, beside=()))

    def _begun(self, desk: Desk, wanted: CycleWanted) -> str:
        cycle_id = begin(desk, wanted)
        self._ask_carry_on(desk, cycle_id)
        return cycle_id

    def _protect(self, owner: str) -> None:
        def look(desk: Desk, account: str) -> None:
            protect(desk, account, start=lambda wanted: self._begun(desk, wanted))

        self._each_free(owner, "protection", look)

    def _reconcile(self, owner: str) -> None:
        desk = self._desks.of(owner)
        due = [each for each in desk.account_ids() if desk.is_open_account(each) and reconcile_is_due(desk, each)]
        self._each_free(owner, "reconcile", reconcile, only=due)

    def _each_free(
        self, owner: str, name: str, act: Callable[[Desk, str], object], *, only: Sequence[str] | None = None
    ) -> None:
        """Each account that nobody works on now, to oneself; one that fails does not stop the others."""
        desk = self._desks.of(owner)
        for account in only if only is not None else desk.account_ids():
            if not desk.is_open_account(account):
                continue
            try:
                with self._desks.working(owner, (account,), seconds=0.0) as own:
                    act(own, account)
            except Busy:
                continue
            except DeskError as error:
                LOG.error("watch_failed", extra={"watch": name, "account": account, "why": str(error)})

    def _store_volatilities(self, owner: str) -> None:
        store_volatilities(self._desks.of(owner))

    def _look_at_links(self, owner: str) -> None:
        self._links.look(self._desks.of(owner))

    def _check_files(self, _owner: str) -> None:
        opening_checks(self._desks.first)

    def _anchor(self, owner: str) -> None:
        anchor_if_due(self._desks.of(owner))

    def _check(self, owner: str) -> None:
        if self._machine.optional_work:
            daily_checks(self._desks.of(owner))

    def _back_up(self, owner: str) -> None:
        """Once a day for the installation, however often the engine was started meanwhile."""
        desk = self._desks.first
        if owner != desk.ledger.owner or not self._machine.optional_work:
            return
        last = last_backup(desk.loaded)[1]
        if last is None or self._wall.now() - last >= BACKUP_EVERY:
            nightly(desk)

    def _mirror(self, owner: str) -> None:
        """Show the books elsewhere; nothing waits for it, and it reads nothing that a cycle could be waiting for."""
        self._mirrors.look(self._desks.of(owner))

    def _look_at_engines(self, owner: str) -> None:
        if owner == self._desks.first.ledger.owner:
            self._failover.look()

    def _look_at_machine(self, owner: str) -> None:
        if owner == self._desks.first.ledger.owner:
            self._machine.check()
