"""What happens to a live order at one look at the market: it waits, works, trades, or ends."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from decimal import Decimal

from prudent.domain.money import ZERO
from prudent.exchange.paper import families
from prudent.exchange.paper.act import Act, Part, Quote
from prudent.exchange.paper.booking import book, commission, fee_currency, side_of, tell_position
from prudent.exchange.paper.books import Order
from prudent.exchange.paper.margin import allows, trades_of
from prudent.exchange.paper.matching import (
    Match,
    auction_price,
    is_away,
    is_for_auction,
    looked_at,
    match,
    take,
    waits_for_trigger,
)
from prudent.exchange.paper.words import Contract, Event, Execution, Kind, SecType, Status, Tif

_AT_ONCE = (Tif.IOC, Tif.FOK)
_DIRECTED = (SecType.STOCK, SecType.OPTION, SecType.FUTURE)


def look(act: Act, order: Order) -> None:
    """One look at the market for a live order."""
    if not order.sent or families.is_held(act, order):
        return
    ticket = order.view.ticket
    if order.expires is not None and act.at >= order.expires:
        _expire(act, order)
    elif is_for_auction(ticket):
        _auction(act, order)
    elif act.is_open(ticket.contract, outside=ticket.outside_rth):
        _work(act, order)
    elif ticket.tif in _AT_ONCE:
        _expire(act, order)


def _work(act: Act, order: Order) -> None:
    ticket = order.view.ticket
    quote = act.quote(ticket.contract)
    order = _moved(act, order, looked_at(act, order, quote))
    if waits(order, quote):
        if ticket.tif in _AT_ONCE:
            _expire(act, order)
        return
    if order.view.status is Status.PRE_SUBMITTED:
        order = act.tell(replace(order, view=replace(order.view, status=Status.SUBMITTED)))
    found = match(act, order, quote)
    if found is not None and quote is not None:
        take(act, ticket, quote, found.quantity)
        order = trade(act, order, found)
    elif quote is not None and not order.rested and is_away(act, order, quote):
        order = replace(order, rested=True)
        act.books.put_order(order)
    if not order.view.status.is_done and (ticket.tif in _AT_ONCE or _is_cut(order)):
        _expire(act, order)


def _moved(act: Act, order: Order, now: Order) -> Order:
    if now != order:
        act.books.put_order(now)
    return now


def waits(order: Order, quote: Quote | None) -> bool:
    """A stop that is not reached, and a market order that has nothing to meet, are held."""
    if waits_for_trigger(order):
        return True
    ticket = order.view.ticket
    return ticket.kind is Kind.MARKET and (quote is None or quote.opposite(ticket.action) is None)


def _is_cut(order: Order) -> bool:
    """The rest of a market order sent to one exchange is not carried on."""
    ticket = order.view.ticket
    directed = ticket.contract.exchange not in ("SMART", "") and ticket.contract.sec_type in _DIRECTED
    return directed and ticket.kind is Kind.MARKET and order.view.filled > 0


def _auction(act: Act, order: Order) -> None:
    if order.due is None or act.at < order.due:
        return
    ticket = order.view.ticket
    price = auction_price(order, act.quote(ticket.contract))
    if price is None:
        _expire(act, order)
        return
    order = act.tell(replace(order, view=replace(order.view, status=Status.SUBMITTED)))
    trade(act, order, Match(price=price, quantity=order.view.remaining, auction=True))


def _expire(act: Act, order: Order) -> None:
    families.end(act, order)


def trade(act: Act, order: Order, found: Match) -> Order:
    """Books a match, tells it, and lets the order's relatives know; without the margin for it the order ends."""
    ticket = order.view.ticket
    reason = allows(act, ticket.account, trades_of(act, ticket, found.quantity, found.price))
    if reason:
        families.end(act, order, reason=reason)
        return act.books.find(*order.id) or order
    order = _filled(order, found)
    for each in _prints(act, order, found):
        order = _execute(act, order, each)
    order = act.tell(order)
    families.after_fill(act, order, found.quantity)
    return order


@dataclass(frozen=True, slots=True, kw_only=True)
class _Print:
    """What a match trades of one contract: of the order's own, or of the leg at `index` of a combo."""

    part: Part
    price: Decimal
    quantity: Decimal
    index: int
    exec_id: str


