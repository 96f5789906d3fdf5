"""A second set of guards, written from the catalogue's words alone in exact decimals: one order after the other.

Readings where the catalogue leaves room: a position that is closed whole may be an odd lot; a sector limit of 1.00
is off; the slip of sales lowers net liquidation as the slip of purchases does; cash that only this batch's sales
would bring is counted at their reference price, for orders that then wait for those sales.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal, localcontext

from tests.oracle.caps import (
    Fits,
    cash_floor,
    cash_not_negative,
    gross_cap,
    participation,
    position_cap,
    position_count,
    position_dollars,
    sector_cap,
    turnover_allows,
    turnover_cap,
)
from tests.oracle.gates import (
    Case,
    Tally,
    can_be_priced,
    covers_what_is_short,
    day_loss_allows,
    does_not_cross_itself,
    drawdown_allows,
    entry_gate,
    has_nothing_open,
    held_long_enough,
    in_universe,
    is_liquid,
    is_no_duplicate,
    jump_is_small,
    latch_allows,
    limit_is_near,
    mark_of,
    market_is_open,
    market_order_is_tight,
    net_liquidation,
    not_while_cutting,
    pending,
    price_is_not_a_penny,
    quote_is_fresh,
    sells_what_is_held,
    shorts_only_if_allowed,
    slipped,
    spread_is_sane,
    state_allows,
    symbol_is_settled,
    whole_lot,
    within_cycle_count,
    within_day_count,
    within_half,
    within_order_size,
    worst_price,
)
from tests.oracle.planner import DIGITS, ONE, ZERO, cents

from prudent.domain.accounts import AccountClass
from prudent.domain.cycles import Observation
from prudent.domain.mandate import Mandate
from prudent.domain.orders import Side
from prudent.domain.plans import PlannedOrder
from prudent.domain.rules import UserRule
from prudent.guards.feeds import ALL_FEEDS

LEAST_AFTER_CLIP = Decimal(100)
DAY_TRADES_MAX = 200
# Gates that have nothing to say where their input does not exist at all.
NEEDS = {
    "D04": "market_hours", "D05": "age", "D06": "spread", "D08": "previous_close", "D10": "spread", "D12": "volume",
    "D13": "volume", "P09": "sector", "P18": "counts", "P20": "history",
    "R01": "counts", "X01": "history", "X02": "history", "X03": "history",
}  # fmt: skip
# Once an order may cost nobody knows what, nobody knows what cash remains.
UNKNOWN_CASH = Decimal("-Infinity")


@dataclass(frozen=True, slots=True, kw_only=True)
class Ruling:
    """What may go of one order, whether it waits for sales, and the gates that refused or shrank it."""

    order_ref: str
    quantity: Decimal
    waits: bool
    gates: tuple[str, ...]


# --- the list, in passes ---------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Pass:
    """One layer: gates that refuse, gates that shrink, and of these the ones that only lack cash."""

    refuse: tuple[tuple[str, Callable[[Case], bool]], ...] = ()
    shrink: tuple[tuple[str, Fits], ...] = ()
    cash: tuple[tuple[str, Fits], ...] = ()


def with_input(layer: Pass, feeds: frozenset[str]) -> Pass:
    def told(name: str) -> bool:
        return name not in NEEDS or NEEDS[name] in feeds

    return Pass(
        refuse=tuple(gate for gate in layer.refuse if told(gate[0])),
        shrink=tuple(gate for gate in layer.shrink if told(gate[0])),
        cash=layer.cash,
    )


def platform(mandate: Mandate) -> Pass:
    autonomous = mandate.account_class is AccountClass.AUTONOMOUS
    reserve = Decimal("0.10") if autonomous else ZERO
    half = (("P12", within_half),) if autonomous else ()
    return Pass(
        refuse=(
            ("state", state_allows), ("latch", latch_allows), ("D01", whole_lot), ("D03", in_universe),
            ("D04", market_is_open), ("D05", quote_is_fresh), ("D06", spread_is_sane),
            ("D10", market_order_is_tight), ("D08", jump_is_small),
            ("D09", limit_is_near(Decimal("0.10"))), ("D11", price_is_not_a_penny), ("D12", is_liquid),
            ("P04", sells_what_is_held), ("P05", covers_what_is_short), ("P06", shorts_only_if_allowed),
            ("P18", within_day_count(DAY_TRADES_MAX)), ("P23", does_not_cross_itself), ("R01", is_no_duplicate),
            ("R01", has_nothing_open), *half,
            ("R04", symbol_is_settled), ("X01", day_loss_allows(Decimal("0.02"))),
            ("X02", not_while_cutting(mandate.limits.drawdown_cut)), ("X03", drawdown_allows),
        ),
        shrink=(("D13", participation), *((("P07", position_cap(Decimal("0.5"))),) if autonomous else ())),
        cash=(("P01", cash_not_negative), ("P02", cash_floor(reserve))),
    )  # fmt: skip


def account(mandate: Mandate) -> Pass:
    """The owner's limits; an autonomous account without its own has a fifth a position and two fifths a sector."""
    limits = mandate.limits
    position, sector = limits.max_position_weight, limits.max_sector_weight
    if mandate.account_class is AccountClass.AUTONOMOUS:
        position = Decimal("0.20") if position is None else position
        sector = Decimal("0.40") if sector is None else sector
    shrink: list[tuple[str, Fits]] = [
        ("P11", gross_cap(limits.max_gross_exposure)),
        ("P16", turnover_cap(limits.max_turnover_per_cycle)),
    ]
    if position is not None:
        shrink.append(("P08", position_cap(position)))
    if sector is not None and sector < ONE:
        shrink.append(("P09", sector_cap(sector)))
    sizes = () if limits.max_order_notional is None else (("P12", within_order_size(limits.max_order_notional)),)
    return Pass(
        refuse=(
            ("D09", limit_is_near(Decimal("0.05"))),
            ("P16", turnover_allows(limits.max_turnover_per_cycle)),
            ("P17", within_cycle_count(limits.max_trades_per_cycle)),
            ("P18", within_day_count(limits.max_trades_per_day)),
            ("X01", day_loss_allows(min(limits.max_daily_loss, Decimal("0.02")))),
            *sizes,
        ),
        shrink=tuple(shrink),
        cash=(("P03", cash_floor(limits.cash_min)),) if limits.cash_min > 0 else (),
    )


