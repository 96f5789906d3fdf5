"""A batch that is decided at a close and judged again, traded and booked at a later price (kernels).

As `run_cycle` does with a plan that waits for the market: the plan is sized at the close; where it trades, all of it is
judged again, then its sells are judged and traded, then its buys are lowered to the cash, judged and traded. A plan
whose prices have moved too far by then is made anew there, and trades at the close after that.
"""

from typing import NamedTuple

from prudent.backtest.day_batch import (
    ACCOUNT_START,
    ADV_DOLLARS,
    ADV_SESSIONS,
    HAS_TRADED,
    LEVEL,
    MARK,
    MARKET,
    MARKET_START,
    NLV,
    NLV_OPEN,
    ORDER,
    PEAK_UNIT_VALUE,
    PREVIOUS_CLOSE,
    PREVIOUS_LEVEL,
    PRICE,
    REFERENCE,
    TRADES_TODAY,
    UNIT_VALUE,
    OrderLog,
    Work,
    equity,
    fit_buys,
    judge_rows,
    rest_of,
    trade_rows,
    write_orders,
)
from prudent.exchange.matching import Floats, Ints
from prudent.exchange.venue import PARTICIPATION_MAX
from prudent.guards import columns as fact
from prudent.pipeline import standing
from prudent.pipeline.plan.sizing import SizingRules, size_orders, target_lots, trade_fee

FEE, QUANTITY, BID, ASK = fact.FEE, fact.QUANTITY, fact.BID, fact.ASK
OPEN_FIELD, CLOSE_FIELD = 0, 1
# A plan whose price has moved by more than this share since it was made is made anew.
COLLAR = float(standing.COLLAR)
# The share of its usual volume that one order may trade in a session, and the sessions that say what is usual.
VENUE_SHARE = float(PARTICIPATION_MAX)
SESSIONS_KNOWN = 20.0


class NextSpan(NamedTuple):
    """Batch r decides at the close of `day[r]` towards `weight[r]`; `prices[f, t, i]` has opens (0) and closes (1).

    `bid` and `ask` stand around them; `dollars[t, i]` is the mean dollar volume known when session t opens; `fill` is
    the field that batches trade at. Written:
    `value[f, t]` of the account, `cash[t]` and `held[t, i]` after each close, `traded_on[r]` (-1 = the window was
    over), and where batch r's log ends.
    """

    prices: Floats
    bid: Floats
    ask: Floats
    dollars: Floats
    weight: Floats
    day: Ints
    fill: int
    value: Floats
    cash: Floats
    held: Floats
    traded_on: Ints
    end: Ints


def look(work: Work, span: NextSpan, f: int, t: int) -> float:
    """The tables as they stand at field `f` of session t; gives net liquidation."""
    before = max(t - 1, 0)
    for i in range(len(work.book.quantity)):
        m, price, last = i * MARKET - MARKET_START, span.prices[f, t, i], span.prices[CLOSE_FIELD, before, i]
        work.market[m + MARK] = work.market[m + PRICE] = work.market[m + LEVEL] = price
        work.market[m + PREVIOUS_CLOSE] = work.market[m + PREVIOUS_LEVEL] = last
        work.market[m + BID], work.market[m + ASK] = span.bid[f, t, i], span.ask[f, t, i]
        work.market[m + ADV_DOLLARS] = span.dollars[t, i]
        work.market[m + ADV_SESSIONS] = SESSIONS_KNOWN if span.dollars[t, i] > 0.0 else 0.0
        work.quotes.bid[i], work.quotes.ask[i] = span.bid[f, t, i], span.ask[f, t, i]
        work.quotes.cap[i] = VENUE_SHARE * span.dollars[t, i] / price
        work.quotes.price[i] = work.size.price[i] = work.size.unit[i] = price
        work.size.held[i] = work.book.quantity[i]
    nlv = equity(work.book, span.prices[f, t])
    a = -ACCOUNT_START
    work.account[a + NLV], work.account[a + UNIT_VALUE] = nlv, nlv / work.value[0]
    work.account[a + PEAK_UNIT_VALUE] = work.value[1] / work.value[0]
    work.account[a + NLV_OPEN] = span.value[OPEN_FIELD, t]
    return nlv


