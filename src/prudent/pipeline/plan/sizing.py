"""Sizing kernels: target weights to whole lots, lots to orders, orders to what cash can pay.

One row per instrument, sorted by symbol, so that a lower index wins a tie. Quantities are counted in lots; a holding
may be a fraction of one. Live planning runs these loops as they stand, a backtest compiles the same functions.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from prudent.domain.money import round_cents
from prudent.exchange.fees import commission

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

FLOOR = 0
REMAINDER = 1

# Floating-point noise: this fraction of a lot plus this share of a count of lots, and this share of the base.
LOT_NOISE = 1e-9
COUNT_NOISE = 1e-15
MONEY_NOISE = 1e-13
# Halvings of [0, 1] after which the common factor is as exact as a float can be.
FACTOR_STEPS = 60


class SizingColumns(NamedTuple):
    """What sizing reads: `unit` is the value of one lot, `price` of quantity 1 before multiplier, both in the
    account's currency; `weight` the signed target (0 = close whole); `trades` is 1 where the target is to be met."""

    weight: Floats
    trades: Ints
    unit: Floats
    price: Floats
    multiplier: Floats
    lot: Floats
    held: Floats
    open_buy: Floats
    open_sell: Floats


class SizingRules(NamedTuple):
    """Amounts in the account's currency: `base` is what the weights are fractions of, `cash` what buys may spend
    before this plan's sells, `minimum` the smallest trade; `model` a code of `exchange.fees`."""

    base: float
    cash: float
    minimum: float
    allocator: int
    model: int


class LotColumns(NamedTuple):
    """What sizing writes, in signed lots: the wanted holding, the part of the order that reduces, the part that adds
    (`wanted` before cash was counted); `dropped` is 1 where a trade was too small."""

    target: Floats
    reduce: Floats
    add: Floats
    wanted: Floats
    dropped: Ints


def empty_lots(count: int) -> LotColumns:
    """Room for the answer of `count` instruments."""
    return LotColumns(np.zeros(count), np.zeros(count), np.zeros(count), np.zeros(count), np.zeros(count, np.int64))


def lot_noise(lots: float) -> float:
    """How far a count of lots may lie from a whole one and still mean it (kernel)."""
    return LOT_NOISE + COUNT_NOISE * abs(lots)


def whole_lots(lots: float) -> float:
    """The whole lots in a count, towards zero (kernel)."""
    count = float(int(abs(lots) + lot_noise(lots)))
    return count if lots >= 0.0 else -count


def comes_first(i: int, j: int, share: Floats, weight: Floats) -> int:
    """1 if candidate `i` takes a spare lot before `j`: larger fraction, then larger weight, then symbol (kernel)."""
    if share[i] > share[j] + LOT_NOISE:
        return 1
    if share[j] > share[i] + LOT_NOISE:
        return 0
    if weight[i] != weight[j]:
        return 1 if weight[i] > weight[j] else 0
    return 1 if i < j else 0


def sift_down(order: Ints, start: int, count: int, share: Floats, weight: Floats) -> None:
    """Restore the heap below `start`: the candidate that comes last is on top (kernel)."""
    root = start
    while 2 * root + 1 < count:
        child = 2 * root + 1
        if child + 1 < count and comes_first(order[child], order[child + 1], share, weight) == 1:
            child += 1
        if comes_first(order[root], order[child], share, weight) == 0:
            return
        order[root], order[child] = order[child], order[root]
        root = child


