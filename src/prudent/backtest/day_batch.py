"""One day-batch: size the orders, judge the plan, then judge and trade each phase; the product's kernels in one loop.

Only the gathering of columns is written here. Sizing, guards, matching, costs and rounding are the functions that
`invest run` calls, compiled from the very same code.
"""

from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np

from prudent.backtest.compiled import CompiledKernels, Swaps
from prudent.backtest.quick_bounds import bound_by_number, compilable_bound_by_number
from prudent.backtest.quick_judge import QuickColumns, empty_quick, few_guards, judge_quickly, stand
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
from prudent.pipeline.plan.sizing import (
    LotColumns,
    SizingColumns,
    SizingRules,
    empty_lots,
    fit_to_cash,
    size_orders,
    target_lots,
    trade_fee,
)

MARKET, HOLDING, ORDER, ACCOUNT = fact.MARKET_WIDTH, fact.HOLDING_WIDTH, fact.ORDER_WIDTH, fact.ACCOUNT_WIDTH
MARKET_START, HOLDING_START, ACCOUNT_START = fact.MARKET_START, fact.HOLDING_START, fact.ACCOUNT_START
PRICE, MARK, LEVEL, ADV_DOLLARS, ADV_SESSIONS = fact.PRICE, fact.MARK, fact.LEVEL, fact.ADV_DOLLARS, fact.ADV_SESSIONS
PREVIOUS_CLOSE, PREVIOUS_LEVEL, HELD = fact.PREVIOUS_CLOSE, fact.PREVIOUS_LEVEL, fact.HELD
QUANTITY, SIGN, EFFECT, LIMIT_PRICE, REFERENCE, FEE = (
    fact.QUANTITY, fact.SIGN, fact.EFFECT, fact.LIMIT_PRICE, fact.REFERENCE, fact.FEE,
)  # fmt: skip
OPEN, CLOSE, CLIP, DEFER, REJECT = fact.OPEN, fact.CLOSE, fact.CLIP, fact.DEFER, fact.REJECT
CASH, NLV, NLV_OPEN, UNIT_VALUE, PEAK_UNIT_VALUE = (
    fact.CASH, fact.NLV, fact.NLV_OPEN, fact.UNIT_VALUE, fact.PEAK_UNIT_VALUE,
)  # fmt: skip
TRADES_TODAY, HAS_TRADED = fact.TRADES_TODAY, fact.HAS_TRADED


class OrderLog(NamedTuple):
    """What a day-batch leaves for the ledger, row = order, in the order of sending; `guard` -1 = none changed it."""

    instrument: Ints
    planned: Floats
    approved: Floats
    filled: Floats
    price: Floats
    commission: Floats
    cash: Floats
    guard: Ints


class Terms(NamedTuple):
    """How the account plans and what its trades cost; the smallest trade is `minimum` in money and `share` of value."""

    costs: Costs
    allocator: int
    buffer: float
    share: float
    minimum: float


class Work(NamedTuple):
    """All columns of one account over a backtest; `value` holds what it started with and the highest it was worth.

    `proven` counts batches that no guard had to be asked about one by one, and all others.
    """

    terms: Terms
    size: SizingColumns
    lots: LotColumns
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
    quick: QuickColumns
    approved: Floats
    value: Floats
    proven: Ints


class SpanColumns(NamedTuple):
    """Some batches in a row: batch r trades at the close of `day[r]` towards `weight[r]`, and the book is valued at
    every close from there up to `until[r]` into `curve`. `dollars[t]` is the mean dollar volume known at close t.
    What batch r logged ends before row `end[r]`.
    """

    close: Floats
    dollars: Floats
    weight: Floats
    day: Ints
    until: Ints
    curve: Floats
    end: Ints


def equity(book: BookColumns, close: Floats) -> float:
    """Cash and holdings at the close, each product to the cent."""
    total = book.cash[0]
    for i in range(len(close)):
        if book.quantity[i] != 0.0:
            total += round_cents(book.quantity[i] * close[i])
    return round_cents(total)


def see_day(work: Work, close: Floats, before: Floats, dollars: Floats) -> float:
    """Fill the tables with what is known at this close; gives net liquidation."""
    for i in range(len(close)):
        m = i * MARKET - MARKET_START
        work.market[m + MARK] = work.market[m + PRICE] = work.market[m + LEVEL] = close[i]
        work.market[m + PREVIOUS_CLOSE] = work.market[m + PREVIOUS_LEVEL] = before[i]
        work.market[m + ADV_DOLLARS] = dollars[i]
        work.market[m + ADV_SESSIONS] = 20.0 if dollars[i] > 0.0 else 0.0
        work.quotes.price[i] = work.size.price[i] = work.size.unit[i] = close[i]
        work.size.held[i] = work.book.quantity[i]
    nlv = equity(work.book, close)
    a = -ACCOUNT_START
    work.account[a + NLV] = nlv
    work.account[a + UNIT_VALUE] = nlv / work.value[0]
    work.account[a + PEAK_UNIT_VALUE] = work.value[1] / work.value[0]
    # The open of a day is the close before it.
    work.account[a + NLV_OPEN] = equity(work.book, before)
    work.account[a + TRADES_TODAY] = 0.0
    return nlv


