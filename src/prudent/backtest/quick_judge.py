"""Proves of a whole batch that no guard of the account stops it, and judges one by one only what is left (kernels).

What an account may become is largest, and its cash least, once every order of the batch is accepted whole. Where even
that stays within each limit by more than rounding can move it, the guards of cash, exposure and count let every order
go, in every pass, whatever the others become. What remains looks at one order at a time. No proof, no short way: the
caller then asks `evaluate_batch` with the guards that are kept, and either way the answers are those of the whole list.
"""

from typing import Any, NamedTuple

import numpy as np

from prudent.backtest.guard_classes import GuardClasses, Ints, guard_classes
from prudent.backtest.quick_bounds import (
    NOISE,
    PARTICIPATION,
    ROUNDING,
    STOPS_EXITS,
    SumColumns,
    Sums,
    add_up,
    bound_by_number,
    unit_value,
)
from prudent.exchange.matching import Floats
from prudent.guards import columns as fact
from prudent.guards import judges_data
from prudent.guards.arithmetic import NAN, cents
from prudent.guards.columns import Cells, Columns, GuardColumns
from prudent.guards.evaluate import JUDGES, judge_by_kind, trimmed
from prudent.guards.facts import gather_tables

MARKET, ORDER, MARKET_START, ACCOUNT_START = (
    fact.MARKET_WIDTH, fact.ORDER_WIDTH, fact.MARKET_START, fact.ACCOUNT_START,
)  # fmt: skip
ACCOUNT_WIDTH, PLATFORM, SCOPED, CLIP, REJECT = fact.ACCOUNT_WIDTH, fact.PLATFORM, fact.SCOPED, fact.CLIP, fact.REJECT
FX_RATE, ADV_DOLLARS, QUANTITY, SIGN, FORCED = fact.FX_RATE, fact.ADV_DOLLARS, fact.QUANTITY, fact.SIGN, fact.FORCED
UNIT, ORDER_VALUE, REDUCING_ORDER = fact.UNIT, fact.ORDER_VALUE, fact.REDUCING_ORDER
PARTICIPATION_KIND = JUDGES.index(judges_data.participation)


class QuickColumns(NamedTuple):
    """Working memory and standing answers, by instrument.

    `standing[2 * i + r]` is 1 where no standing guard stops instrument i, r = 1 for an exit; `clear[i]` where no guard
    that looks at single orders stops today's; `decided[j]` is the guard that lowered order j, or -1. `kept[g]` is 1
    where guard g may take something away from this batch; `few` (a guard list) are those guards, number k of them at
    `place[k]`.
    """

    classes: GuardClasses
    standing: Ints
    clear: Ints
    sums: SumColumns
    decided: Ints
    kept: Ints
    place: Ints
    few: Any


def empty_quick(guards: GuardColumns, instruments: int, sectors: int) -> QuickColumns:
    """Working memory for batches of at most one order an instrument."""
    return QuickColumns(
        classes=guard_classes(guards), standing=np.zeros(2 * instruments, np.int64),
        clear=np.zeros(instruments, np.int64),
        sums=SumColumns(np.zeros(instruments, np.int64), np.zeros(sectors), np.zeros(sectors)),
        decided=np.zeros(2 * instruments, np.int64),
        kept=np.zeros(len(guards.kind), np.int64),
        place=np.zeros(len(guards.kind), np.int64), few=GuardColumns(*(np.array(column) for column in guards)),
    )  # fmt: skip


def within_bounds(guards: GuardColumns, quick: QuickColumns, s: Sums) -> int:
    """1 where the whole batch stays within every guard of what the account may become; keeps those it may not."""
    within = 1
    for k in range(len(quick.classes.bounded)):
        g = quick.classes.bounded[k]
        if not bound_by_number(quick.classes.bound[k], s, guards.limit[g], guards.second[g]):
            quick.kept[g] = 1
            within = 0
            if quick.classes.bound[k] >= STOPS_EXITS:
                keep_all(quick, 1)
    return within


