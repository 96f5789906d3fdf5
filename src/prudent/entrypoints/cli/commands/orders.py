"""Commands about orders and the broker's book: the list, a person's word on one, reconciling, unlocking."""

from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Annotated, Literal

import typer
from typer import _click
from typer.core import TyperGroup

from prudent.domain.errors import InputError
from prudent.domain.instruments import normalise_symbol
from prudent.entrypoints.cli.answer import Answer, Problem, Table, quantity
from prudent.entrypoints.cli.border import Call, command

if TYPE_CHECKING:
    from collections.abc import Sequence

    from prudent.bootstrap import Desk
    from prudent.workflows.reconcile import ReconcileReport

INCOMPLETE, CONTRADICTS = 4, 7
ReasonOption = Annotated[str, typer.Option("--reason", help="Why, for the audit.")]
UserOption = Annotated[str | None, typer.Option("--user", help="Who you are, with your password.")]


class _ListsByDefault(TyperGroup):
    """`invest orders` alone, or with options of the list, is `invest orders list`."""

    def parse_args(self, ctx: _click.Context, args: list[str]) -> list[str]:
        given = args[0] if args else ""
        if given not in (*self.commands, "-h", "--help"):
            args = ["list", *args]
        return super().parse_args(ctx, args)


def register(app: typer.Typer) -> None:
    """Add the group `orders`, `reconcile` and `unlock`; the list itself is one of what is remembered."""
    from prudent.entrypoints.cli.commands.records import orders

    group = typer.Typer(cls=_ListsByDefault, help="Orders with their states; the list, and your word on one.")
    app.add_typer(group, name="orders")
    command(group, "list", title="orders")(orders)
    command(group, "resolve", group="orders")(resolve)
    command(app, "reconcile")(reconcile)
    command(app, "unlock")(unlock)


def resolve(  # noqa: PLR0913 - an option each
    call: Call, ref: Annotated[str, typer.Argument(metavar="REF", help="The order's id, as `invest orders` shows it.")],
    fate: Annotated[Literal["filled", "not-sent"], typer.Option("--as", help="What became of it.")],
    reason: ReasonOption,
    filled: Annotated[str | None, typer.Option("--quantity", help="What was filled; else all that was open.")] = None,
    price: Annotated[str | None, typer.Option("--price", help="What it was filled at.")] = None,
    commission: Annotated[str, typer.Option("--commission", help="What it cost.")] = "0",
    user: UserOption = None,
) -> Answer:  # fmt: skip
    """Settle an order whose fate nobody else can tell; ask the broker first.

    A fill is booked as you say it. Should the broker show its own executions later, they replace yours.
    """
    from prudent.access.authority import Act
    from prudent.entrypoints.cli.acting import acting
    from prudent.ledger.settlement import Fate, Word
    from prudent.workflows.orders import resolve_order

    desk = call.open()
    account = desk.ledger.account_of_order(ref)
    who = acting(desk, Act.RESUME, account, user=user)
    word = Word(
        fate=Fate(fate), reason=f"{reason} (by {who})", quantity=_number("--quantity", filled),
        price=_number("--price", price), commission=_number("--commission", commission) or Decimal(0),
    )  # fmt: skip
    order = resolve_order(desk, ref, word)
    what = f"order {ref} {order.side} {quantity(order.quantity)} {order.symbol}"
    return Answer(
        data={"account": account, "order": order},
        blocks=[f"{what} is {order.status}, filled {quantity(order.filled)}: {reason}"],
    )


def _number(option: str, text: str | None) -> Decimal | None:
    try:
        return None if text is None else Decimal(text)
    except InvalidOperation as error:
        raise InputError(f"{option} must be a number, was {text!r}; correct it") from error


def reconcile(
    call: Call,
    account: Annotated[str | None, typer.Argument(metavar="[ACCOUNT]", help="Only this one; else all.")] = None,
) -> Answer:
    """Hold the ledger against the broker: orders, executions, positions and cash; nothing is traded for it.

    Exit code 7 when the books differ or an order has no known fate, 4 when the broker did not answer everything.
    """
    desk = call.open()
    return reconciled(desk, (call.account(desk, account),) if account else desk.account_ids())


def reconciled(desk: "Desk", accounts: "Sequence[str]") -> Answer:
    """The answer about those of the accounts that are open."""
    from prudent.workflows.order_desk import reconcile_wherever

    reports = [reconcile_wherever(desk, each) for each in accounts if desk.is_open_account(each)]
    return Answer(
        data=reports, blocks=[_table(reports), *_open_lines(reports)], errors=_problems(reports),
        exit_code=_exit_code(reports),
    )  # fmt: skip


def _table(reports: "list[ReconcileReport]") -> Table:
    return Table(
        title="Reconciled",
        columns=("account", "subject", "was", "is"),
        rows=[(r.account, f.subject, f.found, f.resolved) for r in reports for f in r.findings],
        empty="nothing had to be settled",
    )


def _open_lines(reports: "list[ReconcileReport]") -> list[str]:
    lines = [f"{r.account}: {'the books agree' if r.clean else 'not clean'}" for r in reports]
    for report in reports:
        lines += [
            f"{report.account}: order {ref} is UNKNOWN; ask the broker, then `invest orders resolve {ref} --as ...`"
            for ref in report.unknown
        ]
        lines += [
            f"{report.account}: {each.words}; `invest unlock {each.symbol} --account {report.account}` takes theirs"
            for each in report.breaks
        ]
    return lines


def _problems(reports: "list[ReconcileReport]") -> list[Problem]:
    found = [Problem(code="upstream_unavailable", message=f"{r.account}: {r.problem}") for r in reports if r.problem]
    return found + [
        Problem(code="verification_mismatch", message=f"{r.account}: the books differ or an order has no known fate")
        for r in reports
        if r.breaks or r.unknown
    ]


def _exit_code(reports: "list[ReconcileReport]") -> int:
    if any(r.breaks or r.unknown for r in reports):
        return CONTRADICTS
    return INCOMPLETE if any(not r.complete for r in reports) else 0


def unlock(
    call: Call, symbol: Annotated[str, typer.Argument(metavar="SYMBOL", help="The symbol, or CASH.")],
    reason: ReasonOption,
    account: Annotated[str | None, typer.Option("--account", help="Only in this account.")] = None,
    user: UserOption = None,
) -> Answer:  # fmt: skip
    """Lift what locks a symbol: a stop, an order that others placed, a difference to the broker, which is taken over.

    An order of ours in it whose fate is unknown must be settled first. CASH takes over a difference in cash.
    """
    from prudent.access.authority import Act
    from prudent.entrypoints.cli.acting import acting
    from prudent.workflows.order_desk import unlock_wherever

    desk = call.open()
    name = normalise_symbol(symbol)
    wanted = (call.account(desk, account),) if account else desk.account_ids()
    lifted: dict[str, tuple[str, ...]] = {}
    for each in wanted:
        who = acting(desk, Act.RESUME, each, user=user)
        if desk.is_open_account(each):
            lifted[each] = unlock_wherever(desk, each, name, reason=f"{reason} (by {who})")
    lines = [f"{each}: {line}" for each, found in lifted.items() for line in found]
    return Answer(
        data={"symbol": name, "lifted": lifted},
        blocks=[Table(title="Lifted", columns=("what",), rows=[(line,) for line in lines],
                      empty=f"nothing locked {name}")],
    )  # fmt: skip
