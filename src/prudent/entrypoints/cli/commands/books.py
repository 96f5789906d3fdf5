"""Commands about accounts and their books: accounts, cash and positions."""

from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from prudent.domain.accounts import AccountClass
from prudent.domain.errors import InputError, StoreError
from prudent.domain.mandate import CostModel
from prudent.domain.money import parse_decimal, plain
from prudent.entrypoints.cli.answer import Answer, Table, moment, money, quantity
from prudent.entrypoints.cli.border import Call, command

if TYPE_CHECKING:
    from prudent.bootstrap import Desk
    from prudent.entrypoints.cli.book_view import PricedBook

IdArgument = Annotated[str, typer.Argument(metavar="ACCOUNT", help="The account's id.")]
AmountArgument = Annotated[str, typer.Argument(metavar="AMOUNT", help="An amount above 0 in the account's currency.")]
RefOption = Annotated[
    str | None, typer.Option("--ref", help="A name for this booking; the same name books once. Default: the time.")
]
UNFUNDED, DISABLED = "not funded", "disabled"


def register(app: typer.Typer) -> None:
    """Add the groups `accounts` and `cash`, and `positions`."""
    accounts = typer.Typer(no_args_is_help=True, help="The accounts of the home.")
    app.add_typer(accounts, name="accounts")
    command(accounts, "list", group="accounts")(list_accounts)
    command(accounts, "show", group="accounts")(show)
    command(accounts, "add", group="accounts")(add)
    cash = typer.Typer(no_args_is_help=True, help="Money in and out; neither moves return or drawdown.")
    app.add_typer(cash, name="cash")
    command(cash, "deposit", group="cash")(deposit)
    command(cash, "withdraw", group="cash")(withdraw)
    command(cash, "dividend", group="cash")(dividend)
    command(app, "positions")(positions)


def list_accounts(call: Call) -> Answer:
    """List every account with its class, state, value and cash."""
    desk = call.open()
    data = [account_row(call, desk, account) for account in desk.account_ids()]
    return Answer(data=data, blocks=[accounts_table(data)])


def account_row(call: Call, desk: "Desk", account: str) -> dict[str, object]:
    """One account as `accounts list` and `status` show it."""
    from prudent.entrypoints.cli.book_view import priced_book

    mandate, disabled = desk.mandate(account), bool(desk.why_disabled(account))
    status = DISABLED if disabled else UNFUNDED
    row: dict[str, object] = {
        "id": account, "name": mandate.name, "class": mandate.account_class, "currency": mandate.currency,
        "broker": mandate.broker, "strategy": mandate.strategy, "status": status, "state": None,
        "net_liquidation": None, "cash": None, "profit": None, "model_cost": None, "last_run": None,
    }  # fmt: skip
    if not desk.is_open_account(account):
        return row
    book = priced_book(desk, account)
    _warn_unpriced(call, book)
    kept = desk.ledger.views.account(account)
    worth, paid_in = book.net_liquidation, desk.ledger.views.money(account).contributions
    return {
        **row, "status": DISABLED if disabled else kept.status, "state": kept.state,
        "net_liquidation": worth, "cash": book.cash, "profit": None if worth is None else worth - paid_in,
        "model_cost": desk.ledger.model_calls.spent_by(account).cost,
        "last_run": f"{account}/{kept.run}" if kept.run else None,
    }  # fmt: skip


def accounts_table(data: "list[dict[str, object]]") -> Table:
    """The same rows for a person."""
    return Table(
        title="Accounts",
        columns=("account", "name", "class", "status", "state", ">net liquidation", ">cash", ">P/L", "currency",
                 ">models, USD", "last run"),
        rows=[
            (str(r["id"]), str(r["name"]), str(r["class"]), str(r["status"]), str(r["state"] or "—"),
             money(r["net_liquidation"]), money(r["cash"]), money(r["profit"]), str(r["currency"]),
             money(r["model_cost"]), str(r["last_run"] or "—"))
            for r in data
        ],
        empty="none yet; add one with `invest accounts add ID --cash 100000`",
    )  # fmt: skip


def show(call: Call, account: IdArgument) -> Answer:
    """Show one account: value, cash, positions at the latest price, and live orders."""
    from prudent.entrypoints.cli.book_view import priced_book

    desk = call.open()
    account = call.account(desk, account)
    book = priced_book(desk, account)
    _warn_unpriced(call, book)
    return Answer(
        data={
            "id": account, "class": desk.mandate(account).account_class, "currency": book.currency,
            "state": desk.ledger.views.account(account).state, "net_liquidation": book.net_liquidation,
            "cash": book.cash, "positions": list(book.positions), "open_orders": list(book.snapshot.open_orders),
            "as_of": book.as_of, "source": book.source,
        },
        blocks=[
            f"{account}   net liquidation {money(book.net_liquidation)} {book.currency}   cash {money(book.cash)}",
            positions_table("Positions", [book]),
            Table(
                title="Open orders",
                columns=("order", "side", ">remaining", "symbol", "status", "ours"),
                rows=[
                    (o.order_ref, o.side, quantity(o.remaining), o.symbol, o.status, "yes" if o.ours else "no")
                    for o in book.snapshot.open_orders
                ],
            ),
            f"as of {moment(book.as_of)} UTC from {book.source}",
        ],
    )  # fmt: skip