def strategy(mandate: Mandate, seen: Observation) -> Pass:
    """The strategy's limits; its count of trades doubles while more than four fifths of the account are cash."""
    own = mandate.strategy_limits
    times = 2 if seen.snapshot.cash / net_liquidation(seen) > Decimal("0.80") else 1
    shrink: tuple[tuple[str, Fits], ...] = ()
    if own.max_position_weight is not None:
        shrink = (("P08", position_cap(own.max_position_weight)),)
    count = () if own.max_trades_per_cycle is None else (("P17", within_cycle_count(own.max_trades_per_cycle * times)),)
    return Pass(refuse=(("P20", held_long_enough(own.min_holding_days)), *count), shrink=shrink)


def applies(rule: UserRule, case: Case) -> bool:
    symbol = case.order.symbol
    if not rule.is_active or symbol in rule.exclude_symbols:
        return False
    named = not rule.applies_to_symbols or symbol in rule.applies_to_symbols
    return named and (not rule.applies_to_assets or case.thing.kind.value in rule.applies_to_assets)


def user(rules: Sequence[UserRule]) -> Pass:
    """User rules meet entries only; percents are as users write them, 10 means a tenth."""
    refuse: list[tuple[str, Callable[[Case], bool]]] = []
    shrink: list[tuple[str, Fits]] = []
    cash: list[tuple[str, Fits]] = []
    for rule in rules:
        for key, raw in rule.enforcement_params.items():
            name = f"{rule.rule_id}.{key}"
            if key == "approved_symbols":
                refuse.append((name, _when(rule, _approved(raw))))
                continue
            value = Decimal(str(raw))
            if key == "max_position_pct":
                shrink.append((name, _fit(rule, position_cap(value / 100))))
            elif key == "max_position_dollars":
                shrink.append((name, _fit(rule, position_dollars(value))))
            elif key == "min_cash_reserve_pct":
                cash.append((name, _fit(rule, cash_floor(value / 100))))
            elif key == "max_positions":
                shrink.append((name, _fit(rule, position_count(int(value)))))
            elif key == "max_trades_per_session":
                refuse.append((name, _when(rule, within_day_count(int(value)))))
            else:
                refuse.append((name, _when(rule, entry_gate(key, value))))
    return Pass(refuse=tuple(refuse), shrink=tuple(shrink), cash=tuple(cash))


