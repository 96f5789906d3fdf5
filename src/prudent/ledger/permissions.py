"""What people allowed: armings, answers to plans, and the latches that only they or time lift; each act one commit."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from prudent.domain.interlocks import Arming
from prudent.domain.records import Json
from prudent.ledger import accounts, approvals, armings, stages, states, valuations
from prudent.ledger.approvals import PlanAnswer
from prudent.ledger.armings import ArmedLimits
from prudent.ledger.database import Database
from prudent.ledger.stages import Waiting
from prudent.ledger.states import StateRow
from prudent.ledger.valuations import Latch


class Permissions:
    """The rows of one owner behind one door."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def arm(self, arming: Arming, *, limits: Mapping[str, Json] | None = None) -> None:
        """Arm the account under these limits, in place of an arming before it.

        Raises:
            InputError: the account is unknown.
        """
        with self._database.write() as tx:
            accounts.find(tx, arming.account)
            armings.arm(tx, arming, limits or {})

    def disarm(self, account: str, *, reason: str, at: datetime) -> bool:
        """End the account's arming; False where there was none."""
        with self._database.write() as tx:
            accounts.find(tx, account)
            return armings.disarm(tx, account, reason=reason, at=at)

    def arming(self, account: str) -> Arming | None:
        with self._database.read() as tx:
            return armings.find(tx, account)

    def armings(self) -> tuple[Arming, ...]:
        with self._database.read() as tx:
            return armings.listed(tx)

    def armed_limits(self, account: str) -> ArmedLimits | None:
        """The limits under which the account was last armed; None where it never was, or nobody noted them."""
        with self._database.read() as tx:
            return armings.armed_limits(tx, account)

    def loosened_since(
        self, account: str, limits: str, what: Sequence[str], *, after: ArmedLimits, at: datetime
    ) -> datetime:
        """When limits of that digest were first seen after an arming: now, and that is noted, where they were not."""
        with self._database.write() as tx:
            return armings.loosened_since(tx, account, limits, what, after=after, at=at)

    def decide(self, given: PlanAnswer) -> None:
        """Store a person's answer to the plan that a cycle waits with; anything else raises `BlockedError`."""
        with self._database.write() as tx:
            approvals.decide(tx, given)

    def answer(self, cycle_id: str, plan_hash: str) -> PlanAnswer | None:
        with self._database.read() as tx:
            return approvals.answer(tx, cycle_id, plan_hash)

    def wait_of(self, cycle_id: str) -> Waiting | None:
        """What the cycle waits or last waited for; None where it never waited, or is over."""
        with self._database.read() as tx:
            return stages.wait_of(tx, cycle_id)

    def state_row(self, account: str) -> StateRow | None:
        """The trading state that was last set for the platform (empty) or an account as a whole."""
        with self._database.read() as tx:
            return states.row(tx, account)

    def latches(self, account: str) -> tuple[Latch, ...]:
        """Every latch that holds, with its reason."""
        with self._database.read() as tx:
            return valuations.latch_rows(tx, account)
