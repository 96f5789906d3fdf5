"""What a batch comes to with every order whole, and whether that stays within a limit by more than rounding (kernels).

Cash is least and exposure largest once every order of a batch is accepted whole. The sums hold for batches of the
plain form: long holdings, nothing pending, sells before buys, no instrument twice.
"""

import types
from collections.abc import Callable
from typing import NamedTuple, cast

from prudent.backtest.guard_classes import BOUND_JUDGES, Ints
from prudent.exchange.matching import Floats
from prudent.guards import columns as fact
from prudent.guards import judges_book
from prudent.guards.arithmetic import NAN
from prudent.guards.columns import Cells, Columns
from prudent.guards.facts import worst_price

MARKET, HOLDING, ORDER = fact.MARKET_WIDTH, fact.HOLDING_WIDTH, fact.ORDER_WIDTH
MARKET_START, HOLDING_START, ACCOUNT_START = fact.MARKET_START, fact.HOLDING_START, fact.ACCOUNT_START
MARK, MULTIPLIER, FX_RATE, SECTOR, PRICE, BID, ASK, HAS_SPREAD = (
    fact.MARK, fact.MULTIPLIER, fact.FX_RATE, fact.SECTOR, fact.PRICE, fact.BID, fact.ASK, fact.HAS_SPREAD,
)  # fmt: skip
HELD, PENDING_BUY, PENDING_SELL, PENDING_COST = fact.HELD, fact.PENDING_BUY, fact.PENDING_SELL, fact.PENDING_COST
PENDING_LOSS, LIVE_BUYS, LIVE_SELLS = fact.PENDING_LOSS, fact.LIVE_BUYS, fact.LIVE_SELLS
QUANTITY, SIGN, EFFECT, LIMIT_PRICE, FEE, FORCED = (
    fact.QUANTITY, fact.SIGN, fact.EFFECT, fact.LIMIT_PRICE, fact.FEE, fact.FORCED,
)  # fmt: skip
OPEN, CLOSE = fact.OPEN, fact.CLOSE
CASH, NLV, TRADES_TODAY, HAS_TRADED = fact.CASH, fact.NLV, fact.TRADES_TODAY, fact.HAS_TRADED

# An order or a holding enters a sum with at most this much rounding (money); a sum of floats with this share of it.
ROUNDING = 0.05
NOISE = 1e-9
# Sums beyond this are not proven: a gate takes no number of 10^12 and more.
MONEY_MAX = 1e11


class SumColumns(NamedTuple):
    """Working memory: orders seen by instrument; by sector what it is worth and whether something is bought in it."""

    seen: Ints
    sector: Floats
    bought: Floats


class Sums(NamedTuple):
    """What the batch comes to with every order whole, in money and in numbers; `margin` is how wrong it may be.

    `low` is the least net liquidation, `room` cash after all buys at their worst with what the sells bring in,
    `gross` and `sector` exposure less what the sells take off (`sector` the largest that a buy is in).
    """

    nlv: float
    low: float
    room: float
    gross: float
    sector: float
    position: float
    notional: float
    bought: float
    sold: float
    held: float
    buys: float
    trades: float
    has_traded: float
    margin: float


def fits_cash(s: Sums, limit: float, _second: float) -> int:
    return 1 if s.room - s.margin >= max(limit, 0.0) * s.nlv else 0


def fits_no_debt(s: Sums, _limit: float, _second: float) -> int:
    return 1 if s.room - s.margin >= 0.0 else 0


def fits_gross(s: Sums, limit: float, _second: float) -> int:
    return 1 if s.gross + s.margin <= limit * s.low else 0


def fits_sector(s: Sums, limit: float, _second: float) -> int:
    return 1 if s.sector + s.margin <= limit * s.low else 0


def fits_position(s: Sums, limit: float, _second: float) -> int:
    return 1 if s.position + s.margin <= limit * s.low else 0


def fits_position_value(s: Sums, limit: float, _second: float) -> int:
    return 1 if s.position + s.margin <= limit else 0