def _when(rule: UserRule, gate: Callable[[Case], bool]) -> Callable[[Case], bool]:
    return lambda case: not case.enters or not applies(rule, case) or gate(case)


def _fit(rule: UserRule, gate: Fits) -> Fits:
    return lambda case, quantity: not applies(rule, case) or gate(case, quantity)


def _approved(raw: object) -> Callable[[Case], bool]:
    names = set(raw) if isinstance(raw, list) else {part.strip() for part in str(raw).split(",")}
    return lambda case: case.order.symbol in names


# --- judging ---------------------------------------------------------------------------------------------------------


def opening_tally(seen: Observation) -> Tally:
    """The worst book before the batch: every open buy paid at its worst, no open sale counted."""
    quotes = {quote.symbol: quote for quote in seen.quotes}
    tally = Tally(cash=seen.snapshot.cash, nlv=net_liquidation(seen))
    held = {position.symbol: position.quantity for position in seen.snapshot.positions}
    for thing in seen.instruments:
        symbol = thing.symbol
        tally.high[symbol] = held.get(symbol, ZERO) + pending(seen, symbol, Side.BUY)
        tally.low[symbol] = held.get(symbol, ZERO) - pending(seen, symbol, Side.SELL)
        for order in seen.snapshot.open_orders:
            if order.symbol == symbol:
                if order.side is Side.BUY and order.limit_price is None and not can_be_priced(seen, quotes[symbol]):
                    tally.cash = UNKNOWN_CASH
                worst = worst_price(seen, quotes[symbol], order.side, order.limit_price) * thing.multiplier
                mark = mark_of(seen, thing)
                tally.nlv -= slipped(order.side, cents(order.remaining * worst), cents(order.remaining * mark))
                tally.cash -= cents(order.remaining * worst) if order.side is Side.BUY else ZERO
    return tally


def accept(case: Case, quantity: Decimal) -> None:
    """Move the worst book on."""
    tally, order = case.tally, case.order
    value = cents(quantity * case.mark)
    tally.nlv = case.nlv_after(quantity)
    tally.cash = case.cash_after(quantity)
    if order.side is Side.BUY and order.limit_price is None and not can_be_priced(case.seen, case.quote):
        tally.cash = UNKNOWN_CASH
    tally.accepted += 1
    tally.entries += case.enters
    if order.side is Side.BUY:
        tally.high[order.symbol] += quantity
        tally.purchases[order.symbol] = tally.purchases.get(order.symbol, ZERO) + quantity
        tally.bought += ZERO if order.forced else value
    else:
        tally.low[order.symbol] -= quantity
        tally.sales[order.symbol] = tally.sales.get(order.symbol, ZERO) + quantity
        tally.sold += ZERO if order.forced else value


def most_lots(case: Case, fits: Sequence[tuple[str, Fits]]) -> Decimal:
    """The largest whole-lot quantity up to the order's that every gate lets through; gates only get tighter."""
    low, high = 0, int(case.order.quantity / case.thing.lot)
    while low < high:
        middle = (low + high + 1) // 2
        if all(fit(case, middle * case.thing.lot) for _name, fit in fits):
            low = middle
        else:
            high = middle - 1
    return low * case.thing.lot


