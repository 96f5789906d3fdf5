"""EXECUTE: the one place that submits orders; each phase is seen anew, judged anew, sealed, sent once and awaited."""

from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from decimal import Decimal
from functools import partial
from itertools import islice

from prudent.domain.accounts import TradingState
from prudent.domain.cycles import Draft, Observation, PhaseRecord
from prudent.domain.errors import BlockedError, DeskError, Temporary
from prudent.domain.mandate import Mandate
from prudent.domain.orders import OrderIntent, OrderReport, OrderStatus
from prudent.domain.plans import OrderPlan, PlannedOrder
from prudent.domain.verdicts import GuardReport
from prudent.guards.catalogue import REJECTS_PER_MINUTE_MAX
from prudent.pipeline.margins import ask_margins, teller_of
from prudent.pipeline.observe import observe
from prudent.pipeline.plan import phase_two
from prudent.pipeline.world import World
from prudent.ports import NO_CLAIM, BrokerTraits, Claim, RunRef, Steps

ALL_AT_ONCE = 0
RAISES_CASH = 1
SPENDS_CASH = 2
# A submit that took longer stood still somewhere: its order may have left long after it was claimed.
STOOD_STILL_SECONDS = 10.0
WAIT_SECONDS = 60.0
# An approval is good for thirty seconds; what has not had its turn before they are nearly over is judged again.
APPROVED_FOR = timedelta(seconds=30)
JUDGED_FOR = timedelta(seconds=20)
PHASE_LASTS = timedelta(seconds=60)
# So many orders are approved in one commit, just before they go: about a second's worth of them.
AT_ONCE = 10
REFUSALS_WITHIN = timedelta(seconds=60)


def phases_of(traits: BrokerTraits) -> tuple[int, ...]:
    """Sells, then buys; a venue that transmits nothing sees the whole plan at once."""
    return (RAISES_CASH, SPENDS_CASH) if traits.transmits else (ALL_AT_ONCE,)


def phase_orders(
    plan: OrderPlan, report: GuardReport, phase: int, *, observation: Observation, mandate: Mandate,
    gone: frozenset[str] = frozenset(),
) -> tuple[PlannedOrder, ...]:  # fmt: skip
    """The plan's orders of that phase, lowered to what was approved and, when spending, to the cash really there.

    `gone` are those that an earlier round of the phase dealt with.
    """
    approved = {each.order_ref: each.quantity for each in report.approved if each.order_ref not in gone}
    if phase == SPENDS_CASH:
        return phase_two(plan, observation, approved, mandate)
    return tuple(
        replace(order, quantity=approved[order.order_ref])
        for order in plan.orders
        if order.order_ref in approved and phase in (ALL_AT_ONCE, order.phase)
    )