def fits_turnover(s: Sums, limit: float, _second: float) -> int:
    return 1 if s.has_traded == 0.0 or max(s.bought, s.sold) + s.margin <= limit * s.nlv else 0


def fits_order_weight(s: Sums, limit: float, _second: float) -> int:
    return 1 if s.notional + s.margin <= limit * s.nlv else 0


def fits_order_notional(s: Sums, limit: float, _second: float) -> int:
    return 1 if s.notional + s.margin <= limit else 0


def fits_positions(s: Sums, limit: float, _second: float) -> int:
    return 1 if s.held <= limit else 0


def fits_entries(s: Sums, limit: float, _second: float) -> int:
    return 1 if s.buys <= limit else 0


def fits_day(s: Sums, limit: float, _second: float) -> int:
    return 1 if s.trades <= limit else 0


def fits_rate(_s: Sums, _limit: float, second: float) -> int:
    # No order is live in the plain form; sending later does not lower an order.
    return 1 if second > 0.0 else 0


def fits_order(_s: Sums, _limit: float, _second: float) -> int:
    # Asked of every order by itself.
    return 1


# A bound for each of `BOUND_JUDGES`, in their order: 1 where no order of the batch can offend the guard.
BOUNDS: tuple[Callable[[Sums, float, float], int], ...] = (
    fits_no_debt, fits_cash, fits_cash, fits_gross, fits_sector, fits_position, fits_position_value, fits_positions,
    fits_entries, fits_day, fits_turnover, fits_order_weight, fits_order_notional, fits_rate, fits_order,
)  # fmt: skip
PARTICIPATION = len(BOUND_JUDGES) - 1
# From here on a guard may stop an exit too, and with it the cash and room that other bounds count on.
STOPS_EXITS = BOUND_JUDGES.index(judges_book.max_turnover_per_cycle)


def bound_by_number(number: int, s: Sums, limit: float, second: float) -> int:
    return BOUNDS[number](s, limit, second)


def compilable_bound_by_number() -> types.FunctionType:
    """A stand-in for `bound_by_number` that a compiler takes, as `compilable_judge_by_kind` is for judges."""
    lines = ["def bound_by_number(number, s, limit, second):"]
    for number in range(len(BOUNDS)):
        lines += [f"    if number == {number}:", f"        return bound_{number}(s, limit, second)"]
    names: dict[str, object] = {f"bound_{number}": bound for number, bound in enumerate(BOUNDS)}
    exec("\n".join([*lines, "    return 0", ""]), names)
    return cast("types.FunctionType", names["bound_by_number"])


def plain_holdings(columns: Columns, work: SumColumns) -> int:
    """1 where nothing is short and nothing pending; `work.sector` gets what each sector is worth."""
    for s in range(len(work.sector)):
        work.sector[s] = 0.0
        work.bought[s] = 0.0
    plain = 1
    for i in range(len(work.seen)):
        work.seen[i] = 0
        h, m = i * HOLDING - HOLDING_START, i * MARKET - MARKET_START
        held = columns.holdings[h + HELD]
        pending = columns.holdings[h + PENDING_BUY] == 0.0 and columns.holdings[h + PENDING_SELL] == 0.0
        unpaid = columns.holdings[h + PENDING_COST] == 0.0 and columns.holdings[h + PENDING_LOSS] == 0.0
        live = columns.holdings[h + LIVE_BUYS] == 0.0 and columns.holdings[h + LIVE_SELLS] == 0.0
        if not (held >= 0.0 and pending and unpaid and live):
            plain = 0
        if held != 0.0:
            unit = columns.market[m + MARK] * (columns.market[m + MULTIPLIER] * columns.market[m + FX_RATE])
            work.sector[int(columns.market[m + SECTOR])] += held * unit
    return plain


