"""The workload with guards, a second time: exact decimals, rows and plain loops, written from the rules' wording.

It shares no code with the product. Guards that cannot bite here (no shorts, no stale prices, no latches) are left
out; if one did bite, the final equity would differ.
"""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from decimal import ROUND_DOWN, ROUND_HALF_UP, Decimal

from portfolio.panel import CASH, COST_BPS, Case, Floats, Panel

CENT, ZERO, ONE = Decimal("0.01"), Decimal(0), Decimal(1)
FILL_STEP, FINE_STEP = Decimal("0.0001"), Decimal("0.000001")
WORST = Decimal("0.01")
LEVEL_MIN, DOLLARS_MIN, PARTICIPATION = Decimal(5), Decimal(100_000), Decimal("0.05")
POSITION_MAX, GROSS_MAX = Decimal("0.20"), ONE
SMALLEST = Decimal(100)


def cents(x: Decimal) -> Decimal:
    return x.quantize(CENT, rounding=ROUND_HALF_UP)


def whole(x: Decimal) -> int:
    return int(x.to_integral_value(rounding=ROUND_DOWN))


@dataclass(slots=True)
class Order:
    """`quantity` shrinks from guard to guard; `cut_by` names the first that made it smaller."""

    symbol: int
    sign: int
    quantity: int
    cut_by: str = ""


@dataclass(slots=True)
class Book:
    cash: Decimal = Decimal(CASH)
    held: dict[int, int] = field(default_factory=dict)

    def value(self, prices: Sequence[Decimal]) -> Decimal:
        return self.cash + sum((cents(q * prices[i]) for i, q in self.held.items()), ZERO)


@dataclass(slots=True)
class Day:
    """What is known at one close."""

    prices: Sequence[Decimal]
    dollars: Sequence[Decimal]
    sector: Sequence[int]
    sector_max: Decimal


class Pass:
    """One layer's walk over a batch: what orders accepted before it may have become at worst."""

    def __init__(self, day: Day, book: Book) -> None:
        self.day, self.book = day, book
        self.cash, self.nlv = book.cash, book.value(day.prices)
        self.proceeds = self.gross_relief = ZERO
        values = {i: cents(q * day.prices[i]) for i, q in book.held.items() if q > 0}
        self.gross = sum(values.values(), ZERO)
        self.sector = Counter[int]()
        for i, value in values.items():
            self.sector[day.sector[i]] += value  # type: ignore[assignment]
        self.sector_relief = Counter[int]()
        self.bought = Counter[int]()

    def worst(self, order: Order) -> Decimal:
        return self.day.prices[order.symbol] * (1 + order.sign * WORST)

    def nlv_after(self, order: Order, quantity: int) -> Decimal:
        return cents(self.nlv - cents(quantity * self.day.prices[order.symbol] * WORST))

    def position(self, order: Order, quantity: int) -> Decimal:
        i = order.symbol
        return cents((self.book.held.get(i, 0) + self.bought[i] + quantity) * self.day.prices[i])

    def accept(self, order: Order) -> None:
        i, quantity, price = order.symbol, order.quantity, self.day.prices[order.symbol]
        value = cents(quantity * price)
        before = self.position(order, 0)
        self.nlv = self.nlv_after(order, quantity)
        if order.sign > 0:
            grown = self.position(order, quantity) - before
            self.gross += grown
            self.sector[self.day.sector[i]] += grown  # type: ignore[assignment]
            self.bought[i] += quantity
            self.cash -= cents(quantity * self.worst(order))
        else:
            left = cents((self.book.held[i] - quantity) * price)
            self.gross_relief += cents(self.book.held[i] * price) - left
            self.sector_relief[self.day.sector[i]] += cents(self.book.held[i] * price) - left  # type: ignore[assignment]
            self.proceeds += cents(quantity * self.worst(order))
        assert value >= 0

    def cash_room(self, order: Order) -> int:
        return _most(order.quantity, self._payable(order, self.cash), self._payable(order, self.cash + self.proceeds))

    def gross_room(self, order: Order) -> int:
        others = self.gross - self.position(order, 0)
        return self._exposure(order, others, GROSS_MAX, self.gross_relief)

    def sector_room(self, order: Order) -> int:
        s = self.day.sector[order.symbol]
        others = Decimal(self.sector[s]) - self.position(order, 0)
        return self._exposure(order, others, self.day.sector_max, Decimal(self.sector_relief[s]))

    def weight_room(self, order: Order) -> int:
        return self._exposure(order, ZERO, POSITION_MAX, ZERO)

    def participation_room(self, order: Order) -> int:
        limit = cents(PARTICIPATION * self.day.dollars[order.symbol])
        price = self.day.prices[order.symbol]
        return _largest(order.quantity, whole(limit / price), lambda q: cents(q * price) <= limit)

    def _payable(self, order: Order, cash: Decimal) -> int:
        price = self.worst(order)
        return _largest(order.quantity, whole(max(cash, ZERO) / price), lambda q: cents(q * price) <= cash)

    def _exposure(self, order: Order, others: Decimal, cap: Decimal, relief: Decimal) -> int:
        price, base = self.day.prices[order.symbol], self.position(order, 0)

        def room(rest: Decimal) -> int:
            guess = whole(max(cap * self.nlv - rest - base, ZERO) / (price * (1 + cap * WORST)))
            return _largest(
                order.quantity, guess,
                lambda q: rest + self.position(order, q) <= cents(cap * self.nlv_after(order, q)),
            )  # fmt: skip

        return _most(order.quantity, room(others), room(others - relief) if relief > 0 else 0)