def write_orders(work: Work) -> tuple[int, int]:
    """Reductions, then additions, each in the order of the symbols; gives how many there are, and how many reduce."""
    count, sells = 0, 0
    for side in range(2):
        for i in range(len(work.lots.target)):
            change = work.lots.reduce[i] if side == 0 else work.lots.add[i]
            if change == 0.0:
                continue
            sign = 1.0 if change > 0.0 else -1.0
            work.orders.instrument[count] = i
            work.orders.side[count] = 1 if change > 0.0 else -1
            work.orders.quantity[count] = abs(change)
            o = count * ORDER
            work.table[o + QUANTITY] = abs(change)
            work.table[o + SIGN] = sign
            work.table[o + EFFECT] = CLOSE if side == 0 else OPEN
            work.table[o + REFERENCE] = work.size.price[i]
            count += 1
        if side == 0:
            sells = count
    return count, sells


def who_decided(verdicts: VerdictColumns, j: int, width: int) -> int:
    """The first guard that cut order j to what was approved, else the last that made it wait at that; -1 if none.

    Asked of orders that were lowered.
    """
    waited = -1
    for g in range(width):
        at = j * width + g
        if verdicts.allowed[at] == verdicts.approved[j]:
            if verdicts.outcome[at] == CLIP or verdicts.outcome[at] == REJECT:
                return g
            if verdicts.outcome[at] == DEFER:
                waited = g
    return waited


def judge_whole(work: Work, columns: Columns, first: int, count: int) -> None:
    """Ask every guard that may take something away about every order; `quick.decided` gets who lowered it."""
    guards = few_guards(work.guards, work.quick)
    width = len(guards.kind)
    verdicts = first_verdicts(work.verdicts, count, width)
    evaluate_batch(columns, guards, verdicts, work.scratch)
    for j in range(count):
        by = -1
        if verdicts.approved[j] < work.table[(first + j) * ORDER + QUANTITY]:
            by = who_decided(verdicts, j, width)
        work.quick.decided[j] = work.quick.place[by] if by >= 0 else -1
        work.approved[j] = verdicts.approved[j]


def judge_rows(work: Work, log: OrderLog, first: int, last: int, look: int) -> None:
    """Judge orders `first` to `last` against book and cash as they are; what is refused or cut names its guard.

    `look` is 0 where the same orders were judged before in the same prices.
    """
    count = last - first
    if count == 0:
        return
    for i in range(len(work.book.quantity)):
        work.holdings[i * HOLDING - HOLDING_START + HELD] = work.book.quantity[i]
    work.account[CASH - ACCOUNT_START] = work.book.cash[0]
    columns = Columns(
        work.market, work.holdings, work.account, work.table[first * ORDER : last * ORDER],
        work.orders.instrument[first:last],
    )  # fmt: skip
    proven = judge_quickly(columns, work.guards, work.quick, work.scratch.facts, work.approved[:count], look)
    work.proven[proven] += 1
    if proven == 0:
        judge_whole(work, columns, first, count)
    for j in range(count):
        approved = work.approved[j]
        log.approved[first + j] = approved
        if work.quick.decided[j] >= 0 and log.guard[first + j] < 0:
            log.guard[first + j] = work.quick.decided[j]
        work.table[(first + j) * ORDER + QUANTITY] = approved
        work.orders.quantity[first + j] = approved


def trade_rows(work: Work, log: OrderLog, first: int, last: int) -> int:
    """Match orders `first` to `last` at the close."""
    orders = OrderColumns(
        work.orders.instrument[first:last], work.orders.side[first:last], work.orders.quantity[first:last],
        work.orders.limit[first:last],
    )  # fmt: skip
    fills = FillColumns(
        work.fills.status[first:last], log.filled[first:last], log.price[first:last],
        log.commission[first:last], log.cash[first:last],
    )  # fmt: skip
    return match_batch(orders, work.quotes, work.book, fills, work.terms.costs)


def fit_buys(work: Work, first: int, last: int) -> None:
    """Lower the approved buys by one common factor where cash has become short."""
    for i in range(len(work.lots.add)):
        work.lots.add[i] = 0.0
    for j in range(first, last):
        work.lots.add[work.orders.instrument[j]] = work.orders.quantity[j]
    cash = work.book.cash[0]
    rules = SizingRules(0.0, cash, 0.0, work.terms.allocator, work.terms.costs.model)
    fit_to_cash(work.size, rules, cash, work.lots.add)
    for j in range(first, last):
        quantity = work.lots.add[work.orders.instrument[j]]
        work.orders.quantity[j] = quantity
        work.table[j * ORDER + QUANTITY] = quantity


