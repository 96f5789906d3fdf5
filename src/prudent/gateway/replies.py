"""Words of the paper exchange as the values of answers: contracts, orders, executions, positions."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

from prudent.domain.money import ZERO
from prudent.domain.orders import Side
from prudent.exchange.paper.words import (
    Contract,
    Execution,
    Line,
    Margin,
    OrderView,
    PositionView,
    Profit,
    SecType,
    Status,
    Ticket,
)

ZONE_NAME = "US/Eastern"
ZONE = ZoneInfo(ZONE_NAME)
SIMULATED = "SIMULATED"


def stamp(at: datetime) -> str:
    """A moment as executions and bars say it; clients drop what carries a zone name that is not IANA's."""
    return f"{at.astimezone(ZONE):%Y%m%d %H:%M:%S} {ZONE_NAME}"


def epoch(at: datetime) -> int:
    return int(at.timestamp())


def midnight(at: datetime) -> datetime:
    """The begin of the day, in New York, that `at` lies in."""
    return at.astimezone(ZONE).replace(hour=0, minute=0, second=0, microsecond=0).astimezone(UTC)


def contract(of: Contract) -> dict[str, Any]:
    """The fields by which answers name a contract."""
    return {
        "conId": of.con_id, "symbol": of.symbol, "secType": of.sec_type.value, "expiry": of.expiry,
        "strike": of.strike, "right": of.right, "multiplier": multiplier(of), "exchange": of.exchange,
        "primaryExchange": of.primary_exchange, "currency": of.currency, "localSymbol": of.local_symbol,
        "tradingClass": of.trading_class,
    }  # fmt: skip


def multiplier(of: Contract) -> str:
    """Empty for what is traded by the unit."""
    return "" if of.sec_type in (SecType.STOCK, SecType.FX, SecType.INDEX, SecType.COMBO) else f"{of.multiplier:f}"


def legs(of: Contract) -> list[dict[str, Any]]:
    return [
        {
            "conId": leg.con_id, "ratio": leg.ratio, "action": leg.action.value, "exchange": leg.exchange,
            "exemptCode": -1,
        }
        for leg in of.legs
    ]  # fmt: skip


def order_values(ticket: Ticket) -> dict[str, Any]:
    """What is told of an order whether it is open or done: what its client said, and what was made of it."""
    return {
        "openClose": "O", "exemptCode": -1, **ticket.echo, **contract(ticket.contract),
        "action": ticket.action.value, "totalQuantity": ticket.quantity, "tif": ticket.tif.value,
        "account": ticket.account, "orderRef": ticket.order_ref, "ocaGroup": ticket.oca_group,
        "ocaType": ticket.oca_type, "parentId": ticket.parent_id, "outsideRth": ticket.outside_rth,
        "deltaNeutralOrderType": "None", "adjustedOrderType": "None", "adjustableTrailingUnit": 0,
        "legs": legs(ticket.contract), "comboParams": [], "legPrices": [],
        "algoParams": [{"tag": "adaptivePriority", "value": ticket.adaptive}] if ticket.adaptive else [],
        "hasNeutral": False, "conditions": [],
    }  # fmt: skip


def open_order(view: OrderView) -> dict[str, Any]:
    """An order that is open, or just ended, for its openOrder message."""
    ticket = view.ticket
    return {
        **order_values(ticket), "orderId": ticket.order_id, "clientId": ticket.client_id, "permId": view.perm_id,
        "status": view.status.value, "warningText": view.refused if view.status is Status.INACTIVE else "",
        "whatIf": False,
    }  # fmt: skip


def what_if(ticket: Ticket, margin: Margin) -> dict[str, Any]:
    """The answer to "what would this order do": never booked, so it has no lasting id."""
    return {
        **order_values(ticket), "orderId": ticket.order_id, "clientId": ticket.client_id, "permId": 0,
        "status": Status.PRE_SUBMITTED.value, "whatIf": True,
        "initMarginBefore": margin.initial_before, "initMarginChange": margin.initial_change,
        "initMarginAfter": margin.initial_after, "maintMarginBefore": margin.maintenance_before,
        "maintMarginChange": margin.maintenance_change, "maintMarginAfter": margin.maintenance_after,
        "equityWithLoanBefore": margin.equity_before, "equityWithLoanChange": margin.equity_change,
        "equityWithLoanAfter": margin.equity_after, "commission": margin.commission,
        "minCommission": margin.commission, "maxCommission": margin.commission, "commissionCurrency": "USD",
    }  # fmt: skip


def order_status(view: OrderView) -> dict[str, Any]:
    ticket = view.ticket
    return {
        "orderId": ticket.order_id, "status": view.status.value, "filled": view.filled, "remaining": view.remaining,
        "avgFillPrice": view.average_price, "permId": view.perm_id, "parentId": ticket.parent_id,
        "lastFillPrice": view.last_price, "clientId": ticket.client_id, "whyHeld": view.why_held, "mktCapPrice": ZERO,
    }  # fmt: skip


def completed_order(view: OrderView) -> dict[str, Any]:
    """A done order: it is told without the ids that its client gave it."""
    ended = {Status.FILLED: f"Filled Size: {view.filled:f}", Status.CANCELLED: "Cancelled by Trader"}
    return {
        **order_values(view.ticket), "permId": view.perm_id, "status": view.status.value,
        "filledQuantity": view.filled, "completedTime": stamp(view.changed),
        "completedStatus": view.refused or ended.get(view.status, view.status.value),
    }  # fmt: skip


def execution(of: Execution, key: int) -> dict[str, Any]:
    """A trade; `key` is the request it answers, -1 for one that just happened."""
    return {
        "reqId": key, "orderId": of.order_id, **contract(of.contract), "execId": of.exec_id, "time": stamp(of.time),
        "account": of.account, "execExchange": of.exchange, "side": "BOT" if of.side is Side.BUY else "SLD",
        "shares": of.quantity, "price": of.price, "permId": of.perm_id, "clientId": of.client_id,
        "cumQty": of.cumulative, "avgPrice": of.average_price, "orderRef": of.order_ref, "liquidity": of.liquidity,
    }  # fmt: skip


def commission(of: Execution) -> dict[str, Any]:
    return {
        "execId": of.exec_id, "commission": of.commission, "currency": of.currency, "realized": of.realized,
        "yield": None, "redemption": None,
    }  # fmt: skip


def position(of: PositionView) -> dict[str, Any]:
    """A holding as lists of positions tell it: stocks come without an exchange."""
    shown = contract(of.contract)
    if of.contract.sec_type is SecType.STOCK:
        shown["exchange"] = ""
    return {**shown, "account": of.account, "position": of.quantity, "averageCost": average_cost(of)}


def average_cost(of: PositionView) -> Any:
    return of.average_cost if of.quantity else ZERO


def portfolio(of: Line) -> dict[str, Any]:
    return {
        **contract(of.contract), "primaryExchange": of.contract.primary_exchange or of.contract.exchange,
        "position": of.quantity, "price": of.price, "value": of.value,
        "averageCost": of.average_cost, "unrealized": of.unrealized, "realized": of.realized, "account": of.account,
    }  # fmt: skip


def profit(of: Profit, key: int) -> Mapping[str, Any]:
    return {"reqId": key, "daily": of.daily, "unrealized": of.unrealized, "realized": of.realized}
