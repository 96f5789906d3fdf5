"""Commands about Ghostfolio: look at the server, tell it what is due, compare it with the books, and rebuild it."""

from typing import TYPE_CHECKING, Annotated

import typer

from prudent.domain.errors import ConfigError, InputError, VerificationMismatch
from prudent.entrypoints.cli.answer import DONE, PARTIAL, UNKNOWN, Answer, Problem, Table, moment
from prudent.entrypoints.cli.border import Call, command

if TYPE_CHECKING:
    from prudent.bootstrap import Desk
    from prudent.workflows.mirror import Told
    from prudent.workflows.mirror_check import Comparison, Difference
    from prudent.workflows.mirror_link import Connection

GROUP = "ghostfolio"
AccountArgument = Annotated[str | None, typer.Argument(metavar="ACCOUNT", help="Only this account; else every one.")]


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    group = typer.Typer(no_args_is_help=True, help="The books as Ghostfolio shows them.")
    app.add_typer(group, name=GROUP)
    command(group, "check", group=GROUP)(check)
    command(group, "sync", group=GROUP)(sync)
    command(group, "reconcile", group=GROUP)(reconcile)
    command(group, "rebuild", group=GROUP)(rebuild)


def check(call: Call) -> Answer:
    """Look at the server, its version and rights, at our accounts there, and at the symbols that they hold."""
    from prudent.workflows.mirror_link import connected, mirrored

    desk = call.open()
    with connected(desk) as connection:
        found = connection.server.look()
        rows = [_account(desk, connection, account) for account in mirrored(desk)]
        symbols = {
            each.symbol: connection.server.knows(each.symbol)
            for account in mirrored(desk) if found.market_data
            for each in desk.ledger.views.positions(account)
        }  # fmt: skip
    problems = [f"the user may not {name}; give them a role that may, or end read-only mode" for name in found.missing]
    problems += [f"symbol {name} is not known there" for name, known in symbols.items() if not known]
    if found.base_currency not in ("", "USD"):
        problems.append(f"its base currency must be USD, was {found.base_currency}; set it there")
    warnings = [] if found.market_data else ["it does not reach its market data; symbols cannot be checked there now"]
    return Answer(
        data={
            "version": found.version or None, "path": found.path, "market_data": found.market_data,
            "base_currency": found.base_currency or None, "missing_rights": list(found.missing), "accounts": rows,
            "unknown_symbols": sorted(name for name, known in symbols.items() if not known),
        },
        blocks=[
            f"Ghostfolio {found.version or 'of unknown version'} answers; activities are at {found.path}",
            Table(
                title="Accounts", columns=("account", "there", "id", ">to tell", "last told"),
                rows=[
                    (
                        str(row["account"]), str(row["there"] or "not yet"), str(row["id"]), str(row["waiting"]),
                        str(row["told"] or UNKNOWN),
                    )
                    for row in rows
                ],
                empty="none is open; run `invest accounts add`",
            ),
        ],
        warnings=warnings,
        errors=[Problem(code=ConfigError.code, message=each) for each in problems],
        exit_code=ConfigError.exit_code if problems else DONE,
    )  # fmt: skip


def _account(desk: "Desk", connection: "Connection", account: str) -> dict[str, object]:
    from prudent.ledger.outbox import OutboxState
    from prudent.workflows.mirror_link import wanted

    meant = wanted(desk, account)
    there = connection.server.find(meant)
    rows = desk.ledger.outbox.rows(account)
    told = [row.at for row in rows if row.state is OutboxState.DONE]
    return {
        "account": account, "there": None if there is None else there.name,
        "id": meant.id if there is None else there.id,
        "waiting": sum(row.state is OutboxState.DUE for row in rows),
        "refused": sum(row.state is OutboxState.REFUSED for row in rows), "told": moment(max(told)) if told else None,
    }  # fmt: skip


def sync(
    call: Call, *, account: AccountArgument = None,
    again: Annotated[bool, typer.Option("--again", help="Try too what the server refused before.")] = False,
) -> Answer:  # fmt: skip
    """Tell Ghostfolio now what the books moved and it does not show yet; saying it twice shows it once."""
    from prudent.clock import SystemClock
    from prudent.ledger.outbox import OutboxState
    from prudent.workflows.mirror import sync as tell
    from prudent.workflows.mirror_link import connected, one_writer

    desk = call.open()
    chosen = _chosen(call, desk, account)
    with connected(desk) as connection, one_writer(desk.home):
        for name in chosen if again else ():
            refused = [row for row in desk.ledger.outbox.rows(name) if row.state is OutboxState.REFUSED]
            desk.ledger.outbox.again(name, refused, at=SystemClock().now())
        told = tell(desk, connection, chosen)
    return _synced(told)


