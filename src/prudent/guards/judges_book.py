"""Judges of cash, position, exposure and count: what the account may become, whatever subset of its orders fills."""

from prudent.guards.arithmetic import (
    NAN,
    RATIO_TOLERANCE,
    SHARE_TOLERANCE,
    blocks_all,
    blocks_new_risk,
    cash_room,
    cents,
    exposure_room,
    floor_money,
    larger,
    limits_new_risk,
    share,
    value_room,
    worst_value,
)
from prudent.guards.columns import (
    ACCEPTED,
    AHEAD,
    ALLOW_SHORT,
    BEHIND,
    BEHIND_VALUE,
    BUYS,
    CASH,
    CASH_AFTER,
    CASH_LOW,
    CLIP,
    COVER,
    DEFER,
    DUPLICATE,
    EFFECT,
    ENTRIES,
    FORCED,
    FREE,
    GROSS,
    GROSS_RELIEF,
    HAS_TRADED,
    HELD_COUNT,
    HELD_RELIEF,
    HOLDING_DAYS,
    LIVE_SAME_SIDE,
    NLV,
    NLV_AFTER,
    ORDER_VALUE,
    ORDERS_LAST_SECOND,
    OTHER_SIDE,
    PAIRED,
    PASS,
    POSITION_AFTER,
    POSITION_BEFORE,
    PROCEEDS,
    QUANTITY,
    REDUCING_ORDER,
    REENTRY_DAYS_LEFT,
    REJECT,
    SECTOR_RELIEF,
    SECTOR_VALUE,
    SELLS,
    SHORT,
    SIGN,
    TRADES_TODAY,
    UNKNOWN,
    UNKNOWN_ORDERS,
    WARN,
    WORST_UNIT,
    Cells,
    Judgement,
)


def keeps_cash(o: Cells, floor: float, observed: float) -> Judgement:
    """Cash stays at `floor`; a buy that only lacks it waits while sales accepted before it would bring it in."""
    if o[REDUCING_ORDER] or o[CASH_AFTER] >= floor_money(floor, o[NLV_AFTER]):
        return PASS, o[QUANTITY], observed
    if o[SIGN] < 0.0:
        return REJECT, 0.0, observed
    if o[PROCEEDS] > 0.0:
        after_sales = cash_room(o, cents(o[CASH_LOW] + o[PROCEEDS]), floor)
        if after_sales > 0.0:
            return DEFER, after_sales, observed
    return CLIP, cash_room(o, o[CASH_LOW], floor), observed


def no_negative_cash(o: Cells, _limit: float, _second: float) -> Judgement:
    return keeps_cash(o, 0.0, o[CASH_AFTER])


def minimum_cash_reserve(o: Cells, limit: float, _second: float) -> Judgement:
    """Lowest cash at least `limit` of the lowest net liquidation value; a sale brings none in until it is filled."""
    return keeps_cash(o, limit, share(o[CASH_AFTER], o[NLV_AFTER]))


def cash_range(o: Cells, limit: float, second: float) -> Judgement:
    """At least `limit` in cash; more than `second` of it is only worth a warning."""
    code, quantity, after = minimum_cash_reserve(o, limit, second)
    if code == PASS and not o[REDUCING_ORDER] and after > second + RATIO_TOLERANCE:
        return WARN, quantity, after
    return code, quantity, after


def no_oversell(o: Cells, _limit: float, _second: float) -> Judgement:
    """Never sell more than is held net of live sells; a short sale waits until nothing is held."""
    if o[SIGN] > 0.0:
        return PASS, o[QUANTITY], NAN
    free = o[FREE]
    if o[EFFECT] == SHORT:
        return blocks_all(o, free <= SHARE_TOLERANCE, free)
    if not free > 0.0:
        free = 0.0
    return blocks_all(o, o[QUANTITY] <= free + SHARE_TOLERANCE, free)


def no_uncovered_cover(o: Cells, _limit: float, _second: float) -> Judgement:
    """Never cover more than is short net of live buys; a purchase to open waits until nothing is short."""
    if o[SIGN] < 0.0:
        return PASS, o[QUANTITY], NAN
    short = o[FREE]
    if o[EFFECT] != COVER:
        return blocks_all(o, short <= SHARE_TOLERANCE, short)
    if not short > 0.0:
        short = 0.0
    return blocks_all(o, o[QUANTITY] <= short + SHARE_TOLERANCE, short)


