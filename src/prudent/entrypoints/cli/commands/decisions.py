"""Commands that tell what was decided and why: decisions list and show."""

from typing import TYPE_CHECKING, Annotated

import typer

from prudent.entrypoints.cli.answer import Answer, Table, moment
from prudent.entrypoints.cli.border import Call, command

if TYPE_CHECKING:
    from prudent.ledger.rows import DecisionRow

AccountOption = Annotated[str | None, typer.Option("--account", help="Only this account.")]
LimitOption = Annotated[int, typer.Option("--limit", min=1, max=100_000, help="At most so many, newest first.")]
CycleArgument = Annotated[
    str, typer.Argument(metavar="CYCLE", help="ACCOUNT/RUN/CYCLE, ACCOUNT/RUN or ACCOUNT for its last one.")
]
RawOption = Annotated[bool, typer.Option("--raw", help="Also every prompt and reply as it was.")]
_REASON_MAX = 80


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    decisions = typer.Typer(no_args_is_help=True, help="What was decided, by whom and why.")
    app.add_typer(decisions, name="decisions")
    command(decisions, "list", group="decisions")(list_decisions)
    command(decisions, "show", group="decisions")(show_decision)


def list_decisions(call: Call, *, account: AccountOption = None, limit: LimitOption = 50) -> Answer:
    """List decisions: trade, hold, abstain or failed, and why nothing was traded."""
    desk = call.open()
    page = desk.ledger.views.decisions(call.account(desk, account) if account else None, limit=limit)
    return Answer(
        data=list(page.rows),
        blocks=[
            Table(
                title="Decisions",
                columns=("cycle", "at", "mode", "answer", "decided by", ">planned", ">refused", "why"),
                rows=[_row(each) for each in page.rows],
                empty="none yet; make one with `invest run ACCOUNT`",
            ),
            f"{len(page.rows)} of {page.total}",
        ],
    )


def _row(row: "DecisionRow") -> tuple[str, ...]:
    why = ", ".join(row.no_trade_codes)
    reason = " ".join(row.reason.split())
    said = "; ".join(each for each in (why, reason) if each)
    return (
        row.id, moment(row.started or row.scheduled), row.mode, row.answer or row.status, row.decided_by,
        str(row.orders_planned), str(row.orders_refused),
        said if len(said) <= _REASON_MAX else said[: _REASON_MAX - 1] + "…",
    )  # fmt: skip


def show_decision(call: Call, cycle: CycleArgument, *, raw: RawOption = False) -> Answer:
    """Tell one decision: saw, thought, wanted, was allowed, did; and what each call of a model cost."""
    from prudent.entrypoints.cli.decision_view import decision_blocks, decision_data, told

    desk = call.open()
    account = call.account(desk, cycle.partition("/")[0])
    wanted = cycle if "/" in cycle else desk.last_cycle_id(account)
    record = desk.ledger.load_record(wanted)
    found = told(record, desk.ledger.views.reasoning(record.id))
    return Answer(data=decision_data(found), blocks=tuple(decision_blocks(found, raw=raw)))
