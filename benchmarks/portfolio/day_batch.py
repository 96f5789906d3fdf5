"""One day-batch: size the orders, judge the plan, then judge and trade each phase; the product's kernels in one loop.

Only the gathering of columns is written here. Sizing, guards, matching, costs and rounding are the functions that
`invest run` calls, compiled from the very same code.
"""

from typing import NamedTuple

from portfolio.panel import COST_BPS, Floats, Ints
from prudent.domain.money import round_cents
from prudent.exchange.fees import NONE
from prudent.exchange.matching import BookColumns, Costs, FillColumns, OrderColumns, QuoteColumns, match_batch
from prudent.guards import columns as fact
from prudent.guards.columns import Columns, GuardColumns, ScratchColumns, VerdictColumns
from prudent.guards.evaluate import evaluate_batch
from prudent.pipeline.plan.sizing import (
    FLOOR,
    LotColumns,
    SizingColumns,
    SizingRules,
    fit_to_cash,
    size_orders,
    target_lots,
)

MARKET, HOLDING, ORDER, ACCOUNT = fact.MARKET_WIDTH, fact.HOLDING_WIDTH, fact.ORDER_WIDTH, fact.ACCOUNT_WIDTH
MARKET_START, HOLDING_START, ACCOUNT_START = fact.MARKET_START, fact.HOLDING_START, fact.ACCOUNT_START
PRICE, MARK, LEVEL, ADV_DOLLARS, ADV_SESSIONS = fact.PRICE, fact.MARK, fact.LEVEL, fact.ADV_DOLLARS, fact.ADV_SESSIONS
PREVIOUS_CLOSE, PREVIOUS_LEVEL, HELD = fact.PREVIOUS_CLOSE, fact.PREVIOUS_LEVEL, fact.HELD
QUANTITY, SIGN, EFFECT, LIMIT_PRICE, REFERENCE = (
    fact.QUANTITY, fact.SIGN, fact.EFFECT, fact.LIMIT_PRICE, fact.REFERENCE,
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


class Work(NamedTuple):
    """All columns of one account over a backtest; `value` holds what it started with and the highest it was worth."""

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
    log: OrderLog
    value: Floats


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
    """The first guard that cut order j to what was approved, else the last that made it wait at that; -1 if none."""
    waited = -1
    for g in range(width):
        at = j * width + g
        if verdicts.allowed[at] == verdicts.approved[j]:
            if verdicts.outcome[at] == CLIP or verdicts.outcome[at] == REJECT:
                return g
            if verdicts.outcome[at] == DEFER:
                waited = g
    return waited


def judge_rows(work: Work, first: int, last: int) -> None:
    """Judge orders `first` to `last` against book and cash as they are; what is refused or cut names its guard."""
    count, width = last - first, len(work.guards.kind)
    for i in range(len(work.book.quantity)):
        work.holdings[i * HOLDING - HOLDING_START + HELD] = work.book.quantity[i]
    work.account[CASH - ACCOUNT_START] = work.book.cash[0]
    verdicts = VerdictColumns(
        work.verdicts.outcome[: count * width],
        work.verdicts.allowed[: count * width],
        work.verdicts.observed[: count * width],
        work.verdicts.approved[:count],
        work.verdicts.waits[:count],
    )
    columns = Columns(
        work.market, work.holdings, work.account, work.table[first * ORDER : last * ORDER],
        work.orders.instrument[first:last],
    )  # fmt: skip
    evaluate_batch(columns, work.guards, verdicts, work.scratch)
    for j in range(count):
        asked = work.table[(first + j) * ORDER + QUANTITY]
        work.log.approved[first + j] = verdicts.approved[j]
        if verdicts.approved[j] < asked and work.log.guard[first + j] < 0:
            work.log.guard[first + j] = who_decided(verdicts, j, width)
        work.table[(first + j) * ORDER + QUANTITY] = verdicts.approved[j]
        work.orders.quantity[first + j] = verdicts.approved[j]


def trade_rows(work: Work, first: int, last: int) -> int:
    """Match orders `first` to `last` at the close."""
    orders = OrderColumns(
        work.orders.instrument[first:last], work.orders.side[first:last], work.orders.quantity[first:last],
        work.orders.limit[first:last],
    )  # fmt: skip
    fills = FillColumns(
        work.fills.status[first:last], work.log.filled[first:last], work.log.price[first:last],
        work.log.commission[first:last], work.log.cash[first:last],
    )  # fmt: skip
    return match_batch(orders, work.quotes, work.book, fills, Costs(NONE, COST_BPS))


def fit_buys(work: Work, first: int, last: int) -> None:
    """Lower the approved buys by one common factor where cash has become short."""
    for i in range(len(work.lots.add)):
        work.lots.add[i] = 0.0
    for j in range(first, last):
        work.lots.add[work.orders.instrument[j]] = work.orders.quantity[j]
    cash = work.book.cash[0]
    fit_to_cash(work.size, SizingRules(0.0, cash, 0.0, FLOOR, NONE), cash, work.lots.add)
    for j in range(first, last):
        quantity = work.lots.add[work.orders.instrument[j]]
        work.orders.quantity[j] = quantity
        work.table[j * ORDER + QUANTITY] = quantity


def trade_day(work: Work, close: Floats, before: Floats, dollars: Floats, weight: Floats) -> tuple[int, int]:
    """The whole batch of one day; gives the number of orders planned and traded."""
    nlv = see_day(work, close, before, dollars)
    for i in range(len(weight)):
        work.size.weight[i] = weight[i]
    target_lots(work.size, nlv, FLOOR, work.lots.target)
    size_orders(work.size, SizingRules(nlv, work.book.cash[0], 0.0, FLOOR, NONE), work.lots)
    count, sells = write_orders(work)
    for j in range(count):
        work.log.instrument[j] = work.orders.instrument[j]
        work.log.planned[j] = work.orders.side[j] * work.orders.quantity[j]
        work.log.guard[j] = -1
    judge_rows(work, 0, count)
    judge_rows(work, 0, sells)
    traded = trade_rows(work, 0, sells)
    fit_buys(work, sells, count)
    judge_rows(work, sells, count)
    traded += trade_rows(work, sells, count)
    work.account[HAS_TRADED - ACCOUNT_START] = 1.0
    return count, traded


def value_days(work: Work, close: Floats, curve: Floats) -> None:
    """The account's value at each close of `close` with the book as it is, and its peak."""
    for t in range(len(close)):
        curve[t] = equity(work.book, close[t])
        work.value[1] = max(work.value[1], curve[t])