def plain_order(columns: Columns, work: SumColumns, j: int, sells: int) -> int:
    """1 where order j closes at most what is held, or opens after the last sale; each instrument once."""
    i, o = columns.instrument[j], j * ORDER
    work.seen[i] += 1
    if work.seen[i] > 1 or columns.orders[o + FORCED] != 0.0:
        return 0
    if columns.orders[o + SIGN] > 0.0:
        return 1 if columns.orders[o + EFFECT] == OPEN and columns.orders[o + QUANTITY] > 0.0 else 0
    held = columns.holdings[i * HOLDING - HOLDING_START + HELD]
    closes = columns.orders[o + EFFECT] == CLOSE and 0.0 < columns.orders[o + QUANTITY] <= held
    return 1 if closes and j == sells else 0


def unit_value(market: Cells, m: int) -> float:
    return market[m + MARK] * (market[m + MULTIPLIER] * market[m + FX_RATE])


def worst_value_of(columns: Columns, j: int, m: int) -> float:
    """Value of one unit of order j at the worst price it may trade at."""
    o, market = j * ORDER, columns.market
    sign = columns.orders[o + SIGN]
    quote = market[m + ASK] if sign > 0.0 else market[m + BID]
    price = worst_price(
        sign, columns.orders[o + LIMIT_PRICE], quote, market[m + PRICE], columns.account[HAS_SPREAD - ACCOUNT_START]
    )
    return price * (market[m + MULTIPLIER] * market[m + FX_RATE])


def add_up(columns: Columns, work: SumColumns, count: int) -> Sums:
    """The sums of a batch; `margin` is NaN, so that nothing is proven, where the batch is not of the plain form."""
    plain = plain_holdings(columns, work)
    gross, held, number = 0.0, 0.0, len(work.seen)
    for s in range(len(work.sector)):
        gross += work.sector[s]
    for i in range(number):
        held += 1.0 if columns.holdings[i * HOLDING - HOLDING_START + HELD] > 0.0 else 0.0
    sells, cost, bought, sold, lost, fees, position, notional = 0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0
    for j in range(count):
        i, o = columns.instrument[j], j * ORDER
        m, quantity, fee = i * MARKET - MARKET_START, columns.orders[o + QUANTITY], columns.orders[o + FEE]
        unit, worst = unit_value(columns.market, m), worst_value_of(columns, j, m)
        if not (plain_order(columns, work, j, sells) and unit > 0.0 and worst > 0.0 and fee >= 0.0):
            plain = 0
        s, before = int(columns.market[m + SECTOR]), columns.holdings[i * HOLDING - HOLDING_START + HELD]
        lost += abs(worst - unit) * quantity
        fees += fee
        notional = max(notional, worst * quantity)
        if columns.orders[o + SIGN] > 0.0:
            cost += worst * quantity
            bought += unit * quantity
            work.sector[s] += unit * quantity
            work.bought[s] = 1.0
            position = max(position, (before + quantity) * unit)
            held += 0.0 if before > 0.0 else 1.0
        else:
            sells += 1
            sold += unit * quantity
            work.sector[s] -= unit * quantity
            held -= 0.0 if before - quantity > 0.0 else 1.0
    sector = 0.0
    for s in range(len(work.sector)):
        sector = max(sector, work.sector[s] * work.bought[s])
    nlv, cash = columns.account[NLV - ACCOUNT_START], columns.account[CASH - ACCOUNT_START]
    largest = gross + bought + sold + cost + abs(nlv) + abs(cash)
    if not (plain and nlv > 0.0 and largest < MONEY_MAX):
        plain = 0
    margin = ROUNDING * (number + count + 10.0) + NOISE * largest if plain else NAN
    return Sums(
        nlv, nlv - lost - fees - margin, cash + sold - cost - 2.0 * fees, gross + bought - sold, sector, position,
        notional, bought, sold, held, float(count - sells),
        columns.account[TRADES_TODAY - ACCOUNT_START] + float(count), columns.account[HAS_TRADED - ACCOUNT_START],
        margin,
    )  # fmt: skip