def keep_all(quick: QuickColumns, keep: int) -> None:
    for g in range(len(quick.kept)):
        quick.kept[g] = keep


def keep_few(columns: Columns, guards: GuardColumns, quick: QuickColumns, count: int) -> int:
    """Keep what looks at one order's size, at funding, and at single orders if any of these is not clear.

    0 where an exit is not clear: bounds count on what exits bring.
    """
    unclear = 0
    for j in range(count):
        if quick.clear[columns.instrument[j]] == 0:
            unclear = 1
            if columns.orders[j * ORDER + SIGN] < 0.0:
                return 0
    keep_all(quick, quick.classes.scoped)
    for k in range(len(quick.classes.single)):
        g = quick.classes.single[k]
        if unclear or guards.kind[g] == PARTICIPATION_KIND:
            quick.kept[g] = 1
    for f in range(len(guards.funding)):
        quick.kept[guards.funding[f]] = 1
    return 1


def few_guards(guards: GuardColumns, quick: QuickColumns) -> GuardColumns:
    """The kept guards as a list of their own, in their order."""
    few, count, layer, funding = quick.few, 0, 0, 0
    for g in range(len(guards.kind)):
        while layer < len(guards.bounds) and g >= guards.bounds[layer]:
            few.bounds[layer] = count
            layer += 1
        if quick.kept[g] == 0:
            continue
        quick.place[count] = g
        few.kind[count], few.limit[count], few.second[count] = guards.kind[g], guards.limit[g], guards.second[g]
        few.scope[count] = guards.scope[g]
        for f in range(len(guards.funding)):
            if guards.funding[f] == g:
                few.funding[funding] = count
                funding += 1
        count += 1
    while layer < len(guards.bounds):
        few.bounds[layer] = count
        layer += 1
    return GuardColumns(
        few.bounds, few.kind[:count], few.limit[:count], few.second[:count], few.scope[:count], guards.applies,
        few.funding[:funding],
    )  # fmt: skip


def lets_go(o: Cells, guards: GuardColumns, places: Ints) -> int:
    """1 where every guard of `places` lets the order at hand go whole."""
    for k in range(len(places)):
        g = places[k]
        _code, most, _seen = judge_by_kind(guards.kind[g], o, guards.limit[g], guards.second[g])
        if most != o[QUANTITY]:
            return 0
    return 1


def take_up(columns: Columns, o: Cells, j: int, quantity: float) -> int:
    """The facts that guards of single orders look at; gives the order's instrument."""
    i = columns.instrument[j]
    gather_tables(o, columns.market, columns.holdings, columns.orders, j, i)
    if quantity > 0.0:
        o[QUANTITY] = quantity
    o[REDUCING_ORDER] = 0.0 if o[SIGN] > 0.0 else 1.0
    o[UNIT] = unit_value(columns.market, i * MARKET - MARKET_START)
    o[ORDER_VALUE] = cents(o[QUANTITY] * o[UNIT])
    return i


def look_at_account(columns: Columns, guards: GuardColumns, quick: QuickColumns, o: Cells, reducing: float) -> int:
    """1 where no guard of the account's day stops an order, or an exit where `reducing` is 1."""
    for f in range(ACCOUNT_WIDTH):
        o[ACCOUNT_START + f] = columns.account[f]
    o[QUANTITY], o[REDUCING_ORDER], o[FORCED] = 1.0, reducing, 0.0
    return lets_go(o, guards, quick.classes.account)


def stand(columns: Columns, guards: GuardColumns, quick: QuickColumns, o: Cells) -> None:
    """Ask the standing guards once for each instrument; order row 0 stands for every order."""
    for f in range(ACCOUNT_WIDTH):
        o[ACCOUNT_START + f] = columns.account[f]
    for i in range(len(quick.clear)):
        columns.instrument[0] = i
        for reducing in range(2):
            take_up(columns, o, 0, 1.0)
            o[REDUCING_ORDER] = float(reducing)
            quick.standing[2 * i + reducing] = lets_go(o, guards, quick.classes.standing)


