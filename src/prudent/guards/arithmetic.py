"""Arithmetic that judges share: whole cents, and the largest quantity in lots that still fits (kernels)."""

from prudent.domain.money import round_cents
from prudent.guards.columns import (
    AHEAD,
    FEE,
    LOSS_UNIT,
    LOT,
    NLV_LOW,
    PASS,
    QUANTITY,
    REDUCING_ORDER,
    REJECT,
    SIGN,
    UNIT,
    WARN,
    WORST_UNIT,
    Cells,
    Judgement,
)

NAN = float("nan")
FINITE = 1e12
SHARE_TOLERANCE = 1e-9  # quantities are lots in float64: two that differ by less are the same
# A ratio that differs from its limit by less than this is at the limit (float64 division is not exact).
RATIO_TOLERANCE = 1e-9
STEPS_DOWN = 4


def cents(x: float) -> float:
    """`x` in whole cents; NaN where it is no number that a gate may use."""
    if -FINITE < x < FINITE:
        return round_cents(x)
    return NAN


def blocks_new_risk(o: Cells, ok: int, observed: float) -> Judgement:
    """Where not `ok`: new risk is refused, an order that reduces risk goes with a warning."""
    if ok:
        return PASS, o[QUANTITY], observed
    if o[REDUCING_ORDER]:
        return WARN, o[QUANTITY], observed
    return REJECT, 0.0, observed


def limits_new_risk(o: Cells, ok: int, observed: float) -> Judgement:
    """Where not `ok`: new risk is refused, an order that reduces risk is exempt."""
    if ok or o[REDUCING_ORDER]:
        return PASS, o[QUANTITY], observed
    return REJECT, 0.0, observed


def blocks_all(o: Cells, ok: int, observed: float) -> Judgement:
    """Where not `ok`: every order is refused."""
    if ok:
        return PASS, o[QUANTITY], observed
    return REJECT, 0.0, observed


def first_lots(most: float, o: Cells) -> float:
    """The number of lots to try first: one more than `most` holds, at most the order's own, 0 where unknown."""
    wanted = float(int(o[QUANTITY] / o[LOT] + SHARE_TOLERANCE))
    tried = most / o[LOT] + 1.0
    if not tried > 0.0:
        return 0.0
    if tried < wanted:
        return float(int(tried + SHARE_TOLERANCE))
    return wanted


def larger(a: float, b: float) -> float:
    """The larger of two values; NaN where the first is."""
    if b > a:
        return b
    return a


def lost(sign: float, cost: float, value: float) -> float:
    """What the worst price takes off net liquidation against the mark; nothing where it is better or not known."""
    loss = sign * (cost - value)
    if loss > 0.0:
        return loss
    return 0.0


def nlv_after(o: Cells, quantity: float) -> float:
    """The lowest net liquidation value after `quantity` of this order."""
    loss = lost(o[SIGN], cents(quantity * o[WORST_UNIT]), cents(quantity * o[UNIT]))
    return cents(o[NLV_LOW] - o[FEE] - loss)


def cash_after(o: Cells, cash: float, quantity: float) -> float:
    return cents(cash - cents(quantity * o[WORST_UNIT]) - o[FEE])


def floor_money(floor: float, value: float) -> float:
    """`floor` of the net liquidation `value` in money; 0 of an unknown value is 0."""
    if floor == 0.0:
        return 0.0
    return cents(floor * value)


def cash_fits(o: Cells, cash: float, floor: float, quantity: float) -> int:
    """1 where `cash` after `quantity` of this buy is at least `floor` of the lowest net liquidation."""
    return 1 if cash_after(o, cash, quantity) >= floor_money(floor, nlv_after(o, quantity)) else 0


def cash_room(o: Cells, cash: float, floor: float) -> float:
    """The most of this buy that leaves `floor` in cash."""
    if cash_fits(o, cash, floor, o[QUANTITY]):
        return o[QUANTITY]
    each = o[WORST_UNIT] if floor == 0.0 else o[WORST_UNIT] - floor * o[LOSS_UNIT]
    free = cash - o[FEE]
    if floor != 0.0:
        free -= floor * (o[NLV_LOW] - o[FEE])
    if not (each > 0.0 and free > 0.0):
        return 0.0
    lots = first_lots(free / each, o)
    for _ in range(STEPS_DOWN):
        if lots > 0.0 and cash_fits(o, cash, floor, lots * o[LOT]):
            return lots * o[LOT]
        lots -= 1.0
    return 0.0


def worst_value(o: Cells, ahead: float, behind: float, quantity: float) -> float:
    """The value of this instrument's position if it goes as far as it may with `quantity` of this order."""
    worst = ahead + quantity
    if not worst > behind:
        worst = behind
    if not worst > 0.0:
        return 0.0
    return cents(worst * o[UNIT])


def exposure_fits(o: Cells, other: float, behind: float, cap: float, quantity: float) -> int:
    """1 where exposure with `quantity` is at most `cap` of the lowest net liquidation; `other` is everything else's."""
    after = cents(other + worst_value(o, o[AHEAD], behind, quantity))
    return 1 if after <= cents(cap * nlv_after(o, quantity)) else 0


def exposure_room(o: Cells, other: float, behind: float, cap: float) -> float:
    """The most of this order that keeps exposure within `cap`."""
    if exposure_fits(o, other, behind, cap, o[QUANTITY]):
        return o[QUANTITY]
    each = o[UNIT] + cap * o[LOSS_UNIT]
    free = cap * (o[NLV_LOW] - o[FEE]) - other - o[AHEAD] * o[UNIT]
    if not (each > 0.0 and free > 0.0):
        return 0.0
    lots = first_lots(free / each, o)
    for _ in range(STEPS_DOWN):
        if lots > 0.0 and exposure_fits(o, other, behind, cap, lots * o[LOT]):
            return lots * o[LOT]
        lots -= 1.0
    return 0.0


def value_fits(o: Cells, before: float, limit: float, quantity: float) -> int:
    """1 where `before` and the value of `quantity` at the mark are together at most `limit` (money)."""
    return 1 if cents(before + cents(quantity * o[UNIT])) <= limit else 0


def value_room(o: Cells, before: float, limit: float) -> float:
    """The most of this order whose value at the mark, on top of `before`, stays within `limit`."""
    if value_fits(o, before, limit, o[QUANTITY]):
        return o[QUANTITY]
    free = limit - before
    if not (o[UNIT] > 0.0 and free > 0.0):
        return 0.0
    lots = first_lots(free / o[UNIT], o)
    for _ in range(STEPS_DOWN):
        if lots > 0.0 and value_fits(o, before, limit, lots * o[LOT]):
            return lots * o[LOT]
        lots -= 1.0
    return 0.0


def share(part: float, whole: float) -> float:
    """`part` of `whole` as a fraction; NaN where there is no whole above 0."""
    if whole > 0.0:
        return part / whole
    return NAN


def distance(a: float, b: float) -> float:
    """|a / b - 1|; NaN where either is no price."""
    if a > 0.0 and b > 0.0:
        return abs(a / b - 1.0)
    return NAN
