"""The floor of the paper exchange: orders in, events out, one act at a time, each kept before it is told."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime
from decimal import Decimal

from prudent.domain.money import ZERO
from prudent.exchange.paper import families, reports
from prudent.exchange.paper.act import Act, Terms
from prudent.exchange.paper.booking import position
from prudent.exchange.paper.books import FIRST_PERM_ID, Books, Order, Purse, Row, holding_key
from prudent.exchange.paper.checks import (
    AT_MARKET,
    about,
    likely_price,
    margin_refusal,
    order_text,
    refusal_of,
)
from prudent.exchange.paper.days import NEW_YORK, assign, auction, day_of, deadline, pass_time
from prudent.exchange.paper.margin import effect, trades_of
from prudent.exchange.paper.matching import is_for_auction
from prudent.exchange.paper.trading import look, waits
from prudent.exchange.paper.words import (
    AccountView,
    Event,
    Execution,
    Kind,
    Line,
    Margin,
    Market,
    OrderView,
    PositionView,
    Profit,
    Refusal,
    Status,
    Ticket,
    Tif,
)

Keep = Callable[[Sequence[Row]], None]
NO_TERMS = Terms()
_IGNORED_OUTSIDE = (
    "Order Event Warning:Attribute 'Outside Regular Trading Hours' is ignored based on the order type and "
    "destination. PlaceOrder is now being processed."
)


def _forget(rows: Sequence[Row]) -> None:
    """Without a store nothing outlives the process."""
    del rows


class Floor:
    """Accounts, orders and trades of the paper exchange.

    Every act gives the rows it changed to `keep` before it returns its events: what a client is told is already kept.
    If that fails the act did not happen, and the failure is raised. `rows` is what a store kept of earlier; accounts
    that it does not know open with the cash given. Not safe for threads: one loop owns it.
    """

    def __init__(
        self, market: Market, accounts: Mapping[str, Decimal], at: datetime, *,
        rows: Iterable[Row] = (), keep: Keep = _forget, terms: Terms = NO_TERMS,
    ) -> None:  # fmt: skip
        self._market = market
        self._keep = keep
        self._terms = terms
        self._books = Books()
        self._books.load(rows)
        with self._act(at) as act:
            for account, cash in accounts.items():
                if self._books.purses.get(account) is None:
                    _open(act, account, cash)

    # Acts

    def place(self, ticket: Ticket, at: datetime) -> tuple[Event, ...]:
        """Takes a new order, or changes the live one of the same ids; what came of it at once.

        Raises:
            ValueError: the ticket only asks `what_if`.
        """
        if ticket.what_if:
            raise ValueError(f"order {ticket.order_id} asks what_if and must not be placed")
        with self._act(at) as act:
            ticket = self._named(ticket)
            known = self._books.find(ticket.client_id, ticket.order_id)
            if known is not None and not known.view.status.is_done:
                _modify(act, known, ticket)
            else:
                _place(act, known, ticket)
        return tuple(act.events)

    def cancel(self, client_id: int, order_id: int, at: datetime) -> tuple[Event, ...]:
        """Cancels an order of that client; 10147 and 10148 where there is none, or it is done."""
        with self._act(at) as act:
            order = self._books.find(client_id, order_id)
            text = f"OrderId {order_id} that needs to be cancelled "
            if order is None:
                act.refuse(
                    Refusal(code=10147, text=text + "is not found.", client_id=client_id, order_id=order_id)
                )  # fmt: skip
            elif order.view.status.is_done:
                act.refuse(about(order.view.ticket, 10148, f"{text}can not be cancelled, state: {order.view.status}."))
            else:
                families.end(act, order)
        return tuple(act.events)

    def cancel_all(self, at: datetime) -> tuple[Event, ...]:
        """Cancels every live order of every client."""
        with self._act(at) as act:
            for order in self._books.live():
                _end_if_live(act, order)
        return tuple(act.events)

    def advance(self, at: datetime) -> tuple[Event, ...]:
        """Looks at the market for every live order, and does what time alone does."""
        with self._act(at) as act:
            pass_time(act)
            for order in self._books.live():
                _look(act, order)
        return tuple(act.events)

    def reset(self, account: str, cash: Decimal, at: datetime) -> tuple[Event, ...]:
        """Starts an account anew with that cash; its history and every id given stay.

        Raises:
            KeyError: there is no such account.
        """
        with self._act(at) as act:
            self._books.purse(account)
            for order in self._books.live():
                if order.view.ticket.account == account:
                    _end_if_live(act, order)
            for held in self._books.held_by(account):
                self._books.holdings.drop(holding_key(account, held.contract.con_id))
                act.events.append(Event(position=position(replace(held, quantity=ZERO, cost=ZERO))))
            _open(act, account, cash)
        return tuple(act.events)

    def assign(self, account: str, con_id: int, quantity: Decimal, at: datetime) -> tuple[Event, ...]:
        """Has a short option assigned before its time; nothing where the account is not short so much of it."""
        with self._act(at) as act:
            held = self._books.holding(account, con_id)
            if held is not None and ZERO < quantity <= -held.quantity:
                assign(act, held, quantity)
        return tuple(act.events)

    # Reads

    def what_if(self, ticket: Ticket, at: datetime) -> Margin | Refusal:
        """What the order would do to the account's margin, or why it would be refused; nothing is changed."""
        ticket = self._named(ticket)
        act = self._look_at(at)
        refusal = refusal_of(act, ticket)
        if refusal is not None:
            return refusal
        price = likely_price(act, ticket)
        if price is None:
            return about(ticket, 201, "Order rejected - reason:No price is known for the contract.")
        return effect(act, ticket.account, trades_of(act, ticket, ticket.quantity, price))

    @property
    def accounts(self) -> tuple[str, ...]:
        return tuple(purse.account for purse in self._books.purses)

    def next_order_id(self, client_id: int) -> int:
        """One above every order id this client has used."""
        return self._books.number(_id_name(client_id))

    def order(self, client_id: int, order_id: int) -> OrderView | None:
        found = self._books.find(client_id, order_id)
        return None if found is None else found.view

    def open_orders(self) -> tuple[OrderView, ...]:
        return tuple(order.view for order in self._books.live())

    def completed(self, since: datetime | None = None) -> tuple[OrderView, ...]:
        """Orders that are done, by when they were accepted."""
        views = (order.view for order in self._books.orders)
        return tuple(view for view in views if view.status.is_done and (since is None or view.changed >= since))

    def executions(self, since: datetime | None = None) -> tuple[Execution, ...]:
        return tuple(each for each in self._books.executions if since is None or each.time >= since)

    def positions(self, account: str = "") -> tuple[PositionView, ...]:
        """What is held, in all accounts or in one."""
        held = (each for each in self._books.holdings if each.quantity and account in ("", each.account))
        return tuple(position(each) for each in held)

    def account_values(self, account: str, at: datetime) -> AccountView:
        """Raises KeyError for an unknown account, as all reads of one account do."""
        return reports.account_values(self._look_at(at), account)

    def portfolio(self, account: str, at: datetime) -> tuple[Line, ...]:
        return reports.portfolio(self._look_at(at), account)

    def profit(self, account: str, at: datetime, con_id: int | None = None) -> Profit:
        """Of the account in the base currency or, with a `con_id`, of one contract in its own."""
        return reports.profit(self._look_at(at), account, con_id)

    def state(self) -> tuple[Row, ...]:
        """All of the memory as rows: a floor made from them goes on as this one would."""
        return self._books.state()

    def _look_at(self, at: datetime) -> Act:
        return Act(self._books, self._market, self._terms, at)

    @contextmanager
    def _act(self, at: datetime) -> Iterator[Act]:
        act = self._look_at(at)
        kept = False
        try:
            yield act
            rows = self._books.changes()
            if rows:
                self._keep(rows)
            kept = True
        finally:
            if kept:
                self._books.settle()
            else:
                self._books.undo()

    def _named(self, ticket: Ticket) -> Ticket:
        """An order without an account is for the only one there is."""
        return replace(ticket, account=self.accounts[0]) if not ticket.account and len(self.accounts) == 1 else ticket


