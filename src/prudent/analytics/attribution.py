"""Where the profit of a run came from, cycle by cycle, in parts that sum to it to the cent."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from datetime import datetime
from decimal import Decimal
from functools import cached_property

from prudent.domain.money import ZERO, to_cents

Quantities = Mapping[str, Decimal]
ONE = Decimal(1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Trade:
    """One execution: signed quantity, what it did to cash before its commission, and the commission, both in cents.

    `reference` is the price at which it was decided, where that is not the interval's own decision price: an exit that
    another cycle forced while this one waited.
    """

    symbol: str
    quantity: Decimal
    cash: Decimal
    fee: Decimal
    reference: Decimal | None = None


@dataclass(frozen=True, kw_only=True)
class Interval:
    """From one decision to the next: six books on the way from what was held to what is held, as quantities by symbol.

    `held` before the decision; `wanted` by the decider, fractional and without friction; `aimed` after forced exits;
    `planned` in whole lots; `allowed` by the guards; `sent` with the cash at hand; what was traded is in `trades`, the
    exits of other cycles in `aside`. `opening` and `closing` are prices in the account's currency at both ends, of all
    symbols of any book; `marks` are those at the closes in between, by session, for `wanted`, with splits undone.
    `after` is the book at the end, `cash` and `cash_after` the cash at both ends, `flow` what came from outside,
    `dividends` what companies paid. `splits` are shares that one of the beginning has become, 1 where not named.
    `rebalances`: the decider named weights, so that what is held drifts from them.
    """

    begins: datetime
    ends: datetime
    held: Quantities
    wanted: Quantities
    aimed: Quantities
    planned: Quantities
    allowed: Quantities
    sent: Quantities
    trades: Sequence[Trade]
    aside: Sequence[Trade]
    opening: Quantities
    closing: Quantities
    after: Quantities
    cash: Decimal
    cash_after: Decimal
    flow: Decimal = ZERO
    dividends: Decimal = ZERO
    splits: Quantities = field(default_factory=dict)
    rebalances: bool = False
    marks: Sequence[Quantities] = ()

    @cached_property
    def unsplit(self) -> Quantities:
        """Prices at the end of what one share of the beginning has become."""
        return {each: price * self.splits.get(each, ONE) for each, price in self.closing.items()}

    @cached_property
    def value(self) -> Decimal:
        """What the account was worth at the beginning."""
        return self.cash + worth(self.held, self.opening)

    @cached_property
    def value_after(self) -> Decimal:
        return self.cash_after + worth(self.after, self.closing)

    @property
    def profit(self) -> Decimal:
        """Change of the account's value that did not come from outside."""
        return self.value_after - self.value - self.flow


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """Parts of a profit, in cents: they sum to it. docs/WHATIF.md defines each."""

    target_choice: Decimal = ZERO
    drift: Decimal = ZERO
    forced_exits: Decimal = ZERO
    rounding_and_cash: Decimal = ZERO
    guards: Decimal = ZERO
    execution: Decimal = ZERO
    fees: Decimal = ZERO
    dividends: Decimal = ZERO
    elsewhere: Decimal = ZERO

    def __add__(self, other: "Parts") -> "Parts":
        return Parts(**{name: getattr(self, name) + getattr(other, name) for name in NAMES})

    @property
    def total(self) -> Decimal:
        return sum((getattr(self, name) for name in NAMES), ZERO)


NAMES = tuple(each.name for each in fields(Parts))


@dataclass(frozen=True, slots=True, kw_only=True)
class Attribution:
    """The parts of each interval and of all; `profit` is the change of value between the first and the last moment."""

    intervals: tuple[tuple[Interval, Parts], ...]
    parts: Parts
    profit: Decimal
    notes: tuple[str, ...] = field(default=())


def attribute(intervals: Iterable[Interval]) -> Attribution:
    """Split the profit of a chain of intervals, each of which begins with the value at which the one before ended."""
    rows = tuple((each, parts_of(each)) for each in intervals)
    return Attribution(
        intervals=rows, parts=sum((parts for _, parts in rows), Parts()),
        profit=sum((each.profit for each, _ in rows), ZERO),
    )  # fmt: skip


def parts_of(one: Interval) -> Parts:
    """The parts of one interval's profit.

    What a book earns is its value at the end less its value at the beginning, each holding to the cent, as an account
    is valued. A part is what one book earns more than the book before it, so that the sum is the profit by telescoping:
    an interval whose records explain its whole profit has 0 `elsewhere`.
    """
    filled = _plus(one.held, one.trades)
    both = _plus(filled, one.aside)
    wanted, aimed, planned, allowed, sent = (
        _earned(book, one) for book in (one.wanted, one.aimed, one.planned, one.allowed, one.sent)
    )
    target = _constant_weights(one) if one.rebalances else wanted
    paid = sum((trade.cash for trade in one.trades), ZERO)
    # Prices paid against those decided on, and what was sent and did not trade.
    slipped = paid + worth(filled, one.opening) - worth(one.held, one.opening)
    references = sum((to_cents(each.quantity * _reference(each, one)) for each in one.aside), ZERO)
    exits = worth(both, one.unsplit) - worth(filled, one.unsplit) - references
    exits_slipped = references + sum((each.cash for each in one.aside), ZERO)
    fees = -sum((each.fee for each in (*one.trades, *one.aside)), ZERO)
    known = Parts(
        target_choice=target, drift=wanted - target, forced_exits=aimed - wanted + exits,
        rounding_and_cash=planned - aimed + sent - allowed, guards=allowed - planned,
        execution=_earned(filled, one) - sent + slipped + exits_slipped, fees=fees,
        dividends=one.dividends,
    )  # fmt: skip
    cash = one.cash + paid + sum((each.cash for each in one.aside), ZERO) + fees + one.dividends
    return known + Parts(elsewhere=one.value_after - one.flow - cash - worth(both, one.unsplit))


def worth(book: Quantities, prices: Quantities) -> Decimal:
    """Value of holdings, each to the cent."""
    return sum((to_cents(quantity * prices[symbol]) for symbol, quantity in book.items() if quantity), ZERO)


def _earned(book: Quantities, one: Interval) -> Decimal:
    return worth(book, one.unsplit) - worth(book, one.opening)


def _plus(book: Quantities, trades: Sequence[Trade]) -> Quantities:
    found = dict(book)
    for trade in trades:
        found[trade.symbol] = found.get(trade.symbol, ZERO) + trade.quantity
    return found


def _reference(trade: Trade, one: Interval) -> Decimal:
    return one.opening[trade.symbol] if trade.reference is None else trade.reference


def _constant_weights(one: Interval) -> Decimal:
    """What `wanted` would have earned, had its weights been restored at every close in between without any cost."""
    if one.value <= 0:
        return _earned(one.wanted, one)
    weights = {s: q * one.opening[s] / one.value for s, q in one.wanted.items() if q}
    value, before = one.value, one.opening
    for now in (*one.marks, one.unsplit):
        value += value * sum((w * (now[s] / before[s] - 1) for s, w in weights.items()), ZERO)
        before = now
    return to_cents(value - one.value)
