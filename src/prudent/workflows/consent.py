"""Whether a cycle's plan may be sent now: by itself, after a person's yes to this very plan, or once the market opens.

A plan that waited is judged again on what is true then. It goes where its book is as it was planned on and no price
has moved beyond the collar; else the cycle looks, decides and plans anew, and what needed a yes needs one again.
"""

from collections.abc import Callable
from datetime import datetime, timedelta

from prudent.bootstrap import Desk
from prudent.domain.accounts import Mode
from prudent.domain.cycles import Consent, CycleWaits, Draft, Next, Observation, Wait, WaitWhy
from prudent.domain.errors import BlockedError
from prudent.domain.interlocks import CONFIRMED_FOR
from prudent.domain.mandate import Approval, Mandate
from prudent.domain.records import canonical, encode
from prudent.domain.verdicts import Layer, Outcome
from prudent.ledger.approvals import PlanAnswer, Word
from prudent.ledger.runs import FLATTEN, PERSON, PROTECTION, CycleRow
from prudent.pipeline.draft import named
from prudent.pipeline.plan import make_plan
from prudent.pipeline.standing import PLANS_MAX, why_broken
from prudent.registry import strategy

CONFIRMED = "M05"


def answers(desk: Desk, cycle: CycleRow, mandate: Mandate, *, mode: Mode) -> Callable[[Draft], Consent]:
    """What the desk answers to the drafts of one cycle; a rehearsal never waits, and neither does an empty plan."""
    return lambda draft: _Standing(desk, cycle, mandate, mode, draft).consent()


def person_of(desk: Desk, started_by: str) -> str:
    """The person who started a cycle; empty for one that a schedule or the protection monitor did."""
    kind, _, name = started_by.partition(":")
    return (name or desk.ledger.owner) if kind in (PERSON, FLATTEN) else ""


class _Standing:
    """One draft of one cycle, looked at now."""

    def __init__(self, desk: Desk, cycle: CycleRow, mandate: Mandate, mode: Mode, draft: Draft) -> None:
        self._desk = desk
        self._cycle = cycle
        self._mandate = mandate
        self._mode = mode
        self._draft = draft
        self._now = desk.clock.now()
        self._wait = desk.ledger.permissions.wait_of(cycle.id)

    def consent(self) -> Consent:
        if self._mode not in (Mode.PAPER, Mode.LIVE) or not self._draft.plan.orders or self._is_hopeless():
            return Consent(next=Next.GO, by=person_of(self._desk, self._cycle.started_by))
        if not self._is_open() and self._is_intraday():
            return Consent(next=Next.END, code="market_closed", at=self._now)
        broken = why_broken(self._draft)
        if broken:
            return self._again(broken)
        # An own account that does not trade by itself needs a word that is minutes old, so the market comes first.
        if self._needs_fresh_word():
            self._wait_for_open()
        said = self._asked() if self._asks() else None
        if isinstance(said, Consent):
            return said
        self._wait_for_open()
        by = person_of(self._desk, self._cycle.started_by) if said is None else said.by
        waited = self._wait is not None and self._wait.wait.round == self._draft.round
        return Consent(next=Next.REGUARD if waited else Next.GO, by=by, at=self._now)

    # What waits

    def _asks(self) -> bool:
        """True where this plan needs a person's yes; exits that protect never do."""
        kind = self._cycle.kind
        if kind == PROTECTION or all(order.forced for order in self._draft.plan.orders):
            return self._needs_fresh_word() and kind == FLATTEN
        if self._needs_fresh_word() or self._mandate.approval_in_force is Approval.ALWAYS:
            return True
        return self._mandate.approval_in_force is Approval.UNATTENDED and kind != PERSON

    def _needs_fresh_word(self) -> bool:
        """Real money of an account that does not trade by itself: the yes must be to this plan and minutes old."""
        found = self._desk.loaded.settings.accounts.get(self._mandate.account)
        return self._mode is Mode.LIVE and not (found is not None and found.auto_trade is True)

    def _asked(self) -> PlanAnswer | Consent:
        """The yes to this plan, or what becomes of the cycle without one.

        Raises:
            CycleWaits: nobody has answered, and there is time left.
        """
        found = self._desk.ledger.permissions.answer(self._cycle.id, self._draft.plan.plan_hash)
        if found is not None and found.at >= self._draft.observation.as_of:
            if found.word is Word.NO:
                return Consent(next=Next.END, code="approval_rejected", by=found.by, at=found.at)
            if not self._needs_fresh_word() or self._now - found.at <= CONFIRMED_FOR:
                self._check_unaltered()
                return found
        waiting = self._wait.wait if self._wait is not None else None
        if waiting is None or waiting.round != self._draft.round or waiting.why is not WaitWhy.APPROVAL:
            raise self._waits(WaitWhy.APPROVAL, self._now + timedelta(hours=self._mandate.approval_hours))
        if self._now < waiting.until:
            raise CycleWaits(waiting)
        return self._again("approval_expired")

    def _wait_for_open(self) -> None:
        if not self._is_open():
            raise self._waits(WaitWhy.MARKET_OPEN, self._desk.calendar.next_open(self._now))

    def _waits(self, why: WaitWhy, until: datetime) -> CycleWaits:
        draft = self._draft
        return CycleWaits(
            Wait(cycle=self._cycle.id, why=why, until=until, plan_hash=draft.plan.plan_hash, round=draft.round)
        )

    # What becomes of a plan

    def _again(self, code: str) -> Consent:
        """Plan anew; but a cycle that asks people does so a few times only."""
        names = [named("consent", number) for number in range(1, self._draft.round)]
        kept = [self._desk.ledger.find_stage(self._cycle.id, name) for name in names]
        again = sum(1 for each in kept if each and isinstance(each[0], dict) and each[0]["next"] == Next.AGAIN)
        ends = self._asks() and again + 1 >= PLANS_MAX
        return Consent(next=Next.END if ends else Next.AGAIN, code=code, at=self._now)

    def _check_unaltered(self) -> None:
        """The kept plan must be what its observation and decision give: a yes is to that, and to nothing edited in."""
        draft = self._draft
        made = make_plan(draft.observation, draft.decision, self._mandate, cycle=self._cycle.id)
        if canonical(encode(made)) != canonical(encode(draft.plan)):
            raise BlockedError(
                f"the plan of cycle {self._cycle.id} must be the one that was made, was changed in the ledger; "
                "nothing was sent: run `invest audit verify`, then start a new cycle"
            )

    def _is_hopeless(self) -> bool:
        """True where waiting would change nothing: a switch stops every order, or an open market's guards do."""
        report = self._draft.report
        modes = [guard.layer is Layer.MODE and guard.id != CONFIRMED for guard in report.guards]
        stopped = [any(mode and each is Outcome.REJECT for mode, each in zip(modes, row)) for row in report.outcomes]
        if all(stopped):
            return True
        unconfirmed = [guard.id == CONFIRMED for guard in report.guards]
        lacks_word = any(any(m and each is Outcome.REJECT for m, each in zip(unconfirmed, r)) for r in report.outcomes)
        seen = self._seen()
        return seen.market_open and not report.approved and not lacks_word

    def _seen(self) -> Observation:
        return self._draft.guarded or self._draft.observation

    def _is_open(self) -> bool:
        return self._desk.calendar.is_open(self._now)

    def _is_intraday(self) -> bool:
        """A strategy within the day has nothing to say at the next open."""
        own = getattr(strategy(self._mandate.strategy), "intraday", False)
        return own is True or self._mandate.parameters.get("intraday") is True