def _id_name(client_id: int) -> str:
    return f"order_id/{client_id}"


def _open(act: Act, account: str, cash: Decimal) -> None:
    act.books.purses.put(Purse(account=account, cash={"USD": cash}, day=day_of(act.at), opening_equity=cash))


def _end_if_live(act: Act, order: Order) -> None:
    """Ending one order may have ended another."""
    now = act.books.find(*order.id)
    if now is not None and not now.view.status.is_done:
        families.end(act, now)


def _look(act: Act, order: Order) -> None:
    now = act.books.find(*order.id)
    if now is not None and not now.view.status.is_done:
        look(act, now)


def _place(act: Act, known: Order | None, ticket: Ticket) -> None:
    name = _id_name(ticket.client_id)
    if known is not None and known.view.status is Status.FILLED:
        act.refuse(about(ticket, 104, "Cannot modify a filled order."))
        return
    if ticket.order_id < act.books.number(name):
        act.refuse(about(ticket, 103, "Duplicate order id"))
        return
    refusal = refusal_of(act, ticket) or _orphan(act, ticket)
    if refusal is not None:
        act.refuse(refusal)
        return
    ticket, ignored = _plain(ticket)
    act.books.pass_number(name, ticket.order_id)
    order = _planned(act, Order(view=OrderView(
        ticket=ticket, perm_id=act.books.draw("perm_id", FIRST_PERM_ID), status=Status.PRE_SUBMITTED, filled=ZERO,
        average_price=ZERO, last_price=ZERO, accepted=act.at, changed=act.at,
    )))  # fmt: skip
    refusal = margin_refusal(act, ticket, ticket.quantity) if not ticket.parent_id else None
    if refusal is not None:
        view = replace(order.view, status=Status.INACTIVE, refused=refusal.text)
        act.tell(replace(order, view=view))
        act.refuse(refusal)
        return
    _begin(act, order, ignored=ignored)


