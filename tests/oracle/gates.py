"""The gates of the oracle one by one, in exact decimals: what each of the catalogue's rows says of one order."""

from collections.abc import Callable
from dataclasses import dataclass, field
from decimal import Decimal

from tests.oracle.planner import ZERO, cents

from prudent.domain.accounts import TradingState
from prudent.domain.cycles import Observation
from prudent.domain.instruments import Instrument, InstrumentKind
from prudent.domain.mandate import Mandate
from prudent.domain.orders import Effect, OrderType, Side
from prudent.domain.plans import PlannedOrder
from prudent.domain.quotes import Quote

SLIP = Decimal("0.01")
FRESH_SECONDS = Decimal(1200)


@dataclass(slots=True, kw_only=True)
class Tally:
    """The worst book after every order accepted so far in one pass."""

    cash: Decimal
    nlv: Decimal
    bought: Decimal = ZERO
    sold: Decimal = ZERO
    promised: Decimal = ZERO
    entries: int = 0
    accepted: int = 0
    high: dict[str, Decimal] = field(default_factory=dict)
    low: dict[str, Decimal] = field(default_factory=dict)
    freed: dict[str, Decimal] = field(default_factory=dict)
    sales: dict[str, Decimal] = field(default_factory=dict)
    purchases: dict[str, Decimal] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One order with all that its gates read; `tally` is what stands before it.

    With `after_sales` the sales of this batch that may go count as done, for what only they would free.
    """

    seen: Observation
    mandate: Mandate
    order: PlannedOrder
    tally: Tally
    quote: Quote
    thing: Instrument
    held: Decimal
    after_sales: bool = False

    @property
    def enters(self) -> bool:
        return not self.order.effect.reduces

    @property
    def mark(self) -> Decimal:
        assert self.quote.price is not None
        return self.quote.price * self.thing.multiplier

    @property
    def worst(self) -> Decimal:
        worst = worst_price(self.seen, self.quote, self.order.side, self.order.limit_price)
        return worst * self.thing.multiplier

    def cost(self, quantity: Decimal) -> Decimal:
        return cents(quantity * self.worst) + self.order.estimated_fee

    def cash_after(self, quantity: Decimal) -> Decimal:
        spends = self.cost(quantity) if self.order.side is Side.BUY else self.order.estimated_fee
        return self.tally.cash - spends

    def cash_known(self, quantity: Decimal) -> Decimal:
        """What a gate on cash reads: for a purchase with what sales promise, once they count."""
        counts = self.after_sales and self.order.side is Side.BUY
        return self.cash_after(quantity) + (self.tally.promised if counts else ZERO)

    def ends(self, symbol: str, quantity: Decimal) -> tuple[Decimal, Decimal]:
        """Highest and lowest position of a symbol with this order in it."""
        high, low = self.tally.high[symbol], self.tally.low[symbol]
        if self.after_sales:
            freed = self.tally.freed.get(symbol, ZERO)
            high, low = high - max(freed, ZERO), low - min(freed, ZERO)
        if symbol == self.order.symbol:
            high += quantity if self.order.side is Side.BUY else ZERO
            low -= quantity if self.order.side is Side.SELL else ZERO
        return high, low

    def nlv_after(self, quantity: Decimal) -> Decimal:
        slip = slipped(self.order.side, cents(quantity * self.worst), cents(quantity * self.mark))
        return self.tally.nlv - self.order.estimated_fee - slip

    def worst_position(self, quantity: Decimal) -> Decimal:
        symbol = self.order.symbol
        if self.order.side is Side.BUY:
            return abs(self.tally.high[symbol] + quantity)
        return abs(self.tally.low[symbol] - quantity)


def can_be_priced(seen: Observation, quote: Quote) -> bool:
    """Where quotes exist, a market order without one has no worst price."""
    return quote.ask is not None or all(each.ask is None for each in seen.quotes)


def worst_price(seen: Observation, quote: Quote, side: Side, limit: Decimal | None) -> Decimal:
    """The limit, else one per cent beyond the quote; the mark where no worst price can be told."""
    assert quote.price is not None
    if limit is not None:
        return limit
    if not can_be_priced(seen, quote):
        return quote.price
    if side is Side.BUY:
        return (quote.ask or quote.price) * (1 + SLIP)
    return (quote.bid or quote.price) * (1 - SLIP)


def mark_of(seen: Observation, thing: Instrument) -> Decimal:
    price = next(quote.price for quote in seen.quotes if quote.symbol == thing.symbol)
    assert price is not None
    return price * thing.multiplier


def net_liquidation(seen: Observation) -> Decimal:
    marks = {thing.symbol: mark_of(seen, thing) for thing in seen.instruments}
    return seen.snapshot.cash + sum((cents(p.quantity * marks[p.symbol]) for p in seen.snapshot.positions), ZERO)


def pending(seen: Observation, symbol: str, side: Side) -> Decimal:
    return sum((o.remaining for o in seen.snapshot.open_orders if o.symbol == symbol and o.side is side), ZERO)


def slipped(side: Side, worst: Decimal, mark: Decimal) -> Decimal:
    """What a fill at the worst price loses against the mark; a limit on the good side of it gains nothing yet."""
    return max(side.sign * (worst - mark), ZERO)


# --- gates that refuse: True = the order may go on -------------------------------------------------------------------


def whole_lot(case: Case) -> bool:
    whole = case.order.effect.reduces and case.order.quantity == abs(case.held)
    return case.order.quantity > 0 and (whole or case.order.quantity % case.thing.lot == 0)


def in_universe(case: Case) -> bool:
    return not case.mandate.universe or case.order.symbol in case.mandate.universe


def state_allows(case: Case) -> bool:
    past = case.seen.history
    states = {past.state, dict(past.symbol_states).get(case.order.symbol, TradingState.ACTIVE)}
    if TradingState.HALTED in states:
        return False
    return not (case.enters and TradingState.REDUCING in states)


def latch_allows(case: Case) -> bool:
    past = case.seen.history
    latched = past.daily_loss_latched or past.drawdown_halt_latched or past.decider_failures_in_row >= 3
    return not case.enters or not (latched or past.refused_share_5_cycles > Decimal("0.5"))


def day_loss_allows(limit: Decimal) -> Callable[[Case], bool]:
    def allows(case: Case) -> bool:
        past = case.seen.history
        if not case.enters:
            return True
        if past.nlv_open is None:
            # An account that never traded has lost nothing; any other must know its opening value.
            return not past.has_traded
        loss = past.nlv_open + past.flows_today - net_liquidation(case.seen)
        return loss < cents(limit * past.nlv_open)

    return allows


def drawdown_allows(case: Case) -> bool:
    past = case.seen.history
    if not case.enters:
        return True
    if past.unit_value is None or past.peak_unit_value is None:
        return False
    return past.unit_value / past.peak_unit_value - 1 > Decimal("-0.25")


def not_while_cutting(limit: Decimal) -> Callable[[Case], bool]:
    """In the cycle that cuts every position nothing new is opened."""

    def allows(case: Case) -> bool:
        past = case.seen.history
        if not case.enters or past.drawdown_latched:
            return True
        if past.unit_value is None or past.peak_unit_value is None:
            return False
        return past.unit_value / past.peak_unit_value - 1 > -limit

    return allows


def market_is_open(case: Case) -> bool:
    return case.seen.market_open and case.quote.market_open


def quote_is_fresh(case: Case) -> bool:
    return not case.enters or (case.quote.age_seconds is not None and case.quote.age_seconds <= FRESH_SECONDS)


def spread_is_sane(case: Case) -> bool:
    bid, ask = case.quote.bid, case.quote.ask
    if not case.enters:
        return True
    if bid is None or ask is None:
        return False
    return bid <= ask and (ask - bid) / ((ask + bid) / 2) <= Decimal("0.05")


def market_order_is_tight(case: Case) -> bool:
    """The planner turns market orders on wide quotes into limit orders; one that was not turned may not go."""
    bid, ask = case.quote.bid, case.quote.ask
    if case.order.type is not OrderType.MARKET or bid is None or ask is None:
        return not case.enters or bid is not None
    return (ask - bid) / ((ask + bid) / 2) <= Decimal("0.01")


def jump_is_small(case: Case) -> bool:
    before, price = case.quote.previous_close, case.quote.price
    if before is None or price is None:
        return not case.enters
    # A jump that looks like a split locks the symbol for exits too: its quantity may be wrong.
    return abs(price / before - 1) <= (Decimal("0.20") if case.enters else Decimal("0.35"))


def price_is_not_a_penny(case: Case) -> bool:
    if not case.enters or case.thing.kind is not InstrumentKind.STOCK:
        return True
    if all(quote.level is None for quote in case.seen.quotes):
        # Where no levels exist at all, the price is the level.
        return case.quote.price is not None and case.quote.price > 5
    levels = (case.quote.level, case.quote.previous_level)
    return all(level is not None and level > 5 for level in levels)


def is_liquid(case: Case) -> bool:
    if not case.enters:
        return True
    dollars = case.quote.adv_dollars
    return dollars is not None and dollars > 100_000 and case.quote.adv_sessions >= 15


def limit_is_near(away: Decimal) -> Callable[[Case], bool]:
    def allows(case: Case) -> bool:
        if case.order.type is not OrderType.LIMIT or case.order.limit_price is None:
            return True
        assert case.quote.price is not None
        return abs(case.order.limit_price / case.quote.price - 1) <= away

    return allows


def sells_what_is_held(case: Case) -> bool:
    if case.order.effect is not Effect.CLOSE:
        return True
    taken = pending(case.seen, case.order.symbol, Side.SELL) + case.tally.sales.get(case.order.symbol, ZERO)
    return case.order.quantity + taken <= max(case.held, ZERO)


def covers_what_is_short(case: Case) -> bool:
    if case.order.effect is not Effect.COVER:
        return True
    taken = pending(case.seen, case.order.symbol, Side.BUY) + case.tally.purchases.get(case.order.symbol, ZERO)
    return case.order.quantity + taken <= max(-case.held, ZERO)


def shorts_only_if_allowed(case: Case) -> bool:
    return case.order.effect is not Effect.SHORT or case.mandate.planning.allow_short


def does_not_cross_itself(case: Case) -> bool:
    """No open order of the account, by whomever, stands on the other side."""
    live = [order for order in case.seen.snapshot.open_orders if order.symbol == case.order.symbol]
    return all(order.side is case.order.side for order in live)


def has_nothing_open(case: Case) -> bool:
    return all(order.symbol != case.order.symbol for order in case.seen.snapshot.open_orders if order.ours)


def is_no_duplicate(case: Case) -> bool:
    return not any(
        recent.symbol == case.order.symbol
        and recent.side is case.order.side
        and recent.quantity == case.order.quantity
        and (case.seen.as_of - recent.at).total_seconds() < 60
        for recent in case.seen.history.recent_orders
    )


def symbol_is_settled(case: Case) -> bool:
    unknown = case.seen.history.unknown_symbols
    return case.order.symbol not in unknown and not (case.enters and len(unknown) >= 3)


def within_day_count(limit: int) -> Callable[[Case], bool]:
    return lambda case: not case.enters or case.seen.history.trades_today + case.tally.accepted + 1 <= limit


def within_cycle_count(limit: int) -> Callable[[Case], bool]:
    return lambda case: not case.enters or case.tally.entries + 1 <= limit


def within_order_size(limit: Decimal) -> Callable[[Case], bool]:
    return lambda case: case.order.forced or cents(case.order.quantity * case.worst) <= limit


def within_half(case: Case) -> bool:
    return within_order_size(net_liquidation(case.seen) / 2)(case)


def held_long_enough(days: int) -> Callable[[Case], bool]:
    def allows(case: Case) -> bool:
        if case.order.forced or case.enters or days == 0:
            return True
        opened = next((p.opened for p in case.seen.snapshot.positions if p.symbol == case.order.symbol), None)
        return opened is not None and (case.seen.as_of - opened).days >= days

    return allows


def entry_gate(key: str, limit: Decimal) -> Callable[[Case], bool]:
    """A condition on what may be bought, as a user writes it; at the limit it holds."""

    def allows(case: Case) -> bool:
        seen = {"rsi": case.quote.rsi_14, "price": case.quote.level, "adv": case.quote.adv_dollars}
        value = next(v for name, v in seen.items() if name in key)
        if value is None:
            return False
        return value >= limit if "min" in key else value <= limit

    return allows