def plan(work: Work, span: NextSpan, r: int, f: int, t: int) -> tuple[int, int]:
    """Size and write the orders at field `f` of session t; gives how many there are, and how many reduce."""
    nlv = look(work, span, f, t)
    for i in range(len(work.size.weight)):
        work.size.weight[i] = span.weight[r, i]
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


def moved_too_far(work: Work, span: NextSpan, f: int, t: int, count: int) -> int:
    """1 where the price of an order left its collar since the plan was made."""
    for j in range(count):
        reference = work.table[j * ORDER + REFERENCE]
        if not abs(span.prices[f, t, work.orders.instrument[j]] - reference) <= COLLAR * reference:
            return 1
    return 0


def trade_plan(work: Work, span: NextSpan, f: int, t: int, log: OrderLog, sizes: tuple[int, int]) -> None:
    """Judge the plan again, then its sells, then its buys, at field `f` of session t, and trade what is left."""
    count, sells = sizes
    look(work, span, f, t)
    for j in range(count):
        log.instrument[j] = work.orders.instrument[j]
        log.planned[j] = work.orders.side[j] * work.orders.quantity[j]
        log.guard[j] = -1
    judge_rows(work, log, 0, count, 1)
    judge_rows(work, log, 0, sells, 0)
    traded = trade_rows(work, log, 0, sells)
    work.account[TRADES_TODAY - ACCOUNT_START] += float(traded)
    see_cash(work, span, f, t)
    fit_buys(work, sells, count)
    judge_rows(work, log, sells, count, 0)
    traded += trade_rows(work, log, sells, count)
    if traded > 0:
        work.account[HAS_TRADED - ACCOUNT_START] = 1.0


def see_cash(work: Work, span: NextSpan, f: int, t: int) -> None:
    """Net liquidation once the sells have cost what they cost."""
    work.account[NLV - ACCOUNT_START] = equity(work.book, span.prices[f, t])
    work.account[UNIT_VALUE - ACCOUNT_START] = work.account[NLV - ACCOUNT_START] / work.value[0]


def keep_values(work: Work, span: NextSpan, f: int, t: int) -> None:
    span.value[f, t] = equity(work.book, span.prices[f, t])
    work.value[1] = max(work.value[1], span.value[f, t])
    if f == CLOSE_FIELD:
        span.cash[t] = work.book.cash[0]
        for i in range(len(work.book.quantity)):
            span.held[t, i] = work.book.quantity[i]


def run_next(work: Work, span: NextSpan, log: OrderLog) -> int:
    """Every session of the window in order; gives the number of rows logged."""
    sessions, logged, r, waiting, late = span.prices.shape[1], 0, 0, 0, 0
    sizes = (0, 0)
    for t in range(sessions):
        work.account[TRADES_TODAY - ACCOUNT_START] = 0.0
        keep_values(work, span, OPEN_FIELD, t)
        for f in range(2):
            if waiting and f == (CLOSE_FIELD if late else span.fill):
                if late == 0 and moved_too_far(work, span, f, t, sizes[0]):
                    sizes, late = plan(work, span, r, f, t), 1
                else:
                    trade_plan(work, span, f, t, rest_of(log, logged), sizes)
                    logged += sizes[0]
                    span.end[r], span.traded_on[r] = logged, t
                    waiting, late, r = 0, 0, r + 1
        keep_values(work, span, CLOSE_FIELD, t)
        if r < len(span.day) and span.day[r] == t and waiting == 0 and t + 1 < sessions:
            sizes = plan(work, span, r, CLOSE_FIELD, t)
            waiting = 1 if sizes[0] > 0 else 0
            span.end[r] = logged
            r += 0 if waiting else 1
    return logged
