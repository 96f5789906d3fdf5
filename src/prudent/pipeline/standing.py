"""Whether a plan that had to wait still holds: its book is as it was planned on and no price has moved too far."""

from decimal import Decimal

from prudent.domain.accounts import AccountSnapshot
from prudent.domain.cycles import Draft
from prudent.domain.valuation import usable

COLLAR = Decimal("0.03")
# A cycle makes so many plans that come to nothing; then it ends and the next cycle decides again.
PLANS_MAX = 3
PRICE_MOVED = "price_moved"


def why_broken(draft: Draft) -> str:
    """Why a plan that was judged again no longer holds; empty where it does, and for one that was made just now."""
    if draft.guarded is None:
        return ""
    if _book(draft.observation.snapshot) != _book(draft.guarded.snapshot):
        return "book_changed"
    prices = {quote.symbol: quote.price for quote in draft.guarded.quotes}
    for order in draft.plan.orders:
        price = prices.get(order.symbol)
        # A price that is missing or no price now is for the guards to judge: they let exits go and nothing else.
        if price is None or not usable(price):
            continue
        if not abs(price - order.reference_price) <= COLLAR * order.reference_price:
            return PRICE_MOVED
    return ""


def _book(snapshot: AccountSnapshot) -> tuple[object, ...]:
    held = {position.symbol: position.quantity for position in snapshot.positions if position.quantity != 0}
    live = {(order.order_ref, order.symbol, order.remaining) for order in snapshot.open_orders}
    return held, snapshot.cash, live
