"""Gathers the facts of one order from the columns, and moves the running state when an order is accepted (kernels)."""

from prudent.guards.arithmetic import NAN, SHARE_TOLERANCE, cash_after, cents, larger, lost, nlv_after, worst_value
from prudent.guards.columns import (
    ACCEPTED,
    ACCOUNT_START,
    ACCOUNT_WIDTH,
    AHEAD,
    ASK,
    BEHIND,
    BEHIND_VALUE,
    BID,
    BUYS,
    CASH,
    CASH_AFTER,
    CASH_LOW,
    CLOSE,
    COVER,
    EFFECT,
    ENTRIES,
    EXCESS_CHANGE,
    EXCESS_RELIEF,
    EXCESS_TAKEN,
    FEE,
    FORCED,
    FREE,
    FX_RATE,
    GROSS,
    GROSS_RELIEF,
    HAS_SPREAD,
    HELD,
    HELD_COUNT,
    HELD_RELIEF,
    HOLDING_START,
    HOLDING_WIDTH,
    INITIAL_CHANGE,
    INITIAL_RELIEF,
    INITIAL_TAKEN,
    LIMIT_PRICE,
    LIVE_BUYS,
    LIVE_SAME_SIDE,
    LIVE_SELLS,
    LOSS_UNIT,
    MARGIN,
    MARK,
    MARKET_START,
    MARKET_WIDTH,
    MULTIPLIER,
    NLV,
    NLV_AFTER,
    NLV_LOW,
    NO_VENUE,
    ORDER_VALUE,
    ORDER_WIDTH,
    OTHER_SIDE,
    PAIRED,
    PARTNER,
    PENDING_BUY,
    PENDING_COST,
    PENDING_LOSS,
    PENDING_SELL,
    POSITION_AFTER,
    POSITION_BEFORE,
    PRICE,
    PROCEEDS,
    QUANTITY,
    REDUCING_ORDER,
    SECTOR,
    SECTOR_RELIEF,
    SECTOR_VALUE,
    SELLS,
    SIGN,
    UNIT,
    WORST_UNIT,
    Cells,
)

SLIPPAGE_WORST = 0.01


def worst_price(sign: float, limit_price: float, quote: float, price: float, has_spread: float) -> float:
    """The most a buy may pay and the least a sale may bring: the limit price, else 1 % beyond the quote.

    Where no quotes exist at all (`has_spread` 0), the price stands for the quote.
    """
    if limit_price > 0.0:
        return limit_price
    if has_spread == 0.0 and not quote > 0.0:
        quote = price
    if quote > 0.0:
        return quote * (1.0 + sign * SLIPPAGE_WORST)
    return NAN


def worst_quantity(high: float, low: float) -> float:
    """The larger magnitude of the two ends of what a position may become."""
    if high > -low:
        return high
    return -low


def start_holding(o: Cells, market: Cells, holdings: Cells, sector: Cells, i: int) -> None:
    """Counts holding i, and what live orders in it may still do, into cash, value and exposures before the batch."""
    h, m = i * HOLDING_WIDTH - HOLDING_START, i * MARKET_WIDTH - MARKET_START
    o[CASH_LOW] = cents(o[CASH_LOW] - holdings[h + PENDING_COST])
    o[NLV_LOW] = cents(o[NLV_LOW] - holdings[h + PENDING_LOSS])
    high = holdings[h + HELD] + holdings[h + PENDING_BUY]
    worst = worst_quantity(high, holdings[h + HELD] - holdings[h + PENDING_SELL])
    if worst > SHARE_TOLERANCE:
        unit = market[m + MARK] * (market[m + MULTIPLIER] * market[m + FX_RATE])
        o[HELD_COUNT] += 1.0
        o[GROSS] = cents(o[GROSS] + cents(worst * unit))
        if high > SHARE_TOLERANCE:
            s = int(market[m + SECTOR])
            sector[s] = cents(sector[s] + cents(high * unit))