def no_short(o: Cells, _limit: float, _second: float) -> Judgement:
    """Unless the account may short, no sale takes the position below 0."""
    if o[SIGN] > 0.0:
        return PASS, o[QUANTITY], NAN
    after = o[FREE] - o[QUANTITY]
    return blocks_all(o, o[ALLOW_SHORT] == 1 or after >= -SHARE_TOLERANCE, after)


def max_position_weight(o: Cells, limit: float, _second: float) -> Judgement:
    """The position at its worst at most `limit` of the lowest net liquidation value."""
    observed = share(o[POSITION_AFTER], o[NLV_AFTER])
    if o[REDUCING_ORDER] or o[POSITION_AFTER] <= cents(limit * o[NLV_AFTER]):
        return PASS, o[QUANTITY], observed
    return CLIP, exposure_room(o, 0.0, 0.0, limit), observed


def max_position_value(o: Cells, limit: float, _second: float) -> Judgement:
    """The position at its worst at most `limit` in money."""
    if o[REDUCING_ORDER] or o[POSITION_AFTER] <= limit:
        return PASS, o[QUANTITY], o[POSITION_AFTER]
    return CLIP, value_room(o, o[POSITION_BEFORE], limit), o[POSITION_AFTER]


def less_exposure(o: Cells, other: float, behind: float, cap: float, relief: float) -> Judgement:
    """What fits into `cap` beside `other` exposure; an order that fits once accepted exits fill waits for them."""
    observed = share(cents(other + worst_value(o, o[AHEAD], behind, o[QUANTITY])), o[NLV_AFTER])
    if relief > 0.0:
        after_exits = exposure_room(o, cents(other - relief), behind, cap)
        if after_exits > 0.0:
            return DEFER, after_exits, observed
    return CLIP, exposure_room(o, other, behind, cap), observed


def max_sector_weight(o: Cells, limit: float, _second: float) -> Judgement:
    """The sector's long positions at their worst at most `limit` of the lowest net liquidation value."""
    if o[SIGN] < 0.0:
        return PASS, o[QUANTITY], share(o[SECTOR_VALUE], o[NLV_AFTER])
    after = cents(o[SECTOR_VALUE] - o[POSITION_BEFORE] + o[POSITION_AFTER])
    if o[REDUCING_ORDER] or after <= cents(limit * o[NLV_AFTER]):
        return PASS, o[QUANTITY], share(after, o[NLV_AFTER])
    return less_exposure(o, cents(o[SECTOR_VALUE] - o[POSITION_BEFORE]), 0.0, limit, o[SECTOR_RELIEF])


def max_gross_exposure(o: Cells, limit: float, _second: float) -> Judgement:
    """All positions at their worst, longs and shorts added, at most `limit` of the lowest net liquidation value."""
    before = larger(o[POSITION_BEFORE], o[BEHIND_VALUE])
    after = cents(o[GROSS] - before + larger(o[POSITION_AFTER], o[BEHIND_VALUE]))
    if o[REDUCING_ORDER] or after <= cents(limit * o[NLV_AFTER]):
        return PASS, o[QUANTITY], share(after, o[NLV_AFTER])
    return less_exposure(o, cents(o[GROSS] - before), o[BEHIND], limit, o[GROSS_RELIEF])


def max_positions(o: Cells, limit: float, _second: float) -> Judgement:
    """At most `limit` instruments held or about to be; one more waits where accepted exits make a place."""
    held = o[HELD_COUNT]
    if not (o[AHEAD] > SHARE_TOLERANCE or o[BEHIND] > SHARE_TOLERANCE):
        held += 1.0
    if held > limit and held - o[HELD_RELIEF] <= limit and not o[REDUCING_ORDER]:
        return DEFER, o[QUANTITY], held
    return limits_new_risk(o, held <= limit, held)


def order_notional(o: Cells) -> float:
    """The order at its worst price; at the mark where no worst price is known."""
    if o[WORST_UNIT] > 0.0:
        return cents(o[QUANTITY] * o[WORST_UNIT])
    return o[ORDER_VALUE]


def max_order_weight(o: Cells, limit: float, _second: float) -> Judgement:
    """The order at its worst price at most `limit` of net liquidation; a larger one is refused, not trimmed."""
    notional = order_notional(o)
    observed = share(notional, o[NLV])
    return sized(o, notional <= cents(limit * o[NLV]), observed)


def max_order_notional(o: Cells, limit: float, _second: float) -> Judgement:
    notional = order_notional(o)
    return sized(o, notional <= limit, notional)


def sized(o: Cells, ok: int, observed: float) -> Judgement:
    """Size limits hold for voluntary exits too, except where their size cannot be told."""
    if o[FORCED]:
        return PASS, o[QUANTITY], observed
    if observed >= 0.0:
        return blocks_all(o, ok, observed)
    return blocks_new_risk(o, 0, observed)


