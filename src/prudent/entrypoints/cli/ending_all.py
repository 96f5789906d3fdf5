"""`invest ibkr cancel-everything`: every live order behind a gateway, whoever placed it."""

from typing import TYPE_CHECKING, Annotated

import typer

from prudent.domain.errors import BlockedError, Temporary
from prudent.entrypoints.cli.answer import DONE, Answer, Problem, Table, quantity
from prudent.entrypoints.cli.border import Call
from prudent.entrypoints.cli.confirm import require_typed

if TYPE_CHECKING:
    from collections.abc import Iterable

    from prudent.bootstrap import Desk
    from prudent.domain.orders import OpenOrder
    from prudent.entrypoints.cli.ibkr_link import Look

WORD = "EVERYTHING"
Shown = list[tuple[str, "OpenOrder"]]


def cancel_everything(
    call: Call, *,
    confirm: Annotated[str | None, typer.Option("--confirm", metavar=WORD, help="Needed, or typed when asked.")] = None,
) -> Answer:  # fmt: skip
    """Cancel every live order of every account behind the gateway: also those of other programs and by hand.

    No stop and no kill switch does this: they cancel what is ours, one by one. Exit 4 where something stays live.
    """
    from prudent.brokers.ibkr.everything import cancel_everything as end_all
    from prudent.domain.notices import Event
    from prudent.entrypoints.cli.ibkr_link import looking, target_of
    from prudent.workflows.notices import happened, tell

    desk = call.open()
    own = own_accounts(desk)
    target = target_of(call.folder())
    with looking(target) as look:
        refuse_unlisted(look.others)
        refuse_others(desk, look.accounts, own)
        before = _live(look)
        accounts = ", ".join(look.accounts)
        require_typed(WORD, confirm, act=f"cancelling all {len(before)} live orders of {accounts}, other people's too,")
        refs = [f"{account} {order.order_ref}" for account, order in before]
        desk.ledger.everything_cancelled(str(target.address), refs, at=desk.clock.now())
        tell(desk, happened(desk, Event.STATE_CHANGED, f"every live order behind {target.address} is being cancelled"))
        end_all(look.broker.session, look.accounts)
        left = _live(look)
    still = {(account, order.order_ref) for account, order in left}
    words = f"{len(left)} of {len(before)} orders are still live; look again with `invest ibkr positions`, then repeat"
    return Answer(
        data={
            "address": str(target.address), "accounts": list(look.accounts),
            "orders": [_row(account, each, live=(account, each.order_ref) in still) for account, each in before],
        },
        blocks=[
            Table(
                title=f"Live orders behind {target.address}", empty="none was live",
                columns=("account", "order", "side", ">remaining", "symbol", "ours", "now"),
                rows=[
                    (account, each.order_ref, each.side, quantity(each.remaining), each.symbol,
                     "yes" if each.ours else "no", "live" if (account, each.order_ref) in still else "cancelled")
                    for account, each in before
                ],
            )
        ],
        errors=[Problem(code=Temporary.code, message=words)] if left else [],
        exit_code=Temporary.exit_code if left else DONE,
    )  # fmt: skip


def own_accounts(desk: "Desk") -> set[str]:
    """The gateway's names of the accounts that are configured, each of which must be this person's."""
    own: set[str] = set()
    for account, settings in desk.loaded.settings.accounts.items():
        if settings.ibkr is not None:
            desk.broker_of(account)
            own.add(settings.ibkr.account)
    return own


def refuse_others(desk: "Desk", accounts: "Iterable[str]", own: set[str]) -> None:
    """It reaches every account behind the gateway; where other people are, none may be there that is not one's own.

    Raises:
        BlockedError: one is.
    """
    others = sorted(set(accounts) - own)
    if others and set(desk.ledger.people.directory.owners()) - {desk.ledger.owner}:
        raise BlockedError(
            f"every account behind the gateway must be yours to cancel everything there, {', '.join(others)} is not; "
            "cancel your own with `invest cancel-all`"
        )


def refuse_unlisted(others: "Iterable[str]") -> None:
    """With real money it must reach no account that the profile does not list.

    Raises:
        BlockedError: one is behind the gateway.
    """
    found = ", ".join(sorted(others))
    if found:
        raise BlockedError(
            f"every account behind the gateway must be in ibkr.live.accounts to cancel everything there, {found} is "
            "not; cancel your own with `invest cancel-all`"
        )


def _live(look: "Look") -> Shown:
    return [
        (account, order) for account in look.accounts for order in look.broker.snapshot(account).open_orders
    ]  # fmt: skip


def _row(account: str, order: "OpenOrder", *, live: bool) -> dict[str, object]:
    return {
        "account": account, "id": order.order_ref, "side": order.side, "remaining": order.remaining,
        "symbol": order.symbol, "ours": order.ours, "live": live,
    }  # fmt: skip
