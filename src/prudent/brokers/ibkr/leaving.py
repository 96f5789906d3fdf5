"""An intent as the order that leaves: its kind, its price on a tick of the venue, its time in force always said."""

from dataclasses import dataclass
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal
from typing import TYPE_CHECKING

from prudent.brokers.ibkr.words import Listed, Style
from prudent.domain.futures import point_value
from prudent.domain.orders import OrderIntent, OrderType, Side

if TYPE_CHECKING:
    from ib_async.contract import Contract
    from ib_async.order import Order

# How far from the price that it was judged at an order without a limit may trade; what reduces risk may go further.
CAP = Decimal("0.01")
CAP_REDUCING = Decimal("0.05")
_ADAPTIVE = "Adaptive"
_PRIORITY = "Normal"


@dataclass(frozen=True, slots=True, kw_only=True)
class Leaving:
    """What goes on the wire for one intent; `limit` None is a market order."""

    ref: str
    account: str
    side: Side
    quantity: Decimal
    kind: str
    tif: str
    limit: Decimal | None = None
    algorithm: str = ""


def leaving(intent: OrderIntent, listed: Listed, account: str, style: Style) -> Leaving:
    """How an intent leaves under the account's style; a limit of its own is kept, on the tick on its safe side."""
    limit = intent.limit_price if intent.type is OrderType.LIMIT else _cap(intent, style)
    if limit is not None:
        limit = on_tick(limit, listed.tick(limit), intent.side)
    kind = "MKT" if limit is None else "LMT"
    if style is Style.CLOSE:
        kind = "MOC" if limit is None else "LOC"
    return Leaving(
        ref=intent.order_ref, account=account, side=intent.side, quantity=intent.quantity, kind=kind,
        tif="DAY" if style in (Style.CLOSE, Style.ADAPTIVE) else str(intent.time_in_force), limit=limit,
        algorithm=_ADAPTIVE if style is Style.ADAPTIVE else "",
    )  # fmt: skip


def _cap(intent: OrderIntent, style: Style) -> Decimal | None:
    """The worst price of an order that has no limit of its own; None where it goes as a market order."""
    if style is not Style.CAPPED or intent.reference_price is None:
        return None
    distance = CAP_REDUCING if intent.effect.reduces else CAP
    return intent.reference_price * (1 + intent.side.sign * distance)


def on_tick(price: Decimal, tick: Decimal, side: Side) -> Decimal:
    """The price on a tick, never worse for us than it was; a price below one tick is one tick."""
    if tick <= 0:
        return price
    steps = (price / tick).to_integral_value(ROUND_FLOOR if side is Side.BUY else ROUND_CEILING)
    return max(steps, Decimal(1)) * tick


def why_not(intent: OrderIntent, listed: Listed) -> str:
    """Why the order must not leave as it is; empty where it may.

    What the venue shows later carries the contract's own name: an order under another one could not be told from it.
    """
    if listed.asset.desk_symbol != intent.symbol:
        return (
            f"{intent.symbol} means {listed.asset.desk_symbol} now, and an order must name its contract; plan it under "
            "that name"
        )
    if listed.asset.sec_type == "FUT" and listed.asset.multiplier != point_value(intent.symbol):
        return (
            f"the multiplier of {intent.symbol} must be {point_value(intent.symbol)} for its value to be right, the "
            f"venue says {listed.asset.multiplier}; nothing of it can be traded from here"
        )
    if intent.quantity % listed.size_step == 0:
        return ""
    return (
        f"quantity of {intent.symbol} must be a multiple of {listed.size_step} at this venue, was {intent.quantity}; "
        "round it down"
    )


def wire_order(order: Leaving, *, what_if: bool = False) -> "Order":
    """The library's order; every field that a gateway might fill by a preset of its own is said."""
    from ib_async.contract import TagValue
    from ib_async.order import Order

    made = Order(
        action=str(order.side), totalQuantity=float(order.quantity), orderType=order.kind, tif=order.tif,
        account=order.account, orderRef=order.ref, transmit=True, outsideRth=False, whatIf=what_if,
    )  # fmt: skip
    if order.limit is not None:
        made.lmtPrice = float(order.limit)
    if order.algorithm:
        made.algoStrategy = order.algorithm
        made.algoParams = [TagValue("adaptivePriority", _PRIORITY)]
    return made


def wire_contract(listed: Listed) -> "Contract":
    """A contract by its lasting id and where to trade it; what else is said of it may contradict the venue."""
    from ib_async.contract import Contract

    return Contract(conId=listed.asset.con_id, exchange=listed.asset.exchange)
