"""Which function answers which request; those that no paper account has anything for are answered as empty."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from prudent.gateway import dispatch_accounts, dispatch_market, dispatch_orders, replies
from prudent.gateway.codec.rows import Values
from prudent.gateway.dispatch_orders import nothing

if TYPE_CHECKING:
    from prudent.gateway.session import Session

BRANDING = "PAPERGW"


def current_time(session: "Session", _: Values) -> None:
    session.say("currentTime", {"time": replies.epoch(session.house.now())})


def user(session: "Session", said: Values) -> None:
    session.say("userInfo", {"reqId": said["reqId"], "branding": BRANDING})


def _empty(answer: str, **values: str) -> Callable[["Session", Values], None]:
    def say(session: "Session", said: Values) -> None:
        session.say(answer, {**values, **({"reqId": said["reqId"]} if "reqId" in said else {})})

    return say


def adviser(session: "Session", said: Values) -> None:
    session.say("receiveFA", {"kind": said["kind"], "xml": "<ListOfGroups></ListOfGroups>"})


HANDLERS: dict[str, Callable[["Session", Values], None]] = {
    **dispatch_orders.HANDLERS,
    **dispatch_accounts.HANDLERS,
    **dispatch_market.HANDLERS,
    "reqCurrentTime": current_time,
    "reqUserInfo": user,
    "requestFA": adviser,
    "reqScannerParameters": _empty("scannerParameters", xml="<ScanParameterResponse></ScanParameterResponse>"),
    "reqFamilyCodes": _empty("familyCodes"),
    "reqSoftDollarTiers": _empty("softDollarTiers"),
    "reqMktDepthExchanges": _empty("mktDepthExchanges"),
    "reqSmartComponents": _empty("smartComponents"),
    "reqNewsProviders": _empty("newsProviders"),
    "reqNewsBulletins": nothing,
    "cancelNewsBulletins": nothing,
    "setServerLogLevel": nothing,
    "cancelCalculateImpliedVolatility": nothing,
    "cancelCalculateOptionPrice": nothing,
    "startApi": nothing,
}
