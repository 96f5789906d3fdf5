"""The end of a seed: faults stop, everything heals, people clear up, and then the desk must work again as if new."""

from datetime import datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING

from prudent.domain.accounts import TradingState
from prudent.domain.cycles import CycleRecord, ResidualCause
from prudent.domain.instruments import CASH
from prudent.ledger.settlement import Fate, Word
from prudent.pipeline.replay import replay
from prudent.registry import strategy
from prudent.simulation import engine_work, people
from prudent.simulation.shape import DueCycle
from prudent.simulation.truth import IN_DOUBT, Violation
from prudent.strategies.protection import NAME as PROTECTION
from prudent.workflows import control
from prudent.workflows.control import Scope
from prudent.workflows.orders import current_breaks, resolve_order, unlock_symbol

if TYPE_CHECKING:
    from prudent.simulation.owner import Owner
    from prudent.simulation.process import Process
    from prudent.simulation.world import World

ROUND_SECONDS = 30.0
ROUNDS = 21
AFTER_OPEN = timedelta(minutes=40)
HOURS_LEFT = timedelta(minutes=45)
# What may keep a target from being reached when nothing is wrong any more.
_MAY_REMAIN = frozenset({
    ResidualCause.ROUNDING, ResidualCause.MIN_ORDER, ResidualCause.BAND, ResidualCause.BLOCKED,
    ResidualCause.PRICE_MOVE, ResidualCause.CASH_SHORT, ResidualCause.FEES, ResidualCause.SESSION_CLOSED,
})  # fmt: skip


def heal_and_prove(world: "World") -> None:
    """Ten calm minutes, then nothing is in doubt; people lift what is locked; then a cycle reaches its targets."""
    _heal(world)
    for number in range(ROUNDS):
        world.work(world.timeline.now + timedelta(seconds=ROUND_SECONDS))
        # Where nothing is open any more the timer would find nothing until the last round.
        last = number == ROUNDS - 1
        for owner in world.owners:
            if owner.process is not None and owner.process.alive and (last or not _at_rest(owner)):
                owner.task("reconcile", partial(engine_work.reconcile_all, world))
    world.work(world.timeline.now + timedelta(seconds=1))
    for owner in world.owners:
        _serves(owner)
        _doubt_is_over(owner)
        for account in owner.accounts:
            _books_agree_or_are_locked(owner, account)
            if world.shape.short:
                owner.truth.ended_is_ended(account)
    world.work(_when_people_come(world))
    for owner in world.owners:
        _clear_up(world, owner)
        for account in owner.accounts:
            _works_again(world, owner, account)
        _proves_its_past(world, owner)


def _when_people_come(world: "World") -> datetime:
    """In the morning of the next session; in a short world at once, where hours are left of this one."""
    now = world.timeline.now
    if world.shape.short and world.calendar.is_open(now) and world.calendar.is_open(now + HOURS_LEFT):
        return now + timedelta(minutes=1)
    return world.calendar.next_open(now) + AFTER_OPEN


def _heal(world: "World") -> None:
    world.weather.calm = True
    world.trace.add("the faults stop")
    world.venue.halted.clear()
    for owner in world.owners:
        owner.gateway.heal()
        people.lift_all(world, owner)
        if owner.process is not None and owner.process.alive:
            owner.task("restart", partial(people.restart, world, owner))


def _at_rest(owner: "Owner") -> bool:
    clean = {row["account"] for row in owner.truth.rows("SELECT account FROM reconciliations WHERE clean = 1")}
    doubt = any(row["state"] in IN_DOUBT for row in owner.truth.rows("SELECT state FROM orders"))
    return clean >= set(owner.accounts) and not doubt


def _serves(owner: "Owner") -> None:
    process = owner.process
    if process is None or not process.alive or process.starting:
        raise Violation("L1", f"{owner.name} does not serve ten minutes after the faults")


def _doubt_is_over(owner: "Owner") -> None:
    """Nothing is in doubt, unless a person was called to it, who looks at the venue and says what became of it."""
    for row in owner.truth.rows("SELECT * FROM orders WHERE state <> 'FILLED'"):
        if row["state"] not in IN_DOUBT:
            continue
        if not owner.truth.called(row["account"], row["order_ref"]):
            raise Violation("L1", f"order {row['order_ref']} is {row['state']} ten minutes after the faults")
        if owner.around.venue.find(row["account"], row["order_ref"]):
            raise Violation("L1", f"order {row['order_ref']} is at the venue and stays {row['state']} in the ledger")
        resolve_order(owner.person(), row["order_ref"], Word(fate=Fate.NOT_SENT, reason="not at the venue"))


def _books_agree_or_are_locked(owner: "Owner", account: str) -> None:
    desk = owner.person()
    held = {p.symbol: p.quantity for p in desk.ledger.views.positions(account)}
    locked = {
        (row.account, row.symbol) for row in desk.ledger.views.states() if row.state is not TradingState.ACTIVE
    }  # fmt: skip
    owner.truth.executions_booked(account, locked=locked)
    owner.truth.books_agree(account, held, desk.ledger.views.money(account).cash, locked=locked)


