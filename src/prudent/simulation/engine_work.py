"""What the engine's loop does with the real workflows: start, cycles, reconciliation, waits, second copies."""

import shutil
from collections.abc import Callable
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from prudent.domain.cycles import CycleRecord, CycleWaits
from prudent.domain.errors import DeskError
from prudent.simulation.process import Crash, Process
from prudent.simulation.shape import DueCycle
from prudent.simulation.truth import IN_DOUBT
from prudent.workflows.approvals import due_waits
from prudent.workflows.cycle import CycleWanted, begin, carry_on, finish_interrupted
from prudent.workflows.protection import protect
from prudent.workflows.reconcile import due, reconcile

if TYPE_CHECKING:
    from prudent.simulation.owner import Owner
    from prudent.simulation.world import World

Act = Callable[[Process], object]
RETRY_SECONDS = 15.0
MINUTE = 61.0
LOOK_MINUTES = 80
# How long the timer keeps asking about one doubt before it falls back to the slow looks.
DOUBT_LOOKS = 20


def plan(world: "World") -> None:
    """Put the days' work on the timeline."""
    for each in world.shape.cycles:
        owner = world.owner_of(each.account)
        act = partial(run_cycle, world, each)
        world.timeline.at(each.at, f"due {each.key}", partial(owner.task, f"cycle {each.key}", act))
        if world.weather.strikes("cycle_asked_twice"):
            again = each.at + timedelta(seconds=world.weather.seconds(0.0, 30.0))
            world.timeline.at(again, f"due again {each.key}", partial(owner.task, f"cycle {each.key}", act))
    moment = world.shape.start
    while moment < world.shape.end:
        moment += timedelta(minutes=LOOK_MINUTES)
        if world.calendar.is_open(moment):
            for owner in world.owners:
                world.timeline.at(moment, f"look {owner.name}", partial(owner.task, "look", partial(look, world)))


def start(process: Process) -> None:
    """The first thing a process does."""
    process.start()


def run_cycle(world: "World", each: DueCycle, process: Process) -> CycleRecord:
    """One due cycle, as the scheduler begins it."""
    process.take_leases()
    if each.account not in process.accounts:
        raise DeskError(f"account {each.account} is traded by another process; it is left alone")
    reconcile_account(world, process, each.account)
    wanted = CycleWanted(account=each.account, key=each.key, started_by=each.started_by)
    done = _carry_on(world, process, begin(process.desk, wanted))
    world.cycles_done += 1
    return done


def _carry_on(world: "World", process: Process, cycle_id: str) -> CycleRecord:
    try:
        return carry_on(process.desk, cycle_id)
    except CycleWaits as waits:
        from prudent.simulation import people

        people.answer_later(world, process, waits.wait)
        raise


def look(world: "World", process: Process) -> None:
    """The timers: leases, reconciliation, protection, and what waited and may go on."""
    process.take_leases()
    for account in process.accounts:
        protected = protect(process.desk, account)
        if protected.cycle is not None:
            _carry_on(world, process, protected.cycle)
    go_on(world, process)


def go_on(world: "World", process: Process) -> None:
    """Carry on every cycle that was answered, has expired, or whose market has opened."""
    for cycle_id in due_waits(process.desk):
        if cycle_id.rsplit("/", 2)[0] in process.accounts:
            _carry_on(world, process, cycle_id)


def reconcile_account(world: "World", process: Process, account: str) -> None:
    """One look at the account's broker; where it is not time for one yet, or it did not see all, the next one may."""
    if not due(process.desk, account):
        look_within_a_minute(world, world.owner_of(account))
        return
    if world.weather.strikes("reconcile_skipped"):
        look_within_a_minute(world, world.owner_of(account))
        return
    report = reconcile(process.desk, account)
    world.trace.add(f"  reconciled {account} clean={report.clean} {report.problem}")
    if not report.complete:
        look_within_a_minute(world, world.owner_of(account))


def keep_asking(world: "World", owner: "Owner") -> None:
    """While anything is in doubt the timer asks again soon, as it does every ten seconds in production."""
    doubt = any(row["state"] in IN_DOUBT for row in owner.truth.rows("SELECT state FROM orders"))
    if not doubt:
        owner.looks = 0
    elif owner.looks < DOUBT_LOOKS and not owner.asks:
        owner.looks += 1
        _ask_in(world, owner, RETRY_SECONDS)


def look_within_a_minute(world: "World", owner: "Owner") -> None:
    """The timer asks every minute; where nothing has happened it would find nothing, and is left out."""
    if not owner.asks:
        _ask_in(world, owner, MINUTE)


def _ask_in(world: "World", owner: "Owner", seconds: float) -> None:
    owner.asks = True
    world.timeline.after(seconds, f"{owner.name} asks", partial(_ask, world, owner))


def _ask(world: "World", owner: "Owner") -> None:
    owner.asks = False
    owner.task("reconcile", partial(reconcile_all, world))


def reconcile_all(world: "World", process: Process) -> None:
    """The timer of the reconciliation."""
    process.take_leases()
    for account in process.accounts:
        reconcile_account(world, process, account)


def failed(world: "World", owner: "Owner", name: str) -> None:
    """Work that failed: a start is tried again by the supervisor, a cycle by the next look at what is unfinished."""
    process = owner.process
    assert process is not None
    if name == "start":
        world.crashed(owner, process)
        return
    if name.startswith("cycle") or name == "finish":
        act = partial(owner.task, "finish", _finish)
        world.timeline.after(RETRY_SECONDS, f"{owner.name} tries again", act)
    elif name == "reconcile":
        look_within_a_minute(world, owner)


def _finish(process: Process) -> None:
    finish_interrupted(process.desk, process.accounts)


def second_copy(world: "World", owner: "Owner", seconds: float) -> None:
    """Another copy starts on the same ledger while the first stands still; it lives as long as that lasts."""
    owner.lives += 1
    owner.copies += 1
    home = owner.home if world.weather.pick(2) else owner.home.parent / f"{owner.name}-copy{owner.lives}"
    if home != owner.home:
        _copy_home(owner, home)
    if world.weather.pick(2):
        owner.gateway.restart()
    copy = Process(f"{owner.name}#{owner.lives}", owner.around, home, world)
    if home != owner.home:
        owner.truth.elsewhere.add(copy.name)
    world.trace.add(f"  {copy.name} starts beside it")
    try:
        world.timeline.seconds(seconds / 2)
        copy.start()
        for account in copy.accounts:
            reconcile_account(world, copy, account)
        world.timeline.seconds(seconds / 2)
    except DeskError as error:
        world.note(error)
    except CycleWaits as waits:
        world.trace.add(f"  waits {waits.wait.why}")
    except Crash as crash:
        if crash.args[0] != copy.name:
            raise
    finally:
        copy.die()


def _copy_home(owner: "Owner", home: Path) -> None:
    (home / "data").mkdir(parents=True)
    shutil.copyfile(owner.home / "invest.yaml", home / "invest.yaml")
    shutil.copytree(owner.home / "config", home / "config")
