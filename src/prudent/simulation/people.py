"""What people do meanwhile: stop and resume, trade by hand at the venue, tighten limits, answer plans, edit files."""

from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from functools import partial
from typing import TYPE_CHECKING

from prudent.domain.accounts import TradingState
from prudent.domain.cycles import Wait, WaitWhy
from prudent.domain.errors import BlockedError, DeskError
from prudent.domain.orders import Side
from prudent.domain.rules import RuleCategory, UserRule
from prudent.simulation import engine_work
from prudent.simulation.truth import Stop, Violation
from prudent.workflows import control
from prudent.workflows.approvals import approve, reject
from prudent.workflows.control import Scope

if TYPE_CHECKING:
    from prudent.simulation.owner import Owner
    from prudent.simulation.process import Process
    from prudent.simulation.world import World

MINUTES = 15
_STOPS = {
    "kill_switch": TradingState.HALTED, "account_halted": TradingState.HALTED,
    "account_reducing": TradingState.REDUCING, "symbol_halted_by_hand": TradingState.HALTED,
}  # fmt: skip
_AT_VENUE = ("trade_by_hand", "order_by_hand", "cancel_by_hand", "money_moved")
# What may also happen at each of a cycle's hundreds of points is as much likelier at a moment of its own.
_AT_POINTS = ("gateway_restart", "upstream_down", "cancel_all", *_AT_VENUE)
_MOODS = (
    "gateway_restart", "upstream_down", "upstream_reset", "link_flaps", "clock_forward", "clock_back", "clock_drift",
    "price_gap", "symbol_halted", "split_unannounced", "limits_tightened", "configuration_edited", "rule_added",
    "crash_idle", "foreign_report",
)  # fmt: skip


def plan(world: "World") -> None:
    """Every quarter of an hour somebody may do something, and the weather may turn."""
    moment = world.shape.start
    while moment < world.shape.end:
        moment += timedelta(minutes=MINUTES)
        if world.calendar.is_open(moment):
            for owner in world.owners:
                world.timeline.at(moment, f"people {owner.name}", partial(_moment, world, owner))


def meddle(world: "World", process: "Process") -> None:
    """At any point of a process outside a transaction somebody may stop it, or the link may break."""
    kind = world.weather.one_of(
        "kill_switch", "kill_file_only", "kill_file_unreadable", "account_halted", "symbol_halted_by_hand"
    )
    owner = next(o for o in world.owners if o.around is process.around)
    if kind is not None:
        stop(world, owner, kind)
    kind = world.weather.one_of("gateway_restart", "upstream_down", "cancel_all", *_AT_VENUE)
    if kind is not None:
        turn(world, owner, kind)


def _moment(world: "World", owner: "Owner") -> None:
    for kind in (*_STOPS, "kill_file_unreadable"):
        # Far likelier here than at one of the hundreds of points of a cycle.
        if any(world.weather.strikes(kind) for _ in range(12)):
            stop(world, owner, kind)
    for kind in (*_MOODS, *_AT_VENUE, "cancel_all"):
        if any(world.weather.strikes(kind) for _ in range(12 if kind in _AT_POINTS else 1)):
            turn(world, owner, kind)


# Stops


def stop(world: "World", owner: "Owner", kind: str) -> None:
    """Somebody stops something, from another process than the engine's, and lifts it again later."""
    account = owner.accounts[world.luck.randrange(len(owner.accounts))]
    symbol = world.luck.choice(world.shape.symbols)
    if kind in ("kill_file_only", "kill_file_unreadable"):
        if owner.kill_file.exists():
            return
        if kind == "kill_file_only":
            owner.person().set_kill_file("by hand")
        else:
            # A folder of that name cannot be read as a file.
            owner.kill_file.mkdir()
        entry = Stop("", "", "HALTED", world.points, world.timeline.now, file_only=True)
        lift: Callable[[], None] = partial(_lift_file, world, owner, entry)
    else:
        scope = {
            "kill_switch": Scope(), "symbol_halted_by_hand": Scope(account=account, symbol=symbol)
        }.get(kind, Scope(account=account))  # fmt: skip
        entry = Stop(scope.account, scope.symbol, str(_STOPS[kind]), world.points, world.timeline.now)
        if any((s.account, s.symbol) == (entry.account, entry.symbol) for s in owner.truth.stops):
            return
        if not _halted(world, owner, scope, _STOPS[kind], kind):
            raise Violation("I16", f"{scope} was stopped, and the ledger does not say so")
        entry.point = world.points
        lift = partial(resume, world, owner, entry)
    owner.truth.stops.append(entry)
    world.timeline.after(world.weather.seconds(5.0, 1500.0), f"{owner.name} lifts {kind}", lift)