def start_account(o: Cells, account: Cells) -> None:
    """The account as it is, before any holding or order is counted."""
    for f in range(ACCOUNT_WIDTH):
        o[ACCOUNT_START + f] = account[f]
    o[CASH_LOW] = cents(o[CASH])
    o[NLV_LOW] = cents(o[NLV])
    o[PROCEEDS] = 0.0
    o[GROSS] = 0.0
    o[GROSS_RELIEF] = 0.0
    o[HELD_RELIEF] = 0.0
    o[BUYS] = 0.0
    o[SELLS] = 0.0
    o[ACCEPTED] = 0.0
    o[ENTRIES] = 0.0
    o[HELD_COUNT] = 0.0
    o[INITIAL_TAKEN] = 0.0
    o[INITIAL_RELIEF] = 0.0
    o[EXCESS_TAKEN] = 0.0
    o[EXCESS_RELIEF] = 0.0


def is_reducing(o: Cells) -> float:
    """1 for a close or cover of at most what is free: told from the position, whatever the order calls itself."""
    closes = o[EFFECT] == CLOSE and o[SIGN] < 0.0
    covers = o[EFFECT] == COVER and o[SIGN] > 0.0
    if (closes or covers) and 0.0 < o[QUANTITY] <= o[FREE] + SHARE_TOLERANCE:
        return 1.0
    return 0.0


def gather_tables(o: Cells, market: Cells, holdings: Cells, orders: Cells, j: int, i: int) -> None:
    """Order j, its instrument i and the holding of it, as they stand in their tables."""
    for f in range(ORDER_WIDTH):
        o[f] = orders[j * ORDER_WIDTH + f]
    for f in range(MARKET_WIDTH):
        o[MARKET_START + f] = market[i * MARKET_WIDTH + f]
    for f in range(HOLDING_WIDTH):
        o[HOLDING_START + f] = holdings[i * HOLDING_WIDTH + f]


def gather_pair(o: Cells, holdings: Cells, bought: Cells) -> None:
    """Whether the instrument that moves alike is held or about to be."""
    partner = int(o[PARTNER])
    o[PAIRED] = 0.0
    if partner >= 0 and holdings[partner * HOLDING_WIDTH - HOLDING_START + HELD] + bought[partner] > SHARE_TOLERANCE:
        o[PAIRED] = 1.0


def gather_position(o: Cells, bought: float, sold: float) -> None:
    """Where the position may stand, given what was `bought` and `sold` before by live and by accepted orders."""
    held = o[HELD]
    if o[SIGN] > 0.0:
        o[AHEAD], o[BEHIND], o[FREE] = held + bought, sold - held, -held - bought
        o[LIVE_SAME_SIDE], o[OTHER_SIDE] = o[LIVE_BUYS], sold
    else:
        o[AHEAD], o[BEHIND], o[FREE] = sold - held, held + bought, held - sold
        o[LIVE_SAME_SIDE], o[OTHER_SIDE] = o[LIVE_SELLS], bought
    o[REDUCING_ORDER] = is_reducing(o)
    if o[REDUCING_ORDER] == 0.0:
        o[FORCED] = 0.0


def gather_values(o: Cells, sector: float, relief: float) -> None:
    """What the order is worth, and the account's worst case with all of it."""
    factor = o[MULTIPLIER] * o[FX_RATE]
    quote = o[ASK] if o[SIGN] > 0.0 else o[BID]
    o[UNIT] = o[MARK] * factor
    o[WORST_UNIT] = worst_price(o[SIGN], o[LIMIT_PRICE], quote, o[PRICE], o[HAS_SPREAD]) * factor
    loss = o[SIGN] * (o[WORST_UNIT] - o[UNIT])
    o[LOSS_UNIT] = loss if loss > 0.0 else 0.0
    o[SECTOR_VALUE], o[SECTOR_RELIEF] = sector, relief
    value, cost = cents(o[QUANTITY] * o[UNIT]), cents(o[QUANTITY] * o[WORST_UNIT])
    o[ORDER_VALUE] = value
    o[NLV_AFTER] = cents(o[NLV_LOW] - o[FEE] - lost(o[SIGN], cost, value))
    o[CASH_AFTER] = cents(o[CASH_LOW] - cost - o[FEE]) if o[SIGN] > 0.0 else o[CASH_LOW]
    o[POSITION_BEFORE] = worst_value(o, o[AHEAD], 0.0, 0.0)
    o[POSITION_AFTER] = worst_value(o, o[AHEAD], 0.0, o[QUANTITY])
    o[BEHIND_VALUE] = worst_value(o, o[BEHIND], 0.0, 0.0)


