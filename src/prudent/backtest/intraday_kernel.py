"""One instrument bar after bar: a strategy answers a position, and only a changed answer plans, judges and trades.

Between two changes nothing can happen that needs an order, so that a bar costs the strategy's call and a comparison.
What a change costs the account is decided by the functions of a live run: the guard list, matching, cents.
"""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np

from prudent.backtest.compiled import CompiledKernels, Swaps
from prudent.backtest.tables import (
    account_row,
    empty_scratch,
    empty_verdicts,
    first_verdicts,
    holdings_table,
    market_table,
    orders_table,
    zero_codes,
)
from prudent.domain.money import round_cents
from prudent.exchange.matching import (
    BookColumns,
    Costs,
    FillColumns,
    Floats,
    Ints,
    OrderColumns,
    QuoteColumns,
    match_batch,
)
from prudent.guards import columns as fact
from prudent.guards.columns import Columns, GuardColumns, ScratchColumns, VerdictColumns
from prudent.guards.evaluate import (
    compilable_judge_by_kind,
    evaluate_batch,
    judge_by_kind,
    judge_funding,
    judge_layers,
)

OnBar = Callable[[float], float]
CHUNK = 65_536
LEGS = 2

ORDER, MARKET_START, ACCOUNT_START, HOLDING_START = (
    fact.ORDER_WIDTH, fact.MARKET_START, fact.ACCOUNT_START, fact.HOLDING_START,
)  # fmt: skip
MARK, PRICE, LEVEL, PREVIOUS_CLOSE, PREVIOUS_LEVEL = (
    fact.MARK, fact.PRICE, fact.LEVEL, fact.PREVIOUS_CLOSE, fact.PREVIOUS_LEVEL,
)  # fmt: skip
HELD, CASH, NLV, NLV_OPEN, UNIT_VALUE, PEAK = (
    fact.HELD, fact.CASH, fact.NLV, fact.NLV_OPEN, fact.UNIT_VALUE, fact.PEAK_UNIT_VALUE,
)  # fmt: skip
TRADES_TODAY, HAS_TRADED = fact.TRADES_TODAY, fact.HAS_TRADED
QUANTITY, SIGN, EFFECT, REFERENCE = fact.QUANTITY, fact.SIGN, fact.EFFECT, fact.REFERENCE
OPEN, CLOSE, SHORT, COVER, CLIP, REJECT = fact.OPEN, fact.CLOSE, fact.SHORT, fact.COVER, fact.CLIP, fact.REJECT


class BarColumns(NamedTuple):
    """Prices of one instrument at the ends of its bars, and for each bar the first bar of its session.

    An order that is decided at the end of a bar trades at that price, which is where the next bar opens.
    """

    price: Floats
    session: Ints


class BarLog(NamedTuple):
    """Orders as rows: bar, signed quantities planned, approved and filled, price, cash after it, and the guard that
    lowered it (-1 = none). `used[0]` rows are used."""

    bar: Ints
    planned: Floats
    approved: Floats
    filled: Floats
    price: Floats
    cash: Floats
    guard: Ints
    used: Ints


class BarWork(NamedTuple):
    """All columns of an account with one instrument; `value` holds start, peak, value at the session's open, and the
    bar of the last order."""

    costs: Costs
    book: BookColumns
    quotes: QuoteColumns
    orders: OrderColumns
    fills: FillColumns
    market: Floats
    holdings: Floats
    account: Floats
    table: Floats
    guards: GuardColumns
    verdicts: VerdictColumns
    scratch: ScratchColumns
    value: Floats


