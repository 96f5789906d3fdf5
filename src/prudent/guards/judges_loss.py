"""Judges of loss and anomaly, and of what user rules add: triggers fire at equality, missing input stops new risk."""

from prudent.guards.arithmetic import NAN, RATIO_TOLERANCE, cents, limits_new_risk
from prudent.guards.columns import (
    ADV_DOLLARS,
    DAILY_LOSS_LATCHED,
    DECIDER_FAILURES,
    DRAWDOWN_HALT_LATCHED,
    DRAWDOWN_LATCHED,
    FLOWS,
    FX_RATE,
    HAS_TRADED,
    LEVEL,
    NLV,
    NLV_OPEN,
    PASS,
    PEAK_UNIT_VALUE,
    QUANTITY,
    REFUSED_SHARE,
    REJECT,
    REJECTS_LAST_MINUTE,
    ROUND_TRIPS,
    RSI,
    UNIT_VALUE,
    Cells,
    Judgement,
)


def loss_today(o: Cells) -> float:
    """What the account lost since the session's open, flows left out, in money."""
    if o[HAS_TRADED] == 0 and not o[NLV_OPEN] > 0.0:
        return 0.0  # nothing traded yet: there is no opening value, and nothing can have been lost
    return cents(o[NLV_OPEN] + o[FLOWS] - o[NLV])


def max_daily_loss(o: Cells, limit: float, _second: float) -> Judgement:
    """Latched for the session once the loss reaches `limit` of the opening value."""
    lost = loss_today(o)
    observed = NAN
    ok = lost == 0.0
    if o[NLV_OPEN] > 0.0:
        observed = lost / o[NLV_OPEN]
        ok = lost < cents(limit * o[NLV_OPEN])
    elif ok:
        observed = 0.0
    return limits_new_risk(o, ok and o[DAILY_LOSS_LATCHED] == 0, observed)


def max_daily_loss_amount(o: Cells, limit: float, _second: float) -> Judgement:
    lost = loss_today(o)
    return limits_new_risk(o, lost < limit, lost)


def drawdown(o: Cells) -> float:
    """How far the flow-adjusted unit value is below its peak, as a fraction; 0 before the first trade."""
    if o[PEAK_UNIT_VALUE] > 0.0 and o[UNIT_VALUE] >= 0.0:
        return 1.0 - o[UNIT_VALUE] / o[PEAK_UNIT_VALUE]
    if o[HAS_TRADED] == 0:
        return 0.0
    return NAN


def drawdown_cut(o: Cells, limit: float, _second: float) -> Judgement:
    """No new risk in the cycle that cuts every position; afterwards the latch says that it has been done."""
    down = drawdown(o)
    below = down < limit - RATIO_TOLERANCE or (down >= limit - RATIO_TOLERANCE and o[DRAWDOWN_LATCHED] == 1)
    return limits_new_risk(o, below, down)


def drawdown_halt(o: Cells, limit: float, _second: float) -> Judgement:
    down = drawdown(o)
    return limits_new_risk(o, down < limit - RATIO_TOLERANCE and o[DRAWDOWN_HALT_LATCHED] == 0, down)


def order_anomaly(o: Cells, limit: float, second: float) -> Judgement:
    """`limit` refusals by the broker within a minute, or `second` round trips in one symbol: nothing may go."""
    if o[REJECTS_LAST_MINUTE] >= limit:
        return REJECT, 0.0, o[REJECTS_LAST_MINUTE]
    if o[ROUND_TRIPS] >= second:
        return REJECT, 0.0, o[ROUND_TRIPS]
    return PASS, o[QUANTITY], o[REJECTS_LAST_MINUTE]


def decider_anomaly(o: Cells, limit: float, second: float) -> Judgement:
    """`limit` invalid answers in a row, or more than `second` of the orders of five cycles refused."""
    if o[DECIDER_FAILURES] < limit:
        ok = o[REFUSED_SHARE] <= second + RATIO_TOLERANCE
        return limits_new_risk(o, ok, o[REFUSED_SHARE])
    return limits_new_risk(o, 0, o[DECIDER_FAILURES])


def no_entry(o: Cells, limit: float, _second: float) -> Judgement:
    """A rule that, while `limit` is 1, lets nobody in: a black-out, or a symbol that is not approved."""
    return limits_new_risk(o, limit == 0.0, limit)


def max_entry_rsi(o: Cells, limit: float, _second: float) -> Judgement:
    return limits_new_risk(o, o[RSI] <= limit, o[RSI])


def min_entry_rsi(o: Cells, limit: float, _second: float) -> Judgement:
    return limits_new_risk(o, o[RSI] >= limit, o[RSI])


def max_entry_price(o: Cells, limit: float, _second: float) -> Judgement:
    return limits_new_risk(o, o[LEVEL] <= limit, o[LEVEL])


def min_entry_price(o: Cells, limit: float, _second: float) -> Judgement:
    return limits_new_risk(o, o[LEVEL] >= limit, o[LEVEL])


def min_entry_volume(o: Cells, limit: float, _second: float) -> Judgement:
    """Mean dollar volume at least `limit`."""
    dollars = o[ADV_DOLLARS] * o[FX_RATE]
    return limits_new_risk(o, dollars >= limit, dollars)