def look_at_orders(columns: Columns, guards: GuardColumns, quick: QuickColumns, o: Cells, count: int) -> None:
    """Fill `quick.clear` for the batch's instruments."""
    enter = look_at_account(columns, guards, quick, o, 0.0)
    leave = look_at_account(columns, guards, quick, o, 1.0)
    for j in range(count):
        i = columns.instrument[j]
        reducing = 0 if columns.orders[j * ORDER + SIGN] > 0.0 else 1
        quick.clear[i] = quick.standing[2 * i + reducing]
        if quick.clear[i] == 1:
            take_up(columns, o, j, 0.0)
            quick.clear[i] = lets_go(o, guards, quick.classes.row)
        if (leave if reducing else enter) == 0:
            quick.clear[i] = 0


def takes_part(columns: Columns, guards: GuardColumns, quick: QuickColumns, j: int) -> int:
    """1 where the order is certain to be small enough for its volume, or is an exit."""
    o = j * ORDER
    if columns.orders[o + SIGN] < 0.0:
        return 1
    m = columns.instrument[j] * MARKET - MARKET_START
    value = columns.orders[o + QUANTITY] * unit_value(columns.market, m)
    dollars = columns.market[m + ADV_DOLLARS] * columns.market[m + FX_RATE]
    for k in range(len(quick.classes.bound)):
        if quick.classes.bound[k] == PARTICIPATION:
            limit = guards.limit[quick.classes.bounded[k]] * dollars
            if not value + ROUNDING + NOISE * value <= limit:
                return 0
    return 1


def judge_alone(columns: Columns, guards: GuardColumns, quick: QuickColumns, o: Cells, j: int) -> float:
    """What the guards of single orders leave of order j; NaN where one above the platform takes something away."""
    least = columns.orders[j * ORDER + QUANTITY]
    i, layer, ceiling, by = take_up(columns, o, j, least), 0, least, -1
    for k in range(len(quick.classes.single)):
        g = quick.classes.single[k]
        while g >= guards.bounds[layer + 1]:
            layer += 1
            if least < ceiling:
                ceiling = least
                take_up(columns, o, j, least)
        if guards.scope[g] == SCOPED and guards.applies[g * len(quick.clear) + i] == 0:
            continue
        code, most, _seen = judge_by_kind(guards.kind[g], o, guards.limit[g], guards.second[g])
        code, most = trimmed(o, code, most)
        if most < least:
            if layer > PLATFORM or (code != CLIP and code != REJECT):
                return NAN
            least, by = most, g
    quick.decided[j] = by
    return least


def judge_quickly(
    columns: Columns, guards: GuardColumns, quick: QuickColumns, facts: Cells, approved: Floats, look: int
) -> int:  # fmt: skip
    """Fill `approved` and `quick.decided` as `evaluate_batch` would have it; 0 where that cannot be proven.

    `look` is 0 where the same instruments were looked at before in the same prices.
    """
    count = len(approved)
    keep_all(quick, 1)
    if look:
        look_at_orders(columns, guards, quick, facts, count)
    sums = add_up(columns, quick.sums, count)
    if quick.classes.provable == 0 or not sums.margin >= 0.0 or not keep_few(columns, guards, quick, count):
        return 0
    if not within_bounds(guards, quick, sums):
        return 0
    for j in range(count):
        quick.decided[j] = -1
        approved[j] = columns.orders[j * ORDER + QUANTITY]
        if quick.clear[columns.instrument[j]] == 0 or not takes_part(columns, guards, quick, j):
            approved[j] = judge_alone(columns, guards, quick, facts, j)
            if not approved[j] >= 0.0:
                return 0
    return 1
