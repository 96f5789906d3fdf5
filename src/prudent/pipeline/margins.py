"""WHAT IF: the venue's word on the margin of a plan's orders, asked before the guards judge, and recorded."""

from collections.abc import Sequence
from decimal import Decimal

from prudent.domain.cycles import Observation
from prudent.domain.mandate import Mandate
from prudent.domain.margin import Margins
from prudent.domain.money import is_finite
from prudent.domain.orders import OrderIntent, OrderType
from prudent.domain.plans import PlannedOrder
from prudent.guards.catalogue import TRADES_PER_DAY_MAX
from prudent.guards.margins import needs_margin
from prudent.pipeline.world import World
from prudent.ports import TellsMargin

# No more orders than this could leave in a day.
ASKED_MAX = int(TRADES_PER_DAY_MAX)


def teller_of(world: World) -> TellsMargin | None:
    """Who can be asked: the broker, where its venue keeps margin."""
    broker = world.broker
    return broker if broker.traits.margin and isinstance(broker, TellsMargin) else None


def ask_margins(
    teller: TellsMargin, orders: Sequence[PlannedOrder], mandate: Mandate, *, seen: Observation, nav: Decimal
) -> Margins:  # fmt: skip
    """The venue's answers about the orders that are worth a question."""
    asked = [_intent(mandate.account, order) for order in worth_asking(seen, orders, mandate, nav=nav)]
    return Margins(answers=teller.what_if(asked) if asked else ())


def worth_asking(
    seen: Observation, orders: Sequence[PlannedOrder], mandate: Mandate, *, nav: Decimal
) -> tuple[PlannedOrder, ...]:  # fmt: skip
    """The orders to ask about, the most needed first.

    What needs margin is always asked about, and beside it what else takes or frees margin in the same plan. Of a plan
    that cash pays only the large purchases are, so that many small orders wait for nobody.
    """
    kinds = {each.symbol: each.kind for each in seen.instruments}
    usable = [order for order in orders if _is_usable(order)]
    bound = [order for order in usable if needs_margin(order, kinds.get(order.symbol), mandate)]
    if not bound:
        least = mandate.planning.ask_margin_above * nav
        return tuple(order for order in usable if not order.effect.reduces and order.notional > least)[:ASKED_MAX]
    beside = [order for order in usable if not needs_margin(order, kinds.get(order.symbol), mandate)]
    return (*bound, *beside)[:ASKED_MAX]


def _is_usable(order: PlannedOrder) -> bool:
    """Whether it can be put as a question at all; what cannot be is for the guards to refuse."""
    limited = order.type is not OrderType.LIMIT or order.limit_price is not None
    return is_finite(order.quantity) and order.quantity > 0 and limited


def _intent(account: str, order: PlannedOrder) -> OrderIntent:
    return OrderIntent(
        order_ref=order.order_ref, account=account, symbol=order.symbol, side=order.side, quantity=order.quantity,
        effect=order.effect, type=order.type, limit_price=order.limit_price, reference_price=order.reference_price,
    )  # fmt: skip
