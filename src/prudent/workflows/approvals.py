"""Plans that wait: what they are, a person's yes or no to exactly one of them, and which cycles may go on now."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import TypeVar

from prudent.bootstrap import Desk
from prudent.domain.accounts import Mode
from prudent.domain.cycles import Observation, WaitWhy
from prudent.domain.errors import BlockedError
from prudent.domain.mandate import Mandate
from prudent.domain.margin import Margins
from prudent.domain.plans import OrderPlan
from prudent.domain.records import decode
from prudent.domain.verdicts import GuardReport
from prudent.ledger.approvals import PlanAnswer, Word
from prudent.ledger.stages import WAITING_CYCLE, Waiting
from prudent.pipeline.draft import named

HASH_SHOWN = 12
T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class WaitingCycle:
    """A cycle that waits, with the plan that it waits with and the guards' last word on it.

    `answer` is what a person said to this plan, None while nobody has; the cycle then goes on when it is next looked
    at. `seen` is what the guards judged on.
    """

    id: str
    account: str
    mode: Mode
    started_by: str
    waiting: Waiting
    mandate: Mandate
    plan: OrderPlan
    report: GuardReport
    seen: Observation
    answer: PlanAnswer | None

    @property
    def why(self) -> WaitWhy:
        return self.waiting.wait.why

    @property
    def goes_on_by(self) -> str:
        """The command that lets it go on; for the market's open, time alone does."""
        if self.why is WaitWhy.APPROVAL and self.answer is None:
            return f"invest approve {self.id} --plan {self.plan.plan_hash[:HASH_SHOWN]}"
        return "invest start"


def waiting_cycles(desk: Desk) -> tuple[WaitingCycle, ...]:
    """Every cycle that waits, the earliest end first."""
    return tuple(waiting_cycle(desk, each.wait.cycle) for each in _waits(desk))


def waiting_cycle(desk: Desk, cycle_id: str) -> WaitingCycle:
    """The cycle with its plan, read from its finished steps.

    Raises:
        BlockedError: it does not wait.
        InputError: there is no such cycle.
    """
    row = desk.ledger.cycle_row(cycle_id)
    waiting = desk.ledger.permissions.wait_of(cycle_id)
    if waiting is None or row.status != WAITING_CYCLE:
        raise BlockedError(f"cycle {cycle_id} must wait to be answered, was {row.status}; see `invest approvals`")
    frozen = desk.ledger.frozen(row.run)
    number = waiting.wait.round
    plan = _kept(desk, cycle_id, "plan", OrderPlan, number)
    return WaitingCycle(
        id=cycle_id, account=row.run.account, mode=Mode(frozen.mode), started_by=row.started_by, waiting=waiting,
        mandate=frozen.mandate, plan=plan, report=_kept(desk, cycle_id, "guard", GuardReport, number),
        seen=replace(
            _kept(desk, cycle_id, "observe", Observation, number),
            margins=_latest(desk, cycle_id, "margin", Margins, number),
        ),
        answer=_answer(desk, waiting),
    )  # fmt: skip


def _kept(desk: Desk, cycle_id: str, stage: str, of: type[T], number: int) -> T:
    found = _latest(desk, cycle_id, stage, of, number)
    if found is None:
        raise BlockedError(f"cycle {cycle_id} must have its {stage} to go on, has none; start a new cycle")
    return found


def _latest(desk: Desk, cycle_id: str, stage: str, of: type[T], number: int) -> T | None:
    """The output of the stage in the latest round up to `number` that ran it; None where none did."""
    for each in range(number, 0, -1):
        found = desk.ledger.find_stage(cycle_id, named(stage, each))
        if found is not None:
            return decode(of, found[0])
    return None


def approve(desk: Desk, cycle_id: str, *, by: str, plan: str | None = None, reason: str = "") -> WaitingCycle:
    """A person's yes to the plan that the cycle waits with; `plan` pins its hash, or the first 8 or more signs of it.

    The cycle then observes again and goes on where this plan still holds; the caller, or an engine, carries it on.

    Raises:
        BlockedError: the cycle waits for no answer, for one to another plan, or no longer; nothing was changed.
        InputError: there is no such cycle.
    """
    return _decide(desk, cycle_id, Word.YES, by=by, plan=plan, reason=reason)


def reject(desk: Desk, cycle_id: str, *, by: str, reason: str, plan: str | None = None) -> WaitingCycle:
    """A person's no: the cycle ends without orders when it is carried on. Raises as `approve`."""
    return _decide(desk, cycle_id, Word.NO, by=by, plan=plan, reason=reason)


def _decide(desk: Desk, cycle_id: str, word: Word, *, by: str, plan: str | None, reason: str) -> WaitingCycle:
    waiting = desk.ledger.permissions.wait_of(cycle_id)
    full = "" if waiting is None else waiting.wait.plan_hash
    meant = full if plan is None or (len(plan) >= 8 and full.startswith(plan)) else plan
    found = waiting_cycle(desk, cycle_id) if meant == full and full else None
    if found is not None and found.plan.plan_hash != full:
        raise BlockedError(f"the plan of cycle {cycle_id} is not the one that waits: it was changed; reject it")
    desk.ledger.permissions.decide(
        PlanAnswer(cycle=cycle_id, plan_hash=meant, word=word, by=by, reason=reason, at=desk.clock.now())
    )
    return waiting_cycle(desk, cycle_id)


def due_waits(desk: Desk) -> tuple[str, ...]:
    """The cycles that may be carried on now: answered or expired, or their market has opened."""
    now = desk.clock.now()
    return tuple(
        each.wait.cycle for each in _waits(desk) if now >= each.wait.until or _answer(desk, each) is not None
    )  # fmt: skip


def _waits(desk: Desk) -> Iterator[Waiting]:
    for each in desk.ledger.waiting():
        if desk.ledger.cycle_row(each.wait.cycle).status == WAITING_CYCLE:
            yield each


def _answer(desk: Desk, waiting: Waiting) -> PlanAnswer | None:
    """The answer to what the cycle waits with now; one to the same plan in an earlier wait does not count."""
    wait = waiting.wait
    if wait.why is not WaitWhy.APPROVAL:
        return None
    found = desk.ledger.permissions.answer(wait.cycle, wait.plan_hash)
    return found if found is not None and found.at >= waiting.since else None
