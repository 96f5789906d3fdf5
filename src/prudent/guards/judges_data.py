"""Judges of mode, data and instrument: may anything go at all, and is what we know of the instrument good enough."""

from prudent.guards.arithmetic import (
    NAN,
    RATIO_TOLERANCE,
    blocks_all,
    blocks_new_risk,
    cents,
    distance,
    limits_new_risk,
    share,
    value_room,
)
from prudent.guards.columns import (
    ADV_DOLLARS,
    ADV_SESSIONS,
    AGE,
    ALONE,
    ASK,
    BID,
    CLIP,
    CLOCK_SKEW,
    DECISION_AGE,
    DEFER,
    FX_AGE,
    FX_PREVIOUS,
    FX_RATE,
    HALTED,
    HAS_AGE,
    HAS_PREVIOUS,
    HAS_SPREAD,
    INDEX,
    KIND,
    KNOWN,
    LEVEL,
    LIMIT_PRICE,
    LISTED,
    MARKET_OPEN,
    OPTION,
    ORDER_VALUE,
    PASS,
    PREVIOUS_CLOSE,
    PREVIOUS_LEVEL,
    PRICE,
    QUANTITY,
    QUOTE_OPEN,
    REDUCING,
    REDUCING_ORDER,
    REFERENCE,
    REJECT,
    RESTRICTED,
    SECOND_PRICE,
    SECTOR_KNOWN,
    STATE,
    STOCK,
    SYMBOL_STATE,
    VALID,
    WARN,
    Cells,
    Judgement,
)

FX_MOVE = 0.03
DECISION_MOVE = 0.03
SKEW_WARN_SECONDS = 2.0


def trading_state_allows(o: Cells, _limit: float, _second: float) -> Judgement:
    """HALTED stops every order, REDUCING all new risk; the stricter of account and instrument counts."""
    state = o[STATE]
    if o[SYMBOL_STATE] > state:
        state = o[SYMBOL_STATE]
    if state >= HALTED:
        return REJECT, 0.0, state
    return limits_new_risk(o, state < REDUCING, state)


def interlock_set(o: Cells, limit: float, _second: float) -> Judgement:
    """`limit` is 1 where the interlock is satisfied, 0 where not, NaN where needed and not told."""
    return blocks_all(o, limit >= 1.0, limit)


def valid_order(o: Cells, _limit: float, _second: float) -> Judgement:
    return blocks_all(o, o[VALID] == 1 and o[QUANTITY] > 0.0, o[QUANTITY])


def known_instrument(o: Cells, _limit: float, _second: float) -> Judgement:
    """Known, tradable, and of a kind that this list can judge."""
    kind = o[KIND]
    judged = kind != OPTION and kind != INDEX
    return blocks_all(o, o[KNOWN] == 1 and judged, o[KNOWN])


def outside_window(o: Cells, limit: float, _second: float) -> Judgement:
    """Futures: a month inside its window before notice or expiry, or of unknown dates, may be closed, nothing else."""
    return limits_new_risk(o, limit == 0.0, NAN)


def in_universe(o: Cells, _limit: float, _second: float) -> Judgement:
    """The restricted list stops every order, the universe new risk only: a holding outside it can be sold."""
    if o[RESTRICTED] == 1:
        return REJECT, 0.0, 0.0
    return limits_new_risk(o, o[LISTED] == 1, o[LISTED])


def market_is_open(o: Cells, _limit: float, _second: float) -> Judgement:
    """Calendar and quote must agree that the market is open; else the order waits for the open."""
    if o[MARKET_OPEN] == 1 and o[QUOTE_OPEN] == 1:
        return PASS, o[QUANTITY], 1.0
    return DEFER, 0.0, 0.0


def fresh_price(o: Cells, limit: float, _second: float) -> Judgement:
    """A price above 0 that is at most `limit` seconds old."""
    present = o[PRICE] > 0.0
    if o[HAS_AGE] == 0:
        return blocks_new_risk(o, present, NAN)
    return blocks_new_risk(o, present and o[AGE] <= limit, o[AGE])


def spread(o: Cells) -> float:
    """Ask less bid as a fraction of their middle; NaN where either is missing or they cross."""
    bid, ask = o[BID], o[ASK]
    if bid > 0.0 and ask >= bid:
        return (ask - bid) / (0.5 * (ask + bid))
    return NAN


def sane_price(o: Cells, limit: float, _second: float) -> Judgement:
    """Above 0 and, where bid and ask exist, not crossed and at most `limit` apart."""
    positive = o[PRICE] > 0.0
    if o[HAS_SPREAD] == 0:
        return blocks_new_risk(o, positive, o[PRICE])
    width = spread(o)
    return blocks_new_risk(o, positive and width <= limit + RATIO_TOLERANCE, width)


def sources_agree(o: Cells, limit: float, _second: float) -> Judgement:
    """Two sources within `limit`; a dispute stops exits too, for it may be the price that is wrong."""
    if o[SECOND_PRICE] > 0.0:
        apart = distance(o[PRICE], o[SECOND_PRICE])
        return blocks_all(o, apart <= limit + RATIO_TOLERANCE, apart)
    return blocks_new_risk(o, o[ALONE] == 1, NAN)