def lower_to(o: Cells, quantity: float) -> None:
    """The order's computed facts at the smaller quantity that may go of it."""
    o[QUANTITY] = quantity
    o[ORDER_VALUE] = cents(quantity * o[UNIT])
    o[NLV_AFTER] = nlv_after(o, quantity)
    if o[SIGN] > 0.0:
        o[CASH_AFTER] = cash_after(o, o[CASH_LOW], quantity)
    o[POSITION_AFTER] = worst_value(o, o[AHEAD], 0.0, quantity)


def accept_order(o: Cells, sector: Cells, relief: Cells, quantity: float) -> None:
    """The running state with `quantity` of this order: a buy reserves its worst cost, a sale only promises."""
    if quantity != o[QUANTITY]:
        lower_to(o, quantity)
    before = larger(o[POSITION_BEFORE], o[BEHIND_VALUE])
    o[GROSS] = cents(o[GROSS] - before + larger(o[POSITION_AFTER], o[BEHIND_VALUE]))
    if not (o[AHEAD] > SHARE_TOLERANCE or o[BEHIND] > SHARE_TOLERANCE):
        o[HELD_COUNT] += 1.0
    o[NLV_LOW] = o[NLV_AFTER]
    o[ACCEPTED] += 1.0
    o[ENTRIES] += 1.0 - o[REDUCING_ORDER]
    value, s = o[ORDER_VALUE], int(o[SECTOR])
    traded = 0.0 if o[FORCED] else value
    if o[SIGN] > 0.0:
        sector[s] = cents(sector[s] - o[POSITION_BEFORE] + o[POSITION_AFTER])
        o[CASH_LOW] = o[CASH_AFTER]
        o[BUYS] = cents(o[BUYS] + traded)
    else:
        o[SELLS] = cents(o[SELLS] + traded)
    if o[MARGIN] != NO_VENUE:
        take_margin(o)
    if o[REDUCING_ORDER]:
        relieve(o, quantity, value)
        if o[SIGN] < 0.0 and value > 0.0:
            relief[s] = cents(relief[s] + value)


def take_margin(o: Cells) -> None:
    """What the order takes of the account's margin, or gives back once it is filled.

    New risk that nobody told of counts with its whole value, which is the most that cash can have to carry; the figures
    of an order that was lowered are those of the whole one.
    """
    initial, excess = o[INITIAL_CHANGE], o[EXCESS_CHANGE]
    if o[REDUCING_ORDER]:
        if initial < 0.0:
            o[INITIAL_RELIEF] = cents(o[INITIAL_RELIEF] - initial)
        if excess > 0.0:
            o[EXCESS_RELIEF] = cents(o[EXCESS_RELIEF] + excess)
        return
    if not initial <= 0.0:
        o[INITIAL_TAKEN] = cents(o[INITIAL_TAKEN] + (initial if initial > 0.0 else o[ORDER_VALUE]))
    if not excess >= 0.0:
        o[EXCESS_TAKEN] = cents(o[EXCESS_TAKEN] + (-excess if excess < 0.0 else o[ORDER_VALUE]))


def relieve(o: Cells, quantity: float, value: float) -> None:
    """What this exit gives back once it is filled: cash of a sale, exposure, and a place where it ends a position."""
    if value > 0.0:
        o[GROSS_RELIEF] = cents(o[GROSS_RELIEF] + value)
    if o[FREE] - quantity <= SHARE_TOLERANCE and o[OTHER_SIDE] <= 0.0:
        o[HELD_RELIEF] += 1.0
    if o[SIGN] < 0.0 and value - o[FEE] > 0.0:
        o[PROCEEDS] = cents(o[PROCEEDS] + value - o[FEE])