def _synced(told: "tuple[Told, ...]") -> Answer:
    failures = [(each.account, each.problem) for each in told if each.problem is not None]
    refused = [f"{each.account}: {words}" for each in told for words in each.refused]
    errors = [Problem(code=error.code, message=f"{account}: {error}") for account, error in failures]
    errors += [Problem(code=InputError.code, message=f"refused: {words}") for words in refused]
    failed = failures[0][1].exit_code if failures and len(failures) == len(told) else PARTIAL
    return Answer(
        data=[
            {
                "account": each.account, "booked": each.booked, "removed": each.removed, "cash_set": each.cash_set,
                "waiting": each.waiting, "refused": len(each.refused),
                "problem": None if each.problem is None else str(each.problem),
            }
            for each in told
        ],
        blocks=[
            Table(
                title="Told", columns=("account", ">booked", ">removed", "cash", ">waiting", ">refused"),
                rows=[
                    (
                        each.account, str(each.booked), str(each.removed), "set" if each.cash_set else "as it was",
                        str(each.waiting), str(len(each.refused)),
                    )
                    for each in told
                ],
                empty="no account is mirrored",
            )
        ],
        errors=errors,
        exit_code=failed if errors else DONE,
    )  # fmt: skip


def reconcile(call: Call, *, account: AccountArgument = None) -> Answer:
    """Hold the books against Ghostfolio's activities and balances; nothing is changed on either side."""
    from prudent.workflows.mirror_check import compare
    from prudent.workflows.mirror_link import connected

    desk = call.open()
    chosen = _chosen(call, desk, account)
    with connected(desk) as connection:
        found = [compare(desk, connection, name) for name in chosen]
    return _compared(found)


def rebuild(
    call: Call, account: Annotated[str, typer.Argument(metavar="ACCOUNT", help="The account.")]
) -> Answer:  # fmt: skip
    """Make Ghostfolio show one account as the books have it; what others booked there stays and is named."""
    from prudent.workflows.mirror_check import rebuild as anew
    from prudent.workflows.mirror_link import connected, one_writer

    desk = call.open()
    (name,) = _chosen(call, desk, account)
    with connected(desk) as connection, one_writer(desk.home):
        found = anew(desk, connection, name)
    compared = _compared([found.after])
    said = f"{name}: {found.removed} removed, {found.told.booked} booked, cash set"
    return Answer(
        data={"removed": found.removed, "booked": found.told.booked, "after": compared.data},
        blocks=[said, *compared.blocks], errors=compared.errors, exit_code=compared.exit_code,
    )  # fmt: skip


def _compared(found: "list[Comparison]") -> Answer:
    differences = [(each.account, one) for each in found for one in each.differences]
    errors = [
        Problem(code=VerificationMismatch.code, message=f"{account}: {one.what}: {one.why}")
        for account, one in differences
    ]
    return Answer(
        data=[
            {
                "account": each.account, "there": each.there or None, "activities": each.activities,
                "waiting": each.waiting, "foreign": each.foreign, "agrees": each.agrees,
                "differences": each.differences,
            }
            for each in found
        ],
        blocks=[
            Table(
                title="Ghostfolio and the books", columns=("account", ">activities", ">waiting", "result"),
                rows=[
                    (
                        each.account, str(each.activities), str(each.waiting),
                        "agrees" if each.agrees else f"{len(each.differences)} differences",
                    )
                    for each in found
                ],
                empty="no account is mirrored",
            ),
            *_differences(differences),
        ],
        errors=errors,
        exit_code=VerificationMismatch.exit_code if errors else DONE,
    )  # fmt: skip


def _differences(found: "list[tuple[str, Difference]]") -> list[Table | str]:
    if not found:
        return []
    rows = [(account, one.what, one.ours, one.theirs, one.why) for account, one in found]
    table = Table(title="Differences", columns=("account", "what", "books", "Ghostfolio", "why"), rows=rows)
    return [table, "`invest ghostfolio rebuild ACCOUNT` makes Ghostfolio show the books"]


def _chosen(call: Call, desk: "Desk", account: str | None) -> tuple[str, ...]:
    """The mirrored accounts, or the one that was named."""
    from prudent.workflows.mirror_link import mirrored

    known = mirrored(desk)
    if account is None:
        return known
    if call.account(desk, account) not in known:
        raise InputError(f"account {account} must be open and mirrored; see ghostfolio.accounts in invest.yaml")
    return (account,)