def _filled(order: Order, found: Match) -> Order:
    view = order.view
    filled = view.filled + found.quantity
    average = (view.average_price * view.filled + found.price * found.quantity) / filled
    status = Status.FILLED if filled >= view.ticket.quantity else Status.SUBMITTED
    return replace(
        order,
        view=replace(view, filled=filled, average_price=average, last_price=found.price, status=status, why_held=""),
    )


def _prints(act: Act, order: Order, found: Match) -> tuple[_Print, ...]:
    contract, number = order.view.ticket.contract, act.books.draw("execution")
    parts = act.parts(contract)
    if contract.sec_type is not SecType.COMBO:
        (part,) = parts
        return (_Print(part=part, price=found.price, quantity=found.quantity, index=0, exec_id=exec_id(number, 1)),)
    _tell_combo(act, order, found, exec_id(number, 1))
    prices = _leg_prices(act, order, parts, found)
    return tuple(
        _Print(
            part=part, price=price, quantity=part.ratio * found.quantity, index=leg, exec_id=exec_id(number, leg + 2)
        )
        for leg, (part, price) in enumerate(zip(parts, prices))
    )  # fmt: skip


def _tell_combo(act: Act, order: Order, found: Match, id_: str) -> None:
    """The execution of the combo itself moves nothing and costs nothing."""
    view, ticket = order.view, order.view.ticket
    execution = Execution(
        exec_id=id_, perm_id=view.perm_id, client_id=ticket.client_id, order_id=ticket.order_id,
        order_ref=ticket.order_ref, account=ticket.account, contract=ticket.contract, side=ticket.action,
        quantity=found.quantity, price=found.price, cumulative=view.filled, average_price=view.average_price,
        time=act.at, exchange=ticket.contract.exchange, commission=ZERO, currency=ticket.contract.currency,
    )  # fmt: skip
    act.books.executions.put(execution)
    act.events.append(Event(execution=execution))


def _leg_prices(act: Act, order: Order, parts: Sequence[Part], found: Match) -> list[Decimal]:
    """Each leg at the side of its quote it meets; the first takes what a resting limit differs from that."""
    sign = order.view.ticket.action.sign
    prices = []
    for part in parts:
        top = act.top(part.contract.con_id)
        met = None if top is None else top.ask if part.sign * sign > 0 else top.bid
        prices.append(met or ZERO)
    net = sum((part.sign * part.ratio * price for part, price in zip(parts, prices)), ZERO)
    prices[0] += (found.price - net) * parts[0].sign / parts[0].ratio
    return prices


def _execute(act: Act, order: Order, done: _Print) -> Order:
    """One execution that moves a position."""
    view, ticket, contract = order.view, order.view.ticket, done.part.contract
    cumulative = done.part.ratio * view.filled
    values, fees = _grown(order, done.index)
    values[done.index] += done.quantity * done.price
    fee = max(commission(contract, cumulative, values[done.index]) - fees[done.index], ZERO)
    fees[done.index] += fee
    signed = done.quantity * done.part.sign * ticket.action.sign
    execution = Execution(
        exec_id=done.exec_id, perm_id=view.perm_id, client_id=ticket.client_id, order_id=ticket.order_id,
        order_ref=ticket.order_ref, account=ticket.account, contract=contract, side=side_of(signed),
        quantity=done.quantity, price=done.price, cumulative=cumulative,
        average_price=values[done.index] / cumulative, time=act.at, exchange=_venue(contract),
        commission=fee, currency=fee_currency(contract), liquidity=1 if order.rested else 2,
    )  # fmt: skip
    execute(act, execution, signed)
    return replace(order, values=tuple(values), fees=tuple(fees))


def execute(act: Act, execution: Execution, signed: Decimal) -> None:
    """Books an execution, keeps it and tells it, then the position it made."""
    account, contract = execution.account, execution.contract
    realized = book(act, account, contract, signed, execution.price, execution.commission)
    execution = replace(execution, realized=realized)
    act.books.executions.put(execution)
    act.events.append(Event(execution=execution))
    tell_position(act, account, contract)


def _grown(order: Order, index: int) -> tuple[list[Decimal], list[Decimal]]:
    missing = [ZERO] * (index + 1 - len(order.values))
    return [*order.values, *missing], [*order.fees, *missing]


def exec_id(number: int, leg: int) -> str:
    """Ids of executions are never given twice; a correction would count the last part up."""
    return f"0000e1a7.{number:08x}.{leg:02x}.01"


def _venue(contract: Contract) -> str:
    return contract.primary_exchange or (contract.exchange if contract.exchange != "SMART" else "PAPER")
