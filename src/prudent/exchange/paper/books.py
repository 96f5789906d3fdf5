"""What the paper exchange remembers: orders, executions, accounts, holdings and numbers, as rows that a store keeps."""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any, Generic, TypeVar

from prudent.domain.money import ZERO
from prudent.domain.orders import Side
from prudent.domain.records import decode
from prudent.domain.spelling import spelled
from prudent.exchange.paper.words import Contract, Execution, OrderView

FIRST_PERM_ID = 1_500_000_000
V = TypeVar("V")


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A record that changed, under its lasting key, as canonical JSON; a `body` of None takes it away."""

    kind: str
    key: str
    body: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """An order with what only the exchange knows of it.

    `sent` is False while it waits for a `transmit`. `due` is the auction it is for. `stop` is the stop price now, which
    a trailing order moves. `rested` says that it stood in the book at its limit. `values` and `fees` are what was
    traded (price times size) and paid, in all or, for a combo, by leg.
    """

    view: OrderView
    sent: bool = True
    triggered: bool = False
    rested: bool = False
    stop: Decimal | None = None
    due: datetime | None = None
    expires: datetime | None = None
    values: tuple[Decimal, ...] = ()
    fees: tuple[Decimal, ...] = ()

    @property
    def id(self) -> tuple[int, int]:
        return self.view.ticket.client_id, self.view.ticket.order_id


@dataclass(frozen=True, slots=True, kw_only=True)
class Purse:
    """The cash of an account by currency, what it realized today, and its equity when the day began."""

    account: str
    cash: Mapping[str, Decimal]
    day: str
    opening_equity: Decimal
    realized: Decimal = ZERO


@dataclass(frozen=True, slots=True, kw_only=True)
class Holding:
    """What an account holds of one contract, in the contract's currency.

    `cost` is the signed price paid for all of it with multiplier and commission. `marked` is the same without
    commission since the last settlement of a future. `base` is its value when the day began plus what was traded
    since, so that value - base is the profit of the day. `realized` is that of the day. `last_trade` and `underlying`
    outlive the market's knowledge of an expired contract; `settles` is when a future is next marked to market.
    """

    account: str
    contract: Contract
    quantity: Decimal = ZERO
    cost: Decimal = ZERO
    marked: Decimal = ZERO
    base: Decimal = ZERO
    realized: Decimal = ZERO
    last_trade: datetime | None = None
    underlying: int = 0
    settles: datetime | None = None

    @property
    def average_cost(self) -> Decimal:
        return self.cost / self.quantity if self.quantity else ZERO


@dataclass(frozen=True, slots=True, kw_only=True)
class Taken:
    """How much of one side of a book was already taken from the quote of `time`."""

    con_id: int
    side: Side
    time: datetime
    quantity: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class Number:
    """A count that never goes back: the next perm id, execution, or order id of a client."""

    name: str
    value: int


class Shelf(Generic[V]):
    """Values of one kind by key; it knows what changed since the last `settle` and can take it back."""

    def __init__(self, kind: str, type_: type[V], key_of: Callable[[V], str]) -> None:
        self.kind = kind
        self._type = type_
        self.key_of = key_of
        self._values: dict[str, V] = {}
        self._before: dict[str, V | None] = {}
        # Counts every change: what was worked out from a shelf holds as long as this stands.
        self.turn = 0

    def get(self, key: str) -> V | None:
        return self._values.get(key)

    def __iter__(self) -> Iterator[V]:
        return iter(tuple(self._values.values()))

    def put(self, value: V) -> None:
        key = self.key_of(value)
        self._before.setdefault(key, self._values.get(key))
        self._values[key] = value
        self.turn += 1

    def drop(self, key: str) -> None:
        self._before.setdefault(key, self._values.get(key))
        self._values.pop(key, None)
        self.turn += 1

    def load(self, body: str) -> None:
        value = decode(self._type, json.loads(body))
        self._values[self.key_of(value)] = value

    def changed(self) -> Iterator[Row]:
        for key, before in self._before.items():
            value = self._values.get(key)
            if value is not before:
                yield Row(kind=self.kind, key=key, body=None if value is None else spelled(value))

    def settle(self) -> None:
        self._before.clear()

    def undo(self) -> tuple[str, ...]:
        """Takes back what changed since the last `settle`; the keys it was about."""
        keys = tuple(self._before)
        for key, before in self._before.items():
            if before is None:
                self._values.pop(key, None)
            else:
                self._values[key] = before
        self._before.clear()
        return keys


@dataclass(slots=True)
class _Index:
    """Where orders are found besides by perm id; what it names may have changed since, so readers look again."""

    by_id: dict[tuple[int, int], str] = field(default_factory=dict)
    children: dict[tuple[int, int], dict[str, None]] = field(default_factory=dict)
    groups: dict[tuple[str, str], dict[str, None]] = field(default_factory=dict)
    live: dict[str, None] = field(default_factory=dict)


class Books:
    """All of the exchange's memory; `changes` are the rows of the act in progress."""

    def __init__(self) -> None:
        self.orders = Shelf("order", Order, lambda order: str(order.view.perm_id))
        self.executions = Shelf("execution", Execution, lambda execution: execution.exec_id)
        self.purses = Shelf("account", Purse, lambda purse: purse.account)
        self.holdings = Shelf("holding", Holding, lambda held: holding_key(held.account, held.contract.con_id))
        self.taken = Shelf("taken", Taken, lambda taken: f"{taken.con_id}/{taken.side}")
        self.numbers = Shelf("number", Number, lambda number: number.name)
        self._index = _Index()

    def load(self, rows: Iterable[Row]) -> None:
        """Takes up what a store kept.

        Raises:
            ValueError: a row is of a kind or form that this exchange does not write.
        """
        shelves = {shelf.kind: shelf for shelf in self._shelves()}
        for row in rows:
            if row.kind not in shelves:
                raise ValueError(f"row kind must be one of {', '.join(shelves)}, was {row.kind!r}")
            if row.body is not None:
                shelves[row.kind].load(row.body)
        for order in self.orders:
            self._find_by(order)

    def changes(self) -> tuple[Row, ...]:
        return tuple(row for shelf in self._shelves() for row in shelf.changed())

    def state(self) -> tuple[Row, ...]:
        """Everything as rows, in the order it came."""
        return tuple(
            Row(kind=shelf.kind, key=shelf.key_of(value), body=spelled(value))
            for shelf in self._shelves()
            for value in shelf
        )

    def settle(self) -> None:
        for shelf in self._shelves():
            shelf.settle()

    def undo(self) -> None:
        for shelf in self._shelves():
            keys = shelf.undo()
            if shelf is self.orders:
                for key in keys:
                    self._again(key)

    def put_order(self, order: Order) -> None:
        self.orders.put(order)
        self._find_by(order)

    def find(self, client_id: int, order_id: int) -> Order | None:
        """The last order of that client under that id."""
        order = self.orders.get(self._index.by_id.get((client_id, order_id), ""))
        return order if order is not None and order.id == (client_id, order_id) else None

    def live(self) -> tuple[Order, ...]:
        """Orders that are not done, the oldest first."""
        return self._those(sorted(self._index.live, key=int))

    def children_of(self, order: Order) -> tuple[Order, ...]:
        known = self._those(self._index.children.get(order.id, ()))
        return tuple(each for each in known if (each.id[0], each.view.ticket.parent_id) == order.id)

    def group_of(self, order: Order) -> tuple[Order, ...]:
        ticket = order.view.ticket
        group = (ticket.account, ticket.oca_group)
        known = self._those(self._index.groups.get(group, ())) if ticket.oca_group else ()
        return tuple(each for each in known if (each.view.ticket.account, each.view.ticket.oca_group) == group)

    def holding(self, account: str, con_id: int) -> Holding | None:
        return self.holdings.get(holding_key(account, con_id))

    def held_by(self, account: str) -> tuple[Holding, ...]:
        return tuple(held for held in self.holdings if held.account == account)

    def purse(self, account: str) -> Purse:
        purse = self.purses.get(account)
        if purse is None:
            raise KeyError(account)
        return purse

    def number(self, name: str, first: int = 1) -> int:
        """The number that `name` will give out next."""
        found = self.numbers.get(name)
        return first if found is None else found.value

    def draw(self, name: str, first: int = 1) -> int:
        """Gives out a number of that name, once."""
        value = self.number(name, first)
        self.numbers.put(Number(name=name, value=value + 1))
        return value

    def pass_number(self, name: str, value: int) -> None:
        """From now on that name gives out numbers above `value`."""
        if value >= self.number(name):
            self.numbers.put(Number(name=name, value=value + 1))

    def _shelves(self) -> tuple[Shelf[Any], ...]:
        return self.purses, self.numbers, self.orders, self.executions, self.holdings, self.taken

    def _those(self, keys: Iterable[str]) -> tuple[Order, ...]:
        return tuple(order for key in keys if (order := self.orders.get(key)) is not None)

    def _find_by(self, order: Order) -> None:
        key, ticket = str(order.view.perm_id), order.view.ticket
        self._index.by_id[order.id] = key
        if ticket.parent_id:
            self._index.children.setdefault((ticket.client_id, ticket.parent_id), {})[key] = None
        if ticket.oca_group:
            self._index.groups.setdefault((ticket.account, ticket.oca_group), {})[key] = None
        if order.view.status.is_done:
            self._index.live.pop(key, None)
        else:
            self._index.live[key] = None

    def _again(self, key: str) -> None:
        order = self.orders.get(key)
        if order is None:
            self._index.live.pop(key, None)
        else:
            self._find_by(order)


def holding_key(account: str, con_id: int) -> str:
    return f"{account}/{con_id}"
