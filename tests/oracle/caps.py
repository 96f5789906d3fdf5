"""The gates of the oracle that shrink: True means that this quantity may go; only entries meet them."""

from collections.abc import Callable
from decimal import Decimal

from tests.oracle.gates import Case, mark_of, net_liquidation
from tests.oracle.planner import ZERO, cents

from prudent.domain.instruments import UNKNOWN_SECTOR, Instrument, InstrumentKind
from prudent.domain.orders import Effect, Side

Fits = Callable[[Case, Decimal], bool]


def cash_floor(fraction: Decimal) -> Fits:
    return lambda case, quantity: case.cash_known(quantity) >= cents(fraction * case.nlv_after(quantity))


def cash_not_negative(case: Case, quantity: Decimal) -> bool:
    return case.cash_known(quantity) >= 0


def position_cap(fraction: Decimal) -> Fits:
    return lambda case, q: cents(case.worst_position(q) * case.mark) <= cents(fraction * case.nlv_after(q))


def position_dollars(limit: Decimal) -> Fits:
    return lambda case, q: cents(case.worst_position(q) * case.mark) <= limit


def sector_of(thing: Instrument) -> str:
    """A fund that nobody classified is a sector of its own; unclassified stocks share one."""
    unclear = thing.kind is InstrumentKind.ETF and thing.sector == UNKNOWN_SECTOR
    return thing.symbol if unclear else thing.sector


def sector_cap(fraction: Decimal) -> Fits:
    def fits(case: Case, quantity: Decimal) -> bool:
        if case.order.effect is not Effect.OPEN:
            return True
        total = ZERO
        for thing in case.seen.instruments:
            if sector_of(thing) == sector_of(case.thing):
                high, _low = case.ends(thing.symbol, quantity)
                total += cents(max(high, ZERO) * mark_of(case.seen, thing))
        return total <= cents(fraction * case.nlv_after(quantity))

    return fits


def gross_cap(fraction: Decimal) -> Fits:
    def fits(case: Case, quantity: Decimal) -> bool:
        total = ZERO
        for thing in case.seen.instruments:
            high, low = case.ends(thing.symbol, quantity)
            total += cents(max(abs(high), abs(low)) * mark_of(case.seen, thing))
        return total <= cents(fraction * case.nlv_after(quantity))

    return fits


def turnover_cap(fraction: Decimal) -> Fits:
    def fits(case: Case, quantity: Decimal) -> bool:
        if not case.seen.history.has_traded:
            return True
        value = cents(quantity * case.mark)
        bought = case.tally.bought + (value if case.order.side is Side.BUY else ZERO)
        sold = case.tally.sold + (value if case.order.side is Side.SELL else ZERO)
        return max(bought, sold) <= cents(fraction * net_liquidation(case.seen))

    return fits


def position_count(limit: int) -> Fits:
    def fits(case: Case, quantity: Decimal) -> bool:
        ends = {thing.symbol: case.ends(thing.symbol, quantity) for thing in case.seen.instruments}
        return sum(1 for high, low in ends.values() if high > 0 or low < 0) <= limit

    return fits


def participation(case: Case, quantity: Decimal) -> bool:
    assert case.quote.adv_dollars is not None
    return cents(quantity * case.mark) <= case.quote.adv_dollars / 20


def turnover_allows(fraction: Decimal) -> Callable[[Case], bool]:
    """A voluntary exit beyond the limit is refused, for exits are never shrunk; forced ones are free."""
    return lambda case: case.enters or case.order.forced or turnover_cap(fraction)(case, case.order.quantity)
