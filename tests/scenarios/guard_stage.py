"""The stage of a guard's scenario: a home of its own, ports that can be altered, one real cycle, and what it showed."""

import json
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from decimal import Decimal
from pathlib import Path
from typing import cast

import pytest
import yaml
from tests.scenarios.homes import ACCOUNT

from prudent.bootstrap import Desk, open_desk
from prudent.brokers.simulated import SimulatedBroker, SqliteVenueStore
from prudent.domain.accounts import AccountHistory, AccountSnapshot
from prudent.domain.cycles import CycleRecord, Interlock
from prudent.domain.errors import Temporary
from prudent.domain.mandate import Mandate
from prudent.domain.margin import MarginAnswer
from prudent.domain.orders import Effect, OrderIntent, OrderReport, OrderStatus
from prudent.domain.plans import OrderPlan, PlannedOrder
from prudent.domain.proposals import Decision
from prudent.domain.quotes import Quote
from prudent.domain.rules import RuleCategory, UserRule
from prudent.domain.verdicts import Outcome
from prudent.entrypoints.cli.opening import Opening, open_account
from prudent.entrypoints.cli.starter import Wishes, create_home
from prudent.exchange.venue import Venue, VenueFaults
from prudent.guards import catalogue
from prudent.guards.catalogue import GuardRow
from prudent.ledger import LedgerStore
from prudent.pipeline.plan import make_plan
from prudent.ports import NO_CLAIM, BrokerTraits, Claim, MarketData
from prudent.workflows.cycle import CycleWanted, at_work, begin, carry_on
from prudent.workflows.steps import JournalSteps, LedgerStages

RULE = "r1"
NOTHING = Decimal(0)


class AlteredMarket:
    """A market whose quotes pass through `change` while it is switched on; everything else is the inner market's."""

    def __init__(self, inner: MarketData, change: Callable[[Quote], Quote]) -> None:
        self._inner = inner
        self._change = change
        self.on = True

    def __getattr__(self, name: str) -> object:
        return getattr(self._inner, name)

    def quotes(self, symbols: Sequence[str]) -> tuple[Quote, ...]:
        found = self._inner.quotes(symbols)
        return tuple(self._change(quote) for quote in found) if self.on else found


class RecalledLedger:
    """A ledger that remembers another past; what is written goes to the inner one."""

    def __init__(self, inner: LedgerStore, change: Callable[[AccountHistory], AccountHistory]) -> None:
        self._inner = inner
        self._change = change

    def __getattr__(self, name: str) -> object:
        return getattr(self._inner, name)

    def history(self, account: str, **when: object) -> AccountHistory:
        read = cast("Callable[..., AccountHistory]", self._inner.history)
        return self._change(read(account, **when))


class OtherBroker:
    """The venue with altered snapshots and traits, symbols that it refuses, lost submits, and margin."""

    def __init__(
        self, inner: SimulatedBroker, *, change: Callable[[AccountSnapshot], AccountSnapshot] | None = None,
        refuses: frozenset[str] = frozenset(), traits: BrokerTraits | None = None, unreachable_for: int = 0,
        margin: Callable[[OrderIntent], MarginAnswer] | None = None,
    ) -> None:  # fmt: skip
        self._margin = margin
        self._inner = inner
        self._change = change
        self._refuses = refuses
        self._unreachable_for = unreachable_for
        self.traits = replace(traits or inner.traits, margin=margin is not None)

    def __getattr__(self, name: str) -> object:
        return getattr(self._inner, name)

    def snapshot(self, account: str) -> AccountSnapshot:
        found = self._inner.snapshot(account)
        return found if self._change is None else self._change(found)

    def what_if(self, intents: Sequence[OrderIntent]) -> tuple[MarginAnswer, ...]:
        assert self._margin is not None
        return tuple(self._margin(intent) for intent in intents)

    def submit(self, intent: OrderIntent, claim: Claim = NO_CLAIM) -> OrderReport:
        if self._unreachable_for > 0:
            self._unreachable_for -= 1
            raise Temporary("the venue must be reachable, was not; nothing was sent")
        if intent.symbol not in self._refuses:
            return self._inner.submit(intent, claim)
        return OrderReport(
            order_ref=intent.order_ref, symbol=intent.symbol, side=intent.side, quantity=intent.quantity,
            status=OrderStatus.REJECTED, message="refused",
        )  # fmt: skip


def nothing_more(stage: "Stage") -> None:
    """The mandate and the targets are all that the scenario needs."""


def none_of_it(record: CycleRecord) -> Decimal:
    return NOTHING


