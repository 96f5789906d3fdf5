"""`invest ibkr adopt`: what an account at the venue holds, shown; with a yes, booked as where ours begins."""

from typing import TYPE_CHECKING, Annotated

import typer

from prudent.domain.errors import BlockedError
from prudent.entrypoints.cli.answer import Answer, Problem, Table, money, quantity
from prudent.entrypoints.cli.border import Call

if TYPE_CHECKING:
    from prudent.workflows.adopt import Found


def adopt(
    call: Call, account: Annotated[str, typer.Argument(metavar="ACCOUNT", help="Our account, with `broker: ibkr`.")],
    *, yes: Annotated[bool, typer.Option("--yes", help="Book what is shown. Without it nothing is written.")] = False,
) -> Answer:  # fmt: skip
    """Show what an account at the gateway holds; with --yes take it over: positions, their cost and cash, as one entry.

    Until then nothing in it is touched.
    """
    from prudent.access.authority import Act
    from prudent.entrypoints.cli.acting import acting
    from prudent.workflows.adopt import adopt as take_over
    from prudent.workflows.adopt import look

    desk = call.open()
    account = call.account(desk, account)
    found = look(desk, account)
    if yes and not found.problems:
        acting(desk, Act.MOVE_MONEY, account)
        opened = take_over(desk, account, shown=found.digest)
        last = f"{account} is adopted; trade it with `invest run {opened.id}`"
    else:
        last = f"nothing was written; take it over with `invest ibkr adopt {account} --yes`"
    for each in found.open_orders:
        call.warnings.append(f"an order of somebody else in {each.symbol} is live there and locks it until it ends")
    return Answer(
        data=_facts(found) | {"adopted": yes and not found.problems},
        blocks=[*_blocks(found), last],
        errors=[Problem(code=BlockedError.code, message=each) for each in found.problems],
        exit_code=BlockedError.exit_code if found.problems else 0,
    )


def _facts(found: "Found") -> dict[str, object]:
    opening = found.opening
    return {
        "account": found.account, "currency": opening.currency, "cash": opening.cash, "cost": found.cost,
        "positions": [
            {"symbol": p.symbol, "quantity": p.quantity, "average_cost": p.average_cost} for p in opening.positions
        ],
        "executions_of_today": len(found.today), "open_orders": len(found.open_orders), "digest": found.digest,
        "problems": list(found.problems),
    }  # fmt: skip


def _blocks(found: "Found") -> list[str | Table]:
    opening = found.opening
    return [
        Table(
            title=f"{found.account} at the venue", columns=("symbol", ">quantity", ">average cost"),
            rows=[(p.symbol, quantity(p.quantity), quantity(p.average_cost)) for p in opening.positions],
            empty="it holds no position",
        ),
        f"cash {money(opening.cash)} {opening.currency}, positions cost {money(found.cost)}",
        f"{len(found.today)} executions of today are booked when it is reconciled",
    ]  # fmt: skip
