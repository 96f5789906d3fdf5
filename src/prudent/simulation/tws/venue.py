"""The truth at the paper gateways, read from their floors after each act, and what people do there by hand."""

from collections.abc import Callable
from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING

from prudent.domain.money import ZERO
from prudent.domain.orders import Side
from prudent.exchange.paper.floor import Floor
from prudent.exchange.paper.words import Execution as Done
from prudent.exchange.paper.words import Kind, OrderView, Status, Ticket
from prudent.ports import Calendar
from prudent.simulation.timeline import Timeline
from prudent.simulation.truth import Violation
from prudent.simulation.venue import Execution, VenueAccount, VenueOrder

if TYPE_CHECKING:
    from prudent.simulation.tws.site import Site

# The client under which people trade in the gateway's own window.
HAND = 0
_STATES = {Status.FILLED: "filled", Status.CANCELLED: "cancelled", Status.INACTIVE: "rejected"}


class FloorVenue:
    """Implements `VenueSide`. `on_accept` and `on_change` are told once everything has come to rest."""

    def __init__(self, timeline: Timeline, calendar: Calendar) -> None:
        self.timeline = timeline
        self.calendar = calendar
        self.accounts: dict[str, VenueAccount] = {}
        self.halted: dict[str, datetime] = {}
        self.on_accept: Callable[[VenueOrder], None] = lambda order: None
        self.on_change: Callable[[str], None] = lambda account: None
        self._sites: list[Site] = []
        self._read: dict[str, tuple[Floor, int]] = {}
        self._hands = 0
        self._began: dict[str, tuple[Decimal, dict[str, Decimal]]] = {}

    def join(self, site: "Site") -> None:
        self._sites.append(site)

    def site_of(self, account: str) -> "Site":
        return next(each for each in self._sites if account in each.accounts)

    def open_account(self, account: str, cash: Decimal, positions: dict[str, Decimal]) -> None:
        site = self.site_of(account)
        self.accounts[account] = VenueAccount(cash, dict(positions), {})
        self._began[account] = cash, dict(positions)
        site.open(site.accounts[account], cash, positions)

    def refresh(self) -> None:
        """Read what was booked since the last look, and tell of it."""
        for site in self._sites:
            if site.paper is None:
                continue
            stand = (site.paper.floor, site.store.writes)
            if self._read.get(site.owner) == stand:
                continue
            self._read[site.owner] = stand
            for account, name in site.accounts.items():
                self._look(site, account, name)
            site.stirred()

    def _look(self, site: "Site", account: str, name: str) -> None:
        assert site.paper is not None
        floor, book = site.paper.floor, self.accounts[account]
        known = {order.perm_id: order for order in book.orders}
        views = [v for v in (*floor.open_orders(), *floor.completed()) if v.ticket.account == name]
        done: dict[int, list[Done]] = {}
        for each in floor.executions():
            done.setdefault(each.perm_id, []).append(each)
        traded = False
        for view in sorted(views, key=lambda each: each.perm_id):
            order = known.get(view.perm_id)
            is_new = order is None
            if order is None:
                order = _order(account, view)
                book.orders.append(order)
            traded |= _updated(order, view, done.get(view.perm_id, []))
            if is_new and not order.by_hand and order.state != "rejected":
                self.on_accept(order)
            if is_new or traded:
                self._touch(book, order)
        # The money is read as the account's own report says it.
        values = floor.account_values(name, self.timeline.now).values
        book.cash = next(Decimal(text) for tag, text, unit in values if tag == "TotalCashValue" and unit != "BASE")
        book.positions = {each.contract.symbol.replace(" ", "."): each.quantity for each in floor.positions(name)}
        self._add_up(account, book)
        if traded:
            book.moved += 1
            self.on_change(account)

    def _add_up(self, account: str, book: VenueAccount) -> None:
        """What the gateway says of cash and holdings is what its executions make of the beginning."""
        cash, began = self._began[account]
        held = dict(began)
        for each in (done for order in book.orders for done in order.executions):
            cash += each.cash()
            held[each.symbol] = held.get(each.symbol, ZERO) + each.side.sign * each.quantity
        held = {symbol: quantity for symbol, quantity in held.items() if quantity}
        if (cash, held) != (book.cash, book.positions):
            raise Violation(
                "I3", f"the gateway shows {book.cash} and {book.positions} of {account}, its trades make {cash}, {held}"
            )

    def _touch(self, book: VenueAccount, order: VenueOrder) -> None:
        if order.by_hand:
            book.touched = self.timeline.now
            book.touched_symbols.add(order.symbol)

    def find(self, account: str, order_ref: str) -> list[VenueOrder]:
        """Every order under that ref: more than one is what must never be."""
        return [order for order in self.accounts[account].orders if order.order_ref == order_ref]

    # People

    def by_hand(
        self, account: str, symbol: str, side: Side, quantity: Decimal, limit: Decimal | None
    ) -> VenueOrder | None:
        """A person trades in the gateway's window, where it runs."""
        site = self.site_of(account)
        if site.paper is None or not site.runs:
            return None
        self._hands += 1
        house = site.paper.house
        ticket = Ticket(
            client_id=HAND, order_id=self._hands, account=site.accounts[account],
            contract=site.market.stock(symbol).contract, action=side, quantity=quantity,
            kind=Kind.MARKET if limit is None else Kind.LIMIT, limit=limit, order_ref=f"TWS:{self._hands}",
        )  # fmt: skip
        site.act(lambda: house.act(lambda at: house.floor.place(ticket, at)))
        return next(iter(self.find(account, ticket.order_ref)), None)

    def end(self, order: VenueOrder, state: str, message: str = "") -> None:
        """A person cancels what is left of an order."""
        del state, message
        site = self.site_of(order.account)
        if site.paper is None or not order.is_live:
            return
        house = site.paper.house
        client = HAND if order.by_hand else site.client_id
        site.act(lambda: house.act(lambda at: house.floor.cancel(client, order.order_id, at)))

    def split(self, account: str, symbol: str, ratio: int) -> None:
        """No corporate action reaches the paper exchange."""
        raise NotImplementedError(f"{symbol} of {account} cannot be split by {ratio} there")

    def move_money(self, account: str, amount: Decimal) -> None:
        """Nobody pays into it."""
        raise NotImplementedError(f"{amount} cannot be paid into {account} there")


def _order(account: str, view: OrderView) -> VenueOrder:
    ticket = view.ticket
    return VenueOrder(
        ticket.order_ref, account, ticket.contract.symbol.replace(" ", "."), ticket.action, ticket.quantity,
        ticket.limit, ticket.order_id, view.perm_id, view.accepted, by_hand=ticket.client_id == HAND,
    )  # fmt: skip


def _updated(order: VenueOrder, view: OrderView, done: list[Done]) -> bool:
    """Bring it up to date; gives whether it traded."""
    before = len(order.executions)
    order.state = _STATES.get(view.status, "working")
    order.filled, order.message = view.filled, view.refused
    order.ended = view.changed if view.status.is_done else None
    for each in done[before:]:
        order.executions.append(_execution(order, each))
    return len(order.executions) > before


def _execution(order: VenueOrder, each: Done) -> Execution:
    # What follows the last dot is the version of it.
    base = each.exec_id.rpartition(".")[0]
    return Execution(
        base, order.order_ref, order.symbol, each.side, each.quantity, each.price, each.commission or ZERO, each.time,
        each.time, each.time, each.time,
    )  # fmt: skip