def rank(order: Ints, count: int, share: Floats, weight: Floats) -> None:
    """Sort the first `count` candidates of `order` by `comes_first`, in place (kernel)."""
    for start in range(count // 2 - 1, -1, -1):
        sift_down(order, start, count, share, weight)
    for end in range(count - 1, 0, -1):
        order[0], order[end] = order[end], order[0]
        sift_down(order, 0, end, share, weight)


def target_lots(columns: SizingColumns, base: float, allocator: int, target: Floats) -> None:
    """Whole lots nearest below each ideal quantity; the largest remainders get what their sleeve leaves (kernel).

    Shorts are floored in size and get no remainder. Money of symbols that do not trade is nobody's remainder.
    """
    count = len(columns.weight)
    share = np.zeros(count)
    order = np.zeros(count, np.int64)
    candidates = 0
    left = 0.0
    for i in range(count):
        target[i] = 0.0
        if columns.trades[i] == 0:
            continue
        ideal = columns.weight[i] * base / columns.unit[i]
        target[i] = whole_lots(ideal)
        if columns.weight[i] > 0.0:
            left += columns.weight[i] * base - target[i] * columns.unit[i]
            share[i] = ideal - target[i]
            if share[i] > lot_noise(target[i]):
                order[candidates] = i
                candidates += 1
    if allocator == FLOOR:
        return
    rank(order, candidates, share, columns.weight)
    for k in range(candidates):
        i = order[k]
        if columns.unit[i] <= left + MONEY_NOISE * base:
            target[i] += 1.0
            left -= columns.unit[i]


def order_lots(columns: SizingColumns, lots: LotColumns) -> None:
    """The orders from where we stand to the target (kernel).

    Open orders count as held. A reduction never exceeds the holding net of open orders that reduce it; a target of
    0 % closes a position whole, odd lot included, one that only rounds to nothing trades in whole lots; a crossing of
    zero becomes a reduction and an addition.
    """
    for i in range(len(columns.weight)):
        lots.reduce[i] = 0.0
        lots.add[i] = 0.0
        if columns.trades[i] == 0:
            continue
        target, held = lots.target[i], columns.held[i]
        change = target - (held + columns.open_buy[i] - columns.open_sell[i])
        sign = 1.0 if change > 0.0 else -1.0
        size = abs(change)
        pending = columns.open_buy[i] if change > 0.0 else columns.open_sell[i]
        reducible = max(-sign * held - pending, 0.0)
        reducing = min(size, reducible)
        if target * held > 0.0 or (target == 0.0 and columns.weight[i] != 0.0):
            reducing = whole_lots(reducing)
        lots.reduce[i] = sign * reducing
        if sign * target > 0.0:
            lots.add[i] = sign * whole_lots(min(size - reducing, abs(target)))


def drop_small(columns: SizingColumns, minimum: float, lots: LotColumns) -> None:
    """Skip trades below the minimum, but never one that closes a position whole (kernel)."""
    for i in range(len(columns.weight)):
        lots.dropped[i] = 0
        reducing, adding = abs(lots.reduce[i]), abs(lots.add[i])
        closes = reducing >= abs(columns.held[i]) - LOT_NOISE or lots.target[i] == 0.0 or adding > 0.0
        if reducing > 0.0 and not closes and round_cents(reducing * columns.unit[i]) < minimum:
            lots.reduce[i] = 0.0
            lots.dropped[i] = 1
        if adding > 0.0 and round_cents(adding * columns.unit[i]) < minimum:
            lots.add[i] = 0.0
            lots.dropped[i] = 1


def drop_small_buys(columns: SizingColumns, minimum: float, lots: LotColumns) -> None:
    """Skip buys that scaling to the cash has made too small (kernel)."""
    for i in range(len(columns.weight)):
        if lots.add[i] > 0.0 and round_cents(lots.add[i] * columns.unit[i]) < minimum:
            lots.add[i] = 0.0
            lots.dropped[i] = 1


def trade_fee(columns: SizingColumns, i: int, lots: float, model: int) -> float:
    """Commission of trading `lots` of instrument `i` (kernel)."""
    return commission(model, lots * columns.lot[i], columns.price[i], columns.multiplier[i])


def cash_for_buys(columns: SizingColumns, rules: SizingRules, lots: LotColumns) -> float:
    """Cash that buys may spend once the plan's own reductions are done (kernel).

    A cover pays with the money that was set aside for its short, so that only its fee counts; proceeds of new shorts
    are not spendable.
    """
    cash = rules.cash
    for i in range(len(columns.weight)):
        if lots.reduce[i] < 0.0:
            cash += round_cents(-lots.reduce[i] * columns.unit[i])
        if lots.reduce[i] != 0.0:
            cash -= trade_fee(columns, i, lots.reduce[i], rules.model)
        if lots.add[i] < 0.0:
            cash -= trade_fee(columns, i, lots.add[i], rules.model)
    return round_cents(cash)


def cost_of_buy(columns: SizingColumns, i: int, lots: float, model: int) -> float:
    """What buying `lots` of instrument `i` costs with its fee (kernel)."""
    return round_cents(round_cents(lots * columns.unit[i]) + trade_fee(columns, i, lots, model))


def cost_of_buys(columns: SizingColumns, model: int, add: Floats, factor: float) -> float:
    """What all buys times `factor` cost with their fees (kernel)."""
    cost = 0.0
    for i in range(len(columns.weight)):
        if add[i] > 0.0:
            cost = round_cents(cost + cost_of_buy(columns, i, add[i] * factor, model))
    return cost


def fit_to_cash(columns: SizingColumns, rules: SizingRules, cash: float, add: Floats) -> None:
    """Scale the buys by one common factor to what `cash` pays, floor to lots, then hand out what is left (kernel)."""
    if cost_of_buys(columns, rules.model, add, 1.0) <= cash:
        return
    low, high = 0.0, 1.0
    for _step in range(FACTOR_STEPS):
        middle = 0.5 * (low + high)
        if cost_of_buys(columns, rules.model, add, middle) <= cash:
            low = middle
        else:
            high = middle
    count = len(columns.weight)
    share = np.zeros(count)
    order = np.zeros(count, np.int64)
    candidates = 0
    for i in range(count):
        if add[i] > 0.0:
            wanted = add[i] * low
            add[i] = whole_lots(wanted)
            share[i] = wanted - add[i]
            if share[i] > lot_noise(add[i]):
                order[candidates] = i
                candidates += 1
    trim_to_cash(columns, rules.model, cash, add)
    if rules.allocator == REMAINDER:
        rank(order, candidates, share, columns.weight)
        spend_rest(columns, rules.model, cash, order[:candidates], add)


def spend_rest(columns: SizingColumns, model: int, cash: float, order: Ints, add: Floats) -> None:
    """One more lot for each candidate of `order` that the rest of `cash` still pays (kernel)."""
    rest = round_cents(cash - cost_of_buys(columns, model, add, 1.0))
    for k in range(len(order)):
        i = order[k]
        more = round_cents(cost_of_buy(columns, i, add[i] + 1.0, model) - cost_of_buy(columns, i, add[i], model))
        if more <= rest:
            add[i] += 1.0
            rest = round_cents(rest - more)


def trim_to_cash(columns: SizingColumns, model: int, cash: float, add: Floats) -> None:
    """Take single lots back from the last buys while their cost, rounded to cents, is above `cash` (kernel)."""
    i = len(columns.weight) - 1
    while i >= 0 and cost_of_buys(columns, model, add, 1.0) > cash:
        if add[i] > 0.0:
            add[i] = max(add[i] - 1.0, 0.0)
        else:
            i -= 1


def size_orders(columns: SizingColumns, rules: SizingRules, lots: LotColumns) -> None:
    """From `lots.target` to orders: what to reduce, what to add, none too small, all of it payable (kernel)."""
    order_lots(columns, lots)
    drop_small(columns, rules.minimum, lots)
    for i in range(len(columns.weight)):
        lots.wanted[i] = lots.add[i]
    fit_to_cash(columns, rules, cash_for_buys(columns, rules, lots), lots.add)
    drop_small_buys(columns, rules.minimum, lots)
