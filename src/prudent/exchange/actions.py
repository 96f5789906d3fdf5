"""Dividends, splits and delistings at the venue: what an action changes in the book of a holder, before the open."""

from dataclasses import replace
from decimal import Decimal

from prudent.domain.accounts import Position
from prudent.domain.corporate_actions import CorporateAction, Dividend, Outcome, Split, outcome
from prudent.domain.money import ZERO
from prudent.domain.orders import OrderStatus
from prudent.exchange.book import COST_STEP, Book, Change, VenueOrder


def act(book: Book, action: CorporateAction) -> Change:
    """The book after `action`; a dividend moves cash, a split quantity and average cost, a delisting pays all out.

    Live orders in a symbol that splits or is delisted are cancelled: they were meant in shares that are no more. Who
    holds nothing and has no order there keeps the book that they had.
    """
    change = Change(book=book)
    if not isinstance(action, Dividend):
        for order in book.orders:
            if order.intent.symbol == action.symbol:
                change = change.then(_cancelled(change.book, order, action))
    position = book.holdings.get(action.symbol)
    if position is None or not position.quantity:
        return change
    done = outcome(position.quantity, action)
    holdings = dict(change.book.holdings)
    if done.after:
        holdings[action.symbol] = replace(
            position, quantity=done.after, average_cost=_average(position, action, done)
        )
    else:
        del holdings[action.symbol]
    return change.then(Change(book=replace(change.book, cash=change.book.cash + done.cash, holdings=holdings)))


def cash_of(book: Book, action: CorporateAction) -> Decimal:
    """What `action` moves in the cash of that book."""
    return outcome(held, action).cash if (held := book.held(action.symbol)) else ZERO


def _average(position: Position, action: CorporateAction, done: Outcome) -> Decimal | None:
    if position.average_cost is None or not isinstance(action, Split):
        return position.average_cost
    # The whole cost stands on all the shares there are after the split; the rest of a share takes its part along.
    return (position.average_cost * position.quantity / (position.quantity + done.grown)).quantize(COST_STEP)


def _cancelled(book: Book, order: VenueOrder, action: CorporateAction) -> Change:
    what = "was split" if isinstance(action, Split) else "trades no more"
    ended = replace(order, status=OrderStatus.CANCELLED, message=f"{action.symbol} {what} on {action.day}")
    return Change(book=book.with_order(ended), orders=(ended,))