def _halted(world: "World", owner: "Owner", scope: Scope, state: TradingState, reason: str) -> bool:
    """Stop it; where it is stopped harder already, that stands."""
    desk = owner.person()
    try:
        control.halt(desk, scope, state=state, reason=reason)
    except BlockedError as error:
        world.note(error)
        return True
    except DeskError as error:
        world.note(error)
    return any(
        (row.account, row.symbol, row.state) == (scope.account, scope.symbol, state)
        for row in desk.ledger.views.states()
    )


def resume(world: "World", owner: "Owner", entry: Stop) -> None:
    """A person lifts what a person had set."""
    if entry not in owner.truth.stops:
        return
    owner.truth.stops.remove(entry)
    desk = owner.person()
    try:
        control.resume(desk, Scope(account=entry.account, symbol=entry.symbol), reason="lifted")
    except DeskError as error:
        world.note(error)


def _lift_file(world: "World", owner: "Owner", entry: Stop) -> None:
    if entry in owner.truth.stops:
        owner.truth.stops.remove(entry)
        if owner.kill_file.is_dir():
            owner.kill_file.rmdir()
        else:
            owner.person().set_kill_file(None)


def lift_all(world: "World", owner: "Owner") -> None:
    """People lift all that they had set."""
    for entry in list(owner.truth.stops):
        if entry.file_only:
            _lift_file(world, owner, entry)
        else:
            resume(world, owner, entry)


# The venue and the weather


def turn(world: "World", owner: "Owner", kind: str) -> None:
    """Something happens that the process did not do."""
    acts: dict[str, Callable[[World, Owner], None]] = {
        "gateway_restart": lambda w, o: o.gateway.restart(),
        "upstream_down": _upstream_down,
        "upstream_reset": lambda w, o: o.gateway.reset_upstream(),
        "link_flaps": _flap,
        "clock_forward": partial(_clock, seconds=3600.0),
        "clock_back": partial(_clock, seconds=-3600.0),
        "clock_drift": partial(_clock, seconds=8.0),
        "price_gap": lambda w, o: w.prices.jump(w.luck.choice(w.shape.symbols), w.luck.uniform(0.88, 1.12)),
        "symbol_halted": _symbol_halt,
        "split_unannounced": _split,
        "limits_tightened": _tighten,
        "configuration_edited": _edit,
        "rule_added": _rule,
        "crash_idle": _die_idle,
        "foreign_report": _foreign_report,
        "trade_by_hand": _trade,
        "order_by_hand": _order,
        "cancel_by_hand": _cancel,
        "cancel_all": _cancel_all,
        "money_moved": _money,
    }  # fmt: skip
    acts[kind](world, owner)


def _upstream_down(world: "World", owner: "Owner") -> None:
    if owner.gateway.upstream:
        owner.gateway.lose_upstream()
        world.timeline.after(world.weather.seconds(2.0, 240.0), "upstream back", owner.gateway.regain_upstream)


def _flap(world: "World", owner: "Owner") -> None:
    for _ in range(3):
        owner.gateway.lose_upstream()
        owner.gateway.regain_upstream()


def _clock(world: "World", owner: "Owner", *, seconds: float) -> None:
    if owner.process is not None:
        owner.process.clock.skew = timedelta(seconds=round(world.luck.uniform(0.05, 1.0) * seconds, 3))


def _symbol_halt(world: "World", owner: "Owner") -> None:
    symbol = world.luck.choice(world.shape.symbols)
    world.venue.halted[symbol] = world.timeline.now + timedelta(seconds=world.weather.seconds(30.0, 1200.0))


def _split(world: "World", owner: "Owner") -> None:
    symbol = world.luck.choice(world.shape.symbols)
    world.prices.split(symbol, 2)
    for account in world.venue.accounts:
        world.venue.split(account, symbol, 2)


def _tighten(world: "World", owner: "Owner") -> None:
    account = world.luck.choice(owner.accounts)
    limits = dict(owner.mandates[account]["limits"])
    limits["max_position_weight"] = world.luck.choice(("8%", "5%", "3%"))
    owner.mandates[account] = {**owner.mandates[account], "limits": limits}
    _edit(world, owner)


