"""Commands that look into one backtest: what it came to, its orders and fills, SQL over its columns, its integrity."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from prudent.domain.errors import InputError
from prudent.entrypoints.cli.answer import UNKNOWN, Answer, Table, money, quantity
from prudent.entrypoints.cli.border import Call, command

if TYPE_CHECKING:
    from prudent.bootstrap import Desk
    from prudent.ledger.backtests import BacktestRow

RunArgument = Annotated[str, typer.Argument(metavar="RUN", help="The backtest, ACCOUNT/bN.")]
LimitOption = Annotated[int, typer.Option("--limit", min=1, max=1_000_000, help="How many rows at most.")]
Rows = list[dict[str, object]]


def register(group: typer.Typer) -> None:
    """Add the commands of this module to the group `backtests`."""
    command(group, "show", group="backtests")(show)
    command(group, "orders", group="backtests")(orders)
    command(group, "fills", group="backtests")(fills)
    command(group, "sql", group="backtests")(sql)
    command(group, "verify", group="backtests")(verify)


def show(call: Call, run: RunArgument) -> Answer:
    """Show a finished backtest again: its figures, beside what, and how much they prove."""
    from prudent.backtest.beside import beside_of
    from prudent.backtest.books import run_book
    from prudent.entrypoints.cli.backtest_view import beside_data, book_blocks, book_data

    desk = call.open()
    _row(desk, run)
    book = run_book(desk, run)
    beside = beside_of(desk, book)
    return Answer(
        data=book_data(desk, book) | beside_data(beside), blocks=book_blocks(desk, book, beside), warnings=book.warnings
    )


def orders(call: Call, run: RunArgument, *, limit: LimitOption = 100) -> Answer:
    """List a backtest's orders, newest first, with what became of them."""
    from prudent.backtest.columnar import FOLDER, is_columnar

    desk = call.open()
    row = _row(desk, run)
    folder = _folder(desk, row)
    found = _of_columns(folder / FOLDER, limit) if is_columnar(folder) else _of_cycles(desk, row, limit)
    return Answer(data=found, blocks=[Table(
        title=f"Orders of {row.id}",
        columns=("day", "side", ">quantity", "symbol", "state", ">filled", "why"),
        rows=[tuple(str(each[name]) for name in ("day", "side", "quantity", "symbol", "state", "filled", "why"))
              for each in found],
    )])  # fmt: skip


def _of_columns(folder: Path, limit: int) -> Rows:
    from prudent.backtest.columnar_sql import asked

    answer = asked(
        folder,
        "select traded, planned, symbol, approved, filled, guard from (select *, row_number() over () n from orders) "
        f"order by n desc limit {limit}", most=limit,
    )  # fmt: skip
    return [
        {
            "day": day or UNKNOWN, "side": "BUY" if planned > 0 else "SELL", "quantity": abs(planned), "symbol": symbol,
            "state": "FILLED" if filled else "DENIED" if not approved else "EXPIRED", "filled": filled,
            "why": f"lowered by {guard}" if guard and approved else f"refused by {guard}" if guard else "target",
        }
        for day, planned, symbol, approved, filled, guard in answer.rows
    ]  # fmt: skip


def _of_cycles(desk: "Desk", row: "BacktestRow", limit: int) -> Rows:
    from prudent.backtest.columnar_rows import rows_of
    from prudent.ledger import open_ledger

    ledger = open_ledger(rows_of(desk, row), owner=desk.ledger.owner, durable=False)
    try:
        page = ledger.views.orders(row.account, limit=limit)
    finally:
        ledger.close()
    return [
        {
            "day": each.approved.date(), "side": str(each.side), "quantity": quantity(each.quantity),
            "symbol": each.symbol, "state": str(each.state), "filled": quantity(each.filled), "why": each.why,
        }
        for each in page.rows
    ]  # fmt: skip


def fills(call: Call, run: RunArgument, *, limit: LimitOption = 100) -> Answer:
    """List what a backtest traded, newest first."""
    from prudent.backtest.books import run_book

    desk = call.open()
    table = run_book(desk, _row(desk, run).id).fills
    found: Rows = [
        {
            "day": table.day[i].item(), "side": "BUY" if table.quantity[i] > 0 else "SELL",
            "quantity": abs(float(table.quantity[i])), "symbol": table.symbols[table.symbol[i]],
            "price": float(table.price[i]), "commission": float(table.fees[i]), "why": table.causes[table.cause[i]],
        }
        for i in reversed(range(max(0, len(table) - limit), len(table)))
    ]  # fmt: skip
    return Answer(data=found, blocks=[
        Table(
            title=f"Fills of {run}",
            columns=("day", "side", ">quantity", "symbol", ">price", ">commission", "why"),
            rows=[(str(f["day"]), str(f["side"]), quantity(f["quantity"]), str(f["symbol"]), f"{f['price']:.4f}",
                   money(f["commission"]), str(f["why"])) for f in found],
        ),
        f"{len(found)} of {len(table)}" if len(found) < len(table) else f"{len(table)} in all",
    ])  # fmt: skip


def sql(
    call: Call,
    run: RunArgument,
    query: Annotated[str, typer.Argument(metavar="QUERY", help="Like 'select symbol, sum(fee) from fills group by 1'")],
    *,
    limit: LimitOption = 1000,
) -> Answer:
    """Ask the ledger of a backtest in columns: tables orders, fills, decisions, nav, verdicts.

    Nothing is read before the query needs it. A backtest that was run cycle by cycle has no such ledger.
    """
    from prudent.backtest.columnar_sql import asked

    desk = call.open()
    found = asked(_columns_of(desk, _row(desk, run)), query, most=limit)
    rows = [dict(zip(found.columns, each)) for each in found.rows]
    warnings = (f"there are more rows than --limit {limit}",) if found.more else ()
    shown = [tuple(UNKNOWN if cell is None else str(cell) for cell in each) for each in found.rows]
    return Answer(data=rows, blocks=[Table(title=run, columns=found.columns, rows=shown)], warnings=warnings)


def verify(call: Call, run: RunArgument) -> Answer:
    """Read every byte of the ledger of a backtest in columns and hold it against its chain of digests."""
    from prudent.backtest.columnar import verify as verified

    desk = call.open()
    row = _row(desk, run)
    found = verified(_columns_of(desk, row), str(row.summary.get("ledger", "")))
    held = ", ".join(f"{count} {name}" for name, count in found.rows.items())
    told = f"{row.id}: {found.blocks} blocks are as they were written ({held}), the last link is {found.head}"
    return Answer(data=found, blocks=[told])


def _row(desk: "Desk", run: str) -> "BacktestRow":
    from prudent.backtest.books import parse

    wanted = parse(run)
    if not wanted.is_backtest or wanted.number is None:
        raise InputError(f"a backtest is ACCOUNT/bN, was {run!r}; see `invest backtests`")
    return desk.ledger.backtests.find(wanted.account, wanted.number)


def _folder(desk: "Desk", row: "BacktestRow") -> Path:
    from prudent.backtest.places import folder_of

    return folder_of(desk, row.account, row.number)


def _columns_of(desk: "Desk", row: "BacktestRow") -> Path:
    from prudent.backtest.columnar import FOLDER, is_columnar

    folder = _folder(desk, row)
    if not is_columnar(folder):
        raise InputError(
            f"{row.id} must have been run in columns, is {row.status} and has none; for one that was run cycle by "
            "cycle see `invest backtests orders` and `fills`"
        )
    return folder / FOLDER