def catch_up(work: BarWork, bars: BarColumns, t: int) -> None:
    """Value, peak and the session's open as they became since the last order: the book did not change in between."""
    last, first = int(work.value[3]), bars.session[t]
    cash, held = work.book.cash[0], work.book.quantity[0]
    if first > last or work.value[2] == 0.0:
        work.value[2] = round_cents(cash + round_cents(held * bars.price[first]))
        work.account[TRADES_TODAY - ACCOUNT_START] = 0.0
    highest = work.value[1]
    for u in range(last, t + 1):
        highest = max(highest, cash + held * bars.price[u])
    work.value[1], work.value[3] = highest, float(t)
    a, m, price = -ACCOUNT_START, -MARKET_START, bars.price[t]
    nlv = round_cents(cash + round_cents(held * price))
    work.account[a + CASH], work.account[a + NLV], work.account[a + NLV_OPEN] = cash, nlv, work.value[2]
    work.account[a + UNIT_VALUE], work.account[a + PEAK] = nlv / work.value[0], highest / work.value[0]
    work.market[m + MARK] = work.market[m + PRICE] = work.market[m + LEVEL] = price
    before = bars.price[first - 1] if first > 0 else price
    work.market[m + PREVIOUS_CLOSE] = work.market[m + PREVIOUS_LEVEL] = before
    work.quotes.price[0] = price
    work.holdings[HELD - HOLDING_START] = held


def write_leg(work: BarWork, j: int, change: float, effect: float) -> None:
    work.orders.side[j] = 1 if change > 0.0 else -1
    work.orders.quantity[j] = abs(change)
    o = j * ORDER
    work.table[o + QUANTITY], work.table[o + SIGN] = abs(change), 1.0 if change > 0.0 else -1.0
    work.table[o + EFFECT], work.table[o + REFERENCE] = effect, work.quotes.price[0]


def write_legs(work: BarWork, target: float) -> int:
    """What leads from the position to `target`: first what reduces, then what adds; gives how many orders."""
    held, legs = work.book.quantity[0], 0
    change = target - held
    if held * change < 0.0:
        closing = change if abs(change) <= abs(held) else -held
        write_leg(work, legs, closing, CLOSE if held > 0.0 else COVER)
        change -= closing
        legs += 1
    if change != 0.0:
        write_leg(work, legs, change, OPEN if change > 0.0 else SHORT)
        legs += 1
    return legs


def lowered_by(verdicts: VerdictColumns, j: int, width: int) -> int:
    """The first guard that refused or cut order j to what was approved, or -1."""
    for g in range(width):
        at = j * width + g
        cut = verdicts.outcome[at] == CLIP or verdicts.outcome[at] == REJECT
        if cut and verdicts.allowed[at] == verdicts.approved[j]:
            return g
    return -1


def move_to(work: BarWork, bars: BarColumns, log: BarLog, t: int, target: float) -> float:
    """Plan, judge and trade towards `target` at the end of bar t; gives the position after it."""
    catch_up(work, bars, t)
    legs, width = write_legs(work, target), len(work.guards.kind)
    verdicts = first_verdicts(work.verdicts, legs, width)
    columns = Columns(
        work.market, work.holdings, work.account, work.table[: legs * ORDER], work.orders.instrument[:legs]
    )
    evaluate_batch(columns, work.guards, verdicts, work.scratch)
    row = log.used[0]
    for j in range(legs):
        log.bar[row + j] = t
        log.planned[row + j] = work.orders.side[j] * work.orders.quantity[j]
        log.approved[row + j] = work.orders.side[j] * verdicts.approved[j]
        lowered = verdicts.approved[j] < work.orders.quantity[j]
        log.guard[row + j] = lowered_by(verdicts, j, width) if lowered else -1
        work.orders.quantity[j] = verdicts.approved[j]
    orders = OrderColumns(
        work.orders.instrument[:legs], work.orders.side[:legs], work.orders.quantity[:legs], work.orders.limit[:legs]
    )
    match_batch(orders, work.quotes, work.book, work.fills, work.costs)
    for j in range(legs):
        log.filled[row + j] = work.orders.side[j] * work.fills.quantity[j]
        log.price[row + j], log.cash[row + j] = work.fills.price[j], work.fills.cash[j]
    log.used[0] = row + legs
    work.account[TRADES_TODAY - ACCOUNT_START] += float(legs)
    work.account[HAS_TRADED - ACCOUNT_START] = 1.0
    return float(work.book.quantity[0])