def max_turnover_per_cycle(o: Cells, limit: float, _second: float) -> Judgement:
    """Purchases and sales each at most `limit` of net liquidation; forced exits and a first deployment are free."""
    before = o[BUYS] if o[SIGN] > 0.0 else o[SELLS]
    after = cents(before + o[ORDER_VALUE])
    observed = share(after, o[NLV])
    if o[FORCED] or o[HAS_TRADED] == 0.0 or after <= cents(limit * o[NLV]):
        return PASS, o[QUANTITY], observed
    if o[REDUCING_ORDER] and not observed >= 0.0:
        return WARN, o[QUANTITY], observed
    return CLIP, value_room(o, before, cents(limit * o[NLV])), observed


def max_trades_per_cycle(o: Cells, limit: float, second: float) -> Judgement:
    """At most `limit` orders with new risk. With `second` above 0 the limit doubles while cash exceeds it (a share)."""
    number = o[ENTRIES] + 1.0
    if second > 0.0 and share(o[CASH], o[NLV]) > second + RATIO_TOLERANCE:
        limit = limit * 2.0
    return limits_new_risk(o, number <= limit, number)


def bootstrap(o: Cells, limit: float, _second: float) -> Judgement:
    """Tells that the strategy's trade limit is doubled because cash exceeds `limit`; never stops an order."""
    cash = share(o[CASH], o[NLV])
    if cash > limit + RATIO_TOLERANCE:
        return WARN, o[QUANTITY], cash
    return PASS, o[QUANTITY], cash


def max_trades_per_day(o: Cells, limit: float, _second: float) -> Judgement:
    number = o[TRADES_TODAY] + o[ACCEPTED] + 1.0
    return limits_new_risk(o, number <= limit, number)


def minimum_holding(o: Cells, limit: float, _second: float) -> Judgement:
    """A voluntary exit only `limit` calendar days after the last opening fill."""
    if not o[REDUCING_ORDER] or o[FORCED] or limit == 0.0:
        return PASS, o[QUANTITY], o[HOLDING_DAYS]
    return blocks_all(o, o[HOLDING_DAYS] >= limit, o[HOLDING_DAYS])


def reentry_wait(o: Cells, _limit: float, _second: float) -> Judgement:
    """No new risk in a symbol that was stopped out, until its days of waiting are over."""
    return limits_new_risk(o, o[REENTRY_DAYS_LEFT] <= 0.0, o[REENTRY_DAYS_LEFT])


def correlated_pair(o: Cells, _limit: float, _second: float) -> Judgement:
    """A purchase of what moves like another holding is worth a warning."""
    if o[PAIRED] == 1 and not o[REDUCING_ORDER]:
        return WARN, o[QUANTITY], 1.0
    return PASS, o[QUANTITY], o[PAIRED]


def rolls_together(o: Cells, limit: float, _second: float) -> Judgement:
    """Futures: where one leg of a roll cannot go, neither does; but on its last day the old month closes alone."""
    return blocks_all(o, limit == 0.0, NAN)


def no_self_cross(o: Cells, _limit: float, _second: float) -> Judgement:
    """While an own order on the other side is live, this one waits."""
    if o[OTHER_SIDE] > 0.0:
        return DEFER, 0.0, o[OTHER_SIDE]
    return PASS, o[QUANTITY], o[OTHER_SIDE]


def no_duplicate(o: Cells, _limit: float, _second: float) -> Judgement:
    return blocks_all(o, o[DUPLICATE] == 0, o[DUPLICATE])


def order_rate(o: Cells, limit: float, second: float) -> Judgement:
    """`limit` orders in any second: more are sent later, none is refused for it. At most `second` live per side."""
    if o[LIVE_SAME_SIDE] >= second:
        return DEFER, 0.0, o[LIVE_SAME_SIDE]
    if o[ORDERS_LAST_SECOND] < limit:
        return PASS, o[QUANTITY], o[ORDERS_LAST_SECOND]
    return DEFER, o[QUANTITY], o[ORDERS_LAST_SECOND]


def no_unknown_order(o: Cells, limit: float, _second: float) -> Judgement:
    """An order of unknown fate locks its instrument; from `limit` of them the account takes no new risk."""
    if o[UNKNOWN] == 1:
        return REJECT, 0.0, o[UNKNOWN_ORDERS]
    return limits_new_risk(o, o[UNKNOWN_ORDERS] < limit, o[UNKNOWN_ORDERS])