def _orphan(act: Act, ticket: Ticket) -> Refusal | None:
    if not ticket.parent_id:
        return None
    parent = act.books.find(ticket.client_id, ticket.parent_id)
    if parent is None or (parent.view.status.is_done and parent.view.status is not Status.FILLED):
        return about(ticket, 135, f"Can't find order with ID = {ticket.parent_id}")
    return None


def _plain(ticket: Ticket) -> tuple[Ticket, bool]:
    """Orders at the market trade in regular hours only: the wish for more is dropped, and told."""
    if ticket.outside_rth and ticket.kind in (*AT_MARKET, Kind.LIMIT_ON_CLOSE):
        return replace(ticket, outside_rth=False), True
    return ticket, False


def _planned(act: Act, order: Order) -> Order:
    """The order with its first stop, its auction and its end."""
    ticket = order.view.ticket
    trailing = ticket.kind in (Kind.TRAIL, Kind.TRAIL_LIMIT)
    return replace(
        order, sent=ticket.transmit, stop=ticket.trail_stop if trailing else ticket.stop,
        due=auction(act, ticket), expires=deadline(act, ticket), triggered=False, rested=False,
    )  # fmt: skip


def _begin(act: Act, order: Order, *, ignored: bool) -> None:
    """The first answer to an order that was taken, and its first look at the market with its family's."""
    ticket = order.view.ticket
    is_open = act.is_open(ticket.contract, outside=ticket.outside_rth)
    is_free = order.sent and not families.is_held(act, order)
    works = is_open and is_free and not is_for_auction(ticket) and not waits(order, act.quote(ticket.contract))
    status = Status.SUBMITTED if works else Status.PRE_SUBMITTED
    order = act.tell(replace(order, view=replace(order.view, status=status)))
    if ignored:
        act.warn(order, 2109, _IGNORED_OUTSIDE)
    if order.sent and not is_open and ticket.tif not in (Tif.IOC, Tif.FOK, Tif.OPG):
        opens = act.hours(ticket.contract).open.astimezone(NEW_YORK)
        act.warn(order, 399, (
            f"Order Message:\n{order_text(ticket)}\nWarning: your order will not be placed at the exchange until "
            f"{opens:%Y-%m-%d %H:%M:%S} US/Eastern."
        ))  # fmt: skip
    if ticket.transmit:
        for member in families.transmit(act, order):
            _look(act, member)


def _modify(act: Act, order: Order, ticket: Ticket) -> None:
    """A change is refused as a new order would be; the order then stays as it was."""
    before = order.view.ticket
    same = (before.contract.con_id, before.contract.legs, before.action, before.account, before.parent_id)
    if same != (ticket.contract.con_id, ticket.contract.legs, ticket.action, ticket.account, ticket.parent_id):
        act.refuse(about(ticket, 105, "Order being modified does not match original order"))
        return
    ticket, ignored = _plain(ticket)
    refusal = refusal_of(act, ticket)
    if refusal is None and ticket.quantity <= order.view.filled:
        refusal = about(ticket, 201, f"Order rejected - reason:{order.view.filled} were filled already.")
    if refusal is None and not ticket.parent_id:
        refusal = margin_refusal(act, ticket, ticket.quantity - order.view.filled)
    if refusal is not None:
        act.refuse(refusal)
        return
    sent = order.sent
    order = _planned(act, replace(order, view=replace(order.view, ticket=ticket)))
    _begin(act, replace(order, sent=sent or ticket.transmit), ignored=ignored)
