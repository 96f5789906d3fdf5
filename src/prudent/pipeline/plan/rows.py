"""From legs to order rows: ids, order types, slices, fees, and the order in which they go."""

from collections.abc import Iterable, Sequence
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal

from prudent.domain.mandate import Mandate
from prudent.domain.money import ZERO
from prudent.domain.orders import Effect, OrderType, Side, order_ref
from prudent.domain.plans import PlannedOrder
from prudent.domain.valuation import ONE, usable
from prudent.pipeline.plan.book import Line
from prudent.pipeline.plan.legs import Leg

# A market order into a wider spread than this becomes a limit order this far from the reference price.
SPREAD_MAX = Decimal("0.01")
LIMIT_DISTANCE = Decimal("0.01")

_EFFECT_ORDER = {Effect.CLOSE: 0, Effect.COVER: 1, Effect.SHORT: 2, Effect.OPEN: 3}


def order_rows(legs: Iterable[Leg], mandate: Mandate, *, cycle: str, decision_hash: str) -> tuple[PlannedOrder, ...]:
    """The plan's orders: forced exits, sells, covers, shorts, buys, each by symbol; long legs in slices if asked."""
    in_order = sorted(legs, key=lambda leg: (not leg.forced, _EFFECT_ORDER[leg.effect], leg.line.symbol))
    return tuple(
        _row(leg, name, mandate, ref=_ref(leg, name, mandate, cycle=cycle, decision_hash=decision_hash))
        for parent in in_order
        for leg, name in _sliced(parent, mandate.planning.slices)
    )


def _ref(leg: Leg, name: str, mandate: Mandate, *, cycle: str, decision_hash: str) -> str:
    instrument = leg.line.instrument.id if leg.line.instrument else leg.line.symbol
    return order_ref(mandate.account, cycle, instrument, name, decision_hash)


def _sliced(leg: Leg, slices: int) -> list[tuple[Leg, str]]:
    """The leg in `slices` children of whole lots that sum to it exactly; an odd lot goes with the last."""
    name = "exit" if leg.forced else leg.effect.value.lower()
    lots = int(leg.quantity // leg.line.lot)
    count = min(slices, lots)
    if leg.forced or count <= 1:
        return [(leg, name)]
    quantities = [Decimal(lots // count + (1 if k < lots % count else 0)) * leg.line.lot for k in range(count)]
    quantities[-1] += leg.quantity - sum(quantities, ZERO)
    return [
        (
            Leg(
                line=leg.line,
                side=leg.side,
                effect=leg.effect,
                quantity=quantity,
                reason=f"{leg.reason}; slice {k + 1} of {count}",
            ),
            f"{name}/{k + 1}",
        )
        for k, quantity in enumerate(quantities)
    ]


def _row(leg: Leg, name: str, mandate: Mandate, *, ref: str) -> PlannedOrder:
    line = leg.line
    if line.price is None:
        raise AssertionError(f"leg {name} of {line.symbol} has no price")
    limit, why = _limit(line, leg, mandate.planning.order_types)
    return PlannedOrder(
        order_ref=ref,
        symbol=line.symbol,
        side=leg.side,
        effect=leg.effect,
        quantity=leg.quantity,
        reference_price=line.price,
        notional=line.value(leg.quantity),
        phase=leg.phase,
        reason=leg.reason + why,
        forced=leg.forced,
        type=OrderType.MARKET if limit is None else OrderType.LIMIT,
        limit_price=limit,
        estimated_fee=leg.fee(mandate),
    )


def _limit(line: Line, leg: Leg, allowed: tuple[OrderType, ...]) -> tuple[Decimal | None, str]:
    """The limit price of a leg, `None` for a market order, and the words for it.

    Where market orders are not allowed every order has a limit, where limits are not none has; a forced exit goes as
    its spread demands.
    """
    wide = limit_price(line, leg.side)
    if wide is not None and (leg.forced or OrderType.LIMIT in allowed):
        return wide, f"; limit order because the spread is above {SPREAD_MAX * 100:.0f} %"
    if leg.forced or OrderType.MARKET in allowed:
        return None, ""
    return _edge(line, leg.side), "; limit order because the mandate allows no market orders"


def limit_price(line: Line, side: Side) -> Decimal | None:
    """The limit that a wide spread calls for, on a tick no further from the price than allowed; `None` = market."""
    quote, price = line.quote, line.price
    if quote is None or price is None or quote.bid is None or quote.ask is None:
        return None
    if not (usable(quote.bid) and usable(quote.ask)) or not quote.ask - quote.bid > SPREAD_MAX * price:
        return None
    return _edge(line, side)


def _edge(line: Line, side: Side) -> Decimal:
    """The furthest limit price, on a tick."""
    if line.price is None:
        raise AssertionError(f"a leg of {line.symbol} has no price")
    tick, price = line.instrument.tick if line.instrument else Decimal("0.01"), line.price
    edge = price * (ONE + side.sign * LIMIT_DISTANCE)
    rounding = ROUND_FLOOR if side is Side.BUY else ROUND_CEILING
    return (edge / tick).to_integral_value(rounding=rounding) * tick


def cash_effect(orders: Sequence[PlannedOrder]) -> Decimal:
    """Change of cash when every order fills at its reference price, fees included."""
    return sum((-order.side.sign * order.notional - order.estimated_fee for order in orders), ZERO)