def intents_of(account: str, orders: Sequence[PlannedOrder], report: GuardReport) -> tuple[OrderIntent, ...]:
    """The orders that survived the phase's guards, as intents; nothing but a verdict's quantity can get here."""
    quantities = {each.order_ref: each.quantity for each in report.approved}
    return tuple(
        OrderIntent(
            order_ref=order.order_ref,
            account=account,
            symbol=order.symbol,
            side=order.side,
            quantity=quantities[order.order_ref],
            effect=order.effect,
            type=order.type,
            limit_price=order.limit_price,
            reference_price=order.reference_price,
        )
        for order in orders
        if quantities.get(order.order_ref, Decimal(0)) > 0
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """One round of a phase just before it is sent: what was seen, what the guards said, and the sealed orders."""

    observation: Observation
    report: GuardReport
    intents: tuple[OrderIntent, ...]


@dataclass(slots=True, kw_only=True)
class Sending:
    """One account's sending in a cycle: where its orders belong, until when a phase may wait, and what was refused."""

    world: World
    run: RunRef
    cycle: int
    until: datetime
    refused: list[datetime] = field(default_factory=list)

    def round(self, name: str) -> str:
        """How this process remembers that it judged a round."""
        return f"{self.run.id}/{self.cycle} {name}"

    def judged(self, name: str) -> None:
        """Remember that this process judged the round, and after how many claims of the account."""
        world, key = self.world, self.round(name)
        world.tried[key] = world.clock.monotonic()
        world.tried[f"{key} after"] = world.tried.get(self._claims, 0.0)

    def claimed(self, name: str) -> None:
        """Count the claim of an order; the round that it is of knows it."""
        count = self.world.tried.get(self._claims, 0.0) + 1.0
        self.world.tried[self._claims] = self.world.tried[f"{self.round(name)} after"] = count

    def stands(self, name: str) -> bool:
        """Whether this process judged the round, and no other cycle of the account has claimed an order since."""
        tried, key = self.world.tried, self.round(name)
        return key in tried and tried.get(f"{key} after") == tried.get(self._claims, 0.0)

    def sent(self, name: str) -> None:
        """The round is over."""
        for key in (self.round(name), f"{self.round(name)} after"):
            self.world.tried.pop(key)

    @property
    def _claims(self) -> str:
        return f"{self.run.account} claims"


def execute(
    world: World, mandate: Mandate, run: RunRef, cycle: int, *, draft: Draft, steps: Steps
) -> tuple[PhaseRecord, ...]:  # fmt: skip
    """Send the approved plan, phase by phase; a phase without orders leaves no trace.

    Each phase is recorded steps: judged, sent, settled. What does not get its turn while its judgement is young is
    judged again in another round. Where a restart runs a step again, an order that was claimed before is never sent
    again: the ledger's word on it is taken.
    """
    done: list[PhaseRecord] = []
    for phase in phases_of(world.broker.traits):
        if any(phase in (ALL_AT_ONCE, order.phase) for order in draft.plan.orders):
            sending = Sending(world=world, run=run, cycle=cycle, until=world.clock.now() + PHASE_LASTS)
            done += _execute_phase(sending, mandate, draft=draft, steps=steps, phase=phase)
    return tuple(done)


def _execute_phase(
    sending: Sending, mandate: Mandate, *, draft: Draft, steps: Steps, phase: int
) -> list[PhaseRecord]:  # fmt: skip
    rounds: list[tuple[Judged, tuple[OrderReport, ...]]] = []
    gone: frozenset[str] = frozenset()
    for number in _rounds():
        name = f"judge phase {phase}{number}"
        judged = steps.run(name, partial(_judge_here, sending, name, mandate, draft, phase, gone), of=Judged)
        sent = steps.run(
            f"send phase {phase}{number}", partial(_send_round, sending, judged, name), of=tuple[OrderReport, ...]
        )
        gone |= {report.order_ref for report in sent}
        left = len(judged.intents) > len(sent)
        if sent or not left:
            rounds.append((judged, sent))
        if not left:
            break
    reports = tuple(report for _judged, sent in rounds for report in sent)
    settled = steps.run(
        f"settle phase {phase}", lambda: _await(sending.world, mandate, reports), of=tuple[OrderReport, ...]
    )
    latest = {report.order_ref: report for report in settled}
    return [_recorded(phase, judged, tuple(latest[each.order_ref] for each in sent)) for judged, sent in rounds]


def _rounds() -> Iterator[str]:
    """How the steps of each round are told apart: the first by nothing, then `@2` and so on."""
    yield ""
    number = 2
    while True:
        yield f"@{number}"
        number += 1


def _recorded(phase: int, judged: Judged, reports: tuple[OrderReport, ...]) -> PhaseRecord:
    sent = {report.order_ref for report in reports}
    return PhaseRecord(
        phase=phase, observation=judged.observation, report=judged.report,
        intents=tuple(intent for intent in judged.intents if intent.order_ref in sent), reports=reports,
    )  # fmt: skip


def _judge_here(
    sending: Sending, name: str, mandate: Mandate, draft: Draft, phase: int, gone: frozenset[str]
) -> Judged:  # fmt: skip
    """Judge a round, and remember that this process did: the age of another's word cannot be known."""
    judged = _judge(sending.world, mandate, draft, phase, gone)
    sending.judged(name)
    return judged


def _judge(world: World, mandate: Mandate, draft: Draft, phase: int, gone: frozenset[str]) -> Judged:
    seen = observe(world, mandate, symbols=tuple(order.symbol for order in draft.plan.orders))
    orders = phase_orders(draft.plan, draft.report, phase, observation=seen, mandate=mandate, gone=gone)
    teller = teller_of(world)
    if teller is not None:
        seen = replace(seen, margins=ask_margins(teller, orders, mandate, seen=seen, nav=draft.plan.nav))
    report = world.judge(seen, orders, mandate, plan_as_of=draft.as_of)
    return Judged(observation=seen, report=report, intents=intents_of(mandate.account, orders, report))


def _send_round(sending: Sending, judged: Judged, name: str) -> tuple[OrderReport, ...]:
    """Approve and send, a few at a time, as long as the judgement is young; what stands approved is always dealt with.

    Once the phase is over nothing is left for another round: what is too old then ends as not sent.
    """
    ledger, clock, tried = sending.world.ledger, sending.world.clock, sending.world.tried
    if not sending.stands(name):
        passed = "another cycle went on" if sending.round(name) in tried else "the process that approved it ended"
        return _left_behind(sending.world, judged, f"{passed} before it was sent; the next cycle plans it")
    done: list[OrderReport] = []
    waiting = iter(judged.intents)
    while batch := tuple(islice(waiting, AT_ONCE)):
        now, began = clock.now(), clock.monotonic()
        if now - judged.observation.as_of > JUDGED_FOR and now < sending.until:
            standing = ledger.found(batch[0].account, [intent.order_ref for intent in batch])
            batch = tuple(intent for intent in batch if intent.order_ref in standing)
        else:
            ledger.approve(sending.run, sending.cycle, batch, at=judged.observation.as_of)
        for intent in batch:
            # A clock that was set back stands still until time has caught up with it, and a round that failed is taken
            # up again: so the age of an approval counts on the monotonic clock too, from this process's first round.
            tried.setdefault(intent.order_ref, began)
        for intent in batch:
            done.append(_send(sending, name, intent, judged.observation.as_of))
            tried.pop(intent.order_ref, None)
    sending.sent(name)
    return tuple(done)


def _left_behind(world: World, judged: Judged, why: str) -> tuple[OrderReport, ...]:
    """A round that was judged by a process which has ended, or before another cycle of the account went on.

    Nobody knows how old the one is, for its process's clock may have stood elsewhere; what the other saw is not there
    any more, and its cash would be spent twice. What it approved and did not claim ends as not sent; what it did not
    approve is judged again in another round.
    """
    if not judged.intents:
        return ()
    account = judged.intents[0].account
    standing = world.ledger.found(account, [intent.order_ref for intent in judged.intents])
    return tuple(
        _never_left(world, intent, why)
        if standing[intent.order_ref].status is OrderStatus.APPROVED
        else standing[intent.order_ref]
        for intent in judged.intents
        if intent.order_ref in standing
    )


def _send(sending: Sending, name: str, intent: OrderIntent, approved: datetime) -> OrderReport:
    """Write the intent, then the wire, once; there is no second try below this line."""
    world = sending.world
    (known,) = world.ledger.known(intent.account, (intent.order_ref,))
    if known.status is not OrderStatus.APPROVED:
        return known
    stop = world.stop_reason(intent.account)
    if stop is not None:
        return _never_left(world, intent, f"stopped before sending: {stop}")
    patience = (approved + APPROVED_FOR - world.clock.now()).total_seconds()
    if not world.turn(intent.account, max(patience, 0.0)):
        return _never_left(world, intent, "its turn did not come while its approval was good; the next cycle plans it")
    try:
        permit = world.permit(intent.account)
        claim = world.ledger.sending(
            intent.account, intent.order_ref, seal=intent.seal, at=world.clock.now(), permit=permit
        )
    except (BlockedError, Temporary) as error:
        return _never_left(world, intent, str(error))
    sending.claimed(name)
    stop = _stopped_since(world, intent, approved, world.tried[intent.order_ref])
    if stop:
        return _never_left(world, intent, stop, claim)
    return _submit(sending, intent, claim)


def _stopped_since(world: World, intent: OrderIntent, approved: datetime, tried: float) -> str:
    """What forbids the wire although the order was claimed: a process may have stood still in between."""
    stop = world.stop_reason(intent.account)
    if stop is not None:
        return f"stopped before sending: {stop}"
    age = max(world.clock.now() - approved, timedelta(seconds=world.clock.monotonic() - tried))
    if not age <= APPROVED_FOR:
        return f"its approval must be at most {APPROVED_FOR.seconds} s old at the wire, was {age.total_seconds():.0f} s"
    (known,) = world.ledger.known(intent.account, (intent.order_ref,))
    if known.status is not OrderStatus.SENDING:
        return f"its claim must stand at the wire, it was {known.status}: another process has looked at it meanwhile"
    return ""


def _submit(sending: Sending, intent: OrderIntent, claim: Claim) -> OrderReport:
    """The wire. An answer of any other kind than "certainly nothing was sent" leaves the order UNKNOWN at worst."""
    world = sending.world
    began = world.clock.monotonic()
    try:
        report = world.broker.submit(intent, claim)
    except Temporary as error:
        return _never_left(world, intent, str(error), claim)
    except DeskError as error:
        report = _unanswered(intent, str(error))
    if report.status is OrderStatus.UNKNOWN and world.clock.monotonic() - began > STOOD_STILL_SECONDS:
        world.left[intent.order_ref] = world.clock.now()
    world.ledger.reported(intent.account, report, at=world.clock.now())
    if report.status is OrderStatus.REJECTED:
        _count_refusal(sending, intent.account)
    (known,) = world.ledger.known(intent.account, (intent.order_ref,))
    # The broker's own words, unless the ledger does not yet believe them.
    return report if (known.status, known.filled) == (report.status, report.filled) else known


def _unanswered(intent: OrderIntent, message: str) -> OrderReport:
    return OrderReport(
        order_ref=intent.order_ref, symbol=intent.symbol, side=intent.side, quantity=intent.quantity,
        status=OrderStatus.UNKNOWN, message=f"no answer that says what became of it: {message}",
    )  # fmt: skip


def _count_refusal(sending: Sending, account: str) -> None:
    """X06 while sending: so many refusals by the broker within a minute stop the account before the next order."""
    now = sending.world.clock.now()
    sending.refused.append(now)
    recent = sum(now - each <= REFUSALS_WITHIN for each in sending.refused)
    if recent >= REJECTS_PER_MINUTE_MAX:
        reason = (
            f"X06 OrderAnomaly: {recent} refusals by the broker within a minute, must be below "
            f"{REJECTS_PER_MINUTE_MAX}; find the fault and resume the account"
        )
        sending.world.ledger.set_state(account, TradingState.HALTED, reason=reason, at=now)


def _never_left(world: World, intent: OrderIntent, message: str, claim: Claim = NO_CLAIM) -> OrderReport:
    # Where somebody else has settled it meanwhile, their word stands.
    with suppress(BlockedError):
        world.ledger.never_left(intent.account, intent.order_ref, reason=message, at=world.clock.now(), claim=claim)
    (known,) = world.ledger.known(intent.account, (intent.order_ref,))
    return known


def _await(world: World, mandate: Mandate, reports: Sequence[OrderReport]) -> tuple[OrderReport, ...]:
    """The latest report of each order, after all are terminal or the wait is over.

    What the broker does not find is not settled by that: it is UNKNOWN until reconciling has proved more.
    """
    waiting = tuple(each.order_ref for each in reports if not each.status.is_done)
    if not waiting:
        return tuple(reports)
    try:
        answers = world.broker.wait(mandate.account, waiting, seconds=WAIT_SECONDS)
    except Temporary:
        # The link is gone: what is known stands, and reconciling asks again.
        answers = ()
    for report in answers:
        world.ledger.reported(mandate.account, report, at=world.clock.now())
    latest = {each.order_ref: each for each in world.ledger.known(mandate.account, waiting)}
    return tuple(latest.get(each.order_ref, each) for each in reports)
