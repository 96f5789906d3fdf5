"""What a client's order means: the ticket of a placeOrder request, or why the gateway cannot take it."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from prudent.domain.money import ZERO
from prudent.domain.orders import Side
from prudent.exchange.paper.words import Contract, Kind, Ticket, Tif
from prudent.gateway.codec.requests import REQUESTS
from prudent.gateway.codec.rows import scalars
from prudent.gateway.replies import ZONE

PLACE = REQUESTS[3]
REJECTED, BAD_TYPE, BAD_TIF, BAD_SIDE = 201, 387, 10052, 116
ADAPTIVE = "Adaptive"
_KINDS = {kind.value: kind for kind in Kind} | {"STPLMT": Kind.STOP_LIMIT, "TRAILLIMIT": Kind.TRAIL_LIMIT}
_TIFS = {tif.value: tif for tif in Tif} | {"": Tif.DAY}
_SIDES = {"BUY": Side.BUY, "SELL": Side.SELL, "SSHORT": Side.SELL}
# Answers say something of these where a client says nothing.
_TOLD_UNSET = frozenset({"openClose", "exemptCode"})
# What would change how an order trades, and is not done here: said rather than dropped.
_NOT_DONE = (
    "conditions", "hedgeType", "goodAfterTime", "allOrNone", "minQty", "discretionaryAmt", "scalePriceIncrement",
    "cashQty", "faGroup", "faPercentage", "percentOffset", "scaleTable", "hasNeutral", "minTradeQty",
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class NotTaken:
    """Why an order never reaches the exchange."""

    code: int
    text: str


def ticket(said: Mapping[str, Any], client_id: int, contract: Contract, account: str) -> Ticket | NotTaken:
    """The order that `said` asks for, on `contract`."""
    refused = _refusal(said)
    if refused is not None:
        return refused
    try:
        good_till = moment(said["goodTillDate"])
    except ValueError:
        return NotTaken(code=REJECTED, text=f"Order rejected - reason:Invalid good till date {said['goodTillDate']}")
    kind = _KINDS[said["orderType"]]
    stops = kind in (Kind.STOP, Kind.STOP_LIMIT)
    trails = kind in (Kind.TRAIL, Kind.TRAIL_LIMIT)
    percent = said["trailingPercent"] or None
    return Ticket(
        client_id=client_id, order_id=said["orderId"], account=said["account"] or account, contract=contract,
        action=_SIDES[said["action"]], quantity=said["totalQuantity"] or ZERO, kind=kind, tif=_TIFS[said["tif"]],
        limit=said["lmtPrice"] if kind in _LIMITED or kind is Kind.TRAIL_LIMIT else None,
        stop=said["auxPrice"] if stops or (trails and percent is None) else None,
        trail_stop=said["trailStopPrice"] if trails else None,
        trail_percent=percent if trails else None,
        limit_offset=said["lmtPriceOffset"] if kind is Kind.TRAIL_LIMIT else None,
        good_till=good_till, outside_rth=said["outsideRth"], transmit=said["transmit"], parent_id=said["parentId"],
        oca_group=said["ocaGroup"], oca_type=said["ocaType"], order_ref=said["orderRef"], adaptive=_adaptive(said),
        what_if=said["whatIf"], echo=scalars(PLACE, said, always=_TOLD_UNSET),
    )  # fmt: skip


_LIMITED = (Kind.LIMIT, Kind.STOP_LIMIT, Kind.LIMIT_ON_CLOSE, Kind.MIDPRICE)


def _refusal(said: Mapping[str, Any]) -> NotTaken | None:
    if said["action"] not in _SIDES:
        return NotTaken(code=BAD_SIDE, text=f"Order side must be BUY or SELL, was {said['action'] or 'empty'}")
    if said["orderType"] not in _KINDS:
        return NotTaken(code=BAD_TYPE, text=f"Unsupported order type for this exchange: {said['orderType'] or 'empty'}")
    if said["tif"] not in _TIFS:
        return NotTaken(code=BAD_TIF, text=f"Invalid time in force:{said['tif']}")
    if said["algoStrategy"] not in ("", ADAPTIVE):
        return _not_done(f"algoStrategy {said['algoStrategy']}")
    asked = [name for name in _NOT_DONE if said.get(name)]
    return _not_done(", ".join(asked)) if asked else None


def _not_done(what: str) -> NotTaken:
    return NotTaken(code=REJECTED, text=f"Order rejected - reason:not supported by the paper gateway: {what}")


def _adaptive(said: Mapping[str, Any]) -> str:
    """The priority of the Adaptive algorithm; empty where the order does not use it."""
    if said["algoStrategy"] != ADAPTIVE:
        return ""
    params: list[Mapping[str, str]] = said.get("algoParams", [])
    return next((each["value"] for each in params if each["tag"] == "adaptivePriority"), "Normal")


def moment(text: str) -> datetime | None:
    """A moment as clients write it, None for nothing.

    `YYYYMMDD-HH:MM:SS` is UTC; `YYYYMMDD HH:MM:SS` is New York's, or of the zone named after it.

    Raises:
        ValueError: it is none of these.
    """
    words = text.split()
    if not words:
        return None
    if len(words) == 1 and "-" in words[0]:
        return datetime.strptime(words[0], "%Y%m%d-%H:%M:%S").replace(tzinfo=UTC)
    if len(words) == 1:
        return datetime.strptime(words[0], "%Y%m%d").replace(tzinfo=ZONE).astimezone(UTC)
    try:
        zone = ZoneInfo(words[2]) if len(words) > len(("day", "time")) else ZONE
    except ZoneInfoNotFoundError as error:
        raise ValueError(f"unknown zone {words[2]}") from error
    return datetime.strptime(f"{words[0]} {words[1]}", "%Y%m%d %H:%M:%S").replace(tzinfo=zone).astimezone(UTC)
