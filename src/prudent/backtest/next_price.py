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
    plan_orders,
    rest_of,
    trade_rows,
)
from prudent.exchange.matching import Floats, Ints
from prudent.exchange.venue import PARTICIPATION_MAX
from prudent.guards import columns as fact
from prudent.pipeline import standing

BID, ASK = fact.BID, fact.ASK
OPEN_FIELD, CLOSE_FIELD = 0, 1
# What became of a batch: nobody was asked, for the one before was still under way; its plan had no orders; it traded at
# the price it waited for, or at the one after, made anew; the window was over before it could trade.
NOT_ASKED, NO_ORDERS, TRADED, MADE_ANEW, WINDOW_OVER = 0, 1, 2, 3, 4
# A plan whose price has moved by more than this share since it was made is made anew.
COLLAR = float(standing.COLLAR)
# The share of its usual volume that one order may trade in a session, and the sessions that say what is usual.
VENUE_SHARE = float(PARTICIPATION_MAX)
SESSIONS_KNOWN = 20.0


class NextSpan(NamedTuple):
    """Batch r decides at the close of `day[r]` towards `weight[r]`; `prices[f, t, i]` has opens (0) and closes (1).

    `bid` and `ask` stand around them, `level` is what they were as quoted on the day, `raw[t, i]` the last of those;
    `dollars[t, i]` is the mean dollar volume known when session t opens; `fill` is the field that batches trade at.
    Written: `value[f, t]` of the account, `cash[t]` and `held[t, i]` after each close, and of batch r its `orders[r]`,
    `traded_on[r]` (-1 = it did not), what `became[r]` of it, and where its log ends.
    """

    prices: Floats
    bid: Floats
    ask: Floats
    level: Floats
    raw: Floats
    dollars: Floats
    weight: Floats
    day: Ints
    fill: int
    value: Floats
    cash: Floats
    held: Floats
    orders: Ints
    traded_on: Ints
    became: Ints
    end: Ints


def look(work: Work, span: NextSpan, f: int, t: int) -> float:
    """The tables as they stand at field `f` of session t; gives net liquidation."""
    before = max(t - 1, 0)
    for i in range(len(work.book.quantity)):
        m, price = i * MARKET - MARKET_START, span.prices[f, t, i]
        work.market[m + MARK] = work.market[m + PRICE] = price
        work.market[m + LEVEL], work.market[m + PREVIOUS_LEVEL] = span.level[f, t, i], span.raw[before, i]
        work.market[m + PREVIOUS_CLOSE] = span.prices[CLOSE_FIELD, before, i]
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


def plan_at(work: Work, span: NextSpan, r: int, f: int, t: int) -> tuple[int, int]:
    """Size and write the orders at field `f` of session t; gives how many there are, and how many reduce."""
    sizes = plan_orders(work, look(work, span, f, t), span.weight[r])
    span.orders[r] = sizes[0]
    return sizes


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
    sessions, logged, r, waiting = span.prices.shape[1], 0, 0, NOT_ASKED
    sizes = (0, 0)
    for t in range(sessions):
        work.account[TRADES_TODAY - ACCOUNT_START] = 0.0
        keep_values(work, span, OPEN_FIELD, t)
        for f in range(2):
            if waiting == NOT_ASKED or f != (CLOSE_FIELD if waiting == MADE_ANEW else span.fill):
                continue
            if waiting == TRADED and moved_too_far(work, span, f, t, sizes[0]):
                sizes, waiting = plan_at(work, span, r, f, t), MADE_ANEW
            else:
                trade_plan(work, span, f, t, rest_of(log, logged), sizes)
                logged += sizes[0]
                span.traded_on[r], span.became[r], span.end[r] = t, waiting, logged
                waiting, r = NOT_ASKED, r + 1
            if waiting == MADE_ANEW and sizes[0] == 0:
                span.became[r], span.end[r] = NO_ORDERS, logged
                waiting, r = NOT_ASKED, r + 1
        keep_values(work, span, CLOSE_FIELD, t)
        while waiting == NOT_ASKED and r < len(span.day) and span.day[r] < t:
            span.end[r], r = logged, r + 1
        if waiting == NOT_ASKED and r < len(span.day) and span.day[r] == t and t + 1 < sessions:
            sizes = plan_at(work, span, r, CLOSE_FIELD, t)
            span.became[r], span.end[r] = NO_ORDERS, logged
            waiting, r = (TRADED, r) if sizes[0] > 0 else (NOT_ASKED, r + 1)
    return end_window(span, r, waiting, logged)


def end_window(span: NextSpan, r: int, waiting: int, logged: int) -> int:
    """What was not decided or not traded by the last close; gives the number of rows logged."""
    if waiting != NOT_ASKED:
        span.became[r] = WINDOW_OVER
    for q in range(r, len(span.day)):
        span.end[q] = logged
    return logged