def _edit(world: "World", owner: "Owner") -> None:
    """The running process keeps what it read at its start; somebody restarts it a little later."""
    owner.write_configuration(f"edited {world.timeline.now:%H%M%S}")
    world.timeline.after(world.weather.seconds(1.0, 600.0), f"{owner.name} restarted", partial(_restart, world, owner))


def _restart(world: "World", owner: "Owner") -> None:
    owner.task("restart", partial(restart, world, owner))


def restart(world: "World", owner: "Owner", process: "Process") -> None:
    """A person stops the process in order and starts it again."""
    process.stop()
    world.start(owner)


def _die_idle(world: "World", owner: "Owner") -> None:
    if owner.process is not None and owner.process.alive and not world.is_busy(owner.process):
        world.crashed(owner, owner.process)


def _foreign_report(world: "World", owner: "Owner") -> None:
    """A message about an order of another client, or of a person, comes by itself."""
    for account in owner.accounts:
        for order in world.venue.accounts[account].orders:
            if order.by_hand and owner.process is not None and owner.process.alive:
                owner.process.wire.tell_of(order)
                return


def _rule(world: "World", owner: "Owner") -> None:
    """An owner allows fewer trades; what was begun keeps its rules, what comes has it."""
    account = world.luck.choice(owner.accounts)
    number = world.luck.randrange(10_000)
    rule = UserRule(
        rule_id=f"r{number}", rule_name="smaller", rule_category=RuleCategory.POSITION_SIZING,
        enforcement_params={"max_position_pct": "6"},
    )  # fmt: skip
    try:
        owner.person().ledger.add_rule(account, rule, at=world.timeline.now)
    except DeskError as error:
        world.note(error)


def _pick(world: "World", owner: "Owner") -> tuple[str, str]:
    return world.luck.choice(owner.accounts), world.luck.choice(world.shape.symbols)


def _trade(world: "World", owner: "Owner") -> None:
    account, symbol = _pick(world, owner)
    held = world.venue.accounts[account].positions.get(symbol, Decimal(0))
    if held > 1:
        world.venue.by_hand(account, symbol, Side.SELL, Decimal(1), None)
    elif world.venue.accounts[account].cash > 2000:
        world.venue.by_hand(account, symbol, Side.BUY, Decimal(1), None)


def _order(world: "World", owner: "Owner") -> None:
    account, symbol = _pick(world, owner)
    limit = world.prices.of(symbol) * Decimal("0.5")
    world.venue.by_hand(account, symbol, Side.BUY, Decimal(1), limit.quantize(Decimal("0.01")))


def _cancel(world: "World", owner: "Owner") -> None:
    for account in owner.accounts:
        for order in world.venue.accounts[account].orders:
            if order.is_live and not order.by_hand:
                world.venue.end(order, "cancelled", "cancelled by hand")
                return


def _cancel_all(world: "World", owner: "Owner") -> None:
    try:
        control.cancel_own(owner.person(), owner.accounts)
    except DeskError as error:
        world.note(error)


def _money(world: "World", owner: "Owner") -> None:
    account, _symbol = _pick(world, owner)
    world.venue.move_money(account, Decimal(world.luck.choice((-200, 150, 1000))))


# Answers to plans


def answer_later(world: "World", process: "Process", wait: Wait) -> None:
    """Somebody answers a plan that waits: yes, no, too late, or to a plan that stands no more."""
    owner = next(o for o in world.owners if o.around is process.around)
    go_on = partial(owner.task, "go on", partial(engine_work.go_on, world))
    world.timeline.at(wait.until, f"wait of {wait.cycle} ends", go_on)
    if wait.why is not WaitWhy.APPROVAL or (wait.cycle, wait.plan_hash) in owner.answered:
        return
    owner.answered.add((wait.cycle, wait.plan_hash))
    kind = world.weather.one_of("approval_refused", "approval_late", "approval_of_another_plan")
    seconds = world.weather.seconds(5.0, 900.0)
    if kind == "approval_late":
        seconds = (wait.until - world.timeline.now).total_seconds() + 60.0
    world.timeline.after(seconds, f"answer to {wait.cycle}", partial(_answer, world, owner, wait, kind or ""))


def _answer(world: "World", owner: "Owner", wait: Wait, kind: str) -> None:
    desk = owner.person()
    try:
        if kind == "approval_refused":
            reject(desk, wait.cycle, by="person", reason="not today")
        else:
            plan = "0" * 64 if kind == "approval_of_another_plan" else wait.plan_hash
            approve(desk, wait.cycle, by="person", plan=plan)
    except DeskError as error:
        world.note(error)
    owner.task("go on", partial(engine_work.go_on, world))