@dataclass(frozen=True, kw_only=True)
class Scenario:
    """A story in which one guard speaks; of the watched orders at most `most` may be sent.

    `beside` is empty where the guard alone stops the order; else it says who stops it too, or that the guard warns.
    """

    story: str
    targets: Mapping[str, float] = field(default_factory=lambda: {"AAPL": 10})
    mandate: Mapping[str, object] = field(default_factory=dict)
    held: Mapping[str, int] = field(default_factory=dict)
    files: Mapping[str, str] = field(default_factory=dict)
    rule: Mapping[str, str] = field(default_factory=dict)
    arrange: Callable[["Stage"], None] = nothing_more
    watch: tuple[str, Effect] = ("AAPL", Effect.OPEN)
    most: Callable[[CycleRecord], Decimal] = none_of_it
    outcome: Outcome = Outcome.REJECT
    beside: str = ""


@dataclass(kw_only=True)
class Stage:
    """One opened home on which a scenario plays."""

    desk: Desk
    after: dict[str, Callable[[], None]] = field(default_factory=dict)
    planner: Callable[[OrderPlan], OrderPlan] | None = None
    holds_lease: bool = True

    def targets(self, weights: Mapping[str, float]) -> None:
        write_targets(self.desk.home, weights)

    def quotes(self, *, when: str = "", **change: Callable[[Quote], object]) -> None:
        """Alter fields of AAPL's quote, from the start or after the stage `when`."""

        def altered(quote: Quote) -> Quote:
            fields = {name: find(quote) for name, find in change.items()}
            return replace(quote, **fields) if quote.symbol == "AAPL" else quote  # type: ignore[arg-type]

        self.market(altered, when=when)

    def market(self, change: Callable[[Quote], Quote], *, when: str = "") -> None:
        market = AlteredMarket(self.desk.market, change)
        self.desk.market = cast("MarketData", market)
        if when:
            market.on = False
            self.after[when] = lambda: setattr(market, "on", True)

    def past(self, change: Callable[[AccountHistory], AccountHistory]) -> None:
        self.desk.ledger = cast("LedgerStore", RecalledLedger(self.desk.ledger, change))

    def broker(
        self, *, change: Callable[[AccountSnapshot], AccountSnapshot] | None = None,
        refuses: frozenset[str] = frozenset(), traits: BrokerTraits | None = None, unreachable_for: int = 0,
        margin: Callable[[OrderIntent], MarginAnswer] | None = None,
    ) -> None:  # fmt: skip
        inner = cast("SimulatedBroker", self.desk.broker)
        other = OtherBroker(
            inner, change=change, refuses=refuses, traits=traits, unreachable_for=unreachable_for, margin=margin
        )
        self.desk.broker = cast("SimulatedBroker", other)

    def interlock(self, lock: str) -> None:
        """The desk tells that one more interlock is not satisfied."""
        told = self.desk.interlocks

        def interlocks(account: str, mode: object, cycle: object = None) -> tuple[Interlock, ...]:
            rest = cast("Callable[..., tuple[Interlock, ...]]", told)(account, mode, cycle)
            found = Interlock(id=lock, name=catalogue.INTERLOCKS[lock], satisfied=False, detail="not set")
            return (*(each for each in rest if each.id != lock), found)

        self.desk.interlocks = interlocks  # type: ignore[method-assign]  # one more switch, nothing is faked

    def orders(self, change: Callable[[PlannedOrder], Sequence[PlannedOrder]]) -> None:
        """The planner errs: each order becomes what `change` says."""
        self.planner = lambda plan: replace(plan, orders=tuple(new for old in plan.orders for new in change(old)))

    def cycle(self) -> CycleRecord:
        with pytest.MonkeyPatch.context() as patch:
            if self.planner is not None:
                patch.setattr("prudent.pipeline.draft.make_plan", _erring(self.planner))
            if not self.holds_lease:
                return self._run()
            with at_work(self.desk):
                return self._run()

    def _run(self) -> CycleRecord:
        desk = self.desk
        cycle_id = begin(desk, CycleWanted(account=ACCOUNT))
        steps = JournalSteps(
            LedgerStages(desk.ledger, cycle_id, desk.clock), after=lambda name: self.after.get(name, lambda: None)()
        )
        return carry_on(desk, cycle_id, steps=steps)


def _erring(change: Callable[[OrderPlan], OrderPlan]) -> Callable[..., OrderPlan]:
    def plan(observation: object, decision: Decision, mandate: Mandate, *, cycle: str) -> OrderPlan:
        return change(cast("Callable[..., OrderPlan]", make_plan)(observation, decision, mandate, cycle=cycle))

    return plan


def prepared_home(folder: Path) -> Path:
    """A home without accounts, its databases made: what each scenario copies."""
    home = folder / "prepared"
    create_home(home, Wishes(start="2022-11-28"))
    open_desk(home).ledger.close()
    return home


def write_targets(home: Path, weights: Mapping[str, float]) -> None:
    rows = [{"symbol": symbol, "weight": weight} for symbol, weight in weights.items()]
    (home / "json" / "core.json").write_text(json.dumps({"unit": "percent", "targets": rows}))


