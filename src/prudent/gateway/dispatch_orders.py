"""Requests about orders: place, change, cancel, what-if, and lists of what is open, completed and executed."""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any

from prudent.domain.orders import Side
from prudent.exchange.paper.words import Contract, Execution, Leg, Refusal, SecType, Ticket
from prudent.gateway import replies
from prudent.gateway.codec.rows import Values
from prudent.gateway.tickets import NotTaken, moment, ticket

if TYPE_CHECKING:
    from prudent.gateway.session import Session

NO_DEFINITION = 200
BAD_LEG = 201
_SOLD = {"SELL", "SLD", "SSHORT"}


def place(session: "Session", said: Values) -> None:
    """A new order, a change of one of the client's own, or the question what it would do."""
    house, key = session.house, said["orderId"]
    found = combo(session, said) if said["secType"] == SecType.COMBO.value else house.find_one(said)
    if isinstance(found, NotTaken):
        session.refuse(found.code, found.text, key)
        return
    made = ticket(said, session.client_id, found, house.default_account)
    if isinstance(made, NotTaken):
        session.refuse(made.code, made.text, key)
    elif made.what_if:
        _what_if(session, made)
    else:
        house.act(lambda at: house.floor.place(made, at))


def _what_if(session: "Session", asked: Ticket) -> None:
    answer = session.house.floor.what_if(asked, session.house.now())
    if isinstance(answer, Refusal):
        session.refuse(answer.code, answer.text, asked.order_id)
    else:
        session.say("openOrder", replies.what_if(asked, answer))


def combo(session: "Session", said: Values) -> Contract | NotTaken:
    """The combo whose legs a request names, each of which must be a known contract."""
    legs = []
    for each in said.get("legs", ()):
        if session.house.market.facts(each["conId"]) is None or each["action"] not in ("BUY", "SELL"):
            text = f"No security definition has been found for the leg {each['conId']}"
            return NotTaken(code=NO_DEFINITION, text=text)
        legs.append(
            Leg(con_id=each["conId"], ratio=each["ratio"], action=Side(each["action"]), exchange=each["exchange"])
        )
    if not legs:
        return NotTaken(code=NO_DEFINITION, text="No security definition has been found: a combo needs legs")
    return Contract(
        con_id=0, sec_type=SecType.COMBO, symbol=said["symbol"], currency=said["currency"] or "USD",
        exchange=said["exchange"] or "SMART", local_symbol=said["localSymbol"], legs=tuple(legs),
    )  # fmt: skip


def cancel(session: "Session", said: Values) -> None:
    floor = session.house.floor
    session.house.act(lambda at: floor.cancel(session.client_id, said["orderId"], at))


def cancel_all(session: "Session", _: Values) -> None:
    """Every client's orders: what a person does who presses the button."""
    session.house.act(session.house.floor.cancel_all)


def open_orders(session: "Session", _: Values) -> None:
    _show_open(session, own=True)


def all_open_orders(session: "Session", _: Values) -> None:
    _show_open(session, own=False)


def _show_open(session: "Session", *, own: bool) -> None:
    for view in session.house.floor.open_orders():
        if not own or view.ticket.client_id == session.client_id:
            session.say("openOrder", replies.open_order(view))
            session.say("orderStatus", replies.order_status(view))
    session.say("openOrderEnd", {})


def completed(session: "Session", _: Values) -> None:
    """Orders that ended today; a client recognizes its own by their ref or lasting id."""
    since = replies.midnight(session.house.now())
    for view in session.house.floor.completed():
        if view.changed >= since:
            session.say("completedOrder", replies.completed_order(view))
    session.say("completedOrdersEnd", {})


def executions(session: "Session", said: Values) -> None:
    """Today's trades that pass the filter, of all clients unless it names one."""
    key = said["reqId"]
    try:
        since = max(filter(None, (replies.midnight(session.house.now()), moment(said["time"].replace("-", " ")))))
    except ValueError:
        session.refuse(320, f"Error reading request. The time of the filter cannot be read: {said['time']}", key)
        return
    for each in session.house.floor.executions():
        if _passes(each, said, since):
            session.say("execDetails", replies.execution(each, key))
            if each.contract.sec_type is not SecType.COMBO:
                session.say("commissionReport", replies.commission(each))
    session.say("execDetailsEnd", {"reqId": key})


def _passes(of: Execution, said: Mapping[str, Any], since: datetime) -> bool:
    side = said["side"].upper()
    wanted = (
        (said["clientId"], of.client_id), (said["account"], of.account), (said["symbol"], of.contract.symbol),
        (said["secType"], of.contract.sec_type.value), (said["exchange"], of.exchange),
        (side and ("SELL" if side in _SOLD else "BUY"), of.side.value),
    )  # fmt: skip
    return of.time >= since and all(not asked or asked == has for asked, has in wanted)


def next_id(session: "Session", _: Values) -> None:
    session.say("nextValidId", {"orderId": session.house.next_order_id(session.client_id)})


def nothing(_: "Session", __: Values) -> None:
    """Requests that a client sends and expects no answer to."""


HANDLERS: dict[str, Callable[["Session", Values], None]] = {
    "placeOrder": place,
    "cancelOrder": cancel,
    "reqGlobalCancel": cancel_all,
    "reqOpenOrders": open_orders,
    "reqAllOpenOrders": all_open_orders,
    "reqAutoOpenOrders": nothing,
    "reqCompletedOrders": completed,
    "reqExecutions": executions,
    "reqIds": next_id,
}
