"""Commands about plans that wait: approvals, approve and reject."""

from typing import TYPE_CHECKING, Annotated

import typer

from prudent.domain.errors import Temporary
from prudent.entrypoints.cli.answer import Answer, Table, moment
from prudent.entrypoints.cli.border import Call, command
from prudent.entrypoints.cli.screen import progress

if TYPE_CHECKING:
    from prudent.bootstrap import Desk
    from prudent.workflows.recovery import Finding

CycleArgument = Annotated[str, typer.Argument(metavar="CYCLE", help="ACCOUNT/RUN/CYCLE, as `invest approvals` has it.")]
PlanOption = Annotated[
    str | None, typer.Option("--plan", metavar="HASH", help="The plan meant: its hash, or the first 8 or more signs.")
]


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    command(app, "approvals")(approvals)
    command(app, "approve")(approve)
    command(app, "reject")(reject)


def approvals(call: Call) -> Answer:
    """List the cycles that wait, for a person's yes or for the market, with the command that lets each go on."""
    from prudent.entrypoints.cli.waiting_view import waiting_data
    from prudent.workflows.approvals import waiting_cycles

    found = waiting_cycles(call.open())
    return Answer(
        data=[waiting_data(each) for each in found],
        blocks=[
            Table(
                title="Waiting",
                columns=("cycle", "waits for", "until", ">orders", "plan", "started by", "goes on by"),
                rows=[
                    (w.id, w.why.replace("_", " "), moment(w.waiting.wait.until), str(len(w.plan.orders)),
                     w.plan.plan_hash[:12], w.started_by, w.goes_on_by)
                    for w in found
                ],
                empty="nothing waits",
            )
        ],
    )  # fmt: skip


def approve(
    call: Call, cycle: CycleArgument, *, plan: PlanOption = None,
    reason: Annotated[str, typer.Option("--reason", help="Why, for the audit.")] = "",
) -> Answer:  # fmt: skip
    """Say yes to the plan of a cycle that waits; it looks again, and is sent where the plan still holds.

    Without an engine the command carries the cycle on itself.
    """
    from prudent.access.authority import Act
    from prudent.entrypoints.cli.acting import acting
    from prudent.workflows.approvals import approve as say_yes

    desk = call.open()
    by = acting(desk, Act.APPROVE, cycle.rpartition("/")[0].rpartition("/")[0])
    say_yes(desk, cycle, by=by, plan=plan, reason=reason)
    return _carried_on(call, desk, cycle)


def reject(
    call: Call, cycle: CycleArgument, *, reason: Annotated[str, typer.Option("--reason", help="Why, for the audit.")],
    plan: PlanOption = None,
) -> Answer:  # fmt: skip
    """Say no to the plan of a cycle that waits; the cycle ends without orders."""
    from prudent.access.authority import Act
    from prudent.entrypoints.cli.acting import acting
    from prudent.workflows.approvals import reject as say_no

    desk = call.open()
    by = acting(desk, Act.APPROVE, cycle.rpartition("/")[0].rpartition("/")[0])
    say_no(desk, cycle, by=by, reason=reason, plan=plan)
    return _carried_on(call, desk, cycle)


def _carried_on(call: Call, desk: "Desk", cycle: str) -> Answer:
    """What became of the cycle; where another process works for the home, that one carries it on."""
    from prudent.domain.cycles import CycleWaits
    from prudent.entrypoints.cli.commands.trading import found_lines
    from prudent.entrypoints.cli.cycle_view import cycle_answer
    from prudent.entrypoints.cli.waiting_view import waiting_blocks, waiting_data, waits_answer
    from prudent.workflows.approvals import waiting_cycle
    from prudent.workflows.wherever import carry_on_wherever

    def found(findings: "tuple[Finding, ...]") -> None:
        call.warnings.extend(found_lines(tuple(each for each in findings if each.subject != f"cycle {cycle}")))

    try:
        return cycle_answer(carry_on_wherever(desk, cycle, found=found, tell=progress))
    except CycleWaits as waits:
        return waits_answer(desk, waits.wait)
    except Temporary as error:
        if desk.ledger.cycle_row(cycle).status != "waiting":
            raise
        waiting = waiting_cycle(desk, cycle)
        blocks = [*waiting_blocks(waiting), f"another process carries it on: {error}"]
        return Answer(data=waiting_data(waiting), blocks=blocks)