def set_stage(scenario: Scenario, prepared: Path, folder: Path) -> Stage:
    """A copy of the prepared home with the scenario's account, rule and circumstances."""
    home = folder / "home"
    shutil.copytree(prepared, home)
    for name, text in scenario.files.items():
        (home / name).write_text(text)
    write_targets(home, scenario.targets)
    mandate = {"targets": "json/core.json", **scenario.mandate}
    (home / "config" / "accounts" / f"{ACCOUNT}.yaml").write_text(yaml.safe_dump(mandate))
    positions = home / "positions.csv"
    rows = [f"{symbol},{quantity},100\n" for symbol, quantity in scenario.held.items()]
    positions.write_text("symbol,quantity,avg_cost\n" + "".join(rows))
    desk = open_desk(home)
    held = positions if rows else None
    open_account(desk, Opening(account=ACCOUNT, cash=Decimal(100_000), positions=held, mandate={}))
    if scenario.rule:
        add_rule(desk, scenario.rule)
    stage = Stage(desk=desk)
    scenario.arrange(stage)
    return stage


def stage_with(
    prepared: Path, folder: Path, targets: Mapping[str, float], *, held: Mapping[str, int] | None = None,
    **mandate: object,
) -> Stage:  # fmt: skip
    """A stage of an account with these targets, holdings and keys of the mandate."""
    return set_stage(Scenario(story="", targets=targets, held=held or {}, mandate=mandate), prepared, folder)


def trade_at(desk: Desk, faults: VenueFaults) -> None:
    """The venue of the same book on the desk's market, with faults on order."""
    store = SqliteVenueStore(desk.home / "data" / "venue.sqlite")
    venue = Venue(BrokerTraits(shorting=True), faults=faults)
    desk.broker = SimulatedBroker(store, desk.market, desk.calendar, desk.clock, venue=venue)


def add_rule(desk: Desk, params: Mapping[str, str], *, rule_id: str = RULE) -> None:
    rule = UserRule(
        rule_id=rule_id, rule_name="mine", rule_category=RuleCategory.RISK, enforcement_params=dict(params)
    )
    desk.ledger.add_rule(ACCOUNT, rule, at=desk.clock.now())


@dataclass(frozen=True, kw_only=True)
class Shown:
    """`held`: no more than allowed was sent and filled; `told`: the guard's verdict says so, with a reason."""

    held: bool
    told: bool
    detail: str


def play(guard: str, scenario: Scenario, prepared: Path, folder: Path) -> Shown:
    """Run the scenario's cycle and judge what the account did and what the guard said."""
    stage = set_stage(scenario, prepared, folder)
    try:
        record = stage.cycle()
    finally:
        stage.desk.ledger.close()
    return judged(guard, scenario, record)


def judged(guard: str, scenario: Scenario, record: CycleRecord) -> Shown:
    symbol, effect = scenario.watch
    refs = {o.order_ref for o in record.plan.orders if (o.symbol, o.effect) == (symbol, effect)}
    assert refs, f"the plan must have an order {effect} {symbol}, had {record.plan.orders}"
    reports = {r.order_ref: r for phase in record.phases for r in phase.reports}
    left = {ref for ref in refs & set(reports) if reports[ref].status is not OrderStatus.NOT_SENT}
    sent = sum((i.quantity for phase in record.phases for i in phase.intents if i.order_ref in left), NOTHING)
    filled = sum((f.quantity for f in record.fills if f.order_ref in refs), NOTHING)
    most = scenario.most(record)
    said = [
        verdict
        for report in (record.report, *(phase.report for phase in record.phases))
        for verdict in report.verdicts()
        if verdict.order_ref in refs and spoken_name(verdict.guard) == guard and verdict.outcome is scenario.outcome
    ]
    told = any(each.reason for each in said)
    return Shown(
        held=sent <= most and filled <= most,
        told=told,
        detail=f"sent {sent}, filled {filled}, at most {most}; said {[v.reason for v in said]}; "
        f"others {other_voices(record, refs, guard)}",
    )


def other_voices(record: CycleRecord, refs: set[str], guard: str) -> list[str]:
    """Everything else that was not a pass, to read when a scenario fails."""
    loud = (Outcome.REJECT, Outcome.DEFER, Outcome.CLIP)
    return sorted({
        f"{v.guard} {v.outcome}: {v.reason}"
        for report in (record.report, *(phase.report for phase in record.phases))
        for v in report.verdicts()
        if v.order_ref in refs and v.outcome in loud and spoken_name(v.guard) != guard
    })  # fmt: skip


def spoken_name(guard: str) -> str:
    """The name under which scenarios know a guard: that of the kind for a user rule."""
    return guard.replace(f"rule:{RULE}:", "rule:")


@contextmanager
def without_guard(guard: str) -> Iterator[None]:
    """The assembled list without one guard."""

    def fewer(*given: object, **named: object) -> tuple[GuardRow, ...]:
        rows = cast("Callable[..., tuple[GuardRow, ...]]", catalogue.guard_rows)(*given, **named)
        return tuple(row for row in rows if spoken_name(row.label.id) != guard)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("prudent.guards.report.guard_rows", fewer)
        yield