def cross_bars(work: BarWork, bars: BarColumns, log: BarLog, fast: int, slow: int) -> float:
    """A declared strategy: long one unit above the cross of two exponential averages, short one below, from bar `slow`.

    Gives the value at the last bar.
    """
    fast_part, slow_part = 2.0 / (fast + 1.0), 2.0 / (slow + 1.0)
    quick = calm = bars.price[0]
    answer = 0.0
    for t in range(1, len(bars.price)):
        quick = quick + (bars.price[t] - quick) * fast_part
        calm = calm + (bars.price[t] - calm) * slow_part
        if t >= slow:
            wanted = 1.0 if quick > calm else -1.0
            if wanted != answer:
                answer = wanted
                move_to(work, bars, log, t, wanted)
    return value_at(work, bars, len(bars.price) - 1)


def value_at(work: BarWork, bars: BarColumns, t: int) -> float:
    return round_cents(work.book.cash[0] + round_cents(work.book.quantity[0] * bars.price[t]))


def call_bars(
    kernels: CompiledKernels, work: BarWork, bars: BarColumns, log: BarLog, on_bar: OnBar
) -> float:  # fmt: skip
    """A strategy in Python: `on_bar(price)` answers the position that it wants; gives the value at the last bar."""
    move = kernels[move_to]
    answer = 0.0
    for first in range(0, len(bars.price), CHUNK):
        for t, price in enumerate(bars.price[first : first + CHUNK].tolist(), first):
            wanted = on_bar(price)
            if wanted != answer:
                answer = wanted
                move(work, bars, log, t, wanted)
    return value_at(work, bars, len(bars.price) - 1)


def compiled_bars(cache: Path | None = None) -> CompiledKernels:
    """The kernels of this module with everything they call."""
    swaps: Swaps = {judge_by_kind: compilable_judge_by_kind()}
    return CompiledKernels(move_to, cross_bars, judge_layers, judge_funding, judge_by_kind, swaps=swaps, cache=cache)


def empty_bar_work(costs: Costs, guards: GuardColumns, cash: float, *, dollars: float) -> BarWork:
    """An account that holds nothing but cash and may go short; `dollars` is the mean dollar volume of a session."""
    market, account = market_table(np.zeros(1)), account_row()
    market[fact.ADV_DOLLARS - MARKET_START], market[fact.ADV_SESSIONS - MARKET_START] = dollars, 20.0
    account[fact.ALLOW_SHORT - ACCOUNT_START] = 1.0
    counts, zeros, one = partial(zero_codes, LEGS), partial(np.zeros, LEGS), partial(np.full, 1)
    return BarWork(
        costs=costs,
        book=BookColumns(one(cash), one(0.0), one(0.0)),
        quotes=QuoteColumns(one(np.nan), one(np.nan), one(np.nan), one(np.inf), one(1.0), one(1.0)),
        orders=OrderColumns(counts(), counts(), zeros(), np.full(LEGS, np.nan)),
        fills=FillColumns(counts(), zeros(), zeros(), zeros(), zeros()),
        market=market, holdings=holdings_table(1), account=account, table=orders_table(LEGS), guards=guards,
        verdicts=empty_verdicts(LEGS, len(guards.kind)), scratch=empty_scratch(1, 1),
        value=np.array([cash, cash, 0.0, 0.0]),
    )  # fmt: skip


def empty_bar_log(rows: int) -> BarLog:
    """Room for so many orders."""
    counts, zeros = partial(zero_codes, rows), partial(np.zeros, rows)
    return BarLog(counts(), zeros(), zeros(), zeros(), zeros(), zeros(), counts(), np.zeros(1, np.int64))