def judge_one(case: Case, gates: Pass) -> Ruling:
    """One order in one pass; the tally moves on when something may go."""
    ref, quantity = case.order.order_ref, case.order.quantity
    refused = tuple(name for name, allows in gates.refuse if not allows(case))
    if refused:
        return Ruling(order_ref=ref, quantity=ZERO, waits=False, gates=refused)
    if not case.enters:
        accept(case, quantity)
        promise(case)
        return Ruling(order_ref=ref, quantity=quantity, waits=False, gates=())
    every = (*gates.shrink, *gates.cash)
    allowed = most_lots(case, every)
    later = most_lots(replace(case, after_sales=True), every) if allowed < quantity else allowed
    allowed = max(later, allowed)
    shrunk = tuple(name for name, fit in every if not fit(case, quantity))
    if allowed < quantity and cents(allowed * case.mark) < LEAST_AFTER_CLIP:
        allowed = ZERO
    if allowed > 0:
        accept(case, allowed)
    return Ruling(order_ref=ref, quantity=allowed, waits=False, gates=shrunk)


def rulings(
    seen: Observation, orders: Sequence[PlannedOrder], mandate: Mandate, *, feeds: frozenset[str] = ALL_FEEDS
) -> tuple[Ruling, ...]:
    """All layers over the whole batch, each taking the quantities so far as ceilings; then once more what sales free.

    Only after every layer is it known which sales may go, and so what they promise and who has to wait for them.
    """
    with localcontext() as context:
        context.prec = DIGITS
        so_far = {
            order.order_ref: Ruling(order_ref=order.order_ref, quantity=order.quantity, waits=False, gates=())
            for order in orders
        }
        if not all(lock.satisfied for lock in seen.interlocks):
            return tuple(replace(ruling, quantity=ZERO, gates=("mode",)) for ruling in so_far.values())
        every = (platform(mandate), account(mandate), user(seen.rules), strategy(mandate, seen))
        layers = [with_input(layer, feeds) for layer in every]
        for layer in layers:
            for case in _cases(seen, orders, mandate, dict(so_far)):
                ref = case.order.order_ref
                ruling = judge_one(case, layer)
                so_far[ref] = replace(ruling, gates=(*so_far[ref].gates, *ruling.gates))
        _count_sales(_cases(seen, orders, mandate, dict(so_far)), layers, so_far)
        return tuple(so_far[order.order_ref] for order in orders)


def _cases(
    seen: Observation, orders: Sequence[PlannedOrder], mandate: Mandate, so_far: Mapping[str, Ruling]
) -> Iterator[Case]:  # fmt: skip
    """The orders that may still go, at the quantities so far, over one tally."""
    tally = opening_tally(seen)
    quotes = {quote.symbol: quote for quote in seen.quotes}
    things = {thing.symbol: thing for thing in seen.instruments}
    held = {position.symbol: position.quantity for position in seen.snapshot.positions}
    for order in orders:
        if so_far[order.order_ref].quantity > 0:
            yield Case(
                seen=seen, mandate=mandate, order=replace(order, quantity=so_far[order.order_ref].quantity),
                tally=tally, quote=quotes[order.symbol], thing=things[order.symbol],
                held=held.get(order.symbol, ZERO),
            )  # fmt: skip


def _count_sales(cases: Iterator[Case], layers: Sequence[Pass], so_far: dict[str, Ruling]) -> None:
    """An order waits if some gate lets its quantity through only after the sales that may go before it."""
    every = [fit for layer in layers for fit in (*layer.shrink, *layer.cash)]
    for case in cases:
        ref, quantity = case.order.order_ref, case.order.quantity
        if not case.enters:
            accept(case, quantity)
            promise(case)
            continue
        sure = most_lots(case, every)
        allowed = max(sure, most_lots(replace(case, after_sales=True), every)) if sure < quantity else sure
        if allowed < quantity and cents(allowed * case.mark) < LEAST_AFTER_CLIP:
            allowed = ZERO
        so_far[ref] = replace(so_far[ref], quantity=allowed, waits=allowed > sure)
        if allowed > 0:
            accept(case, allowed)


def promise(case: Case) -> None:
    """What the order frees once it is done: the position, and for a sale its money at the mark."""
    order, tally = case.order, case.tally
    tally.freed[order.symbol] = tally.freed.get(order.symbol, ZERO) - order.side.sign * order.quantity
    if order.side is Side.SELL:
        tally.promised += cents(order.quantity * case.mark)
