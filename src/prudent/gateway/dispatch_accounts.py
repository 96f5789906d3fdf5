"""Requests about accounts: values, holdings, summaries and profits, once or as they change."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from prudent.gateway import replies
from prudent.gateway.codec.rows import Values

if TYPE_CHECKING:
    from prudent.gateway.session import Session

TOO_MANY_SUMMARIES = 322
SUMMARIES_MAX = 2
BAD_ACCOUNT = 321
NO_ACCOUNT = 10021


def managed(session: "Session", _: Values) -> None:
    session.say("managedAccounts", {"accounts": "".join(f"{account}," for account in session.house.accounts)})


def updates(session: "Session", said: Values) -> None:
    """Values and holdings of one account, and from then on what changes of them."""
    if not said["subscribe"]:
        session.streams.account = ""
        return
    account = said["account"] or session.house.default_account
    if account not in session.house.accounts:
        session.refuse(BAD_ACCOUNT, f"Error validating request. Account {account or '(none)'} is not managed here")
        return
    session.streams.account = account
    session.streams.tell_account(everything=True)


def updates_multi(session: "Session", said: Values) -> None:
    key, account = said["reqId"], said["account"]
    for each in _accounts(session, account):
        for name, value, currency in session.house.account_values(each):
            session.say(
                "accountUpdateMulti",
                {"reqId": key, "account": each, "model": said["model"], "key": name, "value": value,
                 "currency": currency},
            )  # fmt: skip
    session.say("accountUpdateMultiEnd", {"reqId": key})


def summary(session: "Session", said: Values) -> None:
    """The named values of all accounts, and from then on what changes of them."""
    key, streams = said["reqId"], session.streams
    if len(streams.summaries) >= SUMMARIES_MAX and key not in streams.summaries:
        text = "Error processing request. Maximum number of account summary requests exceeded"
        session.refuse(TOO_MANY_SUMMARIES, text, key)
        return
    streams.summaries[key] = tuple(said["tags"].split(","))
    streams.tell_summary(key)
    session.say("accountSummaryEnd", {"reqId": key})


def cancel_summary(session: "Session", said: Values) -> None:
    session.streams.forget_summary(said["reqId"])


def positions(session: "Session", _: Values) -> None:
    """All holdings of all accounts, and from then on each that changes."""
    session.streams.positions = True
    for held in session.house.floor.positions():
        session.say("position", replies.position(held))
    session.say("positionEnd", {})


def cancel_positions(session: "Session", _: Values) -> None:
    session.streams.positions = False


def positions_multi(session: "Session", said: Values) -> None:
    key = said["reqId"]
    accounts = set(_accounts(session, said["account"]))
    session.streams.positions_multi[key] = frozenset(accounts)
    for held in session.house.floor.positions():
        if held.account in accounts:
            session.say("positionMulti", {**replies.position(held), "reqId": key, "model": said["model"]})
    session.say("positionMultiEnd", {"reqId": key})


def cancel_positions_multi(session: "Session", said: Values) -> None:
    session.streams.positions_multi.pop(said["reqId"], None)


def pnl(session: "Session", said: Values) -> None:
    _watch_profit(session, said, con_id=0)


def pnl_single(session: "Session", said: Values) -> None:
    _watch_profit(session, said, con_id=said["conId"])


def _watch_profit(session: "Session", said: Values, *, con_id: int) -> None:
    account = said["account"] or session.house.default_account
    if account not in session.house.accounts:
        session.refuse(NO_ACCOUNT, f"Account {account or '(none)'} is not managed here", said["reqId"])
        return
    session.streams.profits[said["reqId"]] = (account, con_id)
    session.streams.tell_profits()


def cancel_pnl(session: "Session", said: Values) -> None:
    session.streams.profits.pop(said["reqId"], None)


def _accounts(session: "Session", account: str) -> tuple[str, ...]:
    """The account that is named, or all of them."""
    return (account,) if account in session.house.accounts else session.house.accounts


HANDLERS: dict[str, Callable[["Session", Values], None]] = {
    "reqManagedAccts": managed,
    "reqAccountUpdates": updates,
    "reqAccountUpdatesMulti": updates_multi,
    "cancelAccountUpdatesMulti": lambda session, said: None,
    "reqAccountSummary": summary,
    "cancelAccountSummary": cancel_summary,
    "reqPositions": positions,
    "cancelPositions": cancel_positions,
    "reqPositionsMulti": positions_multi,
    "cancelPositionsMulti": cancel_positions_multi,
    "reqPnL": pnl,
    "cancelPnL": cancel_pnl,
    "reqPnLSingle": pnl_single,
    "cancelPnLSingle": cancel_pnl,
}
