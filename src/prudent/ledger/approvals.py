"""Answers to plans that wait for a person: each for one plan hash, given while its cycle waits, and never changed."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from sqlalchemy import bindparam, insert, select, update

from prudent.domain.cycles import WaitWhy
from prudent.domain.errors import BlockedError
from prudent.domain.records import utc_text
from prudent.ledger import audit, runs, stages
from prudent.ledger.database import Row, Transaction, Value
from prudent.ledger.journal import moment
from prudent.ledger.schema import APPROVALS, mine
from prudent.ledger.stages import Waiting

_ONE = select(APPROVALS).where(mine(APPROVALS, "account", "run", "cycle", "plan_hash"))
_LAST = (
    select(APPROVALS).where(mine(APPROVALS, "account", "run", "cycle")).order_by(APPROVALS.c.at.desc()).limit(1)
)  # fmt: skip
_ADD = insert(APPROVALS)
_SET = (
    update(APPROVALS)
    .where(mine(APPROVALS, "account", "run", "cycle", "plan_hash"))
    .values(
        answer=bindparam("b_answer"), decided_by=bindparam("b_by"), reason=bindparam("b_reason"), at=bindparam("b_at"),
    )
)  # fmt: skip


class Word(StrEnum):
    """A person's answer to a plan."""

    YES = "approved"
    NO = "rejected"


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanAnswer:
    """Who said what to which plan of a cycle, and when."""

    cycle: str
    plan_hash: str
    word: Word
    by: str
    reason: str
    at: datetime


def answer(tx: Transaction, cycle_id: str, plan_hash: str) -> PlanAnswer | None:
    """The answer to that plan of the cycle; None while nobody has given one."""
    account, run, cycle = runs.parse_cycle(cycle_id)
    row = tx.one(_ONE, account=account, run=run, cycle=cycle, plan_hash=plan_hash)
    return None if row is None else _answer(row)


def _last(tx: Transaction, cycle_id: str) -> PlanAnswer | None:
    account, run, cycle = runs.parse_cycle(cycle_id)
    row = tx.one(_LAST, account=account, run=run, cycle=cycle)
    return None if row is None else _answer(row)


def _answer(row: Row) -> PlanAnswer:
    return PlanAnswer(
        cycle=f"{row['account']}/{row['run']}/{row['cycle']}", plan_hash=row["plan_hash"], word=Word(row["answer"]),
        by=row["decided_by"], reason=row["reason"], at=moment(row["at"]),
    )  # fmt: skip


def decide(tx: Transaction, given: PlanAnswer) -> None:
    """Store an answer if the cycle waits for exactly this plan now and nobody has answered it.

    Raises:
        BlockedError: it waits for nothing, for another plan or no longer, or was answered; nothing is changed.
        InputError: there is no such cycle.
    """
    account, run, cycle = runs.parse_cycle(given.cycle)
    row = runs.find_cycle(tx, account, run, cycle or 0)
    waiting = stages.wait_of(tx, given.cycle)
    known = answer(tx, given.cycle, given.plan_hash)
    if waiting is None or row["status"] != stages.WAITING_CYCLE or waiting.wait.why is not WaitWhy.APPROVAL:
        last = _last(tx, given.cycle)
        before = f"; it was {last.word} by {last.by} at {last.at:%Y-%m-%d %H:%M} UTC" if last else ""
        raise BlockedError(
            f"cycle {given.cycle} must wait for an answer to be given one, was {row['status']}{before}; "
            "see `invest approvals`"
        )
    _check(waiting, given, known)
    place: dict[str, Value] = {"account": account, "run": run, "cycle": cycle, "plan_hash": given.plan_hash}
    if known is None:
        tx.run(
            _ADD, **place, answer=str(given.word), decided_by=given.by, reason=given.reason, at=utc_text(given.at)
        )  # fmt: skip
    else:
        tx.run(
            _SET, **place, b_answer=str(given.word), b_by=given.by, b_reason=given.reason, b_at=utc_text(given.at)
        )  # fmt: skip
    audit.note(tx, f"plan_{given.word}", account, given.at, {
        "cycle": given.cycle, "plan": given.plan_hash, "by": given.by, "reason": given.reason,
    })  # fmt: skip


def _check(waiting: Waiting, given: PlanAnswer, known: PlanAnswer | None) -> None:
    wait = waiting.wait
    if given.plan_hash != wait.plan_hash:
        raise BlockedError(
            f"the answer must name the plan that waits, {wait.plan_hash[:12]}, named {given.plan_hash[:12]}; "
            "that plan is stale or was changed: look at the cycle again"
        )
    if known is not None and known.at >= waiting.since:
        raise BlockedError(
            f"plan {wait.plan_hash[:12]} of cycle {given.cycle} must be answered once, was {known.word} by {known.by} "
            f"at {known.at:%Y-%m-%d %H:%M} UTC; nothing was changed"
        )
    if given.at >= wait.until:
        raise BlockedError(
            f"the plan must be answered before {wait.until:%Y-%m-%d %H:%M} UTC, it is {given.at:%Y-%m-%d %H:%M}; "
            "the cycle looks again and asks for a yes to its next plan"
        )
