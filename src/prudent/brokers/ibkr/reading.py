"""The library's contracts, orders and times in our words."""

from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from prudent.brokers.ibkr.words import ONE, Asset, Listed, ShownOrder, number
from prudent.domain.money import ZERO
from prudent.domain.orders import Side

if TYPE_CHECKING:
    from ib_async.contract import Contract, ContractDetails
    from ib_async.order import Order, OrderState

# Some gateways name time zones as Windows does.
_ZONES = {
    "Eastern Standard Time": "America/New_York", "Central Standard Time": "America/Chicago",
    "Mountain Standard Time": "America/Denver", "Pacific Standard Time": "America/Los_Angeles",
    "GMT Standard Time": "Europe/London", "W. Europe Standard Time": "Europe/Berlin",
    "Romance Standard Time": "Europe/Paris", "Tokyo Standard Time": "Asia/Tokyo",
    "China Standard Time": "Asia/Shanghai", "AUS Eastern Standard Time": "Australia/Sydney",
    "Coordinated Universal Time": "UTC",
}  # fmt: skip


def asset_of(contract: "Contract") -> Asset:
    return Asset(
        con_id=contract.conId, sec_type=contract.secType, symbol=contract.symbol, currency=contract.currency or "USD",
        exchange=contract.exchange, primary=contract.primaryExchange, multiplier=multiplier_of(contract.multiplier),
        local_symbol=contract.localSymbol, trading_class=contract.tradingClass,
        expiry=contract.lastTradeDateOrContractMonth[:8], strike=number(contract.strike) or ZERO,
        right=contract.right if contract.right in ("C", "P") else "",
    )  # fmt: skip


def listed_of(details: "ContractDetails") -> Listed:
    assert details.contract is not None
    step = number(details.sizeIncrement)
    return Listed(
        asset=asset_of(details.contract), name=details.longName, min_tick=number(details.minTick) or ZERO,
        size_step=step if step else ONE, zone=details.timeZoneId, liquid_hours=details.liquidHours,
        order_types=details.orderTypes, exchanges=details.validExchanges, rules=details.marketRuleIds,
        underlying=details.underConId,
    )  # fmt: skip


def shown_order(contract: "Contract", order: "Order", state: "OrderState", order_id: int | None) -> ShownOrder:
    """An open order, or an ended one where there is no id."""
    ended = order_id is None
    text = getattr(state, "completedStatus", "") if ended else getattr(state, "warningText", "")
    return ShownOrder(
        ref=order.orderRef, perm_id=order.permId, account=order.account, asset=asset_of(contract),
        side=Side.BUY if order.action == "BUY" else Side.SELL, quantity=number(_float(order.totalQuantity)) or ZERO,
        status=state.status, limit=number(_float(order.lmtPrice)) if "LMT" in order.orderType else None,
        client_id=-1 if ended else order.clientId, order_id=order_id or 0, completed=ended,
        filled=number(_float(order.filledQuantity)) if ended else None, text=text,
    )  # fmt: skip


def _float(value: float | Decimal | None) -> float | None:
    return None if value is None else float(value)


def multiplier_of(text: str) -> Decimal:
    found = number(text or None)
    return found if found else ONE


def epoch_of(text: str) -> str:
    """The time of a trade, `YYYYMMDD HH:MM:SS ZONE`, in seconds since 1970: what the library reads without guessing.

    Raises:
        ValueError: it has no zone; then nobody can say when it was. Or it is no time.
        KeyError: this machine does not know the zone.
    """
    parts = text.split(" ", 2)
    if len(parts) < 3 or not parts[2].strip():
        raise ValueError(f"the time of a trade must have a zone, was {text!r}")
    day, clock, zone = parts[0], parts[1].split(":"), parts[2].strip()
    if len(day) != 8 or len(clock) != 3:
        raise ValueError(f"the time of a trade must be like 20240304 15:30:00 and a zone, was {text!r}")
    hour, minute, second = map(int, clock)
    there = ZoneInfo(_ZONES.get(zone, zone))
    at = datetime(int(day[:4]), int(day[4:6]), int(day[6:]), hour, minute, second, tzinfo=there)
    return str(int(at.timestamp()))


def is_note(code: int) -> bool:
    """What comes beside an answer and is none."""
    return 2100 <= code < 2200 or code in (10167, 10349)