def _clear_up(world: "World", owner: "Owner") -> None:  # noqa: C901 - one line per kind of lock
    """Every lock has a reason and a way out, and people take it."""
    desk = owner.person()
    for account in owner.accounts:
        for order in world.venue.accounts[account].orders:
            world.venue.end(order, "cancelled", "cleared up by hand")
        _now(world, owner, "reconcile", partial(engine_work.reconcile_all, world))
        for each in current_breaks(desk, account):
            unlock_symbol(desk, account, each.symbol, reason="cleared up")
    for row in desk.ledger.views.states():
        if row.state is TradingState.ACTIVE:
            continue
        if not row.reason.strip():
            raise Violation("L4", f"{row.account or 'the platform'} {row.symbol} is {row.state} without a reason")
        control.resume(desk, Scope(account=row.account, symbol=row.symbol), reason="cleared up")
    for account in owner.accounts:
        if {each.kind for each in desk.ledger.permissions.latches(account)} & {"drawdown", "drawdown_halt"}:
            control.acknowledge_drawdown(desk, account, reason="cleared up")
        owner.mandates[account] = {**owner.mandates[account], "limits": _WIDE, "exits": {}}
        for rule in desk.ledger.rules(account):
            desk.ledger.disable_rule(account, rule.rule_id, at=world.timeline.now)
    owner.write_configuration("cleared up")
    owner.around.decider.steady = dict.fromkeys(world.shape.symbols[:4], "0.12")
    _now(world, owner, "restart", partial(people.restart, world, owner))
    for _ in range(3):
        world.work(world.timeline.now + timedelta(seconds=40))
        _now(world, owner, "reconcile", partial(engine_work.reconcile_all, world))


_WIDE = {"max_position_weight": "100%", "max_trades_per_day": 200, "max_daily_loss": "50%"}


def _works_again(world: "World", owner: "Owner", account: str) -> None:
    """The next cycles bring the book to its targets."""
    found: list[str] = []
    for number in range(3):
        moment = world.timeline.now
        due = DueCycle(account=account, at=moment, key=f"{account} last {number}", started_by="person")
        done: list[CycleRecord] = []
        _now(world, owner, f"cycle {due.key}", partial(_last_cycle, world, due, done))
        if not done:
            raise Violation("L2", f"{account} has no cycle after everything was cleared up: {world.trace.lines[-1]}")
        found = _gaps(done[0])
        if not found:
            break
        world.work(moment + timedelta(minutes=2))
    if found:
        raise Violation("L2", f"{account} does not reach its targets: {', '.join(found)}")
    desk = owner.person()
    held = {p.symbol: p.quantity for p in desk.ledger.views.positions(account)}
    owner.truth.books_equal(account, held, desk.ledger.views.money(account).cash)


def _last_cycle(world: "World", due: DueCycle, done: list[CycleRecord], process: "Process") -> None:
    done.append(engine_work.run_cycle(world, due, process))


def _gaps(record: CycleRecord) -> list[str]:
    """What stands between the book and its targets; the wallet's and the market's reasons may."""
    checked = record.reconciliation
    assert checked is not None
    stopped = [code for code in record.no_trade_codes if code.startswith(("blocked:M", "blocked:R"))]
    left = [
        f"{each.symbol} {each.cause} {each.quantity} {each.detail}"
        for each in checked.residuals
        if each.cause not in _MAY_REMAIN and each.symbol != CASH and abs(each.quantity) >= 1
    ]
    return stopped + left


def _now(world: "World", owner: "Owner", name: str, act: "engine_work.Act") -> None:
    """One piece of work, done at once and to its end."""
    owner.task(name, act)
    world.work(world.timeline.now)


def _proves_its_past(world: "World", owner: "Owner") -> None:
    desk = owner.person()
    chain = desk.ledger.verify_audit()
    if not chain.holds:
        raise Violation("I11", f"the audit chain is broken: {chain}")
    faults = desk.ledger.faults()
    if faults:
        raise Violation("I11", f"the ledger is not sound: {', '.join(faults)}")
    recorded = desk.ledger.views.recorded_cycles()
    for each in recorded if world.sides.margin else ():
        world.sides.finished(desk.ledger.load_record(each))
    if recorded:
        # Any of them, another one in each world.
        _replays(owner, desk.ledger.load_record(recorded[world.luck.randrange(len(recorded))]))
    owner.truth.everything_written()
    world.trace.add(f"audit {desk.ledger.audit_head().hash}")


def _replays(owner: "Owner", record: CycleRecord) -> None:
    decided = "kind" in record.decision_inputs
    result = replay(record, owner.around.decider if decided else strategy(PROTECTION))
    if not result.identical:
        raise Violation("I11", f"cycle {record.id} replays otherwise: {result.differences[0]}")