def positions(
    call: Call, *, account: Annotated[str | None, typer.Option("--account", help="Only this account.")] = None
) -> Answer:
    """List what is held at the latest price, over all accounts or one."""
    from prudent.entrypoints.cli.book_view import priced_book

    desk = call.open()
    names = [call.account(desk, account)] if account else [a for a in desk.account_ids() if desk.is_open_account(a)]
    books = [priced_book(desk, name) for name in names]
    for book in books:
        _warn_unpriced(call, book)
    data = [
        {"account": b.account, "symbol": p.symbol, "quantity": p.quantity, "market_price": p.market_price,
         "market_value": p.market_value, "avg_cost": p.avg_cost, "quality": p.quality}
        for b in books
        for p in b.positions
    ]  # fmt: skip
    return Answer(data=data, blocks=[positions_table("Positions", books)])


def positions_table(title: str, books: "list[PricedBook]") -> Table:
    """Holdings of several books in one table."""
    return Table(
        title=title,
        columns=("account", "symbol", ">quantity", ">price", ">value", ">average cost", "price is"),
        rows=[
            (b.account, p.symbol, quantity(p.quantity), money(p.market_price), money(p.market_value),
             money(p.avg_cost), str(p.quality).lower())
            for b in books
            for p in b.positions
        ],
    )  # fmt: skip


def _warn_unpriced(call: Call, book: "PricedBook") -> None:
    if book.why_silent:
        call.warnings.append(f"{book.account}: shown as the ledger has it, without prices; {book.why_silent}")
    elif book.unpriced:
        call.warnings.append(f"{book.account}: no usable price for {', '.join(book.unpriced)}, so no net liquidation")


def add(  # noqa: PLR0913 - a parameter is an option of the command line
    call: Call, account: IdArgument,
    *, cash: Annotated[str, typer.Option("--cash", help="Opening cash.")] = "0",
    positions: Annotated[
        Path | None, typer.Option("--positions", help="Opening positions: CSV with symbol,quantity[,avg_cost].")
    ] = None,
    name: Annotated[str | None, typer.Option("--name", help="A name to show.")] = None,
    account_class: Annotated[
        AccountClass | None, typer.Option("--class", help="Who decides; fixed from then on. Default directed.")
    ] = None,
    targets: Annotated[
        str | None, typer.Option("--targets", help="A saved portfolio, a file, or account:ID to follow another one.")
    ] = None,
    costs: Annotated[CostModel | None, typer.Option("--costs", help="Commission model. Default ibkr_fixed.")] = None,
) -> Answer:  # fmt: skip
    """Open an account with cash and positions, and write its mandate to config/accounts/ID.yaml.

    An account that invest.yaml already describes is only funded; then no other option may be given.
    """
    from prudent.entrypoints.cli.opening import Opening, open_account

    desk = call.open()
    given = {"name": name, "class": account_class, "targets": targets, "costs": costs}
    opening = Opening(
        account=account, cash=parse_decimal(cash, "--cash"), positions=positions,
        mandate={key: str(value) for key, value in given.items() if value is not None},
    )  # fmt: skip
    path = open_account(desk, opening)
    written = f"its mandate is {path}; " if path else ""
    return Answer(
        data={"id": account, "cash": opening.cash, "mandate": str(path) if path else None},
        blocks=[f"account {account} is open with {money(opening.cash)}; {written}run it with `invest run {account}`"],
    )


def deposit(call: Call, account: IdArgument, amount: AmountArgument, *, ref: RefOption = None) -> Answer:
    """Put money in."""
    return _flow(call, account, amount, kind="deposit", ref=ref)


def withdraw(call: Call, account: IdArgument, amount: AmountArgument, *, ref: RefOption = None) -> Answer:
    """Take money out; more than can be spent is refused."""
    return _flow(call, account, amount, kind="withdraw", ref=ref)


def dividend(call: Call, account: IdArgument, amount: AmountArgument, *, ref: RefOption = None) -> Answer:
    """Book a dividend; it is income and counts as return."""
    return _flow(call, account, amount, kind="dividend", ref=ref)


def _flow(call: Call, account: str, text: str, *, kind: str, ref: str | None) -> Answer:
    from prudent.clock import SystemClock
    from prudent.ledger.booking import FlowKind
    from prudent.workflows.beside import account_turn

    amount = parse_decimal(text, "AMOUNT")
    if amount <= 0:
        raise InputError(f"AMOUNT must be above 0, was {plain(amount)}; `invest cash` has a word for each direction")
    desk = call.open()
    account = call.account(desk, account)
    ref = ref or f"{kind}-{SystemClock().now():%Y%m%dT%H%M%S%f}"
    with account_turn(desk, account):
        now = desk.clock.now()
        desk.own_venue(account).transfer(account, amount, kind, ref=ref, at=now)
        try:
            desk.ledger.flow(account, kind=FlowKind(kind), amount=amount, at=now, ref=ref)
        except StoreError as error:
            raise StoreError(f"{error}; then run the same command again with --ref {ref}, it books once") from error
    cash: Decimal = desk.broker_of(account).snapshot(account).cash
    return Answer(
        data={"account": account, "kind": kind, "amount": amount, "ref": ref, "cash": cash},
        blocks=[f"{account}: {kind} {money(amount)} booked as {ref}; cash is {money(cash)}"],
    )