def _largest(wanted: int, guess: int, fits: Callable[[int], bool]) -> int:
    """The largest quantity up to `wanted` that fits, looked for from near `guess` down."""
    for quantity in range(min(wanted, guess + 2), max(min(wanted, guess) - 4, 0), -1):
        if fits(quantity):
            return quantity
    return 0


def _most(wanted: int, now: int, after_exits: int) -> int:
    """All of it where it fits now, else what fits once the exits before it have filled, else what fits."""
    if now >= wanted:
        return wanted
    return after_exits if after_exits > 0 else now


Guard = tuple[str, Callable[[Pass, Order], int]]
PLATFORM: tuple[Guard, ...] = (
    ("D11", lambda at, o: o.quantity if at.day.prices[o.symbol] > LEVEL_MIN else 0),
    ("D12", lambda at, o: o.quantity if at.day.dollars[o.symbol] > DOLLARS_MIN else 0),
    ("D13", Pass.participation_room),
    ("P01", Pass.cash_room),
)
ACCOUNT: tuple[Guard, ...] = (("P11", Pass.gross_room), ("P08", Pass.weight_room), ("P09", Pass.sector_room))
FUNDING: tuple[Guard, ...] = (("P01", Pass.cash_room), ("P11", Pass.gross_room), ("P09", Pass.sector_room))


def walk(day: Day, book: Book, orders: Sequence[Order], guards: Sequence[Guard]) -> None:
    """One layer over the batch: each order falls to the least that its guards allow."""
    state = Pass(day, book)
    for order in orders:
        if order.sign > 0 and order.quantity > 0:
            allowed = {name: room(state, order) for name, room in guards}
            name, least = min(allowed.items(), key=lambda pair: pair[1])
            if least < order.quantity:
                order.cut_by = name
                enough = cents(least * day.prices[order.symbol]) >= SMALLEST
                order.quantity = least if enough else 0
        if order.quantity > 0:
            state.accept(order)


def judged(day: Day, book: Book, orders: Sequence[Order]) -> None:
    """Platform, account, and once more what waits for exits."""
    before = [order.cut_by for order in orders]
    for layer in (PLATFORM, ACCOUNT, FUNDING):
        walk(day, book, orders, layer)
    for order, name in zip(orders, before):
        order.cut_by = name or order.cut_by


def trade(day: Day, book: Book, orders: Sequence[Order]) -> int:
    """Fill at the close moved by the cost against us, cash to the cent; a buy that cash cannot pay does not trade."""
    traded = 0
    for order in orders:
        if order.quantity == 0:
            continue
        price = day.prices[order.symbol] * (1 + order.sign * Decimal(COST_BPS) / 10_000)
        price = price.quantize(FILL_STEP if price >= 1 else FINE_STEP, rounding=ROUND_HALF_UP)
        after = book.cash - order.sign * cents(order.quantity * price)
        if after < 0:
            continue
        book.cash = after
        book.held[order.symbol] = book.held.get(order.symbol, 0) + order.sign * order.quantity
        traded += 1
    return traded


def planned(day: Day, book: Book, weights: Floats) -> list[Order]:
    """Whole shares to each target, sells first, each side in the order of the symbols."""
    equity = book.value(day.prices)
    changes = [
        (i, whole(Decimal(float(w)) * equity / day.prices[i]) - book.held.get(i, 0)) for i, w in enumerate(weights)
    ]
    sells = [Order(i, -1, -change) for i, change in changes if change < 0]
    return sells + [Order(i, 1, change) for i, change in changes if change > 0]


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """Final equity, orders traded, and how many orders each guard refused or made smaller."""

    final: Decimal
    traded: int
    changed: dict[str, int]


def run_reference(case: Case, given: Panel, weights: Floats, sector_max: Decimal) -> Outcome:
    """Plan, judge the plan, then judge and trade the sells, then judge and trade the buys."""
    book, traded, changed = Book(), 0, Counter[str]()
    sector = [int(s) for s in given.sector]
    for row, t in enumerate(case.rebalances):
        day = Day(_exact(given.close[t]), _exact(given.dollars[t]), sector, sector_max)
        orders = planned(day, book, weights[row])
        judged(day, book, orders)
        sells, buys = ([o for o in orders if o.sign == sign] for sign in (-1, 1))
        judged(day, book, sells)
        traded += trade(day, book, sells)
        assert sum((cents(o.quantity * day.prices[o.symbol]) for o in buys), ZERO) <= book.cash
        judged(day, book, buys)
        traded += trade(day, book, buys)
        changed.update(o.cut_by for o in orders if o.cut_by)
    return Outcome(final=book.value(_exact(given.close[-1])), traded=traded, changed=dict(sorted(changed.items())))


def _exact(row: Floats) -> list[Decimal]:
    return [Decimal(repr(float(x))) for x in row]
