"""The second phase: what the approved buys may still be, once sells are terminal and the cash is really there."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from decimal import Decimal

import numpy as np

from prudent.domain.cycles import Observation
from prudent.domain.mandate import Mandate
from prudent.domain.money import ZERO, to_cents
from prudent.domain.orders import Side
from prudent.domain.plans import OrderPlan, PlannedOrder
from prudent.exchange.fees import commission_row, model_code, split_cost
from prudent.pipeline.plan.book import Book, Line, read_book
from prudent.pipeline.plan.rolls import still_held
from prudent.pipeline.plan.sizing import FLOOR, SizingColumns, SizingRules, fit_to_cash


def phase_two(
    plan: OrderPlan, observation: Observation, approved_quantities: Mapping[str, Decimal], mandate: Mandate
) -> tuple[PlannedOrder, ...]:
    """The plan's second-phase orders, lowered to what was approved and by one common factor to the cash at hand.

    Open buys keep their reserve, unfilled sells and new shorts bring nothing, fees count. Slices of one parent share
    its quantity, first slices first. Nothing is ever raised above its approved quantity. What a roll has not closed of
    its old month is not opened in the new one.
    """
    unrolled = still_held(observation, plan.orders)
    orders = [
        replace(order, quantity=min(approved_quantities[order.order_ref], order.quantity))
        for order in plan.orders
        if order.phase == 2 and approved_quantities.get(order.order_ref, ZERO) > 0
    ]
    book = read_book(observation, [order.symbol for order in orders], _without_block(mandate))
    lines = {line.symbol: line for line in book.lines}
    left = _affordable(orders, book, lines, mandate)
    lowered = []
    for order in orders:
        quantity = order.quantity
        if order.side is Side.BUY:
            quantity = min(quantity, left[order.symbol])
            left[order.symbol] -= quantity
        if order.roll:
            short = min(quantity, unrolled.get(order.roll, ZERO))
            unrolled[order.roll] = unrolled.get(order.roll, ZERO) - short
            quantity -= short
        if quantity > 0:
            lowered.append(_lower(order, quantity, lines[order.symbol], mandate))
    return tuple(lowered)


def _affordable(
    orders: Sequence[PlannedOrder], book: Book, lines: Mapping[str, Line], mandate: Mandate
) -> dict[str, Decimal]:
    """Quantity per bought symbol that the cash pays; whole approved quantities where it pays them all."""
    wanted: dict[str, Decimal] = {}
    cash = book.spendable
    for order in orders:
        if order.side is Side.BUY:
            wanted[order.symbol] = wanted.get(order.symbol, ZERO) + order.quantity
        else:
            cash -= order.estimated_fee
    cash -= split_cost(mandate.costs, sum(order.side is Side.BUY for order in orders) - len(wanted))
    symbols = sorted(wanted)
    prices = {order.symbol: _buy_price(order, lines[order.symbol]) for order in orders}
    columns = _columns([lines[symbol] for symbol in symbols], prices)
    lots = np.array([float(wanted[symbol] / lines[symbol].lot) for symbol in symbols])
    before = lots.copy()
    rules = SizingRules(base=0.0, cash=0.0, minimum=0.0, allocator=FLOOR, model=model_code(mandate.costs))
    fit_to_cash(columns, rules, float(cash), lots)
    return {
        symbol: wanted[symbol] if lots[i] == before[i] else Decimal(round(float(lots[i]))) * lines[symbol].lot
        for i, symbol in enumerate(symbols)
    }


def _columns(lines: Sequence[Line], prices: Mapping[str, Decimal]) -> SizingColumns:
    """Sizing columns of what the buys cost; they hold nothing and trade from nothing."""
    zeros = np.zeros(len(lines))
    each = [prices[line.symbol] * line.rate for line in lines]
    return SizingColumns(
        weight=zeros,
        trades=np.ones(len(lines), np.int64),
        unit=np.array([float(price * line.multiplier * line.lot) for price, line in zip(each, lines)]),
        price=np.array([float(price) for price in each]),
        multiplier=np.array([float(line.multiplier) for line in lines]),
        lot=np.array([float(line.lot) for line in lines]),
        held=zeros,
        open_buy=zeros,
        open_sell=zeros,
    )


def _buy_price(order: PlannedOrder, line: Line) -> Decimal:
    """The most a limit order pays, else the price of this moment, else the plan's."""
    if order.limit_price is not None:
        return order.limit_price
    return line.price if line.price is not None else order.reference_price


def _lower(order: PlannedOrder, quantity: Decimal, line: Line, mandate: Mandate) -> PlannedOrder:
    price = order.reference_price * line.rate
    return replace(
        order,
        quantity=quantity,
        notional=to_cents(quantity * price * line.multiplier),
        estimated_fee=commission_row(mandate.costs, quantity, price, line.multiplier),
    )


def _without_block(mandate: Mandate) -> Mandate:
    """The mandate for reading the book once sells are done: an unpriced holding must not keep the cash from buys."""
    return replace(mandate, planning=replace(mandate.planning, allow_partial=True))
