"""A cycle that waits, as a command shows it: its plan, the guards' word, what it waits for and what lets it go on."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from prudent.domain.cycles import Wait, WaitWhy
from prudent.domain.errors import ConfirmationMissing
from prudent.entrypoints.cli.answer import DONE, Answer, Problem, Table, moment
from prudent.entrypoints.cli.plan_view import plan_blocks, plan_data

if TYPE_CHECKING:
    from prudent.bootstrap import Desk
    from prudent.workflows.approvals import WaitingCycle

APPROVAL_NEEDED = "approval_needed"


def waits_answer(desk: "Desk", wait: Wait) -> Answer:
    """The answer of a command whose cycle waits: 8 where a person must say yes, 0 where only the market must open."""
    from prudent.workflows.approvals import waiting_cycle

    found = waiting_cycle(desk, wait.cycle)
    asks = wait.why is WaitWhy.APPROVAL
    return Answer(
        data=waiting_data(found),
        blocks=tuple(waiting_blocks(found)),
        errors=(Problem(code=APPROVAL_NEEDED, message=waits_for(found)),) if asks else (),
        exit_code=ConfirmationMissing.exit_code if asks else DONE,
    )


def waiting_answer(desk: "Desk", cycle_id: str) -> Answer:
    """The answer of a command that only shows a cycle."""
    from prudent.workflows.approvals import waiting_cycle

    found = waiting_cycle(desk, cycle_id)
    return Answer(data=waiting_data(found), blocks=tuple(waiting_blocks(found)))


def waiting_data(found: "WaitingCycle") -> dict[str, object]:
    """The `data` of a waiting cycle with its whole plan."""
    return {**waiting_row(found), "plan": plan_data(found.plan, found.report, found.seen.margins)}


def waiting_row(found: "WaitingCycle") -> dict[str, object]:
    """A waiting cycle in a list."""
    wait = found.waiting.wait
    return {
        "cycle": found.id, "account": found.account, "mode": found.mode, "status": "waiting", "waits_for": wait.why,
        "since": found.waiting.since, "until": wait.until, "plan_hash": wait.plan_hash, "round": wait.round,
        "started_by": found.started_by, "command": found.goes_on_by, "answer": found.answer,
    }  # fmt: skip


def waiting_blocks(found: "WaitingCycle") -> Iterator[str | Table]:
    """Plan, guards, and what comes next."""
    yield f"cycle {found.id}   mode {found.mode}   {found.seen.as_of:%Y-%m-%d %H:%M} UTC"
    yield from plan_blocks(found.plan, found.report, found.mandate.limits, found.seen.margins)
    yield waits_for(found)


def waits_for(found: "WaitingCycle") -> str:
    """One line: what the cycle waits for, until when, and the command that lets it go on."""
    wait = found.waiting.wait
    if wait.why is WaitWhy.MARKET_OPEN:
        return (
            f"cycle {found.id} waits for the open at {moment(wait.until)} UTC; "
            "`invest start` or `invest clock advance` carries it on"
        )
    if found.answer is not None:
        said = f"{found.answer.word} by {found.answer.by}"
        return f"cycle {found.id} was {said}; `invest start`, or the next command that trades, carries it on"
    return (
        f"cycle {found.id} waits for approval until {moment(wait.until)} UTC; `{found.goes_on_by}` sends it, "
        f"`invest reject {found.id} --reason …` ends it"
    )