def plan_orders(work: Work, nlv: float, weight: Floats) -> tuple[int, int]:
    """Size and write the orders towards these weights of `nlv`; gives how many there are, and how many reduce."""
    for i in range(len(work.size.weight)):
        work.size.weight[i] = weight[i]
    terms = work.terms
    base, minimum = nlv * (1.0 - terms.buffer), max(terms.share * nlv, terms.minimum)
    target_lots(work.size, base, terms.allocator, work.lots.target)
    rules = SizingRules(base, work.book.cash[0], minimum, terms.allocator, terms.costs.model)
    size_orders(work.size, rules, work.lots)
    count, sells = write_orders(work)
    for j in range(count):
        quantity = work.table[j * ORDER + QUANTITY]
        work.table[j * ORDER + FEE] = trade_fee(work.size, work.orders.instrument[j], quantity, terms.costs.model)
    return count, sells


def trade_day(work: Work, span: SpanColumns, r: int, log: OrderLog) -> tuple[int, int]:
    """Batch r of the span; gives the number of orders planned and traded."""
    t = span.day[r]
    nlv = see_day(work, span.close[t], span.close[t - 1], span.dollars[t])
    count, sells = plan_orders(work, nlv, span.weight[r])
    for j in range(count):
        log.instrument[j] = work.orders.instrument[j]
        log.planned[j] = work.orders.side[j] * work.orders.quantity[j]
        log.guard[j] = -1
    judge_rows(work, log, 0, count, 1)
    judge_rows(work, log, 0, sells, 0)
    traded = trade_rows(work, log, 0, sells)
    fit_buys(work, sells, count)
    judge_rows(work, log, sells, count, 0)
    traded += trade_rows(work, log, sells, count)
    work.account[HAS_TRADED - ACCOUNT_START] = 1.0
    return count, traded


def rest_of(log: OrderLog, first: int) -> OrderLog:
    """The log from row `first` on."""
    return OrderLog(
        log.instrument[first:], log.planned[first:], log.approved[first:], log.filled[first:], log.price[first:],
        log.commission[first:], log.cash[first:], log.guard[first:],
    )  # fmt: skip


def run_days(work: Work, span: SpanColumns, log: OrderLog) -> int:
    """All batches of the span one after another; gives the number of orders traded."""
    traded, logged = 0, 0
    for r in range(len(span.day)):
        count, filled = trade_day(work, span, r, rest_of(log, logged))
        traded += filled
        logged += count
        span.end[r] = logged
        for t in range(span.day[r], span.until[r]):
            span.curve[t] = equity(work.book, span.close[t])
            work.value[1] = max(work.value[1], span.curve[t])
    return traded


def empty_log(rows: int) -> OrderLog:
    """Room for so many orders."""
    zeros, counts = partial(np.zeros, rows), partial(zero_codes, rows)
    return OrderLog(counts(), zeros(), zeros(), zeros(), zeros(), zeros(), zeros(), counts())


def stand_day(work: Work) -> None:
    """Ask, before the first day, the guards whose answer never changes."""
    columns = Columns(work.market, work.holdings, work.account, work.table, work.orders.instrument)
    stand(columns, work.guards, work.quick, work.scratch.facts)


def compiled_day_batch(cache: Path | None = None) -> CompiledKernels:
    """The day-batch and the valuation with everything they call."""
    swaps: Swaps = {judge_by_kind: compilable_judge_by_kind(), bound_by_number: compilable_bound_by_number()}
    return CompiledKernels(run_days, stand_day, judge_layers, judge_funding, judge_by_kind, swaps=swaps, cache=cache)


def empty_work(terms: Terms, guards: GuardColumns, sector: Floats, sectors: int, cash: float) -> Work:
    """Columns for an account that holds nothing but cash; `sector` numbers that of each symbol."""
    n = len(sector)
    zeros, ones, counts = partial(np.zeros, n), partial(np.ones, n), partial(zero_codes, n)
    return Work(
        terms=terms,
        size=SizingColumns(zeros(), counts() + 1, zeros(), zeros(), ones(), ones(), zeros(), zeros(), zeros()),
        lots=empty_lots(n),
        book=BookColumns(np.array([cash]), zeros(), zeros()),
        quotes=QuoteColumns(zeros(), zeros(), zeros(), np.full(n, np.inf), ones(), ones()),
        orders=OrderColumns(counts(), counts(), zeros(), np.full(n, np.nan)),
        fills=FillColumns(counts(), zeros(), zeros(), zeros(), zeros()),
        market=market_table(sector),
        holdings=holdings_table(n),
        account=account_row(),
        table=orders_table(n),
        guards=guards,
        verdicts=empty_verdicts(n, len(guards.kind)),
        scratch=empty_scratch(n, sectors),
        quick=empty_quick(guards, n, sectors),
        approved=np.zeros(2 * n),
        value=np.array([cash, cash]),
        proven=np.zeros(2, np.int64),
    )  # fmt: skip