def no_price_jump(o: Cells, limit: float, second: float) -> Judgement:
    """At most `limit` from the last close; beyond `second` the symbol is locked until its next close."""
    moved = distance(o[PRICE], o[PREVIOUS_CLOSE])
    if moved > second + RATIO_TOLERANCE:
        return REJECT, 0.0, moved
    return blocks_new_risk(o, moved <= limit + RATIO_TOLERANCE, moved)


def price_collar(o: Cells, limit: float, _second: float) -> Judgement:
    """A limit price lies within `limit` of the price; an exit without a price is measured at the last close."""
    if not o[LIMIT_PRICE] > 0.0:
        return PASS, o[QUANTITY], NAN
    centre = o[PRICE]
    if o[REDUCING_ORDER] and not centre > 0.0:
        centre = o[PREVIOUS_CLOSE]
    away = distance(o[LIMIT_PRICE], centre)
    if away >= 0.0:
        return blocks_all(o, away <= limit + RATIO_TOLERANCE, away)
    return blocks_new_risk(o, 0, NAN)


def market_order_spread(o: Cells, limit: float, second: float) -> Judgement:
    """A market order needs a spread of at most `limit` and a quote of at most `second` seconds."""
    if o[LIMIT_PRICE] > 0.0:
        return PASS, o[QUANTITY], NAN
    width = spread(o)
    if width > limit + RATIO_TOLERANCE:
        return REJECT, 0.0, width
    fresh = o[HAS_AGE] == 0 or o[AGE] <= second
    return blocks_new_risk(o, fresh and width <= limit + RATIO_TOLERANCE, width)


def penny_stock(o: Cells, limit: float, _second: float) -> Judgement:
    """Price level now and at the last close above `limit`, for stocks."""
    level = o[LEVEL]
    if o[KIND] != STOCK:
        return PASS, o[QUANTITY], level
    lowest = level
    if o[HAS_PREVIOUS] == 1 and not o[PREVIOUS_LEVEL] > level:
        lowest = o[PREVIOUS_LEVEL]
    return limits_new_risk(o, level > limit and lowest > limit, lowest)


def average_volume(o: Cells, limit: float, second: float) -> Judgement:
    """Mean dollar volume above `limit` with at least `second` of 20 sessions; an exit goes with a warning."""
    dollars = o[ADV_DOLLARS] * o[FX_RATE]
    return blocks_new_risk(o, dollars > limit and o[ADV_SESSIONS] >= second, dollars)


def participation(o: Cells, limit: float, _second: float) -> Judgement:
    """At most `limit` of the mean dollar volume; an exit beyond it goes with a warning."""
    dollars = o[ADV_DOLLARS] * o[FX_RATE]
    taken = share(o[ORDER_VALUE], dollars)
    if o[ORDER_VALUE] <= cents(limit * dollars):
        return PASS, o[QUANTITY], taken
    if o[REDUCING_ORDER]:
        return WARN, o[QUANTITY], taken
    return CLIP, value_room(o, 0.0, cents(limit * dollars)), taken


def sector_known(o: Cells, _limit: float, _second: float) -> Judgement:
    if o[SECTOR_KNOWN] == 1 or o[REDUCING_ORDER]:
        return PASS, o[QUANTITY], o[SECTOR_KNOWN]
    return WARN, o[QUANTITY], 0.0


def fresh_fx_rate(o: Cells, limit: float, _second: float) -> Judgement:
    """A rate above 0, at most `limit` seconds old and within 3 % of the one before, where that is known."""
    present = o[FX_RATE] > 0.0
    if o[FX_PREVIOUS] > 0.0 and not distance(o[FX_RATE], o[FX_PREVIOUS]) <= FX_MOVE + RATIO_TOLERANCE:
        present = False
    if o[HAS_AGE] == 0:
        return blocks_new_risk(o, present, o[FX_RATE])
    return blocks_new_risk(o, present and o[FX_AGE] <= limit, o[FX_AGE])


def fresh_decision(o: Cells, limit: float, _second: float) -> Judgement:
    """Decided at most `limit` seconds ago, at a price that has moved at most 3 % since."""
    moved = distance(o[PRICE], o[REFERENCE])
    age = o[DECISION_AGE]
    young = 0.0 <= age <= limit
    if not young:
        return blocks_new_risk(o, 0, age)
    return blocks_new_risk(o, moved <= DECISION_MOVE + RATIO_TOLERANCE, moved)


def clocks_agree(o: Cells, limit: float, _second: float) -> Judgement:
    """Our clock and the broker's at most `limit` seconds apart; from 2 seconds on with a warning."""
    skew = o[CLOCK_SKEW]
    if skew <= SKEW_WARN_SECONDS:
        return PASS, o[QUANTITY], skew
    if skew <= limit:
        return WARN, o[QUANTITY], skew
    return limits_new_risk(o, 0, skew)
