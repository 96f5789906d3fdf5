"""Judges of margin: what the venue said that new risk would do to it, on top of what the same batch takes before it."""

from prudent.guards.arithmetic import NAN, cents, share
from prudent.guards.columns import (
    BOUND,
    DEFER,
    EXCESS_AFTER,
    EXCESS_RELIEF,
    EXCESS_TAKEN,
    INITIAL_AFTER,
    INITIAL_RELIEF,
    INITIAL_TAKEN,
    MARGIN,
    NLV_AFTER,
    PASS,
    PROCEEDS,
    QUANTITY,
    REDUCING_ORDER,
    REFUSED,
    REJECT,
    UNCHECKED,
    WARN,
    Cells,
    Judgement,
)


def max_initial_margin(o: Cells, limit: float, _second: float) -> Judgement:
    """New risk on margin: the venue must have said that initial margin stays within `limit` of net liquidation.

    What it would refuse now may still go once exits of the batch have filled: it waits, and is asked about again.
    """
    after = cents(o[INITIAL_AFTER] + o[INITIAL_TAKEN])
    seen, most = share(after, o[NLV_AFTER]), cents(limit * o[NLV_AFTER])
    if o[REDUCING_ORDER] or o[MARGIN] < UNCHECKED or (o[MARGIN] == BOUND and after <= most):
        return PASS, o[QUANTITY], seen
    if o[MARGIN] == UNCHECKED:
        return WARN, o[QUANTITY], NAN
    if may_go_after_exits(o, after, most):
        return DEFER, o[QUANTITY], seen
    return REJECT, 0.0, seen


def may_go_after_exits(o: Cells, after: float, most: float) -> bool:
    """Whether accepted exits would free what lacks; of a refusal only the venue itself could say it."""
    if o[MARGIN] == REFUSED:
        return o[PROCEEDS] > 0.0 or o[INITIAL_RELIEF] > 0.0
    return cents(after - o[INITIAL_RELIEF]) <= most


def min_excess_liquidity(o: Cells, limit: float, _second: float) -> Judgement:
    """New risk on margin: by the venue's word at least `limit` of net liquidation stays above maintenance margin."""
    after = cents(o[EXCESS_AFTER] - o[EXCESS_TAKEN])
    seen, least = share(after, o[NLV_AFTER]), cents(limit * o[NLV_AFTER])
    if o[REDUCING_ORDER] or o[MARGIN] != BOUND or after >= least:
        return PASS, o[QUANTITY], seen
    if cents(after + o[EXCESS_RELIEF]) >= least:
        return DEFER, o[QUANTITY], seen
    return REJECT, 0.0, seen
