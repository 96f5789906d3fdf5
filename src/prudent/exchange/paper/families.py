"""Orders that depend on each other: brackets of a parent and its children, and groups of which one cancels all."""

from dataclasses import replace
from decimal import ROUND_FLOOR, Decimal

from prudent.exchange.paper.act import Act
from prudent.exchange.paper.books import Order
from prudent.exchange.paper.words import Status

CANCEL_ALL = 1


def is_held(act: Act, order: Order) -> bool:
    """A child waits until its parent is done."""
    parent = parent_of(act, order)
    return parent is not None and not parent.view.status.is_done


def parent_of(act: Act, order: Order) -> Order | None:
    ticket = order.view.ticket
    return act.books.find(ticket.client_id, ticket.parent_id) if ticket.parent_id else None


def family_of(act: Act, order: Order) -> tuple[Order, ...]:
    """Parent, children, and the order itself, the oldest first."""
    parent = parent_of(act, order)
    head = order if parent is None else parent
    members = {each.view.perm_id: each for each in (order, head, *act.books.children_of(head))}
    return tuple(members[perm_id] for perm_id in sorted(members))


def transmit(act: Act, order: Order) -> tuple[Order, ...]:
    """Sends a family that waited for its last member; the live ones of it, the oldest first."""
    sent = []
    for member in family_of(act, order):
        if member.view.status.is_done:
            continue
        if not member.sent:
            member = replace(member, sent=True)
            act.books.put_order(member)
        sent.append(member)
    return tuple(sent)


def end(act: Act, order: Order, *, reason: str = "") -> None:
    """Ends an order; children that waited for it end too, or close as much as it opened."""
    # Ending a relative may have ended this one since it was looked up.
    order = act.books.find(*order.id) or order
    if order.view.status.is_done:
        return
    act.end(order, reason)
    for child in act.books.children_of(order):
        if child.view.status.is_done:
            continue
        if order.view.filled == 0:
            end(act, child, reason="the parent order ended")
        elif _closes(order, child):
            _reduce(act, child, min(child.view.remaining, order.view.filled - child.view.filled))


def after_fill(act: Act, order: Order, quantity: Decimal) -> None:
    """What a trade of `quantity` means for the rest of the order's group and for its siblings."""
    ticket = order.view.ticket
    for other in act.books.group_of(order):
        if other.view.perm_id == order.view.perm_id or other.view.status.is_done:
            continue
        if ticket.oca_type == CANCEL_ALL or order.view.status is Status.FILLED:
            end(act, other, reason="another order of its group was filled")
        else:
            _reduce(act, other, other.view.remaining - _share(order, other, quantity))
    parent = parent_of(act, order)
    if parent is not None:
        _bracket(act, parent, order)


def _share(order: Order, other: Order, quantity: Decimal) -> Decimal:
    """As much of the other order as was traded of this one, in whole units."""
    total = order.view.ticket.quantity - order.view.filled + quantity
    return (other.view.remaining * quantity / total).to_integral_value(rounding=ROUND_FLOOR)


def _bracket(act: Act, parent: Order, order: Order) -> None:
    """Children that close what the parent opened never trade more than it did, together."""
    closing = [child for child in act.books.children_of(parent) if _closes(parent, child)]
    if all(child.view.perm_id != order.view.perm_id for child in closing):
        return
    left = parent.view.filled - sum(child.view.filled for child in closing)
    for child in closing:
        if child.view.perm_id != order.view.perm_id and not child.view.status.is_done:
            _reduce(act, child, left)


def _closes(parent: Order, child: Order) -> bool:
    ours, theirs = parent.view.ticket, child.view.ticket
    same = ours.contract.con_id == theirs.contract.con_id and ours.contract.legs == theirs.contract.legs
    return same and ours.action is not theirs.action


def _reduce(act: Act, order: Order, remaining: Decimal) -> None:
    if remaining <= 0:
        end(act, order, reason="another order of its group was filled")
        return
    order = act.books.find(*order.id) or order
    if remaining < order.view.remaining and not order.view.status.is_done:
        ticket = replace(order.view.ticket, quantity=order.view.filled + remaining)
        act.tell(replace(order, view=replace(order.view, ticket=ticket)))
